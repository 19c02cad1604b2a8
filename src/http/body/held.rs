//! Long bodies that are held until they are read as JSON. Their total size is bounded, and so is that of an address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::network::Network;
use crate::reports::{Reached, Reports};

/// The setting that bounds the held bytes.
pub const HELD: &str = "http.held_body_bytes";

/// The longest body that is not counted, in bytes.
const SHORT: usize = 64 * 1024;

/// The long bodies that are held.
pub struct HeldBodies {
    most: usize,
    reports: Reports<Reached>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    total: usize,
    by_network: HashMap<Network, usize>,
}

/// Counts a body until it is dropped.
pub struct Hold {
    bodies: Arc<HeldBodies>,
    network: Option<Network>,
    /// How many bytes of the body there are.
    length: usize,
    /// How many of them are counted.
    counted: usize,
}

impl HeldBodies {
    /// Allows at most this many bytes, and half of them for one address.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, reports: Reports::default(), state: Mutex::default() })
    }

    /// Counts the body of a client of this network, of which nothing has come yet.
    pub fn hold(self: &Arc<Self>, network: Option<Network>) -> Hold {
        Hold { bodies: Arc::clone(self), network, length: 0, counted: 0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Counts more bytes; answers whether there is room for them.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        self.length = self.length.saturating_add(bytes);
        if self.length <= SHORT {
            return true;
        }
        let (more, most) = (self.length - self.counted, self.bodies.most);
        let mut state = self.bodies.state();
        let of_network =
            self.network.map_or(0, |network| state.by_network.get(&network).copied().unwrap_or(0));
        if state.total.saturating_add(more) > most || of_network.saturating_add(more) > most / 2 {
            drop(state);
            metrics::counter!("http_connections_refused_total", "bound" => HELD).increment(1);
            let network = self.network.as_ref().map(|network| network as _);
            self.bodies.reports.reached(HELD, "a body is not read", network, None);
            return false;
        }
        state.total += more;
        if let Some(network) = self.network {
            *state.by_network.entry(network).or_default() += more;
        }
        drop(state);
        self.counted = self.length;
        true
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.counted == 0 {
            return;
        }
        let mut state = self.bodies.state();
        state.total -= self.counted;
        if let Some(network) = self.network
            && let Some(held) = state.by_network.get_mut(&network)
        {
            *held -= self.counted;
            if *held == 0 {
                state.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_half_and_short_bodies_are_never_refused() {
        let bodies = HeldBodies::new(1_000_000);
        let network = |text: &str| Some(text.parse().expect("a network"));
        let (mut one, mut two) = (bodies.hold(network("192.0.2.1")), bodies.hold(network("192.0.2.1")));
        assert!(one.grow(300_000) && one.grow(100_000) && two.grow(60_000));
        assert!(!two.grow(100_000), "more than half");
        let mut other = bodies.hold(network("192.0.2.2"));
        assert!(other.grow(500_000));
        assert!(!bodies.hold(None).grow(200_000), "more than all");
        assert!(bodies.hold(network("192.0.2.1")).grow(SHORT));
        drop((one, two, other));
        let state = bodies.state();
        assert!(state.total == 0 && state.by_network.is_empty());
    }
}
