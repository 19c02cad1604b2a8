//! `node(id:)`: any row by its global id, under the same rights and visibility as the lists.

use async_graphql::{Context, ID, Interface, Object};

use crate::domain::query::{Condition, ListQuery, Value};
use crate::error::{ErrorCode, Result};
use crate::graphql::function_request::FunctionRequestNode;
use crate::graphql::function_run::types::FunctionRunNode;
use crate::graphql::function_schedule::{FunctionScheduleHistoryNode, FunctionScheduleNode};
use crate::graphql::mutation_log::MutationLogNode;
use crate::graphql::outbox::TaskEventNode;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::scalars::read_global_id;
use crate::graphql::role::{RoleNode, RoleRightNode};
use crate::graphql::task::types::{TaskHistoryNode, TaskNode};
use crate::graphql::task_comment::{TaskCommentHistoryNode, TaskCommentNode};
use crate::graphql::task_dispatcher::{TaskDispatcherHistoryNode, TaskDispatcherNode};
use crate::graphql::task_executor::{TaskExecutorHistoryNode, TaskExecutorNode};
use crate::graphql::task_flow::step::{TaskFlowStepNode, step};
use crate::graphql::task_flow::types::{TaskFlowHistoryNode, TaskFlowNode};
use crate::graphql::task_function::types::{TaskFunctionHistoryNode, TaskFunctionNode};
use crate::graphql::task_group::types::{TaskGroupHistoryNode, TaskGroupNode};
use crate::graphql::task_mail::TaskMailNode;
use crate::graphql::task_template::{TaskTemplateHistoryNode, TaskTemplateNode};
use crate::graphql::user::types::{InteractiveUserNode, UserNode};
use crate::graphql::vote::TaskDecisionNode;
use crate::graphql::webhook_attempt::WebhookAttemptNode;
use crate::graphql::webhook_endpoint::types::WebhookEndpointNode;
use crate::model::slice::Slice;
use crate::service::context::ListScope;
use crate::service::{
    function_request, function_run, function_schedule, mutation_log, outbox, role, task, task_comment,
    task_dispatcher, task_executor, task_flow, task_function, task_group, task_mail, task_template, user,
    vote, webhook_attempt, webhook_endpoint,
};

/// Anything with a global id.
#[derive(Interface)]
#[graphql(name = "Node", field(name = "id", ty = "ID", method = "global_id"))]
pub enum Node {
    Task(TaskNode),
    TaskHistory(TaskHistoryNode),
    TaskGroup(TaskGroupNode),
    TaskGroupHistory(TaskGroupHistoryNode),
    TaskExecutor(TaskExecutorNode),
    TaskExecutorHistory(TaskExecutorHistoryNode),
    TaskFlow(TaskFlowNode),
    TaskFlowHistory(TaskFlowHistoryNode),
    TaskFlowStep(TaskFlowStepNode),
    TaskDecision(TaskDecisionNode),
    TaskComment(TaskCommentNode),
    TaskCommentHistory(TaskCommentHistoryNode),
    TaskFunction(TaskFunctionNode),
    TaskFunctionHistory(TaskFunctionHistoryNode),
    FunctionRun(FunctionRunNode),
    FunctionRequest(FunctionRequestNode),
    FunctionSchedule(FunctionScheduleNode),
    FunctionScheduleHistory(FunctionScheduleHistoryNode),
    TaskDispatcher(TaskDispatcherNode),
    TaskDispatcherHistory(TaskDispatcherHistoryNode),
    TaskEvent(TaskEventNode),
    TaskMail(TaskMailNode),
    TaskTemplate(TaskTemplateNode),
    TaskTemplateHistory(TaskTemplateHistoryNode),
    WebhookEndpoint(WebhookEndpointNode),
    WebhookAttempt(WebhookAttemptNode),
    User(UserNode),
    InteractiveUser(InteractiveUserNode),
    Role(RoleNode),
    RoleRight(RoleRightNode),
    MutationLog(MutationLogNode),
}

/// Says where types keep their global id.
macro_rules! identified {
    (|$it:ident| $id:expr => $($node:ident)+) => {
        $(impl $node {
            async fn global_id(&self, _: &Context<'_>) -> Result<ID> {
                let $it = self;
                Ok($id.clone())
            }
        })+
    };
}
identified!(|node| node.record.fields.id =>
    TaskNode TaskGroupNode TaskExecutorNode TaskFlowNode TaskFlowStepNode TaskDecisionNode
    TaskCommentNode TaskCommentHistoryNode TaskTemplateNode TaskTemplateHistoryNode
    TaskFunctionNode TaskFunctionHistoryNode FunctionScheduleNode FunctionScheduleHistoryNode
    TaskDispatcherNode TaskDispatcherHistoryNode
    TaskHistoryNode TaskGroupHistoryNode TaskExecutorHistoryNode TaskFlowHistoryNode
);
identified!(|node| node.id =>
    FunctionRunNode FunctionRequestNode TaskEventNode TaskMailNode WebhookEndpointNode WebhookAttemptNode UserNode InteractiveUserNode RoleNode RoleRightNode
    MutationLogNode
);

/// Any row by its global id.
#[derive(Default)]
pub struct NodeQueries;

#[Object]
impl NodeQueries {
    /// The row with this global id; null if there is none, or if one may not see it.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Node>> {
        request(ctx)?.requester()?;
        let Some((type_name, key)) = read_global_id(&id) else {
            return Ok(None);
        };
        match find(ctx, &type_name, &key).await {
            // The answer must not tell whether there is such a row.
            Err(error) if error.code() == ErrorCode::Forbidden => Ok(None),
            found => found,
        }
    }
}

