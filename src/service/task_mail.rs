//! Mails. An event becomes mails in two steps, each a delivery of the outbox:
//!
//! 1. A delivery to `tasks.mail_addressing` finds out who gets mails about the event, and leaves one row and one delivery for each of
//!    them, in one transaction with its own end ([`address`]).
//! 2. A delivery to `tasks.mail` sends one of them. [`begin`] asks first whether the recipient still gets it: is active, has an
//!    address, sees the task, and is still whom the mail is for. `worker/mail.rs` renders and sends it, and what came of it is
//!    noted with the end of the delivery ([`settle`]).
//!
//! Mails to a person who reads digests get no delivery: they wait for the person's next digest ([`digest`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::unit_of_work::UnitOfWork;
use super::visibility;
use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::event_data;
use crate::domain::json::{Json, Object};
use crate::domain::mail::{self, AWAITS, MailRecipient, MailStatus};
use crate::domain::outbox::{DeliveryStatus, Subscriber};
use crate::domain::query::ListQuery;
use crate::domain::signal::Signal;
use crate::domain::task_dispatcher::DispatchAction;
use crate::domain::user::SYSTEM_USER;
use crate::error::Result;
use crate::model::outbox::Delivery;
use crate::model::slice::Slice;
use crate::model::task::Task;
use crate::model::task_mail::TaskMail;

pub(super) mod digest;
mod recipients;
mod reset;
mod sending;
mod telling;

pub use digest::{Gathered, Item};
pub use reset::{ask_reset, can_get, leave_reset};
pub use sending::{Letter, Prepared, begin};

/// A mail that is to be left.
struct Left {
    template: String,
    recipient: MailRecipient,
    to: To,
    unique_key: String,
    /// The dispatcher that leaves it, if one does.
    dispatcher_id: Option<Uuid>,
}

/// Who gets a mail.
enum To {
    /// A person.
    Person(Uuid),
    /// An address that stands in a dispatcher.
    Address(String),
}

/// The event of which mails tell.
struct Cause {
    id: Uuid,
    signal: String,
    entity_id: Uuid,
    user_id: Uuid,
    /// What the event tells beside the row, which is read when the mail is sent.
    facts: Json,
}

impl Cause {
    fn of(delivery: &Delivery) -> Self {
        Self {
            id: delivery.event_id,
            signal: delivery.signal.clone(),
            entity_id: delivery.entity_id,
            user_id: delivery.user_id,
            facts: facts(&delivery.data),
        }
    }

    /// The event of which a mail tells that this delivery sends.
    fn of_mail(mail: &TaskMail, delivery: &Delivery) -> Self {
        let (user_id, facts) = (delivery.user_id, delivery.data.clone());
        Self { id: mail.event_id, signal: mail.signal.clone(), entity_id: mail.entity_id, user_id, facts }
    }

    /// The event of which a mail tells that goes with a digest.
    fn of_waiting(mail: &TaskMail) -> Self {
        let told = |name: &str| mail.cause.as_ref().and_then(|cause| cause.get(name));
        let user_id = told("userId").and_then(|id| id.read().ok()).unwrap_or(SYSTEM_USER);
        let facts = told("data").cloned().unwrap_or_default();
        Self { id: mail.event_id, signal: mail.signal.clone(), entity_id: mail.entity_id, user_id, facts }
    }
}

/// Finds out who gets mails about an event, and leaves them. If the process dies in between, all of it is done again; nothing
/// is done twice.
///
/// # Errors
/// What the database says.
pub async fn address(services: &Arc<ServiceContext>, delivery: &Delivery) -> Result<()> {
    let system = services.read(|_, connection| Requester::system(connection)).await.map(Arc::new)?;
    let delivery = delivery.clone();
    services
        .write(&system, move |unit| {
            let event = (delivery.event_id, delivery.entity_id);
            if !db::outbox::settle(unit.connection, event, &delivery.handler, unit.now)? {
                return Ok(());
            }
            if delivery.signal == mail::RESET_SIGNAL {
                return reset::address(unit, &delivery);
            }
            address_built_in(unit, &Cause::of(&delivery))
        })
        .await
}

