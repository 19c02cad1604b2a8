use axum::Json;
use axum::http::Uri;
use axum::response::AppendHeaders;

use super::*;

/// Answers with what it got; `/set` sets a cookie and `/clear` clears it.
fn echo() -> Router {
    Router::new().fallback(|uri: Uri, headers: HeaderMap, body: String| async move {
        let cookie = match uri.path() {
            "/set" => Some("a=1; Path=/; HttpOnly"),
            "/clear" => Some("a=1; Max-Age=0"),
            _ => None,
        };
        let header =
            |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), json!(value.to_str().ok()));
        let seen: serde_json::Map<_, _> = headers.iter().map(header).collect();
        let set = cookie.map(|cookie| AppendHeaders([(header::SET_COOKIE, cookie)]));
        (set, Json(json!({"headers": seen, "body": body})))
    })
}

async fn get(session: &mut Session, path: &str, headers: Value) -> Reply {
    let request = json!({"method": "GET", "path": path, "body": " as it is ", "headers": headers});
    let request = serde_json::from_value(request).expect("the test's request is well formed");
    session.send(&request).await.expect("the echo answers everything")
}

#[tokio::test]
async fn requests_look_like_the_front_ends() {
    let mut session = Session::stranger(echo());
    let reply = get(&mut session, "/", json!({"X-CSRFToken": "mine", "x-requested-with": null})).await;
    let headers = json!({"host": "localhost", "content-type": "application/json", "x-csrftoken": "mine"});
    assert_eq!(reply.body, json!({"headers": headers, "body": " as it is "}));
}

#[tokio::test]
async fn cookies_are_kept_until_cleared() {
    let mut session = Session::stranger(echo());
    let reply = get(&mut session, "/set", json!({})).await;
    assert_eq!(reply.set_cookie["a"], " path=/; httponly");
    assert_eq!(get(&mut session, "/clear", json!({})).await.body["headers"]["cookie"], "a=1");
    assert_eq!(get(&mut session, "/", json!({})).await.body["headers"]["cookie"], Value::Null);
}
