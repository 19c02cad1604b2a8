//! What the subcommands of `token` do.

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::json;
use uuid::Uuid;

use super::advice::{say, what_failed};
use super::present;
use super::table::{Table, moment};
use crate::config::Settings;
use crate::error::ErrorCode;
use crate::service::api_token::{self, NewApiToken};
use crate::service::user::operate;

/// Makes a token for a program that asks in the name of a user.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn create_token(
    settings: Settings,
    username: String,
    name: String,
    days: u32,
    rights: Vec<i32>,
    json: bool,
) -> Result<String, String> {
    let module = present(settings)?;
    let made = operate(module.services(), move |unit| {
        let expires = unit.now.checked_add_signed(TimeDelta::days(days.into()));
        let expires = expires.unwrap_or(NaiveDateTime::MAX);
        let new = NewApiToken {
            name: name.clone(),
            expires,
            rights: rights.clone(),
            username: Some(username.clone()),
        };
        let token = api_token::create(unit, &new)?;
        Ok((new, token))
    });
    let (new, token) = made.await.map_err(say)?;
    let ends = moment(Some(new.expires));
    if json {
        let shown = json!({ "token": token, "name": new.name, "user": new.username, "ends": ends });
        return Ok(shown.to_string());
    }
    let ends = ends.as_str().unwrap_or_default();
    Ok(format!("made the token {}, which ends {ends} UTC and is not shown again: {token}", new.name))
}

/// Shows the tokens that go on, or those of one user, a line each.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn list_tokens(settings: Settings, username: Option<String>, json: bool) -> Result<String, String> {
    let module = present(settings)?;
    let found = operate(module.services(), move |unit| api_token::live(unit, username.as_deref()));
    let rows = found.await.map_err(say)?.into_iter().map(|(token, username)| {
        vec![
            json!(token.id),
            json!(username),
            json!(token.token_name),
            json!(token.rights()),
            moment(Some(token.date_created)),
            moment(Some(token.date_expires)),
            moment(token.date_used),
        ]
    });
    let columns = ["token", "user", "name", "rights", "made", "ends", "used"];
    Ok(Table::new(&columns, rows.collect()).text(json))
}

/// Ends tokens: all of them, or none.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn revoke_tokens(settings: Settings, ids: Vec<Uuid>) -> Result<String, String> {
    let module = present(settings)?;
    let count = ids.len();
    let ended = operate(module.services(), move |unit| api_token::revoke(unit, &ids));
    ended.await.map_err(|error| match error.code() {
        ErrorCode::NotFound => {
            format!("{} `tasks-management token list` shows which there are.", what_failed(&error))
        }
        _ => say(error),
    })?;
    Ok(format!("ended {count} tokens"))
}
