//! Templates of mails: what they may hold, and rendering them within bounds.
//!
//! Whoever writes a template is not trusted with the server. A template shows values, asks `if` and goes through lists by `for`; it
//! can neither keep values nor join or repeat texts, because a few such lines make gigabytes. It names no other template. The
//! number of its steps and the length of what it writes are bounded.

use std::io::{self, Write};

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error as TemplateError, ErrorKind, UndefinedBehavior};

use super::json::{Json, Object};
use super::text::is_unseen;

/// The longest source of a part, in bytes.
pub const MAX_SOURCE: usize = 64 * 1024;
/// The longest part that is rendered, in bytes.
pub const MAX_RENDERED: usize = 256 * 1024;
/// The longest subject that is rendered, in characters.
pub const MAX_SUBJECT: usize = 200;
/// How many steps a part takes at most.
const FUEL: u64 = 100_000;
/// What may stand first in `{% … %}`.
const STATEMENTS: &[&str] = &["if", "elif", "else", "endif", "for", "endfor"];
/// What may stand after `|`.
const FILTERS: &[&str] = &["date", "default", "json", "length", "moment", "truncate"];

/// The sources of the parts of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts<T = String> {
    /// The subject.
    pub subject: T,
    /// The text.
    pub text: T,
    /// The same as HTML; empty if there is none.
    pub html: T,
}

/// The part of a template that can't be used, and why, in words of whoever reads the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `subject`, `text` or `html`.
    pub part: &'static str,
    /// The reason.
    pub reason: String,
}

impl<T: AsRef<str>> Parts<T> {
    fn each(&self) -> [(&'static str, &str); 3] {
        [("subject", self.subject.as_ref()), ("text", self.text.as_ref()), ("html", self.html.as_ref())]
    }

    /// Checks that the sources can be used.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self) -> Result<(), Fault> {
        let environment = environment();
        for (part, source) in self.each() {
            let fault = |reason: String| Fault { part, reason };
            if source.len() > MAX_SOURCE {
                return Err(fault(format!("it has more than {MAX_SOURCE} bytes")));
            }
            refuse_unbounded(source).map_err(fault)?;
            environment.template_from_named_str(part, source).map_err(|error| fault(said(&error)))?;
        }
        Ok(())
    }

    /// Renders the parts with these values. The subject is one line.
    ///
    /// # Errors
    /// The first fault.
    pub fn render(&self, values: &Json) -> Result<Parts, Fault> {
        self.check()?;
        let (environment, values) = (environment(), value(values));
        let mut rendered = self.each().into_iter().map(|(part, source)| {
            let fault = |error: &TemplateError| Fault { part, reason: said(error) };
            let template =
                environment.template_from_named_str(part, source).map_err(|error| fault(&error))?;
            let mut written = Bounded::default();
            template.render_captured_to(values.clone(), &mut written).map_err(|error| {
                if written.is_full {
                    Fault { part, reason: format!("it becomes longer than {MAX_RENDERED} bytes") }
                } else {
                    fault(&error)
                }
            })?;
            Ok(String::from_utf8_lossy(&written.bytes).into_owned())
        });
        let mut next = || rendered.next().unwrap_or_else(|| Ok(String::new()));
        Ok(Parts { subject: one_line(&next()?), text: next()?, html: next()? })
    }
}

/// A text as one line that a header can hold: what would end it is a blank, and what is not seen and forms nothing that is, such as
/// marks that turn the direction of what follows, is left out.
#[must_use]
pub fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_whitespace() || c.is_control();
    let seen: String = text.chars().filter(|c| is_break(*c) || !is_unseen(*c)).collect();
    let words: Vec<&str> = seen.split(is_break).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(MAX_SUBJECT).collect()
}

/// Refuses what could make a small template large, and what is not a part of this language. It reads as the engine does: with
/// neither braces nor `raw` in what is read as code, both see the same pieces.
fn refuse_unbounded(source: &str) -> Result<(), String> {
    let mut rest = source;
    while let Some(start) = rest.find('{') {
        rest = &rest[start + 1..];
        let end = match rest.chars().next() {
            Some('#') => {
                rest = rest.split_once("#}").ok_or("a comment has no end")?.1;
                continue;
            }
            Some('{') => "}}",
            Some('%') => "%}",
            _ => continue,
        };
        rest = code(&rest[1..], end)?;
    }
    Ok(())
}

