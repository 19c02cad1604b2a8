//! The real program, as a process of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A file that `load` reads.
pub const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/fixture.json");
/// The secret that signs the program's tokens.
pub const SECRET: &str = "a secret for tests only, long enough to sign";

/// The program with the usual settings.
pub fn program(database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tasks-management"));
    command
        .current_dir(std::env::temp_dir())
        .env_clear()
        .env("TASKS__AUTH__SECRET", SECRET)
        .env("TASKS__AUTH__PASSWORD_MEMORY_KIB", "8")
        .env("TASKS__AUTH__PASSWORD_PASSES", "1")
        .env("TASKS__DATABASE__URL", database)
        .stdin(Stdio::null());
    command
}

/// A key that seals.
pub const SEALING_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Runs the program to its end.
pub fn run(database: &str, args: &[&str]) -> Output {
    program(database).args(args).output().expect("the program runs")
}

/// Waits until something is true.
pub fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_true() {
        assert!(Instant::now() < deadline, "in vain it was waited until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// The address at which it listens.
    pub address: String,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers as they came.
    pub head: String,
    /// The body.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

/// A request that the server is working on.
pub struct Pending(TcpStream);

impl Server {
    /// Starts it and waits until it says where it listens.
    pub fn start(database: &str, more: &[(&str, &str)]) -> Self {
        let mut command = program(database);
        command.args(["serve", "--listen", "127.0.0.1:0"]).envs(more.iter().copied());
        Self::of(command)
    }

    /// Starts one by this command.
    pub fn of(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stderr.take().expect("a log")).lines();
        let mut server = Self::running(child, String::new());
        server.log = Arc::clone(&log);
        let keep = move |line: std::io::Result<String>| {
            let line = line.expect("a line of the log");
            log.lock().expect("nobody panicked").push(line.clone());
            line
        };
        server.address = lines
            .by_ref()
            .map(&keep)
            .find_map(|line| address(&line))
            .expect("the server says where it listens");
        // The log is read to its end, so that the server does not wait for a reader.
        server.reader = Some(std::thread::spawn(move || lines.for_each(|line| drop(keep(line)))));
        server
    }

    /// One that somebody else has started.
    pub fn running(child: Child, address: String) -> Self {
        Self { child, address, log: Arc::default(), reader: None }
    }

    /// The status and the body of an answer.
    pub fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let reply = self.send(method, path, &[], body);
        (reply.status, reply.text)
    }

    /// Sends a request and waits for its answer.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut stream = self.connect();
        let head = head(method, path, headers, body);
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).expect("the request goes out");
        Pending(stream).reply().expect("an answer comes in")
    }

    /// Sends a GraphQL document and waits for its answer.
    pub fn graphql(&self, headers: &[(&str, &str)], query: &str, variables: Value) -> Reply {
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.send("POST", "/api/graphql", headers, &body)
    }

    /// Sends a GraphQL document; returns as soon as the server works on it.
    pub fn begin(&self, headers: &[(&str, &str)], query: &str, variables: Value) -> Pending {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut stream = self.connect();
        let head = head("POST", "/api/graphql", headers, &body);
        stream.write_all(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).expect("it goes out");
        // The server asks for the body when the handler does.
        let mut go_on = [0_u8; 25];
        stream.read_exact(&mut go_on).expect("the server asks for the body");
        assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&go_on));
        stream.write_all(body.as_bytes()).expect("the body goes out");
        Pending(stream)
    }

    /// Logs a user of the fixture in; returns the token as a header.
    pub fn bearer(&self, username: &str) -> String {
        let reply = self.try_log_in(username, &format!("{username}123"));
        let token = reply.body["data"]["tokenAuth"]["token"].as_str();
        format!("Bearer {}", token.unwrap_or_else(|| panic!("{reply:?}")))
    }

    /// Tries to log in.
    pub fn try_log_in(&self, username: &str, password: &str) -> Reply {
        let query = "mutation($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }";
        self.graphql(&[], query, json!({ "u": username, "p": password }))
    }

    /// Tells it to stop.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
    }

    /// Whether it takes connections.
    pub fn is_listening(&self) -> bool {
        TcpStream::connect(&self.address).is_ok()
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_none()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        wait_until("the server stops", || !self.is_running());
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the log is read");
        }
        self.child.wait().expect("its status")
    }

    /// Tells it to stop and waits for its end.
    pub fn stop(mut self) -> ExitStatus {
        self.terminate();
        self.wait()
    }

    /// The lines of its log until now; all of them after its end.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().expect("nobody panicked").clone()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pending {
    /// The answer; none if the server broke off.
    pub fn reply(mut self) -> Option<Reply> {
        let mut bytes = Vec::new();
        // A server that ends under it resets the connection.
        let _ = self.0.read_to_end(&mut bytes);
        let answer = String::from_utf8_lossy(&bytes).into_owned();
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        let (head, text) = answer.split_once("\r\n\r\n")?;
        let body = serde_json::from_str(text).unwrap_or(Value::Null);
        Some(Reply { status, head: head.to_owned(), text: text.to_owned(), body })
    }
}

impl Reply {
    /// A header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

fn head(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n{more}",
        body.len()
    )
}

/// Where the server says that it listens, in either form of the log.
fn address(line: &str) -> Option<String> {
    match serde_json::from_str::<Value>(line) {
        Ok(line) => line["address"].as_str().map(str::to_owned),
        Err(_) => line.split("address=").nth(1)?.split_whitespace().next().map(str::to_owned),
    }
}
