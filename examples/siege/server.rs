//! The program under attack: a process of its own, with the limit of open files that systems usually set.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use serde_json::Value;

/// Signs its tokens.
const SECRET: &str = "a secret for sieges only, long enough to sign with";
/// How many files a process may usually have open.
const OPEN_FILES: usize = 1024;
/// How many ticks of `/proc` are a second on Linux.
const TICKS: f64 = 100.0;

/// The program under attack, and its database.
#[derive(Args, Clone)]
pub struct Target {
    /// `sqlite`, or the URL of a PostgreSQL server on which a database may be created.
    #[arg(long, default_value = "sqlite")]
    pub database: String,
    /// The program; by default the one that was built beside this one.
    #[arg(long)]
    pub program: Option<PathBuf>,
}

/// The program on a database, with settings.
#[derive(Clone)]
pub struct Program {
    path: PathBuf,
    /// The URL of its database.
    pub database: String,
    settings: Vec<(&'static str, String)>,
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// The address at which it listens.
    pub address: SocketAddr,
    log: Arc<Mutex<Log>>,
}

/// The log of a server.
#[derive(Default, Clone)]
pub struct Log {
    /// How many warnings and errors it has.
    pub complaints: u64,
    /// The texts of panics.
    pub panics: Vec<String>,
    /// The first errors.
    pub errors: Vec<String>,
}

impl Program {
    /// The program of a target on this database; `cheap` makes passwords and commits as cheap as they can be. What was committed
    /// survives the death of the program all the same.
    pub fn new(target: &Target, database: &str, cheap: bool) -> Result<Self, String> {
        let path = match &target.program {
            Some(path) => path.clone(),
            None => beside()?,
        };
        if !path.is_file() {
            return Err(format!("{} is missing: build it with `cargo build --release`", path.display()));
        }
        let path = path.canonicalize().map_err(|error| error.to_string())?;
        let mut settings = vec![
            ("TASKS__AUTH__SECRET", SECRET.to_owned()),
            ("TASKS__AUTH__ACCESS_TOKEN_S", "86400".to_owned()),
            ("TASKS__LOG__FORMAT", "json".to_owned()),
            ("TASKS__FUNCTIONS__PUBLIC_API", "true".to_owned()),
            // Receivers are on loopback, or nowhere.
            ("TASKS__WEBHOOKS__ALLOW_PRIVATE_ADDRESSES", "true".to_owned()),
        ];
        if cheap {
            settings.push(("TASKS__AUTH__PASSWORD_MEMORY_KIB", "8".to_owned()));
            settings.push(("TASKS__AUTH__PASSWORD_PASSES", "1".to_owned()));
            settings.push(("TASKS__DATABASE__SQLITE_DURABLE", "false".to_owned()));
        }
        Ok(Self { path, database: database.to_owned(), settings })
    }

    /// The same, which tells no receiver of webhooks anything.
    pub fn silent(mut self) -> Self {
        self.settings.push(("TASKS__WEBHOOKS__ENABLED", "false".to_owned()));
        self
    }

    /// The same on another database.
    pub fn on(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// A subcommand, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -n {OPEN_FILES} && exec \"$0\" \"$@\"")])
            .arg(&self.path)
            .args(arguments)
            .current_dir(std::env::temp_dir())
            .env_clear()
            .env("TASKS__DATABASE__URL", &self.database)
            .envs(self.settings.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs a subcommand to its end; returns what it printed.
    pub fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("{}: {}", arguments.join(" "), reason.trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Loads a file of this content.
    pub fn load(&self, content: &Value) -> Result<(), String> {
        let path = std::env::temp_dir().join(format!("tasks_siege_{}.json", std::process::id()));
        std::fs::write(&path, content.to_string()).map_err(|error| error.to_string())?;
        let loaded = self.run(&["load", &path.display().to_string()]);
        let removed = std::fs::remove_file(&path).map_err(|error| error.to_string());
        loaded.map(drop).and(removed)
    }

    /// Serves; returns as soon as it listens.
    pub fn serve(&self) -> Result<Server, String> {
        let mut child = self
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("a server without a log")?).lines();
        let log = Arc::new(Mutex::new(Log::default()));
        let mut said = Vec::new();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let address = listening(&line);
            said.push(line);
            address
        });
        let Some(address) = address else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("the server does not start: {}", said.join("\n")));
        };
        let kept = Arc::clone(&log);
        // The log is read to its end, so that the server does not wait for a reader.
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| kept.lock().unwrap_or_else(PoisonError::into_inner).note(line));
        });
        Ok(Server { child, address, log })
    }
}

impl Server {
    /// What it has logged until now.
    pub fn log(&self) -> Log {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The memory that it has now, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.of_status("VmRSS:")
    }

    /// The most memory that it had, since [`Self::forget_peak`] or its start, in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.of_status("VmHWM:")
    }

    /// Resets the peak to the memory that it has now.
    pub fn forget_peak(&self) {
        let _ = std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5");
    }

    /// The seconds of processor that it has taken.
    pub fn processor_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The name in brackets may hold anything.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let ticks: u32 = fields.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
        f64::from(ticks) / TICKS
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Kills it with SIGKILL, as a crash would; returns what it had logged.
    pub fn kill(mut self) -> Log {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log()
    }

    fn of_status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    fn note(&mut self, line: String) {
        let is_error = line.contains("\"level\":\"ERROR\"");
        if is_error || line.contains("\"level\":\"WARN\"") {
            self.complaints += 1;
        }
        if line.contains("\"message\":\"a panic\"") || line.contains("panicked at") {
            self.panics.push(line);
        } else if is_error && self.errors.len() < 20 {
            self.errors.push(line);
        }
    }
}

/// The program in the folder above this one's, where cargo puts both.
fn beside() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = own.parent().and_then(Path::parent).ok_or("this program stands in no folder of cargo's")?;
    Ok(folder.join("tasks-management"))
}

fn listening(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["address"].as_str()?.parse().ok()
}
