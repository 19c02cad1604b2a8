//! Reading the ledger of votes.

use std::sync::Arc;

use uuid::Uuid;

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

/// The requester's own votes on these tasks, all of which the requester may see: those that were neither replaced nor taken back,
/// and are not marked as stale.
pub async fn own_on_visible_tasks(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    task_ids: Vec<Uuid>,
) -> Result<Vec<Vote>> {
    let user_id = requester.id();
    services.read(move |_, connection| db::vote::of_person_on_tasks(connection, user_id, &task_ids)).await
}
