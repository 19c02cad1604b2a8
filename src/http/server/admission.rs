//! How many connections there may be, in all and for each address.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::watch::Watch;
use crate::config::HttpSettings;
use crate::domain::network::Network;
use crate::reports::{Reached, Reports};

/// How many connections beyond the bounds are taken for a moment, to answer operators, and to tell others why they are
/// refused.
pub const SHORT_LIVED: usize = 32;

/// How many connections that gave way, short-lived ones too, may not be closed yet when the next one is taken. Each is still an open
/// file.
pub const CLOSING: usize = 32;

/// The present connections.
pub struct Connections {
    most: usize,
    most_per_network: usize,
    trusted: Vec<Network>,
    reports: Reports<Reached>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    number: u64,
    total: usize,
    by_network: HashMap<Network, HashMap<u64, Arc<Watch>>>,
    short_lived: VecDeque<CancellationToken>,
    /// How many gave way and are not closed yet.
    closing: usize,
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
    counted: Counted,
    evicted: CancellationToken,
}

/// How a connection is counted.
#[derive(Clone, Copy)]
enum Counted {
    /// In all, and under this number for the client's network.
    Network(Network, u64),
    /// In all only: a trusted proxy stands for many clients.
    Trusted,
    /// Not at all, because it is beyond the bounds.
    Beyond,
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
            reports: Reports::default(),
            state: Mutex::default(),
        })
    }

    /// Counts a connection from this address. If there are as many as there may be, one gives way on which the network that
    /// holds most sends nothing. Where none can give way, or the address has its share, the connection is taken for a moment
    /// only; the oldest of these gives way.
    pub fn admit(self: &Arc<Self>, address: IpAddr, watch: &Arc<Watch>) -> Admission {
        let evicted = CancellationToken::new();
        let network = Network::around(address);
        let mut state = self.state();
        let held = state.by_network.get(&network).map_or(0, HashMap::len);
        let is_full = state.total >= self.most;
        let is_trusted = self.trusted.iter().any(|trusted| trusted.contains(address));
        let beyond = if held >= self.most_per_network && !is_trusted {
            Some("http.max_connections_per_address")
        } else if is_full && !state.make_way(held) {
            Some("http.max_connections")
        } else {
            None
        };
        let counted = if beyond.is_some() {
            state.short_lived.push_back(evicted.clone());
            if state.short_lived.len() > SHORT_LIVED
                && let Some(oldest) = state.short_lived.pop_front()
            {
                state.closing += 1;
                oldest.cancel();
            }
            Counted::Beyond
        } else {
            state.add((!is_trusted).then_some(network), watch)
        };
        drop(state);
        if let Some(setting) = beyond.or(is_full.then_some("http.max_connections")) {
            self.report(setting, Some(address), None);
        }
        let slot = Slot { connections: Arc::clone(self), counted, evicted: evicted.clone() };
        Admission { slot, beyond, evicted }
    }

    /// Whether as many as may be are still to be closed, so that no other can be taken yet.
    pub fn are_closing(&self) -> bool {
        self.state().closing >= CLOSING
    }

    /// Notes that a bound is reached: always in the metrics, at intervals in the log.
    pub fn report(&self, setting: &'static str, address: Option<IpAddr>, error: Option<&std::io::Error>) {
        metrics::counter!("http_connections_refused_total", "bound" => setting).increment(1);
        let (address, error): (Option<&dyn Display>, Option<&dyn Display>) =
            (address.as_ref().map(|address| address as _), error.map(|error| error as _));
        self.reports.reached(setting, "no more connections are taken", address, error);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a connection, for this network if it is that of a client.
    fn add(&mut self, network: Option<Network>, watch: &Arc<Watch>) -> Counted {
        self.total += 1;
        metrics::gauge!("http_connections").increment(1.0);
        let Some(network) = network else { return Counted::Trusted };
        self.number += 1;
        self.by_network.entry(network).or_default().insert(self.number, Arc::clone(watch));
        Counted::Network(network, self.number)
    }

    /// Counts a connection no more.
    fn remove(&mut self, counted: Counted) -> Option<Arc<Watch>> {
        let watch = match counted {
            Counted::Network(network, number) => {
                let held = self.by_network.get_mut(&network)?;
                // One that gave way is counted no more already.
                let watch = held.remove(&number)?;
                if held.is_empty() {
                    self.by_network.remove(&network);
                }
                Some(watch)
            }
            Counted::Trusted => None,
            Counted::Beyond => return None,
        };
        self.total -= 1;
        metrics::gauge!("http_connections").decrement(1.0);
        watch
    }

    /// Breaks off the connection that has been quiet for longest, of the network that holds most of those that have a quiet
    /// one and hold more than the newcomer's network would.
    fn make_way(&mut self, newcomers: usize) -> bool {
        let mut fuller: Vec<_> =
            self.by_network.iter().filter(|(_, held)| held.len() > newcomers + 1).collect();
        fuller.sort_unstable_by_key(|(_, held)| Reverse(held.len()));
        let quietest = fuller.into_iter().find_map(|(network, held)| {
            let quiet = held.iter().filter_map(|(number, watch)| Some((watch.quiet_since()?, *number)));
            quiet.min().map(|(_, number)| Counted::Network(*network, number))
        });
        let Some(quietest) = quietest else { return false };
        if let Some(watch) = self.remove(quietest) {
            self.closing += 1;
            watch.break_off();
        }
        true
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Tasks that wait for the token end with the connection. Cancelling it tells this connection from the others below.
        self.evicted.cancel();
        let mut state = self.connections.state();
        match self.counted {
            Counted::Beyond => {
                let before = state.short_lived.len();
                state.short_lived.retain(|token| !token.is_cancelled());
                if state.short_lived.len() == before {
                    state.closing -= 1;
                }
            }
            Counted::Trusted => drop(state.remove(Counted::Trusted)),
            counted @ Counted::Network(..) => {
                if state.remove(counted).is_none() {
                    state.closing -= 1;
                }
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
        let watch = Watch::new(&HttpSettings::default());
        connections.admit(address.parse().expect("an address"), &watch)
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
    fn who_holds_most_gives_way_to_who_holds_less() {
        let connections = connections(4, 3);
        let admit_watched = |address: &str| {
            let watch = Watch::new(&HttpSettings::default());
            (connections.admit(address.parse().expect("an address"), &watch), watch)
        };
        let greedy: Vec<_> = (0..3).map(|_| admit_watched("192.0.2.1")).collect();
        let working = greedy[0].1.begin();
        let (one, _) = admit_watched("192.0.2.2");
        let (two, _) = admit_watched("192.0.2.3");
        assert_eq!((one.beyond, two.beyond), (None, None));
        assert_eq!(connections.state().closing, 1, "it is still to be closed");
        let gone: Vec<bool> = greedy.iter().map(|(_, watch)| watch.is_broken_off()).collect();
        assert_eq!(gone, [false, true, false], "the one that has been quiet for longest, and no other");
        // Those that have less give way to nobody who has as much.
        assert_eq!(admit_watched("192.0.2.2").0.beyond, Some("http.max_connections"));
        drop((greedy, working, one, two));
        let state = connections.state();
        assert!(state.total == 0 && state.by_network.is_empty() && state.closing == 0);
    }

    #[test]
    fn where_nothing_is_quiet_the_next_that_holds_most_gives_way() {
        let connections = connections(6, 5);
        let admit_watched = |address: &str| {
            let watch = Watch::new(&HttpSettings::default());
            (connections.admit(address.parse().expect("an address"), &watch), watch)
        };
        let busy: Vec<_> = (0..4).map(|_| admit_watched("192.0.2.1")).collect();
        let working: Vec<_> = busy.iter().map(|(_, watch)| watch.begin()).collect();
        let quiet: Vec<_> = (0..2).map(|_| admit_watched("192.0.2.2")).collect();
        assert_eq!(admit_watched("192.0.2.3").0.beyond, None);
        let gone = |held: &[(Admission, Arc<Watch>)]| -> Vec<bool> {
            held.iter().map(|(_, watch)| watch.is_broken_off()).collect()
        };
        assert_eq!((gone(&busy), gone(&quiet)), (vec![false; 4], vec![true, false]));
        drop(working);
    }

    #[test]
    fn a_connection_that_is_http_no_more_gives_way_until_somebody_says_whose_it_is() {
        let connections = connections(2, 2);
        let admit_watched = |address: &str| {
            let watch = Watch::new(&HttpSettings::default());
            let admission = connections.admit(address.parse().expect("an address"), &watch);
            watch.begin().go_on();
            (admission, watch)
        };
        let (one, other) = (admit_watched("192.0.2.1"), admit_watched("192.0.2.1"));
        other.1.greeting().is_answered();
        assert_eq!(admit_watched("192.0.2.2").0.beyond, None);
        assert_eq!((one.1.is_broken_off(), other.1.is_broken_off()), (true, false));
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
        assert_eq!(connections.state().closing, 5, "they are open files until they are closed");
        drop((held, short));
        assert_eq!(connections.state().closing, 0);
        assert!(admit(&connections, "192.0.2.2").beyond.is_none());
        assert!(connections.state().short_lived.is_empty());
    }
}
