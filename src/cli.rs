//! What the subcommands do. Each ends with one line that says what it did, or one that says why not and what to do.

use std::future::Future;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::Path;

use tokio::net::{TcpListener, TcpSocket};

use crate::app::{Builder, TaskManagement};
use crate::config::{Settings, text_file};
use crate::db::migration::Standing;
use crate::domain::outbox::DeliveryStatus;
use crate::domain::query::{Condition, ListQuery, Page, Value};
use crate::domain::signal::Signal;
use crate::domain::text::shown;
use crate::error::ErrorCode;
use crate::function_runner::function_runner;
use crate::http::server::open_files;
use crate::model::outbox::Delivery;
use crate::service::load::{File, load as load_file};
use crate::service::{outbox, task_function, webhook_endpoint};
use crate::signal::{Bus, BusBuilder};

mod advice;
mod demo;
mod log;
mod prometheus;
mod role;
mod security_log;
mod table;
mod token;
mod user;

pub use crate::service::user::NewUser;
pub use advice::say;
pub use demo::prepare_demo;
pub use log::begin_log;
use prometheus::Prometheus;
pub use role::{GivenRights, create_role, delete_role, list_rights, list_roles, set_rights, show_role};
pub use security_log::export_security_log;
pub use token::{create_token, list_tokens, revoke_tokens};
pub use user::{
    add_user, grant, list_users, rename, revoke, roles_of, sessions, set_active, set_password, show_user,
    whoami,
};

/// Serves until Ctrl-C or SIGTERM.
///
/// # Errors
/// A sentence that says why the server can't start.
pub async fn serve(settings: Settings) -> Result<String, String> {
    settings.check_secret()?;
    let metrics = metrics()?;
    open_files::raise();
    let listener = listen(&settings)?;
    let module = Builder::new(settings)
        .signals(logged(Bus::builder()))
        .metrics(metrics)
        .function_runner(function_runner())
        .build()
        .map_err(say)?;
    prepare(&module).await?;
    run(&module, listener).await
}

/// Begins to keep metrics; returns the function that writes them for `/metrics`.
///
/// # Errors
/// A sentence that says why they can't be kept.
pub fn metrics() -> Result<impl Fn() -> String + Send + Sync + use<>, String> {
    let prometheus = Prometheus::default();
    metrics::set_global_recorder(prometheus.clone())
        .map_err(|error| format!("metrics can't be kept: {error}; a process keeps them once"))?;
    Ok(move || prometheus.render())
}

/// How many connections may wait to be accepted; the system may allow fewer (`net.core.somaxconn`). Whoever finds no room
/// comes again only after a second or three.
const MOST_WAITING: u32 = 4096;

/// Opens the port.
///
/// # Errors
/// A sentence that names the address.
pub fn listen(settings: &Settings) -> Result<TcpListener, String> {
    let wanted = &settings.http.listen;
    let open = || -> io::Result<TcpListener> {
        let address: SocketAddr = wanted.parse().map_err(io::Error::other)?;
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Connections of a server that has just ended do not keep the port. Elsewhere this would let two share it.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(MOST_WAITING)
    };
    open().map_err(|error| {
        format!("{wanted} can't be listened on: {error}; name a free address of this machine by --listen")
    })
}

/// Serves on an open port until Ctrl-C or SIGTERM, which count from this call on.
///
/// # Errors
/// A sentence that says why serving ended.
pub fn run(
    module: &TaskManagement,
    listener: TcpListener,
) -> impl Future<Output = Result<String, String>> + use<'_> {
    let interrupted = interrupted();
    async move {
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        tracing::info!(%address, "listening");
        let finished = module.serve(listener, interrupted).await.map_err(say)?;
        Ok(if finished {
            "stopped; what was under way is finished"
        } else {
            "stopped; what was still under way when the grace ended is given up"
        }
        .to_owned())
    }
}

/// Applies the migrations that are missing.
///
/// # Errors
/// A sentence that says why the database can't be migrated.
pub async fn migrate(settings: &Settings) -> Result<String, String> {
    migrate_by(&Builder::new(settings.clone()).build().map_err(say)?).await
}

