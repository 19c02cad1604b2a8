//! Attempts at webhook endpoints: listing them, and what follows from their results.

use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::query::ListQuery;
use crate::error::Result;
use crate::model::slice::Slice;
use crate::model::webhook_attempt::WebhookAttempt;
use crate::model::webhook_endpoint::WebhookEndpoint;

/// The HTTP status by which a receiver says that it wants no more webhooks, by the specification.
const GONE: i32 = 410;
/// The longest time between two failures that belong to one run of failures. The pauses between the attempts at one delivery
/// are shorter.
const STEADY: TimeDelta = TimeDelta::days(1);

/// Lists the attempts that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION or LIMIT.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<WebhookAttempt>> {
    services.list(requester, query, place, visibility::webhooks, db::list::<WebhookAttempt>).await
}

/// An endpoint that was disabled: key, name, and why.
pub type Disabled = (Uuid, String, String);

/// Records an attempt. A success ends a run of failures. An endpoint is disabled if it has failed for days, or says that it
/// is gone; it is to be told to [`tell_disabled`] when the transaction is committed.
pub fn record(
    services: &ServiceContext,
    connection: &mut DbConnection,
    attempt: &WebhookAttempt,
    now: NaiveDateTime,
) -> Result<Option<Disabled>> {
    let last = db::webhook_attempt::last_date(connection, attempt.endpoint_id)?;
    db::entity::insert_counted(connection, attempt)?;
    let failed = attempt.error.is_some();
    let known = db::get::<WebhookEndpoint>(connection, attempt.endpoint_id)?;
    // Most attempts succeed at endpoints that were not failing. Then there is nothing to write.
    if known.is_none_or(|endpoint| !endpoint.is_live() || (!failed && endpoint.failing_since.is_none())) {
        return Ok(None);
    }
    let Some(mut endpoint) = db::lock::<WebhookEndpoint>(connection, attempt.endpoint_id, db::Lock::Write)?
    else {
        return Ok(None);
    };
    // If few events happen, the last failure may be long ago, and nobody knows whether the receiver would have failed
    // meanwhile.
    let is_steady = last.is_some_and(|last| attempt.date - last <= STEADY);
    let since = failed.then(|| endpoint.failing_since.filter(|_| is_steady).unwrap_or(attempt.date));
    let days = services.webhooks.disable_after_days;
    let is_gone = attempt.status_code == Some(GONE);
    let is_long = since.is_some_and(|since| now - since >= TimeDelta::days(days));
    if endpoint.failing_since == since && !is_gone && !is_long {
        return Ok(None);
    }
    endpoint.failing_since = since;
    let reason = if is_gone {
        Some("HTTP 410: the receiver wants no more".to_owned())
    } else if is_long {
        Some(format!("every attempt has failed for {days} days"))
    } else {
        None
    };
    if let Some(reason) = reason.as_deref().filter(|_| endpoint.is_live()) {
        endpoint.disable(reason, now);
    }
    db::update(connection, &endpoint)?;
    Ok(reason.map(|reason| (endpoint.id, endpoint.name, reason)))
}

/// Says that an endpoint is disabled.
pub fn tell_disabled(services: &ServiceContext, (id, name, reason): &Disabled) {
    metrics::counter!("tasks_webhook_endpoints_disabled_total").increment(1);
    tracing::warn!(%id, name, reason, "a webhook endpoint is disabled");
    services.db.wake();
}
