//! Reading the ledger of votes.

use std::sync::Arc;

use super::context::{ListScope, ServiceContext};
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::query::ListQuery;
use crate::error::Result;
use crate::model::slice::Slice;
use crate::model::vote::Vote;

/// Lists the votes that the requester may see, without those that their casters have replaced.
///
/// # Errors
/// FORBIDDEN, VALIDATION or LIMIT.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<Vote>> {
    services.list(requester, query, place, visibility::task_decisions, db::list::<Vote>).await
}
