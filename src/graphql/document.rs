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
    /// The names of its fields at the root, without repeats.
    pub root_fields: Vec<String>,
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
        return Err(too_large(
            Message::new("document-too-deep").with("max", max_depth),
        ));
    }
    let parsed = parse_query(query).map_err(|error| Refusal::Syntax(error.to_string()))?;
    let operation = operation(&parsed, operation_name)?;
    let mut sizes = HashMap::new();
    let size = expanded_size(
        &operation.selection_set.node,
        &parsed.fragments,
        &mut sizes,
        max_fields,
        0,
    );
    if size > max_fields {
        return Err(too_large(
            Message::new("document-too-large").with("max", max_fields),
        ));
    }
    let is_mutation = operation.ty == OperationType::Mutation;
    let mut root_fields = Vec::new();
    collect_root_fields(
        &operation.selection_set.node,
        &parsed.fragments,
        &mut root_fields,
        0,
    );
    Ok(Document {
        parsed,
        is_mutation,
        root_fields,
    })
}

impl Document {
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
        self.is_mutation
            && !self
                .root_fields
                .iter()
                .all(|field| WITHOUT_CSRF.contains(&field.as_str()))
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
                1 + expanded_size(&field.node.selection_set.node, fragments, sizes, max, depth + 1)
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
    found: &mut Vec<String>,
    depth: usize,
) {
    const DEEPEST: usize = 100;
    if depth > DEEPEST {
        return;
    }
    for item in &selection.items {
        match &item.node {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                if !found.iter().any(|known| known == name) {
                    found.push(name.to_owned());
                }
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

const fn too_large(message: Message) -> Refusal {
    Refusal::Other(Error::new(ErrorCode::Limit, message))
}
