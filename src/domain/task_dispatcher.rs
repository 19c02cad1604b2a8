//! Dispatchers: which events they act on, and what they do. An event is judged by the document that tells of it.

use std::cmp::Ordering;

use serde::{Deserialize, Deserializer, Serialize};

use super::json::Json;
use super::mail::MailRecipient;
use super::text::{check_json, check_text};
use super::text_enum::text_enum;
use crate::error::{Error, Result};
use crate::message::Message;

/// How many conditions a dispatcher may have.
pub const MOST_CONDITIONS: usize = 20;
/// How many actions a dispatcher may have.
pub const MOST_ACTIONS: usize = 10;
/// How many addresses a mail of a dispatcher may go to.
pub const MOST_ADDRESSES: usize = 20;
/// How many bytes the value of a condition may have.
pub const VALUE_BYTES: usize = 4 * 1024;
/// The longest path of a condition, in characters.
const LONGEST_PATH: usize = 500;
/// How deep a path may lead.
const DEEPEST_PATH: usize = 32;
/// The longest address of a mail, in characters.
const LONGEST_ADDRESS: usize = 254;

text_enum! {
    /// How a condition compares what stands in an event with its own value.
    pub enum DispatchOp {
        /// Both are equal; numbers by their values.
        Eq = "EQ",
        /// Not both are equal; also where nothing stands.
        Ne = "NE",
        /// The event's is less.
        Lt = "LT",
        /// The event's is less or equal.
        Lte = "LTE",
        /// The event's is greater.
        Gt = "GT",
        /// The event's is greater or equal.
        Gte = "GTE",
        /// The event's is one of a list.
        In = "IN",
        /// Something stands there that is not null; for the value `false`, nothing does.
        Exists = "EXISTS",
    }
}

text_enum! {
    /// What a dispatcher does.
    pub enum DispatchActionKind {
        /// Mails go to people and addresses.
        Mail = "MAIL",
        /// A function runs.
        Function = "FUNCTION",
    }
}

/// What must hold of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DispatchCondition {
    /// Where to look: a JSON pointer (RFC 6901).
    pub path: String,
    /// How to compare.
    pub op: DispatchOp,
    /// What to compare with, which may be null. Only [`DispatchOp::Exists`] can do without.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
}

/// Reads a value that stands there: null is one, too.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// What is done about an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DispatchAction {
    /// What it is.
    pub kind: DispatchActionKind,
    /// Of a mail, the name of the template.
    #[serde(default)]
    pub template: Option<String>,
    /// Of a mail, the people who get it, by what they are to the task.
    #[serde(default)]
    pub recipients: Vec<MailRecipient>,
    /// Of a mail, the addresses that get it.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Of a function, its name.
    #[serde(default)]
    pub function_name: Option<String>,
    /// Of a function, the priority of its runs; as the function says, if it is missing.
    #[serde(default)]
    pub priority: Option<i64>,
}

impl DispatchAction {
    /// Has this function run.
    #[must_use]
    pub fn function(name: impl Into<String>) -> Self {
        Self {
            kind: DispatchActionKind::Function,
            template: None,
            recipients: Vec::new(),
            addresses: Vec::new(),
            function_name: Some(name.into()),
            priority: None,
        }
    }
}

impl DispatchCondition {
    /// Whether it holds of this document.
    #[must_use]
    pub fn holds(&self, document: &Json) -> bool {
        let (found, value) = (pointed(document, &self.path), self.value.as_ref().unwrap_or(&Json::Null));
        let ordered =
            |wanted: fn(Ordering) -> bool| found.and_then(|found| order(found, value)).is_some_and(wanted);
        match self.op {
            DispatchOp::Eq => found.is_some_and(|found| are_equal(found, value)),
            DispatchOp::Ne => !found.is_some_and(|found| are_equal(found, value)),
            DispatchOp::Lt => ordered(Ordering::is_lt),
            DispatchOp::Lte => ordered(Ordering::is_le),
            DispatchOp::Gt => ordered(Ordering::is_gt),
            DispatchOp::Gte => ordered(Ordering::is_ge),
            DispatchOp::In => found.is_some_and(|found| {
                value.as_array().is_some_and(|items| items.iter().any(|item| are_equal(found, item)))
            }),
            DispatchOp::Exists => {
                let is_wanted = value.as_bool().unwrap_or(true);
                found.is_some_and(|found| !found.is_null()) == is_wanted
            }
        }
    }

