//! The beginning of an attempt to send a mail: whether the recipient still gets it, and all that it is made of.

use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};

use super::digest::{self, Gathered};
use super::telling::{TASK_GONE, dispatcher_is_gone, event, task, told_of};
use super::{Cause, LeftOut, reset};
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::mail::{DIGEST_SIGNAL, RESET_SIGNAL};
use crate::error::Result;
use crate::model::outbox::Delivery;
use crate::model::task_dispatcher::TaskDispatcher;
use crate::model::task_mail::TaskMail;
use crate::model::user::User;
use crate::service::context::ServiceContext;
use crate::service::identity;
use crate::service::password::reset_token;
use crate::service::unit_of_work::UnitOfWork;
use crate::signal::Event;

/// A mail that is to be sent now.
pub struct Letter {
    /// The mail.
    pub mail: TaskMail,
    /// The person who gets it; none if it goes to an address, which is shown no data.
    pub person: Option<User>,
    /// The event of which it tells, with the task as it is now; none for a new password and a digest.
    pub event: Option<Event>,
    /// What a digest lists.
    pub digest: Option<Gathered>,
    /// The token by which the person sets a new password, and when it ends.
    pub token: Option<(String, NaiveDateTime)>,
}

/// Whether a mail is to be sent now.
pub enum Prepared {
    /// It is.
    Letter(Box<Letter>),
    /// It is not, for this reason; nor are these mails of a digest, for theirs.
    Withdrawn(&'static str, LeftOut),
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
    let (delivery, system) = (delivery.clone(), Arc::new(system));
    let prepared = services.write(&system, move |unit| prepare(unit, &delivery)).await?;
    let Prepared::Letter(mut letter) = prepared else { return Ok(prepared) };
    if letter.mail.signal == DIGEST_SIGNAL {
        let gathered = digest::gathered(services, &system, &letter.mail).await?;
        if gathered.items.is_empty() {
            return Ok(Prepared::Withdrawn("there is nothing to tell any more", gathered.left_out));
        }
        letter.digest = Some(gathered);
    }
    Ok(Prepared::Letter(letter))
}

fn prepare(unit: &mut UnitOfWork<'_>, delivery: &Delivery) -> Result<Prepared> {
    let withdrawn = |why| Ok(Prepared::Withdrawn(why, LeftOut::new()));
    let mail = db::lock::<TaskMail>(unit.connection, delivery.entity_id, db::Lock::Write)?;
    let Some(mail) = mail else { return withdrawn("the mail is gone") };
    db::task_mail::begin(unit.connection, mail.id, delivery.attempts)?;
    if let Some(why) = dispatcher_is_gone(unit, &mail)? {
        return withdrawn(why);
    }
    let cause = Cause::of_mail(&mail, delivery);
    let Some(person) = mail.user_id else {
        let Some(task) = task(unit, &mail)? else { return withdrawn(TASK_GONE) };
        let event = Some(event(&mail, &cause, delivery.cause_depth, &task)?);
        return Ok(Prepared::Letter(Box::new(Letter {
            mail,
            person: None,
            event,
            digest: None,
            token: None,
        })));
    };
    let Some(person) = identity::acting_by_id(unit.services, unit.connection, person)? else {
        return withdrawn("the recipient is not active any more");
    };
    if !reset::can_get(&person.user) {
        return withdrawn("the recipient has no address");
    }
    if mail.signal == RESET_SIGNAL {
        return reset_letter(unit, mail, person.user);
    }
    let event = if mail.signal == DIGEST_SIGNAL {
        None
    } else {
        match told_of(unit, &mail, &person)? {
            Ok(task) => Some(event(&mail, &cause, delivery.cause_depth, &task)?),
            Err(why) => return withdrawn(why),
        }
    };
    let person = Some(person.user);
    Ok(Prepared::Letter(Box::new(Letter { mail, person, event, digest: None, token: None })))
}

fn reset_letter(unit: &mut UnitOfWork<'_>, mail: TaskMail, person: User) -> Result<Prepared> {
    let expires = mail.date_created + TimeDelta::seconds(unit.services.auth.reset_token_s);
    if unit.now >= expires {
        return Ok(Prepared::Withdrawn("its token would have ended already", LeftOut::new()));
    }
    let token = reset_token::make(unit, person.id, person.id, expires)?;
    let (person, token) = (Some(person), Some((token, expires)));
    Ok(Prepared::Letter(Box::new(Letter { mail, person, event: None, digest: None, token })))
}
