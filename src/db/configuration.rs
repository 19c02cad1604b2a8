//! Module configurations in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::connection::DbConnection;
use super::entity::select;
use super::sql::Sql;
use crate::domain::configuration::Layer;
use crate::error::Result;
use crate::model::configuration::{ModuleConfiguration, core_moduleconfiguration as configuration};

/// The configurations that anybody may read and that are in force, by module.
pub fn exposed(
    connection: &mut DbConnection,
    layer: Option<Layer>,
    now: NaiveDateTime,
) -> Result<Vec<ModuleConfiguration>> {
    let mut condition =
        Sql::new("is_exposed AND (is_disabled_until IS NULL OR is_disabled_until <= ").bind(now).sql(")");
    if let Some(layer) = layer {
        condition = condition.sql(" AND layer = ").bind(layer);
    }
    select(connection, condition.sql(" ORDER BY module, layer"))
}

/// The back end's configuration of this module, as JSON text.
pub fn back_end(connection: &mut DbConnection, module: &str, now: NaiveDateTime) -> Result<Option<String>> {
    Ok(configuration::table
        .filter(configuration::module.eq(module))
        .filter(configuration::layer.eq(Layer::BackEnd))
        .filter(configuration::is_disabled_until.is_null().or(configuration::is_disabled_until.le(now)))
        .select(configuration::config)
        .first(connection)
        .optional()?)
}

/// Whether the module has a configuration in this layer.
pub fn exists(connection: &mut DbConnection, module: &str, layer: Layer) -> Result<bool> {
    let found: i64 = configuration::table
        .filter(configuration::module.eq(module))
        .filter(configuration::layer.eq(layer))
        .count()
        .get_result(connection)?;
    Ok(found > 0)
}
