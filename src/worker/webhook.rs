//! Telling a webhook endpoint of an event, in the form of Standard Webhooks: signed, with the event's id and the moment of
//! the attempt, and tried again with growing pauses.
//!
//! An event comes to a receiver in these steps:
//!
//! 1. `UnitOfWork::changed` asks `signal/bus.rs::audience` who is told. It selects endpoints in the transaction of the change, so
//!    that none misses an event after it was added, by whichever process. Each that wants the signal gets an outbox row.
//! 2. `worker/outbox.rs::serve_all` serves every live endpoint as it serves handlers, and notices endpoints that come and go. A
//!    disabled endpoint gets no new rows, and its waiting rows are not tried; those of a deleted one are discarded.
//! 3. [`Webhooks::attempt`] has `graphql/webhook_endpoint/payload.rs` write the body. The row is as it was when the event happened;
//!    the people, the group and the flow that it names are shown as they are now.
//! 4. All valid secrets sign the body. `webhook-id` is the event's id, `webhook-timestamp` the moment of the attempt.
//! 5. `worker/webhook_client.rs` posts it: it looks the name up for each attempt, connects to public addresses only, uses no proxy,
//!    follows no redirects, reads four KiB of an answer, and has one deadline for all of it.
//! 6. `worker/outbox/settlement.rs` writes down what came of it, with that of other deliveries by one transaction:
//!    `service/webhook_attempt.rs::record` keeps the attempt, and disables an endpoint that is gone (410) or has failed for days. A
//!    failed delivery is due again after the next of `webhooks.retry_pauses_s`, or as long as `Retry-After` asks, and is DEAD after the last.
//!
//! The mutation that makes a secret is the only one that shows it (`mutation::run` hands on what the work answered); it stands in no
//! list, log, journal or event.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDateTime, TimeDelta};
use hmac::{Hmac, Mac as _};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use tokio::sync::{OnceCell, Semaphore};
use uuid::Uuid;

use super::outbox::settlement::{Attempted, due_again};
use super::webhook_client::{Answer, WebhookClient};
use crate::domain::webhook_endpoint::secret_key;
use crate::domain::webhook_url::check_url;
use crate::error::{Error, Result};
use crate::graphql::webhook_endpoint::payload::WebhookPayloads;
use crate::model::outbox::Delivery;
use crate::model::webhook_attempt::WebhookAttempt;
use crate::model::webhook_endpoint::WebhookEndpoint;
use crate::service::{ServiceContext, webhook_endpoint};
use crate::signal::Event;

mod receiver;

/// Tells webhook endpoints of events. One for each module.
pub struct Webhooks {
    client: WebhookClient,
    payloads: WebhookPayloads,
    configured: OnceCell<()>,
    /// Permits to read what messages hold: half of the connections, so that people have the others.
    reading: Semaphore,
}

impl Webhooks {
    /// Webhooks with the bounds of the module's settings.
    #[must_use]
    pub fn new(services: &ServiceContext) -> Self {
        Self {
            client: WebhookClient::new(&services.webhooks),
            payloads: WebhookPayloads::default(),
            configured: OnceCell::new(),
            reading: Semaphore::new((services.db.readers() / 2).max(1)),
        }
    }

    /// Puts the endpoints of the configuration into the table. The first call does so; later calls do nothing.
    pub async fn configure(&self, services: &Arc<ServiceContext>) -> Result<()> {
        if services.bus.has_webhooks() {
            self.configured.get_or_try_init(|| webhook_endpoint::configure(services)).await?;
        }
        Ok(())
    }

    /// Tells an endpoint of an event; returns what came of it, and what is to be recorded of the attempt.
    ///
    /// # Errors
    /// An error of the database. Then the attempt is made again.
    pub async fn attempt(
        &self,
        services: &Arc<ServiceContext>,
        id: Uuid,
        delivery: Delivery,
        event: Event,
    ) -> Result<(Attempted, Option<WebhookAttempt>)> {
        let permit = self.reading.acquire().await.map_err(Error::internal)?;
        let Some(endpoint) = webhook_endpoint::to_be_told(services, id).await? else {
            return Ok((Attempted::Withheld, None));
        };
        let (date, begun) = (services.clock.now(), Instant::now());
        // In boxes, because a hundred endpoints may have thousands of attempts that wait.
        let message = Box::pin(self.message(services, &endpoint, &event, date)).await;
        drop(permit);
        let outcome = match message {
            Ok((headers, body)) => Box::pin(self.send(services, &endpoint, headers, body)).await,
            Err(error) => Err(explained(&error)),
        };
        let (status_code, response, error, wanted_pause) = match outcome {
            Ok(answer) => {
                let failed = !(200..300).contains(&answer.status);
                let error = failed.then(|| format!("HTTP {}", answer.status));
                let pause = retry_after(&answer, services.clock.now());
                (Some(i32::from(answer.status)), Some(answer.excerpt), error, pause)
            }
            Err(reason) => (None, None, Some(reason), None),
        };
        let attempt = WebhookAttempt {
            id: 0,
            endpoint_id: id,
            event_id: delivery.event_id,
            delivery_id: delivery.id,
            attempt: delivery.attempts,
            signal: delivery.signal,
            entity_id: delivery.entity_id,
            date,
            duration_ms: i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX),
            status_code,
            error: error.clone(),
            response,
        };
        let result = if error.is_none() { "delivered" } else { "failed" };
        metrics::counter!("tasks_webhook_attempts_total", "result" => result).increment(1);
        let attempted = match error {
            None => Attempted::Delivered,
            Some(reason) => {
                let due = due_again(&services.webhooks.retry_pauses_s, delivery.attempts, wanted_pause);
                Attempted::Failed(reason, due.map(|pause| services.clock.now() + pause))
            }
        };
        Ok((attempted, Some(attempt)))
    }

    async fn send(
        &self,
        services: &ServiceContext,
        endpoint: &WebhookEndpoint,
        headers: HeaderMap,
        body: String,
    ) -> Result<Answer, String> {
        // Settings may have become stricter since the endpoint was made.
        let url =
            check_url("url", &endpoint.url, services.webhooks.reach()).map_err(|error| error.to_string())?;
        self.client.post(url, headers, body).await
    }

    /// The signed message. All valid secrets sign it, so that receivers may change theirs at any time meanwhile.
    async fn message(
        &self,
        services: &Arc<ServiceContext>,
        endpoint: &WebhookEndpoint,
        event: &Event,
        now: NaiveDateTime,
    ) -> Result<(HeaderMap, String)> {
        let body = self.payloads.body(services, event).await?.to_string();
        let kept = endpoint.valid_secrets(now);
        let secrets = kept.map(|secret| webhook_endpoint::opened(services, endpoint.id, secret));
        let headers = signed(&secrets.collect::<Result<Vec<_>>>()?, &event.id.to_string(), now, &body)?;
        Ok((headers, body))
    }
}

