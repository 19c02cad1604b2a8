//! Requests that functions have answered: looking at them. What answers them is in `call.rs`.

use std::sync::Arc;

use super::context::{ListScope, ServiceContext};
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::query::ListQuery;
use crate::error::Result;
use crate::model::function_request::FunctionRequest;
use crate::model::slice::Slice;

#[cfg(feature = "server")]
pub mod call;

/// Lists the requests that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<FunctionRequest>> {
    services.list(requester, query, place, visibility::function_requests, db::list::<FunctionRequest>).await
}
