//! Who sees a task without seeing all: those who are asked about it, which are the executors of its group and of the groups
//! at its present steps, and who made it.

use uuid::Uuid;

use crate::db::connection::Dialect;
use crate::db::sql::Sql;
use crate::domain::query::Sight;

/// The pools, as `asked`.
pub const AT_STEPS: &str = "task_management_taskpool AS asked";
/// That a pool is asked at present, and its task is not assigned to the pool's group as well: such a task is found by its group.
pub const AT_PRESENT: &str = "asked.date_passed IS NULL AND NOT asked.is_given";

/// The executors of groups, as `executor`.
const EXECUTORS: &str = "task_management_taskexecutor AS executor \
     JOIN task_management_taskgroup AS pool ON pool.id = executor.task_group_id";
/// That an executor decides in a group.
const DECIDES: &str = "NOT executor.is_deleted AND NOT pool.is_deleted";

/// The live groups in which the user is an executor. The user is a key, or where it stands.
pub fn groups_of(user: impl Into<Sql>) -> Sql {
    Sql::new(format!(
        "SELECT executor.task_group_id FROM {EXECUTORS} WHERE {DECIDES} AND executor.user_id = "
    ))
    .append(user.into())
}

/// The executors of these groups, each with the group and the user, among these users. Both are queries of keys.
pub fn executors_among(groups: Sql, users: Sql) -> Sql {
    Sql::new(format!(
        "SELECT executor.task_group_id, executor.user_id FROM {EXECUTORS} WHERE {DECIDES} \
         AND executor.task_group_id IN ("
    ))
    .append(groups)
    .sql(") AND executor.user_id IN (")
    .append(users)
    .sql(")")
}

/// What [`seen_task`] says of executors, from the other side: each of these tasks with each of these users who is asked about
/// it. Both are queries of keys.
pub fn asked_among(tasks: &Sql, users: &Sql) -> Sql {
    let accepted = was_accepted("task");
    Sql::new(format!(
        "SELECT task.id AS task_id, executor.user_id FROM task_management_task AS task \
         JOIN task_management_taskexecutor AS executor ON executor.task_group_id = task.task_group_id \
         JOIN task_management_taskgroup AS pool ON pool.id = executor.task_group_id \
         WHERE {DECIDES} AND {accepted} AND task.id IN ("
    ))
    .append(tasks.clone())
    .sql(") AND executor.user_id IN (")
    .append(users.clone())
    .sql(format!(
        ") UNION SELECT task.id, executor.user_id FROM {AT_STEPS} \
         JOIN task_management_task AS task ON task.id = asked.task_id \
         JOIN task_management_taskexecutor AS executor ON executor.task_group_id = asked.task_group_id \
         JOIN task_management_taskgroup AS pool ON pool.id = executor.task_group_id \
         WHERE {AT_PRESENT} AND {DECIDES} AND {accepted} AND asked.task_id IN ("
    ))
    .append(tasks.clone())
    .sql(") AND executor.user_id IN (")
    .append(users.clone())
    .sql(")")
}

/// What stands before and after the query of some keys among which a key must be. PostgreSQL uses no index for `IN (SELECT …)`
/// beside an `OR`, and can't know that a query gives few keys.
pub const fn among(dialect: Dialect) -> (&'static str, &'static str) {
    match dialect {
        Dialect::Postgres => ("= ANY (ARRAY(", "))"),
        Dialect::Sqlite => ("IN (", ")"),
    }
}

/// The tasks at steps of the user's groups.
pub fn at_steps_of(user_id: Uuid) -> Sql {
    Sql::new(format!("SELECT asked.task_id FROM {AT_STEPS} WHERE {AT_PRESENT} AND asked.task_group_id IN ("))
        .append(groups_of(user_id))
        .sql(")")
}

/// That a task is one about which executors are asked: it was accepted, and nobody has deleted it.
pub fn was_accepted(tasks: &str) -> String {
    format!("NOT {tasks}.is_deleted AND {tasks}.status <> 'RECEIVED'")
}

/// The condition that a person sees the task: as an executor of its group, or of a group that is asked at one of its present
/// steps, once it is accepted; or as its maker. `tasks` is the name of the table.
///
/// Each part must use an index, because a part without one reads all tasks. SQLite uses a partial index for a part only if
/// that part itself says `NOT is_deleted`.
pub fn seen_task(dialect: Dialect, tasks: &str, sight: Sight) -> Sql {
    let (open, close) = among(dialect);
    let accepted = was_accepted(tasks);
    let mut parts = Vec::new();
    if sight.executes {
        parts.push(
            Sql::new(format!("({accepted} AND {tasks}.task_group_id {open}"))
                .append(groups_of(sight.user_id))
                .sql(format!("{close})")),
        );
        parts.push(
            Sql::new(format!("({accepted} AND {tasks}.id {open}"))
                .append(at_steps_of(sight.user_id))
                .sql(format!("{close})")),
        );
    }
    if sight.makes {
        parts.push(Sql::new("(").append(made_by(tasks, sight.user_id)).sql(")"));
    }
    Sql::new("(").append(Sql::join(parts, " OR ", "1 = 0")).sql(")")
}

/// The condition that the user has made the task.
pub fn made_by(tasks: &str, user_id: Uuid) -> Sql {
    Sql::new(format!("NOT {tasks}.is_deleted AND {tasks}.user_created = ")).bind(user_id)
}
