//! Task executors in the database.

use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::select;
use super::query::{Field, Listed, Table, filter, select_with_related};
use super::sql::Sql;
use crate::budget;
use crate::domain::query::Condition;
use crate::error::Result;
use crate::model::entity::{Entity as _, Kind};
use crate::model::slice::Related;
use crate::model::task_executor::{TaskExecutor, task_management_taskexecutor as task_executor};

const GROUP: &str = "task_management_taskgroup";

/// Executors of deleted groups are not listed either.
impl Listed for TaskExecutor {
    const FIELDS: &[Field] = &[
        Field::related("user__username", Kind::Text, "user_id", "core_user", "username"),
        Field::related("user__i_user__id", Kind::Int, "user_id", "core_user", "interactive_user_id"),
        Field::related("user__i_user__uuid", Kind::Uuid, "user_id", "core_user", "id"),
        Field::related("user__i_user__last_name", Kind::Text, "user_id", "core_user", "last_name"),
        Field::related("user__i_user__other_names", Kind::Text, "user_id", "core_user", "other_names"),
        Field::related("user__i_user__phone", Kind::Text, "user_id", "core_user", "phone"),
        Field::related("user__i_user__login_name", Kind::Text, "user_id", "core_user", "username"),
        Field::related("user__i_user__email", Kind::Text, "user_id", "core_user", "email"),
        Field::related("user__i_user__is_associated", Kind::Bool, "user_id", "core_user", "is_active"),
        Field::related("user__i_user__language_id", Kind::Text, "user_id", "core_user", "language"),
        Field::related("task_group__id", Kind::Uuid, "task_group_id", GROUP, "id"),
        Field::related("task_group__code", Kind::Text, "task_group_id", GROUP, "code"),
        Field::related(
            "task_group__completion_policy",
            Kind::Text,
            "task_group_id",
            GROUP,
            "completion_policy",
        ),
        Field::related("task_group__date_created", Kind::DateTime, "task_group_id", GROUP, "date_created"),
        Field::related("task_group__date_updated", Kind::DateTime, "task_group_id", GROUP, "date_updated"),
        Field::related("task_group__is_deleted", Kind::Bool, "task_group_id", GROUP, "is_deleted"),
        Field::related("task_group__version", Kind::Int, "task_group_id", GROUP, "version"),
        Field::related("user_created__username", Kind::Text, "user_created", "core_user", "username"),
        Field::related("user_updated__username", Kind::Text, "user_updated", "core_user", "username"),
    ];
    const ORDER_ALIASES: &[(&str, &str)] =
        &[("uuid", "id"), ("user", "user__username"), ("task_group", "task_group__code")];
    const CONDITION: Option<&str> = Some(
        "task_management_taskexecutor.task_group_id IN \
         (SELECT id FROM task_management_taskgroup WHERE NOT is_deleted)",
    );
}

/// The live executors of these groups, by key.
pub fn live_in_groups(connection: &mut DbConnection, group_ids: &[Uuid]) -> Result<Vec<TaskExecutor>> {
    live_in_groups_where(connection, group_ids, &[], &[]).map(|(executors, _)| executors)
}

/// Those of them that meet all conditions, with the rows that these fields of theirs show.
pub fn live_in_groups_where(
    connection: &mut DbConnection,
    group_ids: &[Uuid],
    conditions: &[Condition],
    fields: &[String],
) -> Result<(Vec<TaskExecutor>, Related)> {
    let mut seated = Sql::new("NOT is_deleted AND task_group_id ").among(group_ids);
    for condition in conditions {
        let bound =
            filter(connection.dialect(), &Table::of::<TaskExecutor>(), std::slice::from_ref(condition))?;
        seated = seated.sql(" AND ").append(bound);
    }
    let seated = seated.sql(" ORDER BY id LIMIT ").bind(budget::most_rows());
    let (found, related) = select_with_related::<TaskExecutor>(connection, seated, fields)?;
    budget::shared_rows(TaskExecutor::NAME, found.iter().map(|executor| &executor.id))?;
    Ok((found, related))
}

/// The live executors of these groups whose users are active, by key. Others are not asked, and no pool waits for them.
pub fn asked_in_groups(connection: &mut DbConnection, group_ids: &[Uuid]) -> Result<Vec<TaskExecutor>> {
    let asked = Sql::new("NOT is_deleted AND task_group_id ").among(group_ids.iter().copied());
    // The user of each of the few executors is looked up. With `IN`, SQLite would read all users.
    let active = "EXISTS (SELECT 1 FROM core_user AS person \
                  WHERE person.id = task_management_taskexecutor.user_id AND person.is_active)";
    select(connection, asked.sql(" AND ").sql(active).sql(" ORDER BY task_management_taskexecutor.id"))
}

/// The groups in which this user is a live executor.
pub fn groups_of(connection: &mut DbConnection, user_id: Uuid) -> Result<Vec<Uuid>> {
    Ok(task_executor::table
        .filter(task_executor::user_id.eq(user_id))
        .filter(diesel::dsl::not(task_executor::is_deleted))
        .order(task_executor::task_group_id)
        .select(task_executor::task_group_id)
        .load(connection)?)
}

/// The keys of the users who are live executors of this group.
pub fn pool(connection: &mut DbConnection, group_id: Uuid) -> Result<Vec<Uuid>> {
    Ok(task_executor::table
        .filter(task_executor::task_group_id.eq(group_id))
        .filter(diesel::dsl::not(task_executor::is_deleted))
        .select(task_executor::user_id)
        .load(connection)?)
}
