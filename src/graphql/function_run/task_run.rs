//! `TaskRunGQLType`: the runs of a task, as everybody sees them who sees the task.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context};

use crate::domain::query::Lookup;
use crate::error::Result;
use crate::graphql::function_run::types::{FunctionRunErrorType, FunctionRunNode, FunctionRunStatus};
use crate::graphql::protocol::arguments::{Table, join, one_of, paging, uuid};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::scalars::Moment;
use crate::model::function_run::FunctionRun;
use crate::service::function_run;

/// Lists of runs inside a task. By no argument can be found out what is not shown.
pub static NESTED_TASK_RUN: Table = LazyLock::new(|| {
    join([
        paging(),
        uuid("id", "ID", "id", "FunctionRunGQLType"),
        one_of::<FunctionRunStatus>("status", "status", &[Lookup::Exact]),
    ])
});

shows! {
    /// A run that carries out what was decided on a task: how it stands, and how it ended.
    #[graphql(name = "TaskRunGQLType", complex)]
    pub struct TaskRunNode keeps row: FunctionRun {
        uuid: String = row.id.to_string(),
        function_name: String = row.function_name.clone(),
        status: FunctionRunStatus = row.status.into(),
        status_changed_timestamp: Moment = Moment(row.date_status),
        creation_timestamp: Moment = Moment(row.date_created),
        /// Where it failed.
        error_type: Option<FunctionRunErrorType> = row.error_type.map(Into::into),
        /// The run that tries again.
        retried_by_run_id: Option<String> = row.retried_by.map(|id| id.to_string()),
    }
}

#[ComplexObject]
impl TaskRunNode {
    /// All of the run, with its input, its result and its error; null for people who don't see it in `functionRun`.
    async fn run(&self, ctx: &Context<'_>) -> Result<Option<FunctionRunNode>> {
        let context = request(ctx)?;
        let requester = context.requester()?;
        let ask = || function_run::sees_all(&context.services, requester);
        let of_others = *context.sees_all_runs.get_or_try_init(ask).await?;
        let is_visible = of_others || requester.id() == self.row.user_created;
        Ok(is_visible.then(|| self.row.clone().into()))
    }
}
