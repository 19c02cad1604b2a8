//! Tokens of programs: making, listing and revoking them. A token has some of its owner's rights, and never more than the
//! owner has at the moment of a request.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use super::authority::Authority;
use super::context::{ListScope, ServiceContext};
use super::identity::{named, refuse_hosts};
use super::security_log::note;
use super::unit_of_work::UnitOfWork;
use super::visibility;
use crate::auth::requester::Requester;
use crate::clock::new_random_id;
use crate::db;
use crate::domain::json::json;
use crate::domain::permission::check_rights;
use crate::domain::query::ListQuery;
use crate::domain::security_log::SecurityEvent;
use crate::domain::text::check_code;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::api_token::ApiToken;
use crate::model::slice::Slice;
use crate::model::user::User;

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewApiToken {
    /// What it is for.
    pub name: String,
    /// When it ends.
    pub expires: NaiveDateTime,
    /// The rights of the program.
    pub rights: Vec<i32>,
    /// The user in whose name the program asks; absent: the requester.
    pub username: Option<String>,
}

/// Makes a token; returns it, and never shows it again. For somebody else it takes the right to change users, and all of that
/// user's rights.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, LIMIT, or what the database says.
pub fn create(unit: &mut UnitOfWork<'_>, new: &NewApiToken) -> Result<String> {
    let owner = owner(unit, new.username.as_deref())?;
    check_code("name", &new.name)?;
    check_expiry(unit, new.expires)?;
    unit.check_list("rights", new.rights.len())?;
    let rights: BTreeSet<i32> = new.rights.iter().copied().collect();
    check_rights("rights", &rights)?;
    let held = super::identity::rights_of(unit.services, unit.connection, owner.id)?;
    if let Some(right) = rights.iter().find(|right| !held.have(&[**right])) {
        let message = Message::new("token-beyond-owner").with("right", i64::from(*right));
        return Err(Error::forbidden(message).of_field("rights"));
    }
    let (id, most) = (new_random_id(), unit.services.auth.tokens_per_user);
    if db::api_token::live(unit.connection, Some(owner.id), unit.now)?.len() >= most {
        let message = Message::new("too-many-tokens").with("max", most);
        return Err(Error::new(ErrorCode::Limit, message));
    }
    let (token, hash) = unit.services.tokens.new_api_token(id, owner.id)?;
    db::insert(
        unit.connection,
        &ApiToken {
            id,
            user_id: owner.id,
            refresh_hash: hash,
            date_created: unit.now,
            date_expires: new.expires,
            date_revoked: None,
            token_name: Some(new.name.clone()),
            token_rights: Some(json!(rights)),
            date_used: None,
        },
    )?;
    note(unit, SecurityEvent::TokenCreated, Some(owner.id), Some(&new.name))?;
    unit.touch_other("api_token", id);
    Ok(token)
}

/// Ends tokens: all of them, or none. Those of somebody else take what making them does.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, LIMIT, or what the database says.
pub fn revoke(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    refuse_hosts(unit.services)?;
    unit.requester.refuse_token()?;
    unit.check_list("ids", ids.len())?;
    for id in ids.iter().collect::<BTreeSet<_>>() {
        let unknown = || Error::not_found("ids", Message::new("no-token").with("id", id.to_string()));
        let token = db::get::<ApiToken>(unit.connection, *id)?.filter(|token| token.token_name.is_some());
        let token = token.ok_or_else(unknown)?;
        if token.user_id != unit.requester.id() {
            if !visibility::sees_personal_data(unit.requester, &unit.settings) {
                return Err(unknown());
            }
            let settings = Arc::clone(&unit.settings);
            let authority = Authority::of(unit, &settings.gql_user_update_perms)?;
            if let Some(owner) = db::get::<User>(unit.connection, token.user_id)? {
                authority.over_user(unit.connection, &owner)?;
            }
        }
        db::session::revoke(unit.connection, *id, unit.now)?;
        note(unit, SecurityEvent::TokenRevoked, Some(token.user_id), token.token_name.as_deref())?;
        unit.touch_other("api_token", *id);
    }
    Ok(())
}

/// Lists one's own tokens; for people who may list users, everybody's.
///
/// # Errors
/// VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
) -> Result<Slice<ApiToken>> {
    refuse_hosts(services)?;
    services.list(requester, query, ListScope::Root, visibility::api_tokens, db::list::<ApiToken>).await
}

/// The tokens that go on, of all users or of one, each with its user's name, for operators.
///
/// # Errors
/// NOT_FOUND, or what the database says.
pub fn live(unit: &mut UnitOfWork<'_>, username: Option<&str>) -> Result<Vec<(ApiToken, String)>> {
    let owner = username.map(|username| named(unit.connection, username)).transpose()?;
    let tokens = db::api_token::live(unit.connection, owner.map(|owner| owner.id), unit.now)?;
    let owners: BTreeSet<Uuid> = tokens.iter().map(|token| token.user_id).collect();
    let owners = db::get_many::<User>(unit.connection, &Vec::from_iter(owners))?;
    let name = |id: Uuid| owners.iter().find(|owner| owner.id == id).map(|owner| owner.username.clone());
    let with_name = |token: ApiToken| {
        let name = name(token.user_id).unwrap_or_default();
        (token, name)
    };
    Ok(tokens.into_iter().map(with_name).collect())
}

/// In whose name the program is to ask.
fn owner(unit: &mut UnitOfWork<'_>, username: Option<&str>) -> Result<User> {
    refuse_hosts(unit.services)?;
    unit.requester.refuse_token()?;
    match username.filter(|username| *username != unit.requester.user.username) {
        None => Ok(unit.requester.user.clone()),
        Some(username) => {
            let settings = Arc::clone(&unit.settings);
            let authority = Authority::of(unit, &settings.gql_user_update_perms)?;
            let owner = named(unit.connection, username)?;
            authority.over_user(unit.connection, &owner)?;
            if !owner.is_active {
                let message = Message::new("inactive-user").with("username", username);
                return Err(Error::new(ErrorCode::Conflict, message));
            }
            Ok(owner)
        }
    }
}

fn check_expiry(unit: &UnitOfWork<'_>, expires: NaiveDateTime) -> Result<()> {
    let days = unit.services.auth.token_days;
    if expires <= unit.now || expires > unit.now + TimeDelta::days(days) {
        let message = Message::new("token-expiry").with("days", days);
        return Err(Error::validation("expires", message));
    }
    Ok(())
}
