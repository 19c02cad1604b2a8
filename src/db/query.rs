//! Lists: from the interface's words to SQL, the same for every entity and both databases.
//!
//! Paging is by keyset: a cursor holds the values that the page's last row is sorted by, so following cursors stays
//! right while rows come and go, and page ten thousand costs what the first one does. Ties are broken by key.
//!
//! A list is read in segments: first the rows whose first sort key has a value, then those that lack it, so an index says where
//! each begins. A list that is sorted by a column of another table finds the page's ids by a join first, in which the database may
//! begin with the other table. Its statistics decide that; housekeeping renews those of SQLite (`db/statistics.rs`).

use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl, deserialize};

use super::connection::{DbConnection, MultiBackend};
use super::entity::columns;
use super::history::historical_columns;
use super::sql::Sql;
use crate::budget;
use crate::domain::query::{Condition, ListQuery, Value};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::entity::{Archived, Kind};
use crate::model::history::Historical;
use crate::model::slice::{Related, Slice};

mod asked;
mod awaiting;
mod branches;
mod condition;
mod cursor;
mod key;
mod order;
mod related;
mod segment;
mod table;
mod tally;

pub use asked::{asked_among, executors_among};
pub use awaiting::awaiting_among;
use branches::Branches;
pub use condition::{filter, is_open};
use order::Order;
pub use related::select_with_related;
use table::At;
pub use table::{Counters, Field, Listed, Table};
pub use tally::tally;

/// How large a page may be.
#[derive(Debug, Clone, Copy)]
pub struct PageLimit {
    /// The most rows in one page, and the number of rows if none is given.
    pub max: i64,
}

impl PageLimit {
    /// How many rows are asked for; the most that are allowed, if no number is given.
    ///
    /// # Errors
    /// VALIDATION or LIMIT, naming `argument`.
    pub fn of(self, argument: &str, size: Option<i64>) -> Result<usize> {
        let size = self.check(argument, size)?.unwrap_or(self.max);
        usize::try_from(size).map_err(Error::internal)
    }

    fn check(self, argument: &str, size: Option<i64>) -> Result<Option<i64>> {
        match size {
            Some(size) if size < 0 => Err(negative(argument)),
            Some(size) if size > self.max => {
                let message =
                    Message::new("page-too-large").with("field", argument.to_owned()).with("max", self.max);
                Err(Error::limit(argument, message))
            }
            other => Ok(other),
        }
    }
}

