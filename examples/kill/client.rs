//! A client like real ones: it keeps its connection, and asks the next server again until it is answered.

use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest time that a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(180);

/// The addresses at which the servers listen; none for a server that is down.
pub type Addresses = Arc<Vec<Mutex<Option<String>>>>;

/// The faults that all clients together have seen.
#[derive(Default)]
pub struct Seen {
    /// Requests that were sent again because a server broke off or was down.
    pub broken_off: AtomicU64,
    /// Requests that were answered with 503 and sent again.
    pub unavailable: AtomicU64,
    /// The longest time until an answer, in milliseconds.
    pub longest_ms: AtomicU64,
}

/// One person's connection to some server.
pub struct Client {
    addresses: Addresses,
    seen: Arc<Seen>,
    at: usize,
    token: Option<String>,
    stream: Option<(String, BufReader<TcpStream>)>,
}

impl Client {
    /// A stranger who begins at server number `at`.
    pub const fn new(addresses: Addresses, seen: Arc<Seen>, at: usize) -> Self {
        Self { addresses, seen, at, token: None, stream: None }
    }

    /// Logs in.
    pub fn log_in(&mut self, username: &str, password: &str) -> Result<(), String> {
        let query = "mutation($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }";
        let body = self.ask(query, &json!({ "u": username, "p": password }))?;
        let token = body["data"]["tokenAuth"]["token"].as_str();
        self.token = Some(token.ok_or_else(|| format!("{username} can't log in: {body}"))?.to_owned());
        Ok(())
    }

    /// The token, once somebody has logged in.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Sends a mutation until it is in the journal; returns whether the journal says that it was done, or else the journal's
    /// error.
    pub fn mutate(&mut self, name: &str, input: &Value) -> Result<Result<(), String>, String> {
        let input_type = format!("{}{}MutationInput", name[..1].to_uppercase(), &name[1..]);
        let query = format!("mutation($in: {input_type}!) {{ {name}(input: $in) {{ internalId }} }}");
        let body = self.ask(&query, &json!({ "in": input }))?;
        let id = body["data"][name]["internalId"]
            .as_str()
            .ok_or_else(|| format!("{name} {input}: an answer without a receipt: {body}"))?;
        let query = format!("{{ mutationLogs(id: \"{id}\") {{ edges {{ node {{ status error }} }} }} }}");
        let body = self.ask(&query, &json!({}))?;
        let entry = &body["data"]["mutationLogs"]["edges"][0]["node"];
        match entry["status"].as_i64() {
            Some(2) => Ok(Ok(())),
            Some(1) => Ok(Err(entry["error"].to_string())),
            _ => Err(format!("{name} {input}: an acknowledged mutation is not in the journal: {body}")),
        }
    }

    /// Asks one server after the other until one answers with 200.
    pub fn ask(&mut self, query: &str, variables: &Value) -> Result<Value, String> {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            let address = self.addresses[self.at].lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(address) = address else {
                self.elsewhere();
                continue;
            };
            let asked = Instant::now();
            let Ok((status, text)) = self.send(&address, &body) else {
                self.stream = None;
                self.seen.broken_off.fetch_add(1, Ordering::Relaxed);
                self.elsewhere();
                continue;
            };
            let took = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.seen.longest_ms.fetch_max(took, Ordering::Relaxed);
            match status {
                200 => {
                    return serde_json::from_str(&text).map_err(|error| format!("not JSON: {error}: {text}"));
                }
                503 => {
                    self.seen.unavailable.fetch_add(1, Ordering::Relaxed);
                    self.elsewhere();
                }
                _ => return Err(format!("{body}: answered with {status}: {text}")),
            }
        }
        Err(format!("{body}: no answer for {} s", PATIENCE.as_secs()))
    }

    fn elsewhere(&mut self) {
        self.at = (self.at + 1) % self.addresses.len();
        std::thread::sleep(Duration::from_millis(20));
    }

    fn send(&mut self, address: &str, body: &str) -> std::io::Result<(u16, String)> {
        let mut stream = match self.stream.take() {
            Some((at, stream)) if at == address => stream,
            _ => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                BufReader::new(stream)
            }
        };
        let token = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!(
            "POST /api/graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{}\r\n{body}",
            body.len(),
            token.unwrap_or_default(),
        );
        stream.get_mut().write_all(request.as_bytes())?;
        let answer = read_answer(&mut stream)?;
        self.stream = Some((address.to_owned(), stream));
        Ok(answer)
    }
}

fn read_answer(stream: &mut BufReader<TcpStream>) -> std::io::Result<(u16, String)> {
    let broken = |what: &str| Error::new(ErrorKind::InvalidData, what.to_owned());
    let (mut status, mut length) = (None, None);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(broken("the connection ended"));
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if status.is_none() {
            status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        } else if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok();
        }
    }
    let mut body = vec![0; length.ok_or_else(|| broken("no length"))?];
    stream.read_exact(&mut body)?;
    let text = String::from_utf8(body).map_err(|_| broken("not UTF-8"))?;
    Ok((status.ok_or_else(|| broken("no status"))?, text))
}
