//! Objects that show a row, and inputs of mutations. A field that has the same name and meaning in GraphQL and in Rust is
//! written once, in the declaration of its type.

use async_graphql::MaybeUndefined;
use chrono::NaiveDateTime;
use uuid::Uuid;

use crate::domain::json::Json;
use crate::domain::text::camel_case;
use crate::error::Result;
use crate::graphql::protocol::scalars::{BigInt, JsonString, Moment, UuidOrGlobalId};

/// A value of a row that the interface shows as a `T`.
pub trait Shown<T> {
    /// The value there.
    fn shown(self) -> T;
}

/// A value of an input that a service takes as a `T`.
pub trait Asked<T> {
    /// The value there.
    ///
    /// # Errors
    /// VALIDATION, naming `field`.
    fn asked(&self, field: &str) -> Result<T>;
}

/// Declares an object that shows the row of an entity. A field shows the row's field of the same name, or the expression
/// after `=`, in which the row has the name that is declared for it. With `keeps`, the object holds the row, for fields that
/// are functions.
macro_rules! shows {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $Name:ident $verb:ident $row:ident: $Row:ty {
            $($(#[$field_meta:meta])* $field_visibility:vis $field:ident: $type:ty $(= $value:expr)?,)*
        }
    ) => {
        $crate::graphql::protocol::declaration::shows! {
            @$verb
            $(#[$meta])*
            $visibility struct $Name $row: $Row {
                $($(#[$field_meta])* $field_visibility $field: $type = [$row $field $($value)?],)*
            }
        }
    };
    (@of $(#[$meta:meta])* $visibility:vis struct $Name:ident $row:ident: $Row:ty {
        $($(#[$field_meta:meta])* $field_visibility:vis $field:ident: $type:ty = $value:tt,)*
    }) => {
        #[derive(async_graphql::SimpleObject)]
        $(#[$meta])*
        $visibility struct $Name {
            $($(#[$field_meta])* $field_visibility $field: $type,)*
        }

        impl From<$Row> for $Name {
            fn from($row: $Row) -> Self {
                Self { $($field: $crate::graphql::protocol::declaration::shows!(@moved $value),)* }
            }
        }
    };
    (@keeps $(#[$meta:meta])* $visibility:vis struct $Name:ident $row:ident: $Row:ty {
        $($(#[$field_meta:meta])* $field_visibility:vis $field:ident: $type:ty = $value:tt,)*
    }) => {
        #[derive(async_graphql::SimpleObject)]
        $(#[$meta])*
        $visibility struct $Name {
            $($(#[$field_meta])* $field_visibility $field: $type,)*
            #[graphql(skip)]
            $visibility $row: $Row,
        }

        impl From<$Row> for $Name {
            fn from($row: $Row) -> Self {
                Self {
                    $($field: $crate::graphql::protocol::declaration::shows!(@copied $value),)*
                    $row,
                }
            }
        }
    };
    (@moved [$row:ident $field:ident]) => {
        $crate::graphql::protocol::declaration::Shown::shown($row.$field)
    };
    (@copied [$row:ident $field:ident]) => {
        $crate::graphql::protocol::declaration::Shown::shown(Clone::clone(&$row.$field))
    };
    (@$how:ident [$row:ident $field:ident $value:expr]) => { $value };
}
pub(crate) use shows;

/// Declares the input of a mutation and the command of the service that it asks for, which has fields of the same names. What
/// stands behind `=` is made of the input, which has the name that is given to it.
macro_rules! asks_for {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $Name:ident as $input:ident => $Command:ident {
            $($(#[$field_meta:meta])* $field:ident: $type:ty $(= $value:expr)?,)*
        }
    ) => {
        #[derive(async_graphql::InputObject, Debug, Clone)]
        $(#[$meta])*
        $visibility struct $Name {
            #[graphql(flatten)]
            meta: $crate::graphql::protocol::payload::MutationMeta,
            $($(#[$field_meta])* $field: $type,)*
        }

        impl $Name {
            /// What is asked of the service.
            fn read(&self) -> $crate::error::Result<$Command> {
                let $input = self;
                Ok($Command {
                    $($field: $crate::graphql::protocol::declaration::asks_for!(@value $input $field $($value)?),)*
                })
            }
        }
    };
    (@value $input:ident $field:ident) => {
        $crate::graphql::protocol::declaration::asked(&$input.$field, stringify!($field))?
    };
    (@value $input:ident $field:ident $value:expr) => { $value };
}
pub(crate) use asks_for;

/// Reads the field of this name in Rust.
///
/// # Errors
/// VALIDATION, naming the field as clients know it.
pub fn asked<T>(value: &impl Asked<T>, field: &str) -> Result<T> {
    value.asked(&camel_case(field))
}

impl<T> Shown<T> for T {
    fn shown(self) -> T {
        self
    }
}

impl<T: Clone> Asked<T> for T {
    fn asked(&self, _: &str) -> Result<T> {
        Ok(self.clone())
    }
}

/// How a value is shown, and how one that may be absent is.
macro_rules! shown {
    ($($from:ty => $to:ty: $show:expr;)*) => {$(
        impl Shown<$to> for $from {
            fn shown(self) -> $to {
                $show(self)
            }
        }

        impl Shown<Option<$to>> for Option<$from> {
            fn shown(self) -> Option<$to> {
                self.map($show)
            }
        }
    )*};
}

shown! {
    NaiveDateTime => Moment: Moment;
    i64 => BigInt: BigInt;
    Json => JsonString: JsonString::from;
    Uuid => String: |id: Uuid| id.to_string();
}

/// How a value is asked for, and how one that may be absent is.
macro_rules! asked {
    ($($from:ty => $to:ty: |$value:ident, $field:ident| $read:expr;)*) => {$(
        impl Asked<$to> for $from {
            fn asked(&self, $field: &str) -> Result<$to> {
                let $value = self;
                $read
            }
        }

        impl Asked<Option<$to>> for Option<$from> {
            fn asked(&self, field: &str) -> Result<Option<$to>> {
                self.as_ref().map(|value| value.asked(field)).transpose()
            }
        }
    )*};
}

asked! {
    JsonString => Json: |json, field| json.read(field);
    UuidOrGlobalId => Uuid: |id, _field| Ok(id.0);
    Moment => NaiveDateTime: |moment, _field| Ok(moment.0);
    BigInt => i64: |number, _field| Ok(number.0);
}

/// Absent, null and a value are three things.
impl<T, U: Asked<T>> Asked<Option<Option<T>>> for MaybeUndefined<U> {
    fn asked(&self, field: &str) -> Result<Option<Option<T>>> {
        Ok(match self {
            Self::Undefined => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value.asked(field)?)),
        })
    }
}
