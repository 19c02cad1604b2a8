//! `node(id:)`: any row by its global id, under the same rights and visibility as the lists.

use async_graphql::{Context, ID, Interface, Object};

use crate::domain::query::{Condition, ListQuery, Slice, Value};
use crate::error::{ErrorCode, Result};
use crate::graphql::mutation_log::types::MutationLogNode;
use crate::graphql::outbox::types::TaskEventNode;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::scalars::read_global_id;
use crate::graphql::role::types::{RoleNode, RoleRightNode};
use crate::graphql::task::types::{TaskHistoryNode, TaskNode};
use crate::graphql::task_executor::types::{TaskExecutorHistoryNode, TaskExecutorNode};
use crate::graphql::task_flow::types::{TaskFlowHistoryNode, TaskFlowNode};
use crate::graphql::task_group::types::{TaskGroupHistoryNode, TaskGroupNode};
use crate::graphql::user::types::{InteractiveUserNode, UserNode};
use crate::graphql::vote::types::TaskDecisionNode;
use crate::graphql::webhook_attempt::types::WebhookAttemptNode;
use crate::graphql::webhook_endpoint::types::WebhookEndpointNode;
use crate::service::context::ListScope;
use crate::service::{
    mutation_log, outbox, role, task, task_executor, task_flow, task_group, user, vote, webhook_attempt,
    webhook_endpoint,
};

/// Anything with a global id.
#[derive(Interface)]
#[graphql(name = "Node", field(name = "id", ty = "ID"))]
pub enum Node {
    Task(TaskNode),
    TaskHistory(TaskHistoryNode),
    TaskGroup(TaskGroupNode),
    TaskGroupHistory(TaskGroupHistoryNode),
    TaskExecutor(TaskExecutorNode),
    TaskExecutorHistory(TaskExecutorHistoryNode),
    TaskFlow(TaskFlowNode),
    TaskFlowHistory(TaskFlowHistoryNode),
    TaskDecision(TaskDecisionNode),
    TaskEvent(TaskEventNode),
    WebhookEndpoint(WebhookEndpointNode),
    WebhookAttempt(WebhookAttemptNode),
    User(UserNode),
    InteractiveUser(InteractiveUserNode),
    Role(RoleNode),
    RoleRight(RoleRightNode),
    MutationLog(MutationLogNode),
}

/// Any row by its global id.
#[derive(Default)]
pub struct NodeQueries;

#[Object]
impl NodeQueries {
    /// The row with this global id; null where there is none that one sees.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Node>> {
        request(ctx)?.requester()?;
        let Some((type_name, key)) = read_global_id(&id) else {
            return Ok(None);
        };
        match find(ctx, &type_name, &key).await {
            // Whether there is such a row is none of a stranger's business.
            Err(error) if error.code() == ErrorCode::Forbidden => Ok(None),
            found => found,
        }
    }
}

