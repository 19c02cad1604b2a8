//! Maker-checker: an operation of a host's service is proposed as a task, and carried out once the task is COMPLETED.
//!
//! A proposal is an ordinary task: its source is the service's name, its business event `Name.create`, `Name.update` or
//! `Name.delete`, its data `{"incoming_data": …, "current_data": …}`. Whether it comes by [`MakerChecker`] or by
//! `createTask`, it is validated in the same place.
//!
//! It is made of handlers: a Before-handler of `create` and `update` validates proposals, and a Within-handler of `complete_task`
//! carries out what was approved, or leaves a delivery for the After-handler `maker_checker:<service>`, to which no signal is bound.
//! That one notes in the transaction of its work that it is done (`db/outbox.rs::settle`).
//!
//! `service/checked_task.rs` says what a process does that does not know the service of a task.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::checked_task::Operation;
use super::facade::TaskService;
use super::task::CreateTask;
use crate::auth::requester::Requester;
use crate::db::connection::DbConnection;
use crate::domain::json::{Json, json};
use crate::domain::text::unread_json;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::task::Task;

mod execution;

pub use execution::{Checked, ExecutionContext, ExecutionMode};

/// A service of the host whose operations need approval.
///
/// The methods are called on threads where blocking is allowed, with the module's database, where the host may have its
/// tables. A transaction is open on it. What a method writes by `connection` is committed together with what the module
/// writes.
///
/// ```
/// use std::collections::HashMap;
///
/// use serde_json::json;
/// use tasks_management::{
///     Approved, Builder, CheckedService, DbConnection, EntityType, ExecutionMode, Host, Json, MakerChecker, NotOffered,
///     Result, Settings,
/// };
///
/// /// The opening hours, of which there is one entry that can be changed.
/// struct Hours;
///
/// impl CheckedService for Hours {
///     type Create = NotOffered;
///     type Update = u8;
///     const NAME: &'static str = "HoursService";
///     const ENTITY_TYPE: &'static str = "office.hours";
///
///     fn current(&self, _: &mut DbConnection, id: &str) -> Result<Option<Json>> {
///         Ok((id == "monday").then(|| json!(8).into()))
///     }
///     fn update(&self, approved: &mut Approved<'_>, id: &str, hour: u8) -> Result<()> {
///         println!("{id} begins at {hour}, says {}", approved.decider.user.username);
///         Ok(())
///     }
/// }
///
/// impl EntityType for Hours {
///     fn display(&self, _: &mut DbConnection, ids: &[&str]) -> Result<HashMap<String, String>> {
///         Ok(ids.iter().filter(|id| **id == "monday").map(|id| ((*id).to_owned(), "Monday".to_owned())).collect())
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// # let file = std::env::temp_dir().join(format!("checked-{}.db", uuid::Uuid::new_v4()));
/// # let mut settings = Settings::default();
/// # settings.database.url = format!("sqlite://{}", file.display());
/// let hours = MakerChecker::new(Hours, ExecutionMode::Within);
/// let host = Host::default().entity(Hours::ENTITY_TYPE, Hours);
/// let module = Builder::new(settings).host(host).maker_checker(&hours).build()?;
/// # module.migrate().await?;
/// # module.load(serde_json::from_value(json!({
/// #     "roles": [{ "name": "Everything", "isSystem": 64, "rights": [] }],
/// #     "users": [{ "id": "11111111-1111-4111-8111-000000000001", "username": "ada", "password": "only for ada",
/// #                 "roles": ["Everything"] }],
/// # }))?).await?;
/// let ada = module.requester("ada").await?;
/// let task = hours.create_update_task(&module.tasks(), &ada, "monday", &9).await?;
/// assert_eq!(task.data, json!({ "incoming_data": 9, "current_data": 8 }));
/// assert_eq!(task.business_event.as_deref(), Some("HoursService.update"));
/// # Ok(())
/// # }
/// ```
pub trait CheckedService: Send + Sync + 'static {
    /// The data for creating an entity.
    type Create: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// The data for changing an entity.
    type Update: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Its name, such as `BeneficiaryService`: the `source` of its tasks, to which task groups are bound.
    const NAME: &'static str;
    /// The kind of its entities, `app_label.model`, which the host registers by `Host::entity`. Each entity can have at most
    /// one open task.
    const ENTITY_TYPE: &'static str;

    /// The entity as it is now, for deciders to compare; none if there is no such entity.
    ///
    /// # Errors
    /// Those of the host; they reach the caller with their code and message.
    fn current(&self, connection: &mut DbConnection, id: &str) -> Result<Option<Json>>;

    /// Checks whether the maker may propose to create this entity. Called when the proposal is made or changed, and before
    /// it is carried out. By default every payload that can be read is accepted.
    ///
    /// # Errors
    /// The refusal; it reaches the caller with its code and message.
    fn validate_create(
        &self,
        connection: &mut DbConnection,
        maker: &Requester,
        payload: &Self::Create,
    ) -> Result<()> {
        let _ = (connection, maker, payload);
        Ok(())
    }

    /// Checks whether the maker may propose this change of the entity. Called at the same moments. By default every payload
    /// that can be read is accepted.
    ///
    /// # Errors
    /// The refusal; it reaches the caller with its code and message.
    fn validate_update(
        &self,
        connection: &mut DbConnection,
        maker: &Requester,
        id: &str,
        payload: &Self::Update,
    ) -> Result<()> {
        let _ = (connection, maker, id, payload);
        Ok(())
    }

    /// Checks whether the maker may propose to delete this entity. Called at the same moments. By default nobody may.
    ///
    /// # Errors
    /// The refusal; it reaches the caller with its code and message.
    fn validate_delete(&self, connection: &mut DbConnection, maker: &Requester, id: &str) -> Result<()> {
        let _ = (connection, maker, id);
        Err(not_offered(Self::NAME))
    }

    /// Creates an entity. By default the operation is refused; then [`Self::Create`] is best [`NotOffered`].
    ///
    /// # Errors
    /// The reason why it can't be done.
    fn create(&self, approved: &mut Approved<'_>, payload: Self::Create) -> Result<()> {
        let _ = (approved, payload);
        Err(not_offered(Self::NAME))
    }

    /// Changes an entity. By default the operation is refused; then [`Self::Update`] is best [`NotOffered`].
    ///
    /// # Errors
    /// The reason why it can't be done.
    fn update(&self, approved: &mut Approved<'_>, id: &str, payload: Self::Update) -> Result<()> {
        let _ = (approved, id, payload);
        Err(not_offered(Self::NAME))
    }

    /// Deletes an entity. By default the operation is refused.
    ///
    /// # Errors
    /// The reason why it can't be done.
    fn delete(&self, approved: &mut Approved<'_>, id: &str) -> Result<()> {
        let _ = (approved, id);
        Err(not_offered(Self::NAME))
    }
}

