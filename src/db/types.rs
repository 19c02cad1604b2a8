//! Keys and JSON on both databases: `uuid` and `jsonb` on PostgreSQL, text on SQLite, so that keys sort alike and people can
//! read them.

use std::io::Write as _;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{HasSqlType, Jsonb, SqlType, Text, Uuid};
use diesel::sqlite::{Sqlite, SqliteValue};

use super::connection::MultiBackend;
use crate::domain::json::Json;

/// Declares that `$own` is what diesel's `$sql` is on either database, by its name there; values are `$rust`, which `$read`
/// reads from texts.
///
/// diesel knows `$sql` only on PostgreSQL, or as another type on SQLite.
macro_rules! on_both {
    ($own:ident: $postgres:literal, $sqlite:literal; $sql:ident: $rust:ty, $read:expr) => {
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

        impl ToSql<$own, Pg> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                ToSql::<$sql, Pg>::to_sql(self, out)
            }
        }

        impl FromSql<$own, Pg> for $rust {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                FromSql::<$sql, Pg>::from_sql(value)
            }
        }

        impl ToSql<$own, Sqlite> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                // Both are written in their usual form: keys in lower case with hyphens, JSON without white space.
                out.set_value(self.to_string());
                Ok(IsNull::No)
            }
        }

        impl FromSql<$own, Sqlite> for $rust {
            fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
                Ok($read(text.as_str())?)
            }
        }
    };
}
on_both!(SqlUuid: "uuid", "Text"; Uuid: uuid::Uuid, uuid::Uuid::parse_str);
on_both!(SqlJson: "jsonb", "Text"; Jsonb: Json, Json::stored);

/// The number before the text by which PostgreSQL tells one way of sending `jsonb` from another.
const JSONB_VERSION: u8 = 1;

impl ToSql<Jsonb, Pg> for Json {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[JSONB_VERSION])?;
        out.write_all(self.to_string().as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Jsonb, Pg> for Json {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            [JSONB_VERSION, text @ ..] => Ok(Self::stored(std::str::from_utf8(text)?)?),
            _ => Err("the database sends JSON in another way".into()),
        }
    }
}
