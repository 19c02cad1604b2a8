//! The cookies of a session.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::config::HttpSettings;
use crate::graphql::protocol::context::{Cookies, Effect};

/// The cookie that holds the access token. The front end relies on this name.
const ACCESS: &str = "JWT";

/// The cookie that holds the refresh token.
const REFRESH: &str = "JWT-refresh-token";

/// Holds what the device is known by: no right to anything, so it stays when somebody logs out.
const DEVICE: &str = "tasks-device";

/// As long as browsers keep a cookie at most.
const DEVICE_LASTS: i64 = 400 * 24 * 3_600;

/// Browsers keep cookies whose names begin like this only if this very host has set them over https.
const HOST: &str = "__Host-";

/// The tokens in the cookies of a request.
#[must_use]
pub fn read(headers: &HeaderMap, settings: &HttpSettings) -> Cookies {
    let mut cookies = Cookies::default();
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    for (name, value) in
        pairs.flat_map(|pairs| pairs.split(';')).filter_map(|pair| pair.trim().split_once('='))
    {
        let Some(name) = name.strip_prefix(prefix(settings)) else { continue };
        let value = Some(value.trim_matches('"')).filter(|value| !value.is_empty()).map(str::to_owned);
        match name {
            ACCESS => cookies.access = cookies.access.or(value),
            REFRESH => cookies.refresh = cookies.refresh.or(value),
            DEVICE => cookies.device = cookies.device.or(value),
            _ => {}
        }
    }
    cookies
}

/// Adds the headers that set or clear the browser's cookies.
pub fn write(headers: &mut HeaderMap, effects: &[Effect], https: bool, settings: &HttpSettings) {
    let prefix = prefix(settings);
    let secure = if https || settings.host_cookies { "; Secure" } else { "" };
    let mut set = |name: &str, value: &str, max_age: i64| {
        let cookie =
            format!("{prefix}{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, value);
        }
    };
    for effect in effects {
        match effect {
            // The access cookie outlives its token, so that a browser that comes back later can refresh by it.
            Effect::SetCookies(granted) => {
                set(ACCESS, &granted.token, granted.session_lasts);
                if let Some(refresh) = &granted.refresh_token {
                    set(REFRESH, refresh, granted.session_lasts);
                }
                if let Some(device) = &granted.device {
                    set(DEVICE, device, DEVICE_LASTS);
                }
            }
            Effect::ClearAccess => set(ACCESS, "", 0),
            Effect::ClearRefresh => set(REFRESH, "", 0),
            Effect::Unauthenticated => {}
        }
    }
}

const fn prefix(settings: &HttpSettings) -> &'static str {
    if settings.host_cookies { HOST } else { "" }
}