/// Lists the rows of an entity that are not deleted.
///
/// # Errors
/// VALIDATION or LIMIT for invalid orders, cursors and page sizes.
pub fn list<T: Listed>(
    connection: &mut DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Slice<T>> {
    list_table(connection, &Table::of::<T>(), &columns::<T>(), query, limit)
}

/// Lists the versions of an entity, of deleted rows too.
///
/// # Errors
/// VALIDATION or LIMIT for invalid orders, cursors and page sizes.
pub fn list_history<T: Listed + Archived>(
    connection: &mut DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Slice<Historical<T>>> {
    list_table(connection, &Table::of_history::<T>(), &historical_columns::<T>(), query, limit)
}

/// A row of a list.
struct Listing<R> {
    row: R,
    /// The values by which it is sorted, as a JSON list.
    sort_values: String,
    related: Related,
}

impl<R: QueryableByName<MultiBackend>> QueryableByName<MultiBackend> for Listing<R> {
    fn build<'a>(row: &impl NamedRow<'a, MultiBackend>) -> deserialize::Result<Self> {
        let sorted = related::index_of(row, "sort_values").ok_or("a row of a list has no sort values")?;
        Ok(Self {
            row: R::build(row)?,
            sort_values: row.get_value::<Text, String, _>(sorted)?,
            related: related::read(row, sorted + 1)?,
        })
    }
}

fn list_table<R: QueryableByName<MultiBackend> + 'static>(
    connection: &mut DbConnection,
    table: &Table,
    columns: &str,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Slice<R>> {
    let order = Order::parse(table, &query.order_by)?;
    let page = &query.page;
    let first = limit.check("first", page.first)?;
    let last = limit.check("last", page.last)?;
    let offset = match page.offset {
        Some(offset) if offset < 0 => return Err(negative("offset")),
        other => other.unwrap_or(0),
    };
    let after = page.after.as_deref().map(|cursor| order.read_cursor("after", cursor)).transpose()?;
    let before = page.before.as_deref().map(|cursor| order.read_cursor("before", cursor)).transpose()?;

    let matching = filter(connection.dialect(), table, &query.conditions)?;
    let total_count = if query.wanted.total_count {
        Some(total(connection, table, &query.conditions, &matching)?)
    } else {
        None
    };

    // Relay: `first` is taken before `last`, so `last` reads backwards only when it stands alone.
    let backward = first.is_none() && last.is_some();
    let size = first.or(last).unwrap_or(limit.max);
    let segments_in = |order: &Order| match (&after, &before) {
        (start, None) if !backward && offset == 0 => order.segments(start.as_deref(), false),
        (None, start) if backward && offset == 0 => order.segments(start.as_deref(), true),
        _ => {
            let after = after.iter().map(|values| order.beyond(values, false));
            let before = before.iter().map(|values| order.beyond(values, true));
            let both = Sql::join(after.chain(before).collect(), " AND ", "1 = 1");
            vec![order.one_segment(both, backward)]
        }
    };
    let branches = Branches::of(table, &query.conditions);
    let at_steps = branches.as_ref().and_then(|branches| branches.order_at_steps(&query.order_by));
    let mut at_steps = at_steps.iter().flat_map(segments_in);
    let is_one = query.conditions.iter().any(|condition| condition.is_equality(table.key.path));
    let has_one_plan =
        after.is_none() && before.is_none() && (is_one || query.conditions.iter().all(Condition::is_boolean));
    let mut rows: Vec<(R, String)> = Vec::new();
    let mut related = Related::default();
    for segment in segments_in(&order) {
        let missing = size + 1 - i64::try_from(rows.len()).map_err(Error::internal)?;
        if missing == 0 {
            break;
        }
        // The keys of the page are found first where that reads other tables, so that whole rows need not be sorted.
        let keys = if order.is_joined() {
            Some(segment.select(&order.id, &matching, missing, offset))
        } else if let Some((branches, at_steps)) = branches.as_ref().zip(at_steps.next()) {
            Some(branches.keys(connection.dialect(), &segment, &at_steps, (missing, offset))?)
        } else {
            None
        };
        let (filter, sorted, skipped) = match keys {
            Some(keys) => {
                let filter = Sql::new(format!("{} IN (", order.id)).append(keys).sql(")");
                (filter, order.sql(backward), 0)
            }
            None => (segment.filter(&matching), segment.order, offset),
        };
        let page = Sql::new(format!("SELECT {columns}, "))
            .append(order.sort_values(connection.dialect()))
            .sql(format!(" AS sort_values FROM {} WHERE ", table.name))
            .append(filter)
            .sql(" ORDER BY ")
            .append(sorted)
            .append(bounds(missing, skipped, has_one_plan));
        let (wanted, most) = (&query.wanted.related, if is_one { 1 } else { size });
        let page = related::with_related(page, table.name, columns, wanted, most, order.sql(backward));
        let loaded: Vec<Listing<R>> = page.load(connection)?;
        budget::rows(loaded.len())?;
        for found in loaded {
            rows.push((found.row, order.write_cursor(&found.sort_values)));
            related.add(found.related);
        }
    }
    related::count(&related)?;
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

    // Reading one row more tells whether rows follow in the direction of reading. Rows lie behind the page only if it does
    // not begin at an end of the list. Ahead of it there may be rows beyond a bound.
    let (mut has_next, mut has_previous) = if backward { (false, more) } else { (more, trimmed) };
    if query.wanted.neighbours {
        let skipped = offset > 0;
        if !has_next && (before.is_some() || (backward && skipped)) {
            let last = rows.last().map(|(_, cursor)| order.read_cursor("before", cursor)).transpose()?;
            has_next = any_beyond(connection, &order, &matching, last.as_deref(), before.as_deref(), false)?;
        }
        if !has_previous && (after.is_some() || (!backward && skipped)) {
            let first = rows.first().map(|(_, cursor)| order.read_cursor("after", cursor)).transpose()?;
            has_previous =
                any_beyond(connection, &order, &matching, first.as_deref(), after.as_deref(), true)?;
        }
    }
    Ok(Slice { rows, total_count, has_next, has_previous, related })
}

/// The bounds of a page. PostgreSQL plans a statement anew each time if a value bounds it, as it would else expect to read a
/// tenth of the table: 0.3 of 0.6 ms. So the usual bounds are written into the text where one plan is right for all values:
/// where all rows are listed, or one by its key.
fn bounds(limit: i64, offset: i64, has_one_plan: bool) -> Sql {
    /// One row more than the pages that clients ask for, and than the largest one.
    const USUAL: &[i64] = &[2, 11, 21, 51, 101];
    if has_one_plan && offset == 0 && USUAL.contains(&limit) {
        return Sql::new(format!(" LIMIT {limit}"));
    }
    Sql::new(" LIMIT ").bind(limit).sql(" OFFSET ").bind(offset)
}

/// How many rows a list has. The counters say it, if they know all that the list is filtered by.
fn total(
    connection: &mut DbConnection,
    table: &Table,
    conditions: &[Condition],
    matching: &Sql,
) -> Result<i64> {
    let dialect = connection.dialect();
    let knows_all = |counters: &&Table| conditions.iter().all(|condition| counters.has_all_of(condition));
    let query = if let Some(counters) = table.counters.as_deref().filter(knows_all) {
        counters.tally(filter(dialect, counters, conditions)?)
    } else if let Some(branches) = Branches::of(table, conditions).filter(Branches::can_count) {
        branches.count(dialect)?
    } else {
        return count(connection, table, matching);
    };
    Ok(query.typed::<BigInt>().get_result(connection)?)
}

/// How many rows meet `filter`.
pub fn count(connection: &mut DbConnection, table: &Table, filter: &Sql) -> Result<i64> {
    let query = Sql::new(format!("SELECT count(*) FROM {} WHERE ", table.name)).append(filter.clone());
    Ok(query.typed::<BigInt>().get_result(connection)?)
}

/// Whether rows lie beyond the row with these values; without values, whether there are any rows. The row of the `bound`
/// lies there, unless it has changed or gone, and can be found without an index on the order.
fn any_beyond(
    connection: &mut DbConnection,
    order: &Order,
    matching: &Sql,
    values: Option<&[Option<Value>]>,
    bound: Option<&[Option<Value>]>,
    backward: bool,
) -> Result<bool> {
    let id = bound.and_then(|bound| order.id_in(bound));
    let likely = values.zip(id).map(|(values, id)| {
        let it = Sql::new(format!("{} = ", order.id)).bind(id.clone());
        order.one_segment(it.sql(" AND ").append(order.beyond(values, backward)), backward)
    });
    for segment in likely.into_iter().chain(order.segments(values, backward)) {
        if segment.has_rows(connection, matching)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn negative(argument: &str) -> Error {
    Error::validation(argument, Message::new("negative").with("field", argument.to_owned()))
}
