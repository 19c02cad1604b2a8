//! The module as a server, or as a router in a host's.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{Builder, TaskManagement};
use crate::db::health::Health;
use crate::error::Result;
use crate::http::body::held::HeldBodies;
use crate::http::functions::rates::Rates;
use crate::http::listeners::Listeners;
use crate::http::router::{router, standalone};
use crate::http::server;
use crate::http::server::open_files::most_connections;
use crate::http::state::{App, Authenticate, Metrics};

/// How long workers may take to hand back the deliveries that they did not finish within the grace.
const HANDING_BACK: Duration = Duration::from_secs(2);

/// What a host sets for the router.
#[derive(Clone, Default)]
pub struct Serving {
    metrics: Option<Metrics>,
    authenticate: Option<Authenticate>,
}

impl Builder {
    /// Uses the host's way to find the requester by the headers of a request; none for a stranger. This is for
    /// [`TaskManagement::router`], which then ignores the module's own tokens. A host that uses cookies must also check that
    /// no foreign page sent them.
    #[must_use]
    pub fn authenticate<F>(mut self, authenticate: impl Fn(HeaderMap) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<Uuid>>> + Send + 'static,
    {
        self.repeated = self.repeated("authenticate", self.serving.authenticate.is_some());
        self.serving.authenticate = Some(Arc::new(move |headers| Box::pin(authenticate(headers))));
        self
    }

    /// Sets the text of `/metrics`: the metrics that the process' recorder has kept, in the format of their readers.
    #[must_use]
    pub fn metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.serving.metrics = Some(Arc::new(render));
        self
    }
}

impl TaskManagement {
    /// All paths, as an axum router.
    pub fn router(&self) -> Router {
        router(self.state(&TaskTracker::new(), &CancellationToken::new()))
    }

    /// What the handlers work with; what they execute is tracked, and who listens is told when the server stops.
    fn state(&self, executions: &TaskTracker, stopping: &CancellationToken) -> App {
        App {
            services: Arc::clone(&self.services),
            health: Arc::new(Health::new(&self.services.db)),
            schema: self.schema.clone(),
            calls: self.calls.clone(),
            authenticate: self.serving.authenticate.clone(),
            http: Arc::new(self.settings.http.clone()),
            graphql: Arc::new(self.settings.graphql.clone()),
            desk: Arc::new(self.settings.desk.clone()),
            metrics: self.serving.metrics.clone(),
            bodies: HeldBodies::new(self.settings.http.held_body_bytes),
            executions: executions.clone(),
            public_calls: Rates::new(self.settings.functions.public_per_minute),
            listeners: Listeners::new(&self.services.subscriptions),
            stopping: stopping.clone(),
        }
    }

    /// Serves until `stop` ends, then finishes the work under way within the grace of the settings. Returns whether all of
    /// it is finished: requests, operations for clients that did not wait for the answer, and deliveries.
    ///
    /// # Errors
    /// INTERNAL when connections can't be accepted, or no more. The deliveries under way have the grace then too.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<bool> {
        let token = CancellationToken::new();
        let workers = tokio::spawn(self.workers(&token));
        let executions = TaskTracker::new();
        let router = standalone(self.state(&executions, &token));
        let stopping = token.clone();
        let server = server::serve(
            listener,
            router,
            Arc::new(self.settings.http.clone()),
            most_connections(self.services.db.readers()),
            async move {
                stop.await;
                stopping.cancel();
            },
        );
        let all = async {
            let outcome = server.await;
            token.cancel();
            if outcome.is_ok() {
                executions.close();
                executions.wait().await;
            }
            if let Err(error) = workers.await {
                tracing::error!(%error, "the workers broke off");
            }
            outcome.map(|()| true)
        };
        let out_of_patience = async {
            token.cancelled().await;
            // A little more time than the workers have, so that they can hand deliveries back.
            tokio::time::sleep(Duration::from_secs(self.settings.http.shutdown_grace_s) + HANDING_BACK).await;
        };
        tokio::select! {
            outcome = all => outcome,
            () = out_of_patience => {
                tracing::warn!("what was still under way when the grace ended is given up; deliveries will be made again");
                Ok(false)
            }
        }
    }
}
