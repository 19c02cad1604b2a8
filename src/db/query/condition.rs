//! Conditions of lists as SQL.

use uuid::Uuid;

use super::asked::{among, groups_of, seen_task};
use super::awaiting::{awaits, claimed_by};
use super::{At, Table};
use crate::db::connection::Dialect;
use crate::db::sql::Sql;
use crate::domain::json::Json;
use crate::domain::query::{Condition, Lookup, Sight, Value};
use crate::domain::task::TaskStatus;
use crate::error::{Error, Result};

/// The SQL of `conditions`, all of which must hold, on rows of `table`.
///
/// # Errors
/// INTERNAL for a field that the table does not have, which the interface does not offer.
pub fn filter(dialect: Dialect, table: &Table, conditions: &[Condition]) -> Result<Sql> {
    let mut pieces: Vec<Sql> = table.always.clone().map(Sql::new).into_iter().collect();
    for condition in conditions {
        pieces.push(condition_sql(dialect, table, condition)?);
    }
    Ok(Sql::join(pieces, " AND ", "1 = 1"))
}

fn condition_sql(dialect: Dialect, table: &Table, condition: &Condition) -> Result<Sql> {
    match condition {
        Condition::Any(conditions) => any(dialect, table, conditions),
        Condition::Not(inner) => Ok(Sql::new("NOT (").append(condition_sql(dialect, table, inner)?).sql(")")),
        Condition::Field { field, lookup, value } => {
            on_column(table, field, |column| compare(column, *lookup, value))
        }
        Condition::OneOf { field, values } => on_column(table, field, |column| {
            let values = values.iter().map(|value| Sql::default().bind(value.clone()));
            Sql::new(format!("{column} IN (")).append(Sql::join(values.collect(), ", ", "NULL")).sql(")")
        }),
        Condition::ExecutorOfGroup { group_field, user_id } => {
            let Some(At::Own(column)) = at(table, group_field) else {
                return Err(Error::internal(format!("{} has no column {group_field}", table.name)));
            };
            Ok(Sql::new(format!("{}.{column} IN (", table.name)).append(groups_of(*user_id)).sql(")"))
        }
        Condition::SeenTask(sight) => Ok(seen_task(dialect, table.name, *sight)),
        Condition::BesideExecutor(sight) => Ok(beside_executor(table.name, *sight)),
        Condition::VersionOfSeenTask(sight) => {
            Ok(Sql::new(format!("{}.id IN (", table.name)).append(seen_tasks(dialect, *sight)).sql(")"))
        }
        Condition::OfSeenTask(sight) => {
            Ok(Sql::new(format!("{}.task_id IN (", table.name)).append(seen_tasks(dialect, *sight)).sql(")"))
        }
        Condition::HeldFor { reason } => Ok(Sql::new(format!(
            "{0}.status = 'ACCEPTED' AND EXISTS (SELECT 1 FROM task_management_taskhold AS hold \
             WHERE hold.task_id = {0}.id AND hold.task_version = {0}.version AND hold.reason = ",
            table.name
        ))
        .bind(*reason)
        .sql(")")),
        // Not NULL for tasks without the date, so that it can be denied.
        Condition::Overdue { now } => Ok(Sql::new(format!(
            "({} AND {1}.due_date IS NOT NULL AND {1}.due_date < ",
            is_open(table.name),
            table.name
        ))
        .bind(*now)
        .sql(")")),
        Condition::AwaitingMe(awaiting) => Ok(awaits(dialect, table.name, *awaiting, false)),
        Condition::ClaimedBy { user_id, now } => Ok(claimed_by(table.name, *user_id, *now)),
        Condition::DecidedBy { user_id, has } => Ok(decided_by(dialect, table.name, *user_id, *has)),
        Condition::LiveHead => Ok(Sql::new(format!("{}.replacement_uuid IS NULL", table.name))),
        Condition::HasExecutorNamed { text } => Ok(executor_named(table, text)),
        Condition::HasRole { roles } => Ok(Sql::new(format!(
            "{}.id IN (SELECT held.user_id FROM core_userrole AS held WHERE held.role_id IN (",
            table.name
        ))
        .append(Sql::join(roles.iter().map(|role| Sql::default().bind(*role)).collect(), ", ", "NULL"))
        .sql("))")),
        Condition::GrantsRight { right } => Ok(Sql::new(format!(
            "{}.id IN (SELECT granted.role_id FROM core_roleright AS granted WHERE granted.right_id = ",
            table.name
        ))
        .bind(*right)
        .sql(")")),
        Condition::HasTag { tag } => Ok(match dialect {
            Dialect::Postgres => Sql::new(format!("{}.tags @> ", table.name)).bind(Json::of(&[tag])),
            Dialect::Sqlite => Sql::new(format!(
                "EXISTS (SELECT 1 FROM json_each({}.tags) AS tag WHERE tag.value = ",
                table.name
            ))
            .bind(tag.as_str())
            .sql(")"),
        }),
        Condition::TouchedBy { client_mutation_id, user_id } => {
            touched_by(table, client_mutation_id, *user_id)
        }
    }
}

