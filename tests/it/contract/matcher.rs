//! Compares an expected value with an actual one.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::bindings::Bindings;
use super::case::Expect;

/// Compares, and binds the names of placeholders on first sight.
pub struct Matcher<'a> {
    bindings: &'a mut Bindings,
    unordered: &'a [String],
    blocks: Option<&'a BTreeMap<String, Vec<usize>>>,
}

/// Lists whose order means nothing to any client, by the end of their path.
const UNORDERED: [&str; 4] = ["taskexecutorSet.edges", "taskSet.edges", "roles", "rights"];

/// Fields holding JSON in a string; spaces and the order of keys are the writer's choice.
const JSON_STRINGS: [&str; 4] = ["data", "businessStatus", "businessData", "jsonExt"];

impl<'a> Matcher<'a> {
    /// One without lists of special order.
    pub fn new(bindings: &'a mut Bindings) -> Self {
        Self { bindings, unordered: &[], blocks: None }
    }

    /// One that knows which lists of the expected answer are sets, or runs of sets.
    pub fn of(expect: &'a Expect, bindings: &'a mut Bindings) -> Self {
        Self { bindings, unordered: &expect.unordered, blocks: Some(&expect.blocks) }
    }

    /// The differences, none when the values match; `path` is where they stand in the answer.
    pub fn diff(&mut self, want: &Value, got: &Value, path: &str) -> Vec<String> {
        if let Some(fits) = want.as_str().and_then(|text| self.bindings.matches(text, got)) {
            return unless(fits, || different(path, want, got));
        }
        match (want, got) {
            (Value::Object(fields), _) if fields.contains_key("$json_set") => {
                let actual = got.as_str().and_then(parse);
                let equal =
                    actual.is_some_and(|actual| canonical(&actual) == canonical(&fields["$json_set"]));
                unless(equal, || different(path, want, got))
            }
            (Value::Object(want), Value::Object(got)) => self.object(want, got, path),
            (Value::Array(want), Value::Array(got)) => self.list(want, got, path),
            (Value::String(a), Value::String(b)) if is_json_string(path) => {
                let equal = a == b || parse(a).is_some_and(|value| parse(b) == Some(value));
                unless(equal, || different(path, want, got))
            }
            _ => unless(want == got, || different(path, want, got)),
        }
    }

    fn object(&mut self, want: &Map<String, Value>, got: &Map<String, Value>, path: &str) -> Vec<String> {
        let at = |key: &str| {
            if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
        };
        let mut lines = Vec::new();
        for (key, want) in want {
            match got.get(key) {
                Some(got) => lines.extend(self.diff(want, got, &at(key))),
                None => lines.push(format!("{}: missing", at(key))),
            }
        }
        let extra = got.keys().filter(|key| !want.contains_key(*key));
        lines.extend(extra.map(|key| format!("{}: not asked for", at(key))));
        lines
    }

    fn list(&mut self, want: &[Value], got: &[Value], path: &str) -> Vec<String> {
        if want.len() != got.len() {
            return vec![format!("{path}: want {} items, got {}: {}", want.len(), got.len(), short(got))];
        }
        if let Some(sizes) = self.blocks.and_then(|blocks| blocks.get(path)) {
            return self.runs(sizes, want, got, path);
        }
        if self.unordered.iter().any(|unordered| unordered == path)
            || UNORDERED.iter().any(|end| path.ends_with(end))
        {
            return self.set(want, got, path);
        }
        let mut lines = Vec::new();
        for (index, (want, got)) in want.iter().zip(got).enumerate() {
            lines.extend(self.diff(want, got, path).into_iter().map(|line| format!("[{index}] {line}")));
        }
        lines
    }

    /// Rows with equal sort keys may come in any order, but not out of their run.
    fn runs(&mut self, sizes: &[usize], mut want: &[Value], mut got: &[Value], path: &str) -> Vec<String> {
        if sizes.iter().sum::<usize>() != want.len() {
            return vec![format!(
                "{path}: the case's blocks {sizes:?} do not cover its {} items",
                want.len()
            )];
        }
        let mut lines = Vec::new();
        for &size in sizes {
            let (want_run, got_run);
            (want_run, want) = want.split_at(size);
            (got_run, got) = got.split_at(size);
            lines.extend(self.set(want_run, got_run, path));
        }
        lines
    }

    fn set(&mut self, want: &[Value], got: &[Value], path: &str) -> Vec<String> {
        let mut left: Vec<Value> = got.iter().map(without_cursor).collect();
        let mut lines = Vec::new();
        for item in want.iter().map(without_cursor) {
            let found = (0..left.len()).find(|&index| {
                // What a failed comparison bound on its way must not stay bound.
                let before = self.bindings.clone();
                let fits = self.diff(&item, &left[index], path).is_empty();
                if !fits {
                    *self.bindings = before;
                }
                fits
            });
            match found {
                Some(index) => drop(left.remove(index)),
                None => lines.push(format!("{path}: no item like {} among {}", brief(&item), short(&left))),
            }
        }
        lines
    }
}

/// The value as JSON, cut to what fits on a line.
pub fn brief(value: &Value) -> String {
    const LIMIT: usize = 160;
    let text = value.to_string();
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn short(values: &[Value]) -> String {
    brief(&Value::from(values))
}

fn different(path: &str, want: &Value, got: &Value) -> String {
    format!("{}: want {}, got {}", if path.is_empty() { "data" } else { path }, brief(want), brief(got))
}

fn unless(equal: bool, line: impl FnOnce() -> String) -> Vec<String> {
    if equal { Vec::new() } else { vec![line()] }
}

fn is_json_string(path: &str) -> bool {
    JSON_STRINGS.contains(&path.rsplit('.').next().unwrap_or(path))
}

fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// A cursor stands for a row's place, which in a set means nothing.
fn without_cursor(item: &Value) -> Value {
    let mut item = item.clone();
    if let Value::Object(fields) = &mut item {
        fields.remove("cursor");
    }
    item
}

/// The value with all its lists sorted, so that they compare as sets with repetitions.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(canonical).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => fields.iter().map(|(key, field)| (key.clone(), canonical(field))).collect(),
        other => other.clone(),
    }
}

mod tests;
