//! What mails tell: the task as it is now, if the recipient is still told of it.

use super::{Cause, recipients};
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::event_data::VERSION;
use crate::domain::json::Json;
use crate::domain::mail::MailRecipient;
use crate::domain::signal::Signal;
use crate::error::{Error, Result};
use crate::model::task::Task;
use crate::model::task_mail::TaskMail;
use crate::service::task::access::seen_by;
use crate::service::task_dispatcher::answering::in_force;
use crate::service::unit_of_work::UnitOfWork;
use crate::signal::Event;

/// Why nobody is told of a task.
pub const TASK_GONE: &str = "the task is deleted";

/// Why the dispatcher that left a mail does not have it sent any more.
pub fn dispatcher_is_gone(unit: &mut UnitOfWork<'_>, mail: &TaskMail) -> Result<Option<&'static str>> {
    let Some(id) = mail.dispatcher_id else { return Ok(None) };
    let is_in_force = in_force(unit.services, unit.connection, &unit.settings, id)?.is_some();
    let gone = "the dispatcher is gone or disabled, or who answers for it may not have it any more";
    Ok((!is_in_force).then_some(gone))
}

/// The task of which a person is still told by this mail, or why the person is not.
pub fn told_of(
    unit: &mut UnitOfWork<'_>,
    mail: &TaskMail,
    person: &Requester,
) -> Result<std::result::Result<Task, &'static str>> {
    let Some(task) = task(unit, mail)? else { return Ok(Err(TASK_GONE)) };
    if !seen_by(unit, person, &task)? {
        return Ok(Err("the recipient does not see the task"));
    }
    if mail.recipient != MailRecipient::Person
        && !recipients::of(unit, &task, mail.recipient)?.contains_key(&person.id())
    {
        return Ok(Err("the reason for it is gone: the task does not await the recipient, or not as it did"));
    }
    Ok(Ok(task))
}

/// The task of which a mail tells, if it is still there.
pub fn task(unit: &mut UnitOfWork<'_>, mail: &TaskMail) -> Result<Option<Task>> {
    Ok(db::get::<Task>(unit.connection, mail.entity_id)?.filter(|task| !task.is_deleted))
}

/// The event with the task as it is now, and the facts that it told.
pub fn event(mail: &TaskMail, cause: &Cause, cause_depth: i32, task: &Task) -> Result<Event> {
    let signal = Signal::parse(&mail.signal)
        .ok_or_else(|| Error::internal(format!("unknown signal {}", mail.signal)))?;
    let mut data = cause.facts.as_object().cloned().unwrap_or_default();
    data.insert("v".to_owned(), Json::of(&VERSION));
    data.insert("old".to_owned(), Json::Null);
    data.insert("new".to_owned(), Json::of(task));
    Ok(Event {
        id: mail.event_id,
        signal,
        entity_id: mail.entity_id,
        user_id: cause.user_id,
        date: mail.date_created,
        data: Json::Object(data),
        cause_depth,
    })
}
