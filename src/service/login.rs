//! Logging in and out: sessions, their tokens, and the throttling of failed logins.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use super::context::ServiceContext;
use super::identity::{acting, acting_by_id, complete, refuse_hosts};
use super::password;
use super::security_log;
use crate::auth::password::Verdict;
use crate::auth::requester::Requester;
use crate::auth::token::{Claims, new_refresh_token, refresh_hash};
use crate::clock::new_random_id;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::permission::Rights;
use crate::domain::security_log::SecurityEvent;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::session::Session;
use crate::model::user::User;

mod attempt;

use attempt::{Attempt, Counted, count_for_change};

/// The tokens that a login or a refresh gives.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The access token.
    pub token: String,
    /// The claims of the access token.
    pub claims: Claims,
    /// The refresh token; none after a refresh, because it stays the same.
    pub refresh_token: Option<String>,
    /// What the device is known by from now on; none after a refresh likewise.
    pub device: Option<String>,
    /// When the session ends, in seconds since 1970.
    pub session_expires: i64,
    /// How many seconds the session lasts from now.
    pub session_lasts: i64,
}

/// The requester with this access token, with present rights; none for tokens that are forged or have expired, and for
/// sessions that were ended on any server.
pub async fn requester(
    services: &Arc<ServiceContext>,
    token: &str,
    by_cookie: bool,
) -> Result<Option<Requester>> {
    if services.users.is_hosts() {
        return Ok(None);
    }
    let now = services.clock.now();
    let (id, hash) = match services.tokens.read(token, now) {
        Some(claims) => (claims.jti, None),
        // A foreign page can make a browser send cookies, and a program needs none.
        None if by_cookie => return Ok(None),
        None => match services.tokens.api_token(token) {
            Some(token) => (token.id, Some(token.hash)),
            None => return Ok(None),
        },
    };
    let is_program = hash.is_some();
    let found = services
        .read(move |services, connection| {
            let Some(found) = db::session::requester(connection, id, hash.as_deref(), now)? else {
                return Ok(None);
            };
            let rights = complete(services, connection, found.rights)?;
            let rights = match found.token_rights {
                // Some of its owner's rights, whatever these are: they make no superuser.
                Some(numbers) => Rights::of(numbers).within(&rights),
                None => rights,
            };
            Ok(Some((found.user, rights, found.date_used)))
        })
        .await?;
    Ok(found.map(|(user, rights, date_used)| {
        if is_program {
            note_use(services, id, date_used);
        }
        let mut found = Requester::new(user, rights, Some(id));
        found.is_program = is_program;
        found
    }))
}

/// Notes, beside the request, that a token is used, once a minute.
fn note_use(services: &Arc<ServiceContext>, id: Uuid, noted: Option<NaiveDateTime>) {
    const PAUSE: TimeDelta = TimeDelta::seconds(60);
    let now = services.clock.now();
    if noted.is_some_and(|noted| noted > now - PAUSE) {
        return;
    }
    let services = Arc::clone(services);
    tokio::spawn(async move {
        let note =
            move |connection: &mut DbConnection| db::api_token::note_use(connection, id, now - PAUSE, now);
        if let Err(error) = services.db.write(note).await {
            tracing::debug!(%error, "the use of a token is not noted");
        }
    });
}

/// The active person of this name: for calls from Rust and from the command line.
///
/// # Errors
/// NOT_FOUND, or an error of the host.
pub async fn requester_by_name(services: &Arc<ServiceContext>, username: String) -> Result<Requester> {
    services
        .read(move |services, connection| {
            let user = services.users.by_username(connection, &username)?;
            let message = Message::new("no-such-user").with("username", username);
            acting(services, connection, user)?.ok_or_else(|| Error::not_found("username", message))
        })
        .await
}

/// The active person with this key, for hosts that know who the requester is.
///
/// # Errors
/// NOT_FOUND, or an error of the host.
pub async fn requester_by_id(services: &Arc<ServiceContext>, id: Uuid) -> Result<Requester> {
    services.users.ahead(&[id]).await?;
    services
        .read(move |services, connection| {
            let message = Message::new("unknown-user").with("id", id.to_string());
            acting_by_id(services, connection, id)?.ok_or_else(|| Error::not_found("id", message))
        })
        .await
}

/// The same person with rights as they are now, unless that was looked up so lately; none for one who may not act any more, or
/// whose session has ended.
pub async fn present(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    within: Duration,
) -> Result<Option<Arc<Requester>>> {
    if requester.is_fresh(within) {
        return Ok(Some(Arc::clone(requester)));
    }
    let (id, session_id) = (requester.id(), requester.session_id);
    services.users.ahead(&[id]).await?;
    let (asking, now) = (Arc::clone(requester), services.clock.now());
    let found = services.read(move |services, connection| {
        let Some(mut found) = acting_by_id(services, connection, id)? else { return Ok(None) };
        let goes_on = match session_id {
            Some(session_id) => db::session::live(connection, session_id, now)?.is_some(),
            // A host's person, or the account of a function.
            None => true,
        };
        if !goes_on {
            return Ok(None);
        }
        if asking.is_program {
            found.rights = asking.rights.within(&found.rights);
            found.is_program = true;
        }
        found.session_id = session_id;
        Ok(Some(found))
    });
    Ok(found.await?.map(Arc::new))
}

