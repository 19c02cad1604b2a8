//! What a process sees of a runner: it starts one for each run, talks to it, and kills it.

use std::io;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::message::{Order, Reply, Told, frame, length};
use super::{FunctionRunner, SUBCOMMAND, kilobytes};

/// A runner at work. It is killed, with all that it may have started, when it is dropped.
pub struct Runner {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Runner {
    /// Starts a runner with these bounds.
    ///
    /// # Errors
    /// The program can't be started.
    pub fn start(program: &FunctionRunner, memory_mb: u64, seconds: u64) -> io::Result<Self> {
        let mut child = Command::new(&program.0)
            .arg(SUBCOMMAND)
            .args([memory_mb.to_string(), seconds.to_string()])
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a runner has no pipes"));
        };
        Ok(Self { child, to, from: BufReader::new(from) })
    }

    /// Tells it what to do.
    ///
    /// # Errors
    /// It has gone, or the order is too large.
    pub async fn order(&mut self, order: &Order) -> io::Result<()> {
        self.to.write_all(&frame(order)?).await
    }

    /// Answers a question.
    ///
    /// # Errors
    /// It has gone, or the answer is too large.
    pub async fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        self.to.write_all(&frame(reply)?).await
    }

    /// What it tells next.
    ///
    /// # Errors
    /// It has gone, or tells what a runner does not.
    pub async fn told(&mut self) -> io::Result<Told> {
        let mut head = [0; 4];
        self.from.read_exact(&mut head).await?;
        let mut bytes = vec![0; length(head)?];
        self.from.read_exact(&mut bytes).await?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Whether it has had so many megabytes of memory at once, beside its program and these kilobytes. Where the system doesn't tell, it may have.
    pub async fn has_taken(&self, megabytes: u64, before: u64) -> bool {
        let Some(number) = self.child.id() else { return true };
        let read = move || std::fs::read_to_string(format!("/proc/{number}/status")).unwrap_or_default();
        let status = tokio::task::spawn_blocking(read).await.unwrap_or_default();
        let own = kilobytes(&status, "RssFile").unwrap_or_default() + before;
        kilobytes(&status, "VmHWM").is_none_or(|peak| peak.saturating_sub(own) >= megabytes * 1024)
    }

    /// Kills what is left of it; returns how it ended.
    ///
    /// # Errors
    /// It can't be waited for.
    pub async fn end(mut self) -> io::Result<ExitStatus> {
        self.kill();
        self.child.wait().await
    }

    /// Kills it with all that it has started. One that has ended, and was not waited for, keeps its number until then.
    fn kill(&self) {
        let number = self.child.id().and_then(|number| i32::try_from(number).ok());
        if let Some(group) = number.and_then(Pid::from_raw) {
            // It fails if all have ended already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.kill();
    }
}
