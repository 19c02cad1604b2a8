//! A host on PostgreSQL with a pool, migrations, people, JWTs and a schema of its own. Oda proposes grants, which Cem and then
//! Dora approve, and accounts of beneficiaries, which Cem approves.
//!
//! ```sh
//! OFFICE_SECRET=$(openssl rand -hex 32) cargo run --example grants_office -- 127.0.0.1:8002 postgres://user:password@localhost/office
//! ```

use std::error::Error;

use diesel::PgConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use tasks_management::{Builder, CheckedService as _, Database, ExecutionMode, Host, MakerChecker, Settings};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

mod beneficiaries;
mod decisions;
mod flow;
mod grants;
mod login;
mod office;
mod schema;
mod serving;
mod staff;
mod tables;

use beneficiaries::Beneficiaries;
use grants::Grants;
use office::Office;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("examples/grants_office/migrations");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, url] = arguments.as_slice() else {
        return Err("say where to listen, and the URL of the database".into());
    };
    let secret =
        std::env::var("OFFICE_SECRET").map_err(|_| "OFFICE_SECRET is to hold a secret that signs")?;
    let pool = Pool::builder().max_size(10).build(ConnectionManager::<PgConnection>::new(url))?;
    pool.get()?.run_pending_migrations(MIGRATIONS).map_err(|error| error.to_string())?;

    let mut settings = Settings::default();
    settings.journal.answer_errors = true;
    settings.tasks_management.forbid_maker = true;
    let grants = MakerChecker::new(Grants, ExecutionMode::Within);
    let beneficiaries = MakerChecker::new(Beneficiaries, ExecutionMode::After);
    let decided = broadcast::Sender::new(100);
    let module = Builder::new(settings)
        .database(Database::from_pool(pool)?)
        .people(staff::Staff)
        .host(
            Host::default()
                .entity(Grants::ENTITY_TYPE, grants::names)
                .entity(Beneficiaries::ENTITY_TYPE, Beneficiaries),
        )
        .maker_checker(&grants)
        .maker_checker(&beneficiaries)
        .signals(decisions::signals(decided.clone()))
        .build()?;
    module.migrate().await?;
    flow::make_flow(&module).await?;

    let stop = CancellationToken::new();
    let workers = tokio::spawn(module.workers(&stop));
    let office = Office { module, grants, beneficiaries, decided, secret: secret.into() };
    let router = serving::router(schema::schema(&office)?, office);
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("the office listens on http://{}/graphql", listener.local_addr()?);
    axum::serve(listener, router)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    stop.cancel();
    Ok(workers.await?)
}
