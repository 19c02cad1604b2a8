//! Pieces of SQL with bound values, for statements that all entities have alike, and for statements that diesel's typed
//! queries can't express on both databases: dynamic filters, keyset paging, copies into history, upserts. Values are always
//! bound, never written into the text.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::deserialize::{self, QueryableByName};
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::row::{Field as _, NamedRow, Row};
use diesel::sql_types::{BigInt, Bool, Jsonb, Text, Timestamp, Untyped, Uuid};

use super::connection::{DbConnection, MultiBackend};
use crate::budget;
use crate::model::bound::Bound;

/// How many rows a statement writes at most, because databases limit how many values a statement may bind.
pub const ROWS_AT_ONCE: usize = 500;

/// Up to how many values or rows a text is kept as a prepared statement. Most statements about rows of one task have fewer.
const FEW: usize = 4;

/// SQL text with values bound in it.
#[derive(Debug, Clone, Default)]
pub struct Sql {
    fragments: Vec<Fragment>,
    varies: bool,
}

#[derive(Debug, Clone)]
enum Fragment {
    Text(Cow<'static, str>),
    Bind(Bound),
}

impl From<uuid::Uuid> for Sql {
    /// The key, bound.
    fn from(key: uuid::Uuid) -> Self {
        Self::default().bind(key)
    }
}

impl Sql {
    /// Plain text.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self::default().sql(text)
    }

    /// Adds text.
    #[must_use]
    pub fn sql(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.fragments.push(Fragment::Text(text.into()));
        self
    }

    /// Adds a bound value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Bound>) -> Self {
        self.fragments.push(match value.into() {
            // A NULL without a type of its own takes the type of its column.
            Bound::Null => Fragment::Text("NULL".into()),
            value => Fragment::Bind(value),
        });
        self
    }

    /// The condition that a column holds a name that reads like this one. A function of the database compares (see the
    /// migrations).
    pub fn reads_like(column: &str, name: &str) -> Self {
        Self::new(format!("task_management_likeness({column}) = task_management_likeness("))
            .bind(name)
            .sql(")")
    }

    /// Adds `(…, …)` with these values.
    #[must_use]
    pub fn list(self, values: impl IntoIterator<Item = impl Into<Bound>>) -> Self {
        let values = values.into_iter().map(|value| Self::default().bind(value)).collect();
        self.sql("(").append(Self::join(values, ", ", "NULL")).sql(")")
    }

    /// Adds `IN (…)` with these values, of which there may be any number.
    #[must_use]
    pub fn among(self, values: impl IntoIterator<Item = impl Into<Bound>>) -> Self {
        let values: Vec<Bound> = values.into_iter().map(Into::into).collect();
        let count = values.len();
        self.sql("IN ").list(values).varies_with(count)
    }

    /// Notes that the text differs with the number of values or rows in it. It is kept as a prepared statement only if there
    /// are few, so that there are not many such texts.
    #[must_use]
    pub const fn varies_with(mut self, count: usize) -> Self {
        self.varies |= count > FEW;
        self
    }

    /// Adds another piece.
    #[must_use]
    pub fn append(mut self, other: Self) -> Self {
        self.fragments.extend(other.fragments);
        self.varies |= other.varies;
        self
    }

    /// Joins pieces with `separator` between them; `empty` if there are none.
    #[must_use]
    pub fn join(pieces: Vec<Self>, separator: &'static str, empty: &'static str) -> Self {
        let mut pieces = pieces.into_iter();
        let Some(first) = pieces.next() else {
            return Self::new(empty);
        };
        pieces.fold(first, |all, piece| all.sql(separator).append(piece))
    }

    /// The piece as an expression of SQL type `ST` in a typed query.
    #[must_use]
    pub const fn typed<ST>(self) -> Typed<ST> {
        Typed(self, PhantomData)
    }

    /// Runs it as a statement; returns how many rows it touched.
    pub fn execute(self, connection: &mut DbConnection) -> QueryResult<usize> {
        go_on()?;
        diesel::RunQueryDsl::execute(self.typed::<Untyped>(), connection)
    }

    /// Runs it as a query.
    pub fn load<R: QueryableByName<MultiBackend> + 'static>(
        self,
        connection: &mut DbConnection,
    ) -> QueryResult<Vec<R>> {
        go_on()?;
        let rows: Vec<Metered<R>> = diesel::RunQueryDsl::load(self.typed::<Untyped>(), connection)?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }
}

/// Refuses to begin a statement when the time of the request that it is for is used up.
fn go_on() -> QueryResult<()> {
    budget::go_on().map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))
}

/// A row whose bytes are counted before it is read, in the budget of the request that it is read for.
struct Metered<R>(R);

impl<R: QueryableByName<MultiBackend>> QueryableByName<MultiBackend> for Metered<R> {
    fn build<'a>(row: &impl NamedRow<'a, MultiBackend>) -> deserialize::Result<Self> {
        if budget::is_counted() {
            for index in 0..row.field_count() {
                let Some(field) = Row::get(row, index) else { continue };
                let Some(value) = field.value() else { continue };
                let Bytes(count) = value.from_sql::<Bytes, Text>()?;
                budget::bytes(count)?;
            }
        }
        R::build(row).map(Self)
    }
}

/// How many bytes a value takes on its way here.
pub(super) struct Bytes(pub(super) usize);

/// [`Sql`] with the SQL type of its result: an expression, or a whole query of rows of that type.
#[derive(Debug, Clone)]
pub struct Typed<ST>(Sql, PhantomData<fn() -> ST>);

impl<ST> QueryFragment<MultiBackend> for Typed<ST> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        self.0.walk(out)
    }
}

impl Sql {
    fn walk<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        if self.varies {
            out.unsafe_to_cache_prepared();
        }
        for fragment in &self.fragments {
            match fragment {
                Fragment::Text(text) => out.push_sql(text),
                Fragment::Bind(Bound::Null) => out.push_sql("NULL"),
                Fragment::Bind(Bound::Text(text)) => out.push_bind_param::<Text, _>(text)?,
                Fragment::Bind(Bound::Uuid(id)) => out.push_bind_param::<Uuid, _>(id)?,
                Fragment::Bind(Bound::Int(number)) => out.push_bind_param::<BigInt, _>(number)?,
                Fragment::Bind(Bound::Bool(truth)) => out.push_bind_param::<Bool, _>(truth)?,
                Fragment::Bind(Bound::DateTime(moment)) => out.push_bind_param::<Timestamp, _>(moment)?,
                Fragment::Bind(Bound::Json(value)) => out.push_bind_param::<Jsonb, _>(value)?,
            }
        }
        Ok(())
    }
}

/// Prepared statements are cached by their text, because two pieces of one Rust type can differ.
impl<ST> QueryId for Typed<ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Expression for Typed<ST>
where
    ST: diesel::expression::TypedExpressionType,
{
    type SqlType = ST;
}

impl<QS, ST> AppearsOnTable<QS> for Typed<ST> where Self: Expression {}
impl<QS, ST> SelectableExpression<QS> for Typed<ST> where Self: Expression {}
impl<ST> ValidGrouping<()> for Typed<ST> {
    type IsAggregate = is_aggregate::No;
}

impl<ST> Query for Typed<ST> {
    type SqlType = ST;
}
impl<ST> diesel::RunQueryDsl<DbConnection> for Typed<ST> {}
