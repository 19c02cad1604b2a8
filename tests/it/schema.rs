//! The schema: kept in a file, and a superset of the original's.

use std::collections::BTreeMap;

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{InputValueDefinition, TypeKind, TypeSystemDefinition};
use tasks_management::{Builder, Settings};

fn sdl() -> String {
    let settings = Settings::default();
    Builder::new(settings).build().expect("the defaults are fine").sdl()
}

/// Every line of a schema that clients rely on: `Type`, `Type.field: Type`, `Type.field(argument): Type`, `Enum.VALUE`,
/// `Type implements Interface`, `Union = Member`.
fn lines(sdl: &str) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    for definition in parse_schema(sdl).expect("a schema").definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let name = definition.node.name.node.as_str();
        let mut add = |line: String, kind: String| lines.insert(line, kind);
        let arguments =
            |owner: &str, arguments: &[Positioned<InputValueDefinition>]| -> Vec<(String, String)> {
                let line = |argument: &InputValueDefinition| {
                    let default = argument
                        .default_value
                        .as_ref()
                        .map_or_else(String::new, |value| format!(" = {}", value.node));
                    (format!("{owner}({})", argument.name.node), format!("{}{default}", argument.ty.node))
                };
                arguments.iter().map(|argument| line(&argument.node)).collect()
            };
        let (kind, fields, interfaces) = match &definition.node.kind {
            TypeKind::Scalar => ("scalar", None, Vec::new()),
            TypeKind::Object(object) => ("type", Some(&object.fields), object.implements.clone()),
            TypeKind::Interface(interface) => {
                ("interface", Some(&interface.fields), interface.implements.clone())
            }
            TypeKind::Union(union) => {
                for member in &union.members {
                    add(format!("{name} = {}", member.node), String::new());
                }
                ("union", None, Vec::new())
            }
            TypeKind::Enum(values) => {
                for value in &values.values {
                    add(format!("{name}.{}", value.node.value.node), String::new());
                }
                ("enum", None, Vec::new())
            }
            TypeKind::InputObject(input) => {
                for (line, ty) in arguments(name, &input.fields) {
                    add(line, ty);
                }
                ("input", None, Vec::new())
            }
        };
        add(name.to_owned(), kind.to_owned());
        for interface in interfaces {
            add(format!("{name} implements {}", interface.node), String::new());
        }
        for field in fields.into_iter().flatten() {
            let field = &field.node;
            let path = format!("{name}.{}", field.name.node);
            for (line, ty) in arguments(&path, &field.arguments) {
                add(line, ty);
            }
            add(path, field.ty.node.to_string());
        }
    }
    lines
}

#[test]
fn schema_graphql_is_current() {
    let kept = include_str!("../../schema.graphql");
    assert_eq!(kept.trim_end(), sdl().trim_end(), "run `cargo run -- schema > schema.graphql`");
}

/// What clients of openIMIS rely on: the interface that is out, and what the next release adds.
fn contract() -> BTreeMap<String, String> {
    let out = lines(include_str!("../contract/openimis.graphql"));
    let next = lines(include_str!("../contract/next-release.graphql"));
    assert!(out.len() > 400 && next.len() > 200, "only {} and {} lines", out.len(), next.len());
    for (line, kind) in out.iter().filter(|(line, _)| next.contains_key(*line)) {
        assert_eq!(next.get(line), Some(kind), "{line} is said twice, in two ways");
    }
    out.into_iter().chain(next).collect()
}

#[test]
fn all_of_the_originals_interface_is_in_ours() {
    // Their names clash with the specification of GraphQL, which keeps those with two underscores for itself.
    const OTHERWISE: &str = "HistoricalTaskHistoryType.";
    let ours = lines(&sdl());
    let missing: Vec<String> = contract()
        .iter()
        .filter(|(line, kind)| !line.starts_with(OTHERWISE) && ours.get(*line) != Some(*kind))
        .map(|(line, kind)| format!("{line}: {kind}, ours: {:?}", ours.get(line)))
        .collect();
    assert!(missing.is_empty(), "{} differ:\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn what_we_add_to_an_input_is_optional() {
    let (ours, theirs) = (lines(&sdl()), contract());
    let owner = |line: &str| line.split('(').next().map(str::to_owned).unwrap_or_default();
    for (line, ty) in ours.iter().filter(|(line, _)| line.contains('(') && !theirs.contains_key(*line)) {
        let is_known = theirs.contains_key(&owner(line));
        assert!(!is_known || !ty.ends_with('!'), "{line}: {ty} breaks who sends what the original takes");
    }
}
