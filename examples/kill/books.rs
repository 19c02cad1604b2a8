//! The tables that the handlers write: each call as it comes, and each effect once for each event.

use std::sync::{Mutex, PoisonError};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, RunQueryDsl as _};
use tasks_management::{DbConnection, Event, HandlerError};

use crate::store;

/// Tables in the same database, past the module.
pub struct Books {
    url: String,
    idle: Mutex<Vec<DbConnection>>,
}

impl Books {
    /// The books in the database of this URL.
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), idle: Mutex::default() }
    }

    /// Makes the tables that are missing.
    pub fn open(&self) -> Result<(), HandlerError> {
        self.with(|connection| {
            let counted = match connection {
                DbConnection::Pg(_) => "bigserial PRIMARY KEY",
                DbConnection::Sqlite(_) => "integer PRIMARY KEY AUTOINCREMENT",
            };
            connection.batch_execute(&format!(
                "CREATE TABLE IF NOT EXISTS kill_call (id {counted}, handler text NOT NULL, event_id text NOT NULL, task_id text NOT NULL);
                 CREATE TABLE IF NOT EXISTS kill_effect (handler text NOT NULL, event_id text NOT NULL, PRIMARY KEY (handler, event_id));
                 CREATE TABLE IF NOT EXISTS kill_balance (handler text NOT NULL, task_id text NOT NULL, effects bigint NOT NULL, PRIMARY KEY (handler, task_id));
                 CREATE TABLE IF NOT EXISTS kill_run (id {counted}, name text NOT NULL, run_id text NOT NULL);
                 CREATE TABLE IF NOT EXISTS kill_booking (task_id text PRIMARY KEY);"
            ))
        })
    }

    /// Writes down that a handler was called.
    pub fn enter_call(&self, handler: &str, event: &Event) -> Result<(), HandlerError> {
        let (id, task) = (event.id, event.entity_id);
        self.with(|connection| {
            let sql = format!(
                "INSERT INTO kill_call (handler, event_id, task_id) VALUES ('{handler}', '{id}', '{task}')"
            );
            diesel::sql_query(sql).execute(connection).map(drop)
        })
    }

    /// Writes down that a function was called.
    pub fn enter_run(&self, name: &str, run: uuid::Uuid) -> Result<(), HandlerError> {
        self.with(|connection| {
            let sql = format!("INSERT INTO kill_run (name, run_id) VALUES ('{name}', '{run}')");
            diesel::sql_query(sql).execute(connection).map(drop)
        })
    }

    /// Has the effect once for each event: adds to the task's balance. A handler that may be called again should do the
    /// same.
    pub fn enter_effect(&self, handler: &str, event: &Event) -> Result<(), HandlerError> {
        let (id, task) = (event.id, event.entity_id);
        self.with(|connection| {
            connection.transaction(|connection| {
                let once = format!(
                    "INSERT INTO kill_effect (handler, event_id) VALUES ('{handler}', '{id}') ON CONFLICT DO NOTHING"
                );
                if diesel::sql_query(once).execute(connection)? == 0 {
                    return Ok(());
                }
                let add = format!(
                    "INSERT INTO kill_balance (handler, task_id, effects) VALUES ('{handler}', '{task}', 1) \
                     ON CONFLICT (handler, task_id) DO UPDATE SET effects = kill_balance.effects + 1"
                );
                diesel::sql_query(add).execute(connection).map(drop)
            })
        })
    }

    /// Works with an idle connection, or a new one. A connection that failed is not used again.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, HandlerError> {
        let resting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match resting {
            Some(connection) => connection,
            None => store::connect(&self.url)?,
        };
        let done = work(&mut connection)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(done)
    }
}
