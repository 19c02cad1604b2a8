//! Webhook endpoints: creating, changing, deleting and listing them, and changing their secrets. Endpoints have no versions;
//! the journal says who changed them.

use std::sync::Arc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::unit_of_work::UnitOfWork;
use super::{identity, visibility};
use crate::auth::requester::Requester;
use crate::auth::sealing::new_webhook_secret;
use crate::clock::new_id;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::outbox::Subscriber;
use crate::domain::query::ListQuery;
use crate::domain::text::{check_code, check_text};
use crate::domain::webhook_endpoint::{WebhookSecret, check_events, check_keeping};
use crate::domain::webhook_url::check_url;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::slice::Slice;
use crate::model::sql_types::AsJson;
use crate::model::webhook_endpoint::WebhookEndpoint;

mod configured;

pub use configured::configure;

/// The changes of an endpoint. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct WebhookEndpointChange {
    /// Its name.
    pub name: Option<String>,
    /// The URL to which events are sent.
    pub url: Option<String>,
    /// The names of the signals of which it is told.
    pub events: Option<Vec<String>>,
    /// Whether the endpoint is told of events.
    pub is_active: Option<bool>,
}

/// Creates an endpoint; returns its key and its secret, which is never shown again.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub fn create(unit: &mut UnitOfWork<'_>, name: &str, url: &str, events: &[String]) -> Result<(Uuid, String)> {
    need_rights(unit)?;
    let max = unit.services.webhooks.max_endpoints;
    if db::webhook_endpoint::count_made(unit.connection)? >= max {
        return Err(Error::new(ErrorCode::Limit, Message::new("too-many-endpoints").with("max", max)));
    }
    check_name(unit, name, None)?;
    check_target(unit, Some(url), Some(events))?;
    let (id, secret) = (new_id(), new_webhook_secret()?);
    let endpoint = WebhookEndpoint {
        id,
        is_deleted: false,
        version: 1,
        date_created: unit.now,
        date_updated: unit.now,
        user_created: Some(unit.requester.id()),
        user_updated: Some(unit.requester.id()),
        name: name.to_owned(),
        url: url.to_owned(),
        events: AsJson(events.to_vec()),
        is_active: true,
        is_configured: false,
        disabled_reason: None,
        date_disabled: None,
        failing_since: None,
        secrets: AsJson(vec![WebhookSecret {
            secret: sealed(unit.services, id, &secret)?,
            valid_until: None,
        }]),
    };
    db::insert(unit.connection, &endpoint).map_err(taken)?;
    announce(unit, endpoint.id)?;
    Ok((endpoint.id, secret))
}

/// Changes an endpoint. If it is enabled again, the deliveries that wait for it go on.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for an endpoint of the configuration, LIMIT, or what the database says.
pub fn update(unit: &mut UnitOfWork<'_>, id: Uuid, change: &WebhookEndpointChange) -> Result<()> {
    need_rights(unit)?;
    let old = locked(unit.connection, "id", id)?;
    let mut endpoint = old.clone();
    if let Some(name) = &change.name {
        check_name(unit, name, Some(id))?;
        endpoint.name.clone_from(name);
    }
    check_target(unit, change.url.as_deref(), change.events.as_deref())?;
    if let Some(url) = &change.url {
        endpoint.url.clone_from(url);
    }
    if let Some(events) = &change.events {
        endpoint.events.0.clone_from(events);
    }
    if let Some(is_active) = change.is_active {
        endpoint.set_active(is_active);
    }
    if endpoint == old {
        unit.touch_other("webhook_endpoint", id);
        return Ok(());
    }
    write(unit, endpoint).map_err(taken)
}

/// Deletes endpoints: all of them, or none. Deliveries that wait for them are given up.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT for an endpoint of the configuration, LIMIT, or what the database says.
pub fn delete(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_webhook_update_perms)?;
    unit.check_list("ids", ids.len())?;
    let mut ids = ids.to_vec();
    // All requests lock in this order, so that no two wait for each other.
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let mut endpoint = locked(unit.connection, "ids", id)?;
        retire(unit.connection, &mut endpoint)?;
        write(unit, endpoint)?;
    }
    Ok(())
}

