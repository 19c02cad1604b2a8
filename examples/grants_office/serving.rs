//! The office's GraphQL over HTTP and WebSocket, executed by async-graphql's own executors.

use std::sync::Arc;

use async_graphql::Data;
use async_graphql::http::ALL_WEBSOCKET_PROTOCOLS;
use async_graphql_axum::{GraphQLProtocol, GraphQLRequest, GraphQLResponse, GraphQLWebSocket};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::{Router, middleware, routing};
use serde_json::Value;
use tasks_management::{RequestId, Requester};

use crate::login::{bearer, identify, log_in};
use crate::office::Office;
use crate::schema::OfficeSchema;

pub fn router(schema: OfficeSchema, office: Office) -> Router {
    Router::new()
        .route("/graphql", routing::post(graphql))
        .route("/subscriptions", routing::any(subscriptions))
        .layer(Extension(schema))
        .layer(middleware::from_fn_with_state(office.clone(), identify))
        .route("/login", routing::post(log_in))
        .with_state(office)
}

async fn graphql(
    Extension(schema): Extension<OfficeSchema>,
    requester: Option<Extension<Arc<Requester>>>,
    id: Option<Extension<RequestId>>,
    request: GraphQLRequest,
) -> GraphQLResponse {
    let mut request = request.into_inner();
    if let Some(Extension(requester)) = requester {
        request = request.data(requester);
    }
    if let Some(Extension(id)) = id {
        request = request.data(id);
    }
    schema.execute(request).await.into()
}

/// A WebSocket. Browsers can't send a header with it, so the token comes with the first message.
async fn subscriptions(
    State(office): State<Office>,
    Extension(schema): Extension<OfficeSchema>,
    protocol: GraphQLProtocol,
    upgrade: WebSocketUpgrade,
) -> Response {
    let who = async move |first: Value| {
        let token = first["token"].as_str().unwrap_or_default();
        let requester = bearer(&office, token).await.map_err(|status| status.to_string())?;
        let mut data = Data::default();
        data.insert(requester);
        Ok(data)
    };
    let serve = move |socket| GraphQLWebSocket::new(socket, schema, protocol).on_connection_init(who).serve();
    upgrade.protocols(ALL_WEBSOCKET_PROTOCOLS).on_upgrade(serve)
}
