//! Gives an answer the form that its operation asks for: fields in the order of the document, nulls where fields failed,
//! and objects without fields where nothing was selected.

use async_graphql::indexmap::IndexMap;
use async_graphql::registry::MetaTypeName;
use async_graphql::{Name, PathSegment, Response, Value};

use crate::graphql::protocol::collect_fields::{OWN_TYPENAME, Selected, Shape};

/// Completes an answer in place.
///
/// The library resolves fields side by side and writes them in the order in which they are resolved. It leaves out a failed
/// field, whatever its type, and writes null for an object whose fields all failed.
pub fn complete(response: &mut Response, shape: &Shape) {
    for error in &response.errors {
        restore_object(&mut response.data, &error.path);
    }
    if let Value::Object(fields) = &mut response.data
        && complete_object(fields, shape).is_err()
    {
        response.data = Value::Null;
    }
}

/// A value is null but may not be. The object or list that holds it becomes null instead.
struct Unfilled;

type Object = IndexMap<Name, Value>;

fn complete_object(object: &mut Object, shape: &Shape) -> Result<(), Unfilled> {
    let own_typename = object.shift_remove(OWN_TYPENAME);
    let fields = match &own_typename {
        Some(Value::String(name)) => shape.by_type.get(name).unwrap_or(&shape.fields),
        _ => &shape.fields,
    };
    let is_in_order =
        object.len() == fields.len() && object.keys().zip(fields).all(|(key, field)| *key == field.key);
    if !is_in_order {
        let mut found = std::mem::take(object);
        let value =
            |field: &Selected| (field.key.clone(), found.swap_remove(&field.key).unwrap_or(Value::Null));
        *object = fields.iter().map(value).collect();
    }
    for (value, field) in object.values_mut().zip(fields) {
        complete_value(value, &field.ty, field.inner.as_ref())?;
    }
    Ok(())
}

fn complete_value(value: &mut Value, ty: &str, inner: Option<&Shape>) -> Result<(), Unfilled> {
    match (MetaTypeName::create(ty), &mut *value) {
        (MetaTypeName::NonNull(ty), _) => {
            complete_value(value, ty, inner)?;
            if *value == Value::Null { Err(Unfilled) } else { Ok(()) }
        }
        (MetaTypeName::List(ty), Value::List(items)) => {
            // Only a whole leaf can be wrong.
            if inner.is_some() && items.iter_mut().any(|item| complete_value(item, ty, inner).is_err()) {
                *value = Value::Null;
            }
            Ok(())
        }
        (MetaTypeName::Named(_), Value::Object(object)) => {
            if inner.is_some_and(|shape| complete_object(object, shape).is_err()) {
                *value = Value::Null;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Puts an object back that the library replaced by null, along the path of an error of one of its fields.
fn restore_object(data: &mut Value, path: &[PathSegment]) {
    let mut place = data;
    for segment in path {
        if *place == Value::Null && matches!(segment, PathSegment::Field(_)) {
            *place = Value::Object(Object::new());
            return;
        }
        let inside = match (place, segment) {
            (Value::Object(fields), PathSegment::Field(name)) => fields.get_mut(name.as_str()),
            (Value::List(items), PathSegment::Index(at)) => items.get_mut(*at),
            _ => None,
        };
        let Some(inside) = inside else { return };
        place = inside;
    }
}
