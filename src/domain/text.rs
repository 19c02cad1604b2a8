//! Bounds of texts from clients.

use crate::error::{Error, Result};
use crate::message::Message;

/// The longest text of a column that the interface bounds, in characters.
pub const MAX_TEXT: usize = 255;

/// Refuses a text that is too long or that PostgreSQL can't keep (a NUL character).
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_text(field: &str, text: &str, max: usize) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::validation(field, Message::new("nul-character").with("field", field.to_owned())));
    }
    if text.chars().count() > max {
        let message = Message::new("too-long").with("field", field.to_owned()).with("max", max);
        return Err(Error::validation(field, message));
    }
    Ok(())
}

/// Refuses a code that is blank, has white space at an end, or breaks [`check_text`].
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_code(field: &str, code: &str) -> Result<()> {
    check_text(field, code, MAX_TEXT)?;
    if code.trim().is_empty() {
        return Err(Error::validation(field, Message::new("blank").with("field", field.to_owned())));
    }
    if code.trim() != code {
        return Err(Error::validation(
            field,
            Message::new("outer-white-space").with("field", field.to_owned()),
        ));
    }
    Ok(())
}

/// Refuses the name of somebody or something that breaks [`check_text`] or holds characters that only change how the rest looks:
/// control characters, line breaks, marks of direction.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_name(field: &str, name: &str) -> Result<()> {
    check_text(field, name, MAX_TEXT)?;
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if name.contains(is_hidden) {
        let message = Message::new("control-character").with("field", field.to_owned());
        return Err(Error::validation(field, message));
    }
    Ok(())
}

/// Refuses JSON that is larger than `max` bytes or holds a NUL character anywhere.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_json(field: &str, value: &serde_json::Value, max: usize) -> Result<()> {
    let text = value.to_string();
    if text.len() > max {
        let message = Message::new("json-too-large").with("field", field.to_owned()).with("max", max);
        return Err(Error::validation(field, message));
    }
    if text.contains("\\u0000") && holds_nul(value) {
        return Err(Error::validation(field, Message::new("nul-character").with("field", field.to_owned())));
    }
    Ok(())
}

fn holds_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(holds_nul),
        serde_json::Value::Object(map) => map.iter().any(|(key, item)| key.contains('\0') || holds_nul(item)),
        _ => false,
    }
}

/// A name in camelCase as one in snake_case; others stay.
#[must_use]
pub fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// A path in snake_case as one in camelCase.
#[must_use]
pub fn camel_case(path: &str) -> String {
    let part = |part: &str| {
        let mut words = part.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |mut all, word| {
            let mut letters = word.chars();
            all.extend(letters.next().map(|c| c.to_ascii_uppercase()));
            all.push_str(letters.as_str());
            all
        })
    };
    path.split("__").map(part).collect::<Vec<_>>().join("__")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_code_is_not_blank_and_has_no_white_space_at_its_ends() {
        assert!(check_code("code", "A b").is_ok());
        for bad in ["", "   ", " A", "A ", "A\n", "\u{a0}A", "a\0b"] {
            assert!(check_code("code", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_name_holds_nothing_that_changes_how_it_looks() {
        for good in ["", "Zoë O'Neill", "李小龙", "محمد", "a  b"] {
            assert!(check_name("name", good).is_ok(), "{good:?}");
        }
        for bad in
            ["a\tb", "a\nb", "\u{1b}[2J", "a\u{7f}", "a\u{85}", "a\u{202e}b", "\u{200f}a", "\u{feff}a", "a\0"]
        {
            assert!(check_name("name", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert!(check_text("x", &"ü".repeat(255), MAX_TEXT).is_ok());
        assert!(check_text("x", &"ü".repeat(256), MAX_TEXT).is_err());
    }

    #[test]
    fn json_with_a_nul_character_is_refused_and_its_written_form_is_not() {
        assert!(check_json("data", &json!({"a": ["x\0"]}), 1000).is_err());
        assert!(check_json("data", &json!({"a\0": 1}), 1000).is_err());
        assert!(check_json("data", &json!({"a": "\\u0000"}), 1000).is_ok());
        assert!(check_json("data", &json!("long"), 3).is_err());
    }

    #[test]
    fn paths_are_read_in_camel_case_and_in_snake_case() {
        for name in ["userCreated__username", "user_created__username"] {
            assert_eq!(snake_case(name), "user_created__username");
        }
        assert_eq!(camel_case("user_created__username"), "userCreated__username");
        assert_eq!(camel_case("i_user__last_name"), "iUser__lastName");
    }
}
