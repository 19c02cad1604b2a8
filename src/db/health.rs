//! Checks whether the server can work with the database, by a connection of its own, so that busy pools do not matter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::{ExpressionMethods as _, RunQueryDsl as _};
use tokio::sync::Mutex;

use super::connection::{Connector, Database, DbConnection, Dialect, is_locked};
use super::migration::{self, Standing};
use crate::error::{Error, Result};
use crate::model::health::task_management_health as health;

/// How long to wait for an answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long a successful write counts as proof that the database can be written.
const WRITTEN: Duration = Duration::from_secs(10);

/// Why the server can't work with the database.
#[derive(Debug, Clone)]
pub struct Ailment {
    /// The reason in a few words, for the answer of the probe.
    pub what: &'static str,
    /// The cause, for the log.
    pub cause: String,
}

/// Checks the health of the database.
pub struct Health {
    connector: Connector,
    found: Arc<Mutex<Found>>,
}

/// The result of the last check.
#[derive(Default)]
struct Found {
    connection: Option<DbConnection>,
    written: Option<(Instant, Result<(), Ailment>)>,
    outcome: Option<(Instant, Result<(), Ailment>)>,
}

impl Health {
    /// The health of this database.
    pub fn new(database: &Database) -> Self {
        Self { connector: database.connector().clone(), found: Arc::default() }
    }

    /// Checks that the database answers in time, has the right schema, and can be written.
    ///
    /// # Errors
    /// The reason why the server can't work with it.
    pub async fn check(&self) -> Result<(), Ailment> {
        let (connector, begun) = (self.connector.clone(), Instant::now());
        let asked = async {
            // Only one check runs at a time, so a silent database holds up one thread and one connection.
            let mut found = Arc::clone(&self.found).lock_owned().await;
            tokio::task::spawn_blocking(move || found.since(begun, &connector))
                .await
                .map_err(|error| Ailment { what: "the check broke off", cause: error.to_string() })?
        };
        tokio::time::timeout(DEADLINE, asked).await.unwrap_or_else(|_| {
            Err(Ailment {
                what: "the database does not answer in time",
                cause: format!("{DEADLINE:?} passed"),
            })
        })
    }
}

impl Found {
    /// The result of a check at `begun` or later. Probes that wait at the same time share one result.
    fn since(&mut self, begun: Instant, connector: &Connector) -> Result<(), Ailment> {
        if let Some((_, outcome)) = self.outcome.as_ref().filter(|(when, _)| *when >= begun) {
            return outcome.clone();
        }
        let now = Instant::now();
        let outcome = self.examine(connector);
        // One that is lent goes back to the host.
        if outcome.is_err() || connector.host_pool().is_some() {
            self.connection = None;
        }
        self.outcome = Some((now, outcome.clone()));
        outcome
    }

    fn examine(&mut self, connector: &Connector) -> Result<(), Ailment> {
        connector
            .check_file()
            .map_err(|error| ailment("the file of the database was deleted or replaced", &error))?;
        let is_due = self.written.as_ref().is_none_or(|(when, _)| when.elapsed() >= WRITTEN);
        // A new connection to a file also learns whether the right to write it has changed.
        if is_due && connector.dialect() == Dialect::Sqlite {
            self.connection = None;
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let connected = connector
                    .connect_hastily()
                    .map_err(|error| ailment("the database can't be reached", &error))?;
                none.insert(connected)
            }
        };
        match migration::standing(connection)
            .map_err(|error| ailment("the database can't be reached", &error))?
        {
            Standing::Current | Standing::Newer(_) => {}
            Standing::Pending | Standing::Foreign(_) => {
                return Err(Ailment {
                    what: "migrations are missing",
                    cause: "migrations are missing".to_owned(),
                });
            }
            other => {
                other.check().map_err(|error| ailment("the database is not for this program", &error))?;
            }
        }
        if is_due {
            match diesel::update(health::table).set(health::checks.eq(health::checks + 1)).execute(connection)
            {
                // Another process is writing, which does not show that this one can't.
                Err(error) if is_locked(&error) => {}
                outcome => {
                    let outcome = outcome
                        .map(drop)
                        .map_err(|error| ailment("the database can't be written", &Error::from(error)));
                    self.written = Some((Instant::now(), outcome));
                }
            }
        }
        self.written.as_ref().map_or(Ok(()), |(_, outcome)| outcome.clone())
    }
}

fn ailment(what: &'static str, error: &Error) -> Ailment {
    Ailment {
        what,
        cause: std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string),
    }
}
