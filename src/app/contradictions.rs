//! What a host gives that can't all hold: it is refused when the module is built, and the culprit is named.

use std::collections::HashSet;

use crate::config::DatabaseSettings;
use crate::db::connection::{Database, Dialect};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::service::function_handler::FunctionHandlers;
use crate::service::host::Host;
use crate::service::maker_checker::Checked;
use crate::signal::BusBuilder;

/// The refusal, in a sentence for the host's developers.
pub fn contradiction(sentence: impl Into<String>) -> Error {
    Error::new(ErrorCode::Validation, Message::words(sentence))
}

/// Checks that the settings of the database do not contradict the pool, if it is a host's.
///
/// # Errors
/// VALIDATION, with a sentence that names the setting.
pub fn check_pool(settings: &DatabaseSettings, database: &Database) -> Result<()> {
    let Some(pool) = database.connector().host_pool() else {
        return Ok(());
    };
    let usual = DatabaseSettings::default();
    let is_postgres = pool.dialect() == Dialect::Postgres;
    let (size, patience_ms) = (pool.max_size(), pool.patience().as_millis());
    let contradicting = [
        ("url", settings.url != usual.url && settings.url.starts_with("postgres") != is_postgres),
        ("password", !settings.password.is_empty()),
        ("password_file", settings.password_file != usual.password_file),
        ("pool_size", settings.pool_size != usual.pool_size && settings.pool_size != size),
        (
            "checkout_timeout_ms",
            settings.checkout_timeout_ms != usual.checkout_timeout_ms
                && u128::from(settings.checkout_timeout_ms) != patience_ms,
        ),
        ("statement_timeout_ms", settings.statement_timeout_ms != usual.statement_timeout_ms),
        ("sqlite_durable", settings.sqlite_durable != usual.sqlite_durable),
        ("sqlite_cache_kib", settings.sqlite_cache_kib != usual.sqlite_cache_kib),
        ("allow_plaintext", settings.allow_plaintext != usual.allow_plaintext),
    ];
    match contradicting.iter().find(|(_, contradicts)| *contradicts) {
        None => Ok(()),
        Some((key, _)) => {
            let name = if is_postgres { "PostgreSQL" } else { "SQLite" };
            Err(contradiction(format!(
                "The setting database.{key} contradicts the pool that the host gives: {size} connections to {name}, made as \
                 the host says, with a connection_timeout of {patience_ms} ms. Leave the setting out."
            )))
        }
    }
}

/// Checks that no two handlers, functions or registrations have one name, and none has one of the module's own.
///
/// # Errors
/// VALIDATION, with a sentence that names it.
pub fn check_names(bus: &BusBuilder, host: &Host, functions: &FunctionHandlers) -> Result<()> {
    match bus.contradiction().or_else(|| host.contradiction()).or_else(|| functions.contradiction()) {
        None => Ok(()),
        Some(sentence) => Err(contradiction(sentence)),
    }
}

/// Checks that services under maker-checker have names of their own and entities that the host has registered.
///
/// # Errors
/// VALIDATION, with a sentence that names the service.
pub fn check_services<'a>(checked: impl Iterator<Item = &'a dyn Checked>, host: &Host) -> Result<()> {
    let mut names = HashSet::new();
    for service in checked {
        let (name, kind) = (service.registration().name, service.entity_type());
        if !names.insert(name.clone()) {
            return Err(contradiction(format!("Two services under maker-checker have the name {name}.")));
        }
        if host.entity_type(&kind.to_lowercase()).is_none() {
            return Err(contradiction(format!(
                "The service {name} is under maker-checker for entities of the type {kind}, which the host has not registered \
                 by Host::entity."
            )));
        }
    }
    Ok(())
}
