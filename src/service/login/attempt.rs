//! Throttling of logins: a client that guesses passwords is slowed down and then refused, but can't lock anybody else out.
//!
//! An attempt from a device from which the person has logged in before is counted only for that device. Any other attempt is
//! counted for the name together with its network, and for the network; these counts refuse only that network. It is also
//! counted for the name. That count refuses nobody, but makes unknown devices wait, the longer the more attempts there were.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use crate::budget::fair_places::Ticket;
use crate::db::connection::DbConnection;
use crate::db::login_failure::{add, clear, get, subtract};
use crate::domain::network::Network;
use crate::domain::security_log::SecurityEvent;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::service::{ServiceContext, security_log};

/// An attempt to log in.
#[derive(Clone)]
pub struct Attempt {
    username: String,
    /// What stands for the name where it is kept: people type passwords into the wrong field.
    veiled: String,
    network: Option<Network>,
    /// The device, if the person has logged in from it before.
    device: Option<String>,
}

/// How an attempt was counted. It counts as a failure until it is known to be none.
#[derive(Clone)]
pub struct Counted {
    /// How long the attempt has to wait.
    pub delay: Duration,
    by_device: bool,
}

impl Attempt {
    /// An attempt under this name, from this address and this device.
    pub fn new(
        services: &ServiceContext,
        username: &str,
        address: Option<IpAddr>,
        device: Option<&str>,
    ) -> Self {
        let device = device.and_then(|token| services.tokens.device_of(token, username)).map(str::to_owned);
        let veiled = services.tokens.veiled(username);
        Self { username: username.to_owned(), veiled, network: address.map(Network::around), device }
    }

    /// The permission to go on. Only a few can have it at once under one name from one network, and from one network.
    ///
    /// # Errors
    /// LIMIT, naming the setting.
    pub fn ticket(&self, services: &ServiceContext) -> Result<Ticket> {
        const OF_USER: &str = "auth.logins_at_once_per_user";
        const OF_ADDRESS: &str = "auth.logins_at_once_per_address";
        let (of_user, of_address) =
            (services.auth.logins_at_once_per_user, services.auth.logins_at_once_per_address);
        let keys = match (&self.device, self.network) {
            (Some(device), _) => vec![(format!("{OF_USER}: {device} {}", self.username), of_user)],
            (None, Some(network)) => vec![
                (format!("{OF_USER}: {network} {}", self.username), of_user),
                (format!("{OF_ADDRESS}: {network}"), of_address),
                // Not bounded, because others could use the bound up, but its turns come one after the other.
                (format!("name: {}", self.username), usize::MAX),
            ],
            // Without an address it is the same, because one bound for everybody would let anybody lock the others out.
            (None, None) => vec![(format!("name: {}", self.username), usize::MAX)],
        };
        services.hashing.ticket(keys).map_err(|key| {
            let setting = if key.starts_with(OF_USER) { OF_USER } else { OF_ADDRESS };
            refused(setting, Message::new("logins-at-once"))
        })
    }

    /// Counts the attempt as a failure, to be taken back if it succeeds, so that each of many simultaneous attempts sees
    /// those before it.
    ///
    /// # Errors
    /// LIMIT after too many failures. A refused attempt is not counted.
    pub fn count(
        &self,
        services: &ServiceContext,
        connection: &mut DbConnection,
        now: NaiveDateTime,
    ) -> Result<Counted> {
        let auth = &services.auth;
        let since = now - TimeDelta::seconds(auth.failure_window_s);
        let mut failures = |key: &str| -> Result<(i32, NaiveDateTime)> {
            add(connection, key, now, since)?;
            Ok(get(connection, key, since)?.unwrap_or((1, now)))
        };
        // A known device that guesses counts as an unknown one.
        if let Some(key) = self.device_key()
            && failures(&key)?.0 <= auth.failures_per_user
        {
            return Ok(Counted { delay: Duration::ZERO, by_device: true });
        }
        let bounds = [
            (self.pair_key(), auth.failures_per_user, "auth.failures_per_user"),
            (self.network_key(), auth.failures_per_address, "auth.failures_per_address"),
        ];
        for (key, most, setting) in bounds {
            let Some(key) = key else { continue };
            let (count, first) = failures(&key)?;
            if count > most {
                let wait = (first - since).num_seconds().max(1);
                return Err(too_many(setting, wait));
            }
        }
        let (count, _) = failures(&self.name_key())?;
        Ok(Counted { delay: delay(count, auth.delay_after, auth.longest_delay_s), by_device: false })
    }

