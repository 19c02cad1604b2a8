//! Webhooks where the feature `webhooks` is missing: nobody is told of anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::outbox::settlement::Attempted;
use crate::domain::function_run::reason::NOT_BEGUN;
use crate::domain::function_run::{RunError, RunErrorType};
use crate::domain::json::Json;
use crate::error::Result;
use crate::model::outbox::Delivery;
use crate::model::task_function::TaskFunction;
use crate::model::webhook_attempt::WebhookAttempt;
use crate::service::ServiceContext;
use crate::service::function_run::preparation::Errand;
use crate::signal::Event;

/// Takes the place of what tells webhook endpoints of events.
pub struct Webhooks;

impl Webhooks {
    /// Whatever the settings say.
    #[must_use]
    pub const fn new(_: &ServiceContext) -> Self {
        Self
    }

    /// There are no endpoints.
    #[expect(clippy::unused_async, reason = "with the feature, it waits")]
    pub async fn configure(&self, _: &Arc<ServiceContext>) -> Result<()> {
        Ok(())
    }

    /// Functions have no receivers.
    #[expect(clippy::unused_async, reason = "with the feature, it waits")]
    pub async fn execute(
        &self,
        _: &Arc<ServiceContext>,
        _: &TaskFunction,
        _: &Errand,
        _: BTreeMap<String, String>,
    ) -> Result<Json, RunError> {
        let words =
            "functions with receivers need the feature `webhooks`, without which this program was built";
        Err(RunError::new(RunErrorType::Invocation, NOT_BEGUN, words))
    }

    /// No attempt is made.
    #[expect(clippy::unused_async, reason = "with the feature, it waits")]
    pub async fn attempt(
        &self,
        _: &Arc<ServiceContext>,
        _: Uuid,
        _: Delivery,
        _: Event,
    ) -> Result<(Attempted, Option<WebhookAttempt>)> {
        Ok((Attempted::Withheld, None))
    }
}
