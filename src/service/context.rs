//! The context of all services.

use std::sync::Arc;

use uuid::Uuid;

use crate::auth::directory::Directory;
use crate::auth::password::Passwords;
use crate::auth::requester::Requester;
use crate::auth::sealing::Sealing;
use crate::auth::token::Tokens;
use crate::budget::fair_places::FairPlaces;
use crate::budget::rests::Rests;
use crate::budget::turn::Turns;
use crate::clock::Clock;
use crate::config::{
    AuthSettings, FunctionSettings, JournalSettings, Limits, MailSettings, SubscriptionSettings,
    WebhookSettings,
};
use crate::db::connection::{Database, DbConnection};
use crate::db::query::PageLimit;
use crate::domain::query::ListQuery;
use crate::domain::settings::ModuleSettings;
use crate::error::{Error, Result};
use crate::model::checked_service::CheckedService;
use crate::model::slice::Slice;
use crate::service::function_handler::FunctionHandlers;
use crate::service::function_sources::Sources;
use crate::service::host::Host;
use crate::service::journal_quota::JournalQuota;
use crate::service::live_settings::LiveSettings;
use crate::service::task_change::hub::Hub;
use crate::service::visibility::{Visible, executors_by_personal_data};
use crate::signal::Bus;

/// The context of all services. It is handed down and never global, so two contexts can live in one process.
pub struct ServiceContext {
    /// The database.
    pub db: Database,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The bus, which tells handlers what is done.
    pub bus: Bus,
    /// The settings that administrators may change while the server runs.
    pub settings: LiveSettings,
    /// The directory of people.
    pub users: Arc<dyn Directory>,
    /// The host's registrations.
    pub host: Host,
    /// The services that this process puts under maker-checker.
    pub checked_services: Vec<CheckedService>,
    /// The functions that the host has registered.
    pub functions: FunctionHandlers,
    /// The settings of functions.
    pub function_settings: FunctionSettings,
    /// What looks at the sources of functions, and executes them.
    pub sources: Sources,
    /// Bounds on what clients can make large.
    pub limits: Limits,
    /// The settings of webhooks.
    pub webhooks: WebhookSettings,
    /// The settings of mails.
    pub mail: MailSettings,
    /// What the journal keeps, and how long.
    pub journal: JournalSettings,
    /// How much of each person the journal keeps.
    pub journal_quota: JournalQuota,
    /// The settings of logging in.
    pub auth: AuthSettings,
    /// Makes and checks hashes of passwords.
    pub passwords: Passwords,
    /// Signs and reads tokens.
    pub tokens: Tokens,
    /// Seals and opens secrets at rest.
    pub sealing: Sealing,
    /// Places for hashing passwords: each takes memory and a processor.
    pub hashing: Arc<FairPlaces>,
    /// The turns of requests.
    pub turns: Turns,
    /// The turns of dispatchers, by who answers for them.
    pub dispatching: Rests<Uuid>,
    /// The settings of subscriptions.
    pub subscriptions: SubscriptionSettings,
    /// Those who listen to changes of tasks.
    pub changes: Hub,
}

impl ServiceContext {
    /// How large a page of most lists may be.
    #[must_use]
    pub const fn page_limit(&self) -> PageLimit {
        PageLimit { max: self.limits.page_size }
    }

    /// Whether people are the module's own, and not a host's.
    #[must_use]
    pub fn has_own_people(&self) -> bool {
        !self.users.is_hosts()
    }

    /// Whether this process puts the service of this name under maker-checker.
    #[must_use]
    pub fn checks(&self, service: &str) -> bool {
        self.checked_services.iter().any(|checked| checked.name == service)
    }

    /// Reads something on a thread where blocking is allowed.
    ///
    /// # Errors
    /// The error of `work`.
    pub async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Self, &mut DbConnection) -> Result<T> + Send + 'static,
    {
        let services = Arc::clone(self);
        self.db.read(move |connection| work(&services, connection)).await
    }

    /// Hashes or checks a password on a thread where that may take time.
    ///
    /// # Errors
    /// The error of `work`.
    pub async fn hashing<T, F>(self: Arc<Self>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T> + Send + 'static,
    {
        self.hashing.ticket(Vec::new()).map_err(Error::internal)?.during(work).await
    }

    /// Lists the rows that the requester may see. `visible` says which these are, `place` what to do if nothing is visible.
    ///
    /// # Errors
    /// FORBIDDEN at the root if nothing is visible; VALIDATION or LIMIT.
    pub async fn list<R: Send + 'static>(
        self: &Arc<Self>,
        requester: &Arc<Requester>,
        mut query: ListQuery,
        place: ListScope,
        visible: fn(&Requester, &ModuleSettings) -> Visible,
        load: fn(&mut DbConnection, &ListQuery, PageLimit) -> Result<Slice<R>>,
    ) -> Result<Slice<R>> {
        let requester = Arc::clone(requester);
        self.read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            query.conditions.extend(executors_by_personal_data(&requester, &settings, &query.conditions));
            query.complete(settings.four_eyes());
            let visible = visible(&requester, &settings);
            query.conditions.extend(match place {
                ListScope::Root => visible.at_root()?,
                ListScope::Nested => visible.nested(),
            });
            load(connection, &query, services.page_limit())
        })
        .await
    }
}

/// The place in a query at which a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListScope {
    /// At the root: it is an error if nothing is visible.
    Root,
    /// Inside another row: the list is empty if nothing is visible.
    Nested,
}
