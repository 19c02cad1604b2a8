//! The entities: the rows of the tables, each declared once. What connects and asks is in `db`.

pub mod api_token;
pub mod bound;
pub mod checked_service;
pub mod configuration;
pub mod content_type;
pub mod entity;
pub mod function_request;
pub mod function_run;
pub mod function_schedule;
pub mod health;
pub mod history;
pub mod login_failure;
pub mod mutation_log;
pub mod outbox;
pub mod record;
pub mod role;
pub mod schema_level;
pub mod security_log;
pub mod session;
pub mod slice;
pub mod sql_types;
pub mod task;
pub mod task_claim;
pub mod task_comment;
pub mod task_count;
pub mod task_dispatcher;
pub mod task_executor;
pub mod task_flow;
pub mod task_flow_step;
pub mod task_function;
pub mod task_group;
pub mod task_hold;
pub mod task_mail;
pub mod task_pool;
pub mod task_source;
pub mod task_template;
pub mod timer;
pub mod timer_watch;
pub mod user;
pub mod vote;
pub mod webhook_attempt;
pub mod webhook_endpoint;

use entity::{Archived, Column, Entity};

/// A table as its entity declares it, for the test that compares it with the databases.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The name of its historical twin, if it has one.
    pub historical: Option<&'static str>,
    /// Its columns.
    pub columns: &'static [Column],
}

impl Table {
    const fn of<T: Entity>() -> Self {
        Self { name: T::TABLE, historical: None, columns: T::COLUMNS }
    }

    const fn with_versions<T: Archived>() -> Self {
        Self { historical: Some(T::HISTORY_TABLE), ..Self::of::<T>() }
    }
}

/// All tables.
pub const TABLES: &[Table] = &[
    Table::with_versions::<task::Task>(),
    Table::with_versions::<task_group::TaskGroup>(),
    Table::with_versions::<task_executor::TaskExecutor>(),
    Table::with_versions::<task_flow::TaskFlow>(),
    Table::with_versions::<task_flow_step::TaskFlowStep>(),
    Table::with_versions::<vote::Vote>(),
    Table::with_versions::<task_comment::TaskComment>(),
    Table::with_versions::<task_template::TaskTemplate>(),
    Table::of::<task_pool::TaskPool>(),
    Table::of::<task_count::TaskCount>(),
    Table::of::<task_claim::TaskClaim>(),
    Table::of::<task_hold::TaskHold>(),
    Table::of::<task_mail::TaskMail>(),
    Table::of::<task_source::TaskSource>(),
    Table::of::<checked_service::CheckedService>(),
    Table::with_versions::<task_function::TaskFunction>(),
    Table::of::<task_function::FunctionSecret>(),
    Table::of::<task_function::FunctionMeter>(),
    Table::of::<function_run::FunctionRun>(),
    Table::of::<function_run::FunctionLog>(),
    Table::of::<function_request::FunctionRequest>(),
    Table::with_versions::<function_schedule::FunctionSchedule>(),
    Table::with_versions::<task_dispatcher::TaskDispatcher>(),
    Table::of::<outbox::Delivery>(),
    Table::of::<timer::Timer>(),
    Table::of::<timer_watch::TimerWatch>(),
    Table::of::<webhook_endpoint::WebhookEndpoint>(),
    Table::of::<webhook_attempt::WebhookAttempt>(),
    Table::of::<mutation_log::MutationLog>(),
    Table::of::<mutation_log::TouchedRow>(),
    Table::with_versions::<user::User>(),
    Table::of::<user::Language>(),
    Table::with_versions::<role::Role>(),
    Table::with_versions::<role::RoleRight>(),
    Table::with_versions::<role::UserRole>(),
    Table::of::<api_token::ApiToken>(),
    Table::of::<security_log::SecurityEntry>(),
    Table::of::<login_failure::LoginFailure>(),
    Table::of::<content_type::ContentType>(),
    Table::of::<configuration::ModuleConfiguration>(),
    Table::of::<schema_level::SchemaLevel>(),
    Table::of::<health::HealthCheck>(),
];
