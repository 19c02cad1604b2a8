//! Reading the journal.

use std::sync::Arc;

use super::core::Core;
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
    mut query: ListQuery,
) -> Result<Slice<MutationLog>> {
    query
        .conditions
        .extend(visibility::mutation_logs(requester).at_root()?);
    core.read(move |core, connection| db::mutation_log::list(connection, &query, core.page_limit()))
        .await
}
