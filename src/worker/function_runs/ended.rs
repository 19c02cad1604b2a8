//! What came of a run is written down.

use std::sync::Arc;

use uuid::Uuid;

use crate::db::connection::DbConnection;
use crate::domain::function_run::{LogLine, RunError, RunStatus};
use crate::domain::json::Json;
use crate::error::Result;
use crate::model::function_run::FunctionRun;
use crate::service::ServiceContext;
use crate::service::function_run::ending;
use crate::worker::gathered::Write;

/// What came of a run.
#[derive(Clone)]
pub struct Ended {
    /// The run as it was begun.
    pub run: Arc<FunctionRun>,
    /// Who executed it.
    pub worker: Uuid,
    /// The result.
    pub outcome: Arc<std::result::Result<Json, RunError>>,
    /// What the function said.
    pub lines: Arc<[LogLine]>,
}

impl Write for Ended {
    type Done = Option<RunStatus>;

    fn locks(&self) -> &str {
        &self.run.function_name
    }

    fn write(&self, services: &ServiceContext, connection: &mut DbConnection) -> Result<Option<RunStatus>> {
        ending::end(services, connection, &self.run, self.worker, &self.outcome, &self.lines)
    }
}
