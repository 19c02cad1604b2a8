//! The settings in force: those of files and environment, overridden by what administrators keep in the database.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::Value;

use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::settings::ModuleSettings;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;

/// The module whose configuration row overrides this server's settings.
pub const MODULE: &str = "tasks_management";

/// How old the settings in force may become before the database is asked again.
const FRESH: TimeDelta = TimeDelta::seconds(1);

/// The settings from files and environment, overridden by the row in the database. The row is read again while the server
/// runs.
pub struct LiveSettings {
    base: ModuleSettings,
    current: RwLock<Option<(Arc<ModuleSettings>, NaiveDateTime)>>,
}

impl LiveSettings {
    /// Starts from the settings of files and environment.
    #[must_use]
    pub const fn new(base: ModuleSettings) -> Self {
        Self { base, current: RwLock::new(None) }
    }

    /// The settings in force. If the row has become invalid, that is logged, and the settings stay as they were.
    pub fn current(&self, connection: &mut DbConnection, now: NaiveDateTime) -> Result<Arc<ModuleSettings>> {
        let known = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((settings, read)) = &known
            && (now - *read).abs() < FRESH
        {
            return Ok(Arc::clone(settings));
        }
        let row = db::configuration::back_end(connection, MODULE, now)?;
        let settings = match (self.overridden(row.as_deref()), known) {
            (Ok(settings), Some((old, _))) if settings == *old => old,
            (Ok(settings), _) => Arc::new(settings),
            (Err(reason), known) => {
                tracing::error!(reason, "the configuration in the database is not used");
                known.map_or_else(|| Arc::new(self.base.clone()), |(old, _)| old)
            }
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&settings), now));
        Ok(settings)
    }

    /// Checks that the row in the database, if there is one, is valid.
    ///
    /// # Errors
    /// VALIDATION, with a sentence that names the wrong key.
    pub fn check(&self, connection: &mut DbConnection, now: NaiveDateTime) -> Result<()> {
        let row = db::configuration::back_end(connection, MODULE, now)?;
        let wrong = |reason: String| Error::new(ErrorCode::Validation, Message::words(reason));
        self.overridden(row.as_deref()).map(drop).map_err(wrong)
    }

    fn overridden(&self, row: Option<&str>) -> Result<ModuleSettings, String> {
        let Some(row) = row else {
            return Ok(self.base.clone());
        };
        let wrong = |reason: String| format!("core_moduleconfiguration, module {MODULE}, layer BE: {reason}");
        let row: Value = serde_json::from_str(row).map_err(|error| wrong(error.to_string()))?;
        let Value::Object(row) = row else {
            return Err(wrong("a JSON object is needed".to_owned()));
        };
        let mut all = serde_json::to_value(&self.base).map_err(|error| wrong(error.to_string()))?;
        for (key, value) in row {
            match all.get_mut(&key) {
                Some(place) => *place = value,
                None => return Err(wrong(format!("unknown key {key:?}"))),
            }
            // One key at a time, so that the error can name it.
            serde_json::from_value::<ModuleSettings>(all.clone())
                .map_err(|error| wrong(format!("key {key:?}: {error}")))?;
        }
        serde_json::from_value(all).map_err(|error| wrong(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_overrides_single_keys_and_a_wrong_one_is_named() {
        let live = LiveSettings::new(ModuleSettings::default());
        let changed = live.overridden(Some(r#"{"gql_task_create_perms": [5]}"#)).expect("fine");
        assert_eq!(changed.gql_task_create_perms, [5]);
        assert_eq!(changed.gql_task_delete_perms, ModuleSettings::default().gql_task_delete_perms);
        for (row, named) in [
            (r#"{"gql_nonsense": 1}"#, "gql_nonsense"),
            (r#"{"gql_task_create_perms": "x"}"#, "gql_task_create_perms"),
            ("[]", "object"),
            ("{", "tasks_management"),
        ] {
            let reason = live.overridden(Some(row)).expect_err(row);
            assert!(reason.contains(named), "{reason}");
        }
    }
}
