//! Logging in to the office, and knowing by a JWT who asks.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use diesel::prelude::*;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode, get_current_timestamp};
use serde::{Deserialize, Serialize};
use tasks_management::{HostKey as _, RequestId, Requester, Result};

use crate::office::Office;
use crate::tables::staff;

/// How long a token is valid, in seconds.
const VALID: u64 = 3600;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
}

#[derive(Deserialize)]
pub struct Credentials {
    username: String,
    password: String,
}

#[derive(Serialize)]
pub struct LoggedIn {
    token: String,
    /// The person's key in the module, by which votes are cast.
    id: String,
}

/// Gives a token to who knows the password. The table has passwords as they are; a real office keeps hashes.
pub async fn log_in(
    State(office): State<Office>,
    Json(given): Json<Credentials>,
) -> Result<Json<LoggedIn>, StatusCode> {
    let found = staff::table
        .filter(staff::username.eq(given.username).and(staff::password.eq(given.password)))
        .select(staff::id);
    let found = office.module.database().read(move |c| Ok(found.first::<i32>(c.postgres()?).optional()?));
    let key = found.await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?.ok_or(StatusCode::UNAUTHORIZED)?;
    let claims = Claims { sub: key.to_string(), exp: get_current_timestamp() + VALID };
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(office.secret.as_bytes()));
    let (token, id) = token.ok().zip(key.id().ok()).ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(LoggedIn { token, id: id.to_string() }))
}

/// Who has this token.
pub async fn bearer(office: &Office, token: &str) -> Result<Arc<Requester>, StatusCode> {
    let key = DecodingKey::from_secret(office.secret.as_bytes());
    let token = decode::<Claims>(token, &key, &Validation::default()).ok();
    let key = token.and_then(|token| token.claims.sub.parse::<i32>().ok());
    let id = key.and_then(|key| key.id().ok()).ok_or(StatusCode::UNAUTHORIZED)?;
    office.module.requester_by_id(id).await.map_err(|error| {
        if error.is_internal() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::UNAUTHORIZED }
    })
}

/// Puts who asks and the id of the request among the request's extensions. A stranger goes on too: resolvers refuse strangers.
pub async fn identify(
    State(office): State<Office>,
    mut request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let [authorization, id] = ["authorization", "x-request-id"]
        .map(|name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned));
    if let Some(token) = authorization.as_deref().and_then(|value| value.strip_prefix("Bearer ")) {
        let requester = bearer(&office, token).await?;
        request.extensions_mut().insert(requester);
    }
    if let Some(id) = id {
        request.extensions_mut().insert(RequestId(id));
    }
    Ok(next.run(request).await)
}
