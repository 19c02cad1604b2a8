//! The dispatcher: what is done when something happens.

use uuid::Uuid;

use super::entity::entity;
use crate::domain::json::Json;
use crate::domain::task_dispatcher::{DispatchAction, DispatchCondition};
use crate::error::{Error, Result};

entity! {
    /// A dispatcher as it is stored.
    pub struct TaskDispatcher ("task_dispatcher") in task_management_taskdispatcher (id),
    versions in task_management_historicaltaskdispatcher {
        /// Its name, unique among live dispatchers.
        name: String => Text,
        /// What it is for.
        description: String => Text,
        /// The name of the signal of which it is told.
        signal: String => Text,
        /// What must hold of an event, a list of [`DispatchCondition`]s.
        conditions: Json => Jsonb,
        /// What is done then, a list of [`DispatchAction`]s.
        actions: Json => Jsonb,
        /// Words by which it and its runs are found, a list of texts.
        tags: Json => Jsonb,
        /// Whether it is told of events.
        is_enabled: bool => Bool,
    }
}

impl TaskDispatcher {
    /// What must hold of an event: all of it.
    ///
    /// # Errors
    /// INTERNAL for what can't be read, lest it act on what it must not.
    pub fn conditions(&self) -> Result<Vec<DispatchCondition>> {
        self.conditions.read().map_err(Error::internal)
    }

    /// What is done then.
    ///
    /// # Errors
    /// INTERNAL for what can't be read.
    pub fn actions(&self) -> Result<Vec<DispatchAction>> {
        self.actions.read().map_err(Error::internal)
    }

    /// The words by which it and its runs are found.
    #[must_use]
    pub fn tag_list(&self) -> Vec<String> {
        self.tags.read().unwrap_or_default()
    }

    /// Whether it is told of events.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !self.record.is_deleted && self.is_enabled
    }

    /// Who answers for what it does: who wrote it last.
    #[must_use]
    pub const fn owner(&self) -> Uuid {
        self.record.user_updated
    }
}