/// Gives an endpoint a new secret; returns it, and never shows it again. The old secret goes on signing beside it for
/// `keep_old_s` seconds. Older secrets no longer sign.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT for an endpoint of the configuration, or what the database says.
pub fn rotate_secret(unit: &mut UnitOfWork<'_>, id: Uuid, keep_old_s: i64) -> Result<String> {
    need_rights(unit)?;
    check_keeping(keep_old_s)?;
    let mut endpoint = locked(unit.connection, "id", id)?;
    let secret = new_webhook_secret()?;
    endpoint.rotate(sealed(unit.services, id, &secret)?, unit.now + TimeDelta::seconds(keep_old_s));
    write(unit, endpoint)?;
    Ok(secret)
}

/// Lists the endpoints that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<WebhookEndpoint>> {
    services.list(requester, query, place, visibility::webhooks, db::list::<WebhookEndpoint>).await
}

/// The endpoint, if it is to be told of something now. One whose maker may not have it any more is disabled.
///
/// # Errors
/// What the host or the database says.
pub async fn to_be_told(services: &Arc<ServiceContext>, id: Uuid) -> Result<Option<WebhookEndpoint>> {
    let (endpoint, is_allowed) = services
        .read(move |services, connection| {
            let endpoint = db::get::<WebhookEndpoint>(connection, id)?.filter(WebhookEndpoint::is_live);
            let Some(owner) = endpoint.as_ref().and_then(owner) else {
                return Ok((endpoint, true));
            };
            let settings = services.settings.current(connection, services.clock.now())?;
            let owner = identity::acting_by_id(services, connection, owner)?;
            Ok((endpoint, owner.is_some_and(|owner| visibility::may_have_webhooks(&owner, &settings))))
        })
        .await?;
    let Some(endpoint) = endpoint.filter(|_| is_allowed) else {
        if !is_allowed {
            disable(services, id, "who made it may not have webhooks or see all tasks any more").await?;
        }
        return Ok(None);
    };
    Ok(Some(endpoint))
}

/// Stops telling an endpoint of events, with the reason.
async fn disable(services: &Arc<ServiceContext>, id: Uuid, reason: &'static str) -> Result<()> {
    let now = services.clock.now();
    let disabled = services
        .db
        .write(move |connection| {
            let found = db::lock::<WebhookEndpoint>(connection, id, db::Lock::Write)?;
            let Some(mut endpoint) = found.filter(WebhookEndpoint::is_live) else { return Ok(false) };
            endpoint.disable(reason, now);
            db::update(connection, &endpoint)?;
            db::outbox::announce(connection)?;
            Ok(true)
        })
        .await?;
    if disabled {
        metrics::counter!("tasks_webhook_endpoints_disabled_total").increment(1);
        tracing::warn!(%id, reason, "a webhook endpoint is disabled");
    }
    Ok(())
}

/// Who answers for an endpoint: who wrote it last, or else made it; nobody, for one of the configuration.
fn owner(endpoint: &WebhookEndpoint) -> Option<Uuid> {
    endpoint.user_updated.or(endpoint.user_created).filter(|_| !endpoint.is_configured)
}

/// An endpoint is told of every task, so who makes or changes one has to see all of them.
fn need_rights(unit: &UnitOfWork<'_>) -> Result<()> {
    unit.requester.need(&unit.settings.gql_webhook_update_perms)?;
    if visibility::may_have_webhooks(unit.requester, &unit.settings) {
        Ok(())
    } else {
        Err(Error::forbidden(Message::new("webhook-needs-all-tasks")))
    }
}

/// The form in which the database keeps a secret of this endpoint.
fn sealed(services: &ServiceContext, id: Uuid, secret: &str) -> Result<String> {
    services.sealing.seal(secret, &place(id))
}

