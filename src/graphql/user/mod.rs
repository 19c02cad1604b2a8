//! Users and languages in GraphQL.

pub mod changes;
pub mod filters;
pub mod history;
pub mod mail_frequency;
pub mod mutations;
pub mod password;
pub mod queries;
pub mod stubs;
pub mod types;
