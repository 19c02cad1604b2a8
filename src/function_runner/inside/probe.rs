//! Tries what must not be possible in a runner, with all that Rust's library has; for the tests.

use std::fs;
use std::io::{Error, Read as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

use serde_json::json;
use serde_json::value::to_raw_value;

use crate::function_runner::message::{Fault, Told};

/// What came of each attempt.
pub fn run() -> Told {
    let said =
        |outcome: Result<(), Error>| outcome.map_or_else(|error| error.to_string(), |()| "DONE".to_owned());
    let attempts = json!({
        "read a file": said(fs::read("/etc/passwd").map(drop)),
        "read the program": said(fs::read("/proc/self/exe").map(drop)),
        "read /proc": said(fs::read_to_string("/proc/self/environ").map(drop)),
        "read the parent's memory": said(fs::File::open("/proc/1/mem").map(drop)),
        "list a folder": said(fs::read_dir("/").map(drop)),
        "look at a file": said(fs::metadata("/etc/passwd").map(drop)),
        "write a file": said(fs::write("/tmp/function-runner-probe", "x")),
        "remove a file": said(fs::remove_file("/tmp/function-runner-probe")),
        "listen": said(TcpListener::bind("127.0.0.1:0").map(drop)),
        "connect": said(TcpStream::connect("127.0.0.1:9").map(drop)),
        "send a datagram": said(UdpSocket::bind("127.0.0.1:0").map(drop)),
        "listen on a path": said(UnixListener::bind("/tmp/function-runner-probe.sock").map(drop)),
        "connect to a path": said(UnixStream::connect("/var/run/postgresql/.s.PGSQL.5432").map(drop)),
        "start a program": said(Command::new("/bin/true").status().map(drop)),
        "start a thread": said(std::thread::Builder::new().spawn(|| ()).map(drop)),
        "write to the error stream": said(std::io::Write::write(&mut std::io::stderr(), b"x").and_then(|_| std::io::Write::flush(&mut std::io::stderr()))),
        "leave the folder": said(std::env::set_current_dir("/tmp")),
        "read another descriptor": said(fs::File::open("/dev/fd/0").and_then(|mut file| file.read(&mut [0; 1])).map(drop)),
    });
    match to_raw_value(&attempts) {
        Ok(json) => Told::Result(json),
        Err(error) => Told::Failed(Fault::new("probe", error.to_string())),
    }
}
