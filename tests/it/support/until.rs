//! Waiting for what happens by itself.

use std::time::Duration;

/// Waits until something is true.
///
/// # Panics
/// After twenty seconds, naming `what`.
pub async fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if is_true() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("in vain it was waited until {what}");
}
