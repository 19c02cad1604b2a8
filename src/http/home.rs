//! The page at `/`, for people who open the server's address in a browser.

use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{Html, IntoResponse, Response};

use super::graphiql::CONTENT_POLICY;
use super::state::App;

/// Answers with a page that says what this server is, and where its parts are.
pub async fn page(State(app): State<App>) -> Response {
    let graphiql = if app.graphql.graphiql {
        "In a browser it is GraphiQL, whose Docs describe every field."
    } else {
        "GraphiQL is switched off (<code>graphql.graphiql</code>)."
    };
    let page = include_str!("../../assets/home/index.html")
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{endpoint}", &format!("/{}/graphql", app.http.site_root))
        .replace("{graphiql}", graphiql);
    let policy: [(HeaderName, &str); 1] = [(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY)];
    (policy, Html(page)).into_response()
}
