//! Whether the version of async-graphql that a host has chosen goes with this module.

use std::sync::LazyLock;

use crate::error::{Error, Result};
use crate::graphql::protocol::arguments::Argument;
use crate::graphql::{LISTS, schema};

/// Checks that the finished schema has the arguments, because the library does not promise that it keeps them.
///
/// # Errors
/// INTERNAL, with a sentence that names the list.
pub fn check() -> Result<()> {
    // That depends on nothing but the library's version.
    static MISSING: LazyLock<Option<String>> = LazyLock::new(|| missing(&schema::sdl()));
    match &*MISSING {
        None => Ok(()),
        Some(argument) => Err(Error::internal(format!(
            "this version of async-graphql does not go with tasks-management: the schema lacks the argument {argument}"
        ))),
    }
}

/// The first argument of a table that the schema lacks, with its list.
fn missing(sdl: &str) -> Option<String> {
    LISTS.iter().find_map(|(object, field, table)| {
        let arguments = arguments(sdl, object, field).unwrap_or_default();
        let is_there = |name: &str| {
            let declared = format!("{name}: ");
            let begins = |(at, _): (usize, _)| !arguments[..at].ends_with(|c: char| c.is_alphanumeric());
            arguments.match_indices(&declared).any(begins)
        };
        let lacking = table.iter().map(Argument::registered).find(|argument| !is_there(&argument.name))?;
        Some(format!("{} of {object}.{field}", lacking.name))
    })
}

/// What stands between the parentheses of a field.
fn arguments<'a>(sdl: &'a str, object: &str, field: &str) -> Option<&'a str> {
    let (_, rest) = sdl.split_once(&format!("\ntype {object} "))?;
    let (body, _) = rest.split_once("\n}\n")?;
    let (_, rest) = body.split_once(&format!("\n\t{field}("))?;
    rest.split_once("): ").map(|(arguments, _)| arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_lacks_an_argument_is_noticed() {
        let sdl = schema::sdl();
        assert_eq!(missing(&sdl), None);
        check().expect("this version goes with it");
        let declared = arguments(&sdl, "Query", "taskEvents").expect("the list of deliveries has arguments");
        let bare = sdl.replace(declared, "first: Int");
        assert!(
            missing(&bare).is_some_and(|said| said.ends_with(" of Query.taskEvents")),
            "{:?}",
            missing(&bare)
        );
    }
}
