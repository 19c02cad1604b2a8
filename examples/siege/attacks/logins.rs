//! Attacks by logins.

use std::time::Instant;

use super::connections::affordable;
use super::{Field, Outcome};
use crate::http::{Client, login, place};

/// One person logs in on a thousand connections, with the right password.
pub async fn many(field: &Field<'_>) {
    let clients = field.strangers(affordable(field.size.connections));
    field.flood(clients, vec![login("mallory", "mallory12345")]).await;
}

/// Wrong passwords for one name from ten addresses. Meanwhile the person with that name logs in from her own device, and
/// afterwards from a new one.
pub async fn guesses(field: &Field<'_>) -> Result<Outcome, String> {
    let clients = (0..40).map(|number| Client::new(field.server, place(70 + number % 10))).collect();
    let guesses = (0..10).map(|number| login("victoria", &format!("wrong {number}"))).collect();
    field.flood(clients, guesses).await;
    if !field.size.timed {
        return Ok(Outcome::default());
    }
    let begun = Instant::now();
    let new = Client::logged_in(field.server, place(99), "victoria").await;
    let note = format!("from a new device after {} ms", begun.elapsed().as_millis());
    let violations = new.err().map(|reason| format!("from a new device: {reason}")).into_iter().collect();
    Ok(Outcome { note, violations })
}
