//! The module in a host's own pool, as the host has made it: diesel's, on either database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{PgConnection, RunQueryDsl as _, SqliteConnection};
use tasks_management::CompletionPolicy::Any;
use tasks_management::{
    Builder, CreateTask, Database, DbConnection, ErrorCode, Requester, Settings, Signal, Signals,
    TaskGroupInput, TaskManagement,
};
use tokio_util::sync::CancellationToken;

use crate::support::backend::TestDatabase;
use crate::support::people::People;
use crate::support::{Backend, apply, on_both};

/// A host's pool.
#[derive(Clone)]
enum Hosts {
    Postgres(Pool<ConnectionManager<PgConnection>>),
    Sqlite(Pool<ConnectionManager<SqliteConnection>>),
}

impl Hosts {
    fn of(database: &TestDatabase, backend: Backend, size: u32) -> Self {
        match backend {
            Backend::Postgres => {
                // The host's own ways, which the module must not change.
                let options = "-c%20statement_timeout%3D77s%20-c%20lock_timeout%3D55s";
                let manager = ConnectionManager::new(format!("{}?options={options}", database.url));
                Self::Postgres(Pool::builder().max_size(size).build(manager).expect("a pool"))
            }
            Backend::Sqlite => {
                let path = database.url.trim_start_matches("sqlite://");
                let mut first = <SqliteConnection as diesel::Connection>::establish(path).expect("a file");
                first.batch_execute("PRAGMA journal_mode = WAL").expect("several can read and one write");
                let manager = ConnectionManager::new(path);
                Self::Sqlite(Pool::builder().max_size(size).build(manager).expect("a pool"))
            }
        }
    }

    fn database(&self) -> Database {
        match self {
            Self::Postgres(pool) => Database::from_pool(pool.clone()),
            Self::Sqlite(pool) => Database::from_pool(pool.clone()),
        }
        .expect("a database")
    }

    /// How many connections there are, and how many of them nobody uses.
    fn state(&self) -> (u32, u32) {
        let state = match self {
            Self::Postgres(pool) => pool.state(),
            Self::Sqlite(pool) => pool.state(),
        };
        (state.connections, state.idle_connections)
    }

    /// A text that the host reads by its own pool.
    fn text(&self, sql: &str) -> String {
        #[derive(diesel::QueryableByName)]
        struct Said {
            #[diesel(sql_type = diesel::sql_types::Text)]
            text: String,
        }
        let query = diesel::sql_query(format!("SELECT CAST(({sql}) AS text) AS text"));
        let said: Said = match self {
            Self::Postgres(pool) => query.get_result(&mut pool.get().expect("a connection")),
            Self::Sqlite(pool) => query.get_result(&mut pool.get().expect("a connection")),
        }
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
        said.text
    }
}

async fn embedded(
    pool: &Hosts,
    signals: tasks_management::SignalsBuilder,
) -> (TaskManagement, Arc<Requester>) {
    let people = People::usual();
    let module = Builder::new(Settings::default())
        .database(pool.database())
        .users(people.clone())
        .signals(signals)
        .build()
        .expect("a module");
    module.migrate().await.expect("migrations");
    let root = module.requester("root").await.expect("root");
    let input = TaskGroupInput {
        user_ids: Some(vec![people.id("ada")]),
        task_sources: Some(vec!["Host".to_owned()]),
        ..TaskGroupInput::new("HOST", Any)
    };
    module.task_groups().create(&root, input).await.expect("a group");
    let ada = module.requester("ada").await.expect("ada");
    (module, ada)
}

async fn task(module: &TaskManagement) -> uuid::Uuid {
    let maker = module.requester("maker").await.expect("a maker");
    let input = CreateTask { source: Some("Host".to_owned()), ..CreateTask::default() };
    module.tasks().create(&maker, input).await.expect("a task").id
}

#[apply(on_both)]
async fn a_host_shares_its_pool_as_it_is(backend: Backend) {
    let database = TestDatabase::create(backend);
    for size in [1, 2, 5] {
        let pool = Hosts::of(&database, backend, size);
        let people = People::usual();
        let module = Builder::new(Settings::default())
            .database(pool.database())
            .users(people.clone())
            .build()
            .expect("a module");
        module.migrate().await.expect("migrations");
        assert_eq!(module.is_pending().await.ok(), Some(false));
        let ready = crate::support::Client::new(module.router()).send("GET", "/readyz", "").await;
        assert_eq!(ready.status.as_u16(), 200, "{size}: {}", ready.text);
        assert_eq!(pool.state().0, pool.state().1, "every connection goes back");
    }
    let pool = Hosts::of(&database, backend, 3);
    let (module, ada) = embedded(&pool, Signals::builder()).await;
    let id = task(&module).await;
    // The host reads by the same pool what the module wrote.
    assert_eq!(pool.text("SELECT count(*) FROM task_management_task"), "1");
    let votes = (0..20).map(|_| {
        let (tasks, ada) = (module.tasks(), Arc::clone(&ada));
        tokio::spawn(async move { tasks.vote(&ada, id, true, None).await })
    });
    let mut decided = 0;
    for vote in votes.collect::<Vec<_>>() {
        decided += usize::from(vote.await.expect("a vote ends").is_ok());
    }
    assert_eq!(decided, 1, "the others find it decided");
    assert_eq!(pool.state().0, pool.state().1, "every connection goes back");
}

