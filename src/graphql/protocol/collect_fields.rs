//! The fields that an operation selects, one for each response name at every depth: the specification's CollectFields and
//! MergeSelectionSets.
//!
//! The library executes a field as often as it is selected and then merges the answers by their positions. So it gets an
//! operation without directives, fragments and repetitions. Inline fragments remain, one for each type, only where an
//! object's type is not known before its answer.

use std::collections::{HashMap, HashSet};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, InlineFragment,
    OperationDefinition, Selection, SelectionSet, TypeCondition,
};
use async_graphql::registry::{MetaField, MetaType};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::{ConstValue, Value};

use crate::config::Limits;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::type_system::{TYPENAME, TypeSystem};
use crate::graphql::protocol::validation::values::{Given, Path, Place, check, holds_beyond_int};
use crate::graphql::protocol::variables::Values;
use crate::message::Message;

/// The fields that are selected of an object, in the order of the document.
#[derive(Debug, Default)]
pub struct Shape {
    /// The fields.
    pub fields: Vec<Selected>,
    /// The fields for each type of object, where they depend on the type.
    pub by_type: HashMap<String, Vec<Selected>>,
}

/// A field that is selected.
#[derive(Debug)]
pub struct Selected {
    /// Its response name.
    pub key: Name,
    /// Its type.
    pub ty: String,
    /// The fields that are selected of its value; none for a leaf.
    pub inner: Option<Shape>,
}

/// An operation to be executed, and the shape of its answer.
pub struct Collected {
    /// The document, with this one operation.
    pub document: ExecutableDocument,
    /// The shape.
    pub shape: Shape,
}

/// The response name of a `__typename` that we add for ourselves. No client can write this name.
pub const OWN_TYPENAME: &str = " ";

/// Collects the fields of a valid operation.
///
/// # Errors
/// LIMIT for too many fields, or fields that are nested too deeply; VALIDATION for a number that no `Int` holds.
pub fn collect(
    types: &TypeSystem,
    fragments: &HashMap<Name, Positioned<FragmentDefinition>>,
    operation: &OperationDefinition,
    variables: &Values,
    limits: &Limits,
) -> Result<Collected> {
    let mut collector = Collector { types, fragments, variables, limits, written: 0, is_own: false };
    let set = &operation.selection_set;
    let (selection_set, shape, fields) = match types.root(operation.ty) {
        Some(root) => collector.composite(root, &[&set.node], set.pos, 1)?,
        None => Default::default(),
    };
    if fields > limits.query_complexity {
        return Err(limit(Message::new("query-too-complex"), limits.query_complexity));
    }
    let operation = OperationDefinition {
        ty: operation.ty,
        variable_definitions: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::new(selection_set, set.pos),
    };
    let operations = DocumentOperations::Single(Positioned::new(operation, set.pos));
    Ok(Collected { document: ExecutableDocument { operations, fragments: HashMap::new() }, shape })
}

type Groups<'a> = IndexMap<&'a str, Vec<&'a Positioned<Field>>>;

struct Collector<'a> {
    types: &'a TypeSystem,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    variables: &'a Values,
    limits: &'a Limits,
    /// How many fields were collected so far, for all possible types.
    written: usize,
    /// Whether the fields are below a root field of the module.
    is_own: bool,
}

