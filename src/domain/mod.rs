//! Pure rules over plain values: no entity, no database, no GraphQL, no HTTP, no clock, no I/O.

pub mod completion_policy;
pub mod configuration;
pub mod decision;
pub mod event_data;
pub mod history;
pub mod json;
pub mod merge;
pub mod mutation_log;
pub mod network;
pub mod outbox;
pub mod permission;
pub mod public_address;
pub mod query;
pub mod role;
pub mod settings;
pub mod signal;
pub mod task;
pub mod task_executor;
pub mod task_source;
pub mod text;
pub mod text_enum;
pub mod user;
pub mod verdict;
pub mod vote;
pub mod webhook_endpoint;
