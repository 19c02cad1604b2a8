//! The webhook endpoint: a receiver in any language that is told of events by HTTP, as Standard Webhooks has it.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use super::sql_types::AsJson;
use crate::domain::webhook_endpoint::{MOST_SECRETS, WebhookSecret};

entity! {
    /// An endpoint as it is stored.
    #[derive(Eq)]
    pub struct WebhookEndpoint ("webhook_endpoint") in task_management_webhookendpoint (id) {
        /// Primary key, UUIDv7.
        id: Uuid => Uuid,
        /// Whether it was deleted; its attempts are still shown.
        is_deleted: bool => Bool,
        /// Counts the writes by people and by the configuration, from 1.
        version: i32 => Integer,
        /// When it was created, naive UTC.
        date_created: NaiveDateTime => Timestamp,
        /// When it was last written, naive UTC.
        date_updated: NaiveDateTime => Timestamp,
        /// Who created it; nobody, where the configuration did.
        user_created: Option<Uuid> => Nullable<Uuid>,
        /// Who wrote it last; nobody, where the configuration or the worker did.
        user_updated: Option<Uuid> => Nullable<Uuid>,
        /// Its name for people, unique among live endpoints, case-sensitive.
        name: String => Text,
        /// Where events are sent.
        url: String => Text,
        /// The names of the signals that it wants; none: all of tasks.
        events: AsJson<Vec<String>> => Jsonb,
        /// Whether it is told of events.
        is_active: bool => Bool,
        /// Whether it stands in the configuration, which alone changes it then.
        is_configured: bool => Bool,
        /// Why the worker stopped telling it; absent while it did not.
        disabled_reason: Option<String> => Nullable<Text>,
        /// When it did, naive UTC.
        date_disabled: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// Since when all attempts have failed, naive UTC; absent after a success.
        failing_since: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// What its messages are signed with, the present one first.
        secrets: AsJson<Vec<WebhookSecret>> => Jsonb,
    }
}

impl WebhookEndpoint {
    /// Whether it is to be told of events.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !self.is_deleted && self.is_active
    }

    /// The secrets that sign at this moment, the present one first.
    pub fn valid_secrets(&self, now: NaiveDateTime) -> impl Iterator<Item = &str> {
        let is_valid = move |secret: &&WebhookSecret| secret.valid_until.is_none_or(|until| now < until);
        self.secrets.iter().filter(is_valid).map(|secret| secret.secret.as_str())
    }

    /// Signs with `secret` from now on, and with the one before it until `keep_old_until`. Older ones sign no more.
    pub fn rotate(&mut self, secret: String, keep_old_until: NaiveDateTime) {
        self.secrets.truncate(MOST_SECRETS - 1);
        for old in self.secrets.iter_mut() {
            old.valid_until = Some(keep_old_until);
        }
        self.secrets.insert(0, WebhookSecret { secret, valid_until: None });
    }

    /// Stops telling it of events.
    pub fn disable(&mut self, reason: &str, now: NaiveDateTime) {
        self.is_active = false;
        self.disabled_reason = Some(reason.to_owned());
        self.date_disabled = Some(now);
    }

    /// Tells it of events, or no more, because somebody says so; what the worker thought of it is forgotten.
    pub fn set_active(&mut self, is_active: bool) {
        if self.is_active != is_active {
            self.is_active = is_active;
            self.disabled_reason = None;
            self.date_disabled = None;
            self.failing_since = None;
        }
    }
}
