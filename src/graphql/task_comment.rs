//! Comments on tasks in GraphQL.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};

use crate::domain::query::Lookup;
use crate::error::{Error, Result};
use crate::graphql::protocol::arguments::{
    Arguments, Table, client_mutation_id, join, of_record, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::declaration::{asks_for, shows};
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::scalars::UuidOrGlobalId;
use crate::graphql::record::{LiveRecord, RecordVersion};
use crate::graphql::task::types::TaskNode;
use crate::graphql::user::types::{UserNode, users};
use crate::model::history::Historical;
use crate::model::task_comment::TaskComment;
use crate::service::context::ListScope;
use crate::service::task_comment::{self, CreateTaskComment, UpdateTaskComment};

/// What somebody says about a task in its discussion.
#[derive(SimpleObject)]
#[graphql(name = "TaskCommentGQLType")]
pub struct TaskCommentNode {
    #[graphql(flatten)]
    pub record: LiveRecord,
    #[graphql(flatten)]
    fields: CommentFields,
}

/// A comment as it was after a write.
#[derive(SimpleObject)]
#[graphql(name = "TaskCommentHistoryGQLType")]
pub struct TaskCommentHistoryNode {
    #[graphql(flatten)]
    pub record: RecordVersion,
    #[graphql(flatten)]
    fields: CommentFields,
}

shows! {
    /// The fields that comments and their versions have.
    #[graphql(complex)]
    struct CommentFields keeps comment: TaskComment {
        /// What is said.
        text: String,
    }
}

impl From<TaskComment> for TaskCommentNode {
    fn from(comment: TaskComment) -> Self {
        Self { record: LiveRecord::new("TaskCommentGQLType", &comment.record), fields: comment.into() }
    }
}

impl From<Historical<TaskComment>> for TaskCommentHistoryNode {
    fn from(version: Historical<TaskComment>) -> Self {
        let Historical { row, history } = version;
        Self {
            record: RecordVersion::new("TaskCommentHistoryGQLType", &row.record, history),
            fields: row.into(),
        }
    }
}

#[ComplexObject]
impl CommentFields {
    /// The task that is commented on.
    async fn task(&self, ctx: &Context<'_>) -> Result<TaskNode> {
        let id = self.comment.task_id;
        let task = request(ctx)?.tasks.load_one(id).await.map_err(shared)?;
        task.map(TaskNode::from).ok_or_else(|| Error::internal(format!("there is no task {id}")))
    }

    /// The people who are to be told of the comment.
    async fn mentions(&self, ctx: &Context<'_>) -> Result<Vec<UserNode>> {
        users(ctx, self.comment.mentioned().into_iter().collect()).await
    }
}

/// Reading comments.
#[derive(Default)]
pub struct TaskCommentQueries;

#[Object]
impl TaskCommentQueries {
    /// The comments on the tasks that one may see, in the order in which they were made.
    async fn task_comment(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskCommentNode>>> {
        let list =
            |services, requester, query| task_comment::list(services, requester, query, ListScope::Root);
        listed(ctx, &TASK_COMMENT, None, list).await.map(Some)
    }

    /// All versions of the comments on the tasks that one may see, newest first. `id` is the comment's.
    async fn task_comment_history(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Connection<TaskCommentHistoryNode>>> {
        let list = |services, requester, query| task_comment::list_history(services, requester, query);
        listed(ctx, &TASK_COMMENT_HISTORY, None, list).await.map(Some)
    }
}

/// `Query.taskComment`
pub static TASK_COMMENT: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

/// `Query.taskCommentHistory`
pub static TASK_COMMENT_HISTORY: Table =
    LazyLock::new(|| join([order_by(), client_mutation_id(), paging(), fields()]));

/// Lists of comments inside a task.
pub static NESTED_TASK_COMMENT: Table = LazyLock::new(|| join([order_by(), paging(), fields()]));

fn fields() -> Arguments {
    join([
        uuid("id", "ID", "id", "TaskCommentGQLType"),
        uuid("taskId", "ID", "task_id", "TaskGQLType"),
        uuid("userCreatedId", "ID", "user_created", "UserGQLType"),
        text("text", "String", "text", &[Lookup::Icontains]),
        of_record(),
    ])
}

payloads! {
    CreateTaskCommentPayload => "CreateTaskCommentMutationPayload",
    UpdateTaskCommentPayload => "UpdateTaskCommentMutationPayload",
    DeleteTaskCommentPayload => "DeleteTaskCommentMutationPayload",
}

asks_for! {
    /// A comment to be made.
    pub struct CreateTaskCommentMutationInput as input => CreateTaskComment {
        task_id: UuidOrGlobalId,
        /// What is said.
        text: String,
        /// The people who are to be told. All of them must see the task.
        mentions: Option<Vec<UuidOrGlobalId>> = input.mentions.iter().flatten().map(|id| id.0).collect(),
    }
}

asks_for! {
    /// The changes of a comment. Absent fields stay as they are.
    pub struct UpdateTaskCommentMutationInput as input => UpdateTaskComment {
        id: UuidOrGlobalId,
        /// What is said.
        text: Option<String>,
        /// The people who are to be told. Those who were not mentioned before must see the task.
        mentions: Option<Vec<UuidOrGlobalId>> =
            input.mentions.as_ref().map(|ids| ids.iter().map(|id| id.0).collect()),
        /// `version` of the comment as it was seen. If it has changed since, the mutation is refused as a CONFLICT.
        expected_version: Option<i32>,
    }
}

/// The comments to be deleted.
#[derive(InputObject, Debug, Clone)]
pub struct DeleteTaskCommentMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    ids: Vec<UuidOrGlobalId>,
}

/// Commenting on tasks.
#[derive(Default)]
pub struct TaskCommentMutations;

#[Object]
impl TaskCommentMutations {
    /// Comments on a task that one sees, whether it is decided or not.
    async fn create_task_comment(
        &self,
        ctx: &Context<'_>,
        input: CreateTaskCommentMutationInput,
    ) -> Result<Option<Payload<CreateTaskCommentPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "createTaskComment", &meta, move |unit| {
            task_comment::create(unit, &input.read()?).map(drop)
        })
        .await
    }

    /// Changes one's own comment. History keeps what it said.
    async fn update_task_comment(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskCommentMutationInput,
    ) -> Result<Option<Payload<UpdateTaskCommentPayload>>> {
        let meta = input.meta.clone();
        journaled(ctx, "updateTaskComment", &meta, move |unit| {
            task_comment::update(unit, &input.read()?).map(drop)
        })
        .await
    }

    /// Deletes one's own comments: all of them, or none. History keeps them.
    async fn delete_task_comment(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskCommentMutationInput,
    ) -> Result<Option<Payload<DeleteTaskCommentPayload>>> {
        let ids: Vec<_> = input.ids.iter().map(|id| id.0).collect();
        journaled(ctx, "deleteTaskComment", &input.meta, move |unit| task_comment::delete(unit, &ids)).await
    }
}
