//! Places for costly work, shared fairly. A client that asks often waits behind one that asks seldom, and can have only a
//! limited number of requests waiting.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Places for costly work. A request names keys, such as an address and an account. The turns of each key come one after the
/// other, so of two requests the one with fewer turns before it is let in first.
pub struct FairPlaces {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    free: usize,
    /// The turn that was let in last.
    turn: u64,
    /// How many requests there were. Within a turn, the first to ask is let in first.
    asked: u64,
    waiting: BTreeMap<(u64, u64), oneshot::Sender<Place>>,
    keys: HashMap<String, Share>,
}

/// The share of one key.
#[derive(Default)]
struct Share {
    /// How many tickets the key has.
    tickets: usize,
    /// The last turn that the key was given.
    turn: u64,
}

/// The permission to ask for a place. A key with too many tickets gets no more.
pub struct Ticket {
    places: Arc<FairPlaces>,
    keys: Vec<String>,
}

/// A place; free again when it is dropped.
pub struct Place(Arc<FairPlaces>);

impl FairPlaces {
    /// Makes this many places.
    #[must_use]
    pub fn new(free: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { free, ..State::default() }) })
    }

    /// A ticket under these keys. Each key comes with the number of tickets that it may have.
    ///
    /// # Errors
    /// The key that has that many already.
    pub fn ticket(self: &Arc<Self>, keys: Vec<(String, usize)>) -> Result<Ticket, String> {
        let mut state = self.state();
        let is_full =
            |(key, most): &&(String, usize)| state.keys.get(key).is_some_and(|share| share.tickets >= *most);
        if let Some((key, _)) = keys.iter().find(is_full) {
            return Err(key.clone());
        }
        let keys: Vec<String> = keys.into_iter().map(|(key, _)| key).collect();
        for key in &keys {
            state.keys.entry(key.clone()).or_default().tickets += 1;
        }
        drop(state);
        Ok(Ticket { places: Arc::clone(self), keys })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a place that has become free to the request whose turn it is.
    fn free_one(self: &Arc<Self>) {
        let mut state = self.state();
        let next = loop {
            match state.waiting.pop_first() {
                // A request whose client has gone is passed over.
                Some((_, waiting)) if waiting.is_closed() => {}
                Some(((turn, _), waiting)) => {
                    state.turn = state.turn.max(turn);
                    break waiting;
                }
                None => {
                    state.free += 1;
                    return;
                }
            }
        };
        drop(state);
        // A request whose client goes at this moment drops the place, which is free again then.
        drop(next.send(Place(Arc::clone(self))));
    }
}

impl Ticket {
    /// Waits for a place; none if there never will be one.
    pub async fn place(&self) -> Option<Place> {
        let turn_comes = {
            let mut state = self.places.state();
            let last = self.keys.iter().filter_map(|key| state.keys.get(key)).map(|share| share.turn).max();
            let turn = last.unwrap_or(0).max(state.turn) + 1;
            for key in &self.keys {
                state.keys.entry(key.clone()).or_default().turn = turn;
            }
            if state.free > 0 {
                state.free -= 1;
                state.turn = state.turn.max(turn);
                return Some(Place(Arc::clone(&self.places)));
            }
            let (call, turn_comes) = oneshot::channel();
            state.asked += 1;
            let asked = state.asked;
            state.waiting.insert((turn, asked), call);
            turn_comes
        };
        turn_comes.await.ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.places.state();
        for key in &self.keys {
            if let Some(share) = state.keys.get_mut(key) {
                share.tickets -= 1;
                if share.tickets == 0 {
                    state.keys.remove(key);
                }
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.free_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<(String, usize)> {
        names.iter().map(|name| ((*name).to_owned(), usize::MAX)).collect()
    }

    /// Lets the tasks that can go on do so.
    async fn settle() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    /// Who is let in, in this order, when all of these ask while the only place is taken.
    async fn order(asking: &[&[&str]]) -> Vec<usize> {
        let places = FairPlaces::new(1);
        let first = places.ticket(keys(&["first"])).expect("room").place().await.expect("free");
        let order: Arc<Mutex<Vec<usize>>> = Arc::default();
        let mut tasks = Vec::new();
        for (number, names) in asking.iter().enumerate() {
            let (places, order, names) = (Arc::clone(&places), Arc::clone(&order), keys(names));
            tasks.push(tokio::spawn(async move {
                let ticket = places.ticket(names).expect("room");
                let place = ticket.place().await.expect("a turn");
                order.lock().expect("whole").push(number);
                drop(place);
            }));
            settle().await;
        }
        drop(first);
        for task in tasks {
            task.await.expect("no panic");
        }
        order.lock().expect("whole").clone()
    }

    #[tokio::test]
    async fn who_asks_seldom_passes_who_asks_often_by_address_or_by_account() {
        let many = &["address:a", "account:x"][..];
        assert_eq!(order(&[many, many, many, many, &["address:b", "account:y"]]).await, [0, 4, 1, 2, 3]);
        let other_accounts: [&[&str]; 5] = [&["a", "1"], &["a", "2"], &["a", "3"], &["a", "4"], &["b", "5"]];
        assert_eq!(order(&other_accounts).await, [0, 4, 1, 2, 3], "one address with many accounts");
        let other_addresses: [&[&str]; 5] = [&["1", "x"], &["2", "x"], &["3", "x"], &["4", "x"], &["5", "y"]];
        assert_eq!(order(&other_addresses).await, [0, 4, 1, 2, 3], "one account from many addresses");
        assert_eq!(order(&[&["1"], &["2"], &["3"]]).await, [0, 1, 2]);
    }

    #[tokio::test]
    async fn a_key_has_no_more_tickets_than_it_may() {
        let places = FairPlaces::new(1);
        let few = || vec![("a".to_owned(), 2), ("all".to_owned(), 3)];
        let (one, two) = (places.ticket(few()), places.ticket(few()));
        assert!(one.is_ok() && two.is_ok());
        assert_eq!(places.ticket(few()).err().as_deref(), Some("a"));
        assert!(places.ticket(vec![("b".to_owned(), 2), ("all".to_owned(), 3)]).is_ok());
        drop(one);
        assert!(places.ticket(few()).is_ok());
        drop(two);
        assert!(places.state().keys.is_empty(), "nothing is kept of who has gone");
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_loses_no_place_for_the_others() {
        let places = FairPlaces::new(1);
        let ticket = || places.ticket(keys(&["a"])).expect("room");
        let held = ticket().place().await.expect("free");
        let waiting = tokio::spawn({
            let ticket = ticket();
            async move { ticket.place().await.is_some() }
        });
        settle().await;
        waiting.abort();
        settle().await;
        drop(held);
        assert!(ticket().place().await.is_some());
        assert_eq!(places.state().free, 1);
    }
}
