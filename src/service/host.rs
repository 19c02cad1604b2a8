//! What a host registers: how its entities are called, how business data is shown, what carrying out a task means.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::auth::requester::Requester;
use crate::db::connection::DbConnection;
use crate::domain::task::Task;
use crate::error::Result;

/// The display text of an entity by its key; none if there is no such entity.
pub type EntityDisplay = Arc<dyn Fn(&mut DbConnection, &str) -> Result<Option<String>> + Send + Sync>;

/// Shows the `data` of a task.
pub type BusinessDataSerializer =
    Arc<dyn Fn(&Task, &Value) -> std::result::Result<Value, String> + Send + Sync>;

/// Carries out a task, in the transaction of `executeTask`.
pub type ExecutorAction = Arc<dyn Fn(&mut DbConnection, &Requester, &Task) -> Result<()> + Send + Sync>;

/// What a host registers.
#[derive(Default, Clone)]
pub struct Host {
    entities: HashMap<String, EntityDisplay>,
    serializers: HashMap<String, BusinessDataSerializer>,
    actions: HashMap<String, ExecutorAction>,
}

impl Host {
    /// Registers the entities of a content type (`app_label.model`).
    #[must_use]
    pub fn entity(mut self, content_type: &str, display: EntityDisplay) -> Self {
        self.entities.insert(content_type.to_owned(), display);
        self
    }

    /// Registers a serializer under the name that tasks hold in `businessDataSerializer`.
    #[must_use]
    pub fn serializer(mut self, name: &str, serializer: BusinessDataSerializer) -> Self {
        self.serializers.insert(name.to_owned(), serializer);
        self
    }

    /// Registers what carrying out tasks with this `executorActionEvent` means.
    #[must_use]
    pub fn action(mut self, event: &str, action: ExecutorAction) -> Self {
        self.actions.insert(event.to_owned(), action);
        self
    }

    /// How entities of this content type are called.
    #[must_use]
    pub fn display(&self, content_type: &str) -> Option<&EntityDisplay> {
        self.entities.get(content_type)
    }

    /// What carrying out tasks with this event means.
    #[must_use]
    pub fn executor_action(&self, event: &str) -> Option<&ExecutorAction> {
        self.actions.get(event)
    }

    /// The `data` of a task as its serializer shows it; as it is when there is none, or when it fails (which is logged).
    #[must_use]
    pub fn business_data(&self, task: &Task) -> Value {
        let Some(name) = task.business_data_serializer.as_deref().filter(|name| !name.is_empty()) else {
            return task.data.clone();
        };
        let shown = match self.serializers.get(name) {
            Some(serializer) => serializer(task, &task.data),
            None => Err("no such serializer is registered".to_owned()),
        };
        shown.unwrap_or_else(|reason| {
            tracing::warn!(task = %task.id, serializer = name, reason, "businessData is shown as it is stored");
            task.data.clone()
        })
    }
}