/// What the module itself mails about an event.
fn address_built_in(unit: &mut UnitOfWork<'_>, cause: &Cause) -> Result<()> {
    let Some((template, recipient)) = Signal::parse(&cause.signal).and_then(mail::built_in) else {
        return Ok(());
    };
    let task = db::get::<Task>(unit.connection, cause.entity_id)?.filter(|task| !task.is_deleted);
    let Some(task) = task else { return Ok(()) };
    let found = recipients::of(unit, &task, recipient)?;
    for (person, pool) in found {
        // Whoever decides on an own proposal knows it.
        if recipient == MailRecipient::Maker && person == cause.user_id {
            continue;
        }
        let unique_key = match (template, pool) {
            // Once for what is to be decided, however often the task changes otherwise.
            (AWAITS, Some(pool)) => {
                format!("{AWAITS} {} {pool} {person} {}", task.id, recipients::version(&task))
            }
            _ => format!("{template} {} {person}", cause.id),
        };
        let (template, to) = (template.to_owned(), To::Person(person));
        leave(unit, cause, Left { template, recipient, to, unique_key, dispatcher_id: None })?;
    }
    Ok(())
}

/// Leaves the mails of an action of a dispatcher that is told of this event. Nothing is left while mails are not sent at all.
///
/// # Errors
/// What the database says.
pub fn leave_dispatched(
    unit: &mut UnitOfWork<'_>,
    delivery: &Delivery,
    dispatcher_id: Uuid,
    action: &DispatchAction,
) -> Result<()> {
    let task = db::get::<Task>(unit.connection, delivery.entity_id)?.filter(|task| !task.is_deleted);
    let (Some(task), true) = (task, unit.services.mail.is_on()) else { return Ok(()) };
    let cause = Cause::of(delivery);
    let template = action.template.clone().unwrap_or_default();
    let mut to = Vec::new();
    for recipient in &action.recipients {
        let people = recipients::of(unit, &task, *recipient)?;
        to.extend(people.into_keys().map(|person| (*recipient, To::Person(person), person.to_string())));
    }
    let addresses = action.addresses.iter().cloned();
    to.extend(addresses.map(|address| (MailRecipient::Address, To::Address(address.clone()), address)));
    for (recipient, to, reader) in to {
        // Whoever is asked and has made the task, too, gets one mail.
        let unique_key = format!("{dispatcher_id} {} {template} {reader}", cause.id);
        let left = Left {
            template: template.clone(),
            recipient,
            to,
            unique_key,
            dispatcher_id: Some(dispatcher_id),
        };
        leave(unit, &cause, left)?;
    }
    Ok(())
}

/// Leaves a mail and the delivery that sends it, or has it wait for a digest, unless it was left before.
fn leave(unit: &mut UnitOfWork<'_>, cause: &Cause, left: Left) -> Result<bool> {
    let id = new_id();
    let (user_id, address, mut to) = match left.to {
        To::Person(person) => (Some(person), None, person.to_string()),
        To::Address(address) => (None, Some(address.clone()), address),
    };
    if let Some(dispatcher_id) = left.dispatcher_id {
        // Two dispatchers may send mails of one template about one event.
        to = format!("{to} {dispatcher_id}");
    }
    let reader = match user_id {
        // Whoever wants a new password can't wait.
        Some(person) if cause.signal != mail::RESET_SIGNAL => digest::reader(unit, person)?,
        _ => None,
    };
    let mail = TaskMail {
        id,
        event_id: cause.id,
        signal: cause.signal.clone(),
        entity_id: cause.entity_id,
        message_id: message_id(unit.services, cause.id, &left.template, &to),
        template: left.template,
        recipient: left.recipient,
        user_id,
        address,
        unique_key: left.unique_key,
        status: if reader.is_some() { MailStatus::Waiting } else { MailStatus::Queued },
        attempts: 0,
        error: None,
        date_created: unit.now,
        date_sent: None,
        dispatcher_id: left.dispatcher_id,
        digest_id: None,
        cause: None,
    };
    match reader {
        Some(reader) => digest::wait(unit, cause, mail, &reader),
        None => send(unit, cause, &Subscriber::Mail, &mail),
    }
}

