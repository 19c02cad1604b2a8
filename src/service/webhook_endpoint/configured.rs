//! Endpoints of the configuration. When workers start, new ones come into the table, and those that are no longer configured
//! leave it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDateTime;

use super::{opened, retire, sealed};
use crate::clock::new_id;
use crate::config::ConfiguredEndpoint;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::webhook_endpoint::WebhookSecret;
use crate::error::Result;
use crate::model::sql_types::AsJson;
use crate::model::webhook_endpoint::WebhookEndpoint;
use crate::service::context::ServiceContext;

/// Makes the table agree with the configuration. A configured endpoint that was disabled is enabled again.
pub async fn configure(services: &Arc<ServiceContext>) -> Result<()> {
    match put_all(services).await {
        // Another process that started at the same moment was first. Its rows exist now.
        Err(error) if db::webhook_endpoint::is_name_taken(&error) => put_all(services).await,
        done => done,
    }
}

async fn put_all(services: &Arc<ServiceContext>) -> Result<()> {
    let (now, own) = (services.clock.now(), Arc::clone(services));
    services
        .db
        .write(move |connection| {
            let mut present: BTreeMap<String, WebhookEndpoint> = db::webhook_endpoint::lock_all(connection)?
                .into_iter()
                .map(|endpoint| (endpoint.name.clone(), endpoint))
                .collect();
            for endpoint in &own.webhooks.endpoints {
                put(&own, connection, endpoint, present.remove(&endpoint.name), now)?;
            }
            for mut gone in present.into_values().filter(|endpoint| endpoint.is_configured) {
                retire(connection, &mut gone)?;
                write(connection, gone, now)?;
            }
            Ok(())
        })
        .await
}

fn put(
    services: &ServiceContext,
    connection: &mut DbConnection,
    wanted: &ConfiguredEndpoint,
    present: Option<WebhookEndpoint>,
    now: NaiveDateTime,
) -> Result<()> {
    let id = present.as_ref().map_or_else(new_id, |present| present.id);
    let kept = present.as_ref().map_or(&[][..], |present| present.secrets.as_slice());
    let is_kept = |(secret, kept): (&String, &WebhookSecret)| {
        // Secrets that no key opens any more are sealed anew from the configuration.
        opened(services, id, &kept.secret).is_ok_and(|opened| opened == *secret)
            && !services.sealing.is_outdated(&kept.secret)
    };
    let secrets =
        AsJson(if kept.len() == wanted.secrets.len() && wanted.secrets.iter().zip(kept).all(is_kept) {
            kept.to_vec()
        } else {
            let seal = |secret: &String| {
                Ok(WebhookSecret { secret: sealed(services, id, secret)?, valid_until: None })
            };
            wanted.secrets.iter().map(seal).collect::<Result<_>>()?
        });
    let Some(old) = present else {
        let endpoint = WebhookEndpoint {
            id,
            is_deleted: false,
            version: 1,
            date_created: now,
            date_updated: now,
            user_created: None,
            user_updated: None,
            name: wanted.name.clone(),
            url: wanted.url.clone(),
            events: AsJson(wanted.events.clone()),
            is_active: true,
            is_configured: true,
            disabled_reason: None,
            date_disabled: None,
            failing_since: None,
            secrets,
        };
        return db::insert(connection, &endpoint);
    };
    let mut endpoint = WebhookEndpoint {
        url: wanted.url.clone(),
        events: AsJson(wanted.events.clone()),
        is_configured: true,
        secrets,
        ..old.clone()
    };
    endpoint.set_active(true);
    if endpoint == old { Ok(()) } else { write(connection, endpoint, now) }
}

fn write(connection: &mut DbConnection, mut endpoint: WebhookEndpoint, now: NaiveDateTime) -> Result<()> {
    endpoint.version += 1;
    endpoint.date_updated = now;
    endpoint.user_updated = None;
    db::update(connection, &endpoint)
}
