//! Cursors: real ones, taken from the server, and forgeries of them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};

use super::schema::{Schema, base};
use crate::http::Client;

/// Orders in which cursors are taken, besides the usual one. A list that does not know an order is taken without it.
const ORDERS: &[&str] =
    &["dateCreated", "-dateUpdated", "id", "code", "source", "username", "-version", "requestDateTime"];

/// A real cursor, with the order of its list.
pub struct Cursor {
    text: String,
    /// The order of its list, if one was given.
    pub order: Option<&'static str>,
}

/// Cursors by their lists' fields.
pub struct Cursors {
    of_field: BTreeMap<String, Vec<Cursor>>,
}

impl Cursors {
    /// Takes some cursors of every list at the root.
    pub async fn take(client: &mut Client, schema: &Schema) -> Result<Self, String> {
        let mut of_field: BTreeMap<String, Vec<Cursor>> = BTreeMap::new();
        for field in schema.fields("Query").iter().filter(|field| base(&field.ty).ends_with("Connection")) {
            for order in ORDERS.iter().copied().map(Some).chain([None]) {
                let order_by = order.map_or(String::new(), |order| format!(", orderBy: [{}]", json!(order)));
                let query = format!("{{ {}(first: 2{order_by}) {{ edges {{ cursor }} }} }}", field.name);
                let (_, body) = client.graphql(&query, &Value::Null).await?;
                let edges = body["data"][&field.name]["edges"].as_array();
                for cursor in edges.into_iter().flatten().filter_map(|edge| edge["cursor"].as_str()) {
                    let cursor = Cursor { text: cursor.to_owned(), order };
                    of_field.entry(field.name.clone()).or_default().push(cursor);
                }
            }
        }
        if of_field.len() < 5 {
            return Err(format!("only {} lists have cursors", of_field.len()));
        }
        Ok(Self { of_field })
    }

    /// A random cursor of a field.
    pub fn of(&self, field: &str, random: &mut StdRng) -> Option<&Cursor> {
        self.of_field.get(field)?.choose(random)
    }
}

impl Cursor {
    /// The cursor as it is, or with one value changed to something extreme.
    pub fn forged(&self, random: &mut StdRng) -> String {
        if random.gen_bool(0.3) {
            return self.text.clone();
        }
        let Some((signature, mut values)) = self.parts() else { return self.text.clone() };
        let extremes = [
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(i64::MAX),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(1e300),
            json!(0.5),
            json!(""),
            json!("\0"),
            json!("😀".repeat(500)),
            json!("x".repeat(9_000)),
            json!([]),
            json!({}),
            json!("-4714-11-24 00:00:00"),
            json!("-0001-01-01 00:00:00"),
            json!("0000-01-01 00:00:00"),
            json!("9999-12-31 23:59:59.999999999"),
            json!("+10000-01-01 00:00:00"),
            json!("294277-01-01 00:00:00"),
            json!("+262142-12-31 23:59:59"),
            json!("2024-12-31 23:59:60"),
            json!("00000000-0000-0000-0000-000000000000"),
            json!("urn:uuid:00000000-0000-0000-0000-000000000000"),
            json!("{00000000-0000-0000-0000-000000000000}"),
        ];
        match random.gen_range(0..10) {
            0 => values.push(json!(1)),
            1 => drop(values.pop()),
            _ => {
                let place = random.gen_range(0..values.len().max(1));
                if let (Some(value), Some(extreme)) = (values.get_mut(place), extremes.choose(random)) {
                    *value = extreme.clone();
                }
            }
        }
        URL_SAFE_NO_PAD.encode(format!("{signature}\n{}", Value::from(values)))
    }

    fn parts(&self) -> Option<(String, Vec<Value>)> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(&self.text).ok()?).ok()?;
        let (signature, values) = text.split_once('\n')?;
        Some((signature.to_owned(), serde_json::from_str(values).ok()?))
    }
}
