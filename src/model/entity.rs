//! The entity: a row of a table. [`entity!`] declares it once, and `db` derives from the declaration how the row is written,
//! read, listed and kept in history.

use std::ops::DerefMut;

use diesel::sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamp};

use super::bound::Bound;
use super::record::Record;

/// A row of a table. Only [`entity!`] implements it.
pub trait Entity {
    /// The SQL types of its columns, in the order of [`Self::COLUMNS`].
    type SqlType;

    /// Its name in errors and in the links from the journal.
    const NAME: &'static str;
    /// Its table.
    const TABLE: &'static str;
    /// The column of its primary key; the first column, if the key has several.
    const KEY: &'static str;
    /// Its columns.
    const COLUMNS: &'static [Column];

    /// The values of the columns, in their order.
    fn values(&self) -> Vec<Bound>;
}

/// An entity of which every version is kept, in a historical twin of its table.
pub trait Archived: Entity {
    /// The twin: the same columns and those of [`super::history::COLUMNS`].
    const HISTORY_TABLE: &'static str;
}

/// An entity that counts its versions, and says who wrote them.
pub trait Versioned: Archived + DerefMut<Target = Record> {}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    /// Whether it may be empty.
    pub nullable: bool,
}

impl Column {
    /// A column of the SQL type `ST`.
    #[must_use]
    pub const fn new<ST: ColumnType>(name: &'static str) -> Self {
        Self { name, kind: ST::KIND, nullable: ST::NULLABLE }
    }
}

/// The kind of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A key.
    Uuid,
    /// A number.
    Int,
    /// A boolean.
    Bool,
    /// A moment.
    DateTime,
    /// JSON. Lists can be sorted by it (as text), but not filtered.
    Json,
}

/// An SQL type that columns have.
pub trait ColumnType {
    /// The kind of its values.
    const KIND: Kind;
    /// Whether it may be empty.
    const NULLABLE: bool = false;
}

impl<ST: ColumnType> ColumnType for Nullable<ST>
where
    ST: diesel::sql_types::SqlType,
{
    const KIND: Kind = ST::KIND;
    const NULLABLE: bool = true;
}

macro_rules! column_types {
    ($($sql:ty => $kind:ident),+) => {
        $(impl ColumnType for $sql {
            const KIND: Kind = Kind::$kind;
        })+
    };
}
column_types!(
    Text => Text, diesel::sql_types::Uuid => Uuid, Integer => Int, BigInt => Int, Bool => Bool,
    Timestamp => DateTime, Jsonb => Json
);

