//! Settings: one section for each concern, from defaults, files and the environment. Unknown keys are errors.

use serde::{Deserialize, Serialize};

mod auth;
mod database;
mod desk;
mod functions;
mod http;
mod mail;
mod sealing;
#[cfg(feature = "server")]
mod source;
mod subscriptions;
pub(crate) mod text_file;
mod webhooks;

pub use auth::AuthSettings;
pub use database::{DatabaseSettings, holds_password};
pub use desk::DeskSettings;
pub use functions::FunctionSettings;
pub use http::HttpSettings;
pub use mail::{MailSecurity, MailSettings};
pub use sealing::SealingSettings;
pub use subscriptions::SubscriptionSettings;
pub use webhooks::{ConfiguredEndpoint, WebhookSettings};

pub use crate::domain::network::Network;
use crate::domain::settings::ModuleSettings;

/// All settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Where the data is.
    pub database: DatabaseSettings,
    /// Where and how the server listens.
    pub http: HttpSettings,
    /// Logging in.
    pub auth: AuthSettings,
    /// The keys that seal secrets in the database.
    pub sealing: SealingSettings,
    /// GraphQL's schema and GraphiQL.
    pub graphql: GraphqlSettings,
    /// The desk: the page on which people work.
    pub desk: DeskSettings,
    /// Bounds on what a client can make large.
    pub limits: Limits,
    /// The log.
    pub log: LogSettings,
    /// Delivery of events to After-handlers.
    pub outbox: OutboxSettings,
    /// What happens at moments: tasks become overdue, escalation rules act.
    pub timers: TimerSettings,
    /// The journal of mutations.
    pub journal: JournalSettings,
    /// Telling people and programs of changes as they happen.
    pub subscriptions: SubscriptionSettings,
    /// Telling receivers in any language of events, by HTTP.
    pub webhooks: WebhookSettings,
    /// Mails to people, by SMTP.
    pub mail: MailSettings,
    /// Functions and their runs.
    pub functions: FunctionSettings,
    /// What administrators may also set in the database (module `tasks_management`, layer BE).
    pub tasks_management: ModuleSettings,
}

/// Who may ask GraphQL for its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Introspection {
    /// Anybody.
    Everybody,
    /// Everybody who is logged in.
    LoggedIn,
    /// Nobody.
    Off,
}

/// GraphQL's schema and GraphiQL.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct Limits {
    /// Rows in one page.
    pub page_size: i64,
    /// Rows in one page of users. The limit is larger, because the front end's picker filters in the browser.
    pub users_page_size: i64,
    /// Items in one list of an input.
    pub list_length: usize,
    /// Records in one vote.
    pub records_per_vote: usize,
    /// Characters in a comment, with a vote or in the discussion of a task.
    pub comment_length: usize,
    /// Comments in the discussion of one task.
    pub comments_per_task: usize,
    /// Claims that one person has at a time.
    pub claims_per_person: usize,
    /// Bytes in one JSON text of an input.
    pub json_bytes: usize,
    /// Bytes in the body of a request.
    pub body_bytes: usize,
    /// Requests in one batch; 0 refuses batches.
    pub batch: usize,
    /// Bytes of `clientMutationDetails`.
    pub details_bytes: usize,
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
    /// Rows that one request reads; what several rows point to counts once.
    pub request_rows: u64,
    /// Bytes that one request reads, and as many that it writes.
    pub request_bytes: u64,
    /// How many milliseconds the database works for one query.
    pub request_database_ms: u64,
    /// How many milliseconds the database works for the mutations of one request.
    pub mutation_database_ms: u64,
    /// How many connections to the database one request has at once; never all of them.
    pub request_connections: usize,
    /// Queries that are executed at once; others wait, those of people who ask seldom for a shorter time.
    pub queries_at_once: usize,
    /// Queries of one person that are executed at once.
    pub queries_at_once_per_user: usize,
    /// Connections to the database that the queries of one person use at once; 0: half of them, and on SQLite no more than half
    /// of the processors.
    pub connections_per_user: usize,
    /// Requests with a body or an answer that takes much memory, that are worked on at once; half of them of one person.
    pub large_at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page_size: 100,
            users_page_size: 1_000,
            list_length: 1_000,
            records_per_vote: 10_000,
            comment_length: 2_000,
            comments_per_task: 1_000,
            claims_per_person: 20,
            json_bytes: 512 * 1024,
            body_bytes: 2 * 1024 * 1024,
            batch: 0,
            details_bytes: 8 * 1024,
            query_depth: 20,
            query_complexity: 1_000,
            query_fields: 1_000,
            query_tokens: 20_000,
            stranger_bytes: 16 * 1024,
            stranger_fields: 10,
            request_rows: 25_000,
            request_bytes: 16 * 1024 * 1024,
            request_database_ms: 4_000,
            mutation_database_ms: 10_000,
            request_connections: 3,
            queries_at_once: 16,
            queries_at_once_per_user: 4,
            connections_per_user: 0,
            large_at_once: 2,
        }
    }
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// The log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LogSettings {
    /// The format.
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
#[non_exhaustive]
pub struct OutboxSettings {
    /// How many milliseconds pass between looks at the outbox when nothing wakes the worker.
    pub poll_ms: u64,
    /// After how many seconds another worker may take over the deliveries of a worker that died. A worker that lives renews
    /// its leases.
    pub lease_s: i64,
    /// How many seconds a handler may take before its delivery counts as failed.
    pub handler_timeout_s: u64,
    /// How many times a delivery is tried before it is parked as dead.
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

/// What happens at moments: tasks become overdue, escalation rules act.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TimerSettings {
    /// After how many seconds in which no process served the timers it counts as an outage. People may have been unable to decide
    /// meanwhile, so that rules that would have failed tasks wait as long again, and at least an hour.
    pub outage_s: i64,
}

