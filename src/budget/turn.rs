//! Turns of requests: how many are worked on at once, so that together they take a bounded amount of memory, and nobody waits
//! long behind a person who asks often.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::budget::Budget;
use crate::budget::fair_places::{FairPlaces, Place, Ticket};
use crate::config::Limits;
use crate::domain::network::Network;

/// The places that the requests of a process share.
pub struct Turns {
    all: Arc<FairPlaces>,
    large: Arc<FairPlaces>,
    /// For each connection to the database that a query uses.
    connections: Arc<FairPlaces>,
}

/// The turn of a request. It ends when this is dropped. By default a turn needs no places.
#[derive(Default)]
pub struct Turn {
    /// A place among all; a request takes it before one among the large ones, so that none waits for another in a circle.
    _place: Option<Place>,
    large: Option<Ticket>,
    large_place: OnceCell<Option<Place>>,
    connections: Option<Ticket>,
}

/// The name under which the turns of a person are counted, or those of the network from which a stranger asks.
#[must_use]
pub fn asker(id: Option<Uuid>, address: Option<IpAddr>) -> String {
    match (id, address) {
        (Some(id), _) => id.to_string(),
        (None, Some(address)) => Network::around(address).to_string(),
        (None, None) => "strangers".to_owned(),
    }
}

impl Turns {
    /// As many places as these limits allow, where there are so many connections for all, of which the queries of one person
    /// together use `share` at most. One person has half of the places for large requests, because one such request keeps a
    /// processor busy.
    #[must_use]
    pub fn new(limits: &Limits, connections: usize, share: usize) -> Self {
        Self {
            connections: FairPlaces::new(connections, share),
            all: FairPlaces::new(limits.queries_at_once, limits.queries_at_once_per_user),
            large: FairPlaces::new(limits.large_at_once, limits.large_at_once.div_ceil(2)),
        }
    }

    /// Waits for the turn of a request of this person. A request that is executed within another has its turn already.
    pub async fn begin(&self, asker: &str) -> Turn {
        if Budget::of_request().is_some() {
            return Turn::default();
        }
        let ticket = |places: &Arc<FairPlaces>| places.ticket(vec![(asker.to_owned(), usize::MAX)]).ok();
        let place = match ticket(&self.all) {
            Some(ticket) => ticket.place().await,
            None => None,
        };
        Turn {
            _place: place,
            large: ticket(&self.large),
            large_place: OnceCell::new(),
            connections: ticket(&self.connections),
        }
    }
}

impl Turn {
    /// Waits for a connection's place.
    pub async fn connection(&self) -> Option<Place> {
        self.connections.as_ref()?.place().await
    }

    /// Waits for a place among the large requests, once. It must hold no connection, because others may need it to end.
    pub async fn become_large(&self) {
        if let Some(ticket) = &self.large {
            self.large_place.get_or_init(|| ticket.place()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn one_person_has_half_of_the_large_requests_and_a_share_of_the_connections() {
        let turns = Turns::new(&Limits::default(), 10, 1);
        let (one, two, other) = (turns.begin("a").await, turns.begin("a").await, turns.begin("b").await);
        let soon = Duration::from_millis(100);
        one.become_large().await;
        assert!(
            tokio::time::timeout(soon, two.become_large()).await.is_err(),
            "the other place is for others"
        );
        other.become_large().await;
        let held = one.connection().await;
        assert!(held.is_some());
        assert!(tokio::time::timeout(soon, two.connection()).await.is_err());
        assert!(other.connection().await.is_some());
        drop((held, one));
        two.become_large().await;
        assert!(two.connection().await.is_some());
    }
}
