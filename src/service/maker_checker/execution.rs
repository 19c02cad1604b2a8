//! Checking proposals where they are made and changed, and carrying them out once they are approved.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Approved, CheckedService, MakerChecker, Operation, no_entity};
use crate::auth::directory::Directory;
use crate::auth::requester::Requester;
use crate::clock::Clock;
use crate::db;
use crate::db::connection::{Database, DbConnection};
use crate::db::entity::insert_counted;
use crate::db::outbox;
use crate::domain::signal::Signal;
use crate::domain::task::TaskStatus;
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::content_type::ContentType;
use crate::model::task::Task;
use crate::signal::{BusBuilder, Event, HandlerError};

/// When an approved operation is carried out, and what follows if it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionMode {
    /// In the transaction of the decision. If it fails, the decision is undone, and who decided is told why: for hosts with
    /// their tables in the module's database.
    Within,
    /// In the transaction of the decision. If it fails, the task stays COMPLETED, and it is tried again as [`Self::After`] says.
    WithinOrAfter,
    /// After the commit, from the outbox. If it fails, the task stays COMPLETED, and it is tried again with growing pauses;
    /// after the last it is DEAD. `taskEvents` shows it, with the reason, and `replayTaskEvents` tries it once more.
    After,
}

/// What it takes to carry something out.
pub struct ExecutionContext {
    /// Where the module's data is.
    pub db: Database,
    /// Who the people are.
    pub users: Arc<dyn Directory>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// A service under maker-checker, whatever its payloads are.
pub trait Checked: Send + Sync {
    /// The service's name.
    fn name(&self) -> &'static str;

    /// Binds what has to be done for it.
    fn bind(self: Arc<Self>, bus: BusBuilder, context: Arc<ExecutionContext>) -> BusBuilder;
}

impl<S: CheckedService> Checked for MakerChecker<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn bind(self: Arc<Self>, mut bus: BusBuilder, context: Arc<ExecutionContext>) -> BusBuilder {
        for signal in [Signal::TaskCreate, Signal::TaskUpdate] {
            let (own, context) = (Arc::clone(&self), Arc::clone(&context));
            bus = bus.before(signal, move |connection, event| {
                let task = event.task()?;
                let is_new = event.old_task()?.is_none_or(|old| old.data != task.data);
                match Operation::of(S::NAME, &task) {
                    Some(operation) if is_new => {
                        db::checked_service::register(connection, S::NAME)?;
                        own.validate(&context, connection, operation, &task)
                    }
                    _ => Ok(()),
                }
            });
        }
        let (own, at_once) = (Arc::clone(&self), Arc::clone(&context));
        bus = bus.within(Signal::TaskComplete, move |connection, event| {
            let task = event.task()?;
            match Operation::of(S::NAME, &task) {
                Some(operation) if task.status == TaskStatus::Completed => {
                    own.approved(&at_once, connection, event, operation, &task)
                }
                _ => Ok(()),
            }
        });
        // No signal brings it anything: `approved` leaves for it what is to be tried later.
        bus.after(&Self::handler(), [], move |event| {
            let (own, context) = (Arc::clone(&self), Arc::clone(&context));
            async move { own.deliver(&context, event).await.map_err(HandlerError::from) }
        })
    }
}

impl<S: CheckedService> MakerChecker<S> {
    /// The name under which the outbox keeps what is carried out later.
    fn handler() -> String {
        format!("maker_checker:{}", S::NAME)
    }

    fn approved(
        &self,
        context: &ExecutionContext,
        connection: &mut DbConnection,
        event: &Event,
        operation: Operation,
        task: &Task,
    ) -> Result<()> {
        let reason = match self.mode {
            ExecutionMode::Within => return self.execute(context, connection, event, operation, task),
            ExecutionMode::WithinOrAfter => {
                let outcome = connection
                    .savepoint(|connection| self.execute(context, connection, event, operation, task));
                match outcome {
                    Ok(()) => return Ok(()),
                    Err(error) => Some(error),
                }
            }
            ExecutionMode::After => None,
        };
        if let Some(error) = &reason {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(task = %task.id, event = %event.id, %error, cause, "an approved operation failed; it is tried again");
        }
        insert_counted(connection, &event.delivery_to(&Self::handler()))?;
        outbox::announce(connection)
    }

