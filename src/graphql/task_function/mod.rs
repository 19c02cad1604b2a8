//! Functions in GraphQL.

pub mod filters;
pub mod mutations;
pub mod queries;
pub mod types;
