//! The entities that tasks are about, in GraphQL.

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::domain::text::{MAX_TEXT, check_text};
use crate::error::Result;
use crate::graphql::protocol::context::request;
use crate::service::entity;

/// An entity that a task can be about.
#[derive(SimpleObject)]
#[graphql(name = "TaskEntityGQLType")]
pub struct TaskEntityNode {
    /// The entity's key, to be given as `entityId`.
    id: ID,
    /// The entity's name.
    display: String,
}

/// Searching the entities that tasks can be about.
#[derive(Default)]
pub struct EntityQueries;

#[Object]
impl EntityQueries {
    /// The entities that a task can be about, as the host of this module knows them. Only for people who may create tasks.
    async fn task_entities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Their kind, `app_label.model`.")] entity_type: String,
        #[graphql(desc = "What is looked for.")] search: Option<String>,
        #[graphql(desc = "At most so many.")] first: Option<i32>,
    ) -> Result<Option<Vec<TaskEntityNode>>> {
        let text = search.unwrap_or_default().trim().to_owned();
        check_text("entityType", &entity_type, MAX_TEXT)?;
        check_text("search", &text, MAX_TEXT)?;
        let context = request(ctx)?;
        let found =
            entity::search(&context.services, context.requester()?, entity_type, text, first.map(i64::from))
                .await?;
        Ok(Some(
            found
                .into_iter()
                .map(|found| TaskEntityNode { id: ID(found.id), display: found.display })
                .collect(),
        ))
    }
}
