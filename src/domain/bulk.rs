//! Many items in one mutation, and what came of each.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Whether the items of a mutation stand alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BulkMode {
    /// Each item is done or refused for itself.
    Each,
    /// All items are done, or none.
    #[default]
    All,
}

/// What came of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The task.
    pub id: Uuid,
    /// Whether it was done.
    pub ok: bool,
    /// The class of the refusal, as in `extensions.code`.
    pub code: Option<String>,
    /// Why it was refused, in the language of the person who asked.
    pub message: Option<String>,
}

impl Outcome {
    /// It was done.
    #[must_use]
    pub const fn done(id: Uuid) -> Self {
        Self { id, ok: true, code: None, message: None }
    }
}
