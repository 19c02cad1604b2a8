//! Keys and JSON on both databases: `uuid` and `jsonb` on PostgreSQL, text on SQLite, so that keys sort alike and people can
//! read them.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{HasSqlType, Jsonb, SqlType, Uuid};

use super::connection::MultiBackend;
use crate::domain::json::Json;

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

/// Declares that `$own` is what diesel's `$sql` is on either database, by its name there; values are `$rust`.
///
/// diesel knows `$sql` only on PostgreSQL, or as another type on SQLite.
macro_rules! on_both {
    ($own:ident: $postgres:literal, $sqlite:literal; $sql:ident: $rust:ty) => {
        #[derive(Debug, Clone, Copy, Default, SqlType)]
        #[diesel(postgres_type(name = $postgres))]
        #[diesel(sqlite_type(name = $sqlite))]
        pub struct $own;

        impl HasSqlType<$sql> for MultiBackend {
            fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
                Self::lookup_sql_type::<$own>(lookup)
            }
        }

        impl ToSql<$sql, MultiBackend> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
                out.set_value(($own, self));
                Ok(IsNull::No)
            }
        }

        impl FromSql<$sql, MultiBackend> for $rust {
            fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                value.from_sql::<Self, $own>()
            }
        }
    };
}
on_both!(SqlUuid: "uuid", "Text"; Uuid: uuid::Uuid);
on_both!(SqlJson: "jsonb", "Text"; Jsonb: Json);
