//! Settings: one section for each concern, from defaults, files and the environment. Unknown keys are errors.

use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Table;

mod sealing;
mod source;
mod webhooks;

pub use sealing::SealingSettings;
pub use webhooks::{ConfiguredEndpoint, WebhookSettings};

use crate::domain::settings::ModuleSettings;

/// All settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the data is.
    pub database: DatabaseSettings,
    /// Where and how the server listens.
    pub http: HttpSettings,
    /// Logging in.
    pub auth: AuthSettings,
    /// What secrets in the database are sealed with.
    pub sealing: SealingSettings,
    /// What GraphQL shows of itself.
    pub graphql: GraphqlSettings,
    /// Bounds on what a client can make large.
    pub limits: Limits,
    /// The log.
    pub log: LogSettings,
    /// Delivery of events to After-handlers.
    pub outbox: OutboxSettings,
    /// Telling receivers in any language of events, by HTTP.
    pub webhooks: WebhookSettings,
    /// What administrators may also set in the database (module `tasks_management`, layer BE).
    pub tasks_management: ModuleSettings,
}

/// Where the data is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `sqlite://path/file.db` or `postgres://user:password@host/database`.
    pub url: String,
    /// How many connections at most.
    pub pool_size: u32,
    /// How many milliseconds a request waits for a connection; on SQLite as many again for another process to end its
    /// transaction.
    pub checkout_timeout_ms: u64,
    /// Whether a commit on SQLite waits for the disk.
    pub sqlite_durable: bool,
    /// Whether a PostgreSQL server on another host may be talked to without TLS.
    pub allow_plaintext: bool,
    /// Whether `serve` applies missing migrations first.
    pub migrate: bool,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            url: "sqlite://data/tasks.db".to_owned(),
            pool_size: 10,
            checkout_timeout_ms: 5_000,
            sqlite_durable: true,
            allow_plaintext: false,
            migrate: true,
        }
    }
}

/// Where and how the server listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Address and port.
    pub listen: String,
    /// The first part of all paths of the interface, without slashes.
    pub site_root: String,
    /// Whether cookies are only sent over https.
    pub secure_cookies: bool,
    /// Origins (`https://host`) whose pages may call the server with the user's cookies; none by default.
    pub cors_origins: Vec<String>,
    /// Addresses of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// How many seconds a request may take.
    pub request_timeout_s: u64,
    /// How many seconds what is under way is given to end when the server stops.
    pub shutdown_grace_s: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8000".to_owned(),
            site_root: "api".to_owned(),
            secure_cookies: false,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            request_timeout_s: 60,
            shutdown_grace_s: 20,
        }
    }
}

/// Logging in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// The secret that signs tokens, at least 32 bytes. There is no default.
    pub secret: String,
    /// How many seconds an access token lives.
    pub access_token_s: i64,
    /// How many seconds a session lives, however often it is refreshed.
    pub session_s: i64,
    /// How many failed logins one user name has in a window before it is locked.
    pub failures_per_user: i32,
    /// How many failed logins one address has in a window before it is locked.
    pub failures_per_address: i32,
    /// How many seconds the window of failed logins lasts.
    pub failure_window_s: i64,
    /// How many characters a new password has at least.
    pub password_min_length: usize,
    /// Memory of a password hash (argon2id), in KiB.
    pub password_memory_kib: u32,
    /// Passes of a password hash (argon2id).
    pub password_passes: u32,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            secret: String::new(),
            access_token_s: 900,
            session_s: 7 * 24 * 3_600,
            failures_per_user: 10,
            failures_per_address: 100,
            failure_window_s: 900,
            password_min_length: 8,
            password_memory_kib: 19_456,
            password_passes: 2,
        }
    }
}

/// The secret stays out of logs.
impl std::fmt::Debug for AuthSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthSettings").finish_non_exhaustive()
    }
}

/// Who may ask GraphQL for its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Introspection {
    /// Anybody.
    Everybody,
    /// Who is logged in.
    LoggedIn,
    /// Nobody.
    Off,
}

/// What GraphQL shows of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GraphqlSettings {
    /// Who may ask for the schema.
    pub introspection: Introspection,
    /// Whether a browser that opens the endpoint gets GraphiQL.
    pub graphiql: bool,
}

impl Default for GraphqlSettings {
    fn default() -> Self {
        Self { introspection: Introspection::LoggedIn, graphiql: true }
    }
}

