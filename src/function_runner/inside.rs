//! What the runner does: it shuts itself in, takes its order, and ends.

use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde::de::DeserializeOwned;

use super::message::{Fault, Order, Told, read, write};
use crate::domain::function_run::reason::NO_SANDBOX;

mod engine;
#[cfg(debug_assertions)]
mod probe;
mod sandbox;

/// How many bytes of stack the thread has that listens to the process.
const LISTENER_STACK: usize = 256 * 1024;

/// Does what a runner with these bounds does; returns the status of its process.
pub fn run(bounds: [Option<String>; 2]) -> i32 {
    let [Some(memory), Some(seconds)] = bounds.map(|bound| bound.and_then(|bound| bound.parse().ok())) else {
        return 2;
    };
    i32::from(serve(memory, seconds).is_err())
}

fn serve(memory_mb: u64, seconds: u64) -> io::Result<()> {
    let heard = match shut_in(memory_mb, seconds) {
        Ok(heard) => heard,
        Err(error) => return tell(&Told::Failed(Fault::new(NO_SANDBOX, error.to_string()))),
    };
    let told = match heard.next::<Order>()? {
        Order::Check { source } => engine::check(source, memory_mb),
        Order::Run(job) => engine::run(*job, memory_mb, seconds, &heard),
        #[cfg(debug_assertions)]
        Order::Probe => probe::run(),
    };
    tell(&told)
}

/// Gives up all that a runner must not have, and begins to listen to the process then.
fn shut_in(memory_mb: u64, seconds: u64) -> io::Result<Heard> {
    sandbox::close_strays()?;
    // What follows can't be read any more then.
    let own_memory = sandbox::own_memory();
    // Before there is another thread, which would keep them.
    sandbox::give_up_privileges()?;
    sandbox::enclose()?;
    let (ready, listens) = channel::<()>();
    let (go, wait) = channel::<()>();
    let (hear, heard) = channel::<Vec<u8>>();
    // It sees at once that the process is gone, whatever the function does meanwhile.
    let listener = thread::Builder::new().stack_size(LISTENER_STACK);
    listener.spawn(move || {
        if ready.send(()).is_err() || wait.recv().is_err() {
            return;
        }
        while let Ok(bytes) = read(io::stdin().lock()) {
            if hear.send(bytes).is_err() {
                break;
            }
        }
        std::process::exit(3);
    })?;
    // While a thread begins, it calls what the filter refuses.
    listens.recv().map_err(io::Error::other)?;
    sandbox::limit(own_memory.addresses + memory_mb * 1024 * 1024, seconds)?;
    sandbox::filter()?;
    go.send(()).map_err(io::Error::other)?;
    Ok(Heard { frames: heard, own_kilobytes: own_memory.kilobytes })
}

/// What the process says.
struct Heard {
    frames: Receiver<Vec<u8>>,
    /// How many kilobytes of memory this one had before its order.
    own_kilobytes: u64,
}

impl Heard {
    fn next<T: DeserializeOwned>(&self) -> io::Result<T> {
        let bytes = self.frames.recv().map_err(io::Error::other)?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}

fn tell(told: &Told) -> io::Result<()> {
    write(io::stdout().lock(), told)
}