async fn find(ctx: &Context<'_>, type_name: &str, key: &str) -> Result<Option<Node>> {
    let context = request(ctx)?;
    let (services, requester) = (&context.services, context.requester()?);
    let by_uuid = |field: &'static str| key.parse().ok().map(|id| with(field, Value::Uuid(id)));
    let by_int = |field: &'static str| key.parse().ok().map(|id| with(field, Value::Int(id)));
    Ok(match type_name {
        "TaskGQLType" => match by_uuid("id") {
            Some(query) => only(task::list(services, requester, query, ListScope::Nested).await?)
                .map(|row| Node::Task(TaskNode(row))),
            None => None,
        },
        "TaskGroupGQLType" => match by_uuid("id") {
            Some(query) => only(task_group::list(services, requester, query, ListScope::Nested).await?)
                .map(|row| Node::TaskGroup(TaskGroupNode(row))),
            None => None,
        },
        "TaskExecutorGQLType" => match by_uuid("id") {
            Some(query) => only(task_executor::list(services, requester, query, ListScope::Nested).await?)
                .map(|row| Node::TaskExecutor(TaskExecutorNode(row))),
            None => None,
        },
        "TaskHistoryGQLType" => match by_int("history_id") {
            Some(query) => only(task::list_history(services, requester, query).await?)
                .map(|row| Node::TaskHistory(TaskHistoryNode(row))),
            None => None,
        },
        "TaskGroupHistoryGQLType" => match by_int("history_id") {
            Some(query) => only(task_group::list_history(services, requester, query).await?)
                .map(|row| Node::TaskGroupHistory(TaskGroupHistoryNode(row))),
            None => None,
        },
        "TaskExecutorHistoryGQLType" => match by_int("history_id") {
            Some(query) => only(task_executor::list_history(services, requester, query).await?)
                .map(|row| Node::TaskExecutorHistory(TaskExecutorHistoryNode(row))),
            None => None,
        },
        "TaskFlowGQLType" => match by_uuid("id") {
            Some(query) => only(task_flow::list(services, requester, query, ListScope::Nested).await?)
                .map(|row| Node::TaskFlow(TaskFlowNode(row))),
            None => None,
        },
        "TaskFlowHistoryGQLType" => match by_int("history_id") {
            Some(query) => only(task_flow::list_history(services, requester, query).await?)
                .map(|row| Node::TaskFlowHistory(TaskFlowHistoryNode(row))),
            None => None,
        },
        "TaskDecisionGQLType" => match by_uuid("id") {
            Some(query) => only(vote::list(services, requester, query, ListScope::Nested).await?)
                .map(|row| Node::TaskDecision(TaskDecisionNode(row))),
            None => None,
        },
        "TaskEventGQLType" => match by_int("id") {
            Some(query) => only(outbox::list(services, requester, query, ListScope::Nested).await?)
                .map(|row| Node::TaskEvent(TaskEventNode(row))),
            None => None,
        },
        "WebhookEndpointGQLType" => match by_uuid("id") {
            Some(query) => only(webhook_endpoint::list(services, requester, query, ListScope::Nested).await?)
                .map(|row| Node::WebhookEndpoint(WebhookEndpointNode(row))),
            None => None,
        },
        "WebhookAttemptGQLType" => match by_int("id") {
            Some(query) => only(webhook_attempt::list(services, requester, query, ListScope::Nested).await?)
                .map(|row| Node::WebhookAttempt(WebhookAttemptNode(row))),
            None => None,
        },
        "UserGQLType" => match by_uuid("id") {
            Some(query) => only(user::list_visible(services, requester, query).await?)
                .map(|row| Node::User(UserNode(row))),
            None => None,
        },
        "InteractiveUserGQLType" => match by_int("i_user__id") {
            Some(query) => only(user::list_visible(services, requester, query).await?)
                .map(|row| Node::InteractiveUser(InteractiveUserNode(row))),
            None => None,
        },
        "RoleGQLType" => match by_int("id") {
            Some(query) => {
                only(role::list(services, requester, query).await?).map(|row| Node::Role(RoleNode(row)))
            }
            None => None,
        },
        "RoleRightGQLType" => role_right(ctx, key).await?,
        "MutationLogGQLType" => match by_uuid("id") {
            Some(query) => only(mutation_log::list(services, requester, query).await?)
                .map(|row| Node::MutationLog(MutationLogNode(row))),
            None => None,
        },
        _ => None,
    })
}

async fn role_right(ctx: &Context<'_>, key: &str) -> Result<Option<Node>> {
    let context = request(ctx)?;
    let Some((role_id, right)) = key.split_once('-') else {
        return Ok(None);
    };
    let (Ok(role_id), Ok(right)) = (role_id.parse::<i32>(), right.parse::<i32>()) else {
        return Ok(None);
    };
    let query = with("id", Value::Int(role_id.into()));
    let Some(found) = only(role::list(&context.services, context.requester()?, query).await?) else {
        return Ok(None);
    };
    let granted = role::rights(&context.services, vec![role_id]).await?.contains(&(role_id, right));
    Ok(granted.then_some(Node::RoleRight(RoleRightNode { role: found, right })))
}

fn with(field: &'static str, value: Value) -> ListQuery {
    ListQuery { conditions: vec![Condition::equals(field, value)], ..ListQuery::default() }
}

fn only<T>(slice: Slice<T>) -> Option<T> {
    slice.rows.into_iter().next().map(|(row, _)| row)
}