/// The secret of this endpoint that the database keeps in this form.
///
/// # Errors
/// INTERNAL if no key of the settings opens it.
pub fn opened(services: &ServiceContext, id: Uuid, kept: &str) -> Result<String> {
    services.sealing.open(kept, &place(id))
}

/// Seals all secrets with the present key that are plain or sealed with another one; returns how many endpoints had such
/// secrets.
///
/// # Errors
/// INTERNAL if no key of the settings opens one of them; then none is changed.
pub async fn seal_all(services: &Arc<ServiceContext>) -> Result<usize> {
    let own = Arc::clone(services);
    services
        .db
        .write(move |connection| {
            let mut count = 0;
            for mut endpoint in db::webhook_endpoint::lock_all(connection)? {
                let (id, mut changed) = (endpoint.id, false);
                for kept in endpoint.secrets.iter_mut().map(|secret| &mut secret.secret) {
                    if own.sealing.is_outdated(kept) {
                        *kept = sealed(&own, id, &opened(&own, id, kept)?)?;
                        changed = true;
                    }
                }
                if changed {
                    db::update(connection, &endpoint)?;
                    count += 1;
                }
            }
            Ok(count)
        })
        .await
}

/// The place for which secrets of this endpoint are sealed, so that they can't be moved to another endpoint.
fn place(id: Uuid) -> String {
    format!("webhook-endpoint:{id}")
}

/// Marks an endpoint as deleted, and gives up the deliveries that wait for it.
fn retire(connection: &mut DbConnection, endpoint: &mut WebhookEndpoint) -> Result<()> {
    endpoint.is_deleted = true;
    // A deleted endpoint signs nothing.
    endpoint.secrets.clear();
    db::outbox::discard_all_of(connection, &Subscriber::Endpoint(endpoint.id))?;
    Ok(())
}

/// The endpoint, if it exists and people may change it.
fn locked(connection: &mut DbConnection, field: &str, id: Uuid) -> Result<WebhookEndpoint> {
    let endpoint = db::lock::<WebhookEndpoint>(connection, id, db::Lock::Write)?
        .filter(|endpoint| !endpoint.is_deleted)
        .ok_or_else(|| Error::not_found(field, Message::new("no-webhook-endpoint")))?;
    if endpoint.is_configured {
        let message = Message::new("webhook-configured").with("name", endpoint.name.as_str());
        return Err(Error::new(ErrorCode::Conflict, message).of_field(field));
    }
    Ok(endpoint)
}

fn write(unit: &mut UnitOfWork<'_>, mut endpoint: WebhookEndpoint) -> Result<()> {
    endpoint.version += 1;
    endpoint.date_updated = unit.now;
    endpoint.user_updated = Some(unit.requester.id());
    db::update(unit.connection, &endpoint)?;
    announce(unit, endpoint.id)
}

/// Notes the endpoint for the journal, and wakes all workers to look which endpoints there are.
fn announce(unit: &mut UnitOfWork<'_>, id: Uuid) -> Result<()> {
    unit.touch_other("webhook_endpoint", id);
    db::outbox::announce(unit.connection)
}

fn check_name(unit: &mut UnitOfWork<'_>, name: &str, own: Option<Uuid>) -> Result<()> {
    check_code("name", name)?;
    match db::webhook_endpoint::by_name(unit.connection, name)? {
        Some(other) if Some(other) != own => Err(name_taken()),
        _ => Ok(()),
    }
}

fn check_target(unit: &UnitOfWork<'_>, url: Option<&str>, events: Option<&[String]>) -> Result<()> {
    if let Some(url) = url {
        check_text("url", url, usize::MAX)?;
        check_url("url", url, unit.services.webhooks.reach())?;
    }
    if let Some(events) = events {
        unit.check_list("events", events.len())?;
        check_events("events", events)?;
    }
    Ok(())
}

/// The error to report when another transaction has taken the name meanwhile, which a constraint of the database shows.
fn taken(error: Error) -> Error {
    if db::webhook_endpoint::is_name_taken(&error) { name_taken() } else { error }
}

fn name_taken() -> Error {
    Error::validation("name", Message::new("webhook-name-taken"))
}
