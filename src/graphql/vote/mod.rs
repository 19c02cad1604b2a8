//! Votes in GraphQL, where they are called task decisions.

pub mod filters;
pub mod queries;
pub mod types;
