//! Which scripts import which: a page names those that it needs at once, so that a browser does not find them one after the other.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// A script, what it imports by `… from '…'`, and what that imports, by name. What is imported by a call comes when it is wanted.
pub fn all_of<'a>(first: &str, text_of: impl Fn(&str) -> Option<Cow<'a, str>>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![first.to_owned()];
    while let Some(name) = left.pop() {
        if let Some(text) = text_of(&name)
            && !found.contains(&name)
        {
            left.extend(paths(&text).map(|path| resolved(&name, path)));
            found.insert(name);
        }
    }
    found
}

/// The paths in a script's `… from '…'`.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    text.split("from").skip(1).filter_map(|rest| {
        let quoted = rest.trim_start();
        let path =
            quoted.strip_prefix('\'').or_else(|| quoted.strip_prefix('"'))?.split(['\'', '"']).next()?;
        path.starts_with('.').then_some(path)
    })
}

/// The name of the file to which a path in another file leads.
fn resolved(importer: &str, path: &str) -> String {
    let mut parts: Vec<&str> = importer.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
