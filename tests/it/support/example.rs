//! Programs among the examples: the proof by killing, and its server.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::program::{SECRET, Server};

/// Where cargo puts an example of this name.
pub fn example(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the test is a program");
    let folder = own.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let path = folder.join("examples").join(name);
    assert!(path.is_file(), "{} is missing: build it with `cargo build --examples`", path.display());
    path
}

/// A host among the examples, which says where it listens.
pub fn listening(mut command: Command) -> Server {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the example starts");
    let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
    let line = lines.next().expect("it says where it listens").expect("a line");
    let address = line.split("http://").nth(1).and_then(|rest| rest.strip_suffix("/graphql"));
    let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
    Server::running(child, address)
}

/// The number that a report has behind these words.
pub fn reported(output: &Output, what: &str) -> u64 {
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.lines().find_map(|line| line.strip_prefix(what)?.trim().parse().ok());
    number.unwrap_or_else(|| panic!("no {what:?} in {output:?}"))
}

/// A server of `kill serve`: a process of its own with the handlers `quick` and `slow`; killed when dropped.
pub struct HookServer(Child);

impl HookServer {
    /// Starts it and waits until it listens.
    pub fn start(database: &str, slow_ms: u64, lease_s: u32) -> Self {
        let mut child = Command::new(example("kill"))
            .args(["serve", "--slow-ms", &slow_ms.to_string()])
            .current_dir(std::env::temp_dir())
            .env("TASKS__AUTH__SECRET", SECRET)
            .env("TASKS__DATABASE__URL", database)
            .env("TASKS__OUTBOX__LEASE_S", lease_s.to_string())
            .env("TASKS__OUTBOX__POLL_MS", "50")
            .env("TASKS__LOG__FILTER", "off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("an output");
        BufReader::new(output).read_line(&mut line).expect("the server says where it listens");
        let server = Self(child);
        assert!(line.starts_with("listening on "), "{line:?}");
        server
    }

    /// Sends it a signal by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.0.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("its status");
    }

    /// Lets it finish what it has in hand; waits for its end.
    pub fn finish(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().expect("its status").success());
    }
}

impl Drop for HookServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
