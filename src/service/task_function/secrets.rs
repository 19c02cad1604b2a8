//! What is secret about functions: it is sealed before it goes into the database, and opened where it is used.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::json::Json;
use crate::error::Result;
use crate::service::context::ServiceContext;

/// Seals all secrets of functions with the present key that are plain or sealed with another one; returns how many functions had
/// such secrets.
///
/// # Errors
/// INTERNAL if no key of the settings opens one of them; then none is changed.
pub async fn seal_all(services: &Arc<ServiceContext>) -> Result<usize> {
    let own = Arc::clone(services);
    services
        .db
        .write(move |connection| {
            let mut count = 0;
            for mut secret in db::task_function::lock_secrets(connection)? {
                let id = secret.id;
                let mut changed = false;
                for kept in secret.secrets.iter_mut().map(|secret| &mut secret.secret) {
                    if own.sealing.is_outdated(kept) {
                        let opened = own.sealing.open(kept, &signing_place(id))?;
                        *kept = own.sealing.seal(&opened, &signing_place(id))?;
                        changed = true;
                    }
                }
                for (name, kept) in secret.variables.as_object_mut().into_iter().flatten() {
                    let Some(text) = kept.as_str().filter(|text| own.sealing.is_outdated(text)) else {
                        continue;
                    };
                    let value = own.sealing.open(text, &place(id, name))?;
                    *kept = Json::String(own.sealing.seal(&value, &place(id, name))?);
                    changed = true;
                }
                if changed {
                    db::update(connection, &secret)?;
                    count += 1;
                }
            }
            Ok(count)
        })
        .await
}

/// The environment variables of a function.
///
/// # Errors
/// INTERNAL if no key of the settings opens one of them.
pub fn environment(
    services: &ServiceContext,
    connection: &mut DbConnection,
    id: Uuid,
) -> Result<BTreeMap<String, String>> {
    let secret = db::task_function::secret(connection, id)?;
    let variables = secret.variables.as_object().into_iter().flatten();
    variables
        .map(|(name, kept)| {
            let kept = kept.as_str().unwrap_or_default();
            Ok((name.clone(), services.sealing.open(kept, &place(id, name))?))
        })
        .collect()
}

/// The secrets that sign messages to the receiver of a function now, the present one first.
///
/// # Errors
/// INTERNAL if no key of the settings opens one of them.
pub fn signing_secrets(
    services: &ServiceContext,
    connection: &mut DbConnection,
    id: Uuid,
) -> Result<Vec<String>> {
    let secret = db::task_function::secret(connection, id)?;
    let valid = secret.valid_secrets(services.clock.now());
    valid.map(|kept| services.sealing.open(kept, &signing_place(id))).collect()
}

/// The place for which the secrets that sign are sealed.
pub(super) fn signing_place(id: Uuid) -> String {
    format!("task-function:{id}")
}

/// The place for which a value is sealed, so that it can't be moved to another function or variable.
pub(super) fn place(id: Uuid, variable: &str) -> String {
    format!("task-function:{id}:{variable}")
}