/// Says of each type how its rows are listed, and which field is the key.
macro_rules! found {
    (
        $type_name:ident $key:ident in $ctx:ident:
        $($name:literal => $Node:ident by $service:ident::$list:ident($field:literal as $Kind:ident $(, $scope:ident)?);)+
        $(else $other_name:literal => $other:expr;)+
    ) => {{
        let context = request($ctx)?;
        let (services, requester) = (&context.services, context.requester()?);
        match $type_name {
            $($name => {
                let key = $key.parse().ok().map(Value::$Kind);
                let list = |query| $service::$list(services, requester, query $(, ListScope::$scope)?);
                one($field, key, list).await?.map(Node::$Node)
            })+
            $($other_name => $other,)+
            _ => None,
        }
    }};
}

async fn find(ctx: &Context<'_>, type_name: &str, key: &str) -> Result<Option<Node>> {
    Ok(found! { type_name key in ctx:
        "TaskGQLType" => Task by task::list("id" as Uuid, Nested);
        "TaskHistoryGQLType" => TaskHistory by task::list_history("history_id" as Int);
        "TaskGroupGQLType" => TaskGroup by task_group::list("id" as Uuid, Nested);
        "TaskGroupHistoryGQLType" => TaskGroupHistory by task_group::list_history("history_id" as Int);
        "TaskExecutorGQLType" => TaskExecutor by task_executor::list("id" as Uuid, Nested);
        "TaskExecutorHistoryGQLType" => TaskExecutorHistory by task_executor::list_history("history_id" as Int);
        "TaskFlowGQLType" => TaskFlow by task_flow::list("id" as Uuid, Nested);
        "TaskFlowHistoryGQLType" => TaskFlowHistory by task_flow::list_history("history_id" as Int);
        "TaskDecisionGQLType" => TaskDecision by vote::list("id" as Uuid, Nested);
        "TaskCommentGQLType" => TaskComment by task_comment::list("id" as Uuid, Nested);
        "TaskCommentHistoryGQLType" => TaskCommentHistory by task_comment::list_history("history_id" as Int);
        "TaskFunctionGQLType" => TaskFunction by task_function::list("id" as Uuid, Nested);
        "TaskFunctionHistoryGQLType" => TaskFunctionHistory by task_function::list_history("history_id" as Int);
        "FunctionRunGQLType" => FunctionRun by function_run::list("id" as Uuid, Nested);
        "FunctionRequestGQLType" => FunctionRequest by function_request::list("id" as Uuid, Nested);
        "FunctionScheduleGQLType" => FunctionSchedule by function_schedule::list("id" as Uuid, Nested);
        "FunctionScheduleHistoryGQLType" => FunctionScheduleHistory by function_schedule::list_history("history_id" as Int);
        "TaskDispatcherGQLType" => TaskDispatcher by task_dispatcher::list("id" as Uuid, Nested);
        "TaskDispatcherHistoryGQLType" => TaskDispatcherHistory by task_dispatcher::list_history("history_id" as Int);
        "TaskEventGQLType" => TaskEvent by outbox::list("id" as Int, Nested);
        "TaskMailGQLType" => TaskMail by task_mail::list("id" as Uuid, Nested);
        "TaskTemplateGQLType" => TaskTemplate by task_template::list("id" as Uuid, Nested);
        "TaskTemplateHistoryGQLType" => TaskTemplateHistory by task_template::list_history("history_id" as Int);
        "WebhookEndpointGQLType" => WebhookEndpoint by webhook_endpoint::list("id" as Uuid, Nested);
        "WebhookAttemptGQLType" => WebhookAttempt by webhook_attempt::list("id" as Int, Nested);
        "UserGQLType" => User by user::list_visible("id" as Uuid);
        "InteractiveUserGQLType" => InteractiveUser by user::list_visible("i_user__id" as Int);
        "RoleGQLType" => Role by role::list("id" as Int);
        "MutationLogGQLType" => MutationLog by mutation_log::list("id" as Uuid);
        else "TaskFlowStepGQLType" => flow_step(ctx, key).await?;
        else "RoleRightGQLType" => role_right(ctx, key).await?;
    })
}

/// The only row whose `field` is the key, as a node; none if the key is of another kind.
async fn one<T, N: From<T>, F: Future<Output = Result<Slice<T>>>>(
    field: &'static str,
    key: Option<Value>,
    list: impl FnOnce(ListQuery) -> F,
) -> Result<Option<N>> {
    let Some(key) = key else { return Ok(None) };
    Ok(only(list(with(field, key)).await?).map(N::from))
}

/// A step of a flow. Whoever sees the flow sees its steps.
async fn flow_step(ctx: &Context<'_>, key: &str) -> Result<Option<Node>> {
    let context = request(ctx)?;
    let Some(found) = step(ctx, key.parse().ok()).await? else {
        return Ok(None);
    };
    let query = with("id", Value::Uuid(found.step.task_flow_id));
    let flows = task_flow::list(&context.services, context.requester()?, query, ListScope::Nested).await?;
    Ok(only(flows).map(|_| Node::TaskFlowStep(found)))
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
    Ok(granted.then_some(Node::RoleRight(RoleRightNode::new(found, right))))
}

fn with(field: &'static str, value: Value) -> ListQuery {
    ListQuery { conditions: vec![Condition::equals(field, value)], ..ListQuery::default() }
}

fn only<T>(slice: Slice<T>) -> Option<T> {
    slice.rows.into_iter().next().map(|(row, _)| row)
}