async fn migrate_by(module: &TaskManagement) -> Result<String, String> {
    if let Standing::Foreign(tables) = module.standing().await.map_err(say)? {
        return Err(foreign(&tables));
    }
    let done = module.migrate_alone().await.map_err(say)?;
    Ok(match done.len() {
        0 => "the database is current; nothing to migrate".to_owned(),
        1 => format!("applied 1 migration: {}", done.join(", ")),
        n => format!("applied {n} migrations: {}", done.join(", ")),
    })
}

/// The module on a database that is there: a command that looks into one, or changes what is in it, makes none where the name is wrong.
fn present(settings: Settings) -> Result<TaskManagement, String> {
    let missing = settings.database.missing_file();
    let module = Builder::new(settings).build().map_err(say)?;
    let Some(path) = missing else { return Ok(module) };
    Err(format!(
        "there is no database {}: name one that is there in database.url (TASKS__DATABASE__URL, --database-url), or have \
         `tasks-management migrate` make this one",
        path.display()
    ))
}

/// The same, with the migrations that are missing applied.
async fn migrated(settings: Settings) -> Result<TaskManagement, String> {
    let module = present(settings)?;
    migrate_by(&module).await?;
    Ok(module)
}

/// A text in which only the ends of its lines move the cursor of a terminal: it may quote a file or a database.
#[must_use]
pub fn printable(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// Loads a JSON file, after migrating.
///
/// # Errors
/// A sentence that says what is wrong in the file or with the database.
pub async fn load(settings: Settings, path: &Path) -> Result<String, String> {
    let refuse = |reason: String| {
        // A file may make lines of its own.
        let reason = shown(&reason);
        format!("{}: {reason}; nothing was loaded: mend the file and load it again", path.display())
    };
    let text = text_file::read(path)?;
    let file: File = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    migrate(&settings).await?;
    // Sources of functions are looked at.
    let module = Builder::new(settings).function_runner(function_runner()).build().map_err(say)?;
    let loaded = load_file(module.services(), file).await.map_err(|error| match error.code() {
        ErrorCode::Unavailable => say(error),
        _ => refuse(advice::what_failed(&error)),
    })?;
    Ok(loaded.to_string())
}

/// The GraphQL schema in its own language.
#[must_use]
pub fn schema() -> String {
    crate::graphql::schema::sdl().trim_end().to_owned()
}

/// Shows deliveries to handlers, a line each, the oldest first.
///
/// # Errors
/// A sentence that says what can't be asked for, or what is wrong with the database.
pub async fn list_events(
    settings: Settings,
    status: Option<String>,
    handler: Option<String>,
    limit: i64,
) -> Result<String, String> {
    let mut query =
        ListQuery { page: Page { first: Some(limit), ..Page::default() }, ..ListQuery::default() };
    if let Some(status) = status {
        let status = DeliveryStatus::parse(&status.to_uppercase()).ok_or_else(|| {
            let allowed =
                DeliveryStatus::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(", ");
            format!("--status {status} is not known: {allowed} are")
        })?;
        query.conditions.push(Condition::equals("status", Value::Text(status.as_str().to_owned())));
    }
    query.conditions.extend(handler.map(|handler| Condition::equals("handler", Value::Text(handler))));
    let module = present(settings)?;
    let found = outbox::list_for_operator(module.services(), query).await.map_err(say)?;
    if found.rows.is_empty() {
        return Ok("no events".to_owned());
    }
    let lines = found.rows.iter().map(|(row, _)| {
        let error = row.last_error.as_deref().unwrap_or_default().replace('\n', " ");
        let (status, date) = (row.status.as_str(), row.date_created.format("%Y-%m-%dT%H:%M:%S"));
        let Delivery { id, attempts, handler, signal, entity_id, .. } = row;
        format!("{id}\t{status}\t{attempts}\t{date}\t{handler}\t{signal}\t{entity_id}\t{error}")
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Makes deliveries due again.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn replay_events(settings: Settings, ids: Vec<i64>) -> Result<String, String> {
    let count = ids.len();
    let module = present(settings)?;
    outbox::replay_for_operator(module.services(), ids).await.map_err(say)?;
    Ok(format!("{count} events are due again"))
}

/// Gives up deliveries.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn discard_events(settings: Settings, ids: Vec<i64>) -> Result<String, String> {
    let count = ids.len();
    let module = present(settings)?;
    outbox::discard_for_operator(module.services(), ids).await.map_err(say)?;
    Ok(format!("{count} events are given up"))
}

/// Seals secrets in the database with the present key.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn seal(settings: Settings) -> Result<String, String> {
    if settings.sealing.key.is_empty() {
        return Err("sealing.key (TASKS__SEALING__KEY) is missing: there is nothing to seal with".to_owned());
    }
    let module = present(settings)?;
    let endpoints = webhook_endpoint::seal_all(module.services()).await.map_err(say)?;
    let functions = task_function::secrets::seal_all(module.services()).await.map_err(say)?;
    Ok(format!(
        "sealed the secrets of {endpoints} webhook endpoints and {functions} functions; no other secrets are kept"
    ))
}

/// Reads a password from the first line of the standard input, so that no list of processes shows it.
///
/// # Errors
/// A sentence that says why there is none.
pub fn read_password() -> Result<String, String> {
    const LONGEST: u64 = 4_096;
    const HOW: &str = "pipe it in, as in `printf '%s\\n' PASSWORD | tasks-management user …`";
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(LONGEST)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("the password can't be read from the standard input: {error}; {HOW}"))?;
    let text = text_file::decode(&bytes).map_err(|reason| format!("the password {reason}; {HOW}"))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(format!("the password is read from the standard input, and there was none: {HOW}")),
    }
}

