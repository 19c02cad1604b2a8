//! Module configurations in GraphQL.

pub mod queries;
pub mod types;
