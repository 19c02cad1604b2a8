//! Tasks in the database.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use super::connection::DbConnection;
use super::query::{self, Counters, Field, Listed, Table, is_open};
use super::sql::Sql;
use crate::domain::query::Condition;
use crate::domain::task::TaskStatus;
use crate::error::{Error, Result};
use crate::model::entity::{Entity, Kind};
use crate::model::task::{Task, task_management_task as task};
use crate::model::task_count::TaskCount;
use crate::model::task_pool::task_management_taskpool as task_pool;

const GROUP: &str = "task_management_taskgroup";
const FLOW: &str = "task_management_taskflow";

impl Listed for Task {
    const LEFT_OUT: &[&str] =
        &["json_ext", "entity_type_id", "data", "data_user", "checker", "due_by_lead_time"];
    const FIELDS: &[Field] = &[
        Field::own("entity_type", Kind::Int).column("entity_type_id").optional(),
        Field::related("task_group__code", Kind::Text, "task_group_id", GROUP, "code"),
        Field::related(
            "task_group__completion_policy",
            Kind::Text,
            "task_group_id",
            GROUP,
            "completion_policy",
        ),
        Field::related("flow__code", Kind::Text, "flow_id", FLOW, "code"),
        Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username"),
        Field::related("user_updated__username", Kind::Text, "user_updated", "core_user", "username"),
    ];
    /// The names by which the front end sorts.
    const ORDER_ALIASES: &[(&str, &str)] = &[
        ("uuid", "id"),
        ("type", "business_event"),
        ("entity", "entity_string"),
        ("assignee", "task_group__code"),
        ("task_group", "task_group__code"),
    ];
    const COUNTERS: Option<Counters> = Some(Counters {
        table: TaskCount::TABLE,
        columns: &["is_deleted", "status", "task_group_id", "source"],
    });
}

/// Open tasks that this group is asked about, at most `limit` of those after `after`, by key: tasks assigned to the group,
/// and tasks in flows that are at a step of the group.
pub fn asked_of_group(
    connection: &mut DbConnection,
    group_id: Uuid,
    after: Uuid,
    limit: usize,
) -> Result<Vec<Uuid>> {
    let most = i64::try_from(limit).map_err(Error::internal)?;
    // Two queries, because databases find no index for both conditions at once.
    let given: Vec<Uuid> = task::table
        .filter(task::task_group_id.eq(group_id))
        .filter(diesel::dsl::not(task::is_deleted))
        .filter(task::status.eq(TaskStatus::Accepted))
        .filter(task::id.gt(after))
        .order(task::id)
        .limit(most)
        .select(task::id)
        .load(connection)?;
    let at_steps: Vec<Uuid> = task_pool::table
        .filter(task_pool::task_group_id.eq(group_id))
        .filter(task_pool::date_passed.is_null())
        .filter(task_pool::task_id.gt(after))
        .order(task_pool::task_id)
        .limit(most)
        .select(task_pool::task_id)
        .load(connection)?;
    let ids: BTreeSet<Uuid> = given.into_iter().chain(at_steps).collect();
    Ok(ids.into_iter().take(limit).collect())
}

/// How many open tasks the group has: those assigned to it, and those in flows that are at a step of it.
pub fn count_open_in_group(connection: &mut DbConnection, group_id: Uuid) -> Result<i64> {
    let open = Sql::new(is_open("task_management_task"))
        .sql(
            " AND id IN (SELECT given.id FROM task_management_task AS given \
             WHERE NOT given.is_deleted AND given.task_group_id = ",
        )
        .bind(group_id)
        .sql(
            " UNION SELECT pool.task_id FROM task_management_taskpool AS pool \
             WHERE pool.date_passed IS NULL AND pool.task_group_id = ",
        )
        .bind(group_id)
        .sql(")");
    query::count(connection, &Table::of::<Task>(), &open)
}

/// Whether there is this task, deleted or not, on a schema of whatever level.
pub fn is_there(connection: &mut DbConnection, id: Uuid) -> Result<bool> {
    let found: Option<Uuid> =
        task::table.filter(task::id.eq(id)).select(task::id).first(connection).optional()?;
    Ok(found.is_some())
}

/// How many open tasks these versions of flows have. Versions without any are left out.
pub fn count_open_in_flows(connection: &mut DbConnection, flow_ids: &[Uuid]) -> Result<Vec<(Uuid, i64)>> {
    Ok(task::table
        .filter(
            Sql::new(is_open("task_management_task")).sql(" AND flow_id ").among(flow_ids).typed::<Bool>(),
        )
        .group_by(task::flow_id)
        .select((task::flow_id.assume_not_null(), diesel::dsl::count_star()))
        .load(connection)?)
}

/// Those of the tasks with these keys that are live and meet all conditions.
pub fn among(
    connection: &mut DbConnection,
    ids: &[Uuid],
    conditions: &[Condition],
) -> Result<BTreeSet<Uuid>> {
    let meets = query::filter(connection.dialect(), &Table::of::<Task>(), conditions)?;
    let found: Vec<Uuid> = task::table
        .filter(meets.sql(" AND task_management_task.id ").among(ids).typed::<Bool>())
        .select(task::id)
        .load(connection)?;
    Ok(found.into_iter().collect())
}

/// The open task about this entity, if there is one.
pub fn open_about(
    connection: &mut DbConnection,
    entity_type_id: i32,
    entity_id: &str,
) -> Result<Option<Uuid>> {
    Ok(task::table
        .filter(task::entity_type_id.eq(entity_type_id))
        .filter(task::entity_id.eq(entity_id))
        .filter(Sql::new(is_open("task_management_task")).typed::<Bool>())
        .select(task::id)
        .first(connection)
        .optional()?)
}
