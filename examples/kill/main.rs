//! Proves that decisions are carried out, whichever process dies meanwhile.
//!
//! `kill run` starts servers (`kill serve`, processes of their own), lets clients propose and vote over HTTP, and kills
//! servers with SIGKILL at random moments, or takes the database away. Afterwards it compares what the clients were told
//! with what is in the database, which it reads past the module, and prints the counts. Its status is 1 if they do not
//! match.

mod audit;
mod books;
mod client;
mod fleet;
mod functions;
mod hooks;
mod live;
mod load;
mod mails;
mod options;
mod outage;
mod receiver;
mod run;
mod server;
mod store;
mod timers;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// The allocator of the real program, as memory is measured here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "kill", about = "Kills servers under load and counts what survives")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Puts servers under load, kills them, and checks what is left.
    Run(run::Options),
    /// Kills servers while timers of tasks act, and checks that each has acted once.
    Timers(options::Shared),
    /// Kills servers while they send mails, and checks that each has come.
    Mails(options::Shared),
    /// Kills servers while they execute runs of functions, and checks that none is lost and none executed twice.
    Functions(options::Shared),
    /// Kills servers while clients follow the log of changes, and checks that none has missed one.
    Live(live::Options),
    /// Serves until the standard input ends; settings come from the environment (TASKS__SECTION__KEY).
    Serve {
        /// How many milliseconds the handler `slow` works on an event.
        #[arg(long, default_value_t = 20)]
        slow_ms: u64,
    },
}

fn main() -> ExitCode {
    let _ = tasks_management::function_runner();
    let outcome = match Cli::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Timers(options) => timers::run(&options),
        Command::Mails(options) => mails::run(&options),
        Command::Functions(options) => functions::run(&options),
        Command::Live(options) => live::run(&options),
        Command::Serve { slow_ms } => server::serve(Duration::from_millis(slow_ms)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("kill: {reason}");
            ExitCode::FAILURE
        }
    }
}
