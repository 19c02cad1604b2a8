//! Reading roles.

use async_graphql::{Context, Object};

use super::super::arguments::read;
use super::super::connection::Connection;
use super::super::context::request;
use super::filters::ROLE;
use super::types::RoleNode;
use crate::error::Result;
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
        let roles = role::list(&context.core, context.requester()?, query).await?;
        Ok(Some(Connection::new(roles, RoleNode)))
    }
}
