//! Reading roles.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::protocol::arguments::read;
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::graphql::role::filters::ROLE;
use crate::graphql::role::types::RoleNode;
use crate::service::role;

/// Reading roles.
#[derive(Default)]
pub struct RoleQueries;

#[Object]
impl RoleQueries {
    /// All roles, with the right to list them.
    async fn role(&self, ctx: &Context<'_>) -> Result<Option<Connection<RoleNode>>> {
        let query = read(ctx, &ROLE)?;
        let context = request(ctx)?;
        let roles = role::list(&context.services, context.requester()?, query).await?;
        Ok(Some(Connection::new(roles, RoleNode)))
    }
}
