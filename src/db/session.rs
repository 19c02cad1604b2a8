//! Sessions of logged-in people in the database, so that every process knows at once when one ends.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::select;
use super::sql::Sql;
use crate::db::user;
use crate::domain::permission::Rights;
use crate::error::Result;
use crate::model::session::{Session, core_session};
use crate::model::user::User;

/// The session with this key, if it goes on.
pub fn live(connection: &mut DbConnection, id: Uuid, now: NaiveDateTime) -> Result<Option<Session>> {
    live_where(connection, Sql::new("id = ").bind(id), now)
}

/// The session with this hash of a refresh token, if it goes on.
pub fn live_by_refresh(
    connection: &mut DbConnection,
    hash: &str,
    now: NaiveDateTime,
) -> Result<Option<Session>> {
    live_where(connection, Sql::new("refresh_hash = ").bind(hash), now)
}

/// The active user of the session with this key, with present rights, if the session goes on.
///
/// # Errors
/// INTERNAL when the database answers what it was not asked.
pub fn requester(
    connection: &mut DbConnection,
    id: Uuid,
    now: NaiveDateTime,
) -> Result<Option<(User, Rights)>> {
    let session = Sql::new("id = ").bind(id).append(live_at(now));
    let of_session = Sql::new("is_active AND id = (SELECT user_id FROM core_session WHERE ");
    user::with_rights(connection, of_session.append(session).sql(")"))
}

fn live_where(connection: &mut DbConnection, condition: Sql, now: NaiveDateTime) -> Result<Option<Session>> {
    Ok(select(connection, condition.append(live_at(now)))?.pop())
}

/// The end of a condition on sessions: that they go on.
fn live_at(now: NaiveDateTime) -> Sql {
    Sql::new(" AND date_revoked IS NULL AND date_expires > ").bind(now)
}

/// Ends a session.
pub fn revoke(connection: &mut DbConnection, id: Uuid, now: NaiveDateTime) -> Result<()> {
    diesel::update(core_session::table.find(id).filter(core_session::date_revoked.is_null()))
        .set(core_session::date_revoked.eq(now))
        .execute(connection)?;
    Ok(())
}

/// Ends all sessions of a user but one.
pub fn revoke_others(
    connection: &mut DbConnection,
    user_id: Uuid,
    kept: Option<Uuid>,
    now: NaiveDateTime,
) -> Result<()> {
    let kept = kept.unwrap_or_default();
    diesel::update(
        core_session::table
            .filter(core_session::user_id.eq(user_id))
            .filter(core_session::id.ne(kept))
            .filter(core_session::date_revoked.is_null()),
    )
    .set(core_session::date_revoked.eq(now))
    .execute(connection)?;
    Ok(())
}

/// Ends the oldest sessions of a user, so that no more than `most` go on.
///
/// # Errors
/// What the database says.
pub fn revoke_oldest(
    connection: &mut DbConnection,
    user_id: Uuid,
    most: i64,
    now: NaiveDateTime,
) -> Result<()> {
    Sql::new("UPDATE core_session SET date_revoked = ")
        .bind(now)
        .sql(" WHERE id IN (SELECT id FROM core_session WHERE date_revoked IS NULL AND user_id = ")
        .bind(user_id)
        .sql(" AND date_expires > ")
        .bind(now)
        .sql(" ORDER BY date_created DESC, id LIMIT ")
        .bind(i64::MAX)
        .sql(" OFFSET ")
        .bind(most)
        .sql(")")
        .execute(connection)?;
    Ok(())
}

/// Forgets sessions that ended before `moment`.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime) -> Result<usize> {
    Ok(diesel::delete(core_session::table.filter(core_session::date_expires.lt(moment)))
        .execute(connection)?)
}
