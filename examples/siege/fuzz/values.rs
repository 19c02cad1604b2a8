//! Values for types: right ones, extreme ones, and wrong ones.

use async_graphql::parser::types::{BaseType, Type};
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};

use super::FUNCTION;
use super::extremes::{CRONS, JSONS, MOMENTS, NUMBERS, RIGHT_MOMENTS, TEXTS, ZONES};
use super::schema::{Kind, Schema};
use super::shape::Shape;

/// Keys that exist in the database.
pub struct Known {
    /// Keys of rows.
    pub keys: Vec<String>,
    /// Keys of people.
    pub people: Vec<String>,
}

/// Makes values.
pub struct Values<'a> {
    /// The types.
    pub schema: &'a Schema,
    /// The keys.
    pub known: &'a Known,
    /// The share of wrong values, from 0 to 1.
    pub wild: f64,
}

impl Values<'_> {
    /// A value for an argument or a field of this name and type.
    pub fn value(&self, name: &str, ty: &Type, depth: u32, random: &mut StdRng) -> Shape {
        if self.strays(0.04, random) {
            return self.anything(depth, random);
        }
        if (ty.nullable && random.gen_bool(0.06)) || self.strays(0.02, random) {
            return Shape::Null;
        }
        match &ty.base {
            BaseType::List(inner) => {
                if random.gen_bool(0.08) {
                    return self.value(name, inner, depth, random);
                }
                let most = if self.strays(0.02, random) { 1_100 } else { 4 };
                let count = random.gen_range(0..most);
                Shape::List((0..count).map(|_| self.value(name, inner, depth + 1, random)).collect())
            }
            BaseType::Named(ty) => self.named(name, ty, depth, random),
        }
    }

    fn named(&self, name: &str, ty: &str, depth: u32, random: &mut StdRng) -> Shape {
        match self.schema.kind(ty) {
            Some(Kind::Words(_)) if self.strays(0.05, random) => Shape::Word("NONSENSE".to_owned()),
            Some(Kind::Words(words)) => Shape::Word(pick(words, random).to_owned()),
            Some(Kind::Input(fields)) => {
                let mut object = Vec::new();
                for field in fields {
                    let wanted =
                        if field.is_required { !self.strays(0.03, random) } else { random.gen_bool(0.3) };
                    if depth < 5 && wanted {
                        object.push((
                            field.name.clone(),
                            self.value(&field.name, &field.ty, depth + 1, random),
                        ));
                    }
                }
                if self.strays(0.02, random) {
                    object.push(("nonsense".to_owned(), Shape::Null));
                }
                Shape::Object(object)
            }
            _ => self.scalar(name, ty, random),
        }
    }

    fn scalar(&self, name: &str, ty: &str, random: &mut StdRng) -> Shape {
        match (name, ty) {
            ("first" | "last" | "offset", _) if random.gen_bool(0.8) => {
                Shape::Raw(random.gen_range(0..6).to_string())
            }
            ("businessStatus", _) if random.gen_bool(0.7) => {
                let verdict =
                    ["APPROVED", "FAILED", "", "approved"].choose(random).copied().unwrap_or_default();
                let verdict = match random.gen_range(0..4) {
                    0 => json!({ "ACCEPT": [pick(&self.known.keys, random)], "REJECT": [verdict] }),
                    _ => json!(verdict),
                };
                Shape::Text(json!({ pick(&self.known.people, random): verdict }).to_string())
            }
            ("functionName", _) if random.gen_bool(0.8) => Shape::Text(FUNCTION.to_owned()),
            ("cron", _) if random.gen_bool(0.8) => Shape::Text(one(CRONS, random)),
            ("timeZone", _) if random.gen_bool(0.8) => Shape::Text(one(ZONES, random)),
            (_, "Int" | "Float") if self.strays(0.4, random) => Shape::Raw(one(NUMBERS, random)),
            // The largest and the smallest among them.
            (_, "Int" | "Float") => {
                let bounds = [i32::MIN, -1, 0, 1, i32::MAX, random.gen_range(-2..200)];
                Shape::Raw(bounds.choose(random).copied().unwrap_or_default().to_string())
            }
            (_, "Boolean") => Shape::Raw(random.gen_bool(0.5).to_string()),
            (_, "UUID" | "ID") => Shape::Text(self.key(random)),
            (_, "DateTime") if !self.strays(0.6, random) => {
                Shape::Text(one(&MOMENTS[..RIGHT_MOMENTS], random))
            }
            (_, "Date") if !self.strays(0.6, random) => Shape::Text("2024-03-01".to_owned()),
            (_, "DateTime" | "Date") => Shape::Text(one(MOMENTS, random)),
            (_, "JSONString" | "ParsedJSONString") => Shape::Text(self.json(random)),
            _ => Shape::Text(self.text(random)),
        }
    }

    /// A key, or something like one.
    fn key(&self, random: &mut StdRng) -> String {
        use base64::Engine as _;
        let key = pick(&self.known.keys, random);
        let kind = if self.strays(0.6, random) { random.gen_range(0..8) } else { random.gen_range(2..4) };
        match kind {
            0 => key.to_uppercase(),
            1 => key.replace('-', ""),
            2 if random.gen_bool(0.8) => key.to_owned(),
            2 => uuid(random),
            3 if random.gen_bool(0.9) => key.to_owned(),
            3 => "00000000-0000-0000-0000-000000000000".to_owned(),
            4 | 5 => {
                let types: Vec<&str> = self.schema.composites().collect();
                let of = types.choose(random).copied().unwrap_or_default();
                base64::engine::general_purpose::STANDARD.encode(format!("{of}:{key}"))
            }
            6 => self.text(random),
            _ => one(NUMBERS, random),
        }
    }

    /// A text.
    pub fn text(&self, random: &mut StdRng) -> String {
        match random.gen_range(0..20) {
            0 => one(TEXTS, random).repeat(random.gen_range(1..400)),
            1 => (0..random.gen_range(1..30)).map(|_| random.r#gen::<char>()).collect(),
            2 => format!("{}{}", one(TEXTS, random), one(TEXTS, random)),
            3 => one(MOMENTS, random),
            4 => self.key_as_it_is(random),
            _ => one(TEXTS, random),
        }
    }

    fn key_as_it_is(&self, random: &mut StdRng) -> String {
        pick(&self.known.keys, random).to_owned()
    }

    fn json(&self, random: &mut StdRng) -> String {
        if !self.strays(0.7, random) {
            let text = one(TEXTS, random).replace('\0', "");
            let key = pick(&self.known.people, random);
            return json!({ "a": text, key: [1.5, i64::MAX, Value::Null] }).to_string();
        }
        match random.gen_range(0..12) {
            0 => "[".repeat(random.gen_range(1..3_000)),
            1 => {
                let depth = random.gen_range(1..200);
                format!("{}{}", "{\"a\":".repeat(depth), "1") + &"}".repeat(depth)
            }
            2 => json!({ self.text(random): self.text(random) }).to_string(),
            3 => json!({ pick(&self.known.people, random): one(TEXTS, random) }).to_string(),
            _ => one(JSONS, random),
        }
    }

    /// Whether to make something wrong next; with this probability if `wild` is 1.
    fn strays(&self, probability: f64, random: &mut StdRng) -> bool {
        random.gen_bool(probability * self.wild)
    }

    fn anything(&self, depth: u32, random: &mut StdRng) -> Shape {
        match random.gen_range(0..7) {
            0 => Shape::Raw(one(NUMBERS, random)),
            1 => Shape::Raw(random.gen_bool(0.5).to_string()),
            2 => Shape::Word("nonsense".to_owned()),
            3 if depth < 5 => Shape::List(vec![self.anything(depth + 1, random), Shape::Null]),
            4 if depth < 5 => Shape::Object(vec![("a".to_owned(), self.anything(depth + 1, random))]),
            5 => Shape::Null,
            _ => Shape::Text(self.text(random)),
        }
    }
}

/// One of these texts; empty if there is none.
pub fn one(texts: &[&str], random: &mut StdRng) -> String {
    texts.choose(random).copied().unwrap_or_default().to_owned()
}

fn pick<'a>(texts: &'a [String], random: &mut StdRng) -> &'a str {
    texts.choose(random).map_or("", String::as_str)
}

fn uuid(random: &mut StdRng) -> String {
    let bits: u128 = random.r#gen();
    let hex = format!("{bits:032x}");
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}