/// The payload of an operation that a service does not offer: no proposal can be read as it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum NotOffered {}

fn not_offered(service: &'static str) -> Error {
    Error::validation("businessEvent", Message::new("not-offered").with("service", service))
}

/// An operation that was approved and is carried out now.
#[non_exhaustive]
pub struct Approved<'a> {
    /// The module's database, in a transaction. What is written by it is written exactly once.
    pub connection: &'a mut DbConnection,
    /// The person who proposed the operation.
    pub maker: &'a Requester,
    /// The person who gave the decisive approval. The operation is carried out in this person's name, as in openIMIS. It is
    /// the system user, if the votes became enough by a change of who is asked (`reevaluate = "DECIDE"`).
    pub decider: &'a Requester,
    /// The task, which is COMPLETED.
    pub task: &'a Task,
    /// The entity as it was when the operation was proposed; null for an entity to be created.
    pub current_data: &'a Json,
    /// The event's stable id, the same at each attempt. It tells repeats of work outside this database.
    pub event_id: Uuid,
}

/// Creates the proposals of a service, and carries them out. Cheap to clone; give it to the builder of the module too.
pub struct MakerChecker<S> {
    service: Arc<S>,
    mode: ExecutionMode,
}

impl<S> Clone for MakerChecker<S> {
    fn clone(&self) -> Self {
        Self { service: Arc::clone(&self.service), mode: self.mode }
    }
}