/// Reads the code up to `end`; returns what follows.
fn code<'a>(code: &'a str, end: &str) -> Result<&'a str, String> {
    let mut at = code.strip_prefix('-').unwrap_or(code).trim_start();
    if end == "%}" {
        let word = first_word(at);
        if !STATEMENTS.contains(&word) {
            return Err(format!("`{word}` is no statement here: {} are", STATEMENTS.join(", ")));
        }
    }
    loop {
        if let Some(after) = at.strip_prefix(end) {
            return Ok(after);
        }
        let Some(c) = at.chars().next() else {
            return Err(format!("`{end}` is missing"));
        };
        at = &at[c.len_utf8()..];
        match c {
            '"' | '\'' => at = after_text(at, c).ok_or("a text has no end")?,
            '|' => {
                at = at.trim_start();
                let filter = first_word(at);
                if !FILTERS.contains(&filter) {
                    return Err(format!("`{filter}` is no filter here: {} are", FILTERS.join(", ")));
                }
            }
            '~' | '*' | '+' | '{' | '\\' => {
                return Err(format!("`{c}` may not stand in code: texts are neither joined nor repeated"));
            }
            _ => {}
        }
    }
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// What follows a text in code that ends with this quotation mark.
fn after_text(text: &str, mark: char) -> Option<&str> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == mark => return text.get(at + c.len_utf8()..),
            _ => {}
        }
    }
    None
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|part| match part {
        "html" => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    environment.add_filter("date", |value: &Value| beginning(&value.to_string(), "YYYY-MM-DD".len()));
    environment.add_filter("moment", |value: &Value| {
        beginning(&value.to_string(), "YYYY-MM-DDTHH:MM".len()).replace('T', " ")
    });
    environment.add_filter(
        "default",
        |value: Value, other: Value| {
            if value.is_undefined() || value.is_none() { other } else { value }
        },
    );
    environment.add_filter("length", |value: &Value| value.len().unwrap_or_default());
    environment.add_filter("truncate", |value: &Value, length: usize| beginning(&value.to_string(), length));
    environment.add_filter("json", |value: &Value| {
        let text = serde_json::to_string(value).unwrap_or_default();
        // Each turn through the filter could double what stands in quotation marks.
        if text.len() > MAX_SOURCE {
            return Err(TemplateError::new(ErrorKind::InvalidOperation, "the value is too long for `json`"));
        }
        Ok(text)
    });
    environment.add_test("defined", |value: &Value| !value.is_undefined());
    environment
}

/// The first characters of a text.
fn beginning(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

fn said(error: &TemplateError) -> String {
    let place = error.line().map(|line| format!(" (line {line})")).unwrap_or_default();
    let said = error
        .detail()
        .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    said.chars().take(MAX_SUBJECT).collect::<String>() + &place
}

/// A value as templates see it. Numbers that would lose digits are texts.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(truth) => Value::from(*truth),
        Json::String(text) => Value::from(text.as_str()),
        Json::Number(number) => {
            let text = number.as_str();
            match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(whole), _) => Value::from(whole),
                (_, Ok(part)) if number.is_float() => Value::from(part),
                _ => Value::from(text),
            }
        }
        Json::Array(items) => items.iter().map(value).collect(),
        Json::Object(entries) => object(entries),
    }
}

fn object(entries: &Object) -> Value {
    entries.iter().map(|(key, entry)| (key.clone(), value(entry))).collect()
}

