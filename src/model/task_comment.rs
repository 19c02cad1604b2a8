//! The comment: what somebody says about a task in its discussion, before and after the decision.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::entity::entity;
use crate::domain::json::Json;

entity! {
    /// A comment as it is stored. It decides nothing, and is no version of its task.
    pub struct TaskComment ("task_comment") in task_management_taskcomment (id), versions in task_management_historicaltaskcomment {
        /// The task that it is about.
        task_id: Uuid => Uuid,
        /// What is said.
        text: String => Text,
        /// The keys of the people who are to be told, as a list of texts.
        mentions: Json => Jsonb,
    }
}

impl TaskComment {
    /// The keys of the people who are mentioned.
    #[must_use]
    pub fn mentioned(&self) -> BTreeSet<Uuid> {
        let keys = self.mentions.as_array().into_iter().flatten();
        keys.filter_map(|key| key.as_str()?.parse().ok()).collect()
    }
}
