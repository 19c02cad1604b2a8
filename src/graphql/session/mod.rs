//! Sessions in GraphQL: logging in and out.

pub mod mutations;
