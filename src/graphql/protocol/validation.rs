//! Validates a document against the types of a schema, by section 5 of the specification. The library has rules of its own,
//! but these speak only English, lack some rules of the specification, and panic at an unknown type.

use std::collections::{HashMap, HashSet};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::registry::{__DirectiveLocation as Location, MetaInputValue, MetaType, MetaTypeName};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::Value;

use crate::graphql::protocol::type_system::{TYPENAME, TypeSystem};
use crate::message::Message;

mod field_merging;
pub mod values;
mod variables;

use values::{Given, Path, Place};

/// A fault of a document, with its positions.
#[derive(Debug)]
pub struct Violation {
    /// What is wrong.
    pub message: Message,
    /// Where it is wrong.
    pub positions: Vec<Pos>,
}

/// The most violations that are reported: more than anybody reads.
const MOST_VIOLATIONS: usize = 20;

/// The violations in a document. Those that only follow from another one are left out.
#[must_use]
pub fn validate(types: &TypeSystem, document: &ExecutableDocument) -> Vec<Violation> {
    let mut validator =
        Validator { types, fragments: &document.fragments, violations: Vec::new(), uses: Uses::default() };
    let mut of_fragments: HashMap<&str, Uses<'_>> = HashMap::new();
    for (name, fragment) in &document.fragments {
        validator.fragment(fragment);
        of_fragments.insert(name.as_str(), std::mem::take(&mut validator.uses));
    }
    validator.cycles(&of_fragments);
    let is_sound = validator.violations.is_empty();
    let mut spread: HashSet<&str> = HashSet::new();
    for (_, operation) in document.operations.iter() {
        validator.operation(&operation.node, operation.pos);
        let own = std::mem::take(&mut validator.uses);
        let all = variables::of_operation(&own, &of_fragments, &mut spread);
        validator.variables(&operation.node, &all);
        if is_sound && validator.violations.is_empty() {
            field_merging::check(&mut validator, &operation.node);
        }
    }
    for (name, fragment) in &document.fragments {
        if !spread.contains(name.as_str()) {
            validator.refuse(Message::new("fragment-unused").with("name", name.as_str()), fragment.pos);
        }
    }
    validator.violations.sort_by_key(|violation| violation.positions.first().copied());
    validator.violations.truncate(MOST_VIOLATIONS);
    validator.violations
}

/// What a definition refers to.
#[derive(Default)]
struct Uses<'a> {
    /// The fragments that it spreads.
    fragments: Vec<(&'a str, Pos)>,
    /// The variables, and where they are used.
    variables: Vec<Use<'a>>,
}

/// A use of a variable.
#[derive(Clone, Copy)]
struct Use<'a> {
    name: &'a str,
    pos: Pos,
    /// The type that is expected there, if it is known.
    ty: Option<&'a str>,
    /// Whether that place has a default for a variable without a value.
    has_default: bool,
}

struct Validator<'a> {
    types: &'a TypeSystem,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    violations: Vec<Violation>,
    uses: Uses<'a>,
}

impl<'a> Validator<'a> {
    fn refuse(&mut self, message: Message, pos: Pos) {
        self.refuse_at(message, vec![pos]);
    }

    fn refuse_at(&mut self, message: Message, positions: Vec<Pos>) {
        // More violations are kept than are reported, because they are sorted first.
        if self.violations.len() < MOST_VIOLATIONS * 5 {
            self.violations.push(Violation { message, positions });
        }
    }

    fn operation(&mut self, operation: &'a OperationDefinition, pos: Pos) {
        let location = match operation.ty {
            OperationType::Query => Location::QUERY,
            OperationType::Mutation => Location::MUTATION,
            OperationType::Subscription => Location::SUBSCRIPTION,
        };
        self.directives(&operation.directives, location);
        if let Some(root) = self.types.root(operation.ty) {
            self.selection_set(root, &operation.selection_set.node);
        } else {
            let message = Message::new("operation-not-supported").with("kind", operation.ty.to_string());
            self.refuse(message, pos);
        }
    }

    fn fragment(&mut self, fragment: &'a Positioned<FragmentDefinition>) {
        self.directives(&fragment.node.directives, Location::FRAGMENT_DEFINITION);
        if let Some(ty) = self.condition(&fragment.node.type_condition.node.on) {
            self.selection_set(ty, &fragment.node.selection_set.node);
        }
    }

