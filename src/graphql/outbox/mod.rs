//! The outbox in GraphQL, where a delivery is called a task event.

pub mod filters;
pub mod mutations;
pub mod queries;
pub mod types;
