//! Pieces of SQL with bound values, for what diesel's typed queries can't say on both databases: dynamic filters,
//! keyset paging, copies into history, upserts. Values are always bound, never written into the text.

use std::borrow::Cow;
use std::marker::PhantomData;

use chrono::NaiveDateTime;
use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text, Timestamp};

use super::connection::{DbConnection, MultiBackend};
use super::types::{DbUuid, SqlUuid};
use crate::domain::query::Value;

/// How many rows a statement writes at most: databases bound how many values it may bind.
pub const ROWS_AT_ONCE: usize = 500;

/// SQL text with values bound in it.
#[derive(Debug, Clone, Default)]
pub struct Sql {
    fragments: Vec<Fragment>,
}

#[derive(Debug, Clone)]
enum Fragment {
    Text(Cow<'static, str>),
    Bind(Bound),
}

#[derive(Debug, Clone)]
enum Bound {
    Text(String),
    Uuid(DbUuid),
    Int(i64),
    Bool(bool),
    DateTime(NaiveDateTime),
}

impl Sql {
    /// Plain text.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { fragments: vec![Fragment::Text(text.into())] }
    }

    /// Adds text.
    #[must_use]
    pub fn sql(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.fragments.push(Fragment::Text(text.into()));
        self
    }

    /// Adds a bound value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.fragments.push(Fragment::Bind(match value.into() {
            Value::Text(text) => Bound::Text(text),
            Value::Uuid(id) => Bound::Uuid(DbUuid(id)),
            Value::Int(number) => Bound::Int(number),
            Value::Bool(truth) => Bound::Bool(truth),
            Value::DateTime(moment) => Bound::DateTime(moment),
        }));
        self
    }

    /// Adds another piece.
    #[must_use]
    pub fn append(mut self, other: Self) -> Self {
        self.fragments.extend(other.fragments);
        self
    }

    /// Several pieces with `separator` between them; `empty` where there are none.
    #[must_use]
    pub fn join(pieces: Vec<Self>, separator: &'static str, empty: &'static str) -> Self {
        let mut pieces = pieces.into_iter();
        let Some(first) = pieces.next() else {
            return Self::new(empty);
        };
        pieces.fold(first, |all, piece| all.sql(separator).append(piece))
    }

    /// As an expression of SQL type `ST` in a typed query.
    #[must_use]
    pub const fn typed<ST>(self) -> Typed<ST> {
        Typed(self, PhantomData)
    }

    /// Runs it as a statement; answers how many rows it touched.
    ///
    /// # Errors
    /// What the database says.
    pub fn execute(self, connection: &mut DbConnection) -> QueryResult<usize> {
        diesel::RunQueryDsl::execute(self.typed::<diesel::sql_types::Untyped>(), connection)
    }
}

impl From<uuid::Uuid> for Value {
    fn from(id: uuid::Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<NaiveDateTime> for Value {
    fn from(moment: NaiveDateTime) -> Self {
        Self::DateTime(moment)
    }
}

/// [`Sql`] with the SQL type of its result: an expression, or a whole query of rows of that type.
#[derive(Debug, Clone)]
pub struct Typed<ST>(Sql, PhantomData<fn() -> ST>);

impl<ST> QueryFragment<MultiBackend> for Typed<ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        for fragment in &self.0.fragments {
            match fragment {
                Fragment::Text(text) => out.push_sql(text),
                Fragment::Bind(Bound::Text(text)) => out.push_bind_param::<Text, _>(text)?,
                Fragment::Bind(Bound::Uuid(id)) => out.push_bind_param::<SqlUuid, _>(id)?,
                Fragment::Bind(Bound::Int(number)) => out.push_bind_param::<BigInt, _>(number)?,
                Fragment::Bind(Bound::Bool(truth)) => out.push_bind_param::<Bool, _>(truth)?,
                Fragment::Bind(Bound::DateTime(moment)) => out.push_bind_param::<Timestamp, _>(moment)?,
            }
        }
        Ok(())
    }
}

/// Prepared statements are cached by their text, as two pieces of one Rust type can differ.
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