    /// Checks the type condition of a fragment; returns the type.
    fn condition(&mut self, name: &'a Positioned<Name>) -> Option<&'a MetaType> {
        let Some(ty) = self.types.named(&name.node) else {
            self.refuse(Message::new("unknown-type").with("name", name.node.as_str()), name.pos);
            return None;
        };
        if !ty.is_composite() {
            self.refuse(Message::new("fragment-on-leaf").with("type", name.node.as_str()), name.pos);
            return None;
        }
        Some(ty)
    }

    fn selection_set(&mut self, parent: &'a MetaType, selections: &'a SelectionSet) {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => self.field(parent, field),
                Selection::InlineFragment(inline) => {
                    self.directives(&inline.node.directives, Location::INLINE_FRAGMENT);
                    let ty = match &inline.node.type_condition {
                        Some(condition) => self.condition(&condition.node.on),
                        None => Some(parent),
                    };
                    if let Some(ty) = ty {
                        self.possible(parent, ty, inline.pos);
                        self.selection_set(ty, &inline.node.selection_set.node);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives, Location::FRAGMENT_SPREAD);
                    let name = &spread.node.fragment_name;
                    let Some(fragment) = self.fragments.get(&name.node) else {
                        self.refuse(
                            Message::new("unknown-fragment").with("name", name.node.as_str()),
                            name.pos,
                        );
                        continue;
                    };
                    self.uses.fragments.push((name.node.as_str(), name.pos));
                    if let Some(ty) = self.types.named(&fragment.node.type_condition.node.on.node) {
                        self.possible(parent, ty, spread.pos);
                    }
                }
            }
        }
    }

    /// Refuses a fragment whose type no object of the parent's type can have.
    fn possible(&mut self, parent: &MetaType, ty: &MetaType, pos: Pos) {
        if ty.is_composite() && !parent.type_overlap(ty) {
            let message =
                Message::new("fragment-impossible").with("type", ty.name()).with("parent", parent.name());
            self.refuse(message, pos);
        }
    }

    fn field(&mut self, parent: &'a MetaType, field: &'a Positioned<Field>) {
        self.directives(&field.node.directives, Location::FIELD);
        let name = &field.node.name;
        let ty = if name.node == TYPENAME.0 {
            self.arguments(&field.node.arguments, None, name, &Message::new("argument-needed"));
            TYPENAME.1
        } else if let Some(found) = parent.field_by_name(&name.node) {
            self.arguments(&field.node.arguments, Some(&found.args), name, &Message::new("argument-needed"));
            found.ty.as_str()
        } else {
            let message =
                Message::new("unknown-field").with("name", name.node.as_str()).with("type", parent.name());
            self.refuse(message, name.pos);
            return;
        };
        let Some(inner) = self.types.innermost(ty) else { return };
        let selections = &field.node.selection_set.node;
        if inner.is_leaf() && !selections.items.is_empty() {
            let message =
                Message::new("selection-not-allowed").with("name", name.node.as_str()).with("type", ty);
            self.refuse(message, name.pos);
        } else if inner.is_composite() && selections.items.is_empty() {
            let message = Message::new("selection-needed").with("name", name.node.as_str()).with("type", ty);
            self.refuse(message, name.pos);
        } else {
            self.selection_set(inner, selections);
        }
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>], location: Location) {
        let mut seen = HashSet::new();
        for directive in directives {
            let name = &directive.node.name;
            let Some(known) = self.types.directive(&name.node) else {
                self.refuse(Message::new("unknown-directive").with("name", name.node.as_str()), name.pos);
                continue;
            };
            if !known.locations.contains(&location) {
                let message = Message::new("directive-misplaced").with("name", name.node.as_str());
                self.refuse(message, name.pos);
            }
            if !seen.insert(name.node.as_str()) && !known.is_repeatable {
                let message = Message::new("directive-repeated").with("name", name.node.as_str());
                self.refuse(message, name.pos);
            }
            self.arguments(
                &directive.node.arguments,
                Some(&known.arguments),
                name,
                &Message::new("directive-argument-needed"),
            );
        }
    }

    fn arguments(
        &mut self,
        given: &'a [(Positioned<Name>, Positioned<Value>)],
        known: Option<&'a IndexMap<String, MetaInputValue>>,
        owner: &Positioned<Name>,
        needed: &Message,
    ) {
        let mut seen = HashSet::with_capacity(given.len());
        for (name, value) in given {
            if !seen.insert(name.node.as_str()) {
                let message = Message::new("argument-repeated").with("name", name.node.as_str());
                self.refuse(message, name.pos);
            }
            let Some(argument) = known.and_then(|known| known.get(name.node.as_str())) else {
                let message = Message::new("unknown-argument")
                    .with("name", name.node.as_str())
                    .with("owner", owner.node.as_str());
                self.refuse(message, name.pos);
                continue;
            };
            let place = Place {
                path: Path::Name(&name.node),
                ty: &argument.ty,
                has_default: argument.default_value.is_some(),
                is_own: false,
            };
            let variables = &mut self.uses.variables;
            let mut listener = |variable, at: Place<'a, '_>| {
                let ty = (!at.ty.is_empty()).then_some(at.ty);
                variables.push(Use { name: variable, pos: value.pos, ty, has_default: at.has_default });
            };
            if let Err(message) = values::check(self.types, place, Given::Written(&value.node), &mut listener)
            {
                self.refuse(message, value.pos);
            }
        }
        let lacking = known.into_iter().flat_map(IndexMap::values).filter(|argument| {
            MetaTypeName::create(&argument.ty).is_non_null()
                && argument.default_value.is_none()
                && !seen.contains(argument.name.as_str())
        });
        for argument in lacking {
            let message = needed
                .clone()
                .with("name", argument.name.as_str())
                .with("owner", owner.node.as_str())
                .with("type", argument.ty.as_str());
            self.refuse(message, owner.pos);
        }
    }

    /// Refuses fragments that spread themselves, directly or by other fragments.
    fn cycles(&mut self, fragments: &HashMap<&'a str, Uses<'a>>) {
        let mut done = HashSet::new();
        for name in fragments.keys() {
            let mut way = Vec::new();
            self.follow(name, fragments, &mut way, &mut done);
        }
    }

    fn follow(
        &mut self,
        name: &'a str,
        fragments: &HashMap<&'a str, Uses<'a>>,
        way: &mut Vec<&'a str>,
        done: &mut HashSet<&'a str>,
    ) {
        if done.contains(name) {
            return;
        }
        way.push(name);
        for (spread, pos) in fragments.get(name).into_iter().flat_map(|uses| &uses.fragments) {
            if way.contains(spread) {
                self.refuse(Message::new("fragment-cycle").with("name", *spread), *pos);
            } else {
                self.follow(spread, fragments, way, done);
            }
        }
        way.pop();
        done.insert(name);
    }
}
