//! How PostgreSQL sends keys and JSON.

use std::io::Write as _;

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Jsonb, Text, Uuid};

use super::{SqlJson, SqlUuid};
use crate::db::sql::Bytes;
use crate::domain::json::Json;

/// Our type is diesel's there.
macro_rules! as_diesel_does {
    ($own:ident, $sql:ident: $rust:ty) => {
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
    };
}
as_diesel_does!(SqlUuid, Uuid: uuid::Uuid);
as_diesel_does!(SqlJson, Jsonb: Json);

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

impl FromSql<Text, Pg> for Bytes {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(value.as_bytes().len()))
    }
}
