//! What tasks are about, in GraphQL.

pub mod queries;
pub mod types;
