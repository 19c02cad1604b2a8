//! The order of a list, and what lies beyond a row in it.

use super::key::{Key, and, beyond, nothing, order_by};
use super::segment::Segment;
use super::{Kind, Table, cursor};
use crate::db::connection::Dialect;
use crate::db::sql::Sql;
use crate::domain::query::Value;
use crate::error::{Error, Result};
use crate::message::Message;

/// The keys that a list is sorted by; the last one is the primary key, so no two rows are equal.
pub struct Order {
    /// The column of the primary key.
    pub id: String,
    table: &'static str,
    keys: Vec<Key>,
    signature: String,
}

impl Order {
    /// Reads `orderBy`: paths in camelCase or snake_case, with `-` before a descending one.
    pub fn parse(table: &Table, order_by: &[String]) -> Result<Self> {
        let defaults: Vec<String> = table.default_order.iter().map(|&key| key.to_owned()).collect();
        let asked = if order_by.is_empty() { &defaults } else { order_by };
        let id = Key::new(table, &table.key, false).alone;
        let mut order = Self { id, table: table.name, keys: Vec::new(), signature: String::new() };
        for key in asked {
            let (descending, name) = key.strip_prefix('-').map_or((false, key.as_str()), |name| (true, name));
            let field = table.sorted_by(name).ok_or_else(|| unknown_key(table, key))?;
            order.push(Key::new(table, field, descending), field.path);
        }
        // Ties are sorted in the direction of the last key, so that an index on (key, id) serves both directions.
        let descending = order.keys.last().is_some_and(|key| key.descending);
        order.push(Key::new(table, &table.key, descending), table.key.path);
        Ok(order)
    }

    fn push(&mut self, key: Key, path: &str) {
        // A repeated key changes nothing, and databases bound how many keys there may be.
        if self.keys.iter().any(|before| before.alone == key.alone) {
            return;
        }
        self.signature.push_str(if key.descending { "-" } else { "+" });
        self.signature.push_str(path);
        self.keys.push(key);
    }

    /// Whether the order needs rows of other tables.
    pub fn is_joined(&self) -> bool {
        self.keys.iter().any(|key| key.join.is_some())
    }

    /// The text after `ORDER BY` in a query of the table alone.
    pub fn sql(&self, backward: bool) -> Sql {
        order_by(&self.keys, |key| &key.alone, backward)
    }

    /// All rows beyond the row with the values `start`, or all rows, as segments to be read one after the other: the rows
    /// whose first key has a value, and the rows that lack one. If one condition covered both, no index could find where to
    /// start, and the database could not read the other table first.
    pub fn segments(&self, start: Option<&[Option<Value>]>, backward: bool) -> Vec<Segment> {
        let Some((first, rest)) = self.keys.split_first() else {
            return Vec::new();
        };
        let present = |beyond| Segment {
            from: self.from(true),
            beyond,
            order: order_by(&self.keys, |key| &key.joined, backward),
        };
        // All of these rows lack the first key, so they are not sorted by it.
        let absent = |beyond: Option<Sql>| Segment {
            from: self.from(false),
            beyond: and(first.absent.clone(), beyond),
            order: order_by(rest, |key| &key.joined, backward),
        };
        let any_present = || present(Sql::new(format!("{} IS NOT NULL", first.joined)));
        let up = first.descending == backward;
        let values = start.unwrap_or_default();
        match values.split_first() {
            // An index on the table itself has all rows in order.
            None if !first.nullable || first.join.is_none() => {
                vec![self.one_segment(Sql::new("1 = 1"), backward)]
            }
            None if up => vec![any_present(), absent(None)],
            None => vec![absent(None), any_present()],
            Some((Some(value), others)) => {
                let bound = if self.is_compared_at_once(values) {
                    self.beyond_at_once(values, up)
                } else {
                    first.beyond_value(value, up, beyond(rest, others, backward))
                };
                let mut segments = vec![present(bound)];
                if first.nullable && up {
                    segments.push(absent(None));
                }
                segments
            }
            Some((None, values)) => {
                let mut segments = vec![absent(Some(beyond(rest, values, backward).unwrap_or_else(nothing)))];
                if !up {
                    segments.push(any_present());
                }
                segments
            }
        }
    }

