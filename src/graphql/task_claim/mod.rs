//! Claims in GraphQL: who works on a task.

pub mod mutations;
pub mod types;
