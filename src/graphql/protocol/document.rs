//! Reading a document before it is executed: whether it is small enough, what it does, and whether a stranger may do that.

use std::collections::{HashMap, HashSet};

use async_graphql::Name;
use async_graphql::parser::types::{
    ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType, Selection, SelectionSet,
};

use crate::config::Limits;
use crate::error::{Error, Result};
use crate::message::Message;

mod lexer;
mod parser;
mod text;

use parser::{Bounds, parse, too_large};

/// A document that was read.
#[derive(Debug)]
pub struct Document {
    /// The parsed document.
    pub parsed: ExecutableDocument,
    /// The name of the operation to be executed, if the document has several.
    operation_name: Option<String>,
    /// Whether the operation is a query, a mutation or a subscription.
    pub kind: OperationType,
    /// The names of the operation's fields at the root.
    pub root_fields: Vec<String>,
    /// The response names of these fields.
    pub root_keys: Vec<String>,
    /// Whether the document is so long that reading it would hold up other requests.
    pub is_long: bool,
}

/// The most bytes of a text that is read in less than a millisecond.
const SHORT: usize = 16 * 1024;

/// The fields that strangers may ask for.
const OPEN: &[&str] = &[
    "__typename",
    "moduleConfigurations",
    "languages",
    "passwordPolicy",
    "resetPassword",
    "setPassword",
    "tokenAuth",
    "verifyToken",
    "refreshToken",
    "revokeToken",
    "deleteTokenCookie",
    "deleteRefreshTokenCookie",
    "getCsrfToken",
];

/// The mutations that need no CSRF token, because they begin and end sessions.
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

/// Reads a document; off the async threads if it is long. An empty operation name counts as none.
///
/// # Errors
/// VALIDATION for a text that is not GraphQL; LIMIT for one that is nested too deeply, has too many tokens, or has too many
/// fields with all its fragments written out.
pub async fn read(query: String, operation_name: Option<String>, limits: &Limits) -> Result<Document> {
    let is_long = is_long(&query);
    let limits = limits.clone();
    aside(is_long, move || read_now(&query, operation_name.filter(|name| !name.is_empty()), &limits)).await?
}

/// Whether work on this text would keep an async thread too long.
#[must_use]
pub const fn is_long(text: &str) -> bool {
    text.len() > SHORT
}

/// Does the work; off the async threads if it is long.
///
/// # Errors
/// INTERNAL if the work panics there.
pub async fn aside<T: Send + 'static>(is_long: bool, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    if is_long {
        return tokio::task::spawn_blocking(work).await.map_err(Error::internal);
    }
    Ok(work())
}

fn read_now(query: &str, operation_name: Option<String>, limits: &Limits) -> Result<Document> {
    // Lists and objects in arguments nest too.
    let nesting = limits.query_depth.saturating_mul(2);
    let max_fields = limits.query_fields;
    let parsed = parse(query, Bounds { tokens: limits.query_tokens, nesting, fields: max_fields })?;
    let operation = operation(&parsed, operation_name.as_deref())?;
    if document_size(&parsed, max_fields) > max_fields {
        return Err(too_large(max_fields));
    }
    let kind = operation.ty;
    let mut found = Vec::new();
    collect_root_fields(&operation.selection_set.node, &parsed.fragments, &mut found, &mut HashSet::new());
    let (root_fields, root_keys) = found.into_iter().unzip();
    Ok(Document { parsed, operation_name, kind, root_fields, root_keys, is_long: is_long(query) })
}

impl Document {
    /// The operation to be executed.
    ///
    /// # Errors
    /// VALIDATION if the document has none of this name, or several and no name is given.
    pub fn operation(&self) -> Result<&OperationDefinition> {
        operation(&self.parsed, self.operation_name.as_deref())
    }

    /// The operation in a few words for the log: names of fields, and no values.
    #[must_use]
    pub fn summary(&self) -> String {
        const MOST: usize = 5;
        let names: Vec<&str> = self.root_fields.iter().take(MOST).map(String::as_str).collect();
        let more = if self.root_fields.len() > MOST { " …" } else { "" };
        format!("{} {}{more}", self.kind, names.join(" "))
    }

    /// Whether a stranger may execute the operation; `introspection` says whether a stranger may ask for the schema.
    #[must_use]
    pub fn is_open(&self, introspection: bool) -> bool {
        self.root_fields
            .iter()
            .all(|field| OPEN.contains(&field.as_str()) || (introspection && is_introspection(field)))
    }

    /// Whether the operation asks for the schema.
    #[must_use]
    pub fn introspects(&self) -> bool {
        self.root_fields.iter().any(|field| is_introspection(field))
    }

    /// Whether the operation needs a CSRF token when it comes with a cookie.
    #[must_use]
    pub fn needs_csrf_token(&self) -> bool {
        self.kind == OperationType::Mutation
            && !self.root_fields.iter().all(|field| WITHOUT_CSRF.contains(&field.as_str()))
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

/// How many fields the document has: those of all its operations with their fragments written out, and those of fragments
/// that no operation uses. The library validates all of them, whichever operation is to be executed.
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
                // Each argument is checked by itself, and can be refused by itself.
                field.node.arguments.len().max(1)
                    + expanded_size(&field.node.selection_set.node, fragments, sizes, max, depth + 1)
            }
            Selection::InlineFragment(inline) => {
                expanded_size(&inline.node.selection_set.node, fragments, sizes, max, depth + 1)
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                // A spread counts too. Otherwise fragments that hold only spreads would cost nothing.
                1 + match (sizes.get(name), fragments.get(name)) {
                    (Some(size), _) => *size,
                    (None, Some(fragment)) => {
                        // A fragment that spreads itself counts nothing there; validation refuses it.
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
