//! The events of which webhook endpoints can be told, where they may stand, and their secrets.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::signal::Signal;
use crate::error::{Error, Result};
use crate::message::Message;

/// A secret of an endpoint.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookSecret {
    /// `whsec_` and the key in base64, in the form in which it is kept.
    pub secret: String,
    /// Until when it signs, naive UTC; none for the present one.
    pub valid_until: Option<NaiveDateTime>,
}

/// Secrets stay out of logs and errors.
impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSecret").field("valid_until", &self.valid_until).finish_non_exhaustive()
    }
}

/// The secrets that sign at this moment, the present one first.
pub fn valid_secrets(secrets: &[WebhookSecret], now: NaiveDateTime) -> impl Iterator<Item = &str> {
    let is_valid = move |secret: &&WebhookSecret| secret.valid_until.is_none_or(|until| now < until);
    secrets.iter().filter(is_valid).map(|secret| secret.secret.as_str())
}

/// Signs with `secret` from now on, and with the previous secret until `keep_old_until`. Older secrets no longer sign.
pub fn rotate_secrets(secrets: &mut Vec<WebhookSecret>, secret: String, keep_old_until: NaiveDateTime) {
    secrets.truncate(MOST_SECRETS - 1);
    for old in secrets.iter_mut() {
        old.valid_until = Some(keep_old_until);
    }
    secrets.insert(0, WebhookSecret { secret, valid_until: None });
}

/// Refuses to let an old secret sign for longer than is allowed.
///
/// # Errors
/// VALIDATION, naming the field.
pub fn check_keeping(keep_old_s: i64) -> Result<()> {
    const LONGEST: i64 = 30 * 24 * 3_600;
    if (0..=LONGEST).contains(&keep_old_s) {
        return Ok(());
    }
    let message = Message::new("out-of-range").with("field", "keepOldForS").with("min", 0_i64);
    Err(Error::validation("keepOldForS", message.with("max", LONGEST)))
}

/// How many secrets of an endpoint may be valid at once.
pub const MOST_SECRETS: usize = 2;
/// The longest URL, in characters.
pub const LONGEST_URL: usize = 2_000;

/// The URLs at which endpoints may stand, beyond https at public addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Whether they may stand at addresses that are not of the public Internet.
    pub private_addresses: bool,
    /// Whether they may stand at `http` URLs.
    pub http: bool,
}

/// Whether an endpoint with these events is told of this signal. Without events, an endpoint is told of all signals of
/// tasks.
#[must_use]
pub fn wants(events: &[String], signal: Signal) -> bool {
    let name = signal.as_str();
    if events.is_empty() {
        name.starts_with("task_service.")
    } else {
        events.iter().any(|event| event == name)
    }
}

/// Refuses unknown names of signals.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_events(field: &str, events: &[String]) -> Result<()> {
    match events.iter().find(|event| Signal::parse(event).is_none()) {
        None => Ok(()),
        Some(stranger) => {
            let allowed: Vec<&str> = Signal::ALL.iter().map(|signal| signal.as_str()).collect();
            let message = Message::new("unknown-signal").with("name", stranger.as_str());
            Err(Error::validation(field, message.with_list("allowed", &allowed)))
        }
    }
}

/// Whether a text is a secret by the specification: `whsec_` and 24 to 64 bytes in base64.
#[must_use]
pub fn is_secret(text: &str) -> bool {
    secret_key(text).is_some()
}

/// The key in a secret; none, if the text is no secret.
#[must_use]
pub fn secret_key(text: &str) -> Option<Vec<u8>> {
    let key = text.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok());
    key.filter(|key| (24..=64).contains(&key.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_without_a_filter_wants_what_happens_to_tasks() {
        assert!(wants(&[], Signal::TaskComplete));
        assert!(!wants(&[], Signal::TaskGroupCreate));
        let only = vec!["task_group_service.create".to_owned()];
        assert!(wants(&only, Signal::TaskGroupCreate) && !wants(&only, Signal::TaskComplete));
        assert!(check_events("events", &only).is_ok());
        assert!(check_events("events", &["task_service.nothing".to_owned()]).is_err());
    }

    #[test]
    fn a_secret_is_never_shown_and_has_the_form_of_the_specification() {
        let secret = WebhookSecret { secret: "whsec_hidden".to_owned(), valid_until: None };
        assert!(!format!("{secret:?}").contains("hidden"));
        assert!(is_secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"));
        for bad in ["", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_", "whsec_short", "whsec_not base64"] {
            assert!(!is_secret(bad), "{bad}");
        }
    }
}
