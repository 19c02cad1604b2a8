//! Puts the parts together: settings, database, signals and host to services, schema, router and workers.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::config::Settings;
use crate::db::connection::{Database, DbConnection};
use crate::db::migration::{self, Company, Standing};
use crate::error::{Error, Result};
use crate::graphql::Schema;
use crate::service::ServiceContext;
use crate::service::facade::{
    FunctionRunService, FunctionScheduleService, TaskClaimService, TaskCommentService, TaskDispatcherService,
    TaskExecutorService, TaskFlowService, TaskFunctionService, TaskGroupService, TaskService,
    WebhookEndpointService,
};
use crate::service::load::{File as LoadFile, Loaded, load};
use crate::service::{login, user};
use crate::worker::function_calls::FunctionCalls;
use crate::worker::mail::Mails;
use crate::worker::webhook::Webhooks;
use crate::worker::{figures, function_runs, housekeeping, listener, outbox, timers};

mod builder;
mod contradictions;
mod embedding;
mod reading;
mod served;
#[cfg(feature = "server")]
mod serving;

pub use builder::Builder;
pub use reading::Page;
use served::Served;

/// The module with all its parts. Cheap to clone.
#[derive(Clone)]
pub struct TaskManagement {
    services: Arc<ServiceContext>,
    webhooks: Arc<Webhooks>,
    mails: Arc<Mails>,
    schema: Schema,
    calls: Arc<FunctionCalls>,
    settings: Arc<Settings>,
    #[cfg(feature = "server")]
    serving: serving::Serving,
    served: Served,
}

impl TaskManagement {
    /// The context of the services.
    pub(crate) const fn services(&self) -> &Arc<ServiceContext> {
        &self.services
    }

    /// The service of tasks.
    #[must_use]
    pub fn tasks(&self) -> TaskService {
        TaskService::new(Arc::clone(&self.services))
    }

    /// The service of task groups.
    #[must_use]
    pub fn task_groups(&self) -> TaskGroupService {
        TaskGroupService::new(Arc::clone(&self.services))
    }

    /// The service of task executors.
    #[must_use]
    pub fn task_executors(&self) -> TaskExecutorService {
        TaskExecutorService::new(Arc::clone(&self.services))
    }

    /// The service of claims, which say who works on a task.
    #[must_use]
    pub fn task_claims(&self) -> TaskClaimService {
        TaskClaimService::new(Arc::clone(&self.services))
    }

    /// The service of the discussions of tasks.
    #[must_use]
    pub fn task_comments(&self) -> TaskCommentService {
        TaskCommentService::new(Arc::clone(&self.services))
    }

    /// The service of approval flows.
    #[must_use]
    pub fn task_flows(&self) -> TaskFlowService {
        TaskFlowService::new(Arc::clone(&self.services))
    }

    /// The service of functions.
    #[must_use]
    pub fn task_functions(&self) -> TaskFunctionService {
        TaskFunctionService::new(Arc::clone(&self.services))
    }

    /// The service of runs of functions.
    #[must_use]
    pub fn function_runs(&self) -> FunctionRunService {
        FunctionRunService::new(Arc::clone(&self.services))
    }

    /// The service of schedules of functions.
    #[must_use]
    pub fn function_schedules(&self) -> FunctionScheduleService {
        FunctionScheduleService::new(Arc::clone(&self.services))
    }

    /// The service of dispatchers.
    #[must_use]
    pub fn task_dispatchers(&self) -> TaskDispatcherService {
        TaskDispatcherService::new(Arc::clone(&self.services))
    }

    /// The service of webhook endpoints.
    #[must_use]
    pub fn webhook_endpoints(&self) -> WebhookEndpointService {
        WebhookEndpointService::new(Arc::clone(&self.services))
    }

