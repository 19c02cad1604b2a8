//! Digests. Mails to a person who does not want each at once wait, as rows without deliveries, for the person's next digest, of which
//! there is one timer. When that is due, it leaves the digest, with which the waiting mails go, and ends; so no process that dies
//! loses or doubles one. The digest is a mail with a delivery as any other, and of each mail that goes with it is asked then what is
//! asked of a mail that is sent by itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use super::telling::{dispatcher_is_gone, event, told_of};
use super::{Cause, LeftOut, message_id, send};
use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::db::Lock;
use crate::domain::json::{Json, json};
use crate::domain::mail::{DIGEST, DIGEST_SIGNAL, MailFrequency, MailRecipient, MailStatus};
use crate::domain::outbox::Subscriber;
use crate::domain::timer::TimerKind;
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, Result};
use crate::model::task_mail::TaskMail;
use crate::model::timer::{MOMENT, Timer};
use crate::model::user::User;
use crate::service::context::ServiceContext;
use crate::service::identity;
use crate::service::task_template;
use crate::service::timer;
use crate::service::unit_of_work::UnitOfWork;
use crate::signal::Event;

/// The name of a person's timer for the next digest.
const KEY: &str = "digest";
/// How many mails go with one digest at most; those that are left go with another one right after it.
const MOST: i64 = 1_000;
/// How many of them are looked at in one transaction.
const PAGE: i64 = 50;

/// A mail that a digest lists.
pub struct Item {
    /// The mail.
    pub mail: TaskMail,
    /// The event of which it tells, with the task as it is now.
    pub event: Event,
}

/// What a digest tells.
#[derive(Default)]
pub struct Gathered {
    /// The mails that it lists, the oldest first; of several about one task by one template, the newest.
    pub items: Vec<Item>,
    /// How many more there are than it lists.
    pub more: usize,
    /// The mails that are not sent any more.
    pub left_out: LeftOut,
}

/// The person, if mails to that person wait for a digest. The person can't choose otherwise until the transaction ends.
pub(super) fn reader(unit: &mut UnitOfWork<'_>, person: Uuid) -> Result<Option<User>> {
    let waits = |user: &User| user.mail_frequency != MailFrequency::AtOnce;
    // A host's people choose with the host.
    if !unit.services.has_own_people()
        || !db::get::<User>(unit.connection, person)?.as_ref().is_some_and(waits)
    {
        return Ok(None);
    }
    Ok(db::lock::<User>(unit.connection, person, Lock::Share)?.filter(waits))
}

/// Has a mail wait for the next digest of its reader, unless it was left before.
pub(super) fn wait(unit: &mut UnitOfWork<'_>, cause: &Cause, mail: TaskMail, reader: &User) -> Result<bool> {
    let told = json!({ "userId": cause.user_id, "data": cause.facts });
    let mail = TaskMail { cause: Some(told), ..mail };
    if !db::task_mail::insert_waiting(unit.connection, &mail)? {
        return Ok(false);
    }
    db::timer::insert_once(unit.connection, &next(reader, unit.now), unit.now)?;
    Ok(true)
}

/// Has the mails that wait for this person go when the person wants them now, after a change of that.
pub fn plan(unit: &mut UnitOfWork<'_>, reader: &User) -> Result<()> {
    if db::task_mail::any_waits(unit.connection, reader.id)? {
        return db::timer::renew(unit.connection, &next(reader, unit.now), unit.now);
    }
    db::timer::delete_named(unit.connection, reader.id, TimerKind::Digest, KEY)
}

fn next(reader: &User, now: NaiveDateTime) -> Timer {
    let moment = reader.next_digest(now);
    timer::new(TimerKind::Digest, reader.id, KEY.to_owned(), moment, at(moment))
}

/// What a timer says of the moment that it is for; it may be due again later than that.
fn at(moment: NaiveDateTime) -> Json {
    json!({ MOMENT: moment })
}

