//! The layers: imports point down only and go in no circle, rooms have names, files stay small.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// From top to bottom; what stands on one line may not import each other.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["app"],
    &["http", "worker"],
    &["graphql"],
    &["service"],
    &["signal"],
    &["auth"],
    &["db"],
    &["budget"],
    &["config"],
    &["model"],
    &["function_runner"],
    &["domain"],
    &["error"],
    &["message", "clock", "reports"],
];

/// Layers that an upper one passes by on purpose: resolvers never touch the database.
const CLOSED: &[(&str, &str)] = &[("graphql", "db")];

/// The one circle that is allowed: types of GraphQL show each other, as a task has a group, and a group has tasks. Lists inside
/// them take the arguments of those at the root, and arguments name enums of the types.
const CIRCLE: &[&str] = &[
    "graphql::function_run::task_run",
    "graphql::function_run::types",
    "graphql::mutation_log",
    "graphql::record",
    "graphql::role",
    "graphql::role::history",
    "graphql::task::filters",
    "graphql::task::progress",
    "graphql::task::types",
    "graphql::task_claim::types",
    "graphql::task_comment",
    "graphql::task_executor",
    "graphql::task_flow::step",
    "graphql::task_flow::types",
    "graphql::task_group::types",
    "graphql::user::types",
    "graphql::vote",
];

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("src can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file is UTF-8");
                found.push((path.strip_prefix(&root).expect("below src").to_owned(), text));
            }
        }
    }
    assert!(found.len() > 50, "only {} source files were found", found.len());
    found
}

/// The path of a file's module: `service::task` for `service/task.rs` and for `service/task/mod.rs`.
fn module(path: &Path) -> String {
    let path = path.with_extension("");
    let names: Vec<&str> =
        path.iter().filter_map(|name| name.to_str()).filter(|name| *name != "mod").collect();
    names.join("::")
}

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&layer))
}

/// The layer a module belongs to; none for the roots, which put everything together.
fn layer(module: &str) -> Option<&str> {
    module.split("::").next().filter(|first| !["lib", "main", "demo", "commands"].contains(first))
}

/// The paths that a source names by `crate::` and by `super::`, anywhere in it, with groups taken apart; they begin at the
/// root of the crate.
fn named(module: &str, text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut found = BTreeSet::new();
    for (word, base) in [("crate::", ""), ("super::", parent)] {
        for (start, _) in code.match_indices(word) {
            // Skips the end of a longer word.
            if code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            for path in tree(&code[start + word.len()..]) {
                let path = if base.is_empty() { path } else { format!("{base}::{path}") };
                found.insert(path.trim_end_matches("::").to_owned());
            }
        }
    }
    found
}

/// The paths of a tree of imports that the text begins with: `a::{b, c::{d, e}}` is `a::b`, `a::c::d` and `a::c::e`.
fn tree(text: &str) -> Vec<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    if !(rest.starts_with('{') && (path.is_empty() || path.ends_with("::"))) {
        return vec![path.to_owned()];
    }
    let (mut depth, mut pieces, mut piece) = (0, Vec::new(), String::new());
    for c in rest.chars() {
        match c {
            '{' if depth == 0 => depth = 1,
            '}' if depth == 1 => break,
            ',' if depth == 1 => pieces.push(std::mem::take(&mut piece)),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                piece.push(c);
            }
        }
    }
    pieces.push(piece);
    let pieces = pieces.iter().map(|piece| piece.trim()).filter(|piece| !piece.is_empty());
    pieces.flat_map(tree).map(|inner| format!("{path}{}", inner.trim_start_matches("self"))).collect()
}

/// The files that each file names, without those of which it is a part. Items that a `mod.rs` only re-exports are followed
/// to where they stand. A file also names its parts.
fn graph(sources: &[(PathBuf, String)]) -> BTreeMap<String, BTreeSet<String>> {
    // The imports of tests do not count.
    let is_test = |module: &String| module.ends_with("::tests") || module.ends_with("_tests");
    let files = sources.iter().map(|(path, text)| (module(path), text.as_str()));
    let texts: BTreeMap<String, &str> = files.filter(|(module, _)| !is_test(module)).collect();
    let is_folder =
        |name: &str| sources.iter().any(|(path, _)| path.ends_with("mod.rs") && module(path) == name);
    let file_of = |path: &str| -> Option<String> {
        let mut path = path.to_owned();
        loop {
            let mut file = path.as_str();
            while !texts.contains_key(file) {
                file = file.rsplit_once("::")?.0;
            }
            let item = path[file.len()..].trim_start_matches("::");
            if item.is_empty() || !is_folder(file) {
                return Some(file.to_owned());
            }
            let passed_on = texts[file]
                .split("pub use ")
                .skip(1)
                .flat_map(|rest| tree(rest.trim_start_matches("self::").trim_start_matches("crate::")));
            let own =
                |inner: String| if inner.starts_with(file) { inner } else { format!("{file}::{inner}") };
            match passed_on.map(own).find(|inner| inner.rsplit("::").next() == Some(item)) {
                Some(inner) if inner != path => path = inner,
                _ => return Some(file.to_owned()),
            }
        }
    };
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in &texts {
        let mut names: BTreeSet<String> = named(name, text).iter().filter_map(|path| file_of(path)).collect();
        if !is_folder(name) {
            let parts =
                texts.keys().filter(|part| part.rsplit_once("::").is_some_and(|(whole, _)| whole == name));
            names.extend(parts.cloned());
        }
        names.retain(|other| !name.starts_with(&format!("{other}::")) && other != name);
        graph.insert(name.clone(), names);
    }
    graph
}