    /// Takes back the count, and the earlier failures of the person who has succeeded now.
    ///
    /// # Errors
    /// What the database says.
    pub fn forgive(
        &self,
        services: &ServiceContext,
        connection: &mut DbConnection,
        counted: &Counted,
        now: NaiveDateTime,
    ) -> Result<()> {
        if let Some(key) = self.device_key() {
            clear(connection, &key)?;
        }
        if counted.by_device {
            return Ok(());
        }
        let since = now - TimeDelta::seconds(services.auth.failure_window_s);
        let mut own = 1;
        if let Some(key) = self.pair_key() {
            own = get(connection, &key, since)?.map_or(1, |(count, _)| count.max(1));
            clear(connection, &key)?;
        }
        if let Some(key) = self.network_key() {
            subtract(connection, &key, 1)?;
        }
        subtract(connection, &self.name_key(), own)
    }

    /// The network from which it came, where that is known.
    pub fn network_text(&self) -> Option<String> {
        self.network.map(|network| network.to_string())
    }

    /// Notes in the security log that it was refused. `known` is the user of that name. If there is none, nothing is kept of what
    /// was typed, because it may be a password.
    pub fn refused(
        &self,
        known: Option<Uuid>,
        now: NaiveDateTime,
    ) -> impl FnMut(&mut DbConnection) -> Result<()> + Send + use<> {
        let (network, name) = (self.network_text(), known.map(|_| self.username.clone()));
        move |connection| {
            let said = (network.clone(), name.as_deref());
            security_log::write(connection, now, SecurityEvent::LoginRefused, None, known, said)
        }
    }

    fn device_key(&self) -> Option<String> {
        self.device.as_ref().map(|device| format!("device:{device}:{}", self.veiled))
    }

    fn pair_key(&self) -> Option<String> {
        self.network.map(|network| format!("pair:{network}:{}", self.veiled))
    }

    fn network_key(&self) -> Option<String> {
        self.network.map(|network| format!("address:{network}"))
    }

    fn name_key(&self) -> String {
        format!("name:{}", self.veiled)
    }
}

/// Counts a wrong old password of a person who is logged in.
///
/// # Errors
/// LIMIT after too many failures.
pub fn count_for_change(
    services: &ServiceContext,
    connection: &mut DbConnection,
    key: &str,
    now: NaiveDateTime,
) -> Result<()> {
    let since = now - TimeDelta::seconds(services.auth.failure_window_s);
    add(connection, key, now, since)?;
    let (count, first) = get(connection, key, since)?.unwrap_or((1, now));
    if count > services.auth.failures_per_user {
        let wait = (first - since).num_seconds().max(1);
        return Err(too_many("auth.failures_per_user", wait));
    }
    Ok(())
}

fn too_many(setting: &'static str, seconds: i64) -> Error {
    refused(setting, Message::new("too-many-logins").with("seconds", seconds))
}

/// The refusal, which names the setting. The log names it too, because the person who waits can't change it.
fn refused(setting: &'static str, message: Message) -> Error {
    metrics::counter!("tasks_logins_total", "result" => "throttled").increment(1);
    tracing::info!(setting, "a login is refused");
    Error::new(ErrorCode::Limit, message.with("setting", setting))
}

/// The delay: none for the first failures, then a second, and twice as long each time.
fn delay(failures: i32, after: i32, longest_s: u64) -> Duration {
    let beyond = u32::try_from(failures.saturating_sub(after)).unwrap_or(0);
    let seconds = match beyond {
        0 => 0,
        beyond => 2_u64.saturating_pow(beyond - 1),
    };
    Duration::from_secs(seconds.min(longest_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_and_ends_growing() {
        let seconds = |failures| delay(failures, 5, 30).as_secs();
        assert_eq!(
            [0, 5, 6, 7, 8, 9, 10, 11, 1_000, i32::MAX].map(seconds),
            [0, 0, 1, 2, 4, 8, 16, 30, 30, 30]
        );
        assert_eq!(delay(100, 5, 0), Duration::ZERO);
    }
}
