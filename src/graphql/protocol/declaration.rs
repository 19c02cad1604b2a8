//! Objects that show a row, and inputs that ask a service for something: each field is written once, in the declaration of
//! its type, where its name and its meaning are the same on both sides.

use chrono::NaiveDateTime;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::graphql::protocol::scalars::{JsonString, Moment, UuidOrGlobalId};

/// A value that stands on the other side of the interface as a `T`.
pub trait Translate<T> {
    /// The value there.
    fn translate(self) -> T;
}

/// Declares an object that shows the row of an entity. A field shows the row's field of the same name, or what stands behind
/// `=`, where the row has the name that is given to it. `keeps`: the object holds the row, for fields that are functions.
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
        $crate::graphql::protocol::declaration::Translate::translate($row.$field)
    };
    (@copied [$row:ident $field:ident]) => {
        $crate::graphql::protocol::declaration::Translate::translate(Clone::clone(&$row.$field))
    };
    (@$how:ident [$row:ident $field:ident $value:expr]) => { $value };
}
pub(crate) use shows;

/// Declares the input of a mutation and the command of the service that it asks for, which has fields of the same names. What
/// stands behind `=` is made of the input's fields. `parts` gives what every mutation has, and the command.
macro_rules! asks_for {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $Name:ident => $Command:ident {
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
            fn parts(self) -> ($crate::graphql::protocol::payload::MutationMeta, $Command) {
                let Self { meta, $($field,)* } = self;
                (meta, $Command {
                    $($field: $crate::graphql::protocol::declaration::asks_for!(@value $field $($value)?),)*
                })
            }
        }
    };
    (@value $field:ident) => { $crate::graphql::protocol::declaration::Translate::translate($field) };
    (@value $field:ident $value:expr) => { $value };
}
pub(crate) use asks_for;

impl<T> Translate<T> for T {
    fn translate(self) -> T {
        self
    }
}

/// What two types are to each other, in both directions where it is given, and where there may be none of them.
macro_rules! translate {
    ($($from:ty => $to:ty: $translate:expr;)*) => {$(
        impl Translate<$to> for $from {
            fn translate(self) -> $to {
                $translate(self)
            }
        }

        impl Translate<Option<$to>> for Option<$from> {
            fn translate(self) -> Option<$to> {
                self.map($translate)
            }
        }
    )*};
}

translate! {
    NaiveDateTime => Moment: Moment;
    Json => JsonString: JsonString;
    Uuid => String: |id: Uuid| id.to_string();
    JsonString => Json: |json: JsonString| json.0;
    UuidOrGlobalId => Uuid: |id: UuidOrGlobalId| id.0;
}
