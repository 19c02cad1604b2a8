//! `WebhookAttemptGQLType`

use async_graphql::{ID, Object};

use crate::graphql::protocol::scalars::{Moment, global_id};
use crate::model::webhook_attempt::WebhookAttempt;

/// An attempt to tell a webhook endpoint of an event.
pub struct WebhookAttemptNode(pub WebhookAttempt);

#[Object(name = "WebhookAttemptGQLType")]
impl WebhookAttemptNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("WebhookAttemptGQLType", self.0.id)
    }

    /// The endpoint; it may be deleted.
    async fn endpoint_id(&self) -> String {
        self.0.endpoint_id.to_string()
    }

    /// The event's own id, which the receiver sees as `webhook-id`, the same for each attempt.
    async fn event_id(&self) -> String {
        self.0.event_id.to_string()
    }

    /// `id` of `taskEvents`.
    async fn delivery_id(&self) -> ID {
        global_id("TaskEventGQLType", self.0.delivery_id)
    }

    /// Which try it was, from 1; a replay begins anew.
    async fn attempt(&self) -> i32 {
        self.0.attempt
    }

    /// What was told, such as `task_service.complete_task`.
    async fn signal(&self) -> &str {
        &self.0.signal
    }

    /// The row that it is about.
    async fn entity_id(&self) -> String {
        self.0.entity_id.to_string()
    }

    /// When it began.
    async fn date(&self) -> Moment {
        Moment(self.0.date)
    }

    /// How many milliseconds it took.
    async fn duration_ms(&self) -> i64 {
        self.0.duration_ms
    }

    /// The status that was answered; null where there was no answer.
    async fn status_code(&self) -> Option<i32> {
        self.0.status_code
    }

    /// Why it failed; null after a success.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// The beginning of what was answered, at most 1 KiB.
    async fn response(&self) -> Option<&str> {
        self.0.response.as_deref()
    }
}
