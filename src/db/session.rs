//! Sessions of logged-in people in the database, so that every process knows at once when one ends.

use chrono::NaiveDateTime;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Nullable, Text, Timestamp};
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::select;
use super::sql::Sql;
use crate::db::user;
use crate::domain::json::Json;
use crate::domain::permission::Rights;
use crate::error::Result;
use crate::model::api_token::numbers;
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

/// The sessions of a user that go on, the oldest first.
pub fn of_user(connection: &mut DbConnection, user_id: Uuid, now: NaiveDateTime) -> Result<Vec<Session>> {
    let own = Sql::new("token_name IS NULL AND user_id = ").bind(user_id).append(live_at(now));
    select(connection, own.sql(" ORDER BY date_created, id"))
}

/// Whose session or token it is, with present rights.
pub struct Asking {
    /// The active user.
    pub user: User,
    /// The user's rights by all roles that are not blocked.
    pub rights: Rights,
    /// The rights of the program, if it is the token of one.
    pub token_rights: Option<Vec<i32>>,
    /// When the token was last used, to the minute.
    pub date_used: Option<NaiveDateTime>,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(embed)]
    user: User,
    #[diesel(sql_type = Text)]
    grants: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    token_rights: Option<Json>,
    #[diesel(sql_type = Nullable<Timestamp>)]
    date_used: Option<NaiveDateTime>,
}

/// The active user of the session with this key, with present rights, if the session goes on. With `hash`, it is the token of
/// a program that has this hash. One statement reads all of it, because each request of everybody begins with it.
///
/// # Errors
/// INTERNAL when the database answers what it was not asked.
pub fn requester(
    connection: &mut DbConnection,
    id: Uuid,
    hash: Option<&str>,
    now: NaiveDateTime,
) -> Result<Option<Asking>> {
    let session = Sql::new(format!(
        "SELECT {}, token_rights, date_used FROM core_user JOIN (SELECT user_id AS session_user_id, token_rights, date_used \
         FROM core_session WHERE id = ",
        user::granted(connection.dialect())
    ))
    .bind(id);
    let kind = match hash {
        None => Sql::new(" AND token_name IS NULL"),
        Some(hash) => Sql::new(" AND token_name IS NOT NULL AND refresh_hash = ").bind(hash),
    };
    let query = session
        .append(kind)
        .append(live_at(now))
        .sql(") AS session ON core_user.id = session_user_id WHERE is_active");
    let found: Option<Found> = query.load(connection)?.pop();
    let asking = |found: Found| {
        let rights = user::rights_by(&found.grants)?;
        let token_rights = hash.map(|_| numbers(found.token_rights.as_ref()));
        Ok(Asking { user: found.user, rights, token_rights, date_used: found.date_used })
    };
    found.map(asking).transpose()
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

/// Ends all sessions of a user but one. The tokens of the user's programs go on.
pub fn revoke_others(
    connection: &mut DbConnection,
    user_id: Uuid,
    kept: Option<Uuid>,
    now: NaiveDateTime,
) -> Result<()> {
    let kept = kept.unwrap_or_default();
    Sql::new("UPDATE core_session SET date_revoked = ")
        .bind(now)
        .sql(" WHERE token_name IS NULL AND date_revoked IS NULL AND user_id = ")
        .bind(user_id)
        .sql(" AND id <> ")
        .bind(kept)
        .execute(connection)?;
    Ok(())
}

/// Ends all sessions of a user, and the tokens of the user's programs.
pub fn revoke_all(connection: &mut DbConnection, user_id: Uuid, now: NaiveDateTime) -> Result<()> {
    let own = core_session::table.filter(core_session::user_id.eq(user_id));
    diesel::update(own.filter(core_session::date_revoked.is_null()))
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
        .sql(" WHERE id IN (SELECT id FROM core_session WHERE token_name IS NULL AND date_revoked IS NULL AND user_id = ")
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