/// Bounds on what a client can make large.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Rows in one page.
    pub page_size: i64,
    /// Rows in one page of users, as the front end's picker filters in the browser.
    pub users_page_size: i64,
    /// Items in one list of an input.
    pub list_length: usize,
    /// Records in one vote.
    pub records_per_vote: usize,
    /// Characters in the comment of a vote.
    pub comment_length: usize,
    /// Bytes in one JSON text of an input.
    pub json_bytes: usize,
    /// Bytes in the body of a request.
    pub body_bytes: usize,
    /// Requests in one batch; 0 refuses batches.
    pub batch: usize,
    /// Levels of a query.
    pub query_depth: usize,
    /// Fields of a query that are executed, those of one response name merged.
    pub query_complexity: usize,
    /// Fields of a query with all its fragments written out.
    pub query_fields: usize,
    /// Tokens of a query. A string is one, however long it is.
    pub query_tokens: usize,
    /// Bytes in the body of a request by somebody who is not logged in.
    pub stranger_bytes: usize,
    /// Fields at the root of a query by somebody who is not logged in.
    pub stranger_fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page_size: 100,
            users_page_size: 1_000,
            list_length: 1_000,
            records_per_vote: 10_000,
            comment_length: 2_000,
            json_bytes: 512 * 1024,
            body_bytes: 2 * 1024 * 1024,
            batch: 0,
            query_depth: 20,
            query_complexity: 1_000,
            query_fields: 1_000,
            query_tokens: 20_000,
            stranger_bytes: 16 * 1024,
            stranger_fields: 10,
        }
    }
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// The log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Its form.
    pub format: LogFormat,
    /// What is logged: a level, and others for targets, as in `warn,tasks_management=debug`.
    pub filter: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// Delivery of events to After-handlers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboxSettings {
    /// How many milliseconds pass between looks at the outbox when nothing wakes the worker.
    pub poll_ms: u64,
    /// How many seconds after its worker has died another may take a delivery over. A worker that lives renews its leases.
    pub lease_s: i64,
    /// How many seconds a handler may take before its delivery counts as failed.
    pub handler_timeout_s: u64,
    /// How many times delivery is tried before it is parked as dead.
    pub attempts: i32,
    /// The pause after the first failure in milliseconds; it doubles each time.
    pub first_pause_ms: i64,
    /// The longest pause, in seconds.
    pub longest_pause_s: i64,
    /// How many days a delivered event is kept.
    pub keep_days: i64,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            poll_ms: 1_000,
            lease_s: 60,
            handler_timeout_s: 600,
            attempts: 12,
            first_pause_ms: 500,
            longest_pause_s: 3_600,
            keep_days: 30,
        }
    }
}

impl Settings {
    /// Reads the settings: built-in defaults, `config/default.toml` in the working folder or the nearest one above, `file` if
    /// one is named, and the environment (`TASKS__SECTION__KEY`), later ones winning.
    ///
    /// # Errors
    /// A sentence that names the key that is unknown or has a wrong value, and where it was read.
    pub fn load(file: Option<&Path>) -> Result<Self, String> {
        let read = |table: Table, place: &str| {
            table.try_into().map_err(|error: toml::de::Error| {
                format!("configuration: {}{place}", error.to_string().trim_end().replace('\n', " "))
            })
        };
        let mut all = Table::try_from(Self::default()).map_err(|error| format!("configuration: {error}"))?;
        for source in source::all(file, &all)? {
            // Each is read alone first, so that a complaint can name it.
            let _: Self = read(source.table.clone(), &format!(", set by {}", source.name))?;
            source::merge(&mut all, source.table);
        }
        let settings: Self = read(all, "")?;
        settings.check()?;
        Ok(settings)
    }

    /// The values are in range and understood.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        let positive = [
            ("database.pool_size", i64::from(self.database.pool_size)),
            ("auth.access_token_s", self.auth.access_token_s),
            ("auth.session_s", self.auth.session_s),
            ("auth.failures_per_user", i64::from(self.auth.failures_per_user)),
            ("auth.failures_per_address", i64::from(self.auth.failures_per_address)),
            ("auth.failure_window_s", self.auth.failure_window_s),
            ("limits.page_size", self.limits.page_size),
            ("limits.users_page_size", self.limits.users_page_size),
            ("outbox.lease_s", self.outbox.lease_s),
            ("outbox.attempts", i64::from(self.outbox.attempts)),
            ("outbox.first_pause_ms", self.outbox.first_pause_ms),
            ("outbox.longest_pause_s", self.outbox.longest_pause_s),
            ("outbox.keep_days", self.outbox.keep_days),
        ];
        for (key, value) in positive {
            if value < 1 {
                return Err(format!("configuration: {key} is {value}, at least 1 is allowed"));
            }
        }
        if self.http.listen.parse::<std::net::SocketAddr>().is_err() {
            return Err(format!(
                "configuration: http.listen is {:?}, an address and a port such as 127.0.0.1:8000 is needed",
                self.http.listen
            ));
        }
        if self.http.site_root.is_empty() || !self.http.site_root.split('/').all(is_path_part) {
            return Err(format!(
                "configuration: http.site_root is {:?}, letters, digits, - and _ without outer slashes are allowed",
                self.http.site_root
            ));
        }
        for origin in &self.http.cors_origins {
            if !(origin.starts_with("http://") || origin.starts_with("https://")) || origin.ends_with('/') {
                return Err(format!(
                    "configuration: http.cors_origins holds {origin:?}, an origin such as https://host is needed"
                ));
            }
        }
        self.sealing.check()?;
        self.webhooks.check()
    }

    /// The signing secret is there and long enough to sign with.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check_secret(&self) -> Result<(), String> {
        const SHORTEST: usize = 32;
        if self.auth.secret.len() < SHORTEST {
            return Err(format!(
                "configuration: auth.secret (TASKS__AUTH__SECRET) is missing or shorter than {SHORTEST} bytes; make one \
                 with `openssl rand -hex 32`"
            ));
        }
        Ok(())
    }
}

fn is_path_part(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
