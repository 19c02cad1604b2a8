//! Webhook endpoints in GraphQL.

pub mod filters;
pub mod mutations;
pub mod payload;
pub mod queries;
pub mod types;
