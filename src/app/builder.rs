//! What a host sets before the module begins.

use std::future::Future;
use std::sync::Arc;

use super::TaskManagement;
use super::contradictions::{check_names, check_pool, check_services, contradiction};
use super::served::{PATIENCE, Served};
use crate::auth::directory::{Directory, HostUsers, OwnUsers};
use crate::auth::password::Passwords;
use crate::auth::people::{ByKey, People};
use crate::auth::sealing::Sealing;
use crate::auth::token::Tokens;
use crate::auth::users::Users;
use crate::budget::fair_places::FairPlaces;
use crate::budget::rests::Rests;
use crate::budget::turn::Turns;
use crate::clock::{Clock, SystemClock, new_random_id};
use crate::config::Settings;
use crate::db::connection::Database;
use crate::domain::json::Json;
use crate::error::Result;
use crate::function_runner::FunctionRunner;
use crate::graphql::{compatibility, schema};
use crate::service::ServiceContext;
use crate::service::function_handler::{FunctionCall, FunctionError, FunctionHandlers};
use crate::service::function_sources::Sources;
use crate::service::host::Host;
use crate::service::journal_quota::JournalQuota;
use crate::service::live_settings::LiveSettings;
use crate::service::maker_checker::{Checked, CheckedService, ExecutionContext, MakerChecker};
use crate::service::task_change::hub::Hub;
use crate::signal::BusBuilder;
use crate::worker::function_calls::FunctionCalls;
use crate::worker::mail::Mails;
use crate::worker::webhook::Webhooks;

