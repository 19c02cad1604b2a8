//! Subscriptions to changes of tasks.

use std::sync::Arc;

use async_graphql::futures_util::{Stream, stream};
use async_graphql::{ComplexObject, Context, Enum, SimpleObject, Subscription};

use crate::domain::task_change::ChangeFilter;
use crate::error::Result;
use crate::graphql::protocol::context::{Call, asking, requester};
use crate::graphql::protocol::scalars::UuidOrGlobalId;
use crate::graphql::task::types::TaskNode;
use crate::model::history::Historical;
use crate::model::task::Task;
use crate::service::task_change::hub::Event;
use crate::service::task_change::{listen, listen_to_counts};

/// What one who listens is told of a task.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::task_change::ChangeSignal")]
pub enum TaskChangeSignal {
    /// All that was missed has come; what follows comes as it happens. No task is told of.
    Ready,
    /// The task was created.
    Created,
    /// The task was changed and is open.
    Changed,
    /// The task was changed and is approved.
    Completed,
    /// The task was changed and is rejected.
    Failed,
    /// One sees the task no longer: it was deleted, or goes to others, or rights have changed. Only its id is told.
    Gone,
}

/// A change of a task.
#[derive(SimpleObject)]
#[graphql(name = "TaskChangeGQLType", complex)]
pub struct TaskChangeNode {
    /// The place of the change in the log. `after` takes it, to go on from there.
    cursor: String,
    signal: TaskChangeSignal,
    /// The key of the task; null for READY.
    uuid: Option<String>,
    #[graphql(skip)]
    version: Option<Arc<Historical<Task>>>,
}

#[ComplexObject]
impl TaskChangeNode {
    /// The task as it was after the change: its version says whether one was told of it before. Null for READY and GONE.
    async fn task(&self) -> Option<TaskNode> {
        self.version.as_ref().map(|version| version.row.clone().into())
    }
}

impl From<Event> for TaskChangeNode {
    fn from(event: Event) -> Self {
        Self {
            cursor: event.cursor.to_string(),
            signal: event.signal.into(),
            uuid: event.task_id.map(|id| id.to_string()),
            version: event.version,
        }
    }
}

/// What subscriptions yield. An error is the last.
type Told<T> = std::result::Result<T, async_graphql::Error>;

/// Listening to changes of tasks.
#[derive(Default)]
pub struct TaskChangeSubscriptions;

#[Subscription]
impl TaskChangeSubscriptions {
    /// Each change of the tasks that one sees, in the order of the log, none left out, at least once: of all of them, of one, of
    /// those that come to a group or leave it, of those with a source, of those that wait for oneself. With `after`, the cursor of an earlier change, all that
    /// was missed since comes first. A session that ends gets nothing more.
    async fn task_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this task.")] id: Option<UuidOrGlobalId>,
        #[graphql(desc = "Of tasks that come to this group, are in it, or leave it.")] task_group_id: Option<
            UuidOrGlobalId,
        >,
        #[graphql(desc = "Of tasks with this source.")] source: Option<String>,
        #[graphql(
            desc = "If true, of tasks that wait for a decision of one's own, or have waited for it until this change."
        )]
        awaiting_me: Option<bool>,
        #[graphql(desc = "What was missed since this cursor comes first.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Told<TaskChangeNode>> + use<>> {
        let (asking, requester) = (asking(ctx)?.clone(), requester(ctx)?);
        let hang_up = ctx.data_opt::<Arc<Call>>().and_then(|call| call.hang_up.clone());
        let filter = ChangeFilter {
            task_id: id.map(|id| id.0),
            task_group_id: task_group_id.map(|id| id.0),
            source,
            awaiting_me: awaiting_me.unwrap_or_default(),
        };
        // In boxes, as many listen: beginning is over soon, and what is moved into a future keeps its room there too.
        let changes =
            Box::pin(listen(&asking.services, requester, filter, after.as_deref(), hang_up)).await?;
        let changes = Box::new(changes);
        Ok(stream::unfold((changes, asking), async |(mut changes, asking)| {
            let told = changes.next().await?.map(|event| {
                asking.renew(&event.requester, Some((event.cursor, event.signal)));
                event.into()
            });
            Some((told.map_err(Into::into), (changes, asking)))
        }))
    }

    /// Tells that counts of the tasks that one sees may have changed, at most every five seconds. It is always true.
    async fn task_counts_changed(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Told<bool>> + use<>> {
        let (asking, requester) = (asking(ctx)?.clone(), requester(ctx)?);
        let changes = listen_to_counts(&asking.services, requester).await?;
        Ok(stream::unfold((changes, asking), async |(mut changes, asking)| {
            let told = changes.next().await?.map(|requester| {
                asking.renew(&requester, None);
                true
            });
            Some((told.map_err(Into::into), (changes, asking)))
        }))
    }
}
