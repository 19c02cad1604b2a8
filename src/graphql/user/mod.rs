//! Users and languages in GraphQL.

pub mod filters;
pub mod mutations;
pub mod queries;
pub mod stubs;
pub mod types;
