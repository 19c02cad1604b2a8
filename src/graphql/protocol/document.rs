//! What is found out about a document before it is executed: whether it is small enough, what it does, and whether a
//! stranger may do it.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType, Selection, SelectionSet,
};

use crate::error::{Error, ErrorCode};
use crate::message::Message;

/// What a document does.
#[derive(Debug)]
pub struct Document {
    /// The parsed document, to be handed on.
    pub parsed: ExecutableDocument,
    /// Whether it changes anything.
    pub is_mutation: bool,
    /// The names of its fields at the root.
    pub root_fields: Vec<String>,
    /// The names under which they stand in the answer.
    pub root_keys: Vec<String>,
    /// The variables that must have a value.
    pub needed_variables: Vec<String>,
}

/// Why a document is not executed.
#[derive(Debug)]
pub enum Refusal {
    /// It is not GraphQL; the text says where.
    Syntax(String),
    /// Something else is wrong with it.
    Other(Error),
}

/// The fields that strangers may ask for.
const OPEN: &[&str] = &[
    "__typename",
    "moduleConfigurations",
    "languages",
    "tokenAuth",
    "verifyToken",
    "refreshToken",
    "revokeToken",
    "deleteTokenCookie",
    "deleteRefreshTokenCookie",
    "getCsrfToken",
];

/// The mutations that need no CSRF token, as they begin and end sessions.
const WITHOUT_CSRF: &[&str] = &[
    "__typename",
    "tokenAuth",
    "verifyToken",
    "refreshToken",
    "revokeToken",
    "deleteTokenCookie",
    "deleteRefreshTokenCookie",
    "getCsrfToken",
];

/// Longer names are not ours.
const LONGEST_NAME: usize = 128;

/// Reads a document, refusing one that is nested too deeply or has more than `max_fields` fields with all its fragments
/// written out.
///
/// # Errors
/// Why it is refused.
pub fn read(
    query: &str,
    operation_name: Option<&str>,
    max_depth: usize,
    max_fields: usize,
) -> Result<Document, Refusal> {
    // Brackets are counted before the parser recurses into them. Lists and objects in arguments nest too.
    if bracket_depth(query) > max_depth.saturating_mul(2) {
        return Err(too_large(Message::new("document-too-deep").with("max", max_depth)));
    }
    // For a name that it does not know the library looks for similar ones, in a time that grows with its length.
    if longest_name(query) > LONGEST_NAME {
        return Err(too_large(Message::new("name-too-long").with("max", LONGEST_NAME)));
    }
    let parsed = parse_query(query).map_err(|error| Refusal::Syntax(error.to_string()))?;
    let operation = operation(&parsed, operation_name)?;
    if document_size(&parsed, max_fields) > max_fields {
        return Err(too_large(Message::new("document-too-large").with("max", max_fields)));
    }
    let is_mutation = operation.ty == OperationType::Mutation;
    let mut found = Vec::new();
    collect_root_fields(&operation.selection_set.node, &parsed.fragments, &mut found, 0);
    let (root_fields, root_keys) = found.into_iter().unzip();
    let variables = operation.variable_definitions.iter();
    let needed_variables = variables
        .filter(|variable| !variable.node.var_type.node.nullable && variable.node.default_value.is_none())
        .map(|variable| variable.node.name.node.to_string())
        .collect();
    Ok(Document { parsed, is_mutation, root_fields, root_keys, needed_variables })
}

impl Document {
    /// What it does, in a few words for the log: names of fields, and no values.
    #[must_use]
    pub fn summary(&self) -> String {
        const MOST: usize = 5;
        let kind = if self.is_mutation { "mutation" } else { "query" };
        let names: Vec<&str> = self.root_fields.iter().take(MOST).map(String::as_str).collect();
        let more = if self.root_fields.len() > MOST { " …" } else { "" };
        format!("{kind} {}{more}", names.join(" "))
    }

    /// Whether a stranger may execute it; `introspection`: whether a stranger may ask for the schema.
    #[must_use]
    pub fn is_open(&self, introspection: bool) -> bool {
        self.root_fields
            .iter()
            .all(|field| OPEN.contains(&field.as_str()) || (introspection && is_introspection(field)))
    }

    /// Whether it asks for the schema.
    #[must_use]
    pub fn introspects(&self) -> bool {
        self.root_fields.iter().any(|field| is_introspection(field))
    }

    /// Whether it needs a CSRF token when it comes with a cookie.
    #[must_use]
    pub fn needs_csrf_token(&self) -> bool {
        self.is_mutation && !self.root_fields.iter().all(|field| WITHOUT_CSRF.contains(&field.as_str()))
    }
}

fn is_introspection(field: &str) -> bool {
    matches!(field, "__schema" | "__type")
}

type Fragments = HashMap<Name, async_graphql::Positioned<FragmentDefinition>>;

fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, Refusal> {
    let mut operations = document.operations.iter();
    let refuse = |message: Message| Refusal::Other(Error::validation("operationName", message));
    match name.filter(|name| !name.is_empty()) {
        Some(wanted) => operations
            .find(|(name, _)| name.is_some_and(|name| name == wanted))
            .map(|(_, operation)| &operation.node)
            .ok_or_else(|| refuse(Message::new("unknown-operation"))),
        None => match (operations.next(), operations.next()) {
            (Some((_, only)), None) => Ok(&only.node),
            _ => Err(refuse(Message::new("operation-name-needed"))),
        },
    }
}