    /// The rows that meet `condition`, in one segment.
    pub fn one_segment(&self, condition: Sql, backward: bool) -> Segment {
        let order = order_by(&self.keys, |key| &key.joined, backward);
        Segment { from: self.from(false), beyond: condition, order }
    }

    /// The condition that a row comes after the row with these values (before it, when `backward`).
    pub fn beyond(&self, values: &[Option<Value>], backward: bool) -> Sql {
        beyond(&self.keys, values, backward).unwrap_or_else(nothing)
    }

    /// Whether one comparison of all keys with these values is enough, for rows whose first key has a value.
    fn is_compared_at_once(&self, values: &[Option<Value>]) -> bool {
        let descending = self.keys.first().is_some_and(|first| first.descending);
        values.iter().all(Option::is_some)
            // For a boolean, PostgreSQL would expect few rows beyond the constant, and read all of them one after the other.
            && self.keys.first().is_some_and(|first| first.kind != Kind::Bool)
            && self.keys.iter().all(|key| key.join.is_none() && key.descending == descending)
            && self.keys.iter().skip(1).all(|key| !key.nullable)
    }

    /// [`Self::beyond`] as one comparison, by which an index on all keys finds where to start even among thousands of ties.
    fn beyond_at_once(&self, values: &[Option<Value>], up: bool) -> Sql {
        let keys = self.keys.iter().map(|key| key.joined.as_str()).collect::<Vec<_>>().join(", ");
        let values = values.iter().flatten().map(|value| Sql::default().bind(value.clone()));
        Sql::new(format!("({keys}) {} (", if up { ">" } else { "<" }))
            .append(Sql::join(values.collect(), ", ", "NULL"))
            .sql(")")
    }

    /// The value of the primary key among these values.
    pub fn id_in<'a>(&self, values: &'a [Option<Value>]) -> Option<&'a Value> {
        let mut pairs = self.keys.iter().zip(values);
        pairs.find(|(key, _)| key.alone == self.id).and_then(|(_, value)| value.as_ref())
    }

    /// The table, joined with the tables that hold keys. `present` says that the first key of all wanted rows has a value,
    /// so the database may begin with the other table.
    fn from(&self, present: bool) -> String {
        let mut from = self.table.to_owned();
        let mut joined: Vec<&str> = Vec::new();
        for (i, key) in self.keys.iter().enumerate() {
            let Some(join) = key.join.as_deref().filter(|join| !joined.contains(join)) else {
                continue;
            };
            joined.push(join);
            from.push_str(if !key.nullable || (present && i == 0) { " JOIN " } else { " LEFT JOIN " });
            from.push_str(join);
        }
        from
    }

    /// The values that a row is sorted by, as the text of a JSON list.
    pub fn sort_values(&self, dialect: Dialect) -> Sql {
        let values = self.keys.iter().map(|key| key.alone.as_str()).collect::<Vec<_>>().join(", ");
        Sql::new(match dialect {
            Dialect::Postgres => format!("CAST(json_build_array({values}) AS text)"),
            Dialect::Sqlite => format!("json_array({values})"),
        })
    }

    /// The opaque form of [`Self::sort_values`] for clients.
    pub fn write_cursor(&self, sort_values: &str) -> String {
        cursor::write(&self.signature, sort_values)
    }

    /// The values in a cursor that came from a list in this order.
    pub fn read_cursor(&self, argument: &str, cursor: &str) -> Result<Vec<Option<Value>>> {
        let kinds: Vec<Kind> = self.keys.iter().map(|key| key.kind).collect();
        cursor::read(&self.signature, &kinds, cursor).ok_or_else(|| {
            Error::validation(argument, Message::new("bad-cursor").with("field", argument.to_owned()))
        })
    }
}

fn unknown_key(table: &Table, key: &str) -> Error {
    // The list comes from us and is bounded, so it is not cut as texts from clients are.
    let message = Message::new("unknown-order-key")
        .with("key", key.to_owned())
        .with_list("allowed", &table.order_names());
    Error::validation("orderBy", message)
}
