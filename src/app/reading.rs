//! The services as hosts read by them: the rows that a person may see, by the filters of the interface.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::TaskManagement;
use crate::auth::requester::Requester;
use crate::domain::query::{Condition, ListQuery};
use crate::error::{Error, Result};
use crate::graphql::protocol::arguments::{Arguments, read_json};
use crate::graphql::task::filters::TASK;
use crate::graphql::task_comment::TASK_COMMENT;
use crate::graphql::task_executor::TASK_EXECUTOR;
use crate::graphql::task_flow::filters::{SHOW_SUPERSEDED, TASK_FLOW};
use crate::graphql::task_group::filters::TASK_GROUP;
use crate::message::Message;
use crate::model::slice::Slice;
use crate::model::task::Task;
use crate::model::task_comment::TaskComment;
use crate::model::task_executor::TaskExecutor;
use crate::model::task_flow::TaskFlow;
use crate::model::task_group::TaskGroup;
use crate::service::context::ListScope;
use crate::service::facade::{
    TaskCommentService, TaskExecutorService, TaskFlowService, TaskGroupService, TaskService,
};
use crate::service::{ServiceContext, task, task_comment, task_executor, task_flow, task_group};

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// How many rows match on all pages together.
    pub total_count: i64,
    /// Whether rows come before.
    pub has_previous: bool,
    /// Whether rows follow.
    pub has_next: bool,
    /// The mark of the first row, for `before`; none if there are no rows.
    pub start_cursor: Option<String>,
    /// The mark of the last row, for `after`; none if there are no rows.
    pub end_cursor: Option<String>,
}

impl<T> From<Slice<T>> for Page<T> {
    fn from(slice: Slice<T>) -> Self {
        Self {
            total_count: slice.total_count.unwrap_or_default(),
            has_previous: slice.has_previous,
            has_next: slice.has_next,
            start_cursor: slice.rows.first().map(|(_, cursor)| cursor.clone()),
            end_cursor: slice.rows.last().map(|(_, cursor)| cursor.clone()),
            rows: slice.rows.into_iter().map(|(row, _)| row).collect(),
        }
    }
}

impl TaskManagement {
    /// The system user, who may do everything: for what a host does when nobody has asked, such as to make its groups and flows
    /// at the start. What is done so is the system user's in history. Never act so on behalf of a request.
    ///
    /// # Errors
    /// INTERNAL for a database that is not migrated.
    pub async fn system(&self) -> Result<Arc<Requester>> {
        let system = self.services.read(|_, connection| Requester::system(connection)).await;
        system.map(Arc::new).inspect_err(Error::log)
    }
}

/// Adds the methods that read to a service.
macro_rules! reads {
    ($($service:ident of $row:ident, $module:ident, $table:ident, $unless_asked:ident;)+) => {
        $(impl $service {
            /// The rows that the person may see and that meet the filters. `filters` is an object with the arguments of the list
            /// in the interface (`schema.graphql`), such as `{"status": "ACCEPTED", "first": 20, "orderBy": ["-priority"]}`; null
            /// asks for all.
            ///
            /// # Errors
            /// FORBIDDEN if the person may see no such rows at all; VALIDATION or LIMIT, naming the argument.
            pub async fn list(&self, requester: &Arc<Requester>, filters: Value) -> Result<Page<$row>> {
                let requester = self.services.present(requester).await?;
                let condition = $unless_asked(&filters);
                let mut query = query(&self.services, &requester, &$table, filters)?;
                query.conditions.extend(condition);
                let page = $module::list(&self.services, &requester, query, ListScope::Root).await;
                page.map(Page::from).inspect_err(Error::log)
            }

            /// The row with this key.
            ///
            /// # Errors
            /// NOT_FOUND, also if the person may not see it.
            pub async fn get(&self, requester: &Arc<Requester>, id: Uuid) -> Result<$row> {
                let requester = self.services.present(requester).await?;
                let query = query(&self.services, &requester, &$table, json!({ "id": id, "first": 1 }))?;
                let found = $module::list(&self.services, &requester, query, ListScope::Nested).await;
                only(found, "id")
            }
        })+
    };
}
reads! {
    TaskService of Task, task, TASK, nothing;
    TaskGroupService of TaskGroup, task_group, TASK_GROUP, nothing;
    TaskExecutorService of TaskExecutor, task_executor, TASK_EXECUTOR, nothing;
    TaskFlowService of TaskFlow, task_flow, TASK_FLOW, live_heads;
    TaskCommentService of TaskComment, task_comment, TASK_COMMENT, nothing;
}

const fn nothing(_: &Value) -> Option<Condition> {
    None
}

/// The condition on flows, unless superseded ones are asked for.
fn live_heads(filters: &Value) -> Option<Condition> {
    (filters[SHOW_SUPERSEDED] != true).then_some(Condition::LiveHead)
}

impl TaskGroupService {
    /// The group of this code.
    ///
    /// # Errors
    /// NOT_FOUND, also if the person may not see it.
    pub async fn by_code(&self, requester: &Arc<Requester>, code: &str) -> Result<TaskGroup> {
        let requester = self.services.present(requester).await?;
        let query = query(&self.services, &requester, &TASK_GROUP, json!({ "code": code, "first": 1 }))?;
        only(task_group::list(&self.services, &requester, query, ListScope::Nested).await, "code")
    }
}

impl TaskFlowService {
    /// The version of the flow of this code that new tasks get.
    ///
    /// # Errors
    /// NOT_FOUND, also if the person may not see it.
    pub async fn by_code(&self, requester: &Arc<Requester>, code: &str) -> Result<TaskFlow> {
        let requester = self.services.present(requester).await?;
        let mut query = query(&self.services, &requester, &TASK_FLOW, json!({ "code": code, "first": 1 }))?;
        query.conditions.push(Condition::LiveHead);
        only(task_flow::list(&self.services, &requester, query, ListScope::Nested).await, "code")
    }
}

fn query(
    services: &ServiceContext,
    requester: &Requester,
    table: &Arguments,
    filters: Value,
) -> Result<ListQuery> {
    read_json(table, filters, requester, services.limits.list_length, services.clock.now())
}

fn only<T>(found: Result<Slice<T>>, field: &str) -> Result<T> {
    let found = found.inspect_err(Error::log)?;
    let row = found.rows.into_iter().next().map(|(row, _)| row);
    row.ok_or_else(|| Error::not_found(field, Message::new("no-such-row")))
}
