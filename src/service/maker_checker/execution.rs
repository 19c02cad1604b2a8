//! Validating proposals when they are made and changed, and carrying them out once they are approved.

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use diesel::Connection;
use diesel::connection::TransactionManager as _;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Approved, CheckedService, MakerChecker, no_entity};
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
use crate::error::{Error, Result, words_of};
use crate::message::Message;
use crate::model::checked_service::CheckedService as Registration;
use crate::model::content_type::ContentType;
use crate::model::task::Task;
use crate::service::checked_task::{Operation, handler};
use crate::signal::{BusBuilder, Event, HandlerError};

/// When an approved operation is carried out, and what happens if it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionMode {
    /// In the transaction of the decision. If the operation fails, the decision is undone, and the decider is told why. For
    /// hosts that have their tables in the module's database.
    Within,
    /// In the transaction of the decision. If the operation fails, the task stays COMPLETED, and the operation is tried
    /// again as in [`Self::After`].
    WithinOrAfter,
    /// After the commit, from the outbox. If the operation fails, the task stays COMPLETED, and the operation is tried again
    /// with growing pauses. After the last attempt its delivery is DEAD: `taskEvents` shows it with the reason, and
    /// `replayTaskEvents` tries it once more.
    After,
}

/// The context in which operations are carried out.
pub struct ExecutionContext {
    /// The module's database.
    pub db: Database,
    /// The directory of people.
    pub users: Arc<dyn Directory>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// A service under maker-checker, of any payload types.
pub trait Checked: Send + Sync {
    /// What other processes are to know of the service.
    fn registration(&self) -> Registration;

    /// The kind of its entities.
    fn entity_type(&self) -> &'static str;

    /// Binds the handlers for it.
    fn bind(self: Arc<Self>, bus: BusBuilder, context: Arc<ExecutionContext>) -> BusBuilder;
}

impl<S: CheckedService> Checked for MakerChecker<S> {
    fn registration(&self) -> Registration {
        Registration { name: S::NAME.to_owned(), within_only: self.mode == ExecutionMode::Within }
    }

    fn entity_type(&self) -> &'static str {
        S::ENTITY_TYPE
    }

    fn bind(self: Arc<Self>, mut bus: BusBuilder, context: Arc<ExecutionContext>) -> BusBuilder {
        for signal in [Signal::TaskCreate, Signal::TaskUpdate] {
            let (own, context) = (Arc::clone(&self), Arc::clone(&context));
            bus = bus.before(signal, move |connection, event| {
                let task = event.task()?;
                let is_new = event.old_task()?.is_none_or(|old| old.data != task.data);
                match Operation::of(S::NAME, &task) {
                    Some(operation) if is_new => {
                        db::checked_service::register(connection, &own.registration())?;
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
        // No signal is bound to it. `approved` leaves deliveries for operations that are to be tried later.
        bus.after(&handler(S::NAME), [], move |event| {
            let (own, context) = (Arc::clone(&self), Arc::clone(&context));
            async move { own.deliver(&context, event).await.map_err(HandlerError::from) }
        })
    }
}

impl<S: CheckedService> MakerChecker<S> {
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
                let outcome = connection.savepoint(|connection| {
                    contained(connection, |connection| {
                        self.execute(context, connection, event, operation, task)
                    })
                });
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
        insert_counted(connection, &event.delivery_to(&handler(S::NAME)))?;
        outbox::announce(connection)
    }

    /// Carries out an operation that was left in the outbox. What the operation writes by the connection is committed
    /// together with the note that it is done, so it is done once even if the process dies at that moment.
    async fn deliver(self: Arc<Self>, context: &Arc<ExecutionContext>, event: Event) -> Result<()> {
        let context = Arc::clone(context);
        let db = context.db.clone();
        db.write(move |connection| {
            if !outbox::settle(
                connection,
                (event.id, event.entity_id),
                &handler(S::NAME),
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

    /// Checks that the proposal can be read, and that the service accepts it.
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

/// Does work of the host, and takes its panic for an error like any other. Transactions that the work has left open are
/// rolled back.
fn contained(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<()>,
) -> Result<()> {
    let before = depth(connection)?;
    let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)));
    outcome.unwrap_or_else(|panic| {
        while depth(connection)? > before {
            Transactions::rollback_transaction(connection)?;
        }
        Err(Error::internal(format!("it panicked: {}", words_of(&*panic).unwrap_or_default())))
    })
}

type Transactions = <DbConnection as Connection>::TransactionManager;

/// How many transactions are open within each other.
fn depth(connection: &mut DbConnection) -> Result<u32> {
    let depth = Transactions::transaction_manager_status_mut(connection).transaction_depth()?;
    Ok(depth.map_or(0, NonZeroU32::get))
}

/// The person whose proposal it is: the one who changed it last, else the maker of the task.
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
    let rights = context.users.rights(connection, &[id])?.remove(&id).unwrap_or_default();
    Ok(Requester::new(user, rights, None))
}
