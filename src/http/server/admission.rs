//! How many connections there may be, in all and for each address.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::HttpSettings;
use crate::domain::network::Network;

/// How many connections beyond the bounds are taken for a moment, to answer operators, and to tell others why they are
/// refused.
pub const SHORT_LIVED: usize = 32;

/// How often the log says that a bound is reached.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// The present connections.
pub struct Connections {
    most: usize,
    most_per_network: usize,
    trusted: Vec<Network>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    total: usize,
    by_network: HashMap<Network, usize>,
    short_lived: VecDeque<CancellationToken>,
    /// When the log last mentioned a bound, and how often the bound was reached since.
    logged: HashMap<&'static str, (Instant, u64)>,
}

/// The admission of a connection.
pub struct Admission {
    /// Counts the connection as long as it lasts.
    pub slot: Slot,
    /// The setting whose bound the connection exceeds, if it does.
    pub beyond: Option<&'static str>,
    /// Is cancelled when another connection needs its place.
    pub evicted: CancellationToken,
}

/// Counts a connection until it is dropped.
pub struct Slot {
    connections: Arc<Connections>,
    /// The client's network; none for a connection beyond the bounds.
    network: Option<Network>,
    evicted: CancellationToken,
}

impl Connections {
    /// Allows as many connections as the settings allow and the system can hold.
    pub fn new(settings: &HttpSettings, files: usize) -> Arc<Self> {
        let most = settings.max_connections.min(files);
        if most < settings.max_connections {
            tracing::warn!(
                most,
                "http.max_connections is {}, but the limit of open files (ulimit -n) allows fewer",
                settings.max_connections
            );
        }
        Arc::new(Self {
            most,
            most_per_network: settings.max_connections_per_address,
            trusted: settings.trusted_proxies.clone(),
            state: Mutex::default(),
        })
    }

    /// Counts a connection from this address. A connection beyond the bounds is taken too, for a moment; the oldest of these
    /// gives way.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Admission {
        let evicted = CancellationToken::new();
        let network = Network::around(address);
        // All clients behind a proxy come from the proxy's address.
        let is_trusted = self.trusted.iter().any(|trusted| trusted.contains(address));
        let mut state = self.state();
        let held = state.by_network.get(&network).copied().unwrap_or(0);
        let beyond = if state.total >= self.most {
            Some("http.max_connections")
        } else if held >= self.most_per_network && !is_trusted {
            Some("http.max_connections_per_address")
        } else {
            None
        };
        if beyond.is_some() {
            state.short_lived.push_back(evicted.clone());
            if state.short_lived.len() > SHORT_LIVED
                && let Some(oldest) = state.short_lived.pop_front()
            {
                oldest.cancel();
            }
        } else {
            state.total += 1;
            *state.by_network.entry(network).or_default() += 1;
            metrics::gauge!("http_connections").increment(1.0);
        }
        drop(state);
        if let Some(setting) = beyond {
            self.report(setting, Some(address), None);
        }
        let slot = Slot {
            connections: Arc::clone(self),
            network: beyond.is_none().then_some(network),
            evicted: evicted.clone(),
        };
        Admission { slot, beyond, evicted }
    }

    /// Notes that a bound is reached: always in the metrics, at intervals in the log.
    pub fn report(&self, setting: &'static str, address: Option<IpAddr>, error: Option<&std::io::Error>) {
        metrics::counter!("http_connections_refused_total", "bound" => setting).increment(1);
        let mut state = self.state();
        let now = Instant::now();
        let times = match state.logged.get_mut(setting) {
            Some((last, times)) if now.duration_since(*last) < LOG_PAUSE => {
                *times += 1;
                return;
            }
            Some((_, times)) => *times + 1,
            None => 1,
        };
        state.logged.insert(setting, (now, 0));
        drop(state);
        let (address, error) = (address.map(|address| address.to_string()), error.map(ToString::to_string));
        tracing::warn!(
            bound = setting,
            times,
            address,
            error,
            "no more connections are taken: {setting} is reached"
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Tasks that wait for the token end with the connection. Cancelling it tells this connection from the others below.
        self.evicted.cancel();
        let mut state = self.connections.state();
        let Some(network) = self.network else {
            state.short_lived.retain(|token| !token.is_cancelled());
            return;
        };
        state.total -= 1;
        metrics::gauge!("http_connections").decrement(1.0);
        if let Some(held) = state.by_network.get_mut(&network) {
            *held -= 1;
            if *held == 0 {
                state.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(most: usize, per_address: usize) -> Arc<Connections> {
        let settings = HttpSettings {
            max_connections: most,
            max_connections_per_address: per_address,
            trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")],
            ..HttpSettings::default()
        };
        Connections::new(&settings, usize::MAX)
    }

    fn admit(connections: &Arc<Connections>, address: &str) -> Admission {
        connections.admit(address.parse().expect("an address"))
    }

    #[test]
    fn an_address_has_its_share_and_a_network_of_ipv6_is_one_address() {
        let connections = connections(100, 2);
        let held: Vec<Admission> =
            ["2001:db8::1", "2001:db8::2"].map(|address| admit(&connections, address)).into();
        assert!(held.iter().all(|admission| admission.beyond.is_none()));
        assert_eq!(admit(&connections, "2001:db8::3").beyond, Some("http.max_connections_per_address"));
        assert_eq!(admit(&connections, "2001:db8:0:1::3").beyond, None);
        drop(held);
        assert_eq!(admit(&connections, "2001:db8::3").beyond, None);
        let proxy: Vec<Admission> = (0..50).map(|_| admit(&connections, "10.1.2.3")).collect();
        assert!(proxy.iter().all(|admission| admission.beyond.is_none()), "a proxy stands for many");
        drop(proxy);
        let state = connections.state();
        assert!(state.total == 0 && state.by_network.is_empty() && state.short_lived.is_empty());
    }

    #[test]
    fn beyond_the_bounds_the_newest_are_taken_for_a_moment() {
        let connections = connections(1, 10);
        let held = admit(&connections, "192.0.2.1");
        let short: Vec<Admission> = (0..SHORT_LIVED + 5).map(|_| admit(&connections, "192.0.2.2")).collect();
        assert!(short.iter().all(|admission| admission.beyond == Some("http.max_connections")));
        let gone = short.iter().filter(|admission| admission.evicted.is_cancelled()).count();
        assert_eq!(gone, 5);
        assert!(short[..5].iter().all(|admission| admission.evicted.is_cancelled()), "the oldest give way");
        drop((held, short));
        assert!(admit(&connections, "192.0.2.2").beyond.is_none());
        assert!(connections.state().short_lived.is_empty());
    }
}
