//! `TaskEntityGQLType`

use async_graphql::{ID, Object};

use crate::service::host::Entity;

/// Something that a task can be about.
pub struct TaskEntityNode(pub Entity);

#[Object(name = "TaskEntityGQLType")]
impl TaskEntityNode {
    /// Its key, given as `entityId`.
    async fn id(&self) -> ID {
        ID(self.0.id.clone())
    }

    /// How it is called.
    async fn display(&self) -> &str {
        &self.0.display
    }
}
