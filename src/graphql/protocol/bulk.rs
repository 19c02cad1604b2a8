//! The answers of mutations of many items, and their way through the journal.

use std::borrow::Cow;
use std::marker::PhantomData;

use async_graphql::{Context, Enum, Object, TypeName};

use crate::domain::bulk::Outcome;
use crate::error::Result;
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::payload::{MutationMeta, PayloadName, answers_errors, tell};
use crate::service::bulk::kept_outcomes;
use crate::service::mutation::Receipt;
use crate::service::unit_of_work::UnitOfWork;

/// The answer of a mutation of many items.
pub struct BulkPayload<M> {
    receipt: Receipt,
    outcomes: Option<Vec<Outcome>>,
    name: PhantomData<M>,
}

impl<M: PayloadName> TypeName for BulkPayload<M> {
    fn type_name() -> Cow<'static, str> {
        M::NAME.into()
    }
}

#[Object(name_type)]
impl<M: PayloadName> BulkPayload<M> {
    /// The key of the mutation's entry in the journal.
    async fn internal_id(&self) -> Option<String> {
        Some(self.receipt.internal_id.to_string())
    }

    /// The client's own id of the mutation.
    async fn client_mutation_id(&self) -> Option<&str> {
        self.receipt.client_mutation_id.as_deref()
    }

    /// What came of each item, in their order; null if the mutation was refused as a whole. The journal keeps them in
    /// `jsonExt`; a repeat is answered with them too.
    async fn outcomes(&self) -> Option<Vec<TaskOutcome>> {
        let outcomes = self.outcomes.as_ref()?;
        Some(outcomes.iter().cloned().map(TaskOutcome::from).collect())
    }
}

shows! {
    /// What came of one item of a mutation.
    #[graphql(name = "TaskOutcomeGQLType")]
    pub struct TaskOutcome of outcome: Outcome {
        /// The task's `uuid`.
        id: String,
        /// Whether it was done.
        ok: bool,
        /// The class of the refusal, such as CONFLICT.
        code: Option<String>,
        /// Why it was refused.
        message: Option<String>,
    }
}

/// Whether the items of a mutation stand alone.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::bulk::BulkMode")]
pub enum TaskBulkMode {
    /// Each item is done or refused for itself; the mutation succeeds if any of them was done.
    Each,
    /// All items are done, or none.
    All,
}

/// Runs the present mutation of many items through the journal, which keeps what comes of each. What came of each is answered
/// beside the error where every item was refused and `journal.answer_errors` has the error answered.
///
/// # Errors
/// Those of [`tell`], and the mutation's own with `journal.answer_errors` where it was refused before any item was looked at.
pub async fn journaled_bulk<M, F>(
    ctx: &Context<'_>,
    mutation: &'static str,
    meta: &MutationMeta,
    work: F,
) -> Result<Option<BulkPayload<M>>>
where
    F: Fn(&mut UnitOfWork<'_>) -> Result<Vec<Outcome>> + Send + 'static,
{
    let ran = tell(ctx, mutation, meta, work).await?;
    let outcomes = kept_outcomes(ran.kept.as_ref());
    if let Some(refusal) = ran.refusal
        && answers_errors(ctx)?
    {
        if outcomes.is_none() {
            return Err(refusal);
        }
        let error = async_graphql::Error::from(refusal).into_server_error(ctx.item.pos);
        ctx.add_error(ctx.set_error_path(error));
    }
    Ok(Some(BulkPayload { receipt: ran.receipt, outcomes, name: PhantomData }))
}
