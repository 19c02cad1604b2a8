//! The router.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::cors::CorsLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::fault::contained;
use super::state::App;
use super::{compression, current_user, desk, functions, graphiql, graphql, health, home, request, socket};
use crate::config::HttpSettings;

/// All paths of the module with their bounds.
pub fn router(app: App) -> Router {
    let desk = desk::routes(&app, false);
    bounded(app, desk)
}

/// The same and a page at `/`, for a server that is nothing else: in a host's router that place is the host's.
pub fn standalone(app: App) -> Router {
    let desk = desk::routes(&app, true);
    let pages = if desk::is_home(&app.desk) { desk } else { desk.route("/", get(home::page)) };
    bounded(app, pages)
}

fn bounded(app: App, more: Router<App>) -> Router {
    let timeout = Duration::from_secs(app.http.request_timeout_s.max(1));
    let interface = Router::new()
        .route("/graphql", get(graphiql::page).post(graphql::post))
        .route("/graphql/", get(graphiql::page).post(graphql::post))
        .route("/graphql/ws", get(socket::connect))
        .route("/graphql/assets/{name}", get(graphiql::asset))
        .route("/core/users/current_user/", get(current_user::current_user))
        .route("/core/users/current_user", get(current_user::current_user));
    let router = Router::new()
        .nest(&format!("/{}", app.http.site_root), interface)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        // The front end asks for this path regularly, so that a proxy does not end the session. It does not read the answer.
        .route("/keepLegacyAlive", get(|| async { StatusCode::NO_CONTENT }))
        .merge(more)
        .layer(RequestBodyTimeoutLayer::new(Duration::from_secs(app.http.body_timeout_s)));
    let mut router = contained(router, timeout)
        .merge(functions::routes(&app))
        .layer(from_fn_with_state(app.clone(), request::secure))
        .layer(from_fn_with_state(compression::places(), compression::pack));
    if let Some(cors) = cors(&app.http) {
        router = router.layer(cors);
    }
    router.layer(from_fn(request::identify)).with_state(app)
}

/// Lets pages of these origins call with the user's cookies. Without origins, browsers keep all foreign pages from calling.
fn cors(settings: &HttpSettings) -> Option<CorsLayer> {
    if settings.cors_origins.is_empty() {
        return None;
    }
    let origins: Vec<HeaderValue> =
        settings.cors_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_credentials(true)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([
                header::CONTENT_TYPE,
                header::AUTHORIZATION,
                HeaderName::from_static("x-csrftoken"),
                HeaderName::from_static("x-requested-with"),
            ]),
    )
}
