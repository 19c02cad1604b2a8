//! The database: the only layer that names diesel's tables and writes SQL.

pub mod configuration;
pub mod connection;
pub mod content_type;
pub mod history;
pub mod login_failure;
pub mod migration;
pub mod mutation_log;
pub mod outbox;
pub mod query;
pub mod role;
pub mod row;
pub mod schema;
pub mod session;
pub mod sql;
pub mod statistics;
pub mod task;
pub mod task_executor;
pub mod task_flow;
pub mod task_flow_step;
pub mod task_group;
pub mod task_pool;
pub mod task_source;
pub mod types;
pub mod user;
pub mod vote;
