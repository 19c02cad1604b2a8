//! Module configurations in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::connection::DbConnection;
use super::row;
use super::schema::core_moduleconfiguration as configuration;
use super::types::{DbJson, DbUuid};
use crate::domain::configuration::{Layer, ModuleConfiguration};
use crate::error::{Error, Result};

/// The configurations that anybody may read and that are in force, by module.
///
/// # Errors
/// What the database says.
pub fn exposed(
    connection: &mut DbConnection,
    layer: Option<Layer>,
    now: NaiveDateTime,
) -> Result<Vec<ModuleConfiguration>> {
    let mut query = configuration::table
        .filter(configuration::is_exposed)
        .filter(configuration::is_disabled_until.is_null().or(configuration::is_disabled_until.le(now)))
        .order((configuration::module, configuration::layer))
        .into_boxed();
    if let Some(layer) = layer {
        query = query.filter(configuration::layer.eq(layer.as_str()));
    }
    query.load::<Row>(connection)?.into_iter().map(ModuleConfiguration::try_from).collect()
}

/// What administrators have set for this module of the server, as JSON text.
///
/// # Errors
/// What the database says.
pub fn back_end(connection: &mut DbConnection, module: &str, now: NaiveDateTime) -> Result<Option<String>> {
    Ok(configuration::table
        .filter(configuration::module.eq(module))
        .filter(configuration::layer.eq(Layer::BackEnd.as_str()))
        .filter(configuration::is_disabled_until.is_null().or(configuration::is_disabled_until.le(now)))
        .select(configuration::config)
        .first(connection)
        .optional()?)
}

/// Whether the module has a configuration in this layer.
///
/// # Errors
/// What the database says.
pub fn exists(connection: &mut DbConnection, module: &str, layer: Layer) -> Result<bool> {
    let found: i64 = configuration::table
        .filter(configuration::module.eq(module))
        .filter(configuration::layer.eq(layer.as_str()))
        .count()
        .get_result(connection)?;
    Ok(found > 0)
}

/// Adds a configuration.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, new: &ModuleConfiguration) -> Result<()> {
    diesel::insert_into(configuration::table)
        .values((
            configuration::id.eq(DbUuid(new.id)),
            configuration::module.eq(&new.module),
            configuration::layer.eq(new.layer.as_str()),
            configuration::version.eq(&new.version),
            configuration::config.eq(&new.config),
            configuration::is_exposed.eq(new.is_exposed),
            configuration::is_disabled_until.eq(new.is_disabled_until),
            configuration::controls.eq(DbJson(new.controls.clone())),
        ))
        .execute(connection)?;
    Ok(())
}

#[derive(Queryable)]
struct Row {
    id: DbUuid,
    module: String,
    layer: String,
    version: String,
    config: String,
    is_exposed: bool,
    is_disabled_until: Option<NaiveDateTime>,
    controls: DbJson,
}

impl TryFrom<Row> for ModuleConfiguration {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id.0,
            module: row.module,
            layer: row::known("layer", &row.layer, Layer::parse)?,
            version: row.version,
            config: row.config,
            is_exposed: row.is_exposed,
            is_disabled_until: row.is_disabled_until,
            controls: row.controls.0,
        })
    }
}
