//! Runs of functions in GraphQL.

pub mod mutations;
pub mod queries;
pub mod types;
