//! Checks that values, in documents and in the JSON of variables, are of the types that are expected where they stand.

use std::fmt;

use async_graphql::registry::{MetaType, MetaTypeName};
use async_graphql_value::{ConstValue, Number, Value};

use crate::graphql::protocol::type_system::TypeSystem;
use crate::message::Message;

/// A place where a value stands, and what is expected there.
#[derive(Clone, Copy)]
pub struct Place<'a, 'p> {
    /// The way to the place.
    pub path: Path<'p>,
    /// The expected type.
    pub ty: &'a str,
    /// Whether the place has a default.
    pub has_default: bool,
    /// Whether it is the module's. The library has one scalar for all whole numbers, and a host may have longer ones than GraphQL.
    pub is_own: bool,
}

/// The way to a place: an argument or a variable, then fields and items inside it.
#[derive(Clone, Copy)]
pub enum Path<'p> {
    /// An argument or a variable.
    Name(&'p str),
    /// A field of an object.
    Field(&'p Path<'p>, &'p str),
    /// An item of a list.
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Field(owner, name) => write!(f, "{owner}.{name}"),
            Self::Item(list, at) => write!(f, "{list}.{at}"),
        }
    }
}

/// A value, in the form in which it came.
#[derive(Clone, Copy)]
pub enum Given<'a> {
    /// A value in a document.
    Written(&'a Value),
    /// A value in the JSON of the variables, where values of enums are texts.
    Sent(&'a ConstValue),
}

/// A function that is told of each variable in a value, and of its place.
pub type Listener<'a, 'l> = dyn FnMut(&'a str, Place<'a, '_>) + 'l;

/// Checks a value, and tells the listener of the variables in it.
///
/// # Errors
/// The message that says what is wrong, and names the place.
pub fn check<'a>(
    types: &'a TypeSystem,
    place: Place<'a, '_>,
    value: Given<'a>,
    listener: &mut Listener<'a, '_>,
) -> Result<(), Message> {
    if let Given::Written(Value::Variable(name)) = value {
        listener(name, place);
        return Ok(());
    }
    let wrong =
        || Message::new("value-of-wrong-type").with("field", place.path.to_string()).with("type", place.ty);
    match MetaTypeName::create(place.ty) {
        MetaTypeName::NonNull(_) if value.is_null() => Err(wrong()),
        MetaTypeName::NonNull(ty) => check(types, Place { ty, ..place }, value, listener),
        _ if value.is_null() => Ok(()),
        MetaTypeName::List(ty) => match value.items() {
            Some(items) => {
                for (at, item) in items.enumerate() {
                    let path = Path::Item(&place.path, at);
                    let inner = Place { path, ty, has_default: false, ..place };
                    check(types, inner, item, listener)?;
                }
                Ok(())
            }
            // A single item counts as a list of one.
            None => check(types, Place { ty, ..place }, value, listener),
        },
        MetaTypeName::Named(name) => match types.named(name) {
            Some(MetaType::Enum { enum_values, .. }) => {
                let given = value.enum_name().ok_or_else(wrong)?;
                if enum_values.contains_key(given) {
                    return Ok(());
                }
                let allowed: Vec<&String> = enum_values.keys().collect();
                Err(Message::new("need-one-of")
                    .with("field", place.path.to_string())
                    .with_list("allowed", &allowed))
            }
            Some(MetaType::Scalar { .. }) if name == INT && value.is_beyond(place.is_own) => {
                Err(beyond_int(&place.path.to_string()))
            }
            Some(MetaType::Scalar { is_valid, .. }) => {
                let is_right = |value: &ConstValue| is_valid.as_ref().is_none_or(|is_valid| is_valid(value));
                let is_right = match value {
                    Given::Sent(value) => is_right(value),
                    Given::Written(written) => {
                        tell_of_variables(written, place, listener);
                        written.clone().into_const().is_none_or(|value| is_right(&value))
                    }
                };
                if is_right { Ok(()) } else { Err(wrong()) }
            }
            Some(MetaType::InputObject { input_fields, oneof, .. }) => {
                let fields = value.fields().ok_or_else(wrong)?;
                if *oneof && (fields.len() != 1 || fields.iter().any(|(_, value)| value.is_null())) {
                    return Err(Message::new("need-exactly-one").with("field", place.path.to_string()));
                }
                for (name, value) in &fields {
                    let Some(field) = input_fields.get(*name) else {
                        return Err(Message::new("unknown-input-field")
                            .with("field", Path::Field(&place.path, name).to_string())
                            .with("type", place.ty));
                    };
                    let path = Path::Field(&place.path, name);
                    let has_default = field.default_value.is_some();
                    let inner = Place { path, ty: &field.ty, has_default, ..place };
                    check(types, inner, *value, listener)?;
                }
                let lacking = input_fields.values().find(|field| {
                    MetaTypeName::create(&field.ty).is_non_null()
                        && field.default_value.is_none()
                        && !fields.iter().any(|(name, _)| *name == field.name)
                });
                lacking.map_or(Ok(()), |field| {
                    Err(Message::new("input-field-needed")
                        .with("field", Path::Field(&place.path, &field.name).to_string())
                        .with("type", field.ty.as_str()))
                })
            }
            // An unknown type is refused where it is named.
            _ => Ok(()),
        },
    }
}

/// The library's scalar for whole numbers.
const INT: &str = "Int";

/// The refusal of a number that no `Int` of GraphQL holds.
pub fn beyond_int(field: &str) -> Message {
    let (min, max) = (i64::from(i32::MIN), i64::from(i32::MAX));
    Message::new("out-of-range").with("field", field.to_owned()).with("min", min).with("max", max)
}

/// Whether a number is a whole one that no `Int` of GraphQL holds.
pub fn is_beyond_int(number: &Number) -> bool {
    match (number.as_i64(), number.as_f64()) {
        (Some(number), _) => i32::try_from(number).is_err(),
        (None, Some(number)) => number.fract() == 0.0 && number.abs() > f64::from(i32::MAX),
        (None, None) => true,
    }
}

/// Whether such a number is somewhere in the value.
pub fn holds_beyond_int(value: &Value) -> bool {
    match value {
        Value::Number(number) => is_beyond_int(number),
        Value::List(items) => items.iter().any(holds_beyond_int),
        Value::Object(fields) => fields.values().any(holds_beyond_int),
        _ => false,
    }
}

/// Tells of the variables inside a scalar that takes lists and objects. The types of their places are unknown.
fn tell_of_variables<'a>(value: &'a Value, place: Place<'a, '_>, listener: &mut Listener<'a, '_>) {
    match value {
        Value::Variable(name) => listener(name, Place { ty: "", ..place }),
        Value::List(items) => items.iter().for_each(|item| tell_of_variables(item, place, listener)),
        Value::Object(fields) => fields.values().for_each(|item| tell_of_variables(item, place, listener)),
        _ => {}
    }
}