/// What is written, up to a bound.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > MAX_RENDERED {
            self.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(source: &str) -> Parts<&str> {
        Parts { subject: "s", text: source, html: "" }
    }

    fn rendered(source: &str, values: serde_json::Value) -> Result<String, String> {
        text(source).render(&values.into()).map(|parts| parts.text).map_err(|fault| {
            assert_eq!(fault.part, "text");
            fault.reason
        })
    }

    #[test]
    fn values_conditions_lists_and_filters_are_rendered() {
        let source = "{% for row in rows %}{% if loop.first %}[{% endif %}{{ row.name | default('?') }} {% endfor %}{{ at | moment }} {{ at | date }} \
                      {{ missing.deep.er }}{% if missing is defined %}!{% endif %}{{ amount }} {{ long }} {{ rows | length }} {{ name | truncate(2) }}";
        let values = json!({ "rows": [{ "name": "a" }, {}], "at": "2026-01-05T14:30:59.5", "amount": 12.5, "name": "abc" });
        let mut values = Json::from(values);
        if let Some(object) = values.as_object_mut() {
            object.insert("long".to_owned(), Json::parse("12345678901234567890.10").expect("a number"));
        }
        let parts = text(source).render(&values).expect("it is rendered");
        assert_eq!(parts.text, "[a ? 2026-01-05 14:30 2026-01-05 12.5 12345678901234567890.10 2 ab");
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let parts = Parts { subject: "{{ x }}", text: "{{ x }}", html: "<a href=\"{{ x }}\">{{ x }}</a>" };
        let rendered = parts.render(&json!({ "x": "<b>&\"'" }).into()).expect("rendered");
        assert_eq!((rendered.subject.as_str(), rendered.text.as_str()), ("<b>&\"'", "<b>&\"'"));
        assert!(!rendered.html.contains("<b>") && !rendered.html.contains("&\"'"), "{}", rendered.html);
    }

    #[test]
    fn a_subject_is_one_line_whatever_its_values_hold() {
        let parts = Parts { subject: "About {{ x }}", text: "", html: "" };
        let values = json!({ "x": "a\r\nBcc: all@example.org\u{2028}\0\u{85}b" });
        let subject = parts.render(&values.into()).expect("rendered").subject;
        assert_eq!(subject, "About a Bcc: all@example.org b");
        let turned = json!({ "x": "\u{202e}gpj.\u{2066}exe\u{2069}\u{200f} \u{61c}نقش\u{200c}ها \u{200b}" });
        let subject = parts.render(&turned.into()).expect("rendered").subject;
        assert_eq!(subject, "About gpj.exe نقش\u{200c}ها");
        let long = Parts { subject: "{{ x }}", text: "", html: "" };
        let subject = long.render(&json!({ "x": "é".repeat(1_000) }).into()).expect("rendered").subject;
        assert_eq!(subject.chars().count(), MAX_SUBJECT);
    }

    #[test]
    fn what_could_grow_or_reach_out_is_refused_when_it_is_written() {
        for bomb in [
            "{% set a = 'x' %}",
            "{% set a %}{% endset %}",
            "{{ 'a' * 1000000000 }}",
            "{{ a ~ a }}",
            "{{ a + a }}",
            "{{ {'a': {}} ~ a }}",
            "{% if {'a': 1} %}{% endif %}",
            "{% raw %}{# {% endraw %}{{ a ~ a }} #}",
            "{%- raw %}{% endraw %}",
            "{% include '/etc/passwd' %}",
            "{% extends 'base' %}",
            "{% import 'x' as y %}",
            "{% macro m() %}{% endmacro %}",
            "{% autoescape false %}{% endautoescape %}",
            "{% filter json %}{% endfilter %}",
            "{{ a | safe }}",
            "{{ a | indent(1000000000) }}",
            "{{ a || b }}",
            "{{ 'a\\' ~ a }}",
            "{{ a",
            "{% if a %}",
            "{# never",
            "{{ \"a }}",
        ] {
            let fault = text(bomb).check().expect_err(bomb);
            assert_eq!(fault.part, "text", "{bomb}");
        }
        assert!(text(&"x".repeat(MAX_SOURCE + 1)).check().is_err());
        for good in
            ["{ } {{ a }}", "{# {{ a ~ a }} #}", "{{ 'a ~ b' }}", "{{ \"a \\\" * b\" }}", "{{ a - 1 }} % }"]
        {
            text(good).check().expect(good);
        }
    }

    #[test]
    fn steps_and_length_are_bounded() {
        let list: Vec<u32> = (0..1_000).collect();
        let steps = "{% for a in l %}{% for b in l %}{% for c in l %}{% endfor %}{% endfor %}{% endfor %}";
        let reason = rendered(steps, json!({ "l": list })).expect_err("it has too many steps");
        assert!(reason.contains("fuel"), "{reason}");
        let values = json!({ "l": list, "t": "x".repeat(100_000) });
        let reason = rendered("{% for a in l %}{{ t }}{% endfor %}", values).expect_err("it is too long");
        assert!(reason.contains("longer than"), "{reason}");
        let chain = format!("{{{{ t{} }}}}", " | json".repeat(60));
        let reason = rendered(&chain, json!({ "t": "\"" })).expect_err("it doubles");
        assert!(reason.contains("too long"), "{reason}");
        let deep = "{% for a in l recursive %}{{ loop(l) }}{% endfor %}";
        rendered(deep, json!({ "l": list })).expect_err("it never ends");
    }
}
