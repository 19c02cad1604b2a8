//! Tasks in GraphQL.

pub mod action;
pub mod filters;
pub mod mutations;
pub mod progress;
pub mod queries;
pub mod types;
