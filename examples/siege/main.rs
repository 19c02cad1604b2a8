//! Proof that the server is hard to hurt.
//!
//! `siege attack` starts the program on a database of its own, and attacks it as strangers and small accounts might. It
//! prints what others felt meanwhile: how long logins and lists of innocent people took, what they were refused, whether an
//! acknowledged decision was lost, and how much memory and processor time the server took. `siege fuzz` sends requests that
//! the schema allows, and others that it nearly allows. The status is 1 if a bound does not hold. Everything stays on
//! loopback.

mod attack;
mod attacks;
mod cost;
mod fuzz;
mod http;
mod innocent;
mod server;
#[path = "../kill/store.rs"]
mod store;
mod tally;
mod town;
mod witness;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "siege", about = "Attacks the server and says what others felt meanwhile")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Attacks the program in all ways, one after the other.
    Attack(attack::Options),
    /// Sends requests made from the schema.
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Attack(options) => attack::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("siege: {reason}");
            ExitCode::FAILURE
        }
    }
}
