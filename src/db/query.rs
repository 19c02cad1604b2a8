//! Lists: from the interface's words to SQL, the same for every entity and both databases.
//!
//! Paging is by keyset: a cursor holds the values that the page's last row is sorted by, so following cursors stays
//! right while rows come and go, and page ten thousand costs what the first one does.

use diesel::sql_types::{BigInt, Bool, Text, Untyped};
use diesel::{QueryResult, RunQueryDsl};

use super::connection::DbConnection;
use super::sql::{Sql, Typed};
use crate::domain::query::{Condition, ListQuery, Lookup, Slice, Value};
use crate::error::{Error, Result};
use crate::message::Message;

mod cursor;
mod order;

use order::Order;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A key.
    Uuid,
    /// A number.
    Int,
    /// A truth value.
    Bool,
    /// A moment.
    DateTime,
    /// JSON; can be sorted by (as text), not filtered by.
    Json,
}

/// Where a field is found.
#[derive(Debug, Clone, Copy)]
pub enum At {
    /// A column of the table itself.
    Own(&'static str),
    /// A column of the row of another table whose `id` stands in the column `fk`.
    Related {
        /// The column that points there.
        fk: &'static str,
        /// The other table.
        table: &'static str,
        /// The column there.
        column: &'static str,
    },
}

/// A field that lists can be filtered and sorted by.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its path in openIMIS' words, snake_case.
    pub path: &'static str,
    /// Where it is found.
    pub at: At,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be absent.
    pub nullable: bool,
}

impl Field {
    /// A column of the table itself that is never absent.
    #[must_use]
    pub const fn own(path: &'static str, kind: Kind) -> Self {
        Self {
            path,
            at: At::Own(path),
            kind,
            nullable: false,
        }
    }

    /// A column of a related row that is never absent if the row is there.
    #[must_use]
    pub const fn related(
        path: &'static str,
        kind: Kind,
        fk: &'static str,
        table: &'static str,
        column: &'static str,
    ) -> Self {
        Self {
            path,
            at: At::Related { fk, table, column },
            kind,
            nullable: false,
        }
    }

    /// The same, but found under another column name of the table itself.
    #[must_use]
    pub const fn column(self, column: &'static str) -> Self {
        Self {
            at: At::Own(column),
            ..self
        }
    }

    /// The same, but it may be absent.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }
}

/// A table that can be listed.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its primary key, by which ties are broken.
    pub key: Field,
    /// The fields.
    pub fields: &'static [Field],
    /// Other names under which fields can be sorted by.
    pub order_aliases: &'static [(&'static str, &'static str)],
    /// The order when none is asked for, as in `orderBy`.
    pub default_order: &'static [&'static str],
    /// A condition that every listed row meets, on columns of the table itself.
    pub always: Option<&'static str>,
    /// How rows are named in the links from the journal, and by which column.
    pub touched_as: Option<(&'static str, &'static str)>,
}

/// The fields of a table and those that its historical twin has beside them; `N` is their number.
#[must_use]
pub const fn with_history_fields<const N: usize>(fields: &[Field]) -> [Field; N] {
    let mut all = [Field::own("history_date", Kind::DateTime); N];
    let mut i = 0;
    while i < fields.len() {
        all[i] = fields[i];
        i += 1;
    }
    all[i + 1] = Field::own("history_type", Kind::Text);
    all[i + 2] = Field::own("history_user", Kind::Uuid).optional();
    all
}

/// How large a page may be.
#[derive(Debug, Clone, Copy)]
pub struct PageLimit {
    /// The most rows in one page, and how many there are when no number is given.
    pub max: i64,
}

/// What a typed query needs to load one page.
pub struct Part {
    /// Which rows.
    pub filter: Typed<Bool>,
    /// In which order.
    pub order: Typed<Untyped>,
    /// The values that the row is sorted by, as a JSON list.
    pub sort_values: Typed<Text>,
    /// How many.
    pub limit: i64,
    /// Leaving out how many.
    pub offset: i64,
}

