//! Turns after which who has worked in them rests, so that what one person causes in the background takes a share of the time, on any
//! machine and however busy that is.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

/// How much longer than the work of a turn the rest after it lasts, so that work takes a quarter of the time at most.
const REST: u32 = 3;
/// How long the rests may be that are still to be taken: who has few turns does not wait for the next one. And how long they are at
/// most: a database that was away has not been kept busy.
const OWED: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);

/// Turns by key: of one key there is one at once.
pub struct Rests<K: Hash + Eq> {
    /// Until when each rests that has had turns lately.
    keys: Mutex<HashMap<K, Arc<tokio::sync::Mutex<Instant>>>>,
}

/// A turn. It ends when this is dropped.
pub struct RestedTurn {
    rests_until: tokio::sync::Mutex<OwnedMutexGuard<Instant>>,
    hurries: CancellationToken,
}

impl RestedTurn {
    /// Does a piece of work when that before it is done, and has been rested from. Waiting for others is a part of the work: the busier
    /// the database is, the longer the rest.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut rests_until = self.rests_until.lock().await;
        let rested = tokio::time::sleep(pause(**rests_until, Instant::now()));
        self.hurries.run_until_cancelled(rested).await;
        let begun = Instant::now();
        let done = work.await;
        **rests_until = rest(**rests_until, begun.elapsed(), Instant::now());
        done
    }
}

impl<K: Hash + Eq> Rests<K> {
    /// Waits for a turn, behind others of this key that have asked before. There are no rests within it once it `hurries`.
    pub async fn turn(&self, key: K, hurries: CancellationToken) -> RestedTurn {
        let own = self.of(key);
        let rests_until = own.lock_owned().await;
        tokio::time::sleep(pause(*rests_until, Instant::now())).await;
        RestedTurn { rests_until: tokio::sync::Mutex::new(rests_until), hurries }
    }

    fn of(&self, key: K) -> Arc<tokio::sync::Mutex<Instant>> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // Of who neither has nor waits for a turn, and does not rest, nothing is kept.
        keys.retain(|_, own| own.try_lock().map_or(true, |until| *until > now) || Arc::strong_count(own) > 1);
        Arc::clone(keys.entry(key).or_insert_with(|| Arc::new(tokio::sync::Mutex::new(now))))
    }
}

impl<K: Hash + Eq> Default for Rests<K> {
    fn default() -> Self {
        Self { keys: Mutex::default() }
    }
}

/// How long somebody still waits for a turn who rests until then.
fn pause(rests_until: Instant, now: Instant) -> Duration {
    rests_until.saturating_duration_since(now + OWED)
}

/// Until when somebody rests who has worked so long until now.
fn rest(rests_until: Instant, worked: Duration, now: Instant) -> Instant {
    let begun = now.checked_sub(worked).unwrap_or(now);
    (rests_until.max(begun) + worked * (1 + REST)).min(now + LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> CancellationToken {
        CancellationToken::new()
    }

    /// How much of ten seconds the turns of somebody take who always has more to do, and how long the longest pause is.
    fn taken(turn: Duration) -> (Duration, Duration) {
        let begun = Instant::now();
        let (mut now, mut rests_until) = (begun, begun);
        let (mut all, mut longest) = (Duration::ZERO, Duration::ZERO);
        while now - begun < Duration::from_secs(10) {
            let waits = pause(rests_until, now);
            longest = longest.max(waits);
            now += waits + turn;
            rests_until = rest(rests_until, turn, now);
            all += turn;
        }
        (all, longest)
    }

    #[test]
    fn turns_take_a_quarter_of_the_time_however_long_they_are() {
        for turn in [1, 20, 100, 500].map(Duration::from_millis) {
            let (all, longest) = taken(turn);
            assert!(all <= Duration::from_millis(2_700) + turn, "{turn:?}: {all:?}");
            assert!(all >= Duration::from_millis(2_400), "{turn:?}: {all:?}");
            assert!(longest <= turn * 3, "{turn:?}: {longest:?}");
        }
    }

    #[test]
    fn who_has_few_turns_waits_for_none_and_no_rest_is_longer_than_it_may_be() {
        let (begun, turn) = (Instant::now(), Duration::from_millis(20));
        let (mut now, mut rests_until) = (begun, begun);
        for _ in 0..9 {
            assert_eq!(pause(rests_until, now), Duration::ZERO);
            now += turn;
            rests_until = rest(rests_until, turn, now);
        }
        assert!(pause(rests_until, now) > Duration::ZERO);
        assert_eq!(pause(rests_until, now + Duration::from_secs(1)), Duration::ZERO);
        let long = rest(now, Duration::from_secs(60), now + Duration::from_secs(60));
        assert_eq!(pause(long, now + Duration::from_secs(60)), LONGEST.saturating_sub(OWED));
    }

    #[tokio::test]
    async fn who_works_long_in_one_turn_rests_between_its_pieces_unless_it_hurries() {
        let (rests, hurries) = (Rests::default(), never());
        let turn = rests.turn("a", hurries.clone()).await;
        let piece = || turn.during(async { tokio::time::sleep(Duration::from_millis(200)).await });
        let begun = Instant::now();
        tokio::join!(piece(), piece(), piece());
        // 600 ms of rest after each piece, of which 500 may be owed.
        assert!(begun.elapsed() >= Duration::from_millis(600 + 2 * 600 - 500), "{:?}", begun.elapsed());
        let begun = Instant::now();
        hurries.cancel();
        tokio::join!(piece(), piece());
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn of_one_key_there_is_one_turn_at_once_and_nothing_is_kept_of_who_has_rested() {
        let rests = Rests::default();
        let held = rests.turn("a", never()).await;
        let second = tokio::time::timeout(Duration::from_millis(20), rests.turn("a", never())).await;
        assert!(second.is_err());
        drop(rests.turn("b", never()).await);
        drop(held);
        drop(rests.turn("a", never()).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let held = rests.turn("c", never()).await;
        let kept: Vec<&str> = rests.keys.lock().expect("nobody panicked").keys().copied().collect();
        assert_eq!(kept, ["c"]);
        drop(held);
    }
}
