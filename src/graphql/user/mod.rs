//! Users and languages in GraphQL.

pub mod elsewhere;
pub mod filters;
pub mod mutations;
pub mod queries;
pub mod types;
