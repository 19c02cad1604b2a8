//! Logging in and out: sessions, their tokens, and the throttling of failed logins.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use super::context::ServiceContext;
use crate::auth::password::{LONGEST, Verdict};
use crate::auth::requester::Requester;
use crate::auth::token::{Claims, new_refresh_token, refresh_hash};
use crate::clock::new_random_id;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::permission::Rights;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::session::Session;
use crate::model::user::User;

/// What a login or a refresh gives.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The access token.
    pub token: String,
    /// What it says.
    pub claims: Claims,
    /// The refresh token; none after a refresh, as it stays the same.
    pub refresh_token: Option<String>,
    /// When the session ends, in seconds since 1970.
    pub session_expires: i64,
    /// How many seconds the session lasts from now.
    pub session_lasts: i64,
}

/// The person with this access token, with rights as they are now; none for tokens that are forged or have ended, and
/// for sessions that were ended on any server.
///
/// # Errors
/// What the database says.
pub async fn requester(services: &Arc<ServiceContext>, token: &str) -> Result<Option<Requester>> {
    if services.users.is_hosts() {
        return Ok(None);
    }
    let Some(claims) = services.tokens.read(token, services.clock.now()) else {
        return Ok(None);
    };
    services
        .read(move |services, connection| {
            let Some((session, user)) = live(connection, claims.jti, services.clock.now())? else {
                return Ok(None);
            };
            let rights = rights_of(services, connection, user.id)?;
            Ok(Some(Requester { user, rights, session_id: Some(session.id) }))
        })
        .await
}

/// The active person of this name: for calls from Rust and from the command line.
///
/// # Errors
/// NOT_FOUND, or what the host or the database says.
pub async fn requester_by_name(services: &Arc<ServiceContext>, username: String) -> Result<Requester> {
    services
        .read(move |services, connection| {
            let user = services.users.by_username(connection, &username)?;
            let message = Message::new("no-such-user").with("username", username);
            acting(services, connection, user)?.ok_or_else(|| Error::not_found("username", message))
        })
        .await
}

/// The active person with this key: for hosts that know who asks.
///
/// # Errors
/// NOT_FOUND, or what the host or the database says.
pub async fn requester_by_id(services: &Arc<ServiceContext>, id: Uuid) -> Result<Requester> {
    services
        .read(move |services, connection| {
            let message = Message::new("unknown-user").with("id", id.to_string());
            acting_by_id(services, connection, id)?.ok_or_else(|| Error::not_found("id", message))
        })
        .await
}

/// The person with this key, with rights as they are now; none for one who may not act any more.
pub(super) fn acting_by_id(
    services: &ServiceContext,
    connection: &mut DbConnection,
    id: Uuid,
) -> Result<Option<Requester>> {
    let user = services.users.by_ids(connection, &[id])?.pop();
    acting(services, connection, user)
}

/// Somebody who acts without a session, unless they may not act any more.
fn acting(
    services: &ServiceContext,
    connection: &mut DbConnection,
    user: Option<User>,
) -> Result<Option<Requester>> {
    let Some(user) = user.filter(|user| user.is_active) else {
        return Ok(None);
    };
    let rights = rights_of(services, connection, user.id)?;
    Ok(Some(Requester { user, rights, session_id: None }))
}

/// Begins a session. Takes as long for an unknown name as for a wrong password, and counts failures for each name and
/// each address.
///
/// # Errors
/// UNAUTHENTICATED for wrong credentials, LIMIT after too many of them, or what the database says.
pub async fn log_in(
    services: &Arc<ServiceContext>,
    username: String,
    password: String,
    address: Option<IpAddr>,
) -> Result<Granted> {
    refuse_hosts(services)?;
    // No kept name is longer, so a longer one is not worth counting.
    let username: String = username.chars().take(256).filter(|c| *c != '\0').collect();
    let keys = [Some(format!("user:{username}")), address.map(|address| format!("address:{address}"))];
    let keys: Vec<String> = keys.into_iter().flatten().collect();
    let now = services.clock.now();

    let place = Arc::clone(&services.hashing).acquire_owned().await.map_err(Error::internal)?;
    let known = known(services, username, keys.clone(), now).await?.filter(|(user, _)| user.is_active);
    let verdict = verify(services, password.clone(), known.as_ref().map(|(_, hash)| hash.clone())).await?;
    let (Some((user, _)), Verdict::Right | Verdict::RightButOutdated) = (known, verdict) else {
        metrics::counter!("tasks_logins_total", "result" => "refused").increment(1);
        return Err(Error::new(ErrorCode::Unauthenticated, Message::new("incorrect-credentials")));
    };
    let rehashed = match verdict {
        Verdict::RightButOutdated => Some(hash(services, password).await?),
        _ => None,
    };
    drop(place);
    metrics::counter!("tasks_logins_total", "result" => "granted").increment(1);
    begin(services, user, rehashed, keys, now).await
}

