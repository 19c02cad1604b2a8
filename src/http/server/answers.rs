//! Answers that are held for clients that have not read them yet. Their total size is bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;
use tokio::time::Instant;

use super::watch::{Watch, Working};
use crate::domain::network::Network;
use crate::error::ErrorCode;
use crate::message::Message;
use crate::reports::{Reached, Reports};

/// The setting that bounds the held bytes.
const HELD: &str = "http.held_answer_bytes";

/// The shortest answer that is counted, in bytes. The buffers of a connection hold as much.
const SHORT: u64 = 64 * 1024;

/// The age from which an answer is judged by how fast it is read.
const YOUNG: Duration = Duration::from_secs(2);

/// The long answers that are being read.
pub struct HeldAnswers {
    most: usize,
    reports: Reports<Reached>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    number: u64,
    total: usize,
    held: HashMap<u64, Held>,
}

struct Held {
    bytes: usize,
    network: Network,
    since: Instant,
    /// How many bytes the connection had written before the answer.
    written: u64,
    watch: Arc<Watch>,
}

/// Counts an answer until it is dropped.
pub struct Hold {
    answers: Arc<HeldAnswers>,
    number: u64,
}

impl HeldAnswers {
    /// Allows at most this many bytes.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, reports: Reports::default(), state: Mutex::default() })
    }

    /// Counts the answer if it is long. If there is no room, the slowest reader of the network that holds most gives way. If
    /// that is the client's own network, and nobody in it is slow, the client is told to come again.
    pub fn keep(
        self: &Arc<Self>,
        response: Response,
        network: Network,
        watch: &Arc<Watch>,
        mut working: Working,
    ) -> Response {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            working.go_on();
        }
        // A stream has no known length, and nobody holds all of it.
        let size = response.body().size_hint().exact().filter(|size| *size >= SHORT);
        let Some(size) = size.and_then(|size| usize::try_from(size).ok()) else {
            return response.map(|body| working.body(body, None));
        };
        let Some(hold) = self.hold(size, network, watch, Instant::now()) else {
            metrics::counter!("http_connections_refused_total", "bound" => HELD).increment(1);
            self.reports.reached(HELD, "an answer is not sent", Some(&network), None);
            return unavailable(response, HELD).map(|body| working.body(body, None));
        };
        response.map(|body| working.body(body, Some(Box::new(hold))))
    }

    fn hold(
        self: &Arc<Self>,
        bytes: usize,
        network: Network,
        watch: &Arc<Watch>,
        now: Instant,
    ) -> Option<Hold> {
        if bytes > self.most {
            return None;
        }
        let mut state = self.state();
        while state.total + bytes > self.most {
            let number = state.to_give_way(bytes, network, now)?;
            let gone = state.remove(number)?;
            gone.watch.break_off();
            metrics::counter!("http_connections_timed_out_total", "bound" => HELD).increment(1);
            self.reports.reached(
                HELD,
                "an answer that is not being read gives way",
                Some(&gone.network),
                None,
            );
        }
        state.number += 1;
        let number = state.number;
        state.total += bytes;
        let held = Held { bytes, network, since: now, written: watch.written(), watch: Arc::clone(watch) };
        state.held.insert(number, held);
        Some(Hold { answers: Arc::clone(self), number })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The answer that gives way to one of this many bytes for a client of this network.
    fn to_give_way(&self, bytes: usize, network: Network, now: Instant) -> Option<u64> {
        let mut by_network: HashMap<Network, usize> = HashMap::from([(network, bytes)]);
        for held in self.held.values() {
            *by_network.entry(held.network).or_default() += held.bytes;
        }
        let largest = by_network.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(network, _)| network)?;
        let slowest = |(_, held): &(&u64, &Held)| {
            let read = held.watch.written().saturating_sub(held.written);
            let age = now.duration_since(held.since).as_millis().max(1);
            (u128::from(read) * 1_000 / age, std::cmp::Reverse(age))
        };
        let gives_way = |(_, held): &(&u64, &Held)| {
            held.network == largest && (largest != network || now.duration_since(held.since) >= YOUNG)
        };
        self.held.iter().filter(gives_way).min_by_key(slowest).map(|(number, _)| *number)
    }

    fn remove(&mut self, number: u64) -> Option<Held> {
        let held = self.held.remove(&number)?;
        self.total -= held.bytes;
        Some(held)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.answers.state().remove(self.number);
    }
}

/// Turns an answer into one that says which bound is reached.
pub fn unavailable(response: Response, setting: &'static str) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::SERVICE_UNAVAILABLE;
    parts.headers.remove(header::CONTENT_ENCODING);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    let message = Message::new("server-busy").with("setting", setting).text("en");
    let extensions = json!({ "code": ErrorCode::Limit.as_str() });
    let body = json!({ "errors": [{ "message": message, "extensions": extensions }] });
    Response::from_parts(parts, Body::from(body.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HttpSettings;

    fn network(text: &str) -> Network {
        text.parse().expect("a network")
    }

    #[test]
    fn who_holds_most_gives_way_and_never_to_himself_while_he_reads() {
        let answers = HeldAnswers::new(1_000);
        let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(3));
        let new = || Watch::new(&HttpSettings::default());
        let (greedy, modest) = (network("192.0.2.1"), network("192.0.2.2"));
        let watches: Vec<Arc<Watch>> = (0..3).map(|_| new()).collect();
        let held: Vec<Hold> =
            watches.iter().map(|watch| answers.hold(300, greedy, watch, now).expect("room")).collect();
        assert!(answers.hold(300, greedy, &new(), now).is_none(), "none of them is slow yet");
        let one = answers.hold(300, modest, &new(), now);
        assert!(one.is_some(), "somebody else has his share at once");
        assert_eq!(watches.iter().filter(|watch| watch.is_broken_off()).count(), 1);
        assert!(answers.hold(300, greedy, &new(), later).is_some(), "those that are not read give way");
        assert!(answers.hold(2_000, modest, &new(), later).is_none());
        drop((held, one));
        assert!(answers.hold(1_000, modest, &new(), later).is_some());
    }
}
