//! Turns of requests: how many are worked on at once, so that together they take a bounded amount of memory, and nobody waits
//! long behind a person who asks often.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::budget::Budget;
use crate::budget::fair_places::{FairPlaces, Place, Ticket};
use crate::budget::loan::Loan;
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
    place: Seat,
    large: Seat,
    connections: Option<Ticket>,
    /// Whether a host drives the request, so that it may stop doing so.
    is_hosts: bool,
}

/// One of the places of a request.
#[derive(Default)]
struct Seat {
    ticket: Option<Arc<Ticket>>,
    held: Mutex<Option<Held>>,
    /// The parts of a request ask for its place one after the other.
    asking: tokio::sync::Mutex<()>,
}

enum Held {
    Own(#[expect(dead_code, reason = "it is held")] Place),
    Lent(Loan),
}

/// The name under which the turns of the person of this user name are counted, or those of the network from which a stranger
/// asks.
#[must_use]
pub fn asker(username: Option<&str>, address: Option<IpAddr>) -> String {
    match (username, address) {
        (Some(username), _) => format!("user {username}"),
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
        self.begin_for(asker, false).await
    }

    /// The same for a request that a host drives, or stops driving while its client does not read; see [`Turn::drive`].
    pub async fn begin_at_host(&self, asker: &str) -> Turn {
        self.begin_for(asker, true).await
    }

    async fn begin_for(&self, asker: &str, is_hosts: bool) -> Turn {
        if Budget::of_request().is_some() {
            return Turn::default();
        }
        let ticket = |places: &Arc<FairPlaces>| places.ticket(vec![(asker.to_owned(), usize::MAX)]).ok();
        let seat = |places| Seat { ticket: ticket(places).map(Arc::new), ..Seat::default() };
        let (place, large) = (seat(&self.all), seat(&self.large));
        place.take(is_hosts).await;
        Turn { place, large, connections: ticket(&self.connections), is_hosts }
    }
}

impl Turn {
    /// Waits for a connection's place.
    pub async fn connection(&self) -> Option<Place> {
        self.connections.as_ref()?.place().await
    }

    /// A connection's place that need not be waited for; else the ticket to wait with.
    pub fn free_connection(&self) -> Result<Option<Place>, &Ticket> {
        match &self.connections {
            Some(ticket) => ticket.free_place().map(Some).ok_or(ticket),
            None => Ok(None),
        }
    }

    /// Waits for a place among the large requests, unless it has one. It must hold no connection, because others may need it
    /// to end.
    pub async fn become_large(&self) {
        self.large.take(self.is_hosts).await;
    }

    /// Drives the request. If a host has not done so for a while, others have had its places, and it waits for its turn again.
    pub async fn drive<T>(&self, request: impl Future<Output = T>) -> T {
        if !self.is_hosts {
            return request.await;
        }
        let mut request = pin!(request);
        loop {
            let done = poll_fn(|cx| {
                // Both are told that the request is driven.
                let (lasts, large_lasts) = (self.place.lasts(cx), self.large.lasts(cx));
                if lasts && large_lasts { request.as_mut().poll(cx).map(Some) } else { Poll::Ready(None) }
            });
            if let Some(done) = done.await {
                return done;
            }
            self.large.leave();
            self.place.leave();
            self.place.take(self.is_hosts).await;
        }
    }
}

impl Seat {
    async fn take(&self, lent: bool) {
        let Some(ticket) = &self.ticket else { return };
        let _asking = self.asking.lock().await;
        if self.held().is_some() {
            return;
        }
        let held =
            if lent { Loan::of(ticket).await.map(Held::Lent) } else { ticket.place().await.map(Held::Own) };
        *self.held() = held;
    }

    fn leave(&self) {
        self.held().take();
    }

    /// Notes that the request is driven; false if its place was given to others.
    fn lasts(&self, cx: &Context<'_>) -> bool {
        match &*self.held() {
            Some(Held::Lent(loan)) => loan.lasts(cx),
            Some(Held::Own(_)) | None => true,
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
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
