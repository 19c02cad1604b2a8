//! A value that is bound in a statement.

use chrono::{NaiveDateTime, SubsecRound as _};
use uuid::Uuid;

use crate::domain::json::Json;
use crate::domain::query::Value;

/// A value that is bound in a statement.
#[derive(Debug, Clone)]
pub enum Bound {
    /// None.
    Null,
    /// A text.
    Text(String),
    /// A key.
    Uuid(Uuid),
    /// A number.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// A moment, naive UTC, made by [`Bound::moment`].
    DateTime(NaiveDateTime),
    /// JSON.
    Json(Json),
}

/// A part of an entity that stands in several columns.
pub trait Embedded {
    /// Adds the values of the columns, in their order.
    fn values(&self, values: &mut Vec<Bound>);
}

impl Bound {
    /// A moment to the microsecond: what is finer is left out, where one database would round it and another keep it.
    fn moment(moment: NaiveDateTime) -> Self {
        Self::DateTime(moment.trunc_subsecs(6))
    }
}

impl From<Value> for Bound {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(text),
            Value::Uuid(id) => Self::Uuid(id),
            Value::Int(number) => Self::Int(number),
            Value::Bool(truth) => Self::Bool(truth),
            Value::DateTime(moment) => Self::moment(moment),
        }
    }
}

macro_rules! bound {
    ($($type:ty: $value:ident => $bound:expr),+ $(,)?) => {
        $(
            impl From<&$type> for Bound {
                fn from($value: &$type) -> Self {
                    $bound
                }
            }
            impl From<$type> for Bound {
                fn from(value: $type) -> Self {
                    (&value).into()
                }
            }
        )+
    };
}
bound!(
    String: text => Self::Text(text.clone()),
    Uuid: id => Self::Uuid(*id),
    i32: number => Self::Int((*number).into()),
    i64: number => Self::Int(*number),
    bool: truth => Self::Bool(*truth),
    NaiveDateTime: moment => Self::moment(*moment),
    Json: value => Self::Json(value.clone()),
);

impl From<&str> for Bound {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<'a, T> From<&'a Option<T>> for Bound
where
    Self: From<&'a T>,
{
    fn from(value: &'a Option<T>) -> Self {
        match value {
            Some(value) => <Self as From<&'a T>>::from(value),
            None => Self::Null,
        }
    }
}
