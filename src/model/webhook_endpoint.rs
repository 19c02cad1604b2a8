//! The webhook endpoint: a receiver in any language that is told of events by HTTP, in the form of Standard Webhooks.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use super::sql_types::AsJson;
use crate::domain::webhook_endpoint::{WebhookSecret, rotate_secrets, valid_secrets};

entity! {
    /// An endpoint as it is stored.
    #[derive(Eq)]
    pub struct WebhookEndpoint ("webhook_endpoint") in task_management_webhookendpoint (id) {
        /// Primary key, UUIDv7.
        id: Uuid => Uuid,
        /// Whether the endpoint was deleted; its attempts are still shown.
        is_deleted: bool => Bool,
        /// Counts the writes by people and by the configuration, from 1.
        version: i32 => Integer,
        /// When it was created, naive UTC.
        date_created: NaiveDateTime => Timestamp,
        /// When it was last written, naive UTC.
        date_updated: NaiveDateTime => Timestamp,
        /// The person who created the endpoint; none if the configuration did.
        user_created: Option<Uuid> => Nullable<Uuid>,
        /// The person who wrote the endpoint last; none if the configuration or the worker did.
        user_updated: Option<Uuid> => Nullable<Uuid>,
        /// Its name for people, unique among live endpoints, case-sensitive.
        name: String => Text,
        /// The URL to which events are sent.
        url: String => Text,
        /// The names of the signals of which it is told. An empty list means all signals of tasks.
        events: AsJson<Vec<String>> => Jsonb,
        /// Whether the endpoint is told of events.
        is_active: bool => Bool,
        /// Whether the endpoint stands in the configuration. Then only the configuration changes it.
        is_configured: bool => Bool,
        /// Why the worker disabled the endpoint; absent if the worker did not.
        disabled_reason: Option<String> => Nullable<Text>,
        /// When the worker disabled the endpoint, naive UTC.
        date_disabled: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// Since when all attempts have failed, naive UTC; absent after a success.
        failing_since: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// The secrets that sign its messages, the present one first.
        secrets: AsJson<Vec<WebhookSecret>> => Jsonb,
    }
}

impl WebhookEndpoint {
    /// Whether the endpoint is told of events: it is active and not deleted.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !self.is_deleted && self.is_active
    }

    /// The secrets that sign at this moment, the present one first.
    pub fn valid_secrets(&self, now: NaiveDateTime) -> impl Iterator<Item = &str> {
        valid_secrets(&self.secrets, now)
    }

    /// Signs with `secret` from now on, and with the previous secret until `keep_old_until`. Older secrets no longer sign.
    pub fn rotate(&mut self, secret: String, keep_old_until: NaiveDateTime) {
        rotate_secrets(&mut self.secrets, secret, keep_old_until);
    }

    /// Disables the endpoint, by the worker.
    pub fn disable(&mut self, reason: &str, now: NaiveDateTime) {
        self.is_active = false;
        self.disabled_reason = Some(reason.to_owned());
        self.date_disabled = Some(now);
    }

    /// Enables or disables the endpoint, by a person or the configuration. Forgets why the worker disabled it, and its
    /// failures.
    pub fn set_active(&mut self, is_active: bool) {
        if self.is_active != is_active {
            self.is_active = is_active;
            self.disabled_reason = None;
            self.date_disabled = None;
            self.failing_since = None;
        }
    }
}
