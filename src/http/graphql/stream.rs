//! Subscriptions over POST: a body of `multipart/mixed`, in the form that clients of Apollo's protocol read.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::futures_util::stream::BoxStream;
use async_graphql::futures_util::{StreamExt as _, stream};
use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response as Answered};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Authenticated, Call, Operation, Unread};
use crate::budget::turn::Turn;
use crate::error::ErrorCode;
use crate::graphql::protocol::context;
use crate::http::fault::refuse;
use crate::message::Message;

const TYPE: &str = "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=1.0";
const HEAD: &str = "\r\n--graphql\r\ncontent-type: application/json\r\n\r\n";
const END: &[u8] = b"\r\n--graphql--\r\n";

impl Call {
    /// Answers an operation: at once, or if it is a subscription, for as long as the client listens.
    pub(super) async fn one(&self, operation: Result<Operation, Unread>, turn: Option<Turn>) -> Response {
        match operation {
            Ok(operation) if operation.document.kind == OperationType::Subscription => self.stream(operation),
            operation => self.single(operation, turn).await.into_response(self),
        }
    }

    fn stream(&self, operation: Operation) -> Response {
        let app = &self.incoming.app;
        let refused = |status, message: &Message, code| {
            refuse(status, message, code, &self.language, &self.incoming.request_id)
        };
        tracing::Span::current().record("operation", operation.document.summary());
        if let Some(refusal) = self.check_access(&operation.document) {
            return refusal.into_response(self);
        }
        let Some(Authenticated { requester, .. }) = &self.found else {
            let message = Message::new("no-session");
            return refused(StatusCode::UNAUTHORIZED, &message, ErrorCode::Unauthenticated);
        };
        if !accepts(&self.incoming.headers) {
            let message = Message::new("subscription-transport");
            return refused(StatusCode::BAD_REQUEST, &message, ErrorCode::Validation);
        }
        let places = match app.listeners.admit(self.incoming.origin.address, requester.id()) {
            Ok(places) => places,
            Err(setting) => {
                let message = Message::new("server-busy").with("setting", setting);
                return refused(StatusCode::SERVICE_UNAVAILABLE, &message, ErrorCode::Limit);
            }
        };
        let hang_up = CancellationToken::new();
        let address = self.incoming.origin.address;
        let call = context::Call::of_stream(address, operation.document, hang_up.clone(), None);
        let request = Request::new("")
            .variables(operation.variables)
            .data(Arc::new(call))
            .data(self.incoming.request_id.clone())
            .data(Arc::clone(requester));
        let pause = Duration::from_secs(app.services.subscriptions.ping_s);
        let parts = parts(app.schema.execute_stream(request), pause);
        let stopping = app.stopping.clone();
        let over = async move {
            tokio::select! {
                () = stopping.cancelled_owned() => {}
                () = hang_up.cancelled_owned() => {}
            }
        };
        let body = parts.take_until(Box::pin(over)).chain(stream::iter([Bytes::from_static(END)])).map(
            move |part| {
                let _ = &places;
                Ok::<_, std::convert::Infallible>(part)
            },
        );
        // Nginx would gather the parts.
        let headers = [(header::CONTENT_TYPE.as_str(), TYPE), ("x-accel-buffering", "no")];
        (headers, Body::from_stream(body)).into_response()
    }
}

/// What a part holds.
#[derive(Serialize)]
struct Part {
    payload: Answered,
}

/// Whether the client reads such bodies.
fn accepts(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|range| {
        let name = range.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("multipart/mixed")
    })
}

/// The parts of the body: one for each answer, and an empty one when none has come for a while.
fn parts(answers: BoxStream<'static, Answered>, pause: Duration) -> BoxStream<'static, Bytes> {
    let part = |body: String| Bytes::from(format!("{HEAD}{body}"));
    stream::unfold(answers, move |mut answers| async move {
        let next = match tokio::time::timeout(pause, answers.next()).await {
            // Written at once, so that the fields stay in their order.
            Ok(Some(payload)) => part(serde_json::to_string(&Part { payload }).unwrap_or_default()),
            Ok(None) => return None,
            Err(_) => part("{}".to_owned()),
        };
        Some((next, answers))
    })
    .boxed()
}
