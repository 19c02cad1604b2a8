//! Deliveries of events in GraphQL, where they are called task events.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object};
use uuid::Uuid;

use crate::domain::event_data;
use crate::domain::json::Json;
use crate::domain::query::Lookup;
use crate::domain::signal::Signal;
use crate::error::{Error, Result};
use crate::graphql::protocol::arguments::{
    RANGE, Table, id_int, join, moment, one_of, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::scalars::{JsonString, Moment, global_id, read_global_id};
use crate::graphql::user::types::{UserNode, user};
use crate::message::Message;
use crate::model::outbox::Delivery;
use crate::service::context::ListScope;
use crate::service::outbox;

/// The status of a delivery.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::outbox::DeliveryStatus")]
pub enum TaskEventStatus {
    /// The delivery is still to be made, now or after a pause.
    Pending,
    /// The handler or endpoint has done its work.
    Delivered,
    /// The delivery failed too often.
    Dead,
    /// Somebody gave the delivery up.
    Discarded,
}

shows! {
    /// A delivery: an event for one handler or endpoint.
    #[graphql(name = "TaskEventGQLType", complex)]
    pub struct TaskEventNode of delivery: Delivery {
        pub id: ID = global_id("TaskEventGQLType", delivery.id),
        /// The event's own id, the same in the deliveries to all handlers.
        event_id: String,
        /// What happened, in the form that handlers see.
        data: JsonString = JsonString::from(read(&delivery.signal, delivery.data)),
        /// The signal of the event, such as `task_service.complete_task`.
        signal: String,
        /// The handler or endpoint that is told.
        handler: String,
        /// The id of the row that the event is about.
        entity_id: String,
        status: TaskEventStatus = delivery.status.into(),
        /// How often the delivery has been tried.
        attempts: i32,
        /// When the event happened.
        date_created: Moment,
        /// When the delivery is due, or due again.
        date_due: Moment,
        /// Until when a process has the delivery in hand.
        lease_until: Option<Moment>,
        /// When the handler or endpoint had done its work.
        date_delivered: Option<Moment>,
        /// How many runs of functions stand behind the event, one causing the next.
        cause_depth: i32,
        /// Why the last try failed; null once one went well.
        last_error: Option<String>,
        #[graphql(skip)]
        user_id: Uuid,
    }
}

#[ComplexObject]
impl TaskEventNode {
    /// The person who caused the event.
    async fn user(&self, ctx: &Context<'_>) -> Result<UserNode> {
        user(ctx, self.user_id).await
    }
}

/// The event's data in the present form, also if an older process wrote it.
fn read(signal: &str, data: Json) -> Json {
    match Signal::parse(signal) {
        Some(signal) => event_data::read(signal, data),
        None => data,
    }
}

/// Looking at deliveries.
#[derive(Default)]
pub struct OutboxQueries;

#[Object]
impl OutboxQueries {
    /// Deliveries of events to After-handlers and webhook endpoints, one for each of them, in the order of the events.
    async fn task_events(&self, ctx: &Context<'_>) -> Result<Option<Connection<TaskEventNode>>> {
        let list = |services, requester, query| outbox::list(services, requester, query, ListScope::Root);
        listed(ctx, &TASK_EVENTS, None, list).await.map(Some)
    }
}

/// `Query.taskEvents`
pub static TASK_EVENTS: Table = LazyLock::new(|| {
    join([
        order_by(),
        paging(),
        id_int("id", "id", "TaskEventGQLType"),
        uuid("eventId", "ID", "event_id", "TaskEventGQLType"),
        one_of::<TaskEventStatus>("status", "status", &[Lookup::Exact]),
        text("handler", "String", "handler", &[Lookup::Exact]),
        text("signal", "String", "signal", &[Lookup::Exact]),
        uuid("entityId", "ID", "entity_id", "TaskGQLType"),
        moment("dateCreated", "date_created", RANGE),
        moment("dateDue", "date_due", RANGE),
    ])
});

payloads! {
    ReplayTaskEventsPayload => "ReplayTaskEventsMutationPayload",
    DiscardTaskEventsPayload => "DiscardTaskEventsMutationPayload",
}

/// The deliveries to be made again.
#[derive(InputObject, Debug, Clone)]
pub struct ReplayTaskEventsMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// `id` of `taskEvents`.
    ids: Vec<ID>,
}

/// The deliveries to be given up.
#[derive(InputObject, Debug, Clone)]
pub struct DiscardTaskEventsMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// `id` of `taskEvents`.
    ids: Vec<ID>,
}

/// Making deliveries again, and giving them up.
#[derive(Default)]
pub struct OutboxMutations;

#[Object]
impl OutboxMutations {
    /// Makes these deliveries due again, as if they had never been tried: all of them, or none. Those that were delivered
    /// are delivered again, with the same event id.
    async fn replay_task_events(
        &self,
        ctx: &Context<'_>,
        input: ReplayTaskEventsMutationInput,
    ) -> Result<Option<Payload<ReplayTaskEventsPayload>>> {
        let ids = keys(&input.ids)?;
        journaled(ctx, "replayTaskEvents", &input.meta, move |unit| outbox::replay(unit, &ids)).await
    }

    /// Gives up these deliveries, which were not made: all of them, or none.
    async fn discard_task_events(
        &self,
        ctx: &Context<'_>,
        input: DiscardTaskEventsMutationInput,
    ) -> Result<Option<Payload<DiscardTaskEventsPayload>>> {
        let ids = keys(&input.ids)?;
        journaled(ctx, "discardTaskEvents", &input.meta, move |unit| outbox::discard(unit, &ids)).await
    }
}

/// The keys in these ids, which are numbers, raw or in global ids.
fn keys(ids: &[ID]) -> Result<Vec<i64>> {
    ids.iter()
        .map(|id| {
            let key = match read_global_id(id) {
                Some((type_name, key)) if type_name == "TaskEventGQLType" => key.parse().ok(),
                _ => id.trim().parse().ok(),
            };
            key.ok_or_else(|| Error::validation("ids", Message::new("need-id").with("field", "ids")))
        })
        .collect()
}
