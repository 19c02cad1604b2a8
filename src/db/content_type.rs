//! Content types in the database.

use diesel::prelude::*;

use super::connection::{DbConnection, Dialect};
use super::schema::core_contenttype as content_type;
use super::sql::Sql;
use crate::domain::content_type::ContentType;
use crate::error::Result;

/// The content type of this name, made if there is none yet.
///
/// # Errors
/// What the database says.
pub fn get_or_insert(connection: &mut DbConnection, app_label: &str, model: &str) -> Result<ContentType> {
    if let Some(found) = by_name(connection, app_label, model)? {
        return Ok(found);
    }
    Sql::new("INSERT INTO core_contenttype (app_label, model) VALUES (")
        .bind(app_label)
        .sql(", ")
        .bind(model)
        .sql(") ON CONFLICT DO NOTHING")
        .execute(connection)?;
    by_name(connection, app_label, model)?
        .ok_or_else(|| crate::error::Error::internal("a content type is not there after it was added"))
}

/// Adds one under a key of the caller's.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, new: &ContentType) -> Result<()> {
    diesel::insert_into(content_type::table)
        .values((
            content_type::id.eq(new.id),
            content_type::app_label.eq(&new.app_label),
            content_type::model.eq(&new.model),
        ))
        .execute(connection)?;
    if connection.dialect() == Dialect::Postgres {
        Sql::new(
            "SELECT setval(pg_get_serial_sequence('core_contenttype', 'id'), MAX(id)) FROM core_contenttype",
        )
        .execute(connection)?;
    }
    Ok(())
}

/// The content type with this key.
///
/// # Errors
/// What the database says.
pub fn get(connection: &mut DbConnection, id: i32) -> Result<Option<ContentType>> {
    let row: Option<(i32, String, String)> = content_type::table.find(id).first(connection).optional()?;
    Ok(row.map(|(id, app_label, model)| ContentType { id, app_label, model }))
}

fn by_name(connection: &mut DbConnection, app_label: &str, model: &str) -> Result<Option<ContentType>> {
    let row: Option<(i32, String, String)> = content_type::table
        .filter(content_type::app_label.eq(app_label))
        .filter(content_type::model.eq(model))
        .first(connection)
        .optional()?;
    Ok(row.map(|(id, app_label, model)| ContentType { id, app_label, model }))
}
