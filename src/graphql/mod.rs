//! GraphQL: types, inputs and resolvers, in a file or a folder for each entity. Resolvers read their input and call a
//! service.

#![expect(clippy::unused_async, reason = "resolvers are async functions, whether they wait or not")]

pub mod api_token;
pub mod compatibility;
pub mod completion_policy;
pub mod configuration;
pub mod entity;
mod escalation;
pub mod function_request;
pub mod function_run;
pub mod function_schedule;
pub mod mutation_log;
mod node;
pub mod outbox;
pub mod protocol;
mod record;
mod registration;
pub mod role;
pub mod schema;
pub mod security_log;
#[cfg(feature = "server")]
pub mod session;
pub mod task;
pub mod task_assignment_target;
pub mod task_change;
pub mod task_claim;
pub mod task_comment;
pub mod task_count;
pub mod task_dispatcher;
pub mod task_executor;
pub mod task_flow;
pub mod task_function;
pub mod task_group;
pub mod task_mail;
pub mod task_source;
pub mod task_template;
pub mod user;
pub mod vote;
pub mod webhook_attempt;
pub mod webhook_endpoint;

use async_graphql::{MergedObject, MergedSubscription};

use crate::graphql::protocol::arguments::Table;

/// All queries.
#[derive(MergedObject, Default)]
pub struct Query(TaskQuery, CoreQuery, JournalQuery, NodeQuery);

/// All mutations.
#[derive(MergedObject, Default)]
pub struct Mutation(TaskMutation, CoreMutation);

/// Queries about tasks and who decides on them. The library nests what is merged, the first in all that follow, so these are short
/// chains, the longer ones last, and not one that is too deep for a host's compiler.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementTaskQuery")]
pub struct TaskQuery(FunctionQuery, EventQuery, DeciderQuery, WorkQuery);

/// Queries about tasks and what is said of them.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementWorkQuery")]
pub struct WorkQuery(
    task::queries::TaskQueries,
    task_count::TaskCountQueries,
    vote::VoteQueries,
    task_comment::TaskCommentQueries,
    entity::EntityQueries,
);

/// Queries about who decides on tasks.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementDeciderQuery")]
pub struct DeciderQuery(
    task_group::queries::TaskGroupQueries,
    task_executor::TaskExecutorQueries,
    task_flow::queries::TaskFlowQueries,
    task_assignment_target::TaskAssignmentTargetQueries,
);

/// Queries about events and who is told of them.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementEventQuery")]
pub struct EventQuery(
    outbox::OutboxQueries,
    #[cfg(feature = "webhooks")] webhook_endpoint::queries::WebhookEndpointQueries,
    #[cfg(feature = "webhooks")] webhook_attempt::WebhookAttemptQueries,
    #[cfg(feature = "mail")] task_mail::TaskMailQueries,
    #[cfg(feature = "mail")] task_template::TaskTemplateQueries,
);

/// Queries about functions and their runs.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementFunctionQuery")]
pub struct FunctionQuery(
    task_function::queries::TaskFunctionQueries,
    function_run::queries::FunctionRunQueries,
    function_request::FunctionRequestQueries,
    function_schedule::FunctionScheduleQueries,
    task_dispatcher::TaskDispatcherQueries,
);

/// Mutations of tasks, of who decides on them, and of functions.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementTaskMutation")]
pub struct TaskMutation(FunctionMutation, DeciderMutation, WorkMutation);

/// Mutations of tasks.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementWorkMutation")]
pub struct WorkMutation(
    task::mutations::TaskMutations,
    task_claim::mutations::TaskClaimMutations,
    task_comment::TaskCommentMutations,
);

/// Mutations of who decides on tasks and who is told.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementDeciderMutation")]
pub struct DeciderMutation(
    task_group::mutations::TaskGroupMutations,
    task_flow::mutations::TaskFlowMutations,
    outbox::OutboxMutations,
    #[cfg(feature = "webhooks")] webhook_endpoint::mutations::WebhookEndpointMutations,
    #[cfg(feature = "mail")] task_template::TaskTemplateMutations,
);

/// Mutations of functions and their runs.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementFunctionMutation")]
pub struct FunctionMutation(
    task_function::mutations::TaskFunctionMutations,
    function_run::mutations::FunctionRunMutations,
    function_schedule::FunctionScheduleMutations,
    task_dispatcher::TaskDispatcherMutations,
);

/// Queries of openIMIS' core module: users, roles, languages, configurations. A host may have fields with these names itself.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementCoreQuery")]
pub struct CoreQuery(
    configuration::ConfigurationQueries,
    role::RoleQueries,
    role::permission::PermissionQueries,
    role::history::RoleHistoryQueries,
    user::queries::UserQueries,
    user::history::UserHistoryQueries,
    user::password::PasswordQueries,
    api_token::ApiTokenQueries,
    security_log::SecurityLogQueries,
);

/// The journal of mutations, which says what became of them.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementJournalQuery")]
pub struct JournalQuery(mutation_log::MutationLogQueries);

/// `node(id:)`, which finds any row by its global id. The types are of the interface `Node` only where this is a root.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementNodeQuery")]
pub struct NodeQuery(node::NodeQueries);

