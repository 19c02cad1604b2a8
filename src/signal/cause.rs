//! How many runs of functions stand behind what is being done, one causing the next: it goes on into the events that are told
//! and the runs that are created meanwhile, so that functions which cause each other come to an end.

use std::future::Future;

tokio::task_local! {
    static DEPTH: i32;
}

/// How many runs stand behind what the present task does.
#[must_use]
pub fn depth() -> i32 {
    DEPTH.try_with(|depth| *depth).unwrap_or_default()
}

/// Does something behind which so many runs stand.
pub async fn behind<T>(depth: i32, work: impl Future<Output = T>) -> T {
    DEPTH.scope(depth, work).await
}