/// The condition that a task is open, on the columns of `tasks`. It writes the statuses out, because the indexes of open
/// tasks serve only a query with the same words.
#[must_use]
pub fn is_open(tasks: &str) -> String {
    let open = TaskStatus::OPEN.map(|status| format!("'{status}'")).join(", ");
    format!("NOT {tasks}.is_deleted AND {tasks}.status IN ({open})")
}

fn any(dialect: Dialect, table: &Table, conditions: &[Condition]) -> Result<Sql> {
    let pieces =
        conditions.iter().map(|inner| condition_sql(dialect, table, inner)).collect::<Result<_>>()?;
    Ok(Sql::new("(").append(Sql::join(pieces, " OR ", "1 = 0")).sql(")"))
}

fn at(table: &Table, path: &str) -> Option<At> {
    std::iter::once(&table.key).chain(&table.fields).find(|field| field.path == path).map(|field| field.at)
}

/// A condition on the column that holds the field.
fn on_column(table: &Table, path: &str, condition: impl FnOnce(&str) -> Sql) -> Result<Sql> {
    match at(table, path) {
        Some(At::Own(column)) => Ok(condition(&format!("{}.{column}", table.name))),
        Some(At::Related { fk, table: other, column }) => {
            Ok(Sql::new(format!("{}.{fk} IN (SELECT {other}.id FROM {other} WHERE ", table.name))
                .append(condition(&format!("{other}.{column}")))
                .sql(")"))
        }
        None => Err(Error::internal(format!("{} has no field {path}", table.name))),
    }
}

/// That the user has a vote on the task, or has none. What has one is found from the user's votes: PostgreSQL would else go through
/// all tasks in the order of the list, where it takes everybody for somebody who votes often.
fn decided_by(dialect: Dialect, tasks: &str, user_id: Uuid, has: bool) -> Sql {
    let live = "FROM task_management_taskdecision AS said WHERE NOT said.is_deleted AND said.user_id = ";
    if !has {
        return Sql::new(format!("NOT EXISTS (SELECT 1 {live}"))
            .bind(user_id)
            .sql(format!(" AND said.task_id = {tasks}.id)"));
    }
    let (open, close) = among(dialect);
    Sql::new(format!("{tasks}.id {open}SELECT said.task_id {live}")).bind(user_id).sql(close)
}

fn executor_named(table: &Table, text: &str) -> Sql {
    let names = ["username", "last_name", "other_names"]
        .map(|column| compare(&format!("person.{column}"), Lookup::Icontains, &Value::Text(text.to_owned())));
    Sql::new(format!(
        "{}.id IN (SELECT executor.task_group_id FROM task_management_taskexecutor AS executor \
         JOIN core_user AS person ON person.id = executor.user_id WHERE NOT executor.is_deleted AND (",
        table.name
    ))
    .append(Sql::join(names.into(), " OR ", "1 = 0"))
    .sql("))")
}

fn touched_by(table: &Table, client_mutation_id: &str, user_id: Option<Uuid>) -> Result<Sql> {
    let (entity, column) = table
        .touched_as
        .ok_or_else(|| Error::internal(format!("{} is not linked to the journal", table.name)))?;
    let mut sql = Sql::new(format!(
        "{}.{column} IN (SELECT link.entity_id FROM task_management_taskmutation AS link \
         JOIN core_mutationlog AS journal ON journal.id = link.mutation_id \
         WHERE link.entity = '{entity}' AND journal.client_mutation_id = ",
        table.name
    ))
    .bind(client_mutation_id);
    if let Some(user_id) = user_id {
        sql = sql.sql(" AND journal.user_id = ").bind(user_id);
    }
    Ok(sql.sql(")"))
}

