//! Telling a dispatcher of an event: it judges the event by what webhooks show of it, with JSON in texts read.

use std::sync::{Arc, LazyLock};

use uuid::Uuid;

use super::outbox::settlement::Attempted;
use crate::budget::rests::RestedTurn;
use crate::error::{ErrorCode, Result};
use crate::graphql::webhook_endpoint::payload::WebhookPayloads;
use crate::model::outbox::Delivery;
use crate::service::task_template::values::read_texts;
use crate::service::{ServiceContext, task_dispatcher};
use crate::signal::Event;

/// What shows events. It holds nothing of them, and takes some milliseconds to make.
static PAYLOADS: LazyLock<WebhookPayloads> = LazyLock::new(WebhookPayloads::default);

/// Tells a dispatcher of an event, within a turn of who answers for it; returns what came of it. What would be refused again is not
/// tried again, until somebody replays it.
///
/// # Errors
/// An error that may be gone later. Then it is told again.
pub async fn tell(
    services: &Arc<ServiceContext>,
    id: Uuid,
    delivery: &Delivery,
    event: &Event,
    turn: &RestedTurn,
) -> Result<Attempted> {
    let mut document = PAYLOADS.body(services, event).await?;
    read_texts(&mut document);
    match Box::pin(task_dispatcher::act(services, id, delivery, document, turn)).await {
        Ok(()) => Ok(Attempted::Delivered),
        Err(error) => match error.code() {
            ErrorCode::Forbidden | ErrorCode::NotFound | ErrorCode::Validation => {
                Ok(Attempted::Failed(error.to_string(), None))
            }
            _ => Err(error),
        },
    }
}
