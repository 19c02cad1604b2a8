//! Attempts to tell webhook endpoints of events in GraphQL.

pub mod filters;
pub mod queries;
pub mod types;
