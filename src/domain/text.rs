//! Checks of texts from clients.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::domain::json::{Json, JsonError, JsonFault, MAX_DIGITS, Object};
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

/// Whether a text is invisible: it holds only blanks of any kind, controls, and characters that only format others.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Whether a character is a format control of Unicode, one that Unicode says to ignore where it can't be shown, or a letter
/// without ink.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
        | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Invisible characters that say how their neighbours are written: joiners, and choices between forms of one letter.
const fn forms_neighbours(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{8e2}' | '\u{180b}'..='\u{180f}' | '\u{200c}' | '\u{200d}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a code must not hold it: what is not seen and forms nothing that is, and what ends a line.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || (is_invisible(c) && !forms_neighbours(c))
}

/// Refuses a code or a source that is blank, has white space at an end or unseen characters anywhere, or breaks
/// [`check_text`].
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_code(field: &str, code: &str) -> Result<()> {
    check_text(field, code, MAX_TEXT)?;
    if is_blank(code) {
        return Err(Error::validation(field, Message::new("blank").with("field", field.to_owned())));
    }
    if code.trim() != code {
        return Err(Error::validation(
            field,
            Message::new("outer-white-space").with("field", field.to_owned()),
        ));
    }
    refuse_unseen(field, code)
}

/// Refuses the name of somebody or something that holds unseen characters, or breaks [`check_text`].
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_name(field: &str, name: &str) -> Result<()> {
    check_text(field, name, MAX_TEXT)?;
    refuse_unseen(field, name)
}

/// Refuses what is to tell people or roles apart, unless all of it is seen, and everywhere alike: a code ([`check_code`]) that does not
/// begin with a mark for a letter before it, and holds no unseen character but joiners in scripts that write with them, and none that
/// Unicode leaves to private use or keeps free.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_handle(field: &str, name: &str) -> Result<()> {
    check_code(field, name)?;
    if name.chars().next().is_some_and(is_combining_mark) {
        return Err(Error::validation(field, Message::new("leading-mark").with("field", field.to_owned())));
    }
    let before = std::iter::once(None).chain(name.chars().map(Some));
    let joins = |before: Option<char>| {
        before.is_some_and(|c| !c.is_ascii() && (c.is_alphabetic() || is_combining_mark(c)))
    };
    let hidden = |(before, c): (Option<char>, char)| is_invisible(c) && !(is_joiner(c) && joins(before));
    if before.zip(name.chars()).any(hidden) || name.chars().any(is_unnamed) {
        Err(unseen(field))
    } else {
        Ok(())
    }
}

/// Whether a character is for private use, for none, or the sign for one that was lost.
const fn is_unnamed(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fffd}' | '\u{f0000}'..='\u{10ffff}')
        || c as u32 & 0xfffe == 0xfffe
}

/// What two names have in common that read the same: letters in their parts (NFKD) and one case, without the joiners between them,
/// digits, dashes, slashes, apostrophes and runs of blanks in one form. A migration says the same to PostgreSQL.
#[must_use]
pub fn likeness(name: &str) -> String {
    let parts: String = name.chars().filter(|c| !is_joiner(*c)).nfkd().collect();
    let mut read = String::with_capacity(parts.len());
    for letter in fold(&parts).nfkd() {
        match one_form(letter) {
            ' ' if read.ends_with(' ') => {}
            'ß' => read.push_str("ss"),
            letter => read.push(letter),
        }
    }
    read
}

/// One letter for those that differ in case alone although neither is the other's only form, and one digit, dash, slash, apostrophe and
/// blank.
fn one_form(letter: char) -> char {
    match letter {
        '\u{1680}' => ' ',
        '\u{345}' => 'ι',
        'ı' => 'i',
        '\u{1c80}' => 'в',
        '\u{1c81}' => 'д',
        '\u{1c82}' => 'о',
        '\u{1c83}' => 'с',
        '\u{1c84}' | '\u{1c85}' => 'т',
        '\u{1c86}' => 'ъ',
        '\u{1c87}' => 'ѣ',
        '\u{1c88}' => '\u{a64b}',
        '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' | '\u{2bc}' => '\'',
        '\u{2044}' | '\u{2215}' => '/',
        letter if letter.is_ascii() => letter,
        letter => digit(letter).unwrap_or(letter),
    }
}

/// The digit from 0 to 9 that a decimal digit of another script stands for.
fn digit(letter: char) -> Option<char> {
    let after = ZEROS.partition_point(|zero| *zero <= letter as u32);
    let value = letter as u32 - ZEROS.get(after.checked_sub(1)?)?;
    (value < 10).then(|| char::from_digit(value, 10)).flatten()
}

/// The digits zero of all scripts, each of which is followed by its one to nine; without those that NFKD makes ASCII.
const ZEROS: [u32; 67] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0,
    0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0,
    0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11de0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1ccf0,
    0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950,
];

/// A text with its case folded, letter by letter: the same letter is folded alike wherever it stands. A sigma has a form of its own
/// at the end of words.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

