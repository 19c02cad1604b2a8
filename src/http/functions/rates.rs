//! How often strangers of each network have called functions in this minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDateTime;

use crate::domain::network::Network;
use crate::domain::task_function::beginning_of_minute;
use crate::reports::{Reached, Reports};

/// The setting that bounds the calls.
const SETTING: &str = "functions.public_per_minute";

/// How often strangers have called.
pub struct Rates {
    most: u32,
    reports: Reports<Reached>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    minute: NaiveDateTime,
    /// Those whose address no proxy tells count together.
    counts: HashMap<Option<Network>, u32>,
}

impl Rates {
    /// Allows so many calls a minute.
    pub fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most, reports: Reports::default(), state: Mutex::default() })
    }

    /// Counts a call; answers whether there is room for it.
    #[must_use]
    pub fn count(&self, address: Option<IpAddr>, now: NaiveDateTime) -> bool {
        let network = address.map(Network::around);
        let minute = beginning_of_minute(now);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.minute != minute {
            *state = State { minute, counts: HashMap::new() };
        }
        let count = state.counts.entry(network).or_default();
        let has_room = *count < self.most;
        *count = count.saturating_add(1);
        drop(state);
        if !has_room {
            metrics::counter!("http_connections_refused_total", "bound" => SETTING).increment(1);
            let network = network.as_ref().map(|network| network as _);
            self.reports.reached(SETTING, "a function is not called", network, None);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_so_many_calls_in_each_minute() {
        let rates = Rates::new(2);
        let at = |text: &str| text.parse().expect("a moment");
        let count = |address: &str, moment: &str| {
            rates.count((!address.is_empty()).then(|| address.parse().expect("an address")), at(moment))
        };
        let moment = "2026-01-31T08:00:59";
        assert!(count("192.0.2.1", moment) && count("192.0.2.1", moment) && !count("192.0.2.1", moment));
        assert!(count("192.0.2.2", moment) && count("", moment) && count("", moment) && !count("", moment));
        assert!(
            count("2001:db8::1", moment) && count("2001:db8::2", moment) && !count("2001:db8::3", moment)
        );
        assert!(count("192.0.2.1", "2026-01-31T08:01:00"));
    }
}