/// A new access token for a session that goes on, by its refresh token or by an access token of it.
///
/// # Errors
/// UNAUTHENTICATED, or what the database says.
pub async fn refresh(services: &Arc<ServiceContext>, token: Option<String>) -> Result<Granted> {
    refuse_hosts(services)?;
    let token = token.ok_or_else(no_session)?;
    let now = services.clock.now();
    let claims = services.tokens.read(&token, now);
    let (session, user) = services
        .read(move |_, connection| {
            let id = match claims {
                Some(claims) => Some(claims.jti),
                None => db::session::live_by_refresh(connection, &refresh_hash(&token), now)?
                    .map(|found| found.id),
            };
            match id {
                Some(id) => live(connection, id, now),
                None => Ok(None),
            }
        })
        .await?
        .ok_or_else(no_session)?;
    grant(services, &user, &session, None, now)
}

/// What an access token says, if it is ours and its session goes on.
///
/// # Errors
/// UNAUTHENTICATED, or what the database says.
pub async fn verify_token(services: &Arc<ServiceContext>, token: Option<String>) -> Result<Claims> {
    let now = services.clock.now();
    let claims = token.and_then(|token| services.tokens.read(&token, now)).ok_or_else(no_session)?;
    let id = claims.jti;
    let live = services.read(move |_, connection| live(connection, id, now)).await?;
    live.map(|_| claims).ok_or_else(no_session)
}

/// Ends the session of this refresh or access token; answers when, in seconds since 1970.
///
/// # Errors
/// UNAUTHENTICATED, or what the database says.
pub async fn revoke(services: &Arc<ServiceContext>, token: Option<String>) -> Result<i64> {
    let token = token.ok_or_else(no_session)?;
    let now = services.clock.now();
    let claims = services.tokens.read(&token, now);
    let ended = services
        .db
        .write(move |connection| {
            let id = match &claims {
                Some(claims) => Some(claims.jti),
                None => db::session::live_by_refresh(connection, &refresh_hash(&token), now)?
                    .map(|found| found.id),
            };
            let Some(id) = id else { return Ok(false) };
            db::session::revoke(connection, id, now)?;
            Ok(true)
        })
        .await?;
    if ended { Ok(now.and_utc().timestamp()) } else { Err(no_session()) }
}

/// Changes the requester's own password; the requester's other sessions end.
///
/// # Errors
/// VALIDATION for a wrong old or a weak new one, LIMIT after too many wrong ones, or what the database says.
pub async fn change_password(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    old: String,
    new: String,
) -> Result<()> {
    refuse_hosts(services)?;
    check_new_password(services, &new)?;
    let now = services.clock.now();
    let username = requester.user.username.clone();
    let keys = vec![format!("user:{username}")];
    let place = Arc::clone(&services.hashing).acquire_owned().await.map_err(Error::internal)?;
    let known = known(services, username, keys.clone(), now).await?;
    if verify(services, old, known.map(|(_, hash)| hash)).await? == Verdict::Wrong {
        return Err(Error::validation("oldPassword", Message::new("wrong-password")));
    }
    let hash = hash(services, new).await?;
    drop(place);
    let (id, session_id) = (requester.id(), requester.session_id);
    services
        .db
        .write(move |connection| {
            forgive(connection, &keys)?;
            db::user::set_password(connection, id, &hash, now)?;
            db::session::revoke_others(connection, id, session_id, now)
        })
        .await
}

/// Refuses to log in, change or add people who are a host's.
///
/// # Errors
/// FORBIDDEN.
pub(super) fn refuse_hosts(services: &ServiceContext) -> Result<()> {
    if services.users.is_hosts() {
        return Err(Error::forbidden(Message::new("users-are-the-hosts")));
    }
    Ok(())
}

/// Refuses passwords that are too short or too long.
pub(super) fn check_new_password(services: &ServiceContext, password: &str) -> Result<()> {
    let min = services.auth.password_min_length;
    if password.chars().count() < min || password.len() > LONGEST {
        let message = Message::new("password-length").with("min", min).with("max", LONGEST);
        return Err(Error::validation("newPassword", message));
    }
    Ok(())
}

/// What a user may do. Front ends go by the numbers, so a superuser, who may do everything, is given them all.
pub(super) fn rights_of(
    services: &ServiceContext,
    connection: &mut DbConnection,
    user_id: Uuid,
) -> Result<Rights> {
    let mut rights = services.users.rights(connection, user_id)?;
    if rights.is_superuser {
        rights.numbers.extend(services.settings.current(connection, services.clock.now())?.all_rights());
    }
    Ok(rights)
}

