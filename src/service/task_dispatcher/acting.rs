//! What a dispatcher does when it is told of an event: all of its actions and the end of the delivery, in one transaction. A mail and a
//! run have keys of the event, so that nothing is done twice, however often the dispatcher is told.

use std::sync::Arc;

use uuid::Uuid;

use super::answering::owner_in_force;
use crate::auth::requester::Requester;
use crate::db;
use crate::db::Lock;
use crate::db::connection::DbConnection;
use crate::domain::function_run::RUN_BYTES;
use crate::domain::json::Json;
use crate::domain::task_dispatcher::{DispatchAction, DispatchActionKind};
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::outbox::Delivery;
use crate::model::task_dispatcher::TaskDispatcher;
use crate::model::user::User;
use crate::service::context::ServiceContext;
use crate::service::function_run::{self, Cause, CreateFunctionRun};
use crate::service::task_mail;
use crate::service::task_template::values::leave_out_texts;
use crate::service::unit_of_work::{Counted, UnitOfWork};

/// What a dispatcher is to do about an event.
pub struct Act {
    /// The module itself, in whose name the end of the delivery is written.
    pub system: Arc<Requester>,
    /// The key of the dispatcher.
    pub dispatcher_id: Uuid,
    /// The delivery of the event.
    pub delivery: Delivery,
    /// What the event tells.
    pub document: Json,
}

/// What came of an [`Act`].
pub struct Acted {
    /// Whether its delivery has ended: that to a dispatcher which is disabled waits until it is enabled. Or a refusal, after which
    /// nothing is done.
    pub is_ended: Result<bool>,
    /// The counts to be made once the transaction is committed.
    pub counted: Vec<Counted>,
}

impl Act {
    /// Does it in the present transaction, so that it can be undone alone. A refusal is in the result: FORBIDDEN if who answers for the
    /// dispatcher may not have it done any more, or what the function says.
    pub fn act(&self, services: &ServiceContext, connection: &mut DbConnection) -> Result<Acted> {
        let done = connection.savepoint(|connection| {
            let mut unit = UnitOfWork::new(services, &self.system, connection, self.delivery.cause_depth)?;
            self.act_once(&mut unit)
        });
        match done {
            Ok((is_ended, counted)) => Ok(Acted { is_ended: Ok(is_ended), counted }),
            Err(error) if error.is_internal() => Err(error),
            Err(refusal) => Ok(Acted { is_ended: Err(refusal), counted: Vec::new() }),
        }
    }

    fn act_once(&self, unit: &mut UnitOfWork<'_>) -> Result<(bool, Vec<Counted>)> {
        let delivery = &self.delivery;
        // Who changes or deletes it waits until this is done.
        let dispatcher = db::lock::<TaskDispatcher>(unit.connection, self.dispatcher_id, Lock::Share)?;
        let dispatcher = dispatcher.filter(|dispatcher| !dispatcher.is_deleted);
        if dispatcher.as_ref().is_some_and(|dispatcher| !dispatcher.is_enabled) {
            return Ok((false, Vec::new()));
        }
        let event = (delivery.event_id, delivery.entity_id);
        let is_new = db::outbox::settle(unit.connection, event, &delivery.handler, unit.now)?;
        let Some(dispatcher) = dispatcher.filter(|_| is_new) else { return Ok((true, Vec::new())) };
        // What does not concern it is no fault of who answers for it.
        if !concerns(&dispatcher, &self.document)? {
            return Ok((true, Vec::new()));
        }
        let owner = owner_in_force(unit.services, unit.connection, &unit.settings, &dispatcher)?;
        let Some(owner) = owner else {
            let person = db::get::<User>(unit.connection, dispatcher.owner())?;
            let owner = person.map_or_else(|| dispatcher.owner().to_string(), |person| person.username);
            return Err(Error::forbidden(of_owner(
                Message::new("dispatcher-owner-lacks"),
                &dispatcher,
                owner,
            )));
        };
        let mut unit = UnitOfWork::new(unit.services, &owner, unit.connection, unit.cause_depth())?;
        unit.because(format!("the dispatcher {}", dispatcher.name));
        for action in dispatcher.actions()? {
            match action.kind {
                DispatchActionKind::Mail => {
                    task_mail::leave_dispatched(&mut unit, delivery, dispatcher.id, &action)?;
                }
                DispatchActionKind::Function => {
                    run(&mut unit, delivery, &dispatcher, &action, &self.document)?;
                }
            }
        }
        Ok((true, unit.take_counted()))
    }
}

/// Whether all conditions of a dispatcher hold.
pub fn concerns(dispatcher: &TaskDispatcher, document: &Json) -> Result<bool> {
    Ok(dispatcher.conditions()?.iter().all(|condition| condition.holds(document)))
}

/// Has a function run about an event, unless it has run for it.
fn run(
    unit: &mut UnitOfWork<'_>,
    delivery: &Delivery,
    dispatcher: &TaskDispatcher,
    action: &DispatchAction,
    document: &Json,
) -> Result<()> {
    let name = action.function_name.as_deref().unwrap_or_default();
    let function = function_run::entrusted(unit, "actions", name)
        .map_err(|error| told(error, unit.requester, dispatcher, name))?;
    let (dispatcher_id, event_id) = (dispatcher.id, delivery.event_id);
    if db::function_run::is_made(unit.connection, function.id, (dispatcher_id, event_id))? {
        return Ok(());
    }
    function_run::check_enabled(&function)?;
    let input = CreateFunctionRun {
        data: input(document),
        priority: action.priority,
        tags: dispatcher.tag_list(),
        ..CreateFunctionRun::default()
    };
    function_run::add(unit, &function, Cause::Event { dispatcher_id, event_id }, &input).map(drop)
}

/// Why a dispatcher does not have a function run, for operators: a refusal speaks to whoever is asked, who is not the reader here.
fn told(error: Error, owner: &Requester, dispatcher: &TaskDispatcher, function: &str) -> Error {
    let message = match error.code() {
        ErrorCode::Forbidden => Message::new("dispatcher-owner-may-not-run"),
        ErrorCode::NotFound => Message::new("dispatcher-without-function"),
        _ => return error,
    };
    let message = of_owner(message, dispatcher, owner.user.username.clone());
    Error::new(error.code(), message.with("function", function))
}

fn of_owner(message: Message, dispatcher: &TaskDispatcher, owner: String) -> Message {
    message.with("owner", owner).with("dispatcher", dispatcher.name.as_str())
}

/// What a function is given: the event as webhooks show it. What is too large for a run is left out, and the function told of that.
fn input(document: &Json) -> Json {
    let told = |mut document: Json, is_shortened: bool| {
        if let Some(fields) = document.as_object_mut() {
            fields.insert("isShortened".to_owned(), Json::of(&is_shortened));
        }
        document
    };
    let whole = told(document.clone(), false);
    if whole.to_string().len() <= RUN_BYTES {
        return whole;
    }
    let mut shorter = document.clone();
    leave_out_texts(&mut shorter);
    told(shorter, true)
}
