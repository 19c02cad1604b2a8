//! What is found out about a document before it is executed: whether it is small enough, what it does, and whether a
//! stranger may do it.

use std::collections::{HashMap, HashSet};

use async_graphql::Name;
use async_graphql::parser::types::{
    ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType, Selection, SelectionSet,
};

use crate::config::Limits;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;

mod lexer;
mod parser;
mod text;

use parser::{Bounds, parse};

/// What a document does.
#[derive(Debug)]
pub struct Document {
    /// The parsed document.
    pub parsed: ExecutableDocument,
    /// Which of its operations is meant, where it has several.
    operation_name: Option<String>,
    /// Whether it changes anything.
    pub is_mutation: bool,
    /// The names of its fields at the root.
    pub root_fields: Vec<String>,
    /// The names under which they stand in the answer.
    pub root_keys: Vec<String>,
    /// Whether going through it takes so long that others would have to wait for it.
    pub is_long: bool,
}

/// Bytes of a text that is gone through in less than a millisecond.
const SHORT: usize = 16 * 1024;

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

/// Reads a document, beside the async threads if it is long. An empty name of an operation is none.
///
/// # Errors
/// VALIDATION for what is not GraphQL; LIMIT for what is nested too deeply, has too many tokens, or too many fields with
/// all its fragments written out.
pub async fn read(query: String, operation_name: Option<String>, limits: &Limits) -> Result<Document> {
    let is_long = is_long(&query);
    let limits = limits.clone();
    aside(is_long, move || read_now(&query, operation_name.filter(|name| !name.is_empty()), &limits)).await?
}

/// Whether work on this text should not keep an async thread.
#[must_use]
pub const fn is_long(text: &str) -> bool {
    text.len() > SHORT
}

/// Does the work, beside the async threads if it is long.
///
/// # Errors
/// INTERNAL when it panics there.
pub async fn aside<T: Send + 'static>(is_long: bool, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    if is_long {
        return tokio::task::spawn_blocking(work).await.map_err(Error::internal);
    }
    Ok(work())
}

fn read_now(query: &str, operation_name: Option<String>, limits: &Limits) -> Result<Document> {
    // Lists and objects in arguments nest too.
    let nesting = limits.query_depth.saturating_mul(2);
    let parsed = parse(query, Bounds { tokens: limits.query_tokens, nesting })?;
    let operation = operation(&parsed, operation_name.as_deref())?;
    let max_fields = limits.query_fields;
    if document_size(&parsed, max_fields) > max_fields {
        return Err(too_large(Message::new("document-too-large").with("max", max_fields)));
    }
    let is_mutation = operation.ty == OperationType::Mutation;
    let mut found = Vec::new();
    collect_root_fields(&operation.selection_set.node, &parsed.fragments, &mut found, &mut HashSet::new());
    let (root_fields, root_keys) = found.into_iter().unzip();
    Ok(Document { parsed, operation_name, is_mutation, root_fields, root_keys, is_long: is_long(query) })
}

impl Document {
    /// The operation that is meant.
    ///
    /// # Errors
    /// VALIDATION when it is not clear which one.
    pub fn operation(&self) -> Result<&OperationDefinition> {
        operation(&self.parsed, self.operation_name.as_deref())
    }

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

fn operation<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Result<&'a OperationDefinition> {
    let mut operations = document.operations.iter();
    let refuse = |message: Message| Error::validation("operationName", message);
    match name {
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
    // A chain of fragments may be as long as the document.
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
                        // Where it spreads itself there is nothing to count; validation refuses it.
                        sizes.insert(name, 0);
                        let selection = &fragment.node.selection_set.node;
                        let size = expanded_size(selection, fragments, sizes, max, depth + 1);
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

fn collect_root_fields<'a>(
    selection: &'a SelectionSet,
    fragments: &'a Fragments,
    found: &mut Vec<(String, String)>,
    spread: &mut HashSet<&'a str>,
) {
    for item in &selection.items {
        match &item.node {
            Selection::Field(field) => {
                let (name, key) = (&field.node.name.node, &field.node.response_key().node);
                found.push((name.to_string(), key.to_string()));
            }
            Selection::InlineFragment(inline) => {
                collect_root_fields(&inline.node.selection_set.node, fragments, found, spread);
            }
            Selection::FragmentSpread(fragment) => {
                let name = &fragment.node.fragment_name.node;
                if let Some(fragment) = fragments.get(name).filter(|_| spread.insert(name)) {
                    collect_root_fields(&fragment.node.selection_set.node, fragments, found, spread);
                }
            }
        }
    }
}

const fn too_large(message: Message) -> Error {
    Error::new(ErrorCode::Limit, message)
}
