//! `TaskEventGQLType`

use async_graphql::{Context, Enum, ID, Object};

use crate::domain::event_data;
use crate::domain::signal::Signal;
use crate::error::Result;
use crate::graphql::protocol::scalars::{JsonString, Moment, global_id};
use crate::graphql::user::types::{UserNode, user};
use crate::model::outbox::Delivery;

/// How a delivery stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::outbox::DeliveryStatus")]
pub enum TaskEventStatus {
    /// It is still to be made, now or after a pause.
    Pending,
    /// The handler has done its work.
    Delivered,
    /// It was tried too often.
    Dead,
    /// It was given up.
    Discarded,
}

/// An event for one handler.
pub struct TaskEventNode(pub Delivery);

#[Object(name = "TaskEventGQLType")]
impl TaskEventNode {
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id("TaskEventGQLType", self.0.id)
    }

    /// The event's own id, which handlers see, the same for each of them.
    async fn event_id(&self) -> String {
        self.0.event_id.to_string()
    }

    /// What was done, such as `task_service.complete_task`.
    async fn signal(&self) -> &str {
        &self.0.signal
    }

    /// Who is told.
    async fn handler(&self) -> &str {
        &self.0.handler
    }

    /// The row that it is about.
    async fn entity_id(&self) -> String {
        self.0.entity_id.to_string()
    }

    /// Who caused it.
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.0.user_id).await
    }

    /// What happened, as handlers see it.
    async fn data(&self) -> JsonString {
        let data = self.0.data.clone();
        JsonString::from(match Signal::parse(&self.0.signal) {
            Some(signal) => event_data::read(signal, data),
            None => data,
        })
    }

    async fn status(&self) -> TaskEventStatus {
        self.0.status.into()
    }

    /// How often it has been tried.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// When it happened.
    async fn date_created(&self) -> Moment {
        Moment(self.0.date_created)
    }

    /// When it is tried again.
    async fn date_due(&self) -> Moment {
        Moment(self.0.date_due)
    }

    /// Until when a process has it in hand.
    async fn lease_until(&self) -> Option<Moment> {
        self.0.lease_until.map(Moment)
    }

    /// When the handler had done its work.
    async fn date_delivered(&self) -> Option<Moment> {
        self.0.date_delivered.map(Moment)
    }

    /// Why the last try failed.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }
}
