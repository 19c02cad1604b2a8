//! `taskCounts`.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, Enum, Object, SimpleObject};
use uuid::Uuid;

use crate::domain::task::TaskStatus as Status;
use crate::domain::task_count::TaskTally;
use crate::error::Result;
use crate::graphql::protocol::arguments::{Argument, Table, join, keys_of, read};
use crate::graphql::protocol::context::request;
use crate::graphql::task::filters::filters;
use crate::graphql::task::types::TaskStatus;
use crate::graphql::task_group::types::{TaskGroupNode, group};
use crate::graphql::user::types::{UserNode, user};
use crate::service::task_count;

/// By what tasks are counted.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::task_count::TaskCountKey")]
pub enum TaskCountKey {
    /// By `status`.
    Status,
    /// By `taskGroup`.
    TaskGroup,
    /// By `source`.
    Source,
    /// By `priority`.
    Priority,
    /// By whether they are overdue.
    Overdue,
    /// By who has a claim on them. A task with claims of two people counts for both.
    Claimant,
}

/// How many tasks there are of a kind. What was not asked for is null, as is what the tasks do not have.
#[derive(SimpleObject)]
#[graphql(name = "TaskCountGQLType", complex)]
pub struct TaskCountNode {
    status: Option<TaskStatus>,
    source: Option<String>,
    priority: Option<i32>,
    /// Whether the tasks are open although they were due before now.
    overdue: Option<bool>,
    /// How many there are.
    count: i64,
    #[graphql(skip)]
    task_group_id: Option<Uuid>,
    #[graphql(skip)]
    claimant_id: Option<Uuid>,
}

impl TaskCountNode {
    fn of(keys: &[TaskCountKey], tally: &TaskTally) -> Self {
        let value = |key| {
            let place = keys.iter().position(|asked| *asked == key)?;
            tally.values.get(place)?.as_deref()
        };
        Self {
            status: value(TaskCountKey::Status).and_then(Status::parse).map(TaskStatus::from),
            source: value(TaskCountKey::Source).map(str::to_owned),
            priority: value(TaskCountKey::Priority).and_then(|text| text.parse().ok()),
            overdue: value(TaskCountKey::Overdue).map(|text| text == "true"),
            count: tally.count,
            task_group_id: value(TaskCountKey::TaskGroup).and_then(|text| text.parse().ok()),
            claimant_id: value(TaskCountKey::Claimant).and_then(|text| text.parse().ok()),
        }
    }
}

#[ComplexObject]
impl TaskCountNode {
    async fn task_group(&self, ctx: &Context<'_>) -> Result<Option<TaskGroupNode>> {
        group(ctx, self.task_group_id).await
    }

    /// Who works on the tasks.
    async fn claimant(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        match self.claimant_id {
            Some(id) => user(ctx, id).await.map(Some),
            None => Ok(None),
        }
    }
}

/// `Query.taskCounts`
pub static TASK_COUNTS: Table = LazyLock::new(|| {
    join([
        filters(),
        vec![
            Argument::own("groupBy", "[TaskCountKey!]!", |_| Ok(None))
                .described("By what the tasks are counted; an empty list counts all of them together."),
        ],
    ])
});

/// Counting tasks.
#[derive(Default)]
pub struct TaskCountQueries;

#[Object]
impl TaskCountQueries {
    /// How many tasks there are of each kind among those that one may see, the kinds with the most tasks first, at most 1,000.
    async fn task_counts(&self, ctx: &Context<'_>) -> Result<Option<Vec<TaskCountNode>>> {
        let mut keys: Vec<TaskCountKey> = Vec::new();
        for key in keys_of::<TaskCountKey>(ctx, "groupBy")? {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let query = read(ctx, &TASK_COUNTS)?;
        let context = request(ctx)?;
        let asked = keys.iter().copied().map(Into::into).collect();
        let found = task_count::tally(&context.services, context.requester()?, query, asked).await?;
        Ok(Some(found.iter().map(|tally| TaskCountNode::of(&keys, tally)).collect()))
    }
}
