//! Databases that are prepared once in a run and copied for each test: to migrate and load every one takes far longer.

use serde_json::json;
use tasks_management::{Builder, LoadFile, Settings};
use tokio::sync::OnceCell;

use super::app::{FIXTURE, usual_settings};
use super::backend::{Backend, TestDatabase};

/// The content that a test finds in its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Empty tables.
    Migrated,
    /// The contract's starting state in them, as the usual settings load it.
    Loaded,
}

/// The prepared database that is copied.
enum Source {
    /// The bytes of an SQLite file.
    File(Vec<u8>),
    /// The name of a PostgreSQL database that nobody is connected to.
    Template(String),
}

impl Content {
    /// The most that can be copied for a test that is to find the starting state: under other settings, loading may give
    /// another state.
    pub fn to_load(settings: &Settings) -> Self {
        let loading = |settings: &Settings| {
            json!([
                settings.tasks_management,
                settings.auth.password_memory_kib,
                settings.auth.password_passes
            ])
        };
        if loading(settings) == loading(&usual_settings("")) { Self::Loaded } else { Self::Migrated }
    }

    async fn source(self, backend: Backend) -> &'static Source {
        static SOURCES: [OnceCell<Source>; 4] = [const { OnceCell::const_new() }; 4];
        let place = 2 * usize::from(self == Self::Loaded) + usize::from(backend == Backend::Postgres);
        SOURCES[place].get_or_init(|| self.prepare(backend)).await
    }

    async fn prepare(self, backend: Backend) -> Source {
        let database = TestDatabase::create(backend);
        let module = Builder::new(usual_settings(&database.url)).build().expect("the settings are fine");
        module.migrate().await.expect("the migrations apply");
        if self == Self::Loaded {
            let fixture: LoadFile = serde_json::from_str(FIXTURE).expect("the fixture is well-formed");
            module.load(fixture).await.expect("the fixture loads");
        }
        // Its connections go with it.
        drop(module);
        match backend {
            Backend::Sqlite => Source::File(database.bytes()),
            Backend::Postgres => {
                database.refuse_connections(true);
                Source::Template(database.keep())
            }
        }
    }
}

impl TestDatabase {
    /// A copy of the prepared database with this content.
    pub async fn with(content: Content, backend: Backend) -> Self {
        match content.source(backend).await {
            Source::File(bytes) => Self::on_sqlite(Some(bytes)),
            Source::Template(name) => Self::on_postgres(name),
        }
    }
}
