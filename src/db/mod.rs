//! The database: the only layer that connects to it and writes SQL.

pub mod checked_service;
pub mod configuration;
pub mod connection;
pub mod content_type;
pub mod entity;
pub mod health;
pub mod history;
pub mod lease;
pub mod login_failure;
pub mod migration;
pub mod mutation_log;
pub mod outbox;
pub mod query;
pub mod role;
pub mod session;
pub mod sql;
pub mod statistics;
pub mod task;
pub mod task_claim;
pub mod task_comment;
pub mod task_executor;
pub mod task_flow;
pub mod task_flow_step;
pub mod task_group;
pub mod task_hold;
pub mod task_pool;
pub mod task_source;
pub mod timer;
mod types;
pub mod user;
pub mod vote;
pub mod webhook_attempt;
pub mod webhook_endpoint;

pub use entity::{Lock, get, get_many, insert, lock, lock_free, lock_many, update};
pub use query::{list, list_history};
