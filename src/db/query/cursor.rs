//! Cursors: the order of a list, and the values by which one of its rows is sorted. Clients treat them as opaque.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Datelike, NaiveDateTime};
use serde_json::Value as Json;

use super::Kind;
use crate::domain::query::{Value, YEARS};

/// The longest cursor, in bytes. Ours are shorter, because pages are sorted by a few bounded columns.
const LONGEST: usize = 16 * 1024;

pub fn write(signature: &str, sort_values: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{signature}\n{sort_values}"))
}

/// Reads the values of a cursor, one for each of `kinds`; none if the cursor is not of a list in that order.
pub fn read(signature: &str, kinds: &[Kind], cursor: &str) -> Option<Vec<Option<Value>>> {
    if cursor.len() > LONGEST {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let values = text.strip_prefix(signature)?.strip_prefix('\n')?;
    let values: Vec<Json> = serde_json::from_str(values).ok()?;
    if values.len() != kinds.len() {
        return None;
    }
    kinds
        .iter()
        .zip(&values)
        .map(|(kind, value)| if value.is_null() { Some(None) } else { read_value(*kind, value).map(Some) })
        .collect()
}

fn read_value(kind: Kind, value: &Json) -> Option<Value> {
    Some(match kind {
        Kind::Text | Kind::Json => {
            Value::Text(value.as_str().filter(|text| !text.contains('\0'))?.to_owned())
        }
        Kind::Uuid => Value::Uuid(value.as_str()?.parse().ok()?),
        Kind::Int => Value::Int(value.as_i64()?),
        Kind::Bool => Value::Bool(value.as_bool().or_else(|| value.as_i64().map(|number| number != 0))?),
        Kind::DateTime => Value::DateTime(read_moment(value.as_str()?)?),
    })
}

/// Reads a moment. PostgreSQL writes `T` between day and time, SQLite a space.
fn read_moment(text: &str) -> Option<NaiveDateTime> {
    let moment = NaiveDateTime::parse_from_str(&text.replacen('T', " ", 1), "%Y-%m-%d %H:%M:%S%.f").ok()?;
    YEARS.contains(&moment.year()).then_some(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_its_values_back_in_its_own_order_only() {
        let cursor = write("+date_created+id", r#"["2024-03-01T10:00:00.5",null]"#);
        let kinds = [Kind::DateTime, Kind::Uuid];
        let values = read("+date_created+id", &kinds, &cursor).expect("its own order");
        let moment = read_moment("2024-03-01 10:00:00.500000").expect("a moment");
        assert_eq!(values, [Some(Value::DateTime(moment)), None]);
        assert!(read("-date_created-id", &kinds, &cursor).is_none());
        assert!(read("+date_created+id", &[Kind::Int, Kind::Uuid], &cursor).is_none());
        for junk in ["", "xxx", "====", "é"] {
            assert!(read("+date_created+id", &kinds, junk).is_none(), "{junk}");
        }
    }
}
