//! Checks the variables of an operation: their definitions, and whether they may stand where they are used.

use std::collections::{HashMap, HashSet};

use async_graphql::Pos;
use async_graphql::parser::types::{OperationDefinition, VariableDefinition};
use async_graphql::registry::{__DirectiveLocation as Location, MetaTypeName};
use async_graphql_value::{ConstValue, Value};

use super::values::{Given, Path, Place, check};
use super::{Use, Uses, Validator};
use crate::graphql::protocol::type_system::TypeSystem;
use crate::message::Message;

/// The variables that an operation uses, in its own selection and in the fragments that it spreads. Notes these fragments as
/// used.
pub fn of_operation<'a>(
    own: &Uses<'a>,
    fragments: &HashMap<&'a str, Uses<'a>>,
    spread: &mut HashSet<&'a str>,
) -> Vec<Use<'a>> {
    let mut found = own.variables.clone();
    let mut left: Vec<&str> = own.fragments.iter().map(|(name, _)| *name).collect();
    let mut seen = HashSet::new();
    while let Some(name) = left.pop() {
        if !seen.insert(name) {
            continue;
        }
        spread.insert(name);
        if let Some(uses) = fragments.get(name) {
            found.extend(&uses.variables);
            left.extend(uses.fragments.iter().map(|(name, _)| *name));
        }
    }
    found
}

impl<'a> Validator<'a> {
    /// Checks the definitions of variables and their uses.
    pub(super) fn variables(&mut self, operation: &'a OperationDefinition, uses: &[Use<'a>]) {
        let mut defined: HashMap<&str, (&'a VariableDefinition, String)> = HashMap::new();
        let mut unsound = HashSet::new();
        for definition in &operation.variable_definitions {
            let (pos, definition) = (definition.pos, &definition.node);
            let name = definition.name.node.as_str();
            let ty = definition.var_type.node.to_string();
            self.directives(&definition.directives, Location::VARIABLE_DEFINITION);
            if !self.variable_type(&ty, definition.var_type.pos) {
                unsound.insert(name);
            } else if let Some(default) = &definition.default_value {
                let path = Path::Name(name);
                let place = Place { path, ty: &ty, has_default: false, is_own: false };
                // A default stands in the document, where values of enums are not texts.
                let value = default.node.clone().into_value();
                if let Err(message) = check_written(self.types, place, &value) {
                    self.refuse(message, default.pos);
                }
            }
            if defined.insert(name, (definition, ty)).is_some() {
                self.refuse(Message::new("variable-repeated").with("name", name), pos);
            }
        }
        for used in uses {
            let Some((definition, ty)) = defined.get(used.name) else {
                self.refuse(Message::new("variable-undefined").with("name", used.name), used.pos);
                continue;
            };
            if unsound.contains(used.name)
                || used.ty.is_none_or(|wanted| allows(definition, ty, wanted, used))
            {
                continue;
            }
            let message = Message::new("variable-of-wrong-type")
                .with("name", used.name)
                .with("type", ty.as_str())
                .with("wanted", used.ty.unwrap_or_default());
            self.refuse_at(message, vec![definition.name.pos, used.pos]);
        }
        let names: HashSet<&str> = uses.iter().map(|used| used.name).collect();
        for definition in &operation.variable_definitions {
            let name = definition.node.name.node.as_str();
            if !names.contains(name) && !unsound.contains(name) {
                self.refuse(Message::new("variable-unused").with("name", name), definition.pos);
            }
        }
    }

    /// Whether a variable may be of this type.
    fn variable_type(&mut self, ty: &str, pos: Pos) -> bool {
        let name = MetaTypeName::concrete_typename(ty);
        let message = match self.types.named(name) {
            Some(found) if found.is_input() => return true,
            Some(_) => Message::new("variable-of-output-type"),
            None => Message::new("unknown-type"),
        };
        self.refuse(message.with("name", name), pos);
        false
    }
}

fn check_written(types: &TypeSystem, place: Place<'_, '_>, value: &Value) -> Result<(), Message> {
    check(types, place, Given::Written(value), &mut |_, _| {})
}

/// Whether a variable of the type `ty` may stand where the type `wanted` is expected.
fn allows(definition: &VariableDefinition, ty: &str, wanted: &str, used: &Use<'_>) -> bool {
    let nullable = match (MetaTypeName::create(wanted), MetaTypeName::create(ty)) {
        (MetaTypeName::NonNull(wanted), MetaTypeName::Named(_) | MetaTypeName::List(_)) => {
            let has_default = used.has_default
                || definition.default_value.as_ref().is_some_and(|default| default.node != ConstValue::Null);
            if !has_default {
                return false;
            }
            wanted
        }
        _ => wanted,
    };
    is_subtype(ty, nullable)
}

fn is_subtype(ty: &str, of: &str) -> bool {
    match (MetaTypeName::create(ty), MetaTypeName::create(of)) {
        (MetaTypeName::NonNull(ty), MetaTypeName::NonNull(of))
        | (MetaTypeName::List(ty), MetaTypeName::List(of)) => is_subtype(ty, of),
        (_, MetaTypeName::NonNull(_)) => false,
        (MetaTypeName::NonNull(ty), _) => is_subtype(ty, of),
        (MetaTypeName::Named(ty), MetaTypeName::Named(of)) => ty == of,
        _ => false,
    }
}
