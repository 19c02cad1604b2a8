//! Reading the journal.

use async_graphql::{Context, Object};

use crate::error::Result;
use crate::graphql::mutation_log::filters::MUTATION_LOG;
use crate::graphql::mutation_log::types::MutationLogNode;
use crate::graphql::protocol::arguments::read;
use crate::graphql::protocol::connection::Connection;
use crate::graphql::protocol::context::request;
use crate::service::mutation_log;

/// Reading the journal.
#[derive(Default)]
pub struct MutationLogQueries;

#[Object]
impl MutationLogQueries {
    /// What one has asked for and how it went; everybody's for superusers.
    async fn mutation_logs(&self, ctx: &Context<'_>) -> Result<Option<Connection<MutationLogNode>>> {
        let query = read(ctx, &MUTATION_LOG)?;
        let context = request(ctx)?;
        let entries = mutation_log::list(&context.services, context.requester()?, query).await?;
        Ok(Some(Connection::new(entries, MutationLogNode)))
    }
}
