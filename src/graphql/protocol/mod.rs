//! What GraphQL asks for whatever the entity: reading documents and arguments, executing, lists, scalars, answers.

pub mod arguments;
pub mod batches;
pub mod connection;
pub mod context;
pub mod document;
pub mod execution;
pub mod loader;
pub mod meter;
pub mod node;
pub mod payload;
pub mod response;
pub mod scalars;
