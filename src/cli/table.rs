//! What subcommands show: a table for people, JSON for programs.

use chrono::NaiveDateTime;
use serde_json::{Map, Value, json};

/// What a subcommand did: a sentence, or as JSON the facts.
pub fn done(json: bool, sentence: impl Into<String>, facts: &Value) -> String {
    if json { facts.to_string() } else { sentence.into() }
}

/// Rows with named columns.
pub struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[&'static str], rows: Vec<Vec<Value>>) -> Self {
        Self { columns: columns.to_vec(), rows }
    }

    /// The rows: as a JSON list of objects, or as lines with aligned columns.
    pub fn text(&self, json: bool) -> String {
        if json {
            Value::Array(self.rows.iter().map(|row| self.object(row)).collect()).to_string()
        } else {
            self.lines()
        }
    }

    /// The only row: as a JSON object, or as lines of a name and a value.
    pub fn record(&self, json: bool) -> String {
        let Some(row) = self.rows.first() else { return String::new() };
        if json {
            return self.object(row).to_string();
        }
        let width = self.columns.iter().map(|name| name.len()).max().unwrap_or(0);
        let line = |(name, value): (&&str, &Value)| {
            format!("{name:<width$}  {}", words(value)).trim_end().to_owned()
        };
        self.columns.iter().zip(row).map(line).collect::<Vec<_>>().join("\n")
    }

    fn object(&self, row: &[Value]) -> Value {
        let entries = self.columns.iter().zip(row);
        Value::Object(entries.map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Map<_, _>>())
    }

    fn lines(&self) -> String {
        let head = self.columns.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let body = self.rows.iter().map(|row| row.iter().map(words).collect());
        let lines: Vec<Vec<String>> = std::iter::once(head).chain(body).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let padded = |line: &Vec<String>| {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        lines.iter().map(padded).collect::<Vec<_>>().join("\n")
    }
}

/// A moment as it is shown, in UTC to the second.
pub fn moment(moment: Option<NaiveDateTime>) -> Value {
    moment.map_or(Value::Null, |moment| json!(moment.format("%Y-%m-%dT%H:%M:%S").to_string()))
}

/// A value in a line. Nothing in it ends the line or moves the cursor.
fn words(value: &Value) -> String {
    let text = match value {
        Value::Null => return "-".to_owned(),
        Value::Bool(truth) => return if *truth { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => return "-".to_owned(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_for_people_and_named_for_programs() {
        let rows = vec![
            vec![json!("ada"), json!(true), json!(["A", "B"])],
            vec![json!("zoë\n"), json!(false), json!([])],
        ];
        let table = Table::new(&["name", "active", "roles"], rows);
        assert_eq!(table.text(false), "name  active  roles\nada   yes     A, B\nzoë   no      -");
        assert_eq!(
            table.text(true),
            r#"[{"active":true,"name":"ada","roles":["A","B"]},{"active":false,"name":"zoë\n","roles":[]}]"#
        );
        assert_eq!(table.record(false), "name    ada\nactive  yes\nroles   A, B");
    }
}
