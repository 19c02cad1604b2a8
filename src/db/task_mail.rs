//! Mails in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::{insert_counted, insert_with};
use super::outbox;
use super::query::Listed;
use super::sql::Sql;
use crate::domain::mail::MailStatus;
use crate::domain::outbox::Subscriber;
use crate::error::Result;
use crate::model::outbox::Delivery;
use crate::model::task_mail::{TaskMail, task_management_taskmail as task_mail};

impl Listed for TaskMail {
    const LEFT_OUT: &[&str] = &["error", "unique_key", "message_id"];
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

/// Notes what has become of a mail; a moment, once the mail server has taken it.
pub fn set_status(
    connection: &mut DbConnection,
    id: Uuid,
    status: MailStatus,
    error: Option<&str>,
    sent: Option<NaiveDateTime>,
) -> Result<()> {
    diesel::update(task_mail::table.find(id))
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

/// Forgets mails that were made before `moment`, but those that somebody may still have sent again.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime) -> Result<usize> {
    Ok(Sql::new("DELETE FROM task_management_taskmail WHERE status IN ('SENT', 'FAILED') AND date_created < ")
        .bind(moment)
        .sql(" AND id NOT IN (SELECT entity_id FROM task_management_outbox WHERE status IN ('PENDING', 'DEAD') AND handler = ")
        .bind(Subscriber::Mail.name())
        .sql(")")
        .execute(connection)?)
}
