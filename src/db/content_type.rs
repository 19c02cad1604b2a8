//! Content types in the database.

use super::connection::{DbConnection, Dialect};
use super::entity::{self, insert_with, select};
use super::sql::Sql;
use crate::error::{Error, Result};
use crate::model::content_type::ContentType;
use crate::model::entity::Entity as _;

/// The content type of this name; it is created if it does not exist.
pub fn get_or_insert(connection: &mut DbConnection, app_label: &str, model: &str) -> Result<ContentType> {
    if let Some(found) = by_name(connection, app_label, model)? {
        return Ok(found);
    }
    let new = ContentType { id: 0, app_label: app_label.to_owned(), model: model.to_owned() };
    insert_with(connection, &new, vec![(ContentType::KEY, None)], " ON CONFLICT DO NOTHING")?;
    by_name(connection, app_label, model)?
        .ok_or_else(|| Error::internal("a content type is not there after it was added"))
}

/// Adds a content type with a key that the caller has chosen.
pub fn insert(connection: &mut DbConnection, new: &ContentType) -> Result<()> {
    entity::insert(connection, new)?;
    if connection.dialect() == Dialect::Postgres {
        Sql::new(
            "SELECT setval(pg_get_serial_sequence('core_contenttype', 'id'), MAX(id)) FROM core_contenttype",
        )
        .execute(connection)?;
    }
    Ok(())
}

fn by_name(connection: &mut DbConnection, app_label: &str, model: &str) -> Result<Option<ContentType>> {
    let named = Sql::new("app_label = ").bind(app_label).sql(" AND model = ").bind(model);
    Ok(select(connection, named)?.pop())
}
