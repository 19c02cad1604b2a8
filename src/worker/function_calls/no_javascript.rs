//! Functions in JavaScript where the feature `javascript` is missing: none is executed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::function_run::reason::NOT_BEGUN;
use crate::domain::function_run::{RunError, RunErrorType};
use crate::domain::json::Json;
use crate::graphql::Schema;
use crate::model::task_function::TaskFunction;
use crate::service::ServiceContext;
use crate::service::function_handler::Said;
use crate::service::function_run::preparation::Errand;

/// Takes the place of an errand that a process of its own carries out.
pub struct Execution {
    pub services: Arc<ServiceContext>,
    pub schema: Schema,
    pub function: TaskFunction,
    pub errand: Errand,
    pub said: Said,
}

impl Execution {
    /// There is nothing that executes it.
    #[expect(clippy::unused_async, reason = "with the feature, it waits")]
    pub async fn execute(self, _: BTreeMap<String, String>) -> Result<Json, RunError> {
        let words =
            "functions in JavaScript need the feature `javascript`, without which this program was built";
        Err(RunError::new(RunErrorType::Invocation, NOT_BEGUN, words))
    }
}