    /// Refuses a path that is no JSON pointer, and a value that is missing or that nothing can be compared with in this way.
    ///
    /// # Errors
    /// VALIDATION, naming the field.
    pub fn check(&self) -> Result<()> {
        const FIELD: &str = "when";
        check_text(FIELD, &self.path, LONGEST_PATH)?;
        if !is_pointer(&self.path) {
            let message = Message::new("bad-pointer").with("path", self.path.as_str());
            return Err(Error::validation(FIELD, message.with("max", DEEPEST_PATH)));
        }
        let value = match &self.value {
            Some(value) => value,
            None if self.op == DispatchOp::Exists => return Ok(()),
            None => {
                let message = Message::new("condition-without-value").with("op", self.op.as_str());
                return Err(Error::validation(FIELD, message));
            }
        };
        check_json(FIELD, value, VALUE_BYTES)?;
        let fits = match self.op {
            DispatchOp::Eq | DispatchOp::Ne => true,
            DispatchOp::Lt | DispatchOp::Lte | DispatchOp::Gt | DispatchOp::Gte => {
                matches!(value, Json::Number(_) | Json::String(_))
            }
            DispatchOp::In => matches!(value, Json::Array(_)),
            DispatchOp::Exists => matches!(value, Json::Null | Json::Bool(_)),
        };
        if fits {
            return Ok(());
        }
        Err(Error::validation(FIELD, Message::new("bad-condition-value").with("op", self.op.as_str())))
    }
}

/// What stands at a JSON pointer in a document; none if nothing does.
fn pointed<'a>(document: &'a Json, pointer: &str) -> Option<&'a Json> {
    pointer.split('/').skip(1).try_fold(document, |at, token| match at {
        Json::Object(map) => map.get(&token.replace("~1", "/").replace("~0", "~")),
        Json::Array(items) => {
            let is_index = token == "0" || !token.starts_with(['0', '+']);
            items.get(token.parse::<usize>().ok().filter(|_| is_index)?)
        }
        _ => None,
    })
}

fn is_pointer(path: &str) -> bool {
    let is_escaped = |token: &str| token.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    path.is_empty()
        || (path.starts_with('/')
            && path.split('/').count() <= DEEPEST_PATH + 1
            && path.split('/').all(is_escaped))
}

/// Whether both are equal: numbers by their values, so that `1` equals `1.0`.
fn are_equal(found: &Json, value: &Json) -> bool {
    match (found, value) {
        (Json::Number(found), Json::Number(value)) => found.order(value) == Some(Ordering::Equal),
        _ => found == value,
    }
}

/// How two numbers, or two texts, stand to each other; none for anything else. Moments are texts that stand in their order.
fn order(found: &Json, value: &Json) -> Option<Ordering> {
    match (found, value) {
        (Json::Number(found), Json::Number(value)) => found.order(value),
        (Json::String(found), Json::String(value)) => Some(found.cmp(value)),
        _ => None,
    }
}

