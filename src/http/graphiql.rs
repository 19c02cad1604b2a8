//! GraphiQL for browsers that open the endpoint. All of its files are served from here, because many places can't reach a
//! CDN.

use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::request::header as text_header;
use super::state::App;

/// What a page may load: GraphiQL's editor writes styles into it; scripts come from here only.
pub const CONTENT_POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'";

/// `GET` of the endpoint: GraphiQL for browsers, nothing for others.
pub async fn page(State(app): State<App>, OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    let wants_page = text_header(&headers, "accept").is_some_and(|accept| accept.contains("text/html"));
    if !app.graphql.graphiql || !wants_page {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response();
    }
    // Where a host has nested the router, this is not the path that the router sees.
    let endpoint = uri.path().trim_end_matches('/');
    let page = include_str!("../../assets/graphiql/index.html")
        .replace("{assets}", &format!("{endpoint}/assets"))
        .replace("{endpoint}", endpoint);
    let mut response = Html(page).into_response();
    let policy = HeaderValue::from_static(CONTENT_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// A file of the page.
pub async fn asset(State(app): State<App>, Path(name): Path<String>) -> Response {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let (kind, text) = match name.as_str() {
        _ if !app.graphql.graphiql => return StatusCode::NOT_FOUND.into_response(),
        "start.js" => (SCRIPT, include_str!("../../assets/graphiql/start.js")),
        "graphiql.min.js" => (SCRIPT, include_str!("../../assets/graphiql/graphiql.min.js")),
        "react.production.min.js" => (SCRIPT, include_str!("../../assets/graphiql/react.production.min.js")),
        "react-dom.production.min.js" => {
            (SCRIPT, include_str!("../../assets/graphiql/react-dom.production.min.js"))
        }
        "graphiql.min.css" => {
            ("text/css; charset=utf-8", include_str!("../../assets/graphiql/graphiql.min.css"))
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    // Only these answers may be cached, because they hold nobody's data.
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, text).into_response()
}
