//! Answers as snapshots keep them: the same in every run and on both databases.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::NaiveDateTime;
use serde_json::Value;
use uuid::Uuid;

use super::scenario::USERS;

/// How wide a line may be that holds a whole list or object.
const WIDTH: usize = 110;

/// An answer as a text in which what differs from run to run has a name. Keys have the names that `known` or the fixture
/// gives them; the others are `<id 1>`, `<id 2>` and so on, in the order in which they appear. Moments are `<moment>`. Of
/// global ids and cursors it is shown what they encode.
pub fn stable(answer: &Value, known: &[(&str, &str)]) -> String {
    let mut names =
        known.iter().chain(&USERS).map(|(name, key)| ((*key).to_owned(), format!("<{name}>"))).collect();
    lay_out(&named(answer, &mut names), 0)
}

fn named(value: &Value, names: &mut Vec<(String, String)>) -> Value {
    match value {
        Value::String(text) => Value::String(named_text(text, names)),
        Value::Array(items) => items.iter().map(|item| named(item, names)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), named(value, names))).collect()
        }
        plain => plain.clone(),
    }
}

fn named_text(text: &str, names: &mut Vec<(String, String)>) -> String {
    let (moment, zone) = text.strip_suffix('Z').map_or((text, ""), |moment| (moment, "Z"));
    if moment.parse::<NaiveDateTime>().is_ok() {
        return format!("<moment>{zone}");
    }
    let encoded = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
    if let Some(id) = STANDARD.decode(text).ok().and_then(encoded)
        && id.contains(':')
    {
        return format!("base64({})", named_keys(&id, names));
    }
    if let Some(cursor) = URL_SAFE_NO_PAD.decode(text).ok().and_then(encoded)
        && let Some((order, _)) = cursor.split_once('\n')
    {
        return format!("<cursor of {order}>");
    }
    named_keys(text, names)
}

fn named_keys(text: &str, names: &mut Vec<(String, String)>) -> String {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(character) = rest.chars().next() {
        let key = rest.get(..36).filter(|key| Uuid::try_parse(key).is_ok_and(|id| id.to_string() == **key));
        let Some(key) = key else {
            shown.push(character);
            rest = &rest[character.len_utf8()..];
            continue;
        };
        if !names.iter().any(|(known, _)| known == key) {
            let number = names.iter().filter(|(_, name)| name.starts_with("<id ")).count() + 1;
            names.push((key.to_owned(), format!("<id {number}>")));
        }
        shown.extend(names.iter().find(|(known, _)| known == key).map(|(_, name)| name.as_str()));
        rest = &rest[36..];
    }
    shown
}

/// What fits in a line stands in a line.
fn lay_out(value: &Value, margin: usize) -> String {
    let inner = margin + 2;
    let (open, items, close): (_, Vec<String>, _) = match value {
        Value::Array(items) => ('[', items.iter().map(|item| lay_out(item, inner)).collect(), ']'),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}: {}", lay_out(value, inner)));
            ('{', fields.collect(), '}')
        }
        plain => return plain.to_string(),
    };
    let line = format!("{open}{}{close}", items.join(", "));
    if margin + line.len() <= WIDTH && !line.contains('\n') {
        return line;
    }
    let lines: Vec<String> = items.iter().map(|item| format!("{:inner$}{item}\n", "")).collect();
    format!("{open}\n{}{:margin$}{close}", lines.concat(), "")
}
