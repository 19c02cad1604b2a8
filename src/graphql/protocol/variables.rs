//! The values of an operation's variables, by the specification's CoerceVariableValues.

use std::collections::HashMap;

use async_graphql::Variables;
use async_graphql::parser::types::OperationDefinition;
use async_graphql_value::ConstValue;

use crate::graphql::protocol::type_system::TypeSystem;
use crate::graphql::protocol::validation::Violation;
use crate::graphql::protocol::validation::values::{Given, Path, Place, check};
use crate::message::Message;

/// The values of variables, by their names. A variable without a value and without a default is missing.
pub type Values = HashMap<String, ConstValue>;

/// Makes the values from the JSON that was sent and from defaults.
///
/// # Errors
/// The violations, if a value is of a wrong type or missing.
pub fn coerce(
    types: &TypeSystem,
    operation: &OperationDefinition,
    sent: &Variables,
) -> Result<Values, Vec<Violation>> {
    let mut values = Values::new();
    let mut violations = Vec::new();
    for definition in &operation.variable_definitions {
        let (name, pos) = (&definition.node.name.node, definition.pos);
        let mut refuse = |message| violations.push(Violation { message, positions: vec![pos] });
        match (sent.get(name), &definition.node.default_value) {
            (Some(ConstValue::Null), _) | (None, None) if !definition.node.var_type.node.nullable => {
                refuse(Message::new("variable-needed").with("name", name.as_str()));
            }
            (Some(value), _) => {
                let ty = definition.node.var_type.node.to_string();
                let path = Path::Name(name);
                let place = Place { path, ty: &ty, has_default: false, is_own: false };
                match check_sent(types, place, value) {
                    Ok(()) => drop(values.insert(name.to_string(), value.clone())),
                    Err(message) => refuse(message),
                }
            }
            (None, Some(default)) => drop(values.insert(name.to_string(), default.node.clone())),
            (None, None) => {}
        }
    }
    if violations.is_empty() { Ok(values) } else { Err(violations) }
}

fn check_sent(types: &TypeSystem, place: Place<'_, '_>, value: &ConstValue) -> Result<(), Message> {
    check(types, place, Given::Sent(value), &mut |_, _| {})
}