/// The files that can be reached from a file.
fn reached<'g>(graph: &'g BTreeMap<String, BTreeSet<String>>, from: &'g str) -> BTreeSet<&'g str> {
    let (mut found, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(name) = next.pop() {
        for other in &graph[name] {
            if found.insert(other.as_str()) {
                next.push(other);
            }
        }
    }
    found
}

/// Files that name each other, by whatever detour.
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<&str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|name| (name.as_str(), reached(graph, name))).collect();
    let circle = |name: &&str| {
        let both = reach[name].iter().filter(|other| reach[*other].contains(name));
        both.copied().collect::<Vec<&str>>()
    };
    reach.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

#[test]
fn imports_point_down_only() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let module = module(&path);
        let Some(own) = layer(&module) else { continue };
        let own_rank = rank(own).unwrap_or_else(|| panic!("{} is in no layer", path.display()));
        for other in named(&module, &text) {
            let other = other.split("::").next().unwrap_or_default();
            let Some(other_rank) = rank(other) else { continue };
            let closed = CLOSED.contains(&(own, other));
            if closed || (other != own && other_rank <= own_rank) {
                wrong.push(format!("{} names {other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Rules know no database at all, entities no connection and no query.
#[test]
fn domain_and_model_do_not_reach_for_the_database() {
    for (path, text) in sources() {
        let strange: &[&str] = match layer(&module(&path)) {
            Some("domain") => &["diesel"],
            Some("model") => &["Connection", "RunQueryDsl", "QueryDsl", "sql_query"],
            _ => continue,
        };
        for word in strange {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn the_map_shows_every_layer() {
    let map = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"));
    let map = map.expect("ARCHITECTURE.md can be read");
    for layer in LAYERS.iter().copied().flatten() {
        let is_shown = map.contains(&format!("`src/{layer}/`")) || map.contains(&format!("`src/{layer}.rs`"));
        assert!(is_shown, "{layer} is not in the table of layers");
    }
}

/// What serves every entity of the interface knows none of them.
#[test]
fn the_protocol_of_graphql_knows_no_entity() {
    for (path, text) in sources() {
        let module = module(&path);
        if !module.starts_with("graphql::protocol") {
            continue;
        }
        for other in named(&module, &text) {
            let above = other.starts_with("graphql::") && !other.starts_with("graphql::protocol");
            assert!(!above, "{} names {other}", path.display());
        }
    }
}

#[test]
fn files_import_each_other_in_no_circle_but_the_one_of_graphql_types() {
    let sources = sources();
    let graph = graph(&sources);
    let circles = circles(&graph);
    let unknown: Vec<_> =
        circles.iter().filter(|circle| circle.iter().any(|name| !CIRCLE.contains(name))).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    let known: BTreeSet<&str> = circles.into_iter().flatten().collect();
    assert_eq!(known, CIRCLE.iter().copied().collect(), "what is in no circle any more is not named here");
}

#[test]
fn grouped_imports_are_taken_apart() {
    let text =
        "use crate::{a::b, c::{self, d as e}};\nuse super::{f, g::h};\npub(super) mod i; // crate::nothing\n";
    let found = named("x::y", text);
    assert_eq!(found, ["a::b", "c", "c::d", "x::f", "x::g::h"].map(str::to_owned).into());
}

#[test]
fn a_circle_is_found_by_whatever_detour_and_a_file_with_its_parts_is_none() {
    let file = |path: &str, text: &str| (PathBuf::from(path), text.to_owned());
    let files = [
        file("a/mod.rs", "pub use self::one::Item;"),
        file("a/one.rs", "use crate::a::{two::{Thing}};"),
        file("a/two.rs", "use super::three;"),
        file("a/three.rs", "fn f(item: &crate::a::Item) {}"),
        file("a/four.rs", "use crate::a::Item; mod part;"),
        file("a/four/part.rs", "use super::Four;"),
    ];
    let graph = graph(&files);
    assert_eq!(circles(&graph), [vec!["a::one", "a::three", "a::two"]].into());
}

#[test]
fn paths_do_not_climb_twice() {
    for (path, text) in sources() {
        assert!(!text.contains("super::super::"), "{}: crate::… says where it is", path.display());
    }
}

#[test]
fn no_room_is_without_a_name_and_no_file_is_long() {
    for (path, text) in sources() {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert!(
            !["util", "utils", "helper", "helpers", "common", "misc"].contains(&name),
            "{}",
            path.display()
        );
        let lines = text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines", path.display());
    }
}
