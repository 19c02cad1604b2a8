//! Counting the tasks that one sees.

use std::sync::Arc;

use super::context::ServiceContext;
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::query::ListQuery;
use crate::domain::task_count::{TaskCountKey, TaskTally};
use crate::error::Result;

/// How many tasks there are of each kind among those that the requester sees and that meet the query's conditions, the kinds with
/// the most tasks first, at most a thousand.
///
/// # Errors
/// FORBIDDEN, or what the database says.
pub async fn tally(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
    keys: Vec<TaskCountKey>,
) -> Result<Vec<TaskTally>> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let now = services.clock.now();
            let settings = services.settings.current(connection, now)?;
            query.conditions.extend(visibility::tasks(&requester, &settings).at_root()?);
            query.complete(settings.four_eyes());
            db::query::tally(connection, &query.conditions, &keys, now)
        })
        .await
}