/// Begins a session. Takes as long for an unknown name as for a wrong password. Failures are counted as [`attempt`] says;
/// `device` is what the cookie of the device holds.
///
/// # Errors
/// UNAUTHENTICATED for wrong credentials, LIMIT after too many of them.
pub async fn log_in(
    services: &Arc<ServiceContext>,
    username: String,
    password: String,
    address: Option<IpAddr>,
    device: Option<&str>,
) -> Result<Granted> {
    refuse_hosts(services)?;
    // No stored name is longer, so the rest of a longer name is ignored. None holds a NUL, which a database may not take, or what stands
    // for it here.
    let username: String =
        username.chars().take(256).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect();
    let attempt = Attempt::new(services, &username, address, device);
    let ticket = attempt.ticket(services)?;
    let (known, counted) = services
        .db
        .write({
            let (services, attempt, username) = (Arc::clone(services), attempt.clone(), username.clone());
            move |connection| {
                let counted = attempt.count(&services, connection, services.clock.now())?;
                Ok((db::user::by_username(connection, &username)?, counted))
            }
        })
        .await?;
    // Nothing is held meanwhile that others need.
    if !counted.delay.is_zero() {
        tokio::time::sleep(counted.delay).await;
    }
    let known_id = known.as_ref().map(|(user, _)| user.id);
    let (user, kept) = known.filter(|(user, _)| user.is_active).unzip();
    let hashing = {
        let services = Arc::clone(services);
        move || {
            let verdict = services.passwords.verify(&password, kept.as_deref());
            let rehashed = match verdict {
                Verdict::RightButOutdated => Some(services.passwords.hash(&password)?),
                _ => None,
            };
            Ok((verdict, rehashed))
        }
    };
    let (verdict, rehashed) = ticket.during(hashing).await?;
    let (Some(user), Verdict::Right | Verdict::RightButOutdated) = (user, verdict) else {
        metrics::counter!("tasks_logins_total", "result" => "refused").increment(1);
        let refused = attempt.refused(known_id, services.clock.now());
        services.db.write(refused).await?;
        return Err(Error::new(ErrorCode::Unauthenticated, Message::new("incorrect-credentials")));
    };
    metrics::counter!("tasks_logins_total", "result" => "granted").increment(1);
    let device = services.tokens.device(device, &username);
    begin(services, user, rehashed, attempt, counted, device).await
}

/// Issues a new access token for a session that goes on, by its refresh token or by one of its access tokens.
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
    grant(services, &user, &session, None, None, now)
}

/// The claims of an access token, if it is valid and its session goes on.
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

/// Ends the session of this refresh or access token; returns when, in seconds since 1970.
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
/// VALIDATION for a wrong old password or a weak new one, LIMIT after too many wrong ones.
pub async fn change_password(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    old: String,
    new: String,
) -> Result<()> {
    refuse_hosts(services)?;
    requester.refuse_token()?;
    password::check(services, "newPassword", &new, &requester.user)?;
    let now = services.clock.now();
    let key = format!("password:{}", requester.id());
    let ticket = password::own_ticket(services, requester)?;
    let known = services
        .db
        .write({
            let (services, username, key) =
                (Arc::clone(services), requester.user.username.clone(), key.clone());
            move |connection| {
                count_for_change(&services, connection, &key, now)?;
                db::user::by_username(connection, &username)
            }
        })
        .await?;
    let hashing = {
        let services = Arc::clone(services);
        move || {
            let kept = known.map(|(_, hash)| hash);
            if services.passwords.verify(&old, kept.as_deref()) == Verdict::Wrong {
                return Err(Error::validation("oldPassword", Message::new("wrong-password")));
            }
            services.passwords.hash(&new)
        }
    };
    let hash = ticket.during(hashing).await?;
    let (id, session_id) = (requester.id(), requester.session_id);
    services
        .db
        .write(move |connection| {
            db::login_failure::clear(connection, &key)?;
            db::user::set_password(connection, id, &hash, now)?;
            let by = Some(id);
            security_log::write(connection, now, SecurityEvent::PasswordSet, by, by, (None, None))?;
            db::session::revoke_others(connection, id, session_id, now)
        })
        .await
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
    attempt: Attempt,
    counted: Counted,
    device: String,
) -> Result<Granted> {
    let now = services.clock.now();
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
            let (services, session) = (Arc::clone(services), session.clone());
            move |connection| {
                attempt.forgive(&services, connection, &counted, now)?;
                if let Some(hash) = &rehashed {
                    db::user::set_password(connection, session.user_id, hash, now)?;
                }
                db::user::set_last_login(connection, session.user_id, now)?;
                let from = (attempt.network_text(), None);
                let by = Some(session.user_id);
                security_log::write(connection, now, SecurityEvent::Login, by, by, from)?;
                db::insert(connection, &session)?;
                db::session::revoke_oldest(connection, session.user_id, most, now)
            }
        })
        .await?;
    grant(services, &user, &session, Some(refresh_token), Some(device), now)
}

fn grant(
    services: &ServiceContext,
    user: &User,
    session: &Session,
    refresh_token: Option<String>,
    device: Option<String>,
    now: NaiveDateTime,
) -> Result<Granted> {
    let (token, claims) = services.tokens.sign(&user.username, session.id, session.date_created, now)?;
    Ok(Granted {
        token,
        claims,
        refresh_token,
        device,
        session_expires: session.date_expires.and_utc().timestamp(),
        session_lasts: (session.date_expires - now).num_seconds(),
    })
}
