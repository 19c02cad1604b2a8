//! What a process and its runner tell each other: frames of JSON, each behind its length.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::FRAME_BYTES;

/// What the runner is to do, told once.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Whether this source is a module.
    Check {
        /// The source.
        source: String,
    },
    /// Execute a run.
    Run(Box<Job>),
    /// Try what must not be possible; for the tests.
    #[cfg(debug_assertions)]
    Probe,
}

/// A run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// The module whose default export is called.
    pub source: String,
    /// Its first argument.
    pub task: Box<RawValue>,
    /// The function's environment variables.
    pub environment: BTreeMap<String, String>,
    /// How many bytes the result may have.
    pub result_bytes: usize,
}

/// What came of a question to the interface, or of [`Told::Null`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The number of the question; [`Reply::OF_NULL`] for the other.
    pub number: u32,
    /// The answer, or why there is none.
    pub answer: Result<Box<RawValue>, Fault>,
}

impl Reply {
    /// Questions have the numbers from 1.
    pub const OF_NULL: u32 = 0;
}

/// An error by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The name, by which retry policies know it.
    pub name: String,
    /// What people read.
    pub message: String,
}

/// What the runner tells. The last two end it.
#[derive(Debug, Serialize, Deserialize)]
pub enum Told {
    /// A line for the run's log.
    Line(String),
    /// A question to the interface.
    Question {
        /// The number of the question, from 1.
        number: u32,
        /// A document of GraphQL.
        query: String,
        /// Its variables.
        variables: Option<Box<RawValue>>,
    },
    /// Null was thrown: by the function, or by the engine, which had no memory left for an error. The process looks at how much memory
    /// the runner has had at most; its answer is an error if it was that.
    Null {
        /// How many kilobytes it had before its order, beside its program's file.
        before: u64,
    },
    /// The result.
    Result(Box<RawValue>),
    /// Why there is none.
    Failed(Fault),
}

impl Fault {
    /// An error of this name.
    pub fn new(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), message: message.into() }
    }
}

/// The frame that holds a message.
///
/// # Errors
/// The message is larger than a frame may be.
pub fn frame<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = bytes.len() - 4;
    match u32::try_from(length) {
        Ok(head) if length <= FRAME_BYTES => bytes[..4].copy_from_slice(&head.to_be_bytes()),
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too large")),
    }
    Ok(bytes)
}

/// The length of a frame's message, as its head says.
///
/// # Errors
/// It is larger than a frame may be.
pub fn length(head: [u8; 4]) -> io::Result<usize> {
    let length = usize::try_from(u32::from_be_bytes(head)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too large"));
    }
    Ok(length)
}

/// Reads a frame's message, as it is.
///
/// # Errors
/// The other side has gone, or says something else.
pub fn read(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut head = [0; 4];
    from.read_exact(&mut head)?;
    let mut bytes = vec![0; length(head)?];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Writes a message.
///
/// # Errors
/// The other side has gone, or the message is too large.
pub fn write<T: Serialize>(mut to: impl Write, message: &T) -> io::Result<()> {
    to.write_all(&frame(message)?)?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_as_it_was_sent_and_a_large_one_not_at_all() {
        let told = Told::Failed(Fault::new("busy", "x\ny"));
        let bytes = frame(&told).expect("a frame");
        let message = read(bytes.as_slice()).expect("a message");
        let told: Told = serde_json::from_slice(&message).expect("what was told");
        assert!(matches!(told, Told::Failed(fault) if fault == Fault::new("busy", "x\ny")));
        assert!(frame(&Told::Line("x".repeat(FRAME_BYTES))).is_err());
        assert!(read([0xff; 8].as_slice()).is_err());
        assert!(read(&bytes[..6]).is_err());
    }
}
