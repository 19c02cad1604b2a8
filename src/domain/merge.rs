//! Deep merging of JSON, by which votes are gathered in `businessStatus`.

use crate::domain::json::Json;

/// Merges `new` into `old`: objects key by key, lists end to end, anything else is replaced.
///
/// The rule is openIMIS' (resolveTask).
pub fn merge(old: &mut Json, new: Json) {
    match (old, new) {
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in new {
                match old.get_mut(&key) {
                    Some(present) => merge(present, value),
                    None => {
                        old.insert(key, value);
                    }
                }
            }
        }
        (Json::Array(old), Json::Array(mut new)) => old.append(&mut new),
        (old, new) => *old = new,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn merged(old: Value, new: Value) -> Json {
        let mut old = old.into();
        merge(&mut old, new.into());
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
