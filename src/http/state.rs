//! What all handlers work with.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::task::TaskTracker;

use crate::config::{GraphqlSettings, HttpSettings};
use crate::graphql::Schema;
use crate::service::Core;

/// What the handlers work with.
#[derive(Clone)]
pub struct App {
    /// What the services work with.
    pub core: Arc<Core>,
    /// The schema with its resolvers.
    pub schema: Schema,
    /// Settings of HTTP.
    pub http: Arc<HttpSettings>,
    /// Settings of GraphQL.
    pub graphql: Arc<GraphqlSettings>,
    /// Where metrics are read, if they are kept.
    pub metrics: Option<PrometheusHandle>,
    /// What is being executed, also for clients that did not wait for the answer.
    pub executions: TaskTracker,
}
