//! Reading the journal.

use std::sync::Arc;

use super::context::{ListScope, ServiceContext};
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::query::ListQuery;
use crate::error::Result;
use crate::model::mutation_log::MutationLog;
use crate::model::slice::Slice;

/// Lists the entries that the requester sees. A program sees no inputs: its owner may have given in what the program may not read.
///
/// # Errors
/// VALIDATION or LIMIT.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
) -> Result<Slice<MutationLog>> {
    let entries =
        services.list(requester, query, ListScope::Root, visibility::mutation_logs, db::list::<MutationLog>);
    let mut entries = entries.await?;
    if requester.is_program {
        for (entry, _) in &mut entries.rows {
            entry.json_content = String::new();
        }
    }
    Ok(entries)
}