/// Builds a [`TaskManagement`].
pub struct Builder {
    settings: Settings,
    database: Option<Database>,
    clock: Arc<dyn Clock>,
    users: Option<Arc<dyn Users>>,
    bus: Option<BusBuilder>,
    host: Option<Host>,
    checked: Vec<Arc<dyn Checked>>,
    functions: FunctionHandlers,
    runner: Option<FunctionRunner>,
    #[cfg(feature = "server")]
    pub(super) serving: super::serving::Serving,
    /// The method that was called once more though it sets the whole.
    pub(super) repeated: Option<&'static str>,
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
            bus: None,
            host: None,
            checked: Vec::new(),
            functions: FunctionHandlers::default(),
            runner: None,
            #[cfg(feature = "server")]
            serving: super::serving::Serving::default(),
            repeated: None,
        }
    }

    /// Uses a database that the host uses too, in place of the one that the settings name.
    #[must_use]
    pub fn database(self, database: Database) -> Self {
        let repeated = self.repeated("database", self.database.is_some());
        Self { database: Some(database), repeated, ..self }
    }

    /// Uses another clock.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Uses the host's users and their rights, in place of the module's own. Then nobody logs in to the module. The host
    /// says who asks: by [`TaskManagement::requester_by_id`], and for the module's router by `Builder::authenticate`.
    #[must_use]
    pub fn users(self, users: impl Users) -> Self {
        let repeated = self.repeated("users", self.users.is_some());
        Self { users: Some(Arc::new(users)), repeated, ..self }
    }

    /// Does the same for people whom the host finds by one function and its own keys.
    #[must_use]
    pub fn people(self, people: impl People) -> Self {
        self.users(ByKey(people))
    }

    /// Uses these handlers, bound to signals: all that there are, so it is called once.
    #[must_use]
    pub fn signals(self, bus: BusBuilder) -> Self {
        let repeated = self.repeated("signals", self.bus.is_some());
        Self { bus: Some(bus), repeated, ..self }
    }

    /// Uses what the host registers: all of it, so it is called once.
    #[must_use]
    pub fn host(self, host: Host) -> Self {
        let repeated = self.repeated("host", self.host.is_some());
        Self { host: Some(host), repeated, ..self }
    }

    /// Registers a function in Rust, under the name by which administrators make it a function of the kind HANDLER
    /// (`createTaskFunction`). Each run calls it once, on a thread of its own, and keeps what it answers as the result.
    ///
    /// ```
    /// use tasks_management::{Builder, FunctionError, Settings};
    ///
    /// let builder = Builder::new(Settings::default()).function("greet", |call| async move {
    ///     let name = call.data["name"].as_str().ok_or_else(|| FunctionError::new("noName", "a name is needed"))?;
    ///     call.log(format!("attempt {}", call.attempt));
    ///     Ok(serde_json::json!({ "greeting": format!("Hello, {name}!") }).into())
    /// });
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn function<F>(
        mut self,
        name: &str,
        handler: impl Fn(FunctionCall) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = std::result::Result<Json, FunctionError>> + Send + 'static,
    {
        self.functions.register(name, handler);
        self
    }

    /// Has functions in JavaScript executed by this runner, unless the setting `functions.runner` names another one. Without a runner
    /// there are no such functions.
    #[must_use]
    pub fn function_runner(self, runner: FunctionRunner) -> Self {
        let repeated = self.repeated("function_runner", self.runner.is_some());
        Self { runner: Some(runner), repeated, ..self }
    }

    /// Puts this service under maker-checker: proposals to it are validated, and carried out once approved.
    #[must_use]
    pub fn maker_checker<S: CheckedService>(mut self, checked: &MakerChecker<S>) -> Self {
        self.checked.push(Arc::new(checked.clone()));
        self
    }

    /// Makes the module. It does not touch the database yet.
    ///
    /// # Errors
    /// UNAVAILABLE or INTERNAL, with a sentence that names the invalid setting. VALIDATION, with a sentence that names what
    /// contradicts what: settings and a host's pool, two of one name, a service of entities that are not registered.
    pub fn build(self) -> Result<TaskManagement> {
        let settings = self.settings;
        if let Some(method) = self.repeated {
            return Err(contradiction(format!(
                "Builder::{method} is called twice: each call sets the whole, so the first one would do nothing."
            )));
        }
        compatibility::check()?;
        let (own_bus, host) = (self.bus.unwrap_or_default(), self.host.unwrap_or_default());
        check_names(&own_bus, &host, &self.functions)?;
        check_services(self.checked.iter().map(AsRef::as_ref), &host)?;
        let db = match self.database {
            Some(database) => database,
            None => Database::new(&settings.database)?,
        };
        check_pool(&settings.database, &db)?;
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
            self.checked.into_iter().fold(own_bus, |bus, checked| checked.bind(bus, Arc::clone(&context)));
        // Without a configured secret, logins are valid only in this process and only as long as it lives.
        let secret = match settings.auth.secret.as_str() {
            "" => format!("{}{}", new_random_id(), new_random_id()),
            secret => secret.to_owned(),
        };
        let share = match settings.limits.connections_per_user {
            0 => db.share_of_one(processors()),
            share => share,
        };
        let turns = Turns::new(&settings.limits, db.readers(), share);
        let services = ServiceContext {
            db,
            clock: self.clock,
            bus: bus
                .webhooks(settings.webhooks.enabled && cfg!(feature = "webhooks"))
                .mails(settings.mail.is_on() && settings.mail.notify)
                .build(),
            settings: LiveSettings::new(settings.tasks_management.clone()),
            users,
            host,
            checked_services,
            functions: self.functions,
            sources: Sources::new(&settings.functions, self.runner),
            function_settings: settings.functions.clone(),
            limits: settings.limits.clone(),
            passwords: Passwords::new(&settings.auth)?,
            tokens: Tokens::new(&secret, settings.auth.access_token_s),
            sealing: Sealing::new(&settings.sealing)?,
            hashing: FairPlaces::new(hashing_places(), usize::MAX),
            turns,
            dispatching: Rests::default(),
            changes: Hub::new(settings.subscriptions.waiting_changes),
            subscriptions: settings.subscriptions.clone(),
            webhooks: settings.webhooks.clone(),
            mail: settings.mail.clone(),
            journal: settings.journal.clone(),
            journal_quota: JournalQuota::new(&settings.journal),
            auth: settings.auth.clone(),
        };
        let webhooks = Arc::new(Webhooks::new(&services));
        let mails = Arc::new(Mails::new(&settings.mail)?);
        let services = Arc::new(services);
        let schema = schema::own(&services);
        Ok(TaskManagement {
            calls: FunctionCalls::new(&services, &webhooks, &schema),
            webhooks,
            mails,
            schema,
            services,
            settings: Arc::new(settings),
            #[cfg(feature = "server")]
            serving: self.serving,
            served: Served::watched(PATIENCE),
        })
    }
}

impl Builder {
    /// The first method that was called once more, if `again` says so of this one or an earlier one was.
    pub(super) fn repeated(&self, method: &'static str, again: bool) -> Option<&'static str> {
        self.repeated.or(again.then_some(method))
    }
}

/// As many passwords are hashed at once as there are processors, within reason: each hash takes memory too.
fn hashing_places() -> usize {
    processors().clamp(2, 8)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
