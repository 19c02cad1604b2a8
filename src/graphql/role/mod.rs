//! Roles in GraphQL.

pub mod filters;
pub mod queries;
pub mod types;
