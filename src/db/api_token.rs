//! Tokens of programs in the database.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::connection::DbConnection;
use super::entity::select;
use super::query::Listed;
use super::sql::Sql;
use crate::error::Result;
use crate::model::api_token::ApiToken;

impl Listed for ApiToken {
    const LEFT_OUT: &[&str] = &["refresh_hash", "token_rights"];
    const CONDITION: Option<&str> = Some("core_session.token_name IS NOT NULL");
}

/// The tokens that go on, of all users or of this one, the oldest first.
pub fn live(
    connection: &mut DbConnection,
    user_id: Option<Uuid>,
    now: NaiveDateTime,
) -> Result<Vec<ApiToken>> {
    let live = Sql::new("token_name IS NOT NULL AND date_revoked IS NULL AND date_expires > ").bind(now);
    let wanted = match user_id {
        Some(user_id) => live.sql(" AND user_id = ").bind(user_id),
        None => live,
    };
    select(connection, wanted.sql(" ORDER BY date_created, id"))
}

/// Notes that a token was used, unless another request has noted it since `since`.
pub fn note_use(
    connection: &mut DbConnection,
    id: Uuid,
    since: NaiveDateTime,
    now: NaiveDateTime,
) -> Result<()> {
    Sql::new("UPDATE core_session SET date_used = ")
        .bind(now)
        .sql(" WHERE id = ")
        .bind(id)
        .sql(" AND (date_used IS NULL OR date_used < ")
        .bind(since)
        .sql(")")
        .execute(connection)?;
    Ok(())
}
