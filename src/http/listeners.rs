//! How many connections listen: in all, of one address, of one person; and how many WebSockets have not said yet whose they
//! are.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use crate::budget::counted::{Counted, Held};
use crate::config::SubscriptionSettings;
use crate::domain::network::Network;
use crate::reports::{Reached, Reports};

/// The connections that listen at present.
pub struct Listeners {
    settings: SubscriptionSettings,
    reports: Reports<Reached>,
    counted: Counted<Of>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    All,
    Address(Network),
    Person(Uuid),
    Strangers(Network),
}

/// Counts a connection until it is dropped.
pub struct Place(Held<Of>);

impl Listeners {
    /// Allows as many as the settings say.
    pub fn new(settings: &SubscriptionSettings) -> Arc<Self> {
        Arc::new(Self {
            settings: settings.clone(),
            reports: Reports::default(),
            counted: Counted::default(),
        })
    }

    /// A place for a WebSocket from this address, if it is known, until it says whose it is. Strangers have places of their own,
    /// so that they leave those of people free.
    ///
    /// # Errors
    /// The setting whose bound is reached.
    pub fn knock(&self, address: Option<IpAddr>) -> Result<Vec<Place>, &'static str> {
        let (most, setting) =
            (self.settings.unidentified_per_address, "subscriptions.unidentified_per_address");
        let of = address.map(|address| Of::Strangers(Network::around(address)));
        of.into_iter().map(|of| self.take(of, most, setting)).collect()
    }

    /// Places for a connection of this person from this address, if it is known.
    ///
    /// # Errors
    /// The setting whose bound is reached.
    pub fn admit(&self, address: Option<IpAddr>, person: Uuid) -> Result<Vec<Place>, &'static str> {
        let settings = &self.settings;
        let all = (Of::All, settings.connections, "subscriptions.connections");
        let of_address = address.map(|address| {
            let of = Of::Address(Network::around(address));
            (of, settings.connections_per_address, "subscriptions.connections_per_address")
        });
        let own = (Of::Person(person), settings.connections_per_user, "subscriptions.connections_per_user");
        let bounds = [Some(own), of_address, Some(all)].into_iter().flatten();
        bounds.map(|(of, most, setting)| self.take(of, most, setting)).collect()
    }

    fn take(&self, of: Of, most: usize, setting: &'static str) -> Result<Place, &'static str> {
        let Some(held) = self.counted.take(of, most) else {
            metrics::counter!("http_connections_refused_total", "bound" => setting).increment(1);
            let network = match &of {
                Of::Address(network) | Of::Strangers(network) => Some(network as _),
                Of::All | Of::Person(_) => None,
            };
            self.reports.reached(setting, "no more connections listen", network, None);
            return Err(setting);
        };
        if of == Of::All {
            metrics::gauge!("subscription_connections").increment(1.0);
        }
        Ok(Place(held))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if *self.0.key() == Of::All {
            metrics::gauge!("subscription_connections").decrement(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_holds_and_what_ends_makes_room() {
        let settings = SubscriptionSettings {
            connections: 3,
            connections_per_address: 2,
            connections_per_user: 1,
            unidentified_per_address: 2,
            ..SubscriptionSettings::default()
        };
        let listeners = Listeners::new(&settings);
        let address = |text: &str| Some(text.parse().expect("an address"));
        let admit = |from: &str, person: u128| listeners.admit(address(from), Uuid::from_u128(person));
        let held: Vec<_> = (1..3).map(|person| admit("192.0.2.1", person).expect("room")).collect();
        assert_eq!(admit("192.0.2.1", 3).err(), Some("subscriptions.connections_per_address"));
        assert_eq!(admit("192.0.2.2", 1).err(), Some("subscriptions.connections_per_user"));
        let other = admit("192.0.2.2", 3).expect("another address has its own, and a refusal keeps no place");
        assert_eq!(listeners.admit(None, Uuid::from_u128(4)).err(), Some("subscriptions.connections"));
        let strangers: Vec<_> = (0..2)
            .map(|_| listeners.knock(address("192.0.2.1")).expect("people take no place of theirs"))
            .collect();
        assert_eq!(
            listeners.knock(address("192.0.2.1")).err(),
            Some("subscriptions.unidentified_per_address")
        );
        assert!(listeners.knock(address("192.0.2.2")).is_ok() && listeners.knock(None).is_ok());
        drop((held, other, strangers));
        assert_eq!(listeners.counted.all(), 0);
    }
}
