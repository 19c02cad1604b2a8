//! Logging in.

use serde::{Deserialize, Serialize};

/// Logging in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AuthSettings {
    /// The secret that signs tokens, at least 32 bytes. There is no default.
    pub secret: String,
    /// How many seconds an access token lives.
    pub access_token_s: i64,
    /// How many seconds a session lives, however often it is refreshed.
    pub session_s: i64,
    /// How many sessions a user has at once; one more ends the oldest.
    pub sessions_per_user: i64,
    /// How many failed logins for one name one address may have in a window before it is refused for that name. The same
    /// bound holds for a device from which the person has logged in before.
    pub failures_per_user: i32,
    /// How many failed logins one address may have in a window before it is refused. On IPv6 a network of 64 bits counts as
    /// one address.
    pub failures_per_address: i32,
    /// How many failed logins for one name there may be in a window before unknown devices have to wait.
    pub delay_after: i32,
    /// How many seconds unknown devices wait at most.
    pub longest_delay_s: u64,
    /// How many logins for one name from one address may be under way at once.
    pub logins_at_once_per_user: usize,
    /// How many logins from one address may be under way at once.
    pub logins_at_once_per_address: usize,
    /// How many seconds the window of failed logins lasts.
    pub failure_window_s: i64,
    /// How many seconds a token lives by which a person sets a password without the old one.
    pub reset_token_s: i64,
    /// How many tokens programs of one user have at once.
    pub tokens_per_user: usize,
    /// How many days a token of a program lives at most.
    pub token_days: i64,
    /// How many days the security log is kept.
    pub security_log_days: i64,
    /// How many characters a new password has at least.
    pub password_min_length: usize,
    /// Memory of a password hash (argon2id), in KiB.
    pub password_memory_kib: u32,
    /// Passes of a password hash (argon2id).
    pub password_passes: u32,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            secret: String::new(),
            access_token_s: 900,
            session_s: 7 * 24 * 3_600,
            sessions_per_user: 100,
            failures_per_user: 10,
            failures_per_address: 100,
            delay_after: 5,
            longest_delay_s: 30,
            logins_at_once_per_user: 4,
            logins_at_once_per_address: 32,
            failure_window_s: 900,
            reset_token_s: 86_400,
            tokens_per_user: 20,
            token_days: 366,
            security_log_days: 400,
            password_min_length: 8,
            password_memory_kib: 19_456,
            password_passes: 2,
        }
    }
}

/// The secret stays out of logs.
impl std::fmt::Debug for AuthSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthSettings").finish_non_exhaustive()
    }
}
