//! Runs of functions in GraphQL.

pub mod mutations;
pub mod queries;
pub mod task_run;
pub mod types;
