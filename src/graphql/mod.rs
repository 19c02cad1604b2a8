//! GraphQL: types, inputs and resolvers, one folder for each entity. Resolvers read their input and call a service.

#![expect(clippy::unused_async, reason = "resolvers are async functions, whether they wait or not")]

pub mod completion_policy;
pub mod configuration;
pub mod entity;
pub mod mutation_log;
pub mod outbox;
pub mod protocol;
pub mod role;
pub mod session;
pub mod task;
pub mod task_assignment_target;
pub mod task_executor;
pub mod task_flow;
pub mod task_group;
pub mod user;
pub mod vote;
pub mod webhook_attempt;
pub mod webhook_endpoint;

use async_graphql::{EmptySubscription, MergedObject, ObjectType, SchemaBuilder, SubscriptionType};

use crate::config::Limits;
use crate::graphql::protocol::arguments::Table;

/// All queries.
#[derive(MergedObject, Default)]
pub struct Query(TaskQuery, CoreQuery);

/// All mutations.
#[derive(MergedObject, Default)]
pub struct Mutation(TaskMutation, CoreMutation);

/// Queries about tasks and who decides on them.
#[derive(MergedObject, Default)]
pub struct TaskQuery(
    task_group::queries::TaskGroupQueries,
    task_executor::queries::TaskExecutorQueries,
    task::queries::TaskQueries,
    task_flow::queries::TaskFlowQueries,
    vote::queries::VoteQueries,
    task_assignment_target::queries::TaskAssignmentTargetQueries,
    entity::queries::EntityQueries,
    outbox::queries::OutboxQueries,
    webhook_endpoint::queries::WebhookEndpointQueries,
    webhook_attempt::queries::WebhookAttemptQueries,
);

/// Mutations of tasks and of who decides on them.
#[derive(MergedObject, Default)]
pub struct TaskMutation(
    task_group::mutations::TaskGroupMutations,
    task::mutations::TaskMutations,
    task_flow::mutations::TaskFlowMutations,
    outbox::mutations::OutboxMutations,
    webhook_endpoint::mutations::WebhookEndpointMutations,
);

/// What openIMIS' core module answers: the journal, users, roles, configurations, `node`. A host may have fields of these names.
#[derive(MergedObject, Default)]
pub struct CoreQuery(
    configuration::queries::ConfigurationQueries,
    mutation_log::queries::MutationLogQueries,
    role::queries::RoleQueries,
    user::queries::UserQueries,
    protocol::node::NodeQueries,
);

/// What openIMIS' core module does: logging in and out, one's own language and password.
#[derive(MergedObject, Default)]
pub struct CoreMutation(user::mutations::UserMutations, session::mutations::SessionMutations);

/// The schema with its resolvers.
pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// Which list field takes the arguments of which table. `Query` stands for the root, however it is called.
pub const LISTS: &[(&str, &str, &Table)] = &[
    ("Query", "task", &task::filters::TASK),
    ("Query", "taskHistory", &task::filters::TASK_HISTORY),
    ("Query", "taskGroup", &task_group::filters::TASK_GROUP),
    ("Query", "taskGroupHistory", &task_group::filters::TASK_GROUP_HISTORY),
    ("Query", "taskExecutor", &task_executor::filters::TASK_EXECUTOR),
    ("Query", "taskExecutorHistory", &task_executor::filters::TASK_EXECUTOR_HISTORY),
    ("Query", "taskFlow", &task_flow::filters::TASK_FLOW),
    ("Query", "taskFlowHistory", &task_flow::filters::TASK_FLOW_HISTORY),
    ("Query", "taskDecision", &vote::filters::TASK_DECISION),
    ("Query", "taskEvents", &outbox::filters::TASK_EVENTS),
    ("Query", "webhookEndpoints", &webhook_endpoint::filters::WEBHOOK_ENDPOINTS),
    ("Query", "webhookAttempts", &webhook_attempt::filters::WEBHOOK_ATTEMPTS),
    ("Query", "mutationLogs", &mutation_log::filters::MUTATION_LOG),
    ("Query", "role", &role::filters::ROLE),
    ("Query", "users", &user::filters::USERS),
    ("TaskGroupGQLType", "taskexecutorSet", &task_executor::filters::NESTED_TASK_EXECUTOR),
    ("TaskGroupGQLType", "taskSet", &task::filters::NESTED_TASK),
    ("InteractiveUserGQLType", "userSet", &user::filters::NESTED_USERS),
    ("UserGQLType", "mutationlogSet", &mutation_log::filters::NESTED_MUTATION_LOG),
    ("UserGQLType", "taskgroupUserCreated", &task_group::filters::NESTED_TASK_GROUP),
    ("UserGQLType", "taskgroupUserUpdated", &task_group::filters::NESTED_TASK_GROUP),
    ("UserGQLType", "taskexecutorSet", &task_executor::filters::NESTED_TASK_EXECUTOR),
    ("UserGQLType", "taskexecutorUserCreated", &task_executor::filters::NESTED_TASK_EXECUTOR),
    ("UserGQLType", "taskexecutorUserUpdated", &task_executor::filters::NESTED_TASK_EXECUTOR),
    ("UserGQLType", "taskUserCreated", &task::filters::NESTED_TASK),
    ("UserGQLType", "taskUserUpdated", &task::filters::NESTED_TASK),
];

/// Builds the schema with its bounds.
#[must_use]
pub fn schema(limits: &Limits) -> Schema {
    finish(Schema::build(Query::default(), Mutation::default(), EmptySubscription), limits)
}

/// Builds a schema that holds the module's roots, alone or among others, with its bounds.
pub fn finish<Q, M, S>(builder: SchemaBuilder<Q, M, S>, limits: &Limits) -> async_graphql::Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    builder
        .register_output_type::<protocol::node::Node>()
        .register_output_type::<protocol::arguments::Registration>()
        .limit_depth(limits.query_depth)
        .limit_recursive_depth(limits.query_depth * 2)
        .limit_complexity(limits.query_complexity)
        .limit_directives(4)
        .extension(protocol::meter::Meter)
        .finish()
}