/// The text with what is not seen written out, so that it neither ends a line nor moves the cursor of a terminal.
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if is_unseen(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

fn refuse_unseen(field: &str, text: &str) -> Result<()> {
    if text.chars().any(is_unseen) { Err(unseen(field)) } else { Ok(()) }
}

fn unseen(field: &str) -> Error {
    Error::validation(field, Message::new("unseen-character").with("field", field.to_owned()))
}

/// Refuses JSON that is larger than `max` bytes, holds a NUL character anywhere, or could not be read again, such as what a
/// host nested too deeply.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_json(field: &str, value: &Json, max: usize) -> Result<()> {
    let text = value.to_string();
    if text.len() > max {
        let message = Message::new("json-too-large").with("field", field.to_owned()).with("max", max);
        return Err(Error::validation(field, message));
    }
    if text.contains("\\u0000") && holds_nul(value) {
        return Err(Error::validation(field, Message::new("nul-character").with("field", field.to_owned())));
    }
    Json::parse(&text).map(drop).map_err(|error| unread_json(field, &error))
}

/// Refuses JSON that is no object.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_object<'a>(field: &str, value: &'a Json) -> Result<&'a Object> {
    let refusal = || Error::validation(field, Message::new("not-an-object").with("field", field.to_owned()));
    value.as_object().ok_or_else(refusal)
}

/// Why the JSON of a field was not read.
pub fn unread_json(field: &str, error: &JsonError) -> Error {
    let steps = std::iter::once(field).chain(error.path.iter().map(String::as_str));
    let place = steps.collect::<Vec<_>>().join(".");
    let message = match &error.fault {
        JsonFault::Form(reason) => Message::new("not-json-text").with("reason", reason.clone()),
        JsonFault::RepeatedKey(key) => Message::new("repeated-key").with("key", key.clone()),
        JsonFault::LongNumber => Message::new("number-too-long").with("max", MAX_DIGITS),
        JsonFault::ManyZeros => Message::new("numbers-too-long"),
    };
    Error::validation(field, message.with("place", place))
}

fn holds_nul(value: &Json) -> bool {
    value.any(&|part| match part {
        Json::String(text) => text.contains('\0'),
        Json::Object(map) => map.keys().any(|key| key.contains('\0')),
        _ => false,
    })
}

/// Turns a name in camelCase to snake_case. Other names stay as they are.
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

/// Turns a path in snake_case to camelCase.
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
    use super::*;
    use crate::domain::json::json;

    #[test]
    fn a_code_is_not_blank_and_has_no_white_space_at_its_ends_and_nothing_unseen() {
        assert!(check_code("code", "A b").is_ok());
        for bad in [
            "",
            "   ",
            " A",
            "A ",
            "A\n",
            "\u{a0}A",
            "a\0b",
            "a\nb",
            "a\tb",
            "A\u{200e}",
            "\u{feff}A",
            "a\u{202e}b",
            "a\u{2028}b",
        ] {
            assert!(check_code("code", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_text_of_which_nobody_sees_anything_is_blank() {
        for blank in [
            "",
            " \t\n",
            "\u{a0}\u{2003}\u{3000}",
            "\u{200b}\u{200d}\u{2060}\u{feff}",
            "\u{202e}\u{ad}",
            "\u{2800}\u{3164}",
            "\u{e0020}\u{fe0f}",
            "\u{7}\u{85}",
        ] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for text in ["a", " . ", "\u{200b}é", "👍🏽", "\u{202b}לא", "。"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn a_name_holds_nothing_that_is_not_seen() {
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
    fn what_tells_people_apart_is_seen_from_its_first_character_to_its_last() {
        for good in [
            "anna",
            "Zoë",
            "李小龙",
            "محمد",
            "نقش\u{200c}ها",
            "श\u{94d}\u{200d}री",
            "a b",
            "a@b.example",
            "e\u{301}va",
        ] {
            assert!(check_handle("name", good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            " anna",
            "anna\u{fe0f}",
            "an\u{34f}na",
            "an\u{180e}na",
            "anna\u{e0061}",
            "anna\u{e0001}",
            "an\u{200d}na",
            "\u{200d}ن",
            "an\u{ad}na",
            "\u{301}",
            "\u{20dd}\u{301}",
            "\u{301}anna",
            "anna\n",
        ] {
            assert!(check_handle("name", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_read_the_same_in_whatever_form_their_letters_are() {
        for (one, other) in [
            ("anna", "ａnna"),
            ("anna", "AnnA"),
            ("ΝΙΚΟΣ", "νικος"),
            ("\u{e9}va", "e\u{301}va"),
            ("ﬁona", "fiona"),
            ("a b", "a\u{a0}b"),
            ("नक\u{200d}", "नक"),
            ("a\u{1680}b", "a b"),
            ("unit 10", "unit ١٠"),
            ("unit 10", "unit ۱۰"),
            ("unit 10", "unit १०"),
            ("unit 10", "unit \u{1fbf1}\u{1fbf0}"),
            ("1/2", "1\u{2044}2"),
            ("1/2", "½"),
            ("1/2", "1\u{2215}2"),
        ] {
            assert_eq!(likeness(one), likeness(other), "{one:?} {other:?}");
        }
        assert_ne!(likeness("anna"), likeness("ana"));
        assert_ne!(likeness("unit 1"), likeness("unit ٢"));
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
