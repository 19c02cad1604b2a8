//! Mails in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::{insert_counted, insert_with, select};
use super::outbox;
use super::query::Listed;
use super::sql::Sql;
use crate::domain::mail::MailStatus;
use crate::domain::outbox::Subscriber;
use crate::error::Result;
use crate::model::outbox::Delivery;
use crate::model::task_mail::{TaskMail, task_management_taskmail as task_mail};

impl Listed for TaskMail {
    const LEFT_OUT: &[&str] = &["error", "unique_key", "message_id", "cause"];
    const TOUCHED_BY: Option<&str> = None;
}

/// Adds a mail and the delivery that sends it, unless there is one of the same key; returns whether it was added.
pub fn insert(connection: &mut DbConnection, mail: &TaskMail, delivery: &Delivery) -> Result<bool> {
    if !insert_with(connection, mail, Vec::new(), " ON CONFLICT DO NOTHING")? {
        return Ok(false);
    }
    insert_counted(connection, delivery)?;
    outbox::announce(connection)?;
    Ok(true)
}

/// Notes what has become of a mail, and at last so of those that go with it if it is a digest; a moment, once the mail server has taken it.
pub fn set_status(
    connection: &mut DbConnection,
    id: Uuid,
    status: MailStatus,
    error: Option<&str>,
    sent: Option<NaiveDateTime>,
) -> Result<()> {
    let goes_with = task_mail::digest_id.eq(status.is_final().then_some(id));
    diesel::update(task_mail::table.filter(task_mail::id.eq(id).or(goes_with)))
        .set((
            task_mail::status.eq(status),
            task_mail::error.eq(error.map(str::to_owned)),
            task_mail::date_sent.eq(sent),
        ))
        .execute(connection)?;
    Ok(())
}

/// Notes that an attempt begins to send a mail.
pub fn begin(connection: &mut DbConnection, id: Uuid, attempts: i32) -> Result<()> {
    diesel::update(task_mail::table.find(id))
        .set((task_mail::status.eq(MailStatus::Sending), task_mail::attempts.eq(attempts)))
        .execute(connection)?;
    Ok(())
}

/// Adds a mail that waits for the digest of its reader, unless there is one of the same key; returns whether it was added.
pub fn insert_waiting(connection: &mut DbConnection, mail: &TaskMail) -> Result<bool> {
    insert_with(connection, mail, Vec::new(), " ON CONFLICT DO NOTHING")
}

/// The condition on mails that wait for a digest of this person. The status stands in it as in the index.
fn waiting(sql: &'static str, user_id: Uuid) -> Sql {
    Sql::new(sql).sql("status = 'WAITING' AND digest_id IS NULL AND user_id = ").bind(user_id)
}

/// Whether mails wait for a digest of this person.
pub fn any_waits(connection: &mut DbConnection, user_id: Uuid) -> Result<bool> {
    Ok(!select::<TaskMail>(connection, waiting("", user_id).sql(" LIMIT 1"))?.is_empty())
}

/// Has the first mails that wait for a digest of this person go with this one.
pub fn gather(connection: &mut DbConnection, user_id: Uuid, digest_id: Uuid, most: i64) -> Result<()> {
    let first = waiting("SELECT id FROM task_management_taskmail WHERE ", user_id);
    Sql::new("UPDATE task_management_taskmail SET digest_id = ")
        .bind(digest_id)
        .sql(" WHERE id IN (")
        .append(first)
        .sql(" ORDER BY id LIMIT ")
        .bind(most)
        .sql(")")
        .execute(connection)?;
    Ok(())
}

/// The mails that go with this digest, at most so many of those after `after`, oldest first.
pub fn of_digest(
    connection: &mut DbConnection,
    digest_id: Uuid,
    after: Uuid,
    most: i64,
) -> Result<Vec<TaskMail>> {
    let page = Sql::new("digest_id = ").bind(digest_id).sql(" AND id > ").bind(after);
    select(connection, page.sql(" ORDER BY id LIMIT ").bind(most))
}

/// Notes that these mails were not sent, and why.
pub fn leave_out(connection: &mut DbConnection, ids: &[Uuid], error: &str) -> Result<()> {
    Sql::new("UPDATE task_management_taskmail SET status = 'FAILED', date_sent = NULL, error = ")
        .bind(error)
        .sql(" WHERE id ")
        .among(ids.iter().copied())
        .execute(connection)?;
    Ok(())
}

/// Forgets mails that were made before `moment`, but those that somebody may still have sent again.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime) -> Result<usize> {
    let kept = || {
        Sql::new(
            "(SELECT entity_id FROM task_management_outbox WHERE status IN ('PENDING', 'DEAD') AND handler ",
        )
        .among([Subscriber::Mail.name(), Subscriber::MailDigest.name()])
        .sql(")")
    };
    Ok(Sql::new(
        "DELETE FROM task_management_taskmail WHERE status IN ('SENT', 'FAILED') AND date_created < ",
    )
    .bind(moment)
    .sql(" AND id NOT IN ")
    .append(kept())
    .sql(" AND (digest_id IS NULL OR digest_id NOT IN ")
    .append(kept())
    .sql(")")
    .execute(connection)?)
}
