//! Texts for people, in every language of `locales/`, by Project Fluent.
//!
//! Code names a message by its key and gives its arguments; which language it is read in is decided where it
//! leaves the process. English is the fall-back.

use std::borrow::Cow;
use std::sync::LazyLock;

use chrono::NaiveDateTime;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

/// The key of messages that stand in no file: hosts say them in their own words.
const WORDS: &str = "words";

/// A message of `locales/*.ftl` with its arguments, not yet in any language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    key: &'static str,
    args: Vec<(&'static str, Argument)>,
}

/// What a message says of the case at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

/// Texts from clients are cut to a length that fits in an answer.
impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self::Text(shorten(&text))
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::Text(shorten(text))
    }
}

/// A moment, in a form that people can read and a page finds in a text: the desk shows it in the reader's zone.
impl From<NaiveDateTime> for Argument {
    fn from(moment: NaiveDateTime) -> Self {
        Self::Text(moment.format("%Y-%m-%dT%H:%M:%S UTC").to_string())
    }
}

impl From<i64> for Argument {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Argument {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl Message {
    /// The message called `key`.
    #[must_use]
    pub const fn new(key: &'static str) -> Self {
        Self { key, args: Vec::new() }
    }

    /// The same with an argument more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Argument>) -> Self {
        self.args.push((name, value.into()));
        self
    }

    /// The same with a list of our own words as an argument, which is not cut.
    #[must_use]
    pub fn with_list(mut self, name: &'static str, items: &[impl AsRef<str>]) -> Self {
        let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
        self.args.push((name, Argument::Text(items.join(", "))));
        self
    }

    /// What a host says in words of its own, the same in every language.
    ///
    /// ```
    /// use tasks_management::{Error, ErrorCode, Message};
    ///
    /// let refusal = Error::new(ErrorCode::Conflict, Message::words("The office is closed.")).of_field("date");
    /// assert_eq!(refusal.to_string(), "The office is closed.");
    /// ```
    #[must_use]
    pub fn words(text: impl Into<String>) -> Self {
        Self { key: WORDS, args: vec![("text", Argument::Text(text.into()))] }
    }

    /// Its key in `locales/*.ftl`.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// The text in the language of this code (`"fr"`); in English when there is none.
    #[must_use]
    pub fn text(&self, language: &str) -> String {
        if let (WORDS, [(_, Argument::Text(text))]) = (self.key, self.args.as_slice()) {
            return text.clone();
        }
        let catalogue = catalogue(language);
        let Some(pattern) = catalogue.get_message(self.key).and_then(|message| message.value()) else {
            return self.key.to_owned();
        };
        let args: FluentArgs<'_> = self
            .args
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    Argument::Text(text) => FluentValue::String(Cow::Borrowed(text)),
                    // A number chooses between one and several. A long one is a text, lest it be cut to a float's digits.
                    Argument::Number(number) => i32::try_from(*number).map_or_else(
                        |_| FluentValue::String(Cow::Owned(number.to_string())),
                        FluentValue::from,
                    ),
                };
                (*name, value)
            })
            .collect();
        let mut errors = Vec::new();
        catalogue.format_pattern(pattern, Some(&args), &mut errors).into_owned()
    }
}

type Catalogue = FluentBundle<FluentResource>;

static CATALOGUES: LazyLock<Vec<(&'static str, Catalogue)>> = LazyLock::new(|| {
    vec![
        ("en", load("en", include_str!("../locales/en.ftl"))),
        ("fr", load("fr", include_str!("../locales/fr.ftl"))),
    ]
});

fn catalogue(language: &str) -> &'static Catalogue {
    let found = CATALOGUES.iter().find(|(code, _)| *code == language);
    &found.unwrap_or(&CATALOGUES[0]).1
}