/// That the row of `executors` sits in a group of the user's, or in one that is asked at present about a task that the user sees.
///
/// Those groups are found from what the user is asked at present, and from the open tasks of the user's groups and those that
/// the user made: what is decided grows without end.
fn beside_executor(executors: &str, sight: Sight) -> Sql {
    let user_id = sight.user_id;
    let asked = Sql::new(format!("({executors}.task_group_id IN ("))
        .append(groups_of(user_id))
        .sql(format!(
            ") OR {executors}.task_group_id IN (SELECT beside.task_group_id FROM task_management_taskpool AS mine \
             JOIN task_management_taskpool AS beside ON beside.task_id = mine.task_id \
             JOIN task_management_task AS asked ON asked.id = mine.task_id \
             WHERE mine.date_passed IS NULL AND beside.date_passed IS NULL \
             AND NOT asked.is_deleted AND asked.status = 'ACCEPTED' AND mine.task_group_id IN ("
        ))
        .append(groups_of(user_id))
        .sql(
            ") UNION SELECT beside.task_group_id FROM task_management_task AS asked \
             JOIN task_management_taskpool AS beside ON beside.task_id = asked.id \
             WHERE beside.date_passed IS NULL \
             AND NOT asked.is_deleted AND asked.status = 'ACCEPTED' AND asked.task_group_id IN (",
        )
        .append(groups_of(user_id))
        .sql(")");
    let asked = if sight.makes {
        let made = "NOT made.is_deleted AND made.status = 'ACCEPTED' AND made.user_created = ";
        asked
            .sql(format!(
                " UNION SELECT made.task_group_id FROM task_management_task AS made \
                 WHERE made.task_group_id IS NOT NULL AND {made}"
            ))
            .bind(user_id)
            .sql(format!(
                " UNION SELECT beside.task_group_id FROM task_management_task AS made \
                 JOIN task_management_taskpool AS beside ON beside.task_id = made.id \
                 WHERE beside.date_passed IS NULL AND {made}"
            ))
            .bind(user_id)
    } else {
        asked
    };
    asked.sql("))")
}

/// The live tasks that the person sees.
fn seen_tasks(dialect: Dialect, sight: Sight) -> Sql {
    Sql::new("SELECT seen.id FROM task_management_task AS seen WHERE NOT seen.is_deleted AND ")
        .append(seen_task(dialect, "seen", sight))
}

/// Compares a column. Patterns take `% _ \` literally. A function of the database folds case (see the migrations).
fn compare(column: &str, lookup: Lookup, value: &Value) -> Sql {
    let text = || match value {
        Value::Text(text) => text.clone(),
        other => format!("{other:?}"),
    };
    let escaped = || text().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let plain = |operator: &str| Sql::new(format!("{column} {operator} ")).bind(value.clone());
    let like =
        |pattern: String| Sql::new(format!("{column} LIKE ")).bind(Value::Text(pattern)).sql(" ESCAPE '\\'");
    let folded_like = |pattern: String| {
        Sql::new(format!("task_management_fold({column}) LIKE task_management_fold("))
            .bind(Value::Text(pattern))
            .sql(") ESCAPE '\\'")
    };
    match lookup {
        Lookup::Exact => plain("="),
        Lookup::Lt => plain("<"),
        Lookup::Lte => plain("<="),
        Lookup::Gt => plain(">"),
        Lookup::Gte => plain(">="),
        Lookup::Iexact => Sql::new(format!("task_management_fold({column}) = task_management_fold("))
            .bind(value.clone())
            .sql(")"),
        Lookup::Contains => like(format!("%{}%", escaped())),
        Lookup::Startswith => like(format!("{}%", escaped())),
        Lookup::Icontains => folded_like(format!("%{}%", escaped())),
        Lookup::Istartswith => folded_like(format!("{}%", escaped())),
        Lookup::Isnull if *value == Value::Bool(true) => Sql::new(format!("{column} IS NULL")),
        Lookup::Isnull => Sql::new(format!("{column} IS NOT NULL")),
    }
}
