//! The module on a database of its own.

use axum::Router;
use tasks_management::{Builder, LoadFile, Settings, TaskManagement};

use super::backend::{Backend, TestDatabase};
use super::client::Client;
use super::prepared::Content;

/// The contract's starting state; every password is `<username>123`.
pub const FIXTURE: &str = include_str!("../../contract/fixture.json");

/// The module on a database of its own, loaded with the contract's starting state.
pub struct TestApp {
    /// The module.
    pub module: TaskManagement,
    /// Its router.
    pub router: Router,
    /// Which kind of database.
    pub backend: Backend,
    database: TestDatabase,
}

impl TestApp {
    /// Starts the module with the usual settings.
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, |_| {}, |builder| builder).await
    }

    /// Starts the module with settings and a builder of the test's own.
    pub async fn start_with(
        backend: Backend,
        settings: impl FnOnce(&mut Settings),
        builder: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let mut own = usual_settings("");
        settings(&mut own);
        let content = Content::to_load(&own);
        let app = Self::start_on(backend, content, own, builder).await;
        if content != Content::Loaded {
            let fixture: LoadFile = serde_json::from_str(FIXTURE).expect("the fixture is well-formed");
            app.module.load(fixture).await.expect("the fixture loads");
        }
        app
    }

    /// Does the same on a migrated database without rows.
    pub async fn start_empty(
        backend: Backend,
        settings: impl FnOnce(&mut Settings),
        builder: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let mut own = usual_settings("");
        settings(&mut own);
        Self::start_on(backend, Content::Migrated, own, builder).await
    }

    async fn start_on(
        backend: Backend,
        content: Content,
        mut settings: Settings,
        builder: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let database = TestDatabase::with(content, backend).await;
        settings.database.url.clone_from(&database.url);
        let module = builder(Builder::new(settings)).build().expect("the settings are fine");
        let router = module.router();
        Self { module, router, backend, database }
    }

    /// Another server process on the same database: nothing is shared but the data.
    pub fn another_process(&self) -> Self {
        self.another_process_with(|_| {}, |builder| builder)
    }

    /// Another server process with settings and a builder of the test's own.
    pub fn another_process_with(
        &self,
        settings: impl FnOnce(&mut Settings),
        builder: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let mut own = usual_settings(&self.database.url);
        settings(&mut own);
        let module = builder(Builder::new(own)).build().expect("the settings are fine");
        let router = module.router();
        // Only the first one removes the database.
        Self { module, router, backend: self.backend, database: TestDatabase::borrowed(&self.database) }
    }

    /// The database's URL.
    pub fn database_url(&self) -> &str {
        &self.database.url
    }

    /// The database.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The number that a query counts, read past the module.
    pub fn count(&self, sql: &str) -> i64 {
        self.database.count(sql)
    }

    /// Somebody who is not logged in.
    pub fn stranger(&self) -> Client {
        Client::new(self.router.clone())
    }

    /// Somebody of the fixture, logged in as a browser is.
    pub async fn browser(&self, username: &str) -> Client {
        let mut client = self.stranger();
        client.log_in(username).await;
        client
    }

    /// Somebody of the fixture with a Bearer token.
    pub async fn user(&self, username: &str) -> Client {
        let mut client = self.stranger();
        client.log_in(username).await;
        client.into_bearer()
    }
}

/// The settings of tests, unless a test says otherwise.
pub fn usual_settings(url: &str) -> Settings {
    let mut settings = Settings::default();
    settings.database.url = url.to_owned();
    settings.database.pool_size = 6;
    settings.database.sqlite_durable = false;
    settings.database.checkout_timeout_ms = 30_000;
    settings.auth.secret = "a secret for tests only, long enough to sign".to_owned();
    // Hashing is as cheap as argon2 allows: tests log in hundreds of times.
    settings.auth.password_memory_kib = 8;
    settings.auth.password_passes = 1;
    // Tests that guess don't wait, unless that is what they are about.
    settings.auth.longest_delay_s = 0;
    settings
}