/// Writes a mail and the delivery that sends it, unless there is one of its key; returns whether it was written.
fn send(unit: &mut UnitOfWork<'_>, cause: &Cause, by: &Subscriber, mail: &TaskMail) -> Result<bool> {
    let delivery = Delivery {
        id: 0,
        event_id: mail.id,
        signal: cause.signal.clone(),
        handler: by.name(),
        entity_id: mail.id,
        user_id: cause.user_id,
        cause_depth: unit.cause_depth(),
        data: cause.facts.clone(),
        date_created: unit.now,
        status: DeliveryStatus::Pending,
        attempts: 0,
        date_due: unit.now,
        leased_by: None,
        lease_until: None,
        last_error: None,
        date_delivered: None,
    };
    db::task_mail::insert(unit.connection, mail, &delivery)
}

/// The `Message-ID` of the mail about this event to this recipient: the same at each attempt, so that receivers can tell repeats.
fn message_id(services: &ServiceContext, event: Uuid, template: &str, recipient: &str) -> String {
    let hash = Sha256::digest(format!("{event} {template} {recipient}"));
    let local = Uuid::from_slice(&hash[..16]).unwrap_or_default().simple();
    let domain = services.mail.from.rsplit('@').next().unwrap_or_default();
    let domain = domain.trim_end_matches('>').trim();
    format!("<{event}.{local}@{domain}>")
}

/// What an event tells beside the rows before and after it.
fn facts(data: &Json) -> Json {
    let rows = ["old", "new", "task"];
    let kept = data.as_object().into_iter().flatten();
    let mut facts: Object = kept
        .filter(|(name, _)| !rows.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    facts.entry("v".to_owned()).or_insert_with(|| Json::of(&event_data::VERSION));
    Json::Object(facts)
}

/// What came of an attempt at a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// The mail.
    pub id: Uuid,
    /// What has become of it.
    pub status: MailStatus,
    /// Why it was not sent.
    pub error: Option<String>,
    /// Of a digest, the mails that did not go with it.
    pub left_out: LeftOut,
}

/// Mails that are not sent with their digest, by the reasons.
pub type LeftOut = BTreeMap<Cow<'static, str>, Vec<Uuid>>;

/// Notes what came of an attempt, in the transaction that ends the delivery.
pub fn settle(
    connection: &mut DbConnection,
    attempted: &Attempted,
    now: chrono::NaiveDateTime,
) -> Result<()> {
    let Attempted { id, status, error, left_out } = attempted;
    let sent = (*status == MailStatus::Sent).then_some(now);
    db::task_mail::set_status(connection, *id, *status, error.as_deref(), sent)?;
    for (why, ids) in left_out.iter().filter(|_| status.is_final()) {
        db::task_mail::leave_out(connection, ids, &format!("not sent: {why}"))?;
    }
    Ok(())
}

/// Notes that these deliveries were given up, where they were to send mails.
pub fn give_up(connection: &mut DbConnection, deliveries: &[Delivery]) -> Result<()> {
    let reason = Some("somebody gave it up");
    for delivery in deliveries {
        let id = delivery.entity_id;
        if let Subscriber::Mail | Subscriber::MailDigest = Subscriber::of_name(&delivery.handler) {
            db::task_mail::set_status(connection, id, MailStatus::Failed, reason, None)?;
        }
    }
    Ok(())
}

/// Lists the mails that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<TaskMail>> {
    services.list(requester, query, place, visibility::task_mails, db::list::<TaskMail>).await
}
