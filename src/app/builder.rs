//! What a host sets before the module begins.

use std::future::Future;
use std::sync::Arc;

use axum::http::HeaderMap;
use uuid::Uuid;

use super::TaskManagement;
use super::served::{PATIENCE, Served};
use crate::auth::directory::{Directory, HostUsers, OwnUsers};
use crate::auth::password::Passwords;
use crate::auth::people::{ByKey, People};
use crate::auth::sealing::Sealing;
use crate::auth::token::Tokens;
use crate::auth::users::Users;
use crate::clock::{Clock, SystemClock, new_random_id};
use crate::config::Settings;
use crate::db::connection::Database;
use crate::error::Result;
use crate::graphql::schema;
use crate::http::state::{Authenticate, Metrics};
use crate::service::ServiceContext;
use crate::service::fair_places::FairPlaces;
use crate::service::host::Host;
use crate::service::journal_quota::JournalQuota;
use crate::service::live_settings::LiveSettings;
use crate::service::maker_checker::{Checked, CheckedService, ExecutionContext, MakerChecker};
use crate::signal::{Bus, BusBuilder};
use crate::worker::webhook::Webhooks;

/// Builds a [`TaskManagement`].
pub struct Builder {
    settings: Settings,
    database: Option<Database>,
    clock: Arc<dyn Clock>,
    users: Option<Arc<dyn Users>>,
    authenticate: Option<Authenticate>,
    bus: BusBuilder,
    host: Host,
    checked: Vec<Arc<dyn Checked>>,
    metrics: Option<Metrics>,
}

impl Builder {
    /// A builder with the database of the settings, the machine's clock, the module's own users, and nothing bound or
    /// registered.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            database: None,
            clock: Arc::new(SystemClock),
            users: None,
            authenticate: None,
            bus: Bus::builder(),
            host: Host::default(),
            checked: Vec::new(),
            metrics: None,
        }
    }

    /// Uses a database that the host uses too, in place of the one that the settings name.
    #[must_use]
    pub fn database(self, database: Database) -> Self {
        Self { database: Some(database), ..self }
    }

    /// Uses another clock.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Uses the host's users and their rights, in place of the module's own. Then nobody logs in to the module. The host
    /// says who asks: by [`TaskManagement::requester_by_id`], and for [`TaskManagement::router`] by [`Self::authenticate`].
    #[must_use]
    pub fn users(self, users: impl Users) -> Self {
        Self { users: Some(Arc::new(users)), ..self }
    }

    /// Does the same for people whom the host finds by one function and its own keys.
    #[must_use]
    pub fn people(self, people: impl People) -> Self {
        self.users(ByKey(people))
    }

    /// Uses the host's way to find the requester by the headers of a request; none for a stranger. This is for
    /// [`TaskManagement::router`], which then ignores the module's own tokens. A host that uses cookies must also check that
    /// no foreign page sent them.
    #[must_use]
    pub fn authenticate<F>(self, authenticate: impl Fn(HeaderMap) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<Uuid>>> + Send + 'static,
    {
        let authenticate: Authenticate = Arc::new(move |headers| Box::pin(authenticate(headers)));
        Self { authenticate: Some(authenticate), ..self }
    }

    /// Uses these handlers, bound to signals.
    #[must_use]
    pub fn signals(self, bus: BusBuilder) -> Self {
        Self { bus, ..self }
    }

    /// Uses what the host registers.
    #[must_use]
    pub fn host(self, host: Host) -> Self {
        Self { host, ..self }
    }

    /// Puts this service under maker-checker: proposals to it are validated, and carried out once approved.
    #[must_use]
    pub fn maker_checker<S: CheckedService>(mut self, checked: &MakerChecker<S>) -> Self {
        self.checked.push(Arc::new(checked.clone()));
        self
    }

    /// Sets the text of `/metrics`: the metrics that the process' recorder has kept, in the format of their readers.
    #[must_use]
    pub fn metrics(self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { metrics: Some(Arc::new(render)), ..self }
    }

    /// Makes the module. It does not touch the database yet.
    ///
    /// # Errors
    /// UNAVAILABLE or INTERNAL, with a sentence that names the invalid setting.
    pub fn build(self) -> Result<TaskManagement> {
        let settings = self.settings;
        let db = match self.database {
            Some(database) => database,
            None => Database::new(&settings.database)?,
        };
        let users: Arc<dyn Directory> = match self.users {
            Some(users) => Arc::new(HostUsers::new(users, Arc::clone(&self.clock))),
            None => Arc::new(OwnUsers),
        };
        let context = Arc::new(ExecutionContext {
            db: db.clone(),
            users: Arc::clone(&users),
            clock: Arc::clone(&self.clock),
        });
        let checked_services = self.checked.iter().map(|checked| checked.registration()).collect();
        let bus =
            self.checked.into_iter().fold(self.bus, |bus, checked| checked.bind(bus, Arc::clone(&context)));
        // Without a configured secret, logins are valid only in this process and only as long as it lives.
        let secret = match settings.auth.secret.as_str() {
            "" => format!("{}{}", new_random_id(), new_random_id()),
            secret => secret.to_owned(),
        };
        let services = ServiceContext {
            db,
            clock: self.clock,
            bus: bus.webhooks(settings.webhooks.enabled).build(),
            settings: LiveSettings::new(settings.tasks_management.clone()),
            users,
            host: self.host,
            checked_services,
            limits: settings.limits.clone(),
            passwords: Passwords::new(&settings.auth)?,
            tokens: Tokens::new(&secret, settings.auth.access_token_s),
            sealing: Sealing::new(&settings.sealing)?,
            hashing: FairPlaces::new(hashing_places()),
            webhooks: settings.webhooks.clone(),
            journal: settings.journal.clone(),
            journal_quota: JournalQuota::new(&settings.journal),
            auth: settings.auth.clone(),
        };
        let webhooks = Arc::new(Webhooks::new(&services));
        let services = Arc::new(services);
        Ok(TaskManagement {
            webhooks,
            schema: schema::own(&services),
            services,
            settings: Arc::new(settings),
            metrics: self.metrics,
            authenticate: self.authenticate,
            served: Served::watched(PATIENCE),
        })
    }
}

/// As many passwords are hashed at once as there are processors, within reason: each hash takes memory too.
fn hashing_places() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, 8)
}