/// Refuses what can't be the address of a mail.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_address(field: &str, address: &str) -> Result<()> {
    check_text(field, address, LONGEST_ADDRESS)?;
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || "<>()[]\\,;:\"".contains(c);
    let parts = address.split_once('@').filter(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !address.contains(is_bad)
    });
    match parts {
        Some(_) => Ok(()),
        None => Err(Error::validation(field, Message::new("bad-address").with("address", address))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn condition(path: &str, op: DispatchOp, value: Value) -> DispatchCondition {
        DispatchCondition { path: path.to_owned(), op, value: Some(value.into()) }
    }

    fn holds(document: &Value, path: &str, op: DispatchOp, value: Value) -> bool {
        condition(path, op, value).holds(&document.clone().into())
    }

    #[test]
    fn pointers_lead_to_what_the_specification_says() {
        let document = Json::from(json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8, "~1": 9,
        }));
        for (pointer, expected) in [
            ("/foo/0", json!("bar")),
            ("/foo/1", json!("baz")),
            ("/", json!(0)),
            ("/a~1b", json!(1)),
            ("/c%d", json!(2)),
            ("/e^f", json!(3)),
            ("/i\\j", json!(5)),
            ("/k\"l", json!(6)),
            ("/ ", json!(7)),
            ("/m~0n", json!(8)),
            ("/~01", json!(9)),
        ] {
            assert_eq!(pointed(&document, pointer), Some(&Json::from(expected)), "{pointer}");
        }
        assert_eq!(pointed(&document, ""), Some(&document));
        for nothing in
            ["/foo/2", "/foo/-", "/foo/00", "/foo/+0", "/foo/99999999999999999999", "/foo/0/x", "/none"]
        {
            assert_eq!(pointed(&document, nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_no_pointer_or_leads_too_deep_is_refused() {
        for good in ["", "/", "/a~1b/~0", &"/x".repeat(DEEPEST_PATH)] {
            assert!(condition(good, DispatchOp::Exists, Value::Null).check().is_ok(), "{good}");
        }
        let long = format!("/{}", "x".repeat(LONGEST_PATH));
        for bad in ["data", "/~", "/~2", "/a~", &"/x".repeat(DEEPEST_PATH + 1), &long] {
            assert!(condition(bad, DispatchOp::Exists, Value::Null).check().is_err(), "{bad}");
        }
    }

    #[test]
    fn values_fit_their_comparison() {
        for (op, value, is_good) in [
            (DispatchOp::Eq, json!({ "a": [1] }), true),
            (DispatchOp::Ne, Value::Null, true),
            (DispatchOp::Gt, json!(5), true),
            (DispatchOp::Lte, json!("2026"), true),
            (DispatchOp::Gt, json!(null), false),
            (DispatchOp::Lt, json!([1]), false),
            (DispatchOp::In, json!(["a", null]), true),
            (DispatchOp::In, json!("a"), false),
            (DispatchOp::Exists, json!(false), true),
            (DispatchOp::Exists, json!(1), false),
            (DispatchOp::Eq, json!("x".repeat(VALUE_BYTES)), false),
        ] {
            assert_eq!(condition("/a", op, value.clone()).check().is_ok(), is_good, "{op} {value}");
        }
    }

    #[test]
    fn a_value_that_is_missing_is_not_null_and_only_what_exists_needs_none() {
        for &op in DispatchOp::ALL {
            let read = |text: String| Json::parse(&text).expect("JSON").read::<DispatchCondition>();
            let missing = read(format!(r#"{{"path": "/a", "op": "{op}"}}"#)).expect("a condition");
            assert_eq!((&missing.value, missing.check().is_ok()), (&None, op == DispatchOp::Exists), "{op}");
            let null = read(format!(r#"{{"path": "/a", "op": "{op}", "value": null}}"#));
            let null = null.expect("a condition");
            assert_eq!(null.value, Some(Json::Null));
            let fits = [DispatchOp::Eq, DispatchOp::Ne, DispatchOp::Exists].contains(&op);
            assert_eq!(null.check().is_ok(), fits, "{op}");
            for condition in [missing, null] {
                assert_eq!(Json::of(&condition).read::<DispatchCondition>().ok(), Some(condition));
            }
        }
    }

    #[test]
    fn kinds_that_differ_are_in_no_order_and_nothing_is_not_equal_to_anything() {
        let document = json!({ "n": 5, "t": "5", "null": null, "list": [5], "truth": true });
        for op in [DispatchOp::Lt, DispatchOp::Lte, DispatchOp::Gt, DispatchOp::Gte] {
            for (path, value) in [
                ("/n", json!("5")),
                ("/t", json!(5)),
                ("/null", json!(0)),
                ("/list", json!(5)),
                ("/none", json!(5)),
            ] {
                assert!(!holds(&document, path, op, value.clone()), "{path} {op} {value}");
            }
        }
        assert!(!holds(&document, "/n", DispatchOp::Eq, json!("5")));
        assert!(!holds(&document, "/none", DispatchOp::Eq, Value::Null));
        assert!(holds(&document, "/null", DispatchOp::Eq, Value::Null));
        assert!(holds(&document, "/none", DispatchOp::Ne, json!(5)));
        assert!(holds(&document, "/n", DispatchOp::Eq, json!(5.0)));
        assert!(holds(&document, "/n", DispatchOp::In, json!([4, 5])));
        assert!(!holds(&document, "/none", DispatchOp::In, json!([null])));
        assert!(holds(&document, "/truth", DispatchOp::Exists, Value::Null));
        assert!(!holds(&document, "/null", DispatchOp::Exists, json!(true)));
        assert!(holds(&document, "/none", DispatchOp::Exists, json!(false)));
    }

    #[test]
    fn numbers_are_compared_beyond_what_floats_hold() {
        let compared = |found: &str, op: DispatchOp, value: &str| {
            let document = Json::parse(&format!("{{\"n\": {found}}}")).expect("JSON");
            let value = Json::parse(value).expect("JSON");
            DispatchCondition { path: "/n".to_owned(), op, value: Some(value) }.holds(&document)
        };
        for (less, greater) in [
            ("9007199254740992", "9007199254740993"),
            ("0.1", "0.10000000000000000001"),
            ("-1e400", "-1e399"),
            ("1e399", "1e400"),
            ("-0.5", "0"),
            ("-2", "-1.5"),
            ("99", "100"),
        ] {
            assert!(
                compared(less, DispatchOp::Lt, greater) && compared(greater, DispatchOp::Gt, less),
                "{less}"
            );
            assert!(!compared(less, DispatchOp::Eq, greater) && !compared(less, DispatchOp::Gte, greater));
        }
        for (one, other) in [("1", "1.0"), ("-0", "0"), ("1e2", "100.00"), ("0.50", "5e-1")] {
            assert!(compared(one, DispatchOp::Eq, other) && compared(one, DispatchOp::Lte, other), "{one}");
        }
    }

    #[test]
    fn what_headers_could_be_broken_out_of_is_no_address() {
        for good in ["a@example.org", "o'neill+x@büro.example"] {
            assert!(check_address("actions", good).is_ok(), "{good}");
        }
        let long = format!("{}@example.org", "x".repeat(LONGEST_ADDRESS));
        for bad in
            ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "A <a@b>", "a@b,c@d", "\"a\"@b", &long]
        {
            assert!(check_address("actions", bad).is_err(), "{bad}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(8, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-z/~0-9]{0,4}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Every pointer into a value, with what stands there.
    fn pointers(value: &Value, so_far: &str, found: &mut Vec<(String, Value)>) {
        found.push((so_far.to_owned(), value.clone()));
        match value {
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    pointers(item, &format!("{so_far}/{place}"), found);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    let token = key.replace('~', "~0").replace('/', "~1");
                    pointers(item, &format!("{so_far}/{token}"), found);
                }
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn everything_in_a_document_is_found_and_equals_itself(document in any_json()) {
            let mut all = Vec::new();
            pointers(&document, "", &mut all);
            for (path, value) in all {
                prop_assert!(is_pointer(&path));
                prop_assert!(holds(&document, &path, DispatchOp::Eq, value.clone()), "{} {}", path, value);
                prop_assert!(!holds(&document, &path, DispatchOp::Ne, value.clone()));
                prop_assert!(holds(&document, &path, DispatchOp::In, json!([1, value])));
                prop_assert_eq!(holds(&document, &path, DispatchOp::Exists, json!(true)), !value.is_null());
            }
        }

        #[test]
        fn any_path_and_value_is_judged_and_opposites_never_both_hold(
            document in any_json(), path in ".{0,40}", value in any_json(),
        ) {
            let judged = |op| holds(&document, &path, op, value.clone());
            prop_assert_ne!(judged(DispatchOp::Eq), judged(DispatchOp::Ne));
            prop_assert!(!(judged(DispatchOp::Lt) && judged(DispatchOp::Gte)));
            prop_assert!(!(judged(DispatchOp::Gt) && judged(DispatchOp::Lte)));
        }

        #[test]
        fn integers_stand_in_their_order(one in any::<i64>(), other in any::<i64>()) {
            let document = json!({ "n": one });
            prop_assert_eq!(holds(&document, "/n", DispatchOp::Lt, json!(other)), one < other);
            prop_assert_eq!(holds(&document, "/n", DispatchOp::Gte, json!(other)), one >= other);
            prop_assert_eq!(holds(&document, "/n", DispatchOp::Eq, json!(other)), one == other);
        }
    }
}
