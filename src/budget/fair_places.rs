//! Places for costly work, shared fairly. A client that asks often waits behind one that asks seldom, and can have only a
//! limited number of requests waiting.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use crate::error::{Error, Result as Outcome};

/// Places for costly work. A request names keys, such as an address and an account. The turns of each key come one after the
/// other, so of two requests the one with fewer turns before it is let in first.
pub struct FairPlaces {
    most_per_key: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    free: usize,
    /// The turn that was let in last.
    turn: u64,
    /// How many requests there were. Within a turn, the first to ask is let in first.
    asked: u64,
    waiting: BTreeMap<(u64, u64), Waiting>,
    keys: HashMap<String, Share>,
}

/// A request that waits for a place.
struct Waiting {
    keys: Keys,
    call: oneshot::Sender<Place>,
}

/// The keys of a request.
type Keys = Arc<[String]>;

/// The share of one key.
#[derive(Default)]
struct Share {
    /// How many tickets the key has.
    tickets: usize,
    /// How many places it has.
    places: usize,
    /// The last turn that the key was given.
    turn: u64,
}

/// The permission to ask for a place. A key with too many tickets gets no more.
pub struct Ticket {
    places: Arc<FairPlaces>,
    keys: Keys,
}

/// A place; free again when it is dropped.
pub struct Place {
    places: Arc<FairPlaces>,
    keys: Keys,
}

impl FairPlaces {
    /// Makes this many places, at least one. A key has at most `most_per_key` of them at once.
    #[must_use]
    pub fn new(free: usize, most_per_key: usize) -> Arc<Self> {
        let state = State { free: free.max(1), ..State::default() };
        Arc::new(Self { most_per_key: most_per_key.max(1), state: Mutex::new(state) })
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
        let keys: Keys = keys.into_iter().map(|(key, _)| key).collect();
        for key in keys.iter() {
            state.keys.entry(key.clone()).or_default().tickets += 1;
        }
        drop(state);
        Ok(Ticket { places: Arc::clone(self), keys })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the free places to the requests whose turn it is.
    fn let_in(self: &Arc<Self>) {
        let mut called = Vec::new();
        let mut state = self.state();
        while state.free > 0 {
            let can_go = |(_, waiting): &(&(u64, u64), &Waiting)| {
                waiting.call.is_closed() || state.may_have_more(&waiting.keys, self.most_per_key)
            };
            let Some(turn) = state.waiting.iter().find(can_go).map(|(turn, _)| *turn) else { break };
            let Some(waiting) = state.waiting.remove(&turn) else { break };
            // A request whose client has gone is passed over.
            if !waiting.call.is_closed() {
                called.push((waiting.call, self.take(&mut state, turn.0, waiting.keys)));
            }
        }
        drop(state);
        for (call, place) in called {
            // A request whose client goes at this moment drops the place, which is free again then.
            drop(call.send(place));
        }
    }

    /// Takes a free place for these keys.
    fn take(self: &Arc<Self>, state: &mut State, turn: u64, keys: Keys) -> Place {
        state.free -= 1;
        state.turn = state.turn.max(turn);
        for key in keys.iter() {
            state.keys.entry(key.clone()).or_default().places += 1;
        }
        Place { places: Arc::clone(self), keys }
    }
}

impl State {
    fn may_have_more(&self, keys: &[String], most: usize) -> bool {
        keys.iter().all(|key| self.keys.get(key).is_none_or(|share| share.places < most))
    }

    /// The next turn of these keys, which they are given.
    fn next_turn(&mut self, keys: &[String]) -> u64 {
        let last = keys.iter().filter_map(|key| self.keys.get(key)).map(|share| share.turn).max();
        let turn = last.unwrap_or(0).max(self.turn) + 1;
        for key in keys {
            self.keys.entry(key.clone()).or_default().turn = turn;
        }
        turn
    }

