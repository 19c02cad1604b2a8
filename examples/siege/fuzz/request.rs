//! Requests: a document in its envelope, or in a wrong one.

use std::fmt::Write as _;

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde_json::json;

use super::bytes::{disturb, shuffle};
use super::cursors::Cursors;
use super::document::{Document, Writer};
use super::schema::Schema;
use super::values::{Known, Values};

/// A request.
pub struct Request {
    /// Who sends it, by place among the senders.
    pub sender: usize,
    /// What it accepts.
    pub accept: &'static str,
    /// Its body.
    pub body: Vec<u8>,
}

/// What requests are made from.
pub struct Source {
    /// The types.
    pub schema: Schema,
    /// The rows.
    pub known: Known,
    /// Places in lists.
    pub cursors: Cursors,
    /// How many may send.
    pub senders: usize,
}

impl Source {
    /// A request that the random numbers alone decide.
    pub fn request(&self, random: &mut StdRng) -> Request {
        let count = if random.gen_bool(0.01) { random.gen_range(0..4) } else { 1 };
        let mut calls: Vec<String> = (0..count).map(|_| self.call(random)).collect();
        let mut body = match calls.len() {
            1 if random.gen_bool(0.99) => calls.remove(0),
            _ => format!("[{}]", calls.join(",")),
        }
        .into_bytes();
        if random.gen_bool(0.08) {
            disturb(&mut body, random);
        }
        let accepts =
            ["application/json", "application/graphql-response+json", "*/*", "text/html, */*;q=0.1"];
        let is_live = body.windows(13).any(|word| word == b"\"subscription");
        let accept = if is_live && random.gen_bool(0.8) {
            "multipart/mixed;subscriptionSpec=1.0, application/json"
        } else {
            accepts.choose(random).copied().unwrap_or_default()
        };
        // Strangers are refused almost everything.
        let sender = if random.gen_bool(0.06) { 0 } else { random.gen_range(1..self.senders) };
        Request { sender, accept, body }
    }

    fn call(&self, random: &mut StdRng) -> String {
        // Most are right as far as the schema says, so that they come through to what is behind it.
        let wild = *[0.0, 0.0, 0.0, 0.2, 1.0].choose(random).unwrap_or(&0.0);
        let values = Values { schema: &self.schema, known: &self.known, wild };
        let Document { mut query, variables } =
            Writer::new(&self.schema, &values, &self.cursors, random).document();
        if wild > 0.5 && random.gen_bool(0.4) {
            query = shuffle(&query, random);
        }
        let mut more = String::new();
        if random.gen_bool(0.03) {
            let name = *["Q", "", "other"].choose(random).unwrap_or(&"");
            let _ = write!(more, ", \"operationName\": {}", json!(name));
        }
        if random.gen_bool(0.02) {
            more.push_str(", \"extensions\": {\"persistedQuery\": {\"version\": 1, \"sha256Hash\": \"0\"}}");
        }
        if random.gen_bool(0.02) {
            more.push_str(", \"query\": null");
        }
        format!("{{\"query\": {}, \"variables\": {variables}{more}}}", json!(query))
    }
}
