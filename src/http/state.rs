//! The state of all HTTP handlers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::HeaderMap;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::body::held::HeldBodies;
use super::functions::rates::Rates;
use super::listeners::Listeners;
use crate::config::{DeskSettings, GraphqlSettings, HttpSettings};
use crate::db::health::Health;
use crate::error::Result;
use crate::graphql::Schema;
use crate::service::ServiceContext;
use crate::service::function_request::call::CallsFunctions;

/// Finds the requester by the headers of a request; none for a stranger. A host that uses cookies must also check that no
/// foreign page sent them.
pub type Authenticate = Arc<dyn Fn(HeaderMap) -> Asked + Send + Sync>;

type Asked = Pin<Box<dyn Future<Output = Result<Option<Uuid>>> + Send>>;

/// The metrics as a text.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// The state of the HTTP handlers.
#[derive(Clone)]
pub struct App {
    /// What the services work with.
    pub services: Arc<ServiceContext>,
    /// Checks the health of the database.
    pub health: Arc<Health>,
    /// The schema with its resolvers.
    pub schema: Schema,
    /// What calls functions for requests.
    pub calls: Arc<dyn CallsFunctions>,
    /// How the host finds the requester, if it does so.
    pub authenticate: Option<Authenticate>,
    /// Settings of HTTP.
    pub http: Arc<HttpSettings>,
    /// Settings of GraphQL.
    pub graphql: Arc<GraphqlSettings>,
    /// Settings of the desk.
    pub desk: Arc<DeskSettings>,
    /// How to read the metrics, if they are kept.
    pub metrics: Option<Metrics>,
    /// The bodies that are being received.
    pub bodies: Arc<HeldBodies>,
    /// What is being executed, also for clients that did not wait for the answer.
    pub executions: TaskTracker,
    /// How often strangers have called functions.
    pub public_calls: Arc<Rates>,
    /// The connections that listen to changes.
    pub listeners: Arc<Listeners>,
    /// Is cancelled when the server stops. In a host's router it never is.
    pub stopping: CancellationToken,
}
