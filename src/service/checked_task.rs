//! Tasks that propose an operation to a service under maker-checker.
//!
//! A task names the service with which it was filed (`checker`), and `task_management_checkedservice` lists the services that
//! some process puts under maker-checker. A process that does not know the service of a task leaves the operation to one that
//! does: it leaves the delivery for `maker_checker:<service>`, or refuses the decision where the service wants to act within it.
//! Tasks without a checker, filed by earlier versions or by a process that does not know the service, are found by their form.
//! Re-evaluation has nobody to tell, so it leaves the decision too, as a delivery for `tasks.re_evaluation:<service>`.

use super::context::ServiceContext;
use super::unit_of_work::UnitOfWork;
use crate::db;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::checked_service::CheckedService;
use crate::model::task::Task;

/// A proposed operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// An entity is created.
    Create,
    /// An entity is changed.
    Update,
    /// An entity is deleted.
    Delete,
}

impl Operation {
    /// The operation's business event.
    #[must_use]
    pub fn event(self, service: &str) -> String {
        let operation = match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        };
        format!("{service}.{operation}")
    }

    /// The operation that a task proposes to this service, if it proposes one.
    #[must_use]
    pub fn of(service: &str, task: &Task) -> Option<Self> {
        let event = task.business_event.as_deref()?;
        let is_its = task.source.as_deref() == Some(service);
        [Self::Create, Self::Update, Self::Delete]
            .into_iter()
            .find(|operation| is_its && operation.event(service) == event)
    }
}

/// The service to which a task proposes an operation, by the task's form. The service need not be under maker-checker.
fn addressed(task: &Task) -> Option<&str> {
    task.source.as_deref().filter(|source| Operation::of(source, task).is_some())
}

/// The service with which a new task is filed: the one to which it proposes an operation, if this process knows that service.
#[must_use]
pub fn filed_with(services: &ServiceContext, task: &Task) -> Option<String> {
    addressed(task).filter(|service| services.checks(service)).map(ToOwned::to_owned)
}

/// The service that is to carry out the task's operation, if other processes know it and this one does not.
pub fn elsewhere(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<Option<CheckedService>> {
    let named = task.checker.as_deref();
    let Some(name) = named.or_else(|| addressed(task)).filter(|name| !unit.services.checks(name)) else {
        return Ok(None);
    };
    let known = db::checked_service::registered(unit.connection, name)?;
    Ok(match named {
        Some(name) => known.or_else(|| Some(CheckedService { name: name.to_owned(), within_only: false })),
        // The service does not vouch for a task that was not filed with it.
        None => known.map(|service| CheckedService { within_only: false, ..service }),
    })
}

/// The handler to which the operation of a task that is to be COMPLETED is left, if this process does not know the task's
/// service.
///
/// # Errors
/// CONFLICT if that service carries out operations in the transaction of the decision only.
pub fn left_to(unit: &mut UnitOfWork<'_>, task: &Task) -> Result<Option<String>> {
    let Some(service) = elsewhere(unit, task)? else { return Ok(None) };
    if service.within_only {
        let message = Message::new("checker-elsewhere").with("service", service.name);
        return Err(Error::new(ErrorCode::Conflict, message));
    }
    tracing::warn!(
        task = %task.id,
        service = service.name,
        "an approved operation waits: this process does not put its service under maker-checker"
    );
    Ok(Some(handler(&service.name)))
}

/// The name of the After-handler for operations of this service that are carried out after the decision.
#[must_use]
pub fn handler(service: &str) -> String {
    format!("maker_checker:{service}")
}