/// Leaves the digest of a person whose timer is due, if this worker still has it in hand.
///
/// # Errors
/// What the database says.
pub fn act(unit: &mut UnitOfWork<'_>, timer: &Timer, worker: Uuid) -> Result<()> {
    let Some(timer) = db::timer::in_hand(unit.connection, timer.id, worker, unit.now)? else {
        return Ok(());
    };
    let person = timer.entity_id;
    if !db::task_mail::any_waits(unit.connection, person)? {
        return db::timer::delete(unit.connection, &[timer.id]);
    }
    let moment = timer.moment();
    let moment = moment.ok_or_else(|| Error::internal(format!("the digest of {person} has no moment")))?;
    let id = new_id();
    let cause = Cause {
        id,
        signal: DIGEST_SIGNAL.to_owned(),
        entity_id: person,
        user_id: SYSTEM_USER,
        facts: json!({ "v": 1 }),
    };
    let mail = TaskMail {
        id,
        event_id: id,
        signal: cause.signal.clone(),
        entity_id: person,
        message_id: message_id(unit.services, person, DIGEST, &moment.to_string()),
        template: DIGEST.to_owned(),
        recipient: MailRecipient::Person,
        user_id: Some(person),
        address: None,
        unique_key: format!("{DIGEST} {person} {moment}"),
        status: MailStatus::Queued,
        attempts: 0,
        error: None,
        date_created: unit.now,
        date_sent: None,
        dispatcher_id: None,
        digest_id: None,
        cause: None,
    };
    if send(unit, &cause, &Subscriber::MailDigest, &mail)? {
        db::task_mail::gather(unit.connection, person, id, MOST)?;
        if !db::task_mail::any_waits(unit.connection, person)? {
            return db::timer::delete(unit.connection, &[timer.id]);
        }
    }
    // Another digest, which is of another moment.
    let later = unit.now.max(moment + TimeDelta::seconds(1));
    db::timer::set_next(unit.connection, timer.id, later, &at(later))
}

/// Finds out what a digest tells now.
pub(super) async fn gathered(
    services: &Arc<ServiceContext>,
    system: &Arc<Requester>,
    digest: &TaskMail,
) -> Result<Gathered> {
    let most = services.mail.digest_items;
    let (digest, person) = (digest.id, digest.entity_id);
    let mut gathered = Gathered::default();
    let (mut places, mut unlisted) = (BTreeMap::new(), BTreeSet::new());
    let mut after = Uuid::nil();
    loop {
        let system = Arc::clone(system);
        // Each page is read by itself, so that nobody waits for a long digest.
        let page = services
            .read(move |services, connection| {
                let mut unit = UnitOfWork::new(services, &system, connection, 0)?;
                judged(&mut unit, digest, person, after)
            })
            .await?;
        let Some((last, _)) = page.last() else { break };
        after = last.id;
        for (mail, judged) in page {
            let event = match judged {
                Ok(event) => event,
                Err(why) => {
                    gathered.left_out.entry(why).or_default().push(mail.id);
                    continue;
                }
            };
            let about = (mail.entity_id, mail.template.clone(), mail.dispatcher_id);
            let item = Item { mail, event };
            let place = places.get(&about).copied();
            if let Some(older) = place.and_then(|place: usize| gathered.items.get_mut(place)) {
                *older = item;
            } else if gathered.items.len() < most {
                places.insert(about, gathered.items.len());
                gathered.items.push(item);
            } else {
                unlisted.insert(about);
            }
        }
    }
    gathered.more = unlisted.len();
    Ok(gathered)
}

/// The mails of a digest that follow `after`, and the events of which its reader is still told, or why the reader is not.
type Judged = Vec<(TaskMail, std::result::Result<Event, Cow<'static, str>>)>;

fn judged(unit: &mut UnitOfWork<'_>, digest: Uuid, person: Uuid, after: Uuid) -> Result<Judged> {
    let reader = identity::acting_by_id(unit.services, unit.connection, person)?;
    let (mut judged, mut templates) = (Vec::new(), BTreeMap::new());
    for mail in db::task_mail::of_digest(unit.connection, digest, after, PAGE)? {
        let event = match (&reader, dispatcher_is_gone(unit, &mail)?) {
            (None, _) => Err("the recipient is not active any more".into()),
            (_, Some(why)) => Err(why.into()),
            (Some(reader), None) => match told_of(unit, &mail, reader)? {
                Ok(task) => Ok(event(&mail, &Cause::of_waiting(&mail), 0, &task)?),
                Err(why) => Err(why.into()),
            },
        };
        // What has no words by itself has none in a list.
        let is_there = match templates.get(&mail.template) {
            Some(known) => *known,
            None => task_template::is_there(unit.connection, &mail.template)?,
        };
        templates.insert(mail.template.clone(), is_there);
        let event = event.and_then(|event| {
            if is_there { Ok(event) } else { Err(task_template::gone(&mail.template).into()) }
        });
        judged.push((mail, event));
    }
    Ok(judged)
}
