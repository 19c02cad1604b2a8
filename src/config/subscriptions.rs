//! Settings of subscriptions.

use serde::{Deserialize, Serialize};

/// Telling people and programs of changes as they happen.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SubscriptionSettings {
    /// How many milliseconds pass between looks at the log of changes, while somebody listens.
    pub poll_ms: u64,
    /// How many connections there may be that listen.
    pub connections: usize,
    /// How many of them one person may have.
    pub connections_per_user: usize,
    /// How many of them one address may have. On IPv6 a network of 64 bits counts as one address.
    pub connections_per_address: usize,
    /// How many WebSockets of one address may be open that have not said yet whose they are.
    pub unidentified_per_address: usize,
    /// How many operations may be under way over one connection.
    pub operations_per_connection: usize,
    /// The longest message of a client over a WebSocket, in bytes.
    pub message_bytes: usize,
    /// How many changes wait for one who listens. Who reads more slowly is closed.
    pub waiting_changes: usize,
    /// How many changes are told again at most to one who comes back.
    pub missed_changes: i64,
    /// How many seconds pass between pings. Who answers none for twice as long is closed.
    pub ping_s: u64,
    /// How many seconds a WebSocket may have no operation under way.
    pub idle_s: u64,
}

impl Default for SubscriptionSettings {
    fn default() -> Self {
        Self {
            poll_ms: 100,
            connections: 3_000,
            connections_per_user: 20,
            connections_per_address: 200,
            unidentified_per_address: 50,
            operations_per_connection: 20,
            message_bytes: 32 * 1024,
            waiting_changes: 1_000,
            missed_changes: 20_000,
            ping_s: 25,
            idle_s: 300,
        }
    }
}