    /// Carries out what was left in the outbox. What is done by the connection is committed together with the note that it is
    /// done, so that it is done once even if the process dies right then.
    async fn deliver(self: Arc<Self>, context: &Arc<ExecutionContext>, event: Event) -> Result<()> {
        let context = Arc::clone(context);
        let db = context.db.clone();
        db.write(move |connection| {
            if !outbox::settle(
                connection,
                (event.id, event.entity_id),
                &Self::handler(),
                context.clock.now(),
            )? {
                return Ok(());
            }
            let task = event.task()?;
            match Operation::of(S::NAME, &task) {
                Some(operation) => self.execute(&context, connection, &event, operation, &task),
                None => Ok(()),
            }
        })
        .await
    }

    fn execute(
        &self,
        context: &ExecutionContext,
        connection: &mut DbConnection,
        event: &Event,
        operation: Operation,
        task: &Task,
    ) -> Result<()> {
        self.validate(context, connection, operation, task)?;
        let maker = person(context, connection, proposer(task))?;
        let decider = person(context, connection, event.user_id)?;
        let current_data = &task.data["current_data"];
        let approved = &mut Approved {
            connection,
            maker: &maker,
            decider: &decider,
            task,
            current_data,
            event_id: event.id,
        };
        match operation {
            Operation::Create => self.service.create(approved, incoming(task)?),
            Operation::Update => self.service.update(approved, entity_id(task)?, incoming(task)?),
            Operation::Delete => self.service.delete(approved, entity_id(task)?),
        }
    }

    /// Whether the proposal can be understood, and the service has nothing against it.
    fn validate(
        &self,
        context: &ExecutionContext,
        connection: &mut DbConnection,
        operation: Operation,
        task: &Task,
    ) -> Result<()> {
        let maker = person(context, connection, proposer(task))?;
        if operation == Operation::Create {
            return self.service.validate_create(connection, &maker, &incoming(task)?);
        }
        let id = entity_id(task)?;
        let kind = match task.entity_type_id {
            Some(id) => db::get::<ContentType>(connection, id)?.map(|kind| kind.name()),
            None => None,
        };
        if kind.is_none_or(|kind| kind != S::ENTITY_TYPE.to_lowercase()) {
            let message = Message::new("wrong-entity-type").with("allowed", S::ENTITY_TYPE);
            return Err(Error::validation("entityType", message));
        }
        match operation {
            Operation::Update => self.service.validate_update(connection, &maker, id, &incoming(task)?),
            Operation::Create | Operation::Delete => self.service.validate_delete(connection, &maker, id),
        }
    }
}

/// Whose proposal it is: who changed it last, else who made the task.
fn proposer(task: &Task) -> Uuid {
    task.data_user.unwrap_or(task.user_created)
}

fn incoming<T: DeserializeOwned>(task: &Task) -> Result<T> {
    task.data["incoming_data"].read().map_err(|error| {
        Error::validation("data", Message::new("bad-proposal").with("reason", error.to_string()))
    })
}

fn entity_id(task: &Task) -> Result<&str> {
    task.entity_id.as_deref().ok_or_else(no_entity)
}

fn person(context: &ExecutionContext, connection: &mut DbConnection, id: Uuid) -> Result<Requester> {
    if id == SYSTEM_USER {
        return Requester::system(connection);
    }
    let user = context.users.by_ids(connection, &[id])?.pop();
    let user = user
        .ok_or_else(|| Error::not_found("user", Message::new("unknown-user").with("id", id.to_string())))?;
    let rights = context.users.rights(connection, id)?;
    Ok(Requester { user, rights, session_id: None })
}
