//! Lists: from the interface's words to SQL, the same for every entity and both databases.
//!
//! Paging is by keyset: a cursor holds the values that the page's last row is sorted by, so following cursors stays
//! right while rows come and go, and page ten thousand costs what the first one does.

use diesel::sql_types::{BigInt, Bool, Text, Untyped};
use diesel::{QueryResult, RunQueryDsl};

use super::connection::DbConnection;
use super::sql::{Sql, Typed};
use crate::domain::query::{ListQuery, Slice};
use crate::error::{Error, Result};
use crate::message::Message;

mod condition;
mod cursor;
mod order;

pub use condition::filter;
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
        Self { path, at: At::Own(path), kind, nullable: false }
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
        Self { path, at: At::Related { fk, table, column }, kind, nullable: false }
    }

    /// The same, but found under another column name of the table itself.
    #[must_use]
    pub const fn column(self, column: &'static str) -> Self {
        Self { at: At::Own(column), ..self }
    }

    /// The same, but it may be absent.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { nullable: true, ..self }
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
    let after = page.after.as_deref().map(|cursor| order.read_cursor("after", cursor)).transpose()?;
    let before = page.before.as_deref().map(|cursor| order.read_cursor("before", cursor)).transpose()?;

    let matching = filter(connection.dialect(), table, &query.conditions)?;
    let total_count =
        if query.wanted.total_count { Some(count(connection, table, &matching)?) } else { None };

    // Relay: `first` is taken before `last`, so `last` reads backwards only when it stands alone.
    let backward = first.is_none() && last.is_some();
    let size = first.or(last).unwrap_or(limit.max);
    let parts = match (&after, &before) {
        (Some(values), None) if !backward && offset == 0 => order.beyond_in_parts(values, false),
        (None, Some(values)) if backward && offset == 0 => order.beyond_in_parts(values, true),
        _ => {
            let after = after.iter().map(|values| order.beyond(values, false));
            let before = before.iter().map(|values| order.beyond(values, true));
            vec![Sql::join(after.chain(before).collect(), " AND ", "1 = 1")]
        }
    };
    let mut rows: Vec<(R, String)> = Vec::new();
    for bounds in parts {
        let missing = size + 1 - i64::try_from(rows.len()).map_err(Error::internal)?;
        if missing == 0 {
            break;
        }
        let part = Part {
            filter: matching.clone().sql(" AND (").append(bounds).sql(")").typed(),
            order: order.sql(backward).typed(),
            sort_values: order.sort_values(connection.dialect()).typed(),
            limit: missing,
            offset,
        };
        let loaded = load(connection, part)?;
        rows.extend(loaded.into_iter().map(|(row, values)| (row, order.write_cursor(&values))));
    }
    let size = usize::try_from(size).map_err(Error::internal)?;
    let more = rows.len() > size;
    rows.truncate(size);
    if backward {
        rows.reverse();
    }
    let mut trimmed = false;
    if let (Some(_), Some(last)) = (first, last) {
        let surplus = rows.len().saturating_sub(usize::try_from(last).map_err(Error::internal)?);
        trimmed = surplus > 0;
        rows.drain(..surplus);
    }

    // Reading on tells whether rows follow in the direction of reading. Behind the page there are rows only if it does
    // not begin at the list's end; ahead of it there may be some beyond a bound.
    let (mut has_next, mut has_previous) = if backward { (false, more) } else { (more, trimmed) };
    if query.wanted.neighbours {
        let skipped = offset > 0;
        if !has_next && (before.is_some() || (backward && skipped)) {
            has_next = match rows.last() {
                Some((_, cursor)) => exists(
                    connection,
                    table,
                    &matching,
                    &order.beyond(&order.read_cursor("before", cursor)?, false),
                )?,
                None => exists(connection, table, &matching, &Sql::new("1 = 1"))?,
            };
        }
        if !has_previous && (after.is_some() || (!backward && skipped)) {
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
    Ok(Slice { rows, total_count, has_next, has_previous })
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
    let query = Sql::new(format!("SELECT count(*) FROM (SELECT 1 FROM {} WHERE ", table.name))
        .append(filter.clone())
        .sql(" AND ")
        .append(beyond.clone())
        .sql(" LIMIT 1) AS neighbour");
    Ok(query.typed::<BigInt>().get_result::<i64>(connection)? > 0)
}

fn check_size(argument: &str, size: Option<i64>, limit: PageLimit) -> Result<Option<i64>> {
    match size {
        Some(size) if size < 0 => Err(negative(argument)),
        Some(size) if size > limit.max => {
            let message =
                Message::new("page-too-large").with("field", argument.to_owned()).with("max", limit.max);
            Err(Error::limit(argument, message))
        }
        other => Ok(other),
    }
}

fn negative(argument: &str) -> Error {
    Error::validation(argument, Message::new("negative").with("field", argument.to_owned()))
}
