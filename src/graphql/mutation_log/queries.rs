//! Reading the journal.

use async_graphql::{Context, Object};

use super::super::arguments::read;
use super::super::connection::Connection;
use super::super::context::request;
use super::filters::MUTATION_LOG;
use super::types::MutationLogNode;
use crate::error::Result;
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
        let entries = mutation_log::list(&context.core, context.requester()?, query).await?;
        Ok(Some(Connection::new(entries, MutationLogNode)))
    }
}
