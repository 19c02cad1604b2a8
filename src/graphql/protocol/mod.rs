//! The parts of GraphQL that know no entity: reading documents and arguments, executing, lists, scalars, answers.

pub mod arguments;
pub mod batches;
pub mod bulk;
pub mod collect_fields;
pub mod completion;
pub mod connection;
pub mod content;
pub mod context;
pub mod declaration;
pub mod document;
pub mod enums;
pub mod error;
pub mod execution;
pub mod known;
pub mod loader;
pub mod meter;
pub mod payload;
pub mod registered;
pub mod response;
pub mod scalars;
pub mod shared_answers;
pub mod type_system;
pub mod validation;
pub mod variables;
