//! The servers under test: started, killed, started again.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::client::Addresses;
use crate::server::LISTENING;

/// Signs the tokens of all servers.
const SECRET: &str = "a secret for killing only, long enough to sign with";

/// Server processes on one database.
pub struct Fleet {
    url: String,
    /// Further settings, as variables of the environment.
    settings: Vec<(&'static str, String)>,
    processes: Vec<Child>,
    /// The addresses at which they listen.
    pub addresses: Addresses,
    /// How often a server was killed.
    pub kills: usize,
}

impl Fleet {
    /// Starts `count` servers.
    pub fn start(url: &str, count: usize) -> Result<Self, String> {
        Self::start_with(url, count, &[])
    }

    /// Starts `count` servers with further settings.
    pub fn start_with(url: &str, count: usize, settings: &[(&'static str, String)]) -> Result<Self, String> {
        let addresses = (0..count).map(|_| Mutex::default()).collect::<Vec<_>>().into();
        let (url, settings) = (url.to_owned(), settings.to_vec());
        let mut fleet = Self { url, settings, processes: Vec::new(), addresses, kills: 0 };
        for number in 0..count {
            let child = fleet.spawn(number)?;
            fleet.processes.push(child);
        }
        Ok(fleet)
    }

    /// How many servers there are.
    pub const fn len(&self) -> usize {
        self.processes.len()
    }

    /// Kills some of them at once with SIGKILL, and starts them again.
    pub fn kill(&mut self, victims: &[usize]) -> Result<(), String> {
        for victim in victims {
            self.processes[*victim].kill().map_err(|error| format!("it can't be killed: {error}"))?;
            self.tell(*victim, None);
            self.kills += 1;
        }
        for victim in victims {
            self.processes[*victim].wait().map_err(|error| error.to_string())?;
            self.processes[*victim] = self.spawn(*victim)?;
        }
        Ok(())
    }

    /// Checks that all servers still run since they were started last.
    pub fn check_alive(&mut self) -> Result<(), String> {
        for child in &mut self.processes {
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                return Err(format!("a server ended by itself: {status}"));
            }
        }
        Ok(())
    }

    /// The memory of the largest server, in KiB; 0 where the system does not tell.
    pub fn resident_kib(&self) -> u64 {
        let of = |child: &Child| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        self.processes.iter().filter_map(of).max().unwrap_or(0)
    }

    /// Lets all of them end by themselves.
    pub fn stop(mut self) -> Result<(), String> {
        for child in &mut self.processes {
            drop(child.stdin.take());
        }
        for child in &mut self.processes {
            let status = child.wait().map_err(|error| error.to_string())?;
            if !status.success() {
                return Err(format!("a server did not stop as it should: {status}"));
            }
        }
        Ok(())
    }

    fn spawn(&self, number: usize) -> Result<Child, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let log = std::env::var("TASKS__LOG__FILTER").unwrap_or_else(|_| "off".to_owned());
        let mut child = Command::new(program)
            .arg("serve")
            .env("TASKS__DATABASE__URL", &self.url)
            // Shorter than by default, so that much happens in little time.
            .env("TASKS__DATABASE__CHECKOUT_TIMEOUT_MS", "2000")
            .env("TASKS__OUTBOX__LEASE_S", "2")
            .env("TASKS__OUTBOX__POLL_MS", "200")
            .env("TASKS__OUTBOX__FIRST_PAUSE_MS", "100")
            .env("TASKS__AUTH__SECRET", SECRET)
            .env("TASKS__AUTH__ACCESS_TOKEN_S", "86400")
            .env("TASKS__LOG__FILTER", log)
            .envs(self.settings.iter().map(|(key, value)| (*key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("a server can't be started: {error}"))?;
        let output = child.stdout.take().ok_or("a server without an output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        let Some(address) = line.trim().strip_prefix(LISTENING) else {
            let _ = child.kill();
            let status = child.wait().map_err(|error| error.to_string())?;
            return Err(format!("a server does not start: {status}; TASKS__LOG__FILTER=info shows more"));
        };
        self.tell(number, Some(address.to_owned()));
        Ok(child)
    }

    fn tell(&self, number: usize, address: Option<String>) {
        *self.addresses[number].lock().unwrap_or_else(PoisonError::into_inner) = address;
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for child in &mut self.processes {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
