//! What tasks can be assigned to, in GraphQL.

pub mod queries;
pub mod types;