impl<S: CheckedService> MakerChecker<S> {
    /// Maker-checker for this service. `mode` says when its operations are carried out, and what happens if one fails.
    pub fn new(service: S, mode: ExecutionMode) -> Self {
        Self { service: Arc::new(service), mode }
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &S {
        &self.service
    }

    /// Proposes to create an entity.
    ///
    /// # Errors
    /// FORBIDDEN without the right to create tasks, VALIDATION if the builder was not given this, the service's refusal, or a
    /// handler's.
    pub async fn create_create_task(
        &self,
        tasks: &TaskService,
        maker: &Arc<Requester>,
        payload: &S::Create,
    ) -> Result<Task> {
        self.propose(tasks, maker, Operation::Create, None, Self::incoming(payload)?).await
    }

    /// Proposes to change an entity.
    ///
    /// # Errors
    /// NOT_FOUND, FORBIDDEN without the right to create tasks, CONFLICT for an entity with an open task, VALIDATION if the
    /// builder was not given this, the service's refusal, or a handler's.
    pub async fn create_update_task(
        &self,
        tasks: &TaskService,
        maker: &Arc<Requester>,
        id: &str,
        payload: &S::Update,
    ) -> Result<Task> {
        let incoming = Self::incoming(payload)?;
        self.propose(tasks, maker, Operation::Update, Some(id), incoming).await
    }

    /// Proposes to delete an entity.
    ///
    /// # Errors
    /// As for [`Self::create_update_task`].
    pub async fn create_delete_task(
        &self,
        tasks: &TaskService,
        maker: &Arc<Requester>,
        id: &str,
    ) -> Result<Task> {
        self.propose(tasks, maker, Operation::Delete, Some(id), json!({ "id": id })).await
    }

    async fn propose(
        &self,
        tasks: &TaskService,
        maker: &Arc<Requester>,
        operation: Operation,
        id: Option<&str>,
        incoming: Json,
    ) -> Result<Task> {
        let (service, id) = (Arc::clone(&self.service), id.map(ToOwned::to_owned));
        tasks
            .create_with(maker, move |unit| {
                // Nobody would validate the proposal, or carry it out.
                if !unit.services.checks(S::NAME) {
                    let message = Message::new("checker-not-given").with("service", S::NAME);
                    return Err(Error::validation("source", message));
                }
                let current = match &id {
                    Some(id) => service.current(unit.connection, id)?.ok_or_else(no_entity)?,
                    None => Json::Null,
                };
                Ok(Self::proposal(operation, id.as_deref(), &incoming, &current))
            })
            .await
    }

    /// The payload as JSON.
    fn incoming(payload: &impl Serialize) -> Result<Json> {
        let text = serde_json::to_string(payload).map_err(Error::internal)?;
        Json::parse(&text).map_err(|error| unread_json("data", &error))
    }

    fn proposal(operation: Operation, id: Option<&str>, incoming: &Json, current: &Json) -> CreateTask {
        CreateTask {
            source: Some(S::NAME.to_owned()),
            business_event: Some(operation.event(S::NAME)),
            entity_type: id.map(|_| S::ENTITY_TYPE.to_owned()),
            entity_id: id.map(ToOwned::to_owned),
            data: Some(json!({ "incoming_data": incoming, "current_data": current })),
            ..CreateTask::default()
        }
    }
}

fn no_entity() -> Error {
    Error::not_found("entityId", Message::new("no-entity"))
}
