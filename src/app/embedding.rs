//! The module as a part of a host's own schema.

use std::sync::Arc;

use async_graphql::{ObjectType, Request, Response, Schema, SchemaBuilder, SubscriptionType};

use super::TaskManagement;
use crate::auth::requester::Requester;
use crate::clock::new_random_id;
use crate::graphql::protocol::context::{Cookies, RequestContext};
use crate::graphql::protocol::execution::execute_for_host;
use crate::graphql::{CoreMutation, CoreQuery, TaskMutation, TaskQuery, finish};

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

    /// What openIMIS' front end asks of its core module, for hosts that have no such fields: the journal, users, roles,
    /// configurations, `node`.
    #[must_use]
    pub fn core_query(&self) -> CoreQuery {
        CoreQuery::default()
    }

    /// The mutations that belong to [`Self::core_query`].
    #[must_use]
    pub fn core_mutation(&self) -> CoreMutation {
        CoreMutation::default()
    }

    /// Finishes a host's schema that holds [`Self::query`] and [`Self::mutation`]: gives the lists their arguments, and the
    /// schema its bounds.
    ///
    /// ```
    /// use async_graphql::{EmptySubscription, MergedObject, Object, Request, Schema};
    /// use tasks_management::{Builder, Settings, TaskMutation, TaskQuery};
    ///
    /// #[derive(MergedObject)]
    /// struct Query(TaskQuery, Greeting);
    ///
    /// struct Greeting;
    ///
    /// #[Object]
    /// impl Greeting {
    ///     async fn greeting(&self) -> Option<&str> {
    ///         Some("Good morning.")
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
    /// let builder = Schema::build(Query(module.query(), Greeting), module.mutation(), EmptySubscription);
    /// let schema = module.schema(builder);
    /// let request = Request::new("{ greeting task { totalCount } }");
    /// // Nobody is logged in: the greeting is for everybody, tasks are not.
    /// let answer = serde_json::to_value(module.execute(&schema, request, None).await)?;
    /// assert_eq!(answer["data"]["greeting"], "Good morning.");
    /// assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn schema<Q, M, S>(&self, builder: SchemaBuilder<Q, M, S>) -> Schema<Q, M, S>
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        finish(builder)
    }

    /// Executes a request against such a schema, within the bounds of the settings, on behalf of the requester; `None` is a
    /// stranger. Resolvers of the host learn by [`crate::requester`] who asks. A field that failed is null in the answer. If
    /// the field may not be null, the object that holds it is null instead, so root fields of a host should be nullable. The
    /// execution ends when the future is dropped.
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
        let language =
            requester.as_ref().map_or("en", |requester| requester.user.language.as_str()).to_owned();
        let context = RequestContext::new(&self.services, requester, Cookies::default(), None);
        let request_id = new_random_id().simple().to_string();
        execute_for_host(schema.clone(), request, context, language, request_id).await
    }
}
