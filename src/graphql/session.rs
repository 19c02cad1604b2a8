//! Logging in, renewing sessions, and logging out.

use async_graphql::{Context, Object, SimpleObject};

use crate::auth::token::Claims;
use crate::clock::new_random_id;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::context::{Effect, request};
use crate::graphql::protocol::scalars::GenericScalar;
use crate::service::login::{self, Granted};

/// The answer when a session has begun.
#[derive(SimpleObject)]
pub struct OpenimisObtainJSONWebToken {
    /// The claims of the token.
    payload: GenericScalar,
    /// When the session ends, in seconds since 1970.
    refresh_expires_in: i64,
    /// The access token.
    token: String,
}

/// The answer when a session goes on.
#[derive(SimpleObject)]
#[expect(clippy::struct_field_names, reason = "the names are the interface's")]
pub struct Refresh {
    /// The claims of the token.
    payload: GenericScalar,
    /// When the session ends, in seconds since 1970.
    refresh_expires_in: i64,
    /// The access token.
    token: String,
}

/// The answer for a valid token.
#[derive(SimpleObject)]
pub struct Verify {
    /// The claims of the token.
    payload: GenericScalar,
}

/// The answer when a session has ended.
#[derive(SimpleObject)]
pub struct Revoke {
    /// When the session ended, in seconds since 1970.
    revoked: i64,
}

/// The answer when the cookie was cleared.
#[derive(SimpleObject)]
pub struct DeleteJSONWebTokenCookie {
    deleted: bool,
}

/// The answer when the cookie was cleared.
#[derive(SimpleObject)]
pub struct DeleteRefreshTokenCookie {
    deleted: bool,
}

/// The token that mutations by cookie need in `X-CSRFToken`.
#[derive(SimpleObject)]
pub struct GetCsrfTokenMutation {
    csrf_token: Option<String>,
}

/// Logging in, renewing sessions, and logging out.
#[derive(Default)]
pub struct SessionMutations;

#[Object]
impl SessionMutations {
    /// Begins a session: sets its cookies and returns its token.
    async fn token_auth(
        &self,
        ctx: &Context<'_>,
        username: String,
        #[graphql(secret)] password: String,
    ) -> Result<Option<OpenimisObtainJSONWebToken>> {
        let context = request(ctx)?;
        let device = context.call.cookies.device.as_deref();
        let granted =
            login::log_in(&context.services, username, password, context.call.address, device).await?;
        let answer = OpenimisObtainJSONWebToken {
            payload: payload(&granted.claims)?,
            refresh_expires_in: granted.session_expires,
            token: granted.token.clone(),
        };
        context.effect(Effect::SetCookies(Box::new(granted)));
        Ok(Some(answer))
    }

    /// The claims of a token, if it is valid and its session goes on. Without a token, the cookie's is taken.
    async fn verify_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret)] token: Option<String>,
    ) -> Result<Option<Verify>> {
        let context = request(ctx)?;
        let token = token.or_else(|| context.call.cookies.access.clone());
        let claims = login::verify_token(&context.services, token).await?;
        Ok(Some(Verify { payload: payload(&claims)? }))
    }

    /// Issues a new access token, by the cookies or by a token.
    async fn refresh_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret)] token: Option<String>,
    ) -> Result<Option<Refresh>> {
        let context = request(ctx)?;
        let cookies = &context.call.cookies;
        let token = token.or_else(|| cookies.refresh.clone()).or_else(|| cookies.access.clone());
        let granted = match login::refresh(&context.services, token).await {
            Ok(granted) => granted,
            Err(error) => return Err(ended(ctx, error)?),
        };
        let answer = refreshed(&granted)?;
        context.effect(Effect::SetCookies(Box::new(granted)));
        Ok(Some(answer))
    }

    /// Ends the session of a refresh token on every server. Without a token, the cookie's is taken.
    async fn revoke_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret)] refresh_token: Option<String>,
    ) -> Result<Option<Revoke>> {
        let context = request(ctx)?;
        let token = refresh_token.or_else(|| context.call.cookies.refresh.clone());
        let revoked = login::revoke(&context.services, token).await?;
        Ok(Some(Revoke { revoked }))
    }

    /// Logs out: the session of the cookie ends on every server.
    async fn delete_token_cookie(&self, ctx: &Context<'_>) -> Result<Option<DeleteJSONWebTokenCookie>> {
        let context = request(ctx)?;
        end(ctx, context.call.cookies.access.clone()).await?;
        context.effect(Effect::ClearAccess);
        Ok(Some(DeleteJSONWebTokenCookie { deleted: context.call.cookies.access.is_some() }))
    }

    /// Logs out: the session of the refresh cookie ends on every server.
    async fn delete_refresh_token_cookie(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<DeleteRefreshTokenCookie>> {
        let context = request(ctx)?;
        end(ctx, context.call.cookies.refresh.clone()).await?;
        context.effect(Effect::ClearRefresh);
        Ok(Some(DeleteRefreshTokenCookie { deleted: context.call.cookies.refresh.is_some() }))
    }

    /// The session's token for `X-CSRFToken`. Strangers may ask too, but get a token that is never valid.
    async fn get_csrf_token(&self, ctx: &Context<'_>) -> Result<Option<GetCsrfTokenMutation>> {
        let context = request(ctx)?;
        let session = context.requester().ok().and_then(|requester| requester.session_id);
        let csrf_token = context.services.tokens.csrf(session.unwrap_or_else(new_random_id));
        Ok(Some(GetCsrfTokenMutation { csrf_token: Some(csrf_token) }))
    }
}

fn refreshed(granted: &Granted) -> Result<Refresh> {
    Ok(Refresh {
        payload: payload(&granted.claims)?,
        refresh_expires_in: granted.session_expires,
        token: granted.token.clone(),
    })
}

fn payload(claims: &Claims) -> Result<GenericScalar> {
    let json = serde_json::to_value(claims).map_err(Error::internal)?;
    async_graphql::Value::from_json(json).map(GenericScalar).map_err(Error::internal)
}

/// Notes that the HTTP status is to say that the session has ended, because the front end looks at that.
fn ended(ctx: &Context<'_>, error: Error) -> Result<Error> {
    if error.code() == ErrorCode::Unauthenticated {
        request(ctx)?.effect(Effect::Unauthenticated);
    }
    Ok(error)
}

/// Ends the session, if there is one.
async fn end(ctx: &Context<'_>, token: Option<String>) -> Result<()> {
    match login::revoke(&request(ctx)?.services, token).await {
        Err(error) if error.code() != ErrorCode::Unauthenticated => Err(error),
        _ => Ok(()),
    }
}
