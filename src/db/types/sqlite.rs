//! How SQLite keeps keys and JSON: as texts.

use diesel::deserialize::{self, FromSql};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Text;
use diesel::sqlite::{Sqlite, SqliteType, SqliteValue};

use super::{SqlJson, SqlUuid};
use crate::db::sql::Bytes;
use crate::domain::json::Json;

/// Values are texts, from which `$read` reads them.
macro_rules! as_text {
    ($own:ident: $rust:ty, $read:expr) => {
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
as_text!(SqlUuid: uuid::Uuid, uuid::Uuid::parse_str);
as_text!(SqlJson: Json, Json::stored);

impl FromSql<Text, Sqlite> for Bytes {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        const NUMBER: usize = 8;
        Ok(Self(match value.value_type() {
            Some(SqliteType::Text) => value.read_text().len(),
            _ => NUMBER,
        }))
    }
}
