//! A value that can be written into a document or into its variables, even if it is invalid.

use std::fmt::Write as _;

use serde_json::json;

/// A value.
pub enum Shape {
    /// No value.
    Null,
    /// A number, a boolean, or a text that looks like one.
    Raw(String),
    /// A word of an enum; a text in variables.
    Word(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Shape>),
    /// An object.
    Object(Vec<(String, Shape)>),
}

impl Shape {
    /// The value as a document has it.
    pub fn literal(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Raw(text) | Self::Word(text) => text.clone(),
            Self::Text(text) => json!(text).to_string(),
            Self::List(items) => format!("[{}]", joined(items.iter().map(Self::literal))),
            Self::Object(fields) => {
                let field = |(name, value): &(String, Self)| format!("{name}: {}", value.literal());
                format!("{{{}}}", joined(fields.iter().map(field)))
            }
        }
    }

    /// The value as JSON has it.
    pub fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Raw(text) => text.clone(),
            Self::Word(text) | Self::Text(text) => json!(text).to_string(),
            Self::List(items) => format!("[{}]", joined(items.iter().map(Self::json))),
            Self::Object(fields) => {
                let field = |(name, value): &(String, Self)| format!("{}: {}", json!(name), value.json());
                format!("{{{}}}", joined(fields.iter().map(field)))
            }
        }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.fold(String::new(), |mut text, part| {
        let _ = write!(text, "{}{part}", if text.is_empty() { "" } else { ", " });
        text
    })
}
