//! Documents that the schema allows, or nearly.

use std::fmt::Write as _;

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use super::cursors::Cursors;
use super::schema::{Field, Input, Schema, base};
use super::shape::Shape;
use super::values::Values;

/// How many levels and fields a document has at most.
const DEPTH: u32 = 9;
const FIELDS: u32 = 60;

/// A document with its variables.
pub struct Document {
    /// Its text.
    pub query: String,
    /// Its variables, as JSON.
    pub variables: String,
}

/// Writes a document.
pub struct Writer<'a> {
    schema: &'a Schema,
    values: &'a Values<'a>,
    cursors: &'a Cursors,
    random: &'a mut StdRng,
    declared: Vec<String>,
    variables: Vec<(String, Shape)>,
    fragments: String,
    fields: u32,
}

impl<'a> Writer<'a> {
    /// A writer for this schema.
    pub fn new(
        schema: &'a Schema,
        values: &'a Values<'a>,
        cursors: &'a Cursors,
        random: &'a mut StdRng,
    ) -> Self {
        let (declared, variables, fragments) = (Vec::new(), Vec::new(), String::new());
        Self { schema, values, cursors, random, declared, variables, fragments, fields: 0 }
    }

    /// A query, a mutation or a subscription.
    pub fn document(mut self) -> Document {
        let (word, root) = match self.random.gen_range(0..20) {
            0..=5 => ("mutation", "Mutation"),
            6 if self.strays(0.2) => ("subscription", "Query"),
            // Each waits for what may come, so there are few.
            7 if self.chance(0.2) => ("subscription", "Subscription"),
            _ => ("query", "Query"),
        };
        let selection = self.selection(root, 0);
        let name = if self.chance(0.5) { "Q" } else { "" };
        let declared = match self.declared.len() {
            0 => String::new(),
            _ => format!("({})", self.declared.join(", ")),
        };
        let query = match word {
            "query" if declared.is_empty() && name.is_empty() => format!("{selection}{}", self.fragments),
            _ => format!("{word} {name}{declared} {selection}{}", self.fragments),
        };
        if self.strays(0.02) {
            self.variables.push(("unknown".to_owned(), Shape::Null));
        }
        if self.strays(0.02) {
            self.variables.pop();
        }
        Document { query, variables: Shape::Object(self.variables).json() }
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.random.gen_bool(probability)
    }

    /// Whether to write something wrong next; with this probability if `wild` is 1.
    fn strays(&mut self, probability: f64) -> bool {
        self.random.gen_bool(probability * self.values.wild)
    }

    fn selection(&mut self, ty: &str, depth: u32) -> String {
        let fields = self.schema.fields(ty);
        let mut text = String::from(if fields.is_empty() || depth >= DEPTH { "{ __typename " } else { "{ " });
        // A subscription may have one field.
        let most = match ty {
            "Subscription" if !self.strays(0.2) => 2,
            _ if self.chance(0.01) => 40,
            _ => 5,
        };
        for number in 0..self.random.gen_range(1..most) {
            self.fields += 1;
            match self.random.gen_range(0..100) {
                0 if self.strays(1.0) => text.push_str("nonsense "),
                1..=3 => text.push_str("__typename "),
                4 if depth == 0 => {
                    text.push_str("__schema { types { name kind fields { name args { name } } } } ");
                }
                5..=7 => self.spread(ty, depth, &mut text),
                // Fields that lead on are taken more often than their share.
                _ => {
                    let onward = |field: &&Field| {
                        ["edges", "node"].contains(&field.name.as_str()) && field.arguments.is_empty()
                    };
                    let onward = fields.iter().find(onward).filter(|_| self.random.gen_bool(0.6));
                    if let Some(field) = onward.or_else(|| fields.choose(self.random)) {
                        self.field(field, number, depth, &mut text);
                    }
                }
            }
        }
        text.push('}');
        text
    }

    /// A fragment, on this type or on another one.
    fn spread(&mut self, ty: &str, depth: u32, text: &mut String) {
        let types: Vec<&str> = self.schema.composites().collect();
        let other = types.choose(self.random).copied().unwrap_or(ty);
        let on = if self.strays(0.3) { other } else { ty };
        if depth >= DEPTH || self.fields > FIELDS {
            text.push_str("__typename ");
            return;
        }
        let selection = self.selection(on, depth + 1);
        match self.random.gen_range(0..4) {
            0 => {
                let name = format!("F{}", self.fields);
                let _ = write!(self.fragments, " fragment {name} on {on} {selection}");
                let _ = write!(text, "...{name} ");
            }
            1 => {
                let _ = write!(text, "... {selection} ");
            }
            _ => {
                let _ = write!(text, "... on {on} {selection} ");
            }
        }
    }

