//! The registrations of a host: its entities, serializers that show business data, and actions that carry tasks out.

use std::collections::HashMap;
use std::sync::Arc;

use crate::auth::requester::Requester;
use crate::db::connection::DbConnection;
use crate::domain::json::Json;
use crate::error::Result;
use crate::model::task::Task;

/// A kind of entity that tasks are about, as the host knows it.
///
/// The methods are called on threads where blocking is allowed. `connection` is the module's database, where the host may
/// have its tables; at times a transaction is open on it.
///
/// ```
/// use std::collections::HashMap;
/// use tasks_management::{DbConnection, EntityType, Host, Result};
///
/// struct Days;
///
/// impl EntityType for Days {
///     fn display(&self, _: &mut DbConnection, ids: &[&str]) -> Result<HashMap<String, String>> {
///         let names = [("1", "Monday"), ("2", "Tuesday")];
///         let known = names.iter().filter(|(id, _)| ids.contains(id));
///         Ok(known.map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect())
///     }
/// }
///
/// let host = Host::default().entity("office.day", Days);
/// assert_eq!(host.entity_types(), ["office.day"]);
/// ```
pub trait EntityType: Send + Sync + 'static {
    /// The names of the entities with these keys. The module takes keys that are missing in the answer for unknown, and
    /// refuses tasks about them.
    ///
    /// # Errors
    /// Those of the host; they reach the caller with their code and message.
    fn display(&self, connection: &mut DbConnection, ids: &[&str]) -> Result<HashMap<String, String>>;

    /// At most `limit` entities about which this person may create tasks and in which `text` is found, in the order that
    /// people expect. An empty text finds all. By default none are found.
    ///
    /// # Errors
    /// Those of the host; they reach the caller with their code and message.
    fn search(
        &self,
        connection: &mut DbConnection,
        requester: &Requester,
        text: &str,
        limit: usize,
    ) -> Result<Vec<Entity>> {
        let _ = (connection, requester, text, limit);
        Ok(Vec::new())
    }
}

/// A function that names entities is enough where nobody searches them.
impl<F> EntityType for F
where
    F: Fn(&mut DbConnection, &[&str]) -> Result<HashMap<String, String>> + Send + Sync + 'static,
{
    fn display(&self, connection: &mut DbConnection, ids: &[&str]) -> Result<HashMap<String, String>> {
        self(connection, ids)
    }
}

/// An entity that a task can be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// Its key, in the form of `entityId`.
    pub id: String,
    /// Its name.
    pub display: String,
}

/// Shows the `data` of a task.
pub type BusinessDataSerializer =
    Arc<dyn Fn(&Task, &Json) -> std::result::Result<Json, String> + Send + Sync>;

/// Carries out a task, in the transaction of `executeTask`.
pub type ExecutorAction = Arc<dyn Fn(&mut DbConnection, &Requester, &Task) -> Result<()> + Send + Sync>;

/// The registrations of a host.
#[derive(Default, Clone)]
pub struct Host {
    entities: HashMap<String, Arc<dyn EntityType>>,
    serializers: HashMap<String, BusinessDataSerializer>,
    actions: HashMap<String, ExecutorAction>,
    /// A sentence on the first registration under a name that was taken.
    contradiction: Option<String>,
}

impl Host {
    /// Registers the entities of a content type (`app_label.model`; case does not matter).
    #[must_use]
    pub fn entity(mut self, content_type: &str, entities: impl EntityType) -> Self {
        let old = self.entities.insert(content_type.to_lowercase(), Arc::new(entities));
        self.once(old.is_none(), "entities", content_type)
    }

    /// Registers a serializer under the name that tasks hold in `businessDataSerializer`.
    #[must_use]
    pub fn serializer(mut self, name: &str, serializer: BusinessDataSerializer) -> Self {
        let old = self.serializers.insert(name.to_owned(), serializer);
        self.once(old.is_none(), "serializers", name)
    }

    /// Registers the action that carries out tasks with this `executorActionEvent`.
    #[must_use]
    pub fn action(mut self, event: &str, action: ExecutorAction) -> Self {
        let old = self.actions.insert(event.to_owned(), action);
        self.once(old.is_none(), "actions", event)
    }

    fn once(mut self, is_first: bool, what: &str, name: &str) -> Self {
        if !is_first {
            self.contradiction.get_or_insert(format!("Two {what} are registered under the name {name}."));
        }
        self
    }

    /// A sentence on the first registration under a name that was taken; none if all is well.
    #[must_use]
    pub(crate) fn contradiction(&self) -> Option<String> {
        self.contradiction.clone()
    }

    /// The entities of this content type, if the host knows them. The name is in lower case.
    #[must_use]
    pub fn entity_type(&self, content_type: &str) -> Option<&Arc<dyn EntityType>> {
        self.entities.get(content_type)
    }

    /// The kinds of entities that the host knows, in lower case.
    #[must_use]
    pub fn entity_types(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.entities.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The action that carries out tasks with this event.
    #[must_use]
    pub(crate) fn executor_action(&self, event: &str) -> Option<&ExecutorAction> {
        self.actions.get(event)
    }

    /// The `data` of a task in the form in which its serializer shows it. Without a serializer, or if it fails (which is
    /// logged), the `data` is shown as it is.
    #[must_use]
    pub(crate) fn business_data(&self, task: &Task) -> Json {
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