    /// The module's database. Hosts with tables in it read and write by this too.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.services.db
    }

    /// The active person of this name with present rights, on whose behalf services can be called.
    ///
    /// # Errors
    /// NOT_FOUND, or an error of the host.
    pub async fn requester(&self, username: &str) -> Result<Arc<Requester>> {
        login::requester_by_name(&self.services, username.to_owned())
            .await
            .map(Arc::new)
            .inspect_err(Error::log)
    }

    /// The active person with this key and present rights, on whose behalf services can be called.
    ///
    /// # Errors
    /// NOT_FOUND, or an error of the host.
    pub async fn requester_by_id(&self, id: Uuid) -> Result<Arc<Requester>> {
        login::requester_by_id(&self.services, id).await.map(Arc::new).inspect_err(Error::log)
    }

    /// Brings the copies of the host's people up to date; returns how many were written. The workers do so every ten
    /// minutes. The copy of a person who acts or becomes an executor is brought up to date at once.
    ///
    /// # Errors
    /// An error of the host.
    pub async fn refresh_users(&self) -> Result<usize> {
        user::refresh(&self.services).await.inspect_err(Error::log)
    }

    /// Applies the migrations that are missing; returns their names. The database may hold tables of other programs too, and
    /// migrations of the same versions, which diesel notes in another table than the module.
    ///
    /// # Errors
    /// UNAVAILABLE for a database that a newer program has migrated too far for this one.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        self.at_the_database(|connection| migration::up(connection, Company::Host))
            .await
            .inspect_err(Error::log)
    }

    /// The same for a database that is the module's alone.
    pub(crate) async fn migrate_alone(&self) -> Result<Vec<String>> {
        self.at_the_database(|connection| migration::up(connection, Company::Alone)).await
    }

    /// Whether migrations are missing.
    pub async fn is_pending(&self) -> Result<bool> {
        let standing = self.standing().await.inspect_err(Error::log)?;
        Ok(matches!(standing, Standing::Pending | Standing::Foreign(_)))
    }

    /// How the schema of the database stands to this program: whether they go together.
    pub(crate) async fn standing(&self) -> Result<Standing> {
        self.at_the_database(migration::standing).await
    }

    /// Runs `work` with a connection outside the pools.
    async fn at_the_database<T: Send + 'static>(
        &self,
        work: fn(&mut DbConnection) -> Result<T>,
    ) -> Result<T> {
        let db = self.services.db.clone();
        let done = tokio::task::spawn_blocking(move || work(&mut db.connector().connect()?));
        done.await.unwrap_or_else(|error| Err(Error::internal(error)))
    }

    /// Loads users, roles, functions, schedules, templates of mails, dispatchers, groups, tasks and history: all or nothing. Existing
    /// rows stay as they are.
    ///
    /// # Errors
    /// A sentence that says what is wrong in the file.
    pub async fn load(&self, file: LoadFile) -> Result<Loaded> {
        load(&self.services, file).await.inspect_err(Error::log)
    }

    /// The GraphQL schema in its own language.
    #[must_use]
    pub fn sdl(&self) -> String {
        self.schema.sdl()
    }

    /// The settings in force: those with which the module was built, but for what administrators have set in the database.
    ///
    /// # Errors
    /// UNAVAILABLE or INTERNAL when the database can't be read.
    pub async fn settings(&self) -> Result<Settings> {
        let in_force = |services: &ServiceContext, connection: &mut DbConnection| {
            services.settings.current(connection, services.clock.now())
        };
        let in_force = self.services.read(in_force).await.inspect_err(Error::log)?;
        Ok(Settings { tasks_management: (*in_force).clone(), ..(*self.settings).clone() })
    }

    /// The settings with which the module was built.
    pub(crate) fn configured(&self) -> &Settings {
        &self.settings
    }

    /// Works in the background until told to stop, and then finishes the work in hand.
    pub fn workers(&self, stop: &CancellationToken) -> impl Future<Output = ()> + Send + 'static + use<> {
        let grace = Duration::from_secs(self.settings.http.shutdown_grace_s);
        let outbox = outbox::run(
            Arc::clone(&self.services),
            (Arc::clone(&self.webhooks), Arc::clone(&self.mails)),
            self.settings.outbox.clone(),
            stop.clone(),
            grace,
        );
        let listener = listener::run(Arc::clone(&self.services), stop.clone());
        let housekeeping =
            housekeeping::run(Arc::clone(&self.services), self.settings.outbox.clone(), stop.clone());
        let timers = timers::run(
            Arc::clone(&self.services),
            self.settings.timers.clone(),
            self.settings.outbox.clone(),
            stop.clone(),
        );
        let figures = figures::run(Arc::clone(&self.services), stop.clone());
        let runs = function_runs::run(
            Arc::clone(&self.services),
            Arc::clone(&self.calls),
            self.settings.outbox.clone(),
            stop.clone(),
            grace,
        );
        let served = self.served.clone();
        async move {
            served.note();
            tokio::join!(outbox, timers, runs, listener, housekeeping, figures);
        }
    }

    /// Has all timers act, executes all runs of functions, and makes all deliveries once that are due now; returns how many of these.
    pub async fn deliver_due(&self) -> Result<usize> {
        self.served.note();
        let acted = timers::act_due(&self.services, &self.settings.timers, &self.settings.outbox).await?;
        let senders = (&self.webhooks, &self.mails);
        let executed = function_runs::execute_due(&self.services, &self.calls, &self.settings.outbox).await?;
        let made = outbox::deliver_due(&self.services, senders, &self.settings.outbox).await?;
        Ok(acted + executed + made)
    }
}
