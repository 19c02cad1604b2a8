//! Mails by which people set a new password. What a stranger asks for is written down before it is known whether there is such a
//! person, and looked up by the workers, so that neither the answer nor its time tells. The token is made when the mail is sent,
//! and stands nowhere else.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::{Cause, Left, To, leave};
use crate::clock::new_id;
use crate::db;
use crate::db::login_failure;
use crate::domain::json::json;
use crate::domain::mail::{MailRecipient, PASSWORD_RESET, RESET_SIGNAL};
use crate::domain::network::Network;
use crate::domain::outbox::{DeliveryStatus, Subscriber};
use crate::domain::security_log::SecurityEvent;
use crate::domain::text::{MAX_TEXT, check_text};
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::outbox::Delivery;
use crate::model::user::User;
use crate::service::context::ServiceContext;
use crate::service::identity::refuse_hosts;
use crate::service::security_log;
use crate::service::unit_of_work::UnitOfWork;

/// Writes down that somebody at this address asks for a new password for the person of this name.
///
/// # Errors
/// VALIDATION for a name that nobody can have; LIMIT when too many are asked for from one network; FORBIDDEN where people are a host's.
pub async fn ask_reset(
    services: &Arc<ServiceContext>,
    username: String,
    address: Option<IpAddr>,
) -> Result<()> {
    refuse_hosts(services)?;
    check_text("username", &username, MAX_TEXT)?;
    let (services, writer) = (Arc::clone(services), Arc::clone(services));
    writer
        .db
        .write(move |connection| {
            let now = services.clock.now();
            let since = now - TimeDelta::seconds(services.auth.failure_window_s);
            let mut counted = |key: &str| -> Result<i32> {
                login_failure::add(connection, key, now, since)?;
                Ok(login_failure::get(connection, key, since)?.map_or(1, |(count, _)| count))
            };
            let network =
                address.map(Network::around).map_or_else(String::new, |network| network.to_string());
            if counted(&format!("reset:{network}"))? > services.mail.resets_per_address {
                let message = Message::new("too-many-resets").with("setting", "mail.resets_per_address");
                return Err(Error::new(ErrorCode::Limit, message));
            }
            // What is too much for one person is dropped in silence, whether there is such a person or not.
            if counted(&format!("reset-name:{}", services.tokens.veiled(&username)))?
                > services.mail.resets_per_user
            {
                return Ok(());
            }
            let delivery = Delivery {
                id: 0,
                event_id: new_id(),
                signal: RESET_SIGNAL.to_owned(),
                handler: Subscriber::MailAddressing.name(),
                entity_id: new_id(),
                user_id: SYSTEM_USER,
                cause_depth: 0,
                data: json!({ "v": 1, "username": username }),
                date_created: now,
                status: DeliveryStatus::Pending,
                attempts: 0,
                date_due: now,
                leased_by: None,
                lease_until: None,
                last_error: None,
                date_delivered: None,
            };
            db::entity::insert_counted(connection, &delivery)?;
            db::outbox::announce(connection)
        })
        .await
}

/// Leaves the mail for which a stranger has asked, if there is such a person. Service accounts, which have no password, get none by
/// this way.
pub(super) fn address(unit: &mut UnitOfWork<'_>, delivery: &Delivery) -> Result<()> {
    let name = delivery.data.get("username").and_then(|name| name.as_str()).unwrap_or_default();
    let user = db::user::by_username(unit.connection, name)?.map(|(user, _)| user);
    let Some(user) = user.filter(|user| user.id != SYSTEM_USER && !user.is_deleted && can_get(user)) else {
        return Ok(());
    };
    if db::user::password(unit.connection, user.id)?.unwrap_or_default().is_empty() {
        return Ok(());
    }
    security_log::write(
        unit.connection,
        unit.now,
        SecurityEvent::PasswordReset,
        None,
        Some(user.id),
        (None, Some("mail")),
    )?;
    leave_one(unit, delivery.event_id, SYSTEM_USER, user.id)
}

/// Leaves the mail by which this person sets a new password, because an administrator has asked for it.
pub fn leave_reset(unit: &mut UnitOfWork<'_>, user: &User) -> Result<()> {
    let by = unit.requester.id();
    leave_one(unit, new_id(), by, user.id)
}

/// Whether the person is active and has an address.
#[must_use]
pub fn can_get(user: &User) -> bool {
    user.is_active && user.email.as_deref().is_some_and(|email| !email.trim().is_empty())
}

fn leave_one(unit: &mut UnitOfWork<'_>, event: Uuid, by: Uuid, user: Uuid) -> Result<()> {
    let signal = RESET_SIGNAL.to_owned();
    let cause = Cause { id: event, signal, entity_id: user, user_id: by, facts: json!({ "v": 1 }) };
    let left = Left {
        template: PASSWORD_RESET.to_owned(),
        recipient: MailRecipient::Person,
        to: To::Person(user),
        unique_key: format!("{PASSWORD_RESET} {event}"),
        dispatcher_id: None,
    };
    leave(unit, &cause, left).map(drop)
}