/// Binds a handler that writes every decision to the log.
#[must_use]
pub fn logged(bus: BusBuilder) -> BusBuilder {
    bus.after("log", [Signal::TaskComplete], |event| async move {
        let result = event.decision()?.map(|decision| decision.result.as_str());
        tracing::info!(event = %event.id, task = %event.entity_id, decider = %event.user_id, result, "a task is decided");
        Ok(())
    })
}

/// The refusal of a database that holds only tables of other programs.
fn foreign(tables: &[String]) -> String {
    const SHOWN: usize = 3;
    let (count, shown) = (tables.len(), tables.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", "));
    format!(
        "the database holds tables of another program only ({count}, among them {shown}): name an empty one in database.url, or \
         one of this program's"
    )
}

/// Migrates, unless told not to, and checks the settings in the database. A database that is down stops the start with a
/// clear message; one that goes down later does not stop the server.
async fn prepare(module: &TaskManagement) -> Result<(), String> {
    if module.configured().database.migrate {
        // Arguments of the log are not worked out for a line that is not written.
        let done = migrate_by(module).await?;
        tracing::info!("{done}");
    }
    let standing = module.standing().await.map_err(say)?;
    standing.check().map_err(say)?;
    match standing {
        Standing::Pending => {
            return Err("the database's schema is not current: run `tasks-management migrate`".to_owned());
        }
        Standing::Foreign(tables) => return Err(foreign(&tables)),
        Standing::Newer(level) => {
            tracing::warn!(
                level,
                "a newer program has migrated the database; this one goes on with it for now"
            );
        }
        _ => {}
    }
    module
        .services()
        .read(|services, connection| services.settings.check(connection, services.clock.now()))
        .await
        .map_err(|error| {
            if error.code() == ErrorCode::Unavailable {
                return say(error);
            }
            let row = "the row of module tasks_management, layer BE, in core_moduleconfiguration";
            format!("{}; mend {row}", say(error))
        })
}

/// A future that ends when the process is told to stop. Signals count from this call on, not from when the future is
/// awaited.
fn interrupted() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    let told = {
        use tokio::signal::unix::{SignalKind, signal};
        [SignalKind::interrupt(), SignalKind::terminate()].map(signal)
    };
    async move {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = told.map(|told| async {
                match told {
                    Ok(mut told) => {
                        told.recv().await;
                    }
                    Err(_) => std::future::pending().await,
                }
            });
            tokio::select! {
                () = interrupt => {}
                () = terminate => {}
            }
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
        tracing::info!("stopping");
    }
}

/// A new signing secret, for servers that are not meant to last.
#[must_use]
pub fn new_secret() -> String {
    crate::auth::token::new_refresh_token()
}
