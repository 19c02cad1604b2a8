//! Fields with one response name are merged, so they must be the same (5.3.2 of the specification).

use std::collections::{HashMap, HashSet};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet};
use async_graphql::registry::{MetaType, MetaTypeName};
use async_graphql::{Name, Positioned};

use super::Validator;
use crate::graphql::protocol::type_system::{TYPENAME, TypeSystem};
use crate::message::Message;

/// Checks an operation that obeys all other rules.
pub fn check<'a>(validator: &mut Validator<'a>, operation: &'a OperationDefinition) {
    let Some(root) = validator.types.root(operation.ty) else { return };
    let sets = [(root, &operation.selection_set.node)];
    let mut merging = Merging { types: validator.types, fragments: validator.fragments, conflict: None };
    merging.shapes(&sets);
    merging.responses(&sets);
    if let Some((reason, one, other)) = merging.conflict {
        let name = one.node.response_key().node.as_str();
        let message = reason
            .with("name", name)
            .with("first", one.node.name.node.as_str())
            .with("second", other.node.name.node.as_str());
        validator.refuse_at(message, vec![one.pos, other.pos]);
    }
}

type Sets<'a> = [(&'a MetaType, &'a SelectionSet)];

/// A field, the type from which it is selected, and its own type.
#[derive(Clone, Copy)]
struct Selected<'a> {
    parent: &'a MetaType,
    field: &'a Positioned<Field>,
    ty: &'a str,
}

struct Merging<'a> {
    types: &'a TypeSystem,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// The first conflict, and the two fields.
    conflict: Option<(Message, &'a Positioned<Field>, &'a Positioned<Field>)>,
}

impl<'a> Merging<'a> {
    /// Checks that all fields with one response name have values of one shape, whatever their objects' types.
    fn shapes(&mut self, sets: &Sets<'a>) {
        for group in self.collected(sets).values() {
            let [first, others @ ..] = group.as_slice() else { continue };
            for other in others {
                if self.conflict.is_none() && !self.same_shape(first.ty, other.ty) {
                    self.conflict =
                        Some((Message::new("fields-of-different-types"), first.field, other.field));
                }
            }
            if self.conflict.is_some() {
                return;
            }
            let inner = self.inner(group);
            if !inner.is_empty() {
                self.shapes(&inner);
            }
        }
    }

    /// Checks that two fields with one response name that one object may have are the same field with the same arguments.
    fn responses(&mut self, sets: &Sets<'a>) {
        for group in self.collected(sets).values() {
            for overlapping in overlapping(group) {
                let [first, others @ ..] = overlapping.as_slice() else { continue };
                for other in others {
                    if self.conflict.is_some() {
                        return;
                    }
                    let (one, two) = (&first.field.node, &other.field.node);
                    if one.name.node != two.name.node {
                        self.conflict = Some((Message::new("different-fields"), first.field, other.field));
                    } else if !same_arguments(one, two) {
                        self.conflict = Some((Message::new("different-arguments"), first.field, other.field));
                    }
                }
                let inner = self.inner(&overlapping);
                if !inner.is_empty() {
                    self.responses(&inner);
                }
            }
        }
    }

    fn inner(&self, group: &[Selected<'a>]) -> Vec<(&'a MetaType, &'a SelectionSet)> {
        let mut sets: Vec<(&MetaType, &SelectionSet)> = Vec::new();
        for selected in group {
            let set = &selected.field.node.selection_set.node;
            let is_new = !set.items.is_empty() && !sets.iter().any(|(_, seen)| std::ptr::eq(*seen, set));
            if let Some(ty) = self.types.innermost(selected.ty).filter(|_| is_new) {
                sets.push((ty, set));
            }
        }
        sets
    }

    /// The fields by their response names. Each fragment is read once, however often it is spread.
    fn collected(&self, sets: &Sets<'a>) -> IndexMap<&'a str, Vec<Selected<'a>>> {
        let mut found = IndexMap::new();
        let mut spread = HashSet::new();
        for (parent, set) in sets {
            self.collect(parent, set, &mut found, &mut spread);
        }
        found
    }

    fn collect(
        &self,
        parent: &'a MetaType,
        set: &'a SelectionSet,
        found: &mut IndexMap<&'a str, Vec<Selected<'a>>>,
        spread: &mut HashSet<&'a str>,
    ) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    let ty = parent.field_by_name(name).map_or(TYPENAME.1, |field| &field.ty);
                    let key = field.node.response_key().node.as_str();
                    found.entry(key).or_default().push(Selected { parent, field, ty });
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let ty = condition.and_then(|condition| self.types.named(&condition.node.on.node));
                    self.collect(ty.unwrap_or(parent), &inline.node.selection_set.node, found, spread);
                }
                Selection::FragmentSpread(fragment) => {
                    let name = &fragment.node.fragment_name.node;
                    let Some(fragment) = self.fragments.get(name).filter(|_| spread.insert(name)) else {
                        continue;
                    };
                    if let Some(ty) = self.types.named(&fragment.node.type_condition.node.on.node) {
                        self.collect(ty, &fragment.node.selection_set.node, found, spread);
                    }
                }
            }
        }
    }

    fn same_shape(&self, one: &str, other: &str) -> bool {
        match (MetaTypeName::create(one), MetaTypeName::create(other)) {
            (MetaTypeName::NonNull(one), MetaTypeName::NonNull(other))
            | (MetaTypeName::List(one), MetaTypeName::List(other)) => self.same_shape(one, other),
            (MetaTypeName::Named(one), MetaTypeName::Named(other)) => {
                let is_composite = |name| self.types.named(name).is_some_and(MetaType::is_composite);
                one == other || (is_composite(one) && is_composite(other))
            }
            _ => false,
        }
    }
}

/// The fields that one object may have together: those of one object type, and those of abstract types.
fn overlapping<'a>(group: &[Selected<'a>]) -> Vec<Vec<Selected<'a>>> {
    let is_object = |selected: &&Selected<'_>| matches!(selected.parent, MetaType::Object { .. });
    let objects: HashSet<&str> =
        group.iter().filter(is_object).map(|selected| selected.parent.name()).collect();
    if objects.len() < 2 {
        return vec![group.to_vec()];
    }
    let of = |name: &str| {
        group.iter().filter(|one| !is_object(one) || one.parent.name() == name).copied().collect()
    };
    objects.into_iter().map(of).collect()
}

fn same_arguments(one: &Field, other: &Field) -> bool {
    one.arguments.len() == other.arguments.len()
        && one
            .arguments
            .iter()
            .all(|(name, value)| other.get_argument(&name.node).is_some_and(|other| other.node == value.node))
}
