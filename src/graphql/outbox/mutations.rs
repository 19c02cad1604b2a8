//! Making deliveries again, and giving them up.

use async_graphql::{Context, ID, InputObject, Object};

use crate::error::{Error, Result};
use crate::graphql::protocol::payload::{MutationMeta, Payload, journaled, payloads};
use crate::graphql::protocol::scalars::read_global_id;
use crate::message::Message;
use crate::service::outbox;

payloads! {
    ReplayTaskEventsPayload => "ReplayTaskEventsMutationPayload",
    DiscardTaskEventsPayload => "DiscardTaskEventsMutationPayload",
}

/// Deliveries to be made again.
#[derive(InputObject, Debug, Clone)]
pub struct ReplayTaskEventsMutationInput {
    #[graphql(flatten)]
    meta: MutationMeta,
    /// `id` of `taskEvents`.
    ids: Vec<ID>,
}

/// Deliveries to be given up.
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
    /// Makes deliveries due again, as if they had never been tried: all of them, or none. Delivered ones are told again, with
    /// the same event id.
    async fn replay_task_events(
        &self,
        ctx: &Context<'_>,
        input: ReplayTaskEventsMutationInput,
    ) -> Result<Option<Payload<ReplayTaskEventsPayload>>> {
        let ids = keys(&input.ids)?;
        journaled(ctx, "replayTaskEvents", &input.meta, move |unit| outbox::replay(unit, &ids)).await
    }

    /// Gives deliveries up that were not made: all of them, or none.
    async fn discard_task_events(
        &self,
        ctx: &Context<'_>,
        input: DiscardTaskEventsMutationInput,
    ) -> Result<Option<Payload<DiscardTaskEventsPayload>>> {
        let ids = keys(&input.ids)?;
        journaled(ctx, "discardTaskEvents", &input.meta, move |unit| outbox::discard(unit, &ids)).await
    }
}

/// Numbers, raw or in global ids.
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