/// Mutations of openIMIS' core module: users, roles, and logging in and out, one's own language and password.
#[derive(MergedObject, Default)]
#[graphql(name = "TasksManagementCoreMutation")]
pub struct CoreMutation(
    user::mutations::UserMutations,
    user::password::PasswordMutations,
    user::changes::UserChangeMutations,
    role::changes::RoleMutations,
    api_token::ApiTokenMutations,
    #[cfg(feature = "server")] session::SessionMutations,
);

/// All subscriptions.
#[derive(MergedSubscription, Default)]
pub struct Subscription(TaskSubscription);

/// Subscriptions to changes of tasks.
#[derive(MergedSubscription, Default)]
#[graphql(name = "TasksManagementTaskSubscription")]
pub struct TaskSubscription(task_change::TaskChangeSubscriptions);

/// The schema with its resolvers.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The list fields, and the tables of their arguments. `Query` stands for the root, whatever its name.
pub const LISTS: &[(&str, &str, &Table)] = &[
    ("Query", "task", &task::filters::TASK),
    ("Query", "taskHistory", &task::filters::TASK_HISTORY),
    ("Query", "taskCounts", &task_count::TASK_COUNTS),
    ("Query", "taskGroup", &task_group::filters::TASK_GROUP),
    ("Query", "taskGroupHistory", &task_group::filters::TASK_GROUP_HISTORY),
    ("Query", "taskExecutor", &task_executor::TASK_EXECUTOR),
    ("Query", "taskExecutorHistory", &task_executor::TASK_EXECUTOR_HISTORY),
    ("Query", "taskFlow", &task_flow::filters::TASK_FLOW),
    ("Query", "taskFlowHistory", &task_flow::filters::TASK_FLOW_HISTORY),
    ("Query", "taskDecision", &vote::TASK_DECISION),
    ("Query", "taskComment", &task_comment::TASK_COMMENT),
    ("Query", "taskCommentHistory", &task_comment::TASK_COMMENT_HISTORY),
    ("Query", "taskFunction", &task_function::filters::TASK_FUNCTION),
    ("Query", "taskFunctionHistory", &task_function::filters::TASK_FUNCTION_HISTORY),
    ("Query", "functionRun", &function_run::queries::FUNCTION_RUN),
    ("Query", "functionRequests", &function_request::FUNCTION_REQUESTS),
    ("Query", "functionSchedule", &function_schedule::FUNCTION_SCHEDULE),
    ("Query", "functionScheduleHistory", &function_schedule::FUNCTION_SCHEDULE_HISTORY),
    ("Query", "taskDispatcher", &task_dispatcher::TASK_DISPATCHER),
    ("Query", "taskDispatcherHistory", &task_dispatcher::TASK_DISPATCHER_HISTORY),
    ("Query", "taskEvents", &outbox::TASK_EVENTS),
    #[cfg(feature = "webhooks")]
    ("Query", "webhookEndpoints", &webhook_endpoint::filters::WEBHOOK_ENDPOINTS),
    #[cfg(feature = "webhooks")]
    ("Query", "webhookAttempts", &webhook_attempt::WEBHOOK_ATTEMPTS),
    #[cfg(feature = "mail")]
    ("Query", "taskMail", &task_mail::TASK_MAIL),
    #[cfg(feature = "mail")]
    ("Query", "taskTemplate", &task_template::TASK_TEMPLATE),
    #[cfg(feature = "mail")]
    ("Query", "taskTemplateHistory", &task_template::TASK_TEMPLATE_HISTORY),
    ("Query", "mutationLogs", &mutation_log::MUTATION_LOG),
    ("Query", "role", &role::ROLE),
    ("Query", "roleHistory", &role::history::ROLE_HISTORY),
    ("Query", "roleRightHistory", &role::history::ROLE_RIGHT_HISTORY),
    ("Query", "userRoleHistory", &role::history::USER_ROLE_HISTORY),
    ("Query", "apiTokens", &api_token::API_TOKENS),
    ("Query", "securityLog", &security_log::SECURITY_LOG),
    ("Query", "users", &user::filters::USERS),
    ("Query", "userHistory", &user::history::USER_HISTORY),
    ("TaskGQLType", "decisions", &vote::NESTED_TASK_DECISION),
    ("TaskGQLType", "comments", &task_comment::NESTED_TASK_COMMENT),
    ("TaskGQLType", "runs", &function_run::task_run::NESTED_TASK_RUN),
    ("TaskGroupGQLType", "taskexecutorSet", &task_executor::NESTED_TASK_EXECUTOR),
    ("TaskGroupGQLType", "taskSet", &task::filters::NESTED_TASK),
    ("InteractiveUserGQLType", "userSet", &user::filters::NESTED_USERS),
    ("UserGQLType", "mutationlogSet", &mutation_log::NESTED_MUTATION_LOG),
    ("UserGQLType", "taskgroupUserCreated", &task_group::filters::NESTED_TASK_GROUP),
    ("UserGQLType", "taskgroupUserUpdated", &task_group::filters::NESTED_TASK_GROUP),
    ("UserGQLType", "taskexecutorSet", &task_executor::NESTED_TASK_EXECUTOR),
    ("UserGQLType", "taskexecutorUserCreated", &task_executor::NESTED_TASK_EXECUTOR),
    ("UserGQLType", "taskexecutorUserUpdated", &task_executor::NESTED_TASK_EXECUTOR),
    ("UserGQLType", "taskUserCreated", &task::filters::NESTED_TASK),
    ("UserGQLType", "taskUserUpdated", &task::filters::NESTED_TASK),
];