/// The language of a stranger, as a browser says it in `Accept-Language`: the first one in which there are texts.
#[must_use]
pub fn accepted(header: &str) -> &'static str {
    let mut wanted = header
        .split(',')
        .take(MOST_ACCEPTED)
        .map(|one| one.split([';', '-']).next().unwrap_or_default().trim());
    let known = |tag: &str| CATALOGUES.iter().find(|(code, _)| code.eq_ignore_ascii_case(tag));
    wanted.find_map(known).map_or("en", |(code, _)| code)
}

/// So many languages of a stranger are looked at.
const MOST_ACCEPTED: usize = 20;

/// A broken line loses that message only; the tests below see to it that there is none.
fn load(language: &str, source: &str) -> Catalogue {
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _errors)| resource);
    let mut bundle = Catalogue::new_concurrent(language.parse().into_iter().collect());
    // The isolation marks are invisible, yet break texts that clients compare or copy.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
    bundle
}

/// A text cut to a length that fits in an answer or a line.
pub fn shorten(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::*;

    /// Key -> names of the variables in its text.
    fn messages(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        assert!(FluentResource::try_new(source.to_owned()).is_ok(), "a broken line in a message file");
        let mut found = BTreeMap::new();
        for line in source.lines() {
            let Some((key, text)) = line.split_once(" = ") else {
                continue;
            };
            let names = text.split("{ $").skip(1).map(|rest| {
                rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
            });
            assert!(found.insert(key.to_owned(), names.collect()).is_none(), "{key} stands there twice");
        }
        found
    }

    #[test]
    fn a_stranger_gets_the_first_language_in_which_there_are_texts() {
        for (header, language) in [
            ("", "en"),
            ("fr", "fr"),
            ("FR-ca;q=0.9, en;q=0.8", "fr"),
            ("de-CH, de;q=0.9, fr;q=0.5, en;q=0.1", "fr"),
            ("en-GB,fr", "en"),
            ("*, ;;,-", "en"),
        ] {
            assert_eq!(accepted(header), language, "{header}");
        }
    }

    #[test]
    fn no_message_lacks_a_translation() {
        let english = messages(include_str!("../locales/en.ftl"));
        let french = messages(include_str!("../locales/fr.ftl"));
        assert_eq!(english, french, "keys or variables differ between en.ftl and fr.ftl");
    }

    #[test]
    fn every_message_that_code_names_exists_and_none_is_left_over() {
        let mut used = BTreeSet::new();
        let mut stack = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(path) = stack.pop() {
            if path.is_dir() {
                stack.extend(
                    std::fs::read_dir(&path).expect("src is readable").map(|e| e.expect("entry").path()),
                );
            } else if path.file_name().is_some_and(|name| name != "message.rs") {
                let source = std::fs::read_to_string(&path).expect("a source file is UTF-8");
                for rest in source.split("Message::new(\"").skip(1) {
                    used.insert(rest.split('"').next().expect("a literal ends").to_owned());
                }
            }
        }
        let known: BTreeSet<String> = messages(include_str!("../locales/en.ftl")).into_keys().collect();
        assert_eq!(used, known);
    }

    #[test]
    fn a_text_is_in_the_language_asked_for_with_its_arguments() {
        let message = Message::new("too-long").with("field", "code").with("max", 255_i64);
        assert_eq!(message.text("en"), "`code` is too long: at most 255 characters are allowed.");
        assert!(message.text("fr").contains("255"));
        assert_ne!(message.text("fr"), message.text("en"));
        assert_eq!(message.text("xx"), message.text("en"));
    }

    #[test]
    fn one_is_said_of_one_and_no_number_loses_a_digit() {
        let in_use =
            |count: i64| Message::new("group-in-use").with("code", "A").with("count", count).text("en");
        assert_eq!(in_use(1), "The task group A can't be deleted: 1 open task uses it.");
        assert_eq!(in_use(1_000), "The task group A can't be deleted: 1000 open tasks use it.");
        assert!(in_use(i64::MAX).contains(" 9223372036854775807 open tasks "));
    }
}
