//! The attacks, each for a bounded time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use crate::http::Client;
use crate::store::Store;
use crate::tally::Tally;
use crate::town::Size;

mod answers;
pub mod checks;
mod connections;
mod dispatchers;
pub mod documents;
mod functions;
mod journal;
mod logins;
mod runs;

/// The attacks: their numbers, and what they do.
pub const ATTACKS: [(&str, &str); 21] = [
    ("1", "strangers send 2 MB of fields"),
    ("1", "strangers send what they may"),
    ("2", "documents and cursors that once broke the server"),
    ("3", "lists inside lists, by an executor"),
    ("3", "a hundred lists with their data"),
    ("3", "sixty journals of one without rights"),
    ("4", "300 searches in one request"),
    ("5", "large answers, compressed"),
    ("6", "idle connections of one address"),
    ("6", "idle connections of eight addresses"),
    ("6", "heads and bodies that never end"),
    ("6", "answers that are never read"),
    ("7", "logins with the right password, many at once"),
    ("8", "guesses at one name"),
    ("9", "journal, webhooks, sessions filled"),
    ("10", "a thousand votes in one request, and comments of 1 MB"),
    ("11", "WebSockets that listen and never read"),
    ("12", "strangers call a public function"),
    ("13", "functions in JavaScript that harm whoever executes them"),
    ("13", "the same functions by many schedules"),
    ("14", "many dispatchers are told of many events, and cause more"),
];

/// The field of an attack.
pub struct Field<'a> {
    /// The server.
    pub server: SocketAddr,
    /// Its database.
    pub store: &'a Store,
    /// How much is sent.
    pub size: Size,
    /// The moment after which nothing is begun.
    pub until: Instant,
    /// The counts of answers.
    pub tally: Arc<Tally>,
}

/// Runs the attack at this index of [`ATTACKS`]; returns a note besides the figures, and the bounds that do not hold.
pub async fn run(place: usize, field: &Field<'_>) -> Result<Outcome, String> {
    match place {
        0 => field.flood(field.strangers(4), vec![documents::many_fields(1_000_000)]).await,
        1 => {
            let bodies = documents::by_strangers().into_iter().map(|(_, body)| body).collect();
            field.flood(field.strangers(8), bodies).await;
        }
        2 => answers::broken(field).await?,
        3 => field.flood(field.people("eve", 4).await?, vec![documents::lists_in_lists()]).await,
        4 => field.flood(field.people("eve", 4).await?, vec![documents::lists_with_data(100)]).await,
        5 => answers::journals(field).await?,
        6 => field.flood(field.people("trudy", 4).await?, vec![documents::searches()]).await,
        7 => answers::compressed(field).await?,
        8 => return connections::idle(field, &[66]).await,
        9 => return connections::idle(field, &[60, 61, 62, 63, 64, 65, 66, 67]).await,
        10 => return connections::endless(field).await,
        11 => return connections::never_read(field).await,
        12 => logins::many(field).await,
        13 => return logins::guesses(field).await,
        14 => return journal::fill(field).await,
        15 => {
            let bodies = vec![
                documents::many_votes(),
                documents::long_comment(),
                documents::many_claims(),
                documents::many_counts(),
            ];
            field.flood(field.people("eve", 4).await?, bodies).await;
        }
        16 => return connections::deaf(field).await,
        17 => return functions::public(field).await,
        18 => return runs::many(field).await,
        19 => return runs::scheduled(field).await,
        20 => return dispatchers::many(field).await,
        _ => return Err(format!("there is no attack {place}")),
    }
    Ok(Outcome::default())
}

/// The outcome of an attack besides the figures.
#[derive(Default)]
pub struct Outcome {
    /// In words.
    pub note: String,
    /// A sentence for each bound that does not hold.
    pub violations: Vec<String>,
}

impl Field<'_> {
    /// Strangers of an address that attackers come from.
    fn strangers(&self, count: usize) -> Vec<Client> {
        (0..count).map(|_| Client::new(self.server, crate::http::place(66))).collect()
    }

    /// One person on several connections.
    async fn people(&self, username: &str, count: usize) -> Result<Vec<Client>, String> {
        let first = Client::logged_in(self.server, crate::http::place(66), username).await?;
        let mut people = self.strangers(count);
        for client in &mut people {
            client.token.clone_from(&first.token);
        }
        Ok(people)
    }

    /// Each client sends one body after the other until the time is up.
    async fn flood(&self, clients: Vec<Client>, bodies: Vec<Bytes>) {
        let mut attackers = JoinSet::new();
        let grace = Duration::from_secs(self.size.grace);
        let bodies = Arc::new(bodies);
        for (number, mut client) in clients.into_iter().enumerate() {
            let (bodies, tally, until) = (Arc::clone(&bodies), Arc::clone(&self.tally), self.until);
            attackers.spawn(async move {
                for body in bodies.iter().cycle().skip(number % bodies.len()) {
                    let answer =
                        timeout_at(until.max(Instant::now()) + grace, client.post(body.clone())).await;
                    let status = answer.ok().and_then(Result::ok).map(|answer| answer.status);
                    tally.note(status);
                    if status.is_none() {
                        client.hang_up();
                        sleep(Duration::from_millis(20)).await;
                    }
                    // Sends at least once, however long preparing took.
                    if Instant::now() >= until {
                        break;
                    }
                }
            });
        }
        while attackers.join_next().await.is_some() {}
    }
}