impl<'a> Collector<'a> {
    /// The fields that these sets select of an object of this type, and how many they can be at most.
    fn composite(
        &mut self,
        ty: &'a MetaType,
        sets: &[&'a SelectionSet],
        pos: Pos,
        depth: usize,
    ) -> Result<(SelectionSet, Shape, usize)> {
        if depth > self.limits.query_depth {
            return Err(limit(Message::new("document-too-deep"), self.limits.query_depth));
        }
        let possible = ty.possible_types().filter(|_| sets.iter().any(|set| self.depends(ty.name(), set)));
        let Some(possible) = possible else {
            let (mut items, fields, count) = self.fields(ty, sets, pos, depth)?;
            if items.is_empty() {
                items.push(own_typename(pos));
            }
            return Ok((SelectionSet { items }, Shape { fields, by_type: HashMap::new() }, count));
        };
        let (mut items, mut shape, mut most) = (vec![own_typename(pos)], Shape::default(), 0);
        for object in possible.iter().filter_map(|name| self.types.named(name)) {
            let (selected, fields, count) = self.fields(object, sets, pos, depth)?;
            most = most.max(count);
            shape.by_type.insert(object.name().to_owned(), fields);
            if !selected.is_empty() {
                let on = Positioned::new(Name::new(object.name()), pos);
                let inline = InlineFragment {
                    type_condition: Some(Positioned::new(TypeCondition { on }, pos)),
                    directives: Vec::new(),
                    selection_set: Positioned::new(SelectionSet { items: selected }, pos),
                };
                items.push(Positioned::new(Selection::InlineFragment(Positioned::new(inline, pos)), pos));
            }
        }
        Ok((SelectionSet { items }, shape, most))
    }

    fn fields(
        &mut self,
        ty: &'a MetaType,
        sets: &[&'a SelectionSet],
        pos: Pos,
        depth: usize,
    ) -> Result<(Vec<Positioned<Selection>>, Vec<Selected>, usize)> {
        /// For how many types the fields of one object may be collected.
        const TYPES: usize = 50;
        let mut groups = Groups::new();
        let mut spread = HashSet::new();
        for set in sets {
            self.group(ty, set, &mut groups, &mut spread);
        }
        self.written += groups.len();
        if self.written > self.limits.query_complexity.saturating_mul(TYPES) {
            return Err(limit(Message::new("query-too-complex"), self.limits.query_complexity));
        }
        // Exactly as many as there are: a subscription keeps them for as long as somebody listens.
        let mut count = groups.len();
        let (mut items, mut fields) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (key, group) in groups {
            let Some(first) = group.first() else { continue };
            let name = &first.node.name;
            if depth == 1 {
                self.is_own = self.types.is_own_root(&name.node);
            }
            let known = ty.field_by_name(&name.node);
            let of = known.map_or(TYPENAME.1, |field| field.ty.as_str());
            let arguments = self.arguments(&first.node.arguments);
            if let Some(known) = known.filter(|_| self.is_own) {
                self.check_ints(known, &arguments)?;
            }
            let key = Name::new(key);
            let mut selection_set = SelectionSet::default();
            let mut inner = None;
            if let Some(composite) = self.types.innermost(of).filter(|ty| ty.is_composite()) {
                let sets: Vec<&SelectionSet> =
                    group.iter().map(|field| &field.node.selection_set.node).collect();
                let (set, shape, more) = self.composite(composite, &sets, first.pos, depth + 1)?;
                (selection_set, inner) = (set, Some(shape));
                count += more;
            }
            let field = Field {
                alias: first.node.alias.as_ref().map(|_| Positioned::new(key.clone(), first.pos)),
                name: name.clone(),
                arguments,
                directives: self.own_directives(&first.node.directives),
                selection_set: Positioned::new(selection_set, first.pos),
            };
            items.push(Positioned::new(Selection::Field(Positioned::new(field, first.pos)), pos));
            fields.push(Selected { key, ty: of.to_owned(), inner });
        }
        Ok((items, fields, count))
    }

    /// The fields of an object of this type by their response names.
    fn group(
        &self,
        ty: &MetaType,
        set: &'a SelectionSet,
        groups: &mut Groups<'a>,
        spread: &mut HashSet<&'a str>,
    ) {
        for selection in &set.items {
            if !self.is_included(selection.node.directives()) {
                continue;
            }
            let (condition, set) = match &selection.node {
                Selection::Field(field) => {
                    groups.entry(field.node.response_key().node.as_str()).or_default().push(field);
                    continue;
                }
                Selection::InlineFragment(inline) => {
                    (inline.node.type_condition.as_ref(), &inline.node.selection_set.node)
                }
                Selection::FragmentSpread(fragment) => {
                    let name = &fragment.node.fragment_name.node;
                    let Some(fragment) = self.fragments.get(name).filter(|_| spread.insert(name)) else {
                        continue;
                    };
                    (Some(&fragment.node.type_condition), &fragment.node.selection_set.node)
                }
            };
            if condition.is_none_or(|condition| self.types.is_of(ty.name(), &condition.node.on.node)) {
                self.group(ty, set, groups, spread);
            }
        }
    }

    /// Whether a set selects different fields of different types of objects of the abstract type.
    fn depends(&self, ty: &str, set: &'a SelectionSet) -> bool {
        set.items.iter().any(|selection| {
            let (condition, set) = match &selection.node {
                Selection::Field(_) => return false,
                Selection::InlineFragment(inline) => {
                    (inline.node.type_condition.as_ref(), &inline.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => {
                    match self.fragments.get(&spread.node.fragment_name.node) {
                        Some(fragment) => {
                            (Some(&fragment.node.type_condition), &fragment.node.selection_set.node)
                        }
                        None => return false,
                    }
                }
            };
            condition.is_some_and(|condition| condition.node.on.node != *ty) || self.depends(ty, set)
        })
    }

    fn is_included(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let wanted = match directive.node.name.node.as_str() {
                "skip" => false,
                "include" => true,
                _ => return true,
            };
            let given = directive.node.get_argument("if").and_then(|value| self.value(&value.node));
            matches!(given, Some(Value::Boolean(given)) if given == wanted)
        })
    }

    fn own_directives(&self, directives: &[Positioned<Directive>]) -> Vec<Positioned<Directive>> {
        let is_own = |directive: &&Positioned<Directive>| {
            !matches!(directive.node.name.node.as_str(), "skip" | "include")
        };
        let with_values = |directive: &Positioned<Directive>| {
            let (name, arguments) = (directive.node.name.clone(), self.arguments(&directive.node.arguments));
            Positioned::new(Directive { name, arguments }, directive.pos)
        };
        directives.iter().filter(is_own).map(with_values).collect()
    }

    /// The arguments with the values of their variables. An argument whose variable has no value counts as not given.
    fn arguments(
        &self,
        given: &[(Positioned<Name>, Positioned<Value>)],
    ) -> Vec<(Positioned<Name>, Positioned<Value>)> {
        let put_in = |(name, value): &(Positioned<Name>, Positioned<Value>)| {
            Some((name.clone(), Positioned::new(self.value(&value.node)?, value.pos)))
        };
        given.iter().filter_map(put_in).collect()
    }

    /// Refuses numbers that no `Int` holds for arguments of a field of the module. The library would in its own words, and without
    /// the name of the argument.
    fn check_ints(&self, field: &MetaField, given: &[(Positioned<Name>, Positioned<Value>)]) -> Result<()> {
        for (name, value) in given.iter().filter(|(_, value)| holds_beyond_int(&value.node)) {
            let (argument, value) = (field.args.get(name.node.as_str()), value.node.clone().into_const());
            let Some((argument, value)) = argument.zip(value) else { continue };
            let path = Path::Name(&name.node);
            let place = Place { path, ty: &argument.ty, has_default: false, is_own: true };
            check(self.types, place, Given::Sent(&value), &mut |_, _| {})
                .map_err(|message| Error::validation(name.node.as_str(), message))?;
        }
        Ok(())
    }

    fn value(&self, value: &Value) -> Option<Value> {
        Some(match value {
            Value::Variable(name) => {
                self.variables.get(name.as_str()).cloned().map(ConstValue::into_value)?
            }
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.value(item).unwrap_or(Value::Null)).collect())
            }
            Value::Object(fields) => {
                let put_in = |(name, value): (&Name, &Value)| Some((name.clone(), self.value(value)?));
                Value::Object(fields.iter().filter_map(put_in).collect())
            }
            other => other.clone(),
        })
    }
}

fn own_typename(pos: Pos) -> Positioned<Selection> {
    let field = Field {
        alias: Some(Positioned::new(Name::new(OWN_TYPENAME), pos)),
        name: Positioned::new(Name::new(TYPENAME.0), pos),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::default(),
    };
    Positioned::new(Selection::Field(Positioned::new(field, pos)), pos)
}

fn limit(message: Message, max: usize) -> Error {
    Error::new(ErrorCode::Limit, message.with("max", max))
}
