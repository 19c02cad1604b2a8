//! How many files the process may have open. Every connection is an open file.

/// Lets the process open as many files as it can without more rights.
#[cfg(unix)]
pub fn raise() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the limit of open files stays as it is");
        }
    }
}

/// Other systems have no such limit.
#[cfg(not(unix))]
pub const fn raise() {}

/// How many connections leave enough files for a database with `pool_size` connections, webhooks, and the program itself.
#[must_use]
pub fn most_connections(pool_size: usize) -> usize {
    const FILES_OF_A_CONNECTION: usize = 3;
    const OTHERS: usize = 64 + super::admission::SHORT_LIVED + super::admission::CLOSING;
    const LEAST: usize = 8;
    let pool = pool_size.saturating_add(1);
    limit().saturating_sub(pool.saturating_mul(FILES_OF_A_CONNECTION).saturating_add(OTHERS)).max(LEAST)
}

#[cfg(unix)]
fn limit() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
const fn limit() -> usize {
    usize::MAX
}
