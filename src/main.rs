//! The program, which has only the subcommands. The library has what they do.

mod commands;
mod demo;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use commands::{RightsCommand, RoleCommand, TokenCommand, UserCommand};
use tasks_management::cli;
use tasks_management::config::{Settings, holds_password};
use tasks_management::function_runner;

/// The allocator. With GraphQL's many small objects it saves a tenth of the processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Human tasks with groups of executors, votes and a history.
#[derive(Parser)]
#[command(name = "tasks-management", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The options of every subcommand.
#[derive(Args, Clone)]
struct Common {
    /// A configuration file (TOML).
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// `sqlite://path/file.db` or `postgres://user@host/database`, without a password; also as TASKS__DATABASE__URL.
    #[arg(long, value_name = "URL", global = true)]
    database_url: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Migrates the database and serves.
    Serve {
        #[command(flatten)]
        common: Common,
        /// Address and port, such as 127.0.0.1:8000.
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
        /// Leaves the database's schema as it is.
        #[arg(long)]
        no_migrate: bool,
    },
    /// Serves a fresh database with sample users, groups and tasks, in a folder of its own.
    Demo {
        #[command(flatten)]
        common: Common,
        /// Address and port.
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
        /// Lets it listen on an address that others reach, though they know its passwords.
        #[arg(long)]
        reachable_by_others: bool,
        /// Sends mails by the mail server of the settings (mail.host); it sends none otherwise.
        #[arg(long)]
        send_mails: bool,
    },
    /// Applies the migrations that are missing.
    Migrate {
        #[command(flatten)]
        common: Common,
    },
    /// Loads users, roles, groups, tasks and history from a JSON file: all or nothing.
    Load {
        #[command(flatten)]
        common: Common,
        /// The file.
        file: PathBuf,
    },
    /// Shows users, adds, blocks and renames them, sets passwords, gives and takes roles.
    User {
        #[command(flatten)]
        common: Common,
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Shows roles, adds and deletes them, says what they grant.
    Role {
        #[command(flatten)]
        common: Common,
        #[command(subcommand)]
        command: RoleCommand,
    },
    /// Shows the tokens of programs, makes and ends them.
    Token {
        #[command(flatten)]
        common: Common,
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Shows which rights there are.
    Rights {
        #[command(flatten)]
        common: Common,
        #[command(subcommand)]
        command: RightsCommand,
    },
    /// Prints the security log as JSON lines, the oldest first.
    SecurityLog {
        #[command(flatten)]
        common: Common,
        /// Only what has happened since then: a day or a moment, in UTC.
        #[arg(long, value_name = "MOMENT")]
        since: Option<String>,
    },
    /// Says in whose name commands act.
    Whoami {
        #[command(flatten)]
        common: Common,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows deliveries to handlers, makes them again, gives them up.
    Events {
        #[command(flatten)]
        common: Common,
        #[command(subcommand)]
        command: EventsCommand,
    },
    /// Seals secrets in the database with the present key: what is plain, and what was sealed with another one.
    Seal {
        #[command(flatten)]
        common: Common,
    },
    /// Prints the GraphQL schema.
    Schema {
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
enum EventsCommand {
    /// Shows deliveries, the oldest first: key, status, attempts, handler, signal, row, and why the last try failed.
    List {
        /// PENDING, DELIVERED, DEAD or DISCARDED.
        #[arg(long)]
        status: Option<String>,
        /// The handler's name.
        #[arg(long)]
        handler: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// Makes deliveries due again, as if they had never been tried.
    Replay {
        /// Keys, as `list` shows them.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Gives deliveries up.
    Discard {
        /// Keys, as `list` shows them.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

/// Why the program ends with status 1.
struct Failure {
    reason: String,
    /// Whether the log is JSON already, so that its readers expect nothing else.
    log_is_json: bool,
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self { reason, log_is_json: false }
    }
}

fn main() -> ExitCode {
    // A process that executes a function goes no further.
    let _ = function_runner();
    match run(Cli::parse().command) {
        Ok(line) if line.is_empty() => ExitCode::SUCCESS,
        Ok(line) => {
            // The reader of the output may have gone, which is no reason for a panic.
            match writeln!(std::io::stdout(), "{line}") {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        Err(Failure { reason, log_is_json }) => {
            if log_is_json && tracing::enabled!(tracing::Level::ERROR) {
                tracing::error!("{reason}");
            } else {
                eprintln!("tasks-management: {}", cli::printable(&reason));
            }
            ExitCode::FAILURE
        }
    }
}

/// Every so many pieces of work one goes on that another thread has brought back, as each look into the database does. By
/// default it is one in sixty: then a flood of requests keeps others waiting at each step, and a login has many.
const GLOBAL_QUEUE_INTERVAL: u32 = 2;

fn run(command: Command) -> Result<String, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .global_queue_interval(GLOBAL_QUEUE_INTERVAL)
        .build()
        .map_err(|error| format!("the runtime can't start: {error}"))?;
    let outcome = runtime.block_on(execute(command));
    // Dropping the runtime would wait for all its threads, even for one that waits for a lock in the database.
    runtime.shutdown_background();
    outcome
}

async fn execute(command: Command) -> Result<String, Failure> {
    Ok(match command {
        Command::Serve { common, listen, no_migrate } => {
            let mut settings = settings(&common)?;
            settings.http.listen = listen.unwrap_or(settings.http.listen);
            settings.database.migrate &= !no_migrate;
            settings.check()?;
            let log_is_json = cli::begin_log(&settings.log)?;
            cli::serve(settings).await.map_err(|reason| Failure { reason, log_is_json })?
        }
        Command::Demo { common, listen, reachable_by_others: reachable, send_mails: mails } => {
            let mut settings = settings(&common)?;
            settings.http.listen = listen.unwrap_or(settings.http.listen);
            settings.check()?;
            let log_is_json = cli::begin_log(&settings.log)?;
            let wishes = demo::Wishes { keep_url: common.database_url.is_some(), reachable, mails };
            demo::run(settings, wishes).await.map_err(|reason| Failure { reason, log_is_json })?
        }
        Command::Migrate { common } => cli::migrate(&settings(&common)?).await?,
        Command::Load { common, file } => cli::load(settings(&common)?, &file).await?,
        Command::User { common, command } => commands::user(settings(&common)?, command).await?,
        Command::Role { common, command } => commands::role(settings(&common)?, command).await?,
        Command::Token { common, command } => commands::token(settings(&common)?, command).await?,
        Command::Rights { common, command } => commands::rights(settings(&common)?, command).await?,
        Command::SecurityLog { common, since } => cli::export_security_log(settings(&common)?, since).await?,
        Command::Whoami { common, json } => cli::whoami(settings(&common)?, json).await?,
        Command::Events { common, command } => {
            let settings = settings(&common)?;
            match command {
                EventsCommand::List { status, handler, limit } => {
                    cli::list_events(settings, status, handler, limit).await?
                }
                EventsCommand::Replay { ids } => cli::replay_events(settings, ids).await?,
                EventsCommand::Discard { ids } => cli::discard_events(settings, ids).await?,
            }
        }
        Command::Seal { common } => cli::seal(settings(&common)?).await?,
        Command::Schema { .. } => cli::schema(),
    })
}

fn settings(common: &Common) -> Result<Settings, String> {
    let mut settings = Settings::load(common.config.as_deref())?;
    if let Some(url) = &common.database_url {
        if holds_password(url) {
            return Err("--database-url holds a password, which everybody on this machine can read in the list of \
                        processes: leave it out, and give it by TASKS__DATABASE__PASSWORD or database.password_file"
                .to_owned());
        }
        settings.database.url.clone_from(url);
    }
    Ok(settings)
}
