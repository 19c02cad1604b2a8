//! Reading the journal.

use std::sync::Arc;

use super::core::{Core, Place};
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::mutation_log::MutationLog;
use crate::domain::query::{ListQuery, Slice};
use crate::error::Result;

/// Lists the entries that the requester sees.
///
/// # Errors
/// VALIDATION, LIMIT, or what the database says.
pub async fn list(
    core: &Arc<Core>,
    requester: &Arc<Requester>,
    query: ListQuery,
) -> Result<Slice<MutationLog>> {
    core.list(requester, query, Place::Root, visibility::mutation_logs, db::mutation_log::list).await
}