impl<'a> Given<'a> {
    /// Whether it is a whole number that can't stand here; a host's has 64 bits.
    fn is_beyond(self, is_own: bool) -> bool {
        match self {
            Self::Written(Value::Number(number)) | Self::Sent(ConstValue::Number(number)) => {
                is_beyond_int(number) && (is_own || !number.is_i64())
            }
            _ => false,
        }
    }

    const fn is_null(self) -> bool {
        matches!(self, Self::Written(Value::Null) | Self::Sent(ConstValue::Null))
    }

    fn items(self) -> Option<Box<dyn Iterator<Item = Self> + 'a>> {
        match self {
            Self::Written(Value::List(items)) => Some(Box::new(items.iter().map(Self::Written))),
            Self::Sent(ConstValue::List(items)) => Some(Box::new(items.iter().map(Self::Sent))),
            _ => None,
        }
    }

    fn fields(self) -> Option<Vec<(&'a str, Self)>> {
        match self {
            Self::Written(Value::Object(fields)) => {
                Some(fields.iter().map(|(name, value)| (name.as_str(), Self::Written(value))).collect())
            }
            Self::Sent(ConstValue::Object(fields)) => {
                Some(fields.iter().map(|(name, value)| (name.as_str(), Self::Sent(value))).collect())
            }
            _ => None,
        }
    }

    fn enum_name(self) -> Option<&'a str> {
        match self {
            Self::Written(Value::Enum(name)) | Self::Sent(ConstValue::Enum(name)) => Some(name),
            Self::Sent(ConstValue::String(name)) => Some(name),
            _ => None,
        }
    }
}
