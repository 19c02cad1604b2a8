//! Deep merging of JSON, as votes are gathered in `businessStatus`.

use serde_json::Value;

/// Merges `new` into `old`: objects key by key, lists end to end, anything else is replaced.
///
/// The rule is openIMIS' (resolveTask).
pub fn merge(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                match old.get_mut(&key) {
                    Some(present) => merge(present, value),
                    None => {
                        old.insert(key, value);
                    }
                }
            }
        }
        (Value::Array(old), Value::Array(mut new)) => old.append(&mut new),
        (old, new) => *old = new,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(mut old: Value, new: Value) -> Value {
        merge(&mut old, new);
        old
    }

    #[test]
    fn objects_merge_deeply_lists_join_and_the_rest_is_replaced() {
        assert_eq!(
            merged(json!({"a": {"x": [1]}}), json!({"a": {"x": [2], "y": 1}})),
            json!({"a": {"x": [1, 2], "y": 1}})
        );
        assert_eq!(merged(json!({"a": "APPROVED"}), json!({"a": "FAILED"})), json!({"a": "FAILED"}));
        assert_eq!(merged(json!({"a": [1]}), json!({"a": {"b": 1}})), json!({"a": {"b": 1}}));
        assert_eq!(merged(json!(null), json!({"a": 1})), json!({"a": 1}));
    }
}