/// Lists rows of `table`: `load` runs a typed query with the parts it is given.
///
/// # Errors
/// VALIDATION or LIMIT for orders, cursors and page sizes that can't be; else what the database says.
pub fn list<R>(
    connection: &mut DbConnection,
    table: &Table,
    query: &ListQuery,
    limit: PageLimit,
    mut load: impl FnMut(&mut DbConnection, Part) -> QueryResult<Vec<(R, String)>>,
) -> Result<Slice<R>> {
    let order = Order::parse(table, &query.order_by)?;
    let page = &query.page;
    let first = check_size("first", page.first, limit)?;
    let last = check_size("last", page.last, limit)?;
    let offset = match page.offset {
        Some(offset) if offset < 0 => return Err(negative("offset")),
        other => other.unwrap_or(0),
    };
    let after = page
        .after
        .as_deref()
        .map(|cursor| order.read_cursor("after", cursor))
        .transpose()?;
    let before = page
        .before
        .as_deref()
        .map(|cursor| order.read_cursor("before", cursor))
        .transpose()?;

    let matching = filter(table, &query.conditions)?;
    let total_count = if query.wanted.total_count {
        Some(count(connection, table, &matching)?)
    } else {
        None
    };

    let mut bounded = vec![matching.clone()];
    bounded.extend(after.as_ref().map(|values| order.beyond(values, false)));
    bounded.extend(before.as_ref().map(|values| order.beyond(values, true)));
    let bounded = Sql::join(bounded, " AND ", "1 = 1");

    // Relay: `first` is taken before `last`, so `last` reads backwards only when it stands alone.
    let backward = first.is_none() && last.is_some();
    let size = first.or(last).unwrap_or(limit.max);
    let part = Part {
        filter: bounded.typed(),
        order: order.sql(backward).typed(),
        sort_values: order.sort_values(connection.dialect()).typed(),
        limit: size + 1,
        offset,
    };
    let mut rows: Vec<(R, String)> = load(connection, part)?
        .into_iter()
        .map(|(row, values)| (row, order.write_cursor(&values)))
        .collect();
    let size = usize::try_from(size).map_err(Error::internal)?;
    let more = rows.len() > size;
    rows.truncate(size);
    if backward {
        rows.reverse();
    }
    let mut trimmed = false;
    if let (Some(_), Some(last)) = (first, last) {
        let surplus = rows
            .len()
            .saturating_sub(usize::try_from(last).map_err(Error::internal)?);
        trimmed = surplus > 0;
        rows.drain(..surplus);
    }

    let (mut has_next, mut has_previous) = if backward { (false, more) } else { (more, trimmed) };
    if query.wanted.neighbours {
        if backward && before.is_some() {
            has_next = match rows.last() {
                Some((_, cursor)) => exists(
                    connection,
                    table,
                    &matching,
                    &order.beyond(&order.read_cursor("before", cursor)?, false),
                )?,
                None => true,
            };
        }
        if !backward && !trimmed && (after.is_some() || offset > 0) {
            has_previous = match rows.first() {
                Some((_, cursor)) => exists(
                    connection,
                    table,
                    &matching,
                    &order.beyond(&order.read_cursor("after", cursor)?, true),
                )?,
                None => exists(connection, table, &matching, &Sql::new("1 = 1"))?,
            };
        }
    }
    Ok(Slice {
        rows,
        total_count,
        has_next,
        has_previous,
    })
}

/// The SQL of `conditions`, all of which must hold, on rows of `table`.
///
/// # Errors
/// INTERNAL for a field that the table does not have: the interface offers none.
pub fn filter(table: &Table, conditions: &[Condition]) -> Result<Sql> {
    let mut pieces: Vec<Sql> = table.always.map(Sql::new).into_iter().collect();
    for condition in conditions {
        pieces.push(condition_sql(table, condition)?);
    }
    Ok(Sql::join(pieces, " AND ", "1 = 1"))
}

/// How many rows meet `filter`.
///
/// # Errors
/// What the database says.
pub fn count(connection: &mut DbConnection, table: &Table, filter: &Sql) -> Result<i64> {
    let query = Sql::new(format!("SELECT count(*) FROM {} WHERE ", table.name)).append(filter.clone());
    Ok(query.typed::<BigInt>().get_result(connection)?)
}

fn exists(connection: &mut DbConnection, table: &Table, filter: &Sql, beyond: &Sql) -> Result<bool> {
    let query = Sql::new(format!(
        "SELECT count(*) FROM (SELECT 1 FROM {} WHERE ",
        table.name
    ))
    .append(filter.clone())
    .sql(" AND ")
    .append(beyond.clone())
    .sql(" LIMIT 1) AS neighbour");
    Ok(query.typed::<BigInt>().get_result::<i64>(connection)? > 0)
}

