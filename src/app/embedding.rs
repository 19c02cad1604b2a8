//! The module as a part of a host's own schema.

use std::sync::Arc;

use async_graphql::{ObjectType, Request, Response, Schema, SchemaBuilder, SubscriptionType};

use super::TaskManagement;
use crate::auth::requester::Requester;
use crate::error::Result;
use crate::graphql::schema::merged;
use crate::graphql::{
    CoreMutation, CoreQuery, JournalQuery, NodeQuery, TaskMutation, TaskQuery, TaskSubscription,
};

impl TaskManagement {
    /// Queries about tasks and who decides on them, for a host's `MergedObject`.
    #[must_use]
    pub fn query(&self) -> TaskQuery {
        TaskQuery::default()
    }

    /// Mutations of tasks and of who decides on them, for a host's `MergedObject`.
    #[must_use]
    pub fn mutation(&self) -> TaskMutation {
        TaskMutation::default()
    }

    /// Subscriptions to changes of tasks, for a host's `MergedSubscription`. They are read from the log of the database, whichever
    /// process has written it.
    #[must_use]
    pub fn subscription(&self) -> TaskSubscription {
        TaskSubscription::default()
    }

    /// The journal, which says what became of mutations, for a host's `MergedObject`.
    #[must_use]
    pub fn journal_query(&self) -> JournalQuery {
        JournalQuery::default()
    }

    /// `node(id:)`, for a host's `MergedObject`. Where it is merged, the module's types are of an interface `Node`.
    #[must_use]
    pub fn node_query(&self) -> NodeQuery {
        NodeQuery::default()
    }

    /// What else openIMIS' front end asks of its core module, for hosts that have no such fields: users, roles, languages,
    /// configurations.
    #[must_use]
    pub fn core_query(&self) -> CoreQuery {
        CoreQuery::default()
    }

    /// The mutations that belong to [`Self::core_query`].
    #[must_use]
    pub fn core_mutation(&self) -> CoreMutation {
        CoreMutation::default()
    }

    /// Makes a host's schema, which holds [`Self::query`], [`Self::mutation`] or other roots of the module. `more` adds to the
    /// builder what the host needs: data, extensions, bounds of its own.
    ///
    /// Any executor can execute the schema: `Schema::execute`, batches, `async-graphql-axum`, WebSockets. The module finds
    /// the requester, an `Arc<Requester>`, in the data of the request, or of the WebSocket's connection; without one, a stranger
    /// asks. The bounds of the settings hold for every operation, those of the host too.
    ///
    /// ```
    /// use async_graphql::{EmptySubscription, MergedObject, Object, Request};
    /// use tasks_management::{Builder, Settings, TaskMutation, TaskQuery};
    ///
    /// #[derive(MergedObject)]
    /// struct Query(TaskQuery, Greeting);
    ///
    /// struct Greeting;
    ///
    /// #[Object]
    /// impl Greeting {
    ///     async fn greeting(&self) -> &str {
    ///         "Good morning."
    ///     }
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let file = std::env::temp_dir().join(format!("schema-{}.db", uuid::Uuid::new_v4()));
    /// # let mut settings = Settings::default();
    /// # settings.database.url = format!("sqlite://{}", file.display());
    /// # let module = Builder::new(settings).build()?;
    /// # module.migrate().await?;
    /// let query = Query(module.query(), Greeting);
    /// let schema = module.schema(query, module.mutation(), EmptySubscription, |builder| builder)?;
    /// let request = Request::new("{ greeting task { totalCount } }");
    /// // Nobody is logged in: the greeting is for everybody, tasks are not.
    /// let answer = serde_json::to_value(schema.execute(request).await)?;
    /// assert_eq!(answer["data"]["greeting"], "Good morning.");
    /// assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// CONFLICT if a type or a root field of the host has the name of another one of the module; the text names both.
    pub fn schema<Q, M, S>(
        &self,
        query: Q,
        mutation: M,
        subscription: S,
        more: impl FnOnce(SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S>,
    ) -> Result<Schema<Q, M, S>>
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        merged((query, mutation, subscription), &self.services, more)
    }

    /// Executes a request against such a schema on behalf of the requester; `None` is a stranger. This is `schema.execute` with
    /// the requester in the request's data. The execution ends when the future is dropped.
    pub async fn execute<Q, M, S>(
        &self,
        schema: &Schema<Q, M, S>,
        request: Request,
        requester: Option<Arc<Requester>>,
    ) -> Response
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        let request = match requester {
            Some(requester) => request.data(requester),
            None => request,
        };
        schema.execute(request).await
    }
}
