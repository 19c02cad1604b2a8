//! The cookies of a session.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::graphql::protocol::context::{Cookies, Effect};

/// Holds the access token; the front end goes by this name.
const ACCESS: &str = "JWT";

/// Holds the refresh token.
const REFRESH: &str = "JWT-refresh-token";

/// The tokens in the cookies of a request.
#[must_use]
pub fn read(headers: &HeaderMap) -> Cookies {
    let mut cookies = Cookies::default();
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    for (name, value) in
        pairs.flat_map(|pairs| pairs.split(';')).filter_map(|pair| pair.trim().split_once('='))
    {
        let value = Some(value.trim_matches('"')).filter(|value| !value.is_empty()).map(str::to_owned);
        match name {
            ACCESS => cookies.access = cookies.access.or(value),
            REFRESH => cookies.refresh = cookies.refresh.or(value),
            _ => {}
        }
    }
    cookies
}

/// Adds to the headers of an answer what it does to the browser's cookies.
pub fn write(headers: &mut HeaderMap, effects: &[Effect], secure: bool) {
    let mut set = |name: &str, value: &str, max_age: i64| {
        let secure = if secure { "; Secure" } else { "" };
        let cookie = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, value);
        }
    };
    for effect in effects {
        match effect {
            // The access cookie outlives its token: a browser that comes back later refreshes by it.
            Effect::SetCookies(granted) => {
                set(ACCESS, &granted.token, granted.session_lasts);
                if let Some(refresh) = &granted.refresh_token {
                    set(REFRESH, refresh, granted.session_lasts);
                }
            }
            Effect::ClearAccess => set(ACCESS, "", 0),
            Effect::ClearRefresh => set(REFRESH, "", 0),
            Effect::Unauthenticated => {}
        }
    }
}