impl Default for TimerSettings {
    fn default() -> Self {
        Self { outage_s: 300 }
    }
}

/// The journal of mutations.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct JournalSettings {
    /// How many days an entry is kept; the id of its client may be used again then.
    pub keep_days: i64,
    /// How many refused mutations of one person are kept in an hour, by each process; more are answered and not kept.
    pub refused_per_hour: u32,
    /// How many bytes of inputs of one person are kept in an hour, by each process; more are refused.
    pub bytes_per_hour: u64,
    /// Whether a mutation that fails is answered with its error too, for clients that do not read the journal.
    pub answer_errors: bool,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self {
            keep_days: 400,
            refused_per_hour: 1_000,
            bytes_per_hour: 256 * 1024 * 1024,
            answer_errors: false,
        }
    }
}

impl Settings {
    /// Checks that the values are valid and in range.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let seconds = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let positive = [
            ("database.pool_size", i64::from(self.database.pool_size)),
            ("auth.access_token_s", self.auth.access_token_s),
            ("auth.session_s", self.auth.session_s),
            ("auth.sessions_per_user", self.auth.sessions_per_user),
            ("auth.failures_per_user", i64::from(self.auth.failures_per_user)),
            ("auth.failures_per_address", i64::from(self.auth.failures_per_address)),
            ("auth.failure_window_s", self.auth.failure_window_s),
            ("auth.delay_after", i64::from(self.auth.delay_after)),
            ("auth.logins_at_once_per_user", count(self.auth.logins_at_once_per_user)),
            ("auth.logins_at_once_per_address", count(self.auth.logins_at_once_per_address)),
            ("http.body_timeout_s", seconds(self.http.body_timeout_s)),
            ("http.head_timeout_s", seconds(self.http.head_timeout_s)),
            ("http.idle_timeout_s", seconds(self.http.idle_timeout_s)),
            ("http.write_timeout_s", seconds(self.http.write_timeout_s)),
            ("http.max_connections", count(self.http.max_connections)),
            ("http.max_connections_per_address", count(self.http.max_connections_per_address)),
            ("http.held_answer_bytes", count(self.http.held_answer_bytes)),
            ("http.held_body_bytes", count(self.http.held_body_bytes)),
            ("limits.queries_at_once", count(self.limits.queries_at_once)),
            ("limits.queries_at_once_per_user", count(self.limits.queries_at_once_per_user)),
            ("limits.large_at_once", count(self.limits.large_at_once)),
            ("limits.page_size", self.limits.page_size),
            ("limits.users_page_size", self.limits.users_page_size),
            ("outbox.lease_s", self.outbox.lease_s),
            ("outbox.attempts", i64::from(self.outbox.attempts)),
            ("outbox.first_pause_ms", self.outbox.first_pause_ms),
            ("outbox.longest_pause_s", self.outbox.longest_pause_s),
            ("outbox.keep_days", self.outbox.keep_days),
            ("timers.outage_s", self.timers.outage_s),
            ("functions.runs_at_once", count(self.functions.runs_at_once)),
            ("functions.max_functions", self.functions.max_functions),
            ("functions.waiting_runs", self.functions.waiting_runs),
            ("functions.waiting_runs_per_user", self.functions.waiting_runs_per_user),
            ("functions.keep_days", self.functions.keep_days),
            ("functions.javascript_at_once", count(self.functions.javascript_at_once)),
            ("functions.source_bytes", count(self.functions.source_bytes)),
            ("functions.graphql_bytes", count(self.functions.graphql_bytes)),
            ("journal.keep_days", self.journal.keep_days),
            ("subscriptions.poll_ms", seconds(self.subscriptions.poll_ms)),
            ("subscriptions.connections", count(self.subscriptions.connections)),
            ("subscriptions.connections_per_user", count(self.subscriptions.connections_per_user)),
            ("subscriptions.connections_per_address", count(self.subscriptions.connections_per_address)),
            ("subscriptions.unidentified_per_address", count(self.subscriptions.unidentified_per_address)),
            ("subscriptions.operations_per_connection", count(self.subscriptions.operations_per_connection)),
            ("subscriptions.message_bytes", count(self.subscriptions.message_bytes)),
            ("subscriptions.waiting_changes", count(self.subscriptions.waiting_changes)),
            ("subscriptions.missed_changes", self.subscriptions.missed_changes),
            ("subscriptions.ping_s", seconds(self.subscriptions.ping_s)),
            ("subscriptions.idle_s", seconds(self.subscriptions.idle_s)),
        ];
        for (key, value) in positive {
            if value < 1 {
                return Err(format!("configuration: {key} is {value}, at least 1 is allowed"));
            }
        }
        self.http.check()?;
        self.desk.check(&self.http)?;
        self.sealing.check()?;
        self.functions.check()?;
        self.webhooks.check()?;
        self.mail.check()
    }

    /// Checks that the signing secret is set and long enough.
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