/// Declares an entity:
///
/// ```text
/// entity! {
///     /// A book as it is stored.
///     pub struct Book ("book") in library_book (id), versions in library_historicalbook {
///         /// What it is called.
///         title: String => Text,
///         /// Who has borrowed it.
///         borrower: Option<Uuid> => Nullable<Uuid>,
///     }
/// }
/// ```
///
/// Each line is a field, its type, and the SQL type of the column of the same name. `("book")` is the name in errors and in
/// the links from the journal, `(id)` the primary key. A field that stands in several columns comes first, in brackets:
/// `[price: Price as (amount: Integer, currency: Text)]`; its type is [`super::bound::Embedded`] and `Queryable`.
///
/// `versions in` makes the entity [`Versioned`]. It gives the entity the fields of [`Record`], for which every versioned
/// table has columns, and makes it readable from JSON and writable as JSON.
///
/// The declaration becomes diesel's `table!`, the struct, which is `Queryable` and `Selectable`, and the struct's
/// [`Entity`]. The struct is neither `Insertable` nor `AsChangeset`: diesel derives these for one table, and [`Record`]
/// stands in many. Instead, `db/entity.rs` writes all entities by [`Entity::values`], with one function for all of them.
macro_rules! entity {
    (
        $(#[$meta:meta])*
        pub struct $name:ident ($called:literal) in $table:ident (id), versions in $twin:ident {
            [$($embedded:tt)*]
            $($columns:tt)*
        }
    ) => {
        $crate::model::entity::entity! {
            $(#[$meta])*
            #[derive(serde::Serialize, serde::Deserialize)]
            #[serde(rename_all = "camelCase")]
            pub struct $name ($called) in $table (id) {
                [
                    /// The fields of every versioned row. They are read and written as if they were the entity's own.
                    #[serde(flatten)]
                    record: $crate::model::record::Record as (
                        id: Uuid,
                        is_deleted: Bool,
                        json_ext: Nullable<Jsonb>,
                        version: Integer,
                        date_created: Timestamp,
                        date_updated: Timestamp,
                        user_created: Uuid,
                        user_updated: Uuid
                    ),
                    $($embedded)*
                ]
                $($columns)*
            }
        }

        impl std::ops::Deref for $name {
            type Target = $crate::model::record::Record;

            fn deref(&self) -> &Self::Target {
                &self.record
            }
        }

        impl std::ops::DerefMut for $name {
            fn deref_mut(&mut self) -> &mut Self::Target {
                &mut self.record
            }
        }

        impl $crate::model::entity::Archived for $name {
            const HISTORY_TABLE: &'static str = stringify!($twin);
        }

        impl $crate::model::entity::Versioned for $name {}
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident ($called:literal) in $table:ident (id), versions in $twin:ident {
            $($columns:tt)*
        }
    ) => {
        $crate::model::entity::entity! {
            $(#[$meta])*
            pub struct $name ($called) in $table (id), versions in $twin {
                []
                $($columns)*
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident ($called:literal) in $table:ident ($key:ident $(, $other_key:ident)*) {
            $([$(
                $(#[$embedded_meta:meta])*
                $embedded:ident: $embedded_type:ty as (
                    $($part:ident: $part_sql:ident $(<$part_inner:ident>)?),+
                )
            ),* $(,)?])?
            $(
                $(#[$field_meta:meta])*
                $field:ident: $type:ty => $sql:ident $(<$inner:ident>)?
            ),* $(,)?
        }
    ) => {
        diesel::table! {
            $table ($key $(, $other_key)*) {
                $($($($part -> $part_sql $(<$part_inner>)?,)+)*)?
                $($field -> $sql $(<$inner>)?,)*
            }
        }

        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, diesel::Queryable)]
        pub struct $name {
            $($(
                $(#[$embedded_meta])*
                pub $embedded: $embedded_type,
            )*)?
            $(
                $(#[$field_meta])*
                pub $field: $type,
            )*
        }

        impl<DB: diesel::backend::Backend> diesel::Selectable<DB> for $name {
            type SelectExpression = (
                $($(($($table::$part,)+),)*)?
                $($table::$field,)*
            );

            fn construct_selection() -> Self::SelectExpression {
                (
                    $($(($($table::$part,)+),)*)?
                    $($table::$field,)*
                )
            }
        }

        /// Queries made as text select an entity's columns first and in their order, so that fields need not be searched by
        /// name in each row.
        impl<DB: diesel::backend::Backend> diesel::QueryableByName<DB> for $name
        where
            Self: diesel::deserialize::FromSqlRow<<Self as $crate::model::entity::Entity>::SqlType, DB>,
        {
            fn build<'a>(row: &impl diesel::row::NamedRow<'a, DB>) -> diesel::deserialize::Result<Self> {
                diesel::deserialize::FromSqlRow::<
                    <Self as $crate::model::entity::Entity>::SqlType,
                    DB,
                >::build_from_row(row)
            }
        }

        impl $crate::model::entity::Entity for $name {
            type SqlType = (
                $($(($(diesel::sql_types::$part_sql $(<diesel::sql_types::$part_inner>)?,)+),)*)?
                $(diesel::sql_types::$sql $(<diesel::sql_types::$inner>)?,)*
            );

            const NAME: &'static str = $called;
            const TABLE: &'static str = stringify!($table);
            const KEY: &'static str = stringify!($key);
            const COLUMNS: &'static [$crate::model::entity::Column] = &[
                $($($(
                    $crate::model::entity::Column::new::<
                        diesel::sql_types::$part_sql $(<diesel::sql_types::$part_inner>)?
                    >(stringify!($part)),
                )+)*)?
                $(
                    $crate::model::entity::Column::new::<
                        diesel::sql_types::$sql $(<diesel::sql_types::$inner>)?
                    >(stringify!($field)),
                )*
            ];

            fn values(&self) -> Vec<$crate::model::bound::Bound> {
                let mut values = Vec::with_capacity(Self::COLUMNS.len());
                $($($crate::model::bound::Embedded::values(&self.$embedded, &mut values);)*)?
                $(values.push((&self.$field).into());)*
                values
            }
        }
    };
}
pub(crate) use entity;