/// How many fields the document has: those of all its operations with their fragments written out, and those of the
/// fragments that none of them uses. The library validates all of them, whichever operation is to be executed.
fn document_size(document: &ExecutableDocument, max: usize) -> usize {
    let mut sizes = HashMap::new();
    let mut total: usize = 0;
    for (_, operation) in document.operations.iter() {
        let selection = &operation.node.selection_set.node;
        total = total
            .saturating_add(operation.node.variable_definitions.len())
            .saturating_add(expanded_size(selection, &document.fragments, &mut sizes, max, 0));
    }
    for (name, fragment) in &document.fragments {
        if total > max {
            break;
        }
        if !sizes.contains_key(name.as_str()) {
            let selection = &fragment.node.selection_set.node;
            total = total.saturating_add(expanded_size(selection, &document.fragments, &mut sizes, max, 0));
        }
    }
    total
}

/// How many fields the selection has with its fragments written out; stops counting beyond `max`.
fn expanded_size<'a>(
    selection: &'a SelectionSet,
    fragments: &'a Fragments,
    sizes: &mut HashMap<&'a str, usize>,
    max: usize,
    depth: usize,
) -> usize {
    // A cycle of fragments has no end; the library refuses it later, with a better text.
    const DEEPEST: usize = 100;
    if depth > DEEPEST {
        return max + 1;
    }
    let mut size: usize = 0;
    for item in &selection.items {
        size = size.saturating_add(match &item.node {
            Selection::Field(field) => {
                // Each argument is checked, and complained of, by itself.
                field.node.arguments.len().max(1)
                    + expanded_size(&field.node.selection_set.node, fragments, sizes, max, depth + 1)
            }
            Selection::InlineFragment(inline) => {
                expanded_size(&inline.node.selection_set.node, fragments, sizes, max, depth + 1)
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                // A spread counts too, lest fragments of nothing but spreads cost nothing.
                1 + match (sizes.get(name), fragments.get(name)) {
                    (Some(size), _) => *size,
                    (None, Some(fragment)) => {
                        let size = expanded_size(
                            &fragment.node.selection_set.node,
                            fragments,
                            sizes,
                            max,
                            depth + 1,
                        );
                        sizes.insert(name, size);
                        size
                    }
                    (None, None) => 0,
                }
            }
        });
        if size > max {
            break;
        }
    }
    size
}

fn collect_root_fields(
    selection: &SelectionSet,
    fragments: &Fragments,
    found: &mut Vec<(String, String)>,
    depth: usize,
) {
    const DEEPEST: usize = 100;
    if depth > DEEPEST {
        return;
    }
    for item in &selection.items {
        match &item.node {
            Selection::Field(field) => {
                let (name, key) = (&field.node.name.node, &field.node.response_key().node);
                found.push((name.to_string(), key.to_string()));
            }
            Selection::InlineFragment(inline) => {
                collect_root_fields(&inline.node.selection_set.node, fragments, found, depth + 1);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = fragments.get(&spread.node.fragment_name.node) {
                    collect_root_fields(&fragment.node.selection_set.node, fragments, found, depth + 1);
                }
            }
        }
    }
}

/// How deeply brackets of any kind are nested at most. Brackets in strings and comments count too: a text with hundreds
/// of unclosed ones is no loss.
fn bracket_depth(query: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for byte in query.bytes() {
        match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The length of the longest name or number outside strings and comments. Texts that the parser will refuse may be read
/// differently here.
fn longest_name(query: &str) -> usize {
    let mut rest = query.as_bytes();
    let mut longest = 0;
    while let Some(first) = rest.first() {
        let length = match first {
            b'#' => line_length(rest),
            b'"' if rest.starts_with(b"\"\"\"") => 3 + block_string_length(&rest[3..]),
            b'"' => 1 + string_length(&rest[1..]),
            _ => {
                let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                let name = rest.iter().take_while(|byte| is_name(byte)).count();
                longest = longest.max(name);
                name.max(1)
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    longest
}

fn line_length(text: &[u8]) -> usize {
    text.iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count()
}

/// The length of what follows the opening quote, the closing one included.
fn string_length(text: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'\n' | b'\r' => return at,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of what follows the opening quotes, the closing ones included.
fn block_string_length(text: &[u8]) -> usize {
    const END: &[u8] = b"\"\"\"";
    let ends = |at: &usize| text[*at..].starts_with(END) && (*at == 0 || text[*at - 1] != b'\\');
    (0..text.len()).find(ends).map_or(text.len(), |at| at + END.len())
}

const fn too_large(message: Message) -> Refusal {
    Refusal::Other(Error::new(ErrorCode::Limit, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_measured_outside_strings_and_comments() {
        let long = "x".repeat(500);
        let cases = [
            ("{ task(first: 10) { id } }".to_owned(), 5),
            (format!("{{ a(b: \"{long}\") }} # {long}\n c"), 1),
            (format!("{{ a(b: \"\\\"{long}\") }}"), 1),
            (format!("{{ a(b: \"\"\"{long} \\\"\"\" \" {long}\"\"\") }}"), 1),
            (format!("{{ a(b: \"\") {long} }}"), 500),
            (format!("{{ a(b: \"\"\"\"\"\") {long} }}"), 500),
            (format!("# x\n{long}"), 500),
            (long.clone(), 500),
        ];
        for (query, length) in cases {
            assert_eq!(longest_name(&query), length, "{query}");
        }
    }
}
