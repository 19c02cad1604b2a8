//! What every run is told: where, how many servers, how many kills.

use clap::Args;

use crate::store::Store;

/// The options that all runs have.
#[derive(Args)]
pub struct Shared {
    /// `sqlite`, or the URL of a PostgreSQL server on which a database may be created.
    #[arg(long, default_value = "sqlite")]
    pub database: String,
    /// How many servers; one on SQLite and two on PostgreSQL by default.
    #[arg(long)]
    processes: Option<usize>,
    /// How many times a server is killed at least.
    #[arg(long, default_value_t = 50)]
    pub kills: usize,
    /// Repeats the random moments of another run.
    #[arg(long)]
    seed: Option<u64>,
}

impl Shared {
    /// How many servers there are on this database.
    pub fn processes(&self, store: &Store) -> usize {
        self.processes.unwrap_or(if store.is_file() { 1 } else { 2 })
    }

    /// What the random moments come from.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(rand::random)
    }
}
