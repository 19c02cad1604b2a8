//! Rows to which the rows of a list point, read with the list by the same statement where the interface selects something of
//! them. Whoever sees a row sees what it names, as the services' `of_visible_rows` have it; these fetch what is not known ahead.

use std::fmt::Write as _;

use diesel::deserialize::{self, QueryableByName};
use diesel::row::{Field as _, NamedRow, Row, RowIndex};

use crate::budget;
use crate::db::connection::{DbConnection, MultiBackend};
use crate::db::entity::{Stored, columns};
use crate::db::sql::Sql;
use crate::error::Result;
use crate::model::entity::Entity;
use crate::model::slice::Related;
use crate::model::task_flow::TaskFlow;
use crate::model::task_flow_step::TaskFlowStep;
use crate::model::task_group::TaskGroup;
use crate::model::user::User;

/// The most rows of a page with which others are read. Each row brings its own copy of them, so for longer pages one more
/// statement is cheaper.
const SHORT: i64 = 50;

/// A column that points to a row of another table.
struct Pointer {
    /// The field that shows the row.
    field: &'static str,
    /// The column.
    column: &'static str,
    kind: Kind,
    /// What the first column of the row is called in a list, and the other table too.
    alias: &'static str,
}

#[derive(Clone, Copy)]
enum Kind {
    Group,
    User,
    Flow,
    Step,
}

macro_rules! pointers {
    ($($field:literal $column:literal $kind:ident)*) => {
        &[$(Pointer { field: $field, column: $column, kind: Kind::$kind, alias: concat!("related_", $field) }),*]
    };
}

/// All such columns, in whichever table they are. Rows that may be long, as tasks are, are not read so.
const POINTERS: &[Pointer] = pointers![
    "task_group" "task_group_id" Group
    "flow" "flow_id" Flow
    "current_step" "current_step_id" Step
    "flow_step" "step_id" Step
    "user" "user_id" User
    "user_created" "user_created" User
    "user_updated" "user_updated" User
    "history_user" "history_user" User
];

impl Kind {
    fn table(self) -> &'static str {
        match self {
            Self::Group => TaskGroup::TABLE,
            Self::User => User::TABLE,
            Self::Flow => TaskFlow::TABLE,
            Self::Step => TaskFlowStep::TABLE,
        }
    }

    fn columns(self) -> Vec<&'static str> {
        fn of<T: Entity>() -> Vec<&'static str> {
            T::COLUMNS.iter().map(|column| column.name).collect()
        }
        match self {
            Self::Group => of::<TaskGroup>(),
            Self::User => of::<User>(),
            Self::Flow => of::<TaskFlow>(),
            Self::Step => of::<TaskFlowStep>(),
        }
    }
}

/// The query of a page of `table` with these columns, and with the rows that `fields` show. The page is sorted by `order`.
pub fn with_related(page: Sql, table: &str, columns: &str, fields: &[String], size: i64, order: Sql) -> Sql {
    let is_there = |pointer: &&Pointer| {
        fields.iter().any(|field| field == pointer.field)
            && columns.split(", ").any(|column| column == pointer.column)
    };
    let pointers: Vec<&Pointer> = POINTERS.iter().filter(is_there).collect();
    if pointers.is_empty() || size > SHORT {
        return page;
    }
    let (mut selected, mut joined) = (String::new(), String::new());
    for Pointer { column, kind, alias, .. } in pointers {
        for (at, name) in kind.columns().into_iter().enumerate() {
            let called = if at == 0 { format!(" AS {alias}") } else { String::new() };
            let _ = write!(selected, ", {alias}.{name}{called}");
        }
        let _ = write!(joined, " LEFT JOIN {} AS {alias} ON {alias}.id = {table}.{column}", kind.table());
    }
    // The page is found first, so that no more rows are joined than it has.
    Sql::new(format!("SELECT {table}.*{selected} FROM ("))
        .append(page)
        .sql(format!(") AS {table}{joined} ORDER BY "))
        .append(order)
}

/// The rows of an entity that meet `condition`, in the order of their keys, and the rows that `fields` show.
///
/// # Errors
/// LIMIT when the related rows are too many.
pub fn select_with_related<T: Stored>(
    connection: &mut DbConnection,
    condition: Sql,
    fields: &[String],
) -> Result<(Vec<T>, Related)> {
    let columns = columns::<T>();
    let rows = Sql::new(format!("SELECT {columns} FROM {} WHERE ", T::TABLE)).append(condition);
    let order = Sql::new(format!("{}.{}", T::TABLE, T::KEY));
    let found: Vec<Joined<T>> = with_related(rows, T::TABLE, &columns, fields, 0, order).load(connection)?;
    let (mut rows, mut related) = (Vec::with_capacity(found.len()), Related::default());
    for Joined(row, others) in found {
        rows.push(row);
        related.add(others);
    }
    count(&related)?;
    Ok((rows, related))
}

/// A row and the rows to which it points.
struct Joined<T>(T, Related);

impl<T: Stored> QueryableByName<MultiBackend> for Joined<T> {
    fn build<'a>(row: &impl NamedRow<'a, MultiBackend>) -> deserialize::Result<Self> {
        Ok(Self(T::build(row)?, read(row, T::COLUMNS.len())?))
    }
}

/// The related rows in a row of a list, whose own columns end before `at`.
///
/// # Errors
/// What can't be read.
pub fn read<'a>(row: &impl NamedRow<'a, MultiBackend>, mut at: usize) -> deserialize::Result<Related> {
    let mut related = Related::default();
    while at < row.field_count() {
        let called = Row::get(row, at);
        let called = called.as_ref().and_then(|field| field.field_name());
        let Some(pointer) = POINTERS.iter().find(|pointer| Some(pointer.alias) == called) else { break };
        match pointer.kind {
            Kind::Group => related.groups.extend(row_at(row, &mut at)?),
            Kind::User => related.users.extend(row_at(row, &mut at)?),
            Kind::Flow => related.flows.extend(row_at(row, &mut at)?),
            Kind::Step => related.steps.extend(row_at(row, &mut at)?),
        }
    }
    Ok(related)
}

/// The row whose columns begin at `at`, which then is where they end; none if it points nowhere.
fn row_at<'a, T: Stored>(
    row: &impl NamedRow<'a, MultiBackend>,
    at: &mut usize,
) -> deserialize::Result<Option<T>> {
    let begin = *at;
    *at += T::COLUMNS.len();
    let is_null = Row::get(row, begin).is_none_or(|field| field.is_null());
    if is_null { Ok(None) } else { T::build(&row.partial_row(begin..*at)).map(Some) }
}

/// Where the column of this name is.
pub fn index_of<'a>(row: &impl NamedRow<'a, MultiBackend>, name: &str) -> Option<usize> {
    RowIndex::idx(row, name)
}

/// Counts the rows in the budget of the request that they are read for.
///
/// # Errors
/// LIMIT when they are too many.
pub fn count(related: &Related) -> Result<()> {
    budget::shared_rows(TaskGroup::NAME, related.groups.iter().map(|row| &row.id))?;
    budget::shared_rows(User::NAME, related.users.iter().map(|row| &row.id))?;
    budget::shared_rows(TaskFlow::NAME, related.flows.iter().map(|row| &row.id))?;
    budget::shared_rows(TaskFlowStep::NAME, related.steps.iter().map(|row| &row.id))
}
