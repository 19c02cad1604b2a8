//! How many connections listen: in all, of one address, of one person.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::config::SubscriptionSettings;
use crate::domain::network::Network;
use crate::reports::{Reached, Reports};

/// The connections that listen at present.
pub struct Listeners {
    settings: SubscriptionSettings,
    reports: Reports<Reached>,
    state: Mutex<HashMap<Of, usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    All,
    Address(Network),
    Person(Uuid),
}

/// Counts a connection until it is dropped.
pub struct Place {
    listeners: Arc<Listeners>,
    of: Of,
}

impl Listeners {
    /// Allows as many as the settings say.
    pub fn new(settings: &SubscriptionSettings) -> Arc<Self> {
        Arc::new(Self { settings: settings.clone(), reports: Reports::default(), state: Mutex::default() })
    }

    /// Places for a connection from this address, if it is known.
    ///
    /// # Errors
    /// The setting whose bound is reached.
    pub fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Vec<Place>, &'static str> {
        let all = self.take(Of::All, self.settings.connections, "subscriptions.connections")?;
        let mut places = vec![all];
        if let Some(address) = address {
            let (most, setting) =
                (self.settings.connections_per_address, "subscriptions.connections_per_address");
            places.push(self.take(Of::Address(Network::around(address)), most, setting)?);
        }
        Ok(places)
    }

    /// A place for a connection of this person.
    ///
    /// # Errors
    /// How many the person may have.
    pub fn admit_person(self: &Arc<Self>, id: Uuid) -> Result<Place, usize> {
        let most = self.settings.connections_per_user;
        self.take(Of::Person(id), most, "subscriptions.connections_per_user").map_err(|_| most)
    }

    fn take(self: &Arc<Self>, of: Of, most: usize, setting: &'static str) -> Result<Place, &'static str> {
        let mut state = self.state();
        let held = state.entry(of).or_default();
        if *held >= most {
            drop(state);
            metrics::counter!("http_connections_refused_total", "bound" => setting).increment(1);
            let network = match &of {
                Of::Address(network) => Some(network as _),
                Of::All | Of::Person(_) => None,
            };
            self.reports.reached(setting, "no more connections listen", network, None);
            return Err(setting);
        }
        *held += 1;
        drop(state);
        if of == Of::All {
            metrics::gauge!("subscription_connections").increment(1.0);
        }
        Ok(Place { listeners: Arc::clone(self), of })
    }

    fn state(&self) -> MutexGuard<'_, HashMap<Of, usize>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.listeners.state();
        if let Some(held) = state.get_mut(&self.of) {
            *held -= 1;
            if *held == 0 {
                state.remove(&self.of);
            }
        }
        drop(state);
        if self.of == Of::All {
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
            ..SubscriptionSettings::default()
        };
        let listeners = Listeners::new(&settings);
        let admit = |address: &str| listeners.admit(Some(address.parse().expect("an address")));
        let held: Vec<_> = (0..2).map(|_| admit("192.0.2.1").expect("room")).collect();
        assert_eq!(admit("192.0.2.1").err(), Some("subscriptions.connections_per_address"));
        let other = admit("192.0.2.2").expect("another address has its own, and a refusal keeps no place");
        assert_eq!(listeners.admit(None).err(), Some("subscriptions.connections"));
        let person = listeners.admit_person(Uuid::nil()).ok();
        assert_eq!(listeners.admit_person(Uuid::nil()).err(), Some(1));
        drop((held, other, person));
        assert!(listeners.state().is_empty());
    }
}
