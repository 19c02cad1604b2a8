//! The hooks under test: what a host would bind, with effects that can be counted.

use std::sync::Arc;
use std::time::Duration;

use diesel::RunQueryDsl as _;
use tasks_management::{Signal, Signals, SignalsBuilder};

use crate::books::Books;

/// The signals of which they are told.
const TOLD: [Signal; 6] = [
    Signal::TaskResolve,
    Signal::TaskComplete,
    Signal::TaskOverdue,
    Signal::TaskEscalate,
    Signal::TaskClaim,
    Signal::TaskRelease,
];

/// The After-handlers.
pub const AFTER: [&str; 2] = ["quick", "slow"];

/// A Within-handler that books each completed task in the transaction that completes it, and two After-handlers that write
/// down each call and each effect, one of them slow enough to be killed at its work.
pub fn hooks(books: &Arc<Books>, slow: Duration) -> SignalsBuilder {
    let mut signals = Signals::builder().within(Signal::TaskComplete, |connection, event| {
        let sql = format!("INSERT INTO kill_booking (task_id) VALUES ('{}')", event.entity_id);
        diesel::sql_query(sql).execute(connection)?;
        Ok(())
    });
    for (handler, works) in AFTER.into_iter().zip([Duration::ZERO, slow]) {
        let books = Arc::clone(books);
        signals = signals.after(handler, TOLD, move |event| {
            let books = Arc::clone(&books);
            async move {
                books.enter_call(handler, &event)?;
                tokio::time::sleep(works).await;
                books.enter_effect(handler, &event)
            }
        });
    }
    signals
}