    fn field(&mut self, field: &'a Field, number: u32, depth: u32, text: &mut String) {
        let composite = !self.schema.fields(base(&field.ty)).is_empty();
        if composite && (depth >= DEPTH || self.fields > FIELDS) {
            text.push_str("__typename ");
            return;
        }
        // Fields with one name and different arguments can't stand beside each other.
        if self.chance(0.1) {
            let _ = write!(text, "a{number}: ");
        } else if !field.arguments.is_empty() && !self.strays(0.5) {
            let _ = write!(text, "b{}: ", self.fields);
        }
        text.push_str(&field.name);
        let arguments = self.arguments(field);
        if !arguments.is_empty() {
            let _ = write!(text, "({arguments})");
        }
        if self.chance(0.02) {
            text.push_str(if self.chance(0.5) { " @include(if: true)" } else { " @skip(if: true)" });
        }
        if self.strays(0.03) {
            let directives = ["@skip(if: $nowhere)", "@include(if: 1)", "@skip", "@nonsense(a: 1)"];
            let _ = write!(text, " {}", directives.choose(self.random).copied().unwrap_or_default());
        }
        text.push(' ');
        if composite != self.strays(0.01) {
            let selection = self.selection(base(&field.ty), depth + 1);
            text.push_str(&selection);
            text.push(' ');
        }
    }

    fn arguments(&mut self, field: &'a Field) -> String {
        let most = field.arguments.len().min(4);
        let mut chosen: Vec<&Input> = Vec::new();
        for input in field.arguments.iter().filter(|input| input.is_required) {
            if !self.strays(0.03) {
                chosen.push(input);
            }
        }
        if most > 0 && self.chance(0.6) {
            let more = self.random.gen_range(1..=most);
            for input in field.arguments.choose_multiple(self.random, more) {
                if !chosen.iter().any(|other| other.name == input.name) {
                    chosen.push(input);
                }
            }
        }
        let paged = chosen.iter().any(|input| ["after", "before"].contains(&input.name.as_str()));
        let cursor = if paged { self.cursors.of(&field.name, self.random) } else { None };
        let mut written = Vec::new();
        for input in chosen {
            let value = match (input.name.as_str(), cursor) {
                ("after" | "before", Some(cursor)) => Shape::Text(cursor.forged(self.random)),
                // The order of the cursor is added below.
                ("orderBy", Some(_)) => continue,
                ("orderBy", None) => self.order(field),
                _ => self.values.value(&input.name, &input.ty, 0, self.random),
            };
            written.push(self.argument(input, value));
        }
        if let Some(order) = cursor.and_then(|cursor| cursor.order) {
            written.push(format!("orderBy: [\"{order}\"]"));
        }
        written.join(", ")
    }

    /// Writes the argument into the document, or as a variable.
    fn argument(&mut self, input: &Input, value: Shape) -> String {
        if !self.chance(0.4) {
            return format!("{}: {}", input.name, value.literal());
        }
        let name = format!("v{}", self.variables.len());
        let ty = if self.strays(0.04) { "[Int!]".to_owned() } else { input.ty.to_string() };
        let default = if self.chance(0.05) { format!(" = {}", value.literal()) } else { String::new() };
        self.declared.push(format!("${name}: {ty}{default}"));
        self.variables.push((name.clone(), value));
        format!("{}: ${name}", input.name)
    }

    /// A list of sort keys, from the names of fields and filters.
    fn order(&mut self, field: &'a Field) -> Shape {
        let key = |random: &mut StdRng| {
            let name = field.arguments.choose(random).map_or("id", |input| input.name.as_str());
            let name = name.split('_').next().unwrap_or(name);
            Shape::Text(format!("{}{name}", if random.gen_bool(0.5) { "-" } else { "" }))
        };
        let count = self.random.gen_range(0..4);
        Shape::List((0..count).map(|_| key(self.random)).collect())
    }
}
