//! The services: every rule of what may be done, by whom, and what is written when it is done. GraphQL and hosts go
//! through the same functions.

pub mod approval_state;
pub mod bulk;
pub mod checked_task;
pub mod configuration;
pub mod context;
pub mod due_timer;
pub mod entity;
pub mod escalation;
pub mod facade;
pub mod host;
pub mod journal_quota;
pub mod live_settings;
pub mod load;
pub mod login;
pub mod maker_checker;
pub mod mutation;
pub mod mutation_log;
pub mod outbox;
pub mod progress;
pub mod re_evaluation;
pub mod resolution;
pub mod role;
pub mod task;
pub mod task_assignment_target;
pub mod task_claim;
pub mod task_comment;
pub mod task_count;
pub mod task_executor;
pub mod task_flow;
pub mod task_group;
pub mod task_hold;
pub mod task_source;
pub mod timer;
pub mod unit_of_work;
pub mod user;
pub mod visibility;
pub mod vote;
pub mod webhook_attempt;
pub mod webhook_endpoint;

pub use self::context::ServiceContext;
