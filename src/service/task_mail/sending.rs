//! The beginning of an attempt to send a mail: whether the recipient still gets it, and all that it is made of.

use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};

use super::{recipients, reset};
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::event_data::VERSION;
use crate::domain::json::Json;
use crate::domain::mail::{MailRecipient, PASSWORD_RESET};
use crate::domain::signal::Signal;
use crate::error::{Error, Result};
use crate::model::outbox::Delivery;
use crate::model::task::Task;
use crate::model::task_dispatcher::TaskDispatcher;
use crate::model::task_mail::TaskMail;
use crate::model::user::User;
use crate::service::context::ServiceContext;
use crate::service::identity;
use crate::service::password::reset_token;
use crate::service::task::access::seen_by;
use crate::service::task_dispatcher::answering::in_force;
use crate::service::unit_of_work::UnitOfWork;
use crate::signal::Event;

/// Why nobody is told of a task.
const TASK_GONE: &str = "the task is deleted";

/// A mail that is to be sent now.
pub struct Letter {
    /// The mail.
    pub mail: TaskMail,
    /// The person who gets it; none if it goes to an address, which is shown no data.
    pub person: Option<User>,
    /// The event of which it tells, with the task as it is now; none for a new password.
    pub event: Option<Event>,
    /// The token by which the person sets a new password, and when it ends.
    pub token: Option<(String, NaiveDateTime)>,
}

/// Whether a mail is to be sent now.
pub enum Prepared {
    /// It is.
    Letter(Box<Letter>),
    /// It is not, for this reason.
    Withdrawn(&'static str),
}

/// Begins an attempt at the mail of this delivery.
///
/// # Errors
/// What the database or the host says.
pub async fn begin(services: &Arc<ServiceContext>, delivery: &Delivery) -> Result<Prepared> {
    let id = delivery.entity_id;
    let (system, people) = services
        .read(move |_, connection| {
            let mail = db::get::<TaskMail>(connection, id)?;
            let dispatcher = mail.as_ref().and_then(|mail| mail.dispatcher_id);
            let dispatcher = dispatcher.map(|id| db::get::<TaskDispatcher>(connection, id)).transpose()?;
            let owner = dispatcher.flatten().map(|dispatcher| dispatcher.owner());
            let person = mail.and_then(|mail| mail.user_id);
            Ok((Requester::system(connection)?, person.into_iter().chain(owner).collect::<Vec<_>>()))
        })
        .await?;
    services.users.ahead(&people).await?;
    let delivery = delivery.clone();
    services.write(&Arc::new(system), move |unit| prepare(unit, &delivery)).await
}

fn prepare(unit: &mut UnitOfWork<'_>, delivery: &Delivery) -> Result<Prepared> {
    let mail = db::lock::<TaskMail>(unit.connection, delivery.entity_id, db::Lock::Write)?;
    let Some(mail) = mail else { return Ok(Prepared::Withdrawn("the mail is gone")) };
    db::task_mail::begin(unit.connection, mail.id, delivery.attempts)?;
    if let Some(id) = mail.dispatcher_id
        && in_force(unit.services, unit.connection, &unit.settings, id)?.is_none()
    {
        return Ok(Prepared::Withdrawn(
            "the dispatcher is gone or disabled, or who answers for it may not have it any more",
        ));
    }
    let Some(person) = mail.user_id else {
        let Some(task) = task(unit, &mail)? else { return Ok(Prepared::Withdrawn(TASK_GONE)) };
        let event = event(&mail, delivery, &task)?;
        return Ok(Prepared::Letter(Box::new(Letter {
            mail,
            person: None,
            event: Some(event),
            token: None,
        })));
    };
    let Some(person) = identity::acting_by_id(unit.services, unit.connection, person)? else {
        return Ok(Prepared::Withdrawn("the recipient is not active any more"));
    };
    if !reset::can_get(&person.user) {
        return Ok(Prepared::Withdrawn("the recipient has no address"));
    }
    if mail.template == PASSWORD_RESET {
        return reset_letter(unit, mail, person.user);
    }
    let Some(task) = task(unit, &mail)? else { return Ok(Prepared::Withdrawn(TASK_GONE)) };
    if !seen_by(unit, &person, &task)? {
        return Ok(Prepared::Withdrawn("the recipient does not see the task"));
    }
    if mail.recipient != MailRecipient::Person
        && !recipients::of(unit, &task, mail.recipient)?.contains_key(&person.id())
    {
        return Ok(Prepared::Withdrawn(
            "the reason for it is gone: the task does not await the recipient, or not as it did",
        ));
    }
    let event = event(&mail, delivery, &task)?;
    Ok(Prepared::Letter(Box::new(Letter {
        mail,
        person: Some(person.user),
        event: Some(event),
        token: None,
    })))
}

/// The task of which a mail tells, if it is still there.
fn task(unit: &mut UnitOfWork<'_>, mail: &TaskMail) -> Result<Option<Task>> {
    Ok(db::get::<Task>(unit.connection, mail.entity_id)?.filter(|task| !task.is_deleted))
}

fn reset_letter(unit: &mut UnitOfWork<'_>, mail: TaskMail, person: User) -> Result<Prepared> {
    let expires = mail.date_created + TimeDelta::seconds(unit.services.auth.reset_token_s);
    if unit.now >= expires {
        return Ok(Prepared::Withdrawn("its token would have ended already"));
    }
    let token = reset_token::make(unit, person.id, person.id, expires)?;
    let (person, token) = (Some(person), Some((token, expires)));
    Ok(Prepared::Letter(Box::new(Letter { mail, person, event: None, token })))
}

/// The event with the task as it is now, and the facts that it told.
fn event(mail: &TaskMail, delivery: &Delivery, task: &Task) -> Result<Event> {
    let signal = Signal::parse(&mail.signal)
        .ok_or_else(|| Error::internal(format!("unknown signal {}", mail.signal)))?;
    let mut data = delivery.data.as_object().cloned().unwrap_or_default();
    data.insert("v".to_owned(), Json::of(&VERSION));
    data.insert("old".to_owned(), Json::Null);
    data.insert("new".to_owned(), Json::of(task));
    Ok(Event {
        id: mail.event_id,
        signal,
        entity_id: mail.entity_id,
        user_id: delivery.user_id,
        date: mail.date_created,
        data: Json::Object(data),
        cause_depth: delivery.cause_depth,
    })
}