fn no_session() -> Error {
    Error::new(ErrorCode::Unauthenticated, Message::new("no-session"))
}

/// The session, if it goes on and its user may still log in.
fn live(connection: &mut DbConnection, id: Uuid, now: NaiveDateTime) -> Result<Option<(Session, User)>> {
    let Some(session) = db::session::live(connection, id, now)? else {
        return Ok(None);
    };
    let user = db::get::<User>(connection, session.user_id)?.filter(|user| user.is_active);
    Ok(user.map(|user| (session, user)))
}

async fn begin(
    services: &Arc<ServiceContext>,
    user: User,
    rehashed: Option<String>,
    keys: Vec<String>,
    now: NaiveDateTime,
) -> Result<Granted> {
    let (refresh_token, most) = (new_refresh_token(), services.auth.sessions_per_user);
    let session = Session {
        id: new_random_id(),
        user_id: user.id,
        refresh_hash: refresh_hash(&refresh_token),
        date_created: now,
        date_expires: now + TimeDelta::seconds(services.auth.session_s),
        date_revoked: None,
    };
    services
        .db
        .write({
            let session = session.clone();
            move |connection| {
                forgive(connection, &keys)?;
                if let Some(hash) = &rehashed {
                    db::user::set_password(connection, session.user_id, hash, now)?;
                }
                db::user::set_last_login(connection, session.user_id, now)?;
                db::insert(connection, &session)?;
                db::session::revoke_oldest(connection, session.user_id, most, now)
            }
        })
        .await?;
    grant(services, &user, &session, Some(refresh_token), now)
}

fn grant(
    services: &ServiceContext,
    user: &User,
    session: &Session,
    refresh_token: Option<String>,
    now: NaiveDateTime,
) -> Result<Granted> {
    let (token, claims) = services.tokens.sign(&user.username, session.id, session.date_created, now)?;
    Ok(Granted {
        token,
        claims,
        refresh_token,
        session_expires: session.date_expires.and_utc().timestamp(),
        session_lasts: (session.date_expires - now).num_seconds(),
    })
}

/// The user of this name with the kept hash. A failure is counted beforehand under each key, and forgiven if there is none;
/// a key that has had too many refuses, and what is refused is not counted. Counting locks the key, so that of many tries at
/// once each sees those before it; the caller holds a place, so that right ones under way are never many.
async fn known(
    services: &Arc<ServiceContext>,
    username: String,
    keys: Vec<String>,
    now: NaiveDateTime,
) -> Result<Option<(User, String)>> {
    services
        .db
        .write({
            let services = Arc::clone(services);
            move |connection| {
                count_failure(&services, connection, &keys, now)?;
                db::user::by_username(connection, &username)
            }
        })
        .await
}

fn count_failure(
    services: &ServiceContext,
    connection: &mut DbConnection,
    keys: &[String],
    now: NaiveDateTime,
) -> Result<()> {
    let since = now - TimeDelta::seconds(services.auth.failure_window_s);
    for key in keys {
        let by_user = key.starts_with("user:");
        let most = if by_user { services.auth.failures_per_user } else { services.auth.failures_per_address };
        db::login_failure::add(connection, key, now, since)?;
        if let Some((failures, first)) = db::login_failure::get(connection, key, since)?
            && failures > most
        {
            let wait = (first - since).num_seconds().max(1);
            metrics::counter!("tasks_logins_total", "result" => "throttled").increment(1);
            return Err(Error::new(ErrorCode::Limit, Message::new("too-many-logins").with("seconds", wait)));
        }
    }
    Ok(())
}

/// Takes back the failure that was counted beforehand: all of the name's, the one of the address.
fn forgive(connection: &mut DbConnection, keys: &[String]) -> Result<()> {
    for key in keys {
        if key.starts_with("user:") {
            db::login_failure::clear(connection, key)?;
        } else {
            db::login_failure::subtract(connection, key)?;
        }
    }
    Ok(())
}

/// Hashes are made and checked where that may take its time; the caller holds a place.
async fn verify(services: &Arc<ServiceContext>, password: String, kept: Option<String>) -> Result<Verdict> {
    let services = Arc::clone(services);
    blocking(move || Ok(services.passwords.verify(&password, kept.as_deref()))).await
}

async fn hash(services: &Arc<ServiceContext>, password: String) -> Result<String> {
    let services = Arc::clone(services);
    blocking(move || services.passwords.hash(&password)).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
