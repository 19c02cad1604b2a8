//! Sessions of logged-in people in the database, so that every process knows at once when one ends.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::schema::core_session;
use super::types::DbUuid;
use crate::error::Result;

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Primary key; tokens name it.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// Hash of the refresh token.
    pub refresh_hash: String,
    /// When it began, naive UTC.
    pub date_created: NaiveDateTime,
    /// When it ends unless it is ended before, naive UTC.
    pub date_expires: NaiveDateTime,
}

/// Adds a session.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, session: &Session) -> Result<()> {
    diesel::insert_into(core_session::table)
        .values((
            core_session::id.eq(DbUuid(session.id)),
            core_session::user_id.eq(DbUuid(session.user_id)),
            core_session::refresh_hash.eq(&session.refresh_hash),
            core_session::date_created.eq(session.date_created),
            core_session::date_expires.eq(session.date_expires),
        ))
        .execute(connection)?;
    Ok(())
}

/// The session with this key, if it goes on.
///
/// # Errors
/// What the database says.
pub fn live(connection: &mut DbConnection, id: Uuid, now: NaiveDateTime) -> Result<Option<Session>> {
    let found = core_session::table
        .find(DbUuid(id))
        .filter(core_session::date_revoked.is_null())
        .filter(core_session::date_expires.gt(now))
        .select(COLUMNS)
        .first::<Row>(connection)
        .optional()?;
    Ok(found.map(session))
}

/// The session with this hash of a refresh token, if it goes on.
///
/// # Errors
/// What the database says.
pub fn live_by_refresh(
    connection: &mut DbConnection,
    hash: &str,
    now: NaiveDateTime,
) -> Result<Option<Session>> {
    let found = core_session::table
        .filter(core_session::refresh_hash.eq(hash))
        .filter(core_session::date_revoked.is_null())
        .filter(core_session::date_expires.gt(now))
        .select(COLUMNS)
        .first::<Row>(connection)
        .optional()?;
    Ok(found.map(session))
}

/// Ends a session.
///
/// # Errors
/// What the database says.
pub fn revoke(connection: &mut DbConnection, id: Uuid, now: NaiveDateTime) -> Result<()> {
    diesel::update(core_session::table.find(DbUuid(id)).filter(core_session::date_revoked.is_null()))
        .set(core_session::date_revoked.eq(now))
        .execute(connection)?;
    Ok(())
}

/// Ends all sessions of a user but one.
///
/// # Errors
/// What the database says.
pub fn revoke_others(
    connection: &mut DbConnection,
    user_id: Uuid,
    kept: Option<Uuid>,
    now: NaiveDateTime,
) -> Result<()> {
    let kept = DbUuid(kept.unwrap_or_default());
    diesel::update(
        core_session::table
            .filter(core_session::user_id.eq(DbUuid(user_id)))
            .filter(core_session::id.ne(kept))
            .filter(core_session::date_revoked.is_null()),
    )
    .set(core_session::date_revoked.eq(now))
    .execute(connection)?;
    Ok(())
}

/// Forgets sessions that ended before `moment`.
///
/// # Errors
/// What the database says.
pub fn prune(connection: &mut DbConnection, moment: NaiveDateTime) -> Result<usize> {
    Ok(diesel::delete(core_session::table.filter(core_session::date_expires.lt(moment)))
        .execute(connection)?)
}

type Row = (DbUuid, DbUuid, String, NaiveDateTime, NaiveDateTime);
type Columns = (
    core_session::id,
    core_session::user_id,
    core_session::refresh_hash,
    core_session::date_created,
    core_session::date_expires,
);
const COLUMNS: Columns = (
    core_session::id,
    core_session::user_id,
    core_session::refresh_hash,
    core_session::date_created,
    core_session::date_expires,
);

fn session((id, user_id, refresh_hash, date_created, date_expires): Row) -> Session {
    Session { id: id.0, user_id: user_id.0, refresh_hash, date_created, date_expires }
}