fn condition_sql(table: &Table, condition: &Condition) -> Result<Sql> {
    let several = |conditions: &[Condition], separator, empty| -> Result<Sql> {
        let pieces = conditions
            .iter()
            .map(|inner| condition_sql(table, inner))
            .collect::<Result<_>>()?;
        Ok(Sql::new("(").append(Sql::join(pieces, separator, empty)).sql(")"))
    };
    match condition {
        Condition::All(conditions) => several(conditions, " AND ", "1 = 1"),
        Condition::Any(conditions) => several(conditions, " OR ", "1 = 0"),
        Condition::Not(inner) => Ok(Sql::new("NOT (").append(condition_sql(table, inner)?).sql(")")),
        Condition::Field { field, lookup, value } => {
            let field = std::iter::once(&table.key)
                .chain(table.fields)
                .find(|candidate| candidate.path == *field)
                .ok_or_else(|| Error::internal(format!("{} has no field {field}", table.name)))?;
            Ok(match field.at {
                At::Own(column) => compare(format!("{}.{column}", table.name), *lookup, value),
                At::Related {
                    fk,
                    table: other,
                    column,
                } => Sql::new(format!(
                    "{}.{fk} IN (SELECT {other}.id FROM {other} WHERE ",
                    table.name
                ))
                .append(compare(format!("{other}.{column}"), *lookup, value))
                .sql(")"),
            })
        }
        Condition::SeatedInGroup { group_field, user_id } => {
            let column = match table
                .fields
                .iter()
                .find(|field| field.path == *group_field)
                .map(|field| field.at)
            {
                Some(At::Own(column)) => column,
                _ => {
                    return Err(Error::internal(format!(
                        "{} has no column {group_field}",
                        table.name
                    )));
                }
            };
            Ok(Sql::new(format!("{}.{column} IN (", table.name))
                .append(groups_of(*user_id))
                .sql(")"))
        }
        Condition::VersionOfSeenTask { user_id } => Ok(Sql::new(format!(
            "{}.id IN (SELECT seen.id FROM task_management_task AS seen \
             WHERE NOT seen.is_deleted AND seen.status <> 'RECEIVED' AND seen.task_group_id IN (",
            table.name
        ))
        .append(groups_of(*user_id))
        .sql("))")),
        Condition::HasExecutorNamed { text } => Ok(Sql::new(format!(
            "{}.id IN (SELECT seat.task_group_id FROM task_management_taskexecutor AS seat \
             JOIN core_user AS person ON person.id = seat.user_id WHERE NOT seat.is_deleted AND (",
            table.name
        ))
        .append(Sql::join(
            ["username", "last_name", "other_names"]
                .map(|column| {
                    compare(
                        format!("person.{column}"),
                        Lookup::Icontains,
                        &Value::Text(text.clone()),
                    )
                })
                .into(),
            " OR ",
            "1 = 0",
        ))
        .sql("))")),
        Condition::HasRole { roles } => Ok(Sql::new(format!(
            "{}.id IN (SELECT held.user_id FROM core_userrole AS held WHERE held.role_id IN (",
            table.name
        ))
        .append(Sql::join(
            roles.iter().map(|role| Sql::default().bind(*role)).collect(),
            ", ",
            "NULL",
        ))
        .sql("))")),
        Condition::GrantsRight { right } => Ok(Sql::new(format!(
            "{}.id IN (SELECT granted.role_id FROM core_roleright AS granted WHERE granted.right_id = ",
            table.name
        ))
        .bind(*right)
        .sql(")")),
        Condition::TouchedBy {
            client_mutation_id,
            user_id,
        } => {
            let (entity, column) = table
                .touched_as
                .ok_or_else(|| Error::internal(format!("{} is not linked to the journal", table.name)))?;
            let mut sql = Sql::new(format!(
                "{}.{column} IN (SELECT link.entity_id FROM task_management_taskmutation AS link \
                 JOIN core_mutationlog AS journal ON journal.id = link.mutation_id \
                 WHERE link.entity = '{entity}' AND journal.client_mutation_id = ",
                table.name
            ))
            .bind(client_mutation_id.as_str());
            if let Some(user_id) = user_id {
                sql = sql.sql(" AND journal.user_id = ").bind(*user_id);
            }
            Ok(sql.sql(")"))
        }
    }
}

/// The live groups in which the user sits.
fn groups_of(user_id: uuid::Uuid) -> Sql {
    Sql::new(
        "SELECT seat.task_group_id FROM task_management_taskexecutor AS seat \
         JOIN task_management_taskgroup AS seated ON seated.id = seat.task_group_id \
         WHERE NOT seat.is_deleted AND NOT seated.is_deleted AND seat.user_id = ",
    )
    .bind(user_id)
}

/// Compares a column. Patterns take `% _ \` literally; folding case is the database's (see the migrations).
fn compare(column: String, lookup: Lookup, value: &Value) -> Sql {
    let text = || match value {
        Value::Text(text) => text.clone(),
        other => format!("{other:?}"),
    };
    let escaped = || {
        text()
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_")
    };
    let plain = |operator: &str| Sql::new(format!("{column} {operator} ")).bind(value.clone());
    let like = |pattern: String| {
        Sql::new(format!("{column} LIKE "))
            .bind(Value::Text(pattern))
            .sql(" ESCAPE '\\'")
    };
    let folded_like = |pattern: String| {
        Sql::new(format!(
            "task_management_fold({column}) LIKE task_management_fold("
        ))
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
    }
}

fn check_size(argument: &str, size: Option<i64>, limit: PageLimit) -> Result<Option<i64>> {
    match size {
        Some(size) if size < 0 => Err(negative(argument)),
        Some(size) if size > limit.max => {
            let message = Message::new("page-too-large")
                .with("field", argument.to_owned())
                .with("max", limit.max);
            Err(Error::limit(argument, message))
        }
        other => Ok(other),
    }
}

fn negative(argument: &str) -> Error {
    Error::validation(
        argument,
        Message::new("negative").with("field", argument.to_owned()),
    )
}