    /// Changes the shares of these keys, and forgets those that are nothing any more.
    fn change(&mut self, keys: &[String], change: fn(&mut Share)) {
        for key in keys {
            if let Some(share) = self.keys.get_mut(key) {
                change(share);
                if share.tickets == 0 && share.places == 0 {
                    self.keys.remove(key);
                }
            }
        }
    }
}

impl Ticket {
    /// Waits for a place; none if there never will be one.
    pub async fn place(&self) -> Option<Place> {
        let turn_comes = {
            let mut state = self.places.state();
            if let Some(place) = self.take_free(&mut state) {
                return Some(place);
            }
            let turn = state.next_turn(&self.keys);
            let (call, turn_comes) = oneshot::channel();
            state.asked += 1;
            let asked = state.asked;
            state.waiting.insert((turn, asked), Waiting { keys: Arc::clone(&self.keys), call });
            turn_comes
        };
        turn_comes.await.ok()
    }

    /// A place that need not be waited for.
    pub fn free_place(&self) -> Option<Place> {
        self.take_free(&mut self.places.state())
    }

    fn take_free(&self, state: &mut State) -> Option<Place> {
        let is_free = state.free > 0 && state.may_have_more(&self.keys, self.places.most_per_key);
        is_free.then(|| {
            let turn = state.next_turn(&self.keys);
            self.places.take(state, turn, Arc::clone(&self.keys))
        })
    }

    /// Waits for a place, and does work in it that may block. It waits in a task of its own, because a host may stop driving
    /// the present one, which must not keep the place from others.
    ///
    /// # Errors
    /// The error of `work`.
    pub async fn during<T: Send + 'static>(
        self,
        work: impl FnOnce() -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let in_place = async move {
            let place = self.place().await;
            let work = move || {
                let _place = place;
                work()
            };
            tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
        };
        AbortOnDropHandle::new(tokio::spawn(in_place)).await.map_err(Error::internal)?
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.places.state().change(&self.keys, |share| share.tickets -= 1);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.state();
        state.free += 1;
        state.change(&self.keys, |share| share.places -= 1);
        drop(state);
        self.places.let_in();
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
        let places = FairPlaces::new(1, usize::MAX);
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
        let places = FairPlaces::new(1, usize::MAX);
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
    async fn a_key_has_no_more_places_than_it_may_and_others_pass_it() {
        let places = FairPlaces::new(3, 2);
        let ticket = |name: &str| places.ticket(keys(&[name])).expect("room");
        let mut held =
            vec![ticket("a").place().await.expect("free"), ticket("a").place().await.expect("free")];
        let third = tokio::spawn({
            let ticket = ticket("a");
            async move { ticket.place().await }
        });
        settle().await;
        assert!(!third.is_finished(), "a place is free, but not for this key");
        let other = ticket("b").place().await.expect("the third place is for others");
        drop(other);
        settle().await;
        assert!(!third.is_finished());
        held.pop();
        let third = third.await.expect("no panic");
        assert!(third.is_some());
        drop((third, held));
        assert!(places.state().free == 3 && places.state().keys.is_empty());
    }

    #[tokio::test]
    async fn work_that_nobody_drives_keeps_no_place() {
        let places = FairPlaces::new(1, usize::MAX);
        let ticket = || places.ticket(keys(&["a"])).expect("room");
        let held = ticket().place().await.expect("free");
        let mut waiting = Box::pin(ticket().during(|| Ok(7)));
        let soon = std::time::Duration::from_millis(10);
        assert!(
            tokio::time::timeout(soon, &mut waiting).await.is_err(),
            "it waits, and is not driven any more"
        );
        drop(held);
        assert!(ticket().place().await.is_some());
        assert_eq!(waiting.await.expect("it is done"), 7);
        assert_eq!(places.state().free, 1);
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_loses_no_place_for_the_others() {
        let places = FairPlaces::new(1, usize::MAX);
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