/// The headers of a message, which all of these secrets sign.
fn signed(secrets: &[String], id: &str, now: NaiveDateTime, body: &str) -> Result<HeaderMap> {
    let timestamp = now.and_utc().timestamp();
    let mut signatures = Vec::new();
    for secret in secrets {
        let signature = sign(secret, id, timestamp, body);
        signatures.push(signature.ok_or_else(|| Error::internal("a secret can't sign"))?);
    }
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ] {
        let value = HeaderValue::from_str(&value).map_err(Error::internal)?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// The signature of a message; none if the text is no secret.
fn sign(secret: &str, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret_key(secret)?).ok()?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// The pause for which a receiver asks, in seconds or by a moment; at most a day.
fn retry_after(answer: &Answer, now: NaiveDateTime) -> Option<TimeDelta> {
    const LONGEST: TimeDelta = TimeDelta::days(1);
    let text = answer.retry_after.as_deref().filter(|_| matches!(answer.status, 429 | 503))?.trim();
    let pause = match text.parse::<u32>() {
        Ok(seconds) => TimeDelta::seconds(i64::from(seconds)),
        Err(_) => DateTime::parse_from_rfc2822(text).ok()?.naive_utc() - now,
    };
    Some(pause.clamp(TimeDelta::zero(), LONGEST))
}

/// Why a message could not be made, for operators: the public text, because the cause is in the log.
fn explained(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(cause, "a webhook message can't be made");
    error.to_string()
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn a_message_is_signed_as_by_the_library_of_the_specification() {
        let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let body = r#"{"type":"task_service.create","data":{"task":"é"}}"#;
        let library = standardwebhooks::Webhook::new(secret).expect("a secret");
        let expected = library.sign("msg_1", 1_614_265_330, body.as_bytes()).expect("a signature");
        assert_eq!(sign(secret, "msg_1", 1_614_265_330, body), Some(expected));
        assert_eq!(sign("whsec_short", "msg_1", 1_614_265_330, body), None);
    }

    #[test]
    fn pauses_are_those_of_the_settings_with_a_little_more_and_then_none() {
        let pauses = [5, 300, 36_000];
        for (attempts, pause) in [(1, 5), (2, 300), (3, 36_000)] {
            let due = due_again(&pauses, attempts, None).expect("a pause");
            let (least, most) = (TimeDelta::seconds(pause), TimeDelta::milliseconds(pause * 1_100));
            assert!(due >= least && due <= most, "{due}");
        }
        assert_eq!(due_again(&pauses, 4, None), None);
        assert_eq!(due_again(&pauses, 4, Some(TimeDelta::seconds(9))), None);
        assert_eq!(due_again(&pauses, 1, Some(TimeDelta::seconds(60))), Some(TimeDelta::seconds(60)));
        assert!(due_again(&pauses, 2, Some(TimeDelta::seconds(60))) >= Some(TimeDelta::seconds(300)));
    }

    #[test]
    fn a_receiver_may_ask_for_a_pause_of_at_most_a_day() {
        let now =
            NaiveDate::from_ymd_opt(2015, 10, 21).and_then(|day| day.and_hms_opt(7, 0, 0)).expect("a moment");
        let asked = |status: u16, text: &str| {
            let answer = Answer { status, retry_after: Some(text.to_owned()), excerpt: String::new() };
            retry_after(&answer, now).map(|pause| pause.num_seconds())
        };
        assert_eq!(asked(503, "120"), Some(120));
        assert_eq!(asked(429, " 0 "), Some(0));
        assert_eq!(asked(429, "4000000000"), Some(86_400));
        assert_eq!(asked(503, "Wed, 21 Oct 2015 07:28:00 GMT"), Some(1_680));
        assert_eq!(asked(503, "Wed, 21 Oct 2015 06:28:00 GMT"), Some(0));
        assert_eq!(asked(500, "120"), None);
        for nonsense in ["", "soon", "-5", "1e9", "99999999999999999999"] {
            assert_eq!(asked(503, nonsense), None, "{nonsense}");
        }
    }
}
