//! Requests that functions have answered, in GraphQL.

use std::sync::LazyLock;

use async_graphql::{ComplexObject, Context, ID, Object};
use uuid::Uuid;

use crate::domain::query::Lookup;
use crate::error::Result;
use crate::graphql::function_run::types::{FunctionRunError, FunctionRunErrorType};
use crate::graphql::protocol::arguments::{
    RANGE, Table, int, join, moment, one_of, order_by, paging, text, uuid,
};
use crate::graphql::protocol::connection::{Connection, listed};
use crate::graphql::protocol::declaration::shows;
use crate::graphql::protocol::scalars::{Moment, global_id};
use crate::graphql::user::types::{UserNode, user_if_any};
use crate::model::function_request::FunctionRequest;
use crate::service::context::ListScope;
use crate::service::function_request;

shows! {
    /// A request that a function was called to answer. Requests that were refused before that are none.
    #[graphql(name = "FunctionRequestGQLType", complex)]
    pub struct FunctionRequestNode of request: FunctionRequest {
        pub id: ID = global_id("FunctionRequestGQLType", request.id),
        uuid: String = request.id.to_string(),
        /// The key of the function, which may be deleted since.
        function_id: String,
        function_name: String = request.function_name.clone(),
        method: String = request.method.clone(),
        /// The path behind the function's name, as it was sent, without the query.
        path: String = request.path.clone(),
        /// The status of the answer; null while the function is at work, and if its process has died meanwhile.
        status_code: Option<i32>,
        /// How many milliseconds the answer took.
        duration: Option<i64> = request.duration_ms,
        /// The error that kept the function from answering.
        error: Option<FunctionRunError> = request.error().map(FunctionRunError::from),
        creation_timestamp: Moment = Moment(request.date_created),
        #[graphql(skip)]
        user_created: Option<Uuid>,
    }
}

#[ComplexObject]
impl FunctionRequestNode {
    /// The person who has called; null for a stranger.
    async fn created_by_user(&self, ctx: &Context<'_>) -> Result<Option<UserNode>> {
        user_if_any(ctx, self.user_created).await
    }
}

/// `Query.functionRequests`
pub static FUNCTION_REQUESTS: Table = LazyLock::new(|| {
    join([
        order_by(),
        paging(),
        uuid("id", "ID", "id", "FunctionRequestGQLType"),
        uuid("functionId", "ID", "function_id", "TaskFunctionGQLType"),
        text("functionName", "String", "function_name", &[Lookup::Exact]),
        text("method", "String", "method", &[Lookup::Exact]),
        int("statusCode", "status_code", RANGE),
        text("errorName", "String", "error_name", &[Lookup::Exact]),
        one_of::<FunctionRunErrorType>("errorType", "error_type", &[Lookup::Exact]),
        uuid("createdByUserId", "ID", "user_created", "UserGQLType"),
        moment("creationTimestamp", "date_created", RANGE),
    ])
});

/// Looking at requests.
#[derive(Default)]
pub struct FunctionRequestQueries;

#[Object]
impl FunctionRequestQueries {
    /// The requests that functions were called to answer, in their order.
    async fn function_requests(&self, ctx: &Context<'_>) -> Result<Option<Connection<FunctionRequestNode>>> {
        let list =
            |services, requester, query| function_request::list(services, requester, query, ListScope::Root);
        listed(ctx, &FUNCTION_REQUESTS, None, list).await.map(Some)
    }
}
