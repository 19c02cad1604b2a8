//! Placeholders of expected values, and the names they bind.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{NaiveDateTime, TimeDelta};
use serde_json::Value;

const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(15);

/// Values by name: bound on first sight, compared and sent afterwards.
#[derive(Debug, Default, Clone)]
pub struct Bindings(BTreeMap<String, String>);

impl Bindings {
    /// Binds the name, or tells whether it is bound to this value already; no name binds nothing.
    pub fn bind(&mut self, name: &str, value: &str) -> bool {
        name.is_empty() || self.0.entry(name.to_owned()).or_insert_with(|| value.to_owned()) == value
    }

    /// Whether the value is what the placeholder stands for; none when the text is no placeholder.
    pub fn matches(&mut self, placeholder: &str, got: &Value) -> Option<bool> {
        let inner = placeholder.strip_prefix('<')?.strip_suffix('>')?;
        let (kind, argument) = inner.split_once(':').unwrap_or((inner, ""));
        if argument.contains('>') {
            return None;
        }
        match kind {
            "any" => return Some(true),
            "int" => return Some(got.is_i64() || got.is_u64()),
            "bool" => return Some(got.is_boolean()),
            _ => {}
        }
        let text = got.as_str();
        let fits = |test: fn(&str) -> bool| text.is_some_and(test);
        Some(match kind {
            "text" => fits(|text| !text.trim().is_empty()),
            "json" => fits(|text| serde_json::from_str::<Value>(text).is_ok()),
            "jwt" => fits(is_jwt),
            "time" => fits(is_recent),
            "uuid" => fits(is_uuid) && self.bind(argument, text?),
            "cursor" => fits(|text| !text.is_empty()) && self.bind(argument, text?),
            "gid" => {
                let (type_name, name) = argument.split_once(':').unwrap_or((argument, ""));
                let key = text.and_then(|text| key_of(text, type_name));
                key.is_some_and(|key| self.bind(name, &key))
            }
            _ => return None,
        })
    }

    /// The value with each `${NAME}` in its texts replaced by what is bound to the name.
    pub fn fill(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill_text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.fill(item)).collect(),
            Value::Object(fields) => fields.into_iter().map(|(key, field)| (key, self.fill(field))).collect(),
            other => other,
        }
    }

    fn fill_text(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let bound =
                after.split_once('}').and_then(|(name, tail)| Some((self.0.get(name)?.as_str(), tail)));
            // GraphQL has dollar signs and braces of its own, so a name that is not bound stays as it is.
            let (value, tail) = bound.unwrap_or(("${", after));
            filled.push_str(value);
            rest = tail;
        }
        filled + rest
    }
}

/// The users whose tokens the text asks for by `${token:USER}`.
pub fn token_users(text: &str) -> Vec<String> {
    let after = text.split("${token:").skip(1);
    after.filter_map(|rest| rest.split_once('}')).map(|(user, _)| user.to_owned()).collect()
}

/// The name under which a user's token is bound.
pub fn token_name(user: &str) -> String {
    format!("token:{user}")
}

/// The key in a global id of the given type.
pub fn key_of(global_id: &str, type_name: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64_STANDARD.decode(global_id).ok()?).ok()?;
    let (found, key) = decoded.split_once(':')?;
    (found == type_name && !key.is_empty()).then(|| key.to_owned())
}

fn is_jwt(text: &str) -> bool {
    let parts: Vec<_> = text.split('.').collect();
    let is_part = |part: &&str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    parts.len() == 3 && parts.iter().all(is_part)
}

fn is_uuid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok_and(|uuid| uuid.to_string() == text)
}

/// Naive, with microseconds or none, and written just now.
fn is_recent(text: &str) -> bool {
    let Ok(time) = text.parse::<NaiveDateTime>() else {
        return false;
    };
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.6f"];
    forms.iter().any(|form| time.format(form).to_string() == text) && (time - now()).abs() < CLOCK_TOLERANCE
}

#[expect(
    clippy::disallowed_methods,
    reason = "the replayed server runs on the real clock, and what it wrote is compared with it"
)]
fn now() -> NaiveDateTime {
    chrono::Utc::now().naive_utc()
}

mod tests {
    use serde_json::json;

    use super::*;

    fn matches(placeholder: &str, got: &Value) -> Option<bool> {
        Bindings::default().matches(placeholder, got)
    }

    #[test]
    fn placeholders_check_the_form() {
        let gid = BASE64_STANDARD.encode("TaskGQLType:7");
        let now = now().format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        let uuid = "0ae51fb3-baca-45e9-a688-e1d39ba119b9";
        for (placeholder, good, bad) in [
            ("<int>", json!(1), json!(true)),
            ("<int>", json!(-1), json!(1.0)),
            ("<bool>", json!(false), json!(0)),
            ("<text>", json!("x"), json!(" ")),
            ("<json>", json!("{\"a\": 1}"), json!("{a}")),
            ("<json>", json!("1"), json!(1)),
            ("<jwt>", json!("a-_1.b.c"), json!("a.b")),
            ("<jwt>", json!("a.b.c"), json!("a..c")),
            ("<cursor>", json!("x"), json!("")),
            ("<time>", json!(now), json!(now.clone() + "Z")),
            ("<time>", json!(now[..19]), json!(now[..23])),
            ("<time>", json!(now), json!("2024-03-01T10:00:00")),
            ("<uuid>", json!(uuid), json!(uuid.to_uppercase())),
            ("<uuid>", json!(uuid), json!(uuid.replace('-', ""))),
            ("<gid:TaskGQLType>", json!(gid), json!(BASE64_STANDARD.encode("TaskGroupGQLType:7"))),
            ("<gid:TaskGQLType>", json!(gid), json!(BASE64_STANDARD.encode("TaskGQLType:"))),
        ] {
            assert_eq!(matches(placeholder, &good), Some(true), "{placeholder} {good}");
            assert_eq!(matches(placeholder, &bad), Some(false), "{placeholder} {bad}");
        }
        assert_eq!(matches("<any>", &Value::Null), Some(true));
        assert_eq!(matches("<uuid>", &Value::Null), Some(false));
        assert_eq!(matches("<b>bold</b>", &json!("x")), None);
        assert_eq!(matches("text", &json!("x")), None);
    }

    #[test]
    fn a_name_is_bound_on_first_sight_and_equal_afterwards() {
        let mut bindings = Bindings::default();
        assert_eq!(bindings.matches("<cursor:A>", &json!("one")), Some(true));
        assert_eq!(bindings.matches("<cursor:A>", &json!("two")), Some(false));
        assert_eq!(bindings.matches("<gid:T:B>", &json!(BASE64_STANDARD.encode("T:7"))), Some(true));
        assert_eq!(
            bindings.fill(json!({"q": ["{ a(x: \"${A}\", y: ${B}) ${C} ${}"], "n": 1})),
            json!({"q": ["{ a(x: \"one\", y: 7) ${C} ${}"], "n": 1})
        );
    }

    #[test]
    fn tokens_are_asked_for_by_user() {
        assert_eq!(token_users("${token:exec1} ${A} ${token:admin}"), ["exec1", "admin"]);
    }
}
