//! Relay connections in the exact shape of the interface: nullable edges, `totalCount` and `edgeCount`.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::connection::PageInfo;
use async_graphql::{Context, Name, Object, ObjectType, OutputType, TypeName, Value};

use crate::auth::requester::Requester;
use crate::domain::query::{Condition, ListQuery};
use crate::error::Result;
use crate::graphql::protocol::arguments::{Arguments, read};
use crate::graphql::protocol::context::{RequestContext, request};
use crate::model::slice::{Related, Slice};
use crate::service::ServiceContext;

/// A page of a list.
pub struct Connection<N> {
    slice: Slice<N>,
}

impl<N> Connection<N> {
    /// Shows the rows of a slice; what was read with them is known from now on.
    pub fn new<T>(context: &RequestContext, slice: Slice<T>) -> Self
    where
        N: From<T>,
    {
        context.known.keep(slice.related);
        Self {
            slice: Slice {
                rows: slice.rows.into_iter().map(|(row, cursor)| (row.into(), cursor)).collect(),
                total_count: slice.total_count,
                has_next: slice.has_next,
                has_previous: slice.has_previous,
                related: Related::default(),
            },
        }
    }
}

impl<N> Connection<N> {
    /// Shows rows that are the whole list. They have no cursors, so the caller must check that no cursors are selected.
    pub fn all(nodes: impl Iterator<Item = N>, limit: i64) -> Self {
        let mut rows: Vec<(N, String)> = nodes.map(|node| (node, String::new())).collect();
        let total_count = i64::try_from(rows.len()).ok();
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let has_next = total_count > i64::try_from(rows.len()).ok();
        let related = Related::default();
        Self { slice: Slice { rows, total_count, has_next, has_previous: false, related } }
    }
}

/// Lists the rows that the arguments of the present field ask for, among those that meet `condition`.
///
/// # Errors
/// VALIDATION, naming the argument, or an error of `list`.
pub async fn listed<'a, T, N, F>(
    ctx: &Context<'a>,
    table: &Arguments,
    condition: Option<Condition>,
    list: impl FnOnce(&'a Arc<ServiceContext>, &'a Arc<Requester>, ListQuery) -> F,
) -> Result<Connection<N>>
where
    N: From<T>,
    F: Future<Output = Result<Slice<T>>>,
{
    let mut query = read(ctx, table)?;
    query.conditions.extend(condition);
    let context = request(ctx)?;
    Ok(Connection::new(context, list(&context.services, context.requester()?, query).await?))
}

/// Whether the present field asks only for rows, without cursors and without arguments other than these. Then a loader can
/// fetch the rows of many such fields at once.
pub fn asks_for_rows_alone(ctx: &Context<'_>, arguments: &[&str]) -> bool {
    let selected = ctx.look_ahead();
    let wants_cursors =
        selected.field("pageInfo").exists() || selected.field("edges").field("cursor").exists();
    let is_among = |(name, _): &(Name, Value)| arguments.contains(&name.as_str());
    !wants_cursors && ctx.field().arguments().is_ok_and(|given| given.iter().all(is_among))
}

impl<N: OutputType> TypeName for Connection<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", <N as OutputType>::type_name()).into()
    }
}

#[Object(name_type)]
impl<N: OutputType + ObjectType> Connection<N> {
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.slice.has_next,
            has_previous_page: self.slice.has_previous,
            start_cursor: self.slice.rows.first().map(|(_, cursor)| cursor.clone()),
            end_cursor: self.slice.rows.last().map(|(_, cursor)| cursor.clone()),
        }
    }

    async fn edges(&self) -> Vec<Option<Edge<'_, N>>> {
        self.slice.rows.iter().map(|(node, cursor)| Some(Edge { node, cursor })).collect()
    }

    /// How many rows match on all pages together.
    async fn total_count(&self) -> Option<i64> {
        self.slice.total_count
    }

    /// How many rows are on this page.
    async fn edge_count(&self) -> Option<i64> {
        i64::try_from(self.slice.rows.len()).ok()
    }
}

/// A row of a list.
pub struct Edge<'a, N> {
    node: &'a N,
    cursor: &'a str,
}

impl<N: OutputType> TypeName for Edge<'_, N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", <N as OutputType>::type_name()).into()
    }
}

#[Object(name_type)]
impl<N: OutputType + ObjectType> Edge<'_, N> {
    async fn node(&self) -> Option<&N> {
        Some(self.node)
    }

    /// An opaque mark of the row's position, for `after` and `before`.
    async fn cursor(&self) -> &str {
        self.cursor
    }
}
