//! The service of claims, as hosts call it.

use std::sync::Arc;

use crate::auth::requester::Requester;
use crate::domain::bulk::{BulkMode, Outcome};
use crate::error::Result;
use crate::service::context::ServiceContext;
use crate::service::task_claim::{self, AssignTask, ClaimTask};

service! {
    /// The service of claims, which say who works on a task. Each method is one transaction.
    TaskClaimService
}

impl TaskClaimService {
    /// Claims a task for the requester.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, LIMIT, CONFLICT that names the holder, or a handler's refusal.
    pub async fn claim(&self, requester: &Arc<Requester>, input: ClaimTask) -> Result<()> {
        self.services.act(requester, move |unit| task_claim::claim(unit, &input)).await
    }

    /// Claims several tasks for the requester; says what came of each.
    ///
    /// # Errors
    /// LIMIT; the first refusal, if none was claimed.
    pub async fn claim_many(
        &self,
        requester: &Arc<Requester>,
        items: Vec<ClaimTask>,
        mode: BulkMode,
    ) -> Result<Vec<Outcome>> {
        self.services.act(requester, move |unit| task_claim::claim_many(unit, &items, mode)).await
    }

    /// Claims the first task that awaits the requester and nobody has claimed; none if there is none.
    ///
    /// # Errors
    /// LIMIT, or a handler's refusal.
    pub async fn claim_next(&self, requester: &Arc<Requester>) -> Result<Option<uuid::Uuid>> {
        let claimed = self.services.act(requester, |unit| task_claim::claim_next(unit, &[])).await?;
        Ok(claimed.first().map(|outcome| outcome.id))
    }

    /// Gives up the requester's claim on a task; for people who assign tasks and have none, anybody's.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, CONFLICT without a claim, or a handler's refusal.
    pub async fn release(&self, requester: &Arc<Requester>, input: ClaimTask) -> Result<()> {
        self.services.act(requester, move |unit| task_claim::release(unit, &input)).await
    }

    /// Gives a task to somebody, whoever has claimed it.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, LIMIT, CONFLICT if the person has it, or a handler's refusal.
    pub async fn assign(&self, requester: &Arc<Requester>, input: AssignTask) -> Result<()> {
        self.services.act(requester, move |unit| task_claim::assign(unit, &input)).await
    }

    /// Gives several tasks to people; says what came of each.
    ///
    /// # Errors
    /// FORBIDDEN or LIMIT; the first refusal, if none was assigned.
    pub async fn assign_many(
        &self,
        requester: &Arc<Requester>,
        items: Vec<AssignTask>,
        mode: BulkMode,
    ) -> Result<Vec<Outcome>> {
        self.services.act(requester, move |unit| task_claim::assign_many(unit, &items, mode)).await
    }
}
