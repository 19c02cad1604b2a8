//! Compares an answer with the expectations of a case.

use serde_json::Value;

use super::bindings::Bindings;
use super::case::{Errors, Expect, OneOrMany};
use super::matcher::{Matcher, brief};
use super::session::Reply;

/// The differences in HTTP status and in the presence of errors.
pub fn status_diff(expect: &Expect, reply: &Reply) -> Vec<String> {
    let allowed = expect.status.as_ref().map_or(&[200][..], OneOrMany::values);
    let mut lines = Vec::new();
    if !allowed.contains(&reply.status) {
        lines.push(format!("HTTP {}, want {allowed:?}: {}", reply.status, brief(&reply.body)));
    }
    lines.extend(errors_diff(&expect.errors, reply));
    lines
}

/// The differences in data, body and cookies.
pub fn body_diff(expect: &Expect, reply: &Reply, bindings: &mut Bindings) -> Vec<String> {
    let mut lines = Vec::new();
    for (want, got) in [(&expect.data, reply.data()), (&expect.body, &reply.body)] {
        if let Some(want) = want {
            lines.extend(Matcher::of(expect, bindings).diff(want, got, ""));
        }
    }
    for (name, attributes) in &expect.set_cookie {
        let set = reply.set_cookie.get(name);
        let missing = |wanted: &&String| !set.is_some_and(|set| set.contains(&wanted.to_lowercase()));
        lines.extend(
            attributes
                .iter()
                .filter(missing)
                .map(|wanted| format!("cookie {name}: want {wanted}, got {set:?}")),
        );
    }
    lines
}

fn errors_diff(wanted: &Errors, reply: &Reply) -> Option<String> {
    let errors = reply.errors();
    match wanted {
        Errors::Any => None,
        Errors::None => {
            (!errors.is_empty()).then(|| format!("unexpected errors {}", brief(&Value::from(errors))))
        }
        _ if errors.is_empty() => Some(format!("no errors in {}", brief(&reply.body))),
        Errors::Some => {
            let holds_data =
                reply.data().as_object().is_some_and(|data| data.values().any(|field| !field.is_null()));
            holds_data.then(|| format!("errors, yet data {}", brief(reply.data())))
        }
        Errors::At(paths) => {
            let got = sorted(errors.iter().map(|error| &error["path"]));
            (got != sorted(paths.iter())).then(|| format!("errors at {got:?}, want {paths:?}"))
        }
    }
}

fn sorted<'a>(paths: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut texts: Vec<String> = paths.map(Value::to_string).collect();
    texts.sort();
    texts
}

mod tests {
    use serde_json::json;

    use super::*;

    fn lines(expect: Value, status: u16, body: Value) -> usize {
        let expect: Expect = serde_json::from_value(expect).expect("the test's expectation is well formed");
        let set_cookie = [("JWT".to_owned(), " path=/; httponly".to_owned())].into();
        let reply = Reply { status, body, set_cookie };
        status_diff(&expect, &reply).len() + body_diff(&expect, &reply, &mut Bindings::default()).len()
    }

    #[test]
    fn the_status_is_200_or_one_of_those_named() {
        assert_eq!(lines(json!({}), 200, json!({})), 0);
        assert_eq!(lines(json!({}), 400, json!({})), 1);
        assert_eq!(lines(json!({"status": [200, 400]}), 400, json!({})), 0);
        assert_eq!(lines(json!({"status": 401}), 403, json!({})), 1);
    }

    #[test]
    fn errors_must_be_there_or_not() {
        let both = json!({"errors": [{"message": "m", "path": ["a"]}], "data": {"a": null, "b": 1}});
        let failed = json!({"errors": [{"message": "m", "path": ["a"]}], "data": {"a": null}});
        let refused = json!({"errors": [{"message": "m"}]});
        assert_eq!(lines(json!({}), 200, failed.clone()), 1);
        assert_eq!(lines(json!({"errors": "any"}), 200, failed.clone()), 0);
        assert_eq!(lines(json!({"errors": "any"}), 200, json!({})), 0);
        assert_eq!(lines(json!({"errors": true}), 200, json!({"data": {}})), 1);
        assert_eq!(lines(json!({"errors": true}), 200, failed.clone()), 0);
        assert_eq!(lines(json!({"errors": true}), 200, refused.clone()), 0);
        assert_eq!(lines(json!({"errors": true}), 200, both.clone()), 1);
        assert_eq!(lines(json!({"errors": [["a"]]}), 200, both), 0);
        assert_eq!(lines(json!({"errors": [["b"]]}), 200, failed), 1);
        assert_eq!(lines(json!({"errors": [["a"]]}), 200, refused), 1);
    }

    #[test]
    fn data_body_and_cookies_are_compared_where_expected() {
        let body = json!({"data": {"a": 1}});
        assert_eq!(lines(json!({"data": {"a": 1}}), 200, body.clone()), 0);
        assert_eq!(lines(json!({"data": {"a": 2}}), 200, body.clone()), 1);
        assert_eq!(lines(json!({"data": null}), 200, body.clone()), 1);
        assert_eq!(lines(json!({"body": {"data": {"a": 1}}}), 200, body.clone()), 0);
        assert_eq!(lines(json!({"body": {}}), 200, body.clone()), 1);
        assert_eq!(lines(json!({"set_cookie": {"JWT": ["HttpOnly", "Path=/"]}}), 200, body.clone()), 0);
        assert_eq!(lines(json!({"set_cookie": {"JWT": ["Secure"], "other": ["Path=/"]}}), 200, body), 2);
    }
}
