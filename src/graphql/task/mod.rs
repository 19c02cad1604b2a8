//! Tasks in GraphQL.

pub mod filters;
pub mod mutations;
pub mod progress;
pub mod queries;
pub mod types;