#[apply(on_both)]
async fn handlers_and_services_get_the_connection_itself(backend: Backend) {
    let database = TestDatabase::create(backend);
    let pool = Hosts::of(&database, backend, 4);
    let write = |connection: &mut DbConnection, sql: &str| -> tasks_management::Result<()> {
        // What a host writes for one database has no `match`; this test runs on both.
        match connection {
            DbConnection::Pg(_) => {
                let pg: &mut PgConnection = connection.postgres()?;
                diesel::sql_query(sql).execute(pg)?;
            }
            DbConnection::Sqlite(_) => {
                let sqlite: &mut SqliteConnection = connection.sqlite()?;
                diesel::sql_query(sql).execute(sqlite)?;
            }
        }
        Ok(())
    };
    let signals = Signals::builder().within(Signal::TaskComplete, move |connection, event| {
        write(connection, &format!("INSERT INTO grants VALUES ('{}')", event.entity_id))
    });
    let (module, ada) = embedded(&pool, signals).await;
    module
        .database()
        .write(move |connection| write(connection, "CREATE TABLE grants (task text)"))
        .await
        .expect("the host's table");
    let id = task(&module).await;
    module.tasks().vote(&ada, id, true, None).await.expect("a vote");
    assert_eq!(pool.text("SELECT task FROM grants"), id.to_string(), "in the transaction of the decision");
    let other = module.database().read(move |connection| match backend {
        Backend::Postgres => connection.sqlite().map(drop),
        Backend::Sqlite => connection.postgres().map(drop),
    });
    let error = other.await.expect_err("it is the other one");
    assert_eq!(error.code(), ErrorCode::Internal);
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(cause.contains("PostgreSQL") && cause.contains("SQLite"), "{cause}");
}

#[apply(on_both)]
async fn the_hosts_connections_stay_as_the_host_made_them(backend: Backend) {
    let database = TestDatabase::create(backend);
    let pool = Hosts::of(&database, backend, 1);
    let (module, ada) = embedded(&pool, Signals::builder()).await;
    let id = task(&module).await;
    module.tasks().vote(&ada, id, true, None).await.expect("a vote");
    module.deliver_due().await.expect("deliveries");
    match backend {
        Backend::Postgres => {
            assert_eq!(pool.text("SELECT current_setting('statement_timeout')"), "77s");
            assert_eq!(pool.text("SELECT current_setting('lock_timeout')"), "55s");
        }
        Backend::Sqlite => {
            // These the module needs, and its documents say so.
            assert_eq!(pool.text("SELECT foreign_keys FROM pragma_foreign_keys"), "1");
            assert_eq!(pool.text("SELECT task_management_fold('ÄΣ')"), "äσ");
            assert_eq!(pool.text("SELECT timeout FROM pragma_busy_timeout"), "30000");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_with_connections_to_spare_is_notified_and_gets_them_all_back() {
    let database = TestDatabase::create(Backend::Postgres);
    for (size, kept) in [(2, 0), (3, 1)] {
        let pool = Hosts::of(&database, Backend::Postgres, size);
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        let signals = Signals::builder().after("host", [Signal::TaskCreate], move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        });
        let people = People::usual();
        let mut settings = Settings::default();
        settings.outbox.poll_ms = 200;
        let module = Builder::new(settings)
            .database(pool.database())
            .users(people.clone())
            .signals(signals)
            .build()
            .expect("a module");
        module.migrate().await.expect("migrations");
        let stop = CancellationToken::new();
        let workers = tokio::spawn(module.workers(&stop));
        let listens = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'";
        let begun = std::time::Instant::now();
        while pool.text(listens) != kept.to_string() && begun.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(pool.text(listens), kept.to_string());
        task(&module).await;
        while told.load(Ordering::SeqCst) == 0 && begun.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(told.load(Ordering::SeqCst), 1);
        stop.cancel();
        workers.await.expect("the workers end");
        assert_eq!(pool.state().0, pool.state().1, "every connection goes back");
        assert_eq!(pool.text("SELECT count(*) FROM pg_listening_channels()"), "0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_modules_tables_are_in_the_schema_that_the_url_names() {
    let database = TestDatabase::create(Backend::Postgres);
    let printed = "?options=-csearch_path%3Dtasks";
    assert!(include_str!("../../docs/embedding.md").contains(&format!("{printed}`")), "hosts are told so");
    let pool = |options: &str| {
        let manager = ConnectionManager::new(format!("{}{options}", database.url));
        Hosts::Postgres(Pool::builder().max_size(2).build(manager).expect("a pool"))
    };
    let at = async |options: &str| {
        let module = Builder::new(Settings::default()).database(pool(options).database()).build();
        module.expect("a module").migrate().await.map_err(|error| format!("{error:?}"))
    };
    let refusal = at(printed).await.expect_err("there is no such schema");
    assert!(refusal.contains("search_path names no schema"), "{refusal}");
    database.execute("CREATE SCHEMA tasks");
    let (module, _) = embedded(&pool(printed), Signals::builder()).await;
    task(&module).await;
    let tables = |schema: &str| {
        database.count(&format!("SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'"))
    };
    assert!(tables("tasks") > 20 && tables("public") == 0);
    let refusal = at("?options=-csearch_path%3Dpublic,tasks").await.expect_err("it would make them again");
    assert!(refusal.contains("are in the schema tasks"), "{refusal}");
    assert_eq!(at("?options=-csearch_path%3Dtasks,public").await.as_deref(), Ok(&[][..]));
    let mut settings = Settings::default();
    settings.database.url = format!("{}{printed}", database.url);
    let module = Builder::new(settings).users(People::usual()).build().expect("a module");
    assert_eq!(module.is_pending().await.ok(), Some(false));
}
