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
    /// As many places as these limits allow, where there are so many connections for all. The queries of one person together
    /// use no more than half of them.
    #[must_use]
    pub fn new(limits: &Limits, connections: usize) -> Self {
        let per_user = limits.queries_at_once_per_user;
        Self {
            connections: FairPlaces::new(connections, connections / 2),
            all: FairPlaces::new(limits.queries_at_once, per_user),
            large: FairPlaces::new(limits.large_at_once, per_user),
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
