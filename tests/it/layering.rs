//! The layers: imports point down only, rooms have names, files stay small.

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
    &["domain"],
    &["error"],
    &["message", "clock"],
];

/// Layers that an upper one passes by on purpose: resolvers never touch the database.
const CLOSED: &[(&str, &str)] = &[("graphql", "db")];

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

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&layer))
}

/// The layer a file belongs to; none for the roots, which put everything together.
fn layer(path: &Path) -> Option<String> {
    let first = path.iter().next()?.to_str()?.trim_end_matches(".rs").to_owned();
    (!["lib", "main", "demo"].contains(&first.as_str())).then_some(first)
}

/// The layers that a source names, wherever in it.
fn named(text: &str) -> Vec<String> {
    let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    text.split("crate::").skip(1).map(word).filter(|name| rank(name).is_some()).collect()
}

#[test]
fn imports_point_down_only() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(own) = layer(&path) else { continue };
        let own_rank = rank(&own).unwrap_or_else(|| panic!("{} is in no layer", path.display()));
        for other in named(&text) {
            let other_rank = rank(&other).expect("filtered");
            let closed = CLOSED.contains(&(own.as_str(), other.as_str()));
            if closed || (other != own && other_rank <= own_rank) {
                wrong.push(format!("{} names {other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
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
