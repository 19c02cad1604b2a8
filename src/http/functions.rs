//! `…/functions/<name>/…`: functions answer HTTP. Programs call them by a token that they send; cookies count for nothing here, and an
//! answer can do nothing in the name of the desk, which has the same origin.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::body::{self, Received, Refusal, Room};
use super::fault::{contained, failed, refuse};
use super::graphql::requester;
use super::origin::Origin;
use super::request::{CHALLENGE, header as text_header};
use super::state::App;
use crate::auth::requester::Requester;
use crate::domain::function_request::{Answer, Told};
use crate::domain::json::{Json, json};
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::context::RequestId;
use crate::graphql::protocol::document::aside;
use crate::message::{Message, accepted};
use crate::model::task_function::TaskFunction;
use crate::service::function_request::call::{Called, Request as Asked, call, callable};

pub mod rates;

/// The header by which a caller says how many runs stand behind a request, as `causeDepth` of `createFunctionRun` does.
const CAUSE_DEPTH: &str = "cause-depth";
/// The first part of the paths, behind that of the interface.
const ROOT: &str = "/functions/";
/// The longest body that is read on the async thread, in bytes.
const SHORT: usize = 64 * 1024;

/// The paths of functions, if they answer HTTP here.
pub fn routes(app: &App) -> Router<App> {
    let settings = &app.services.function_settings;
    if !settings.api {
        return Router::new();
    }
    // The body comes first, in the time of any request.
    let answer_s = u64::from(settings.api_timeout_s.unsigned_abs());
    let patience = Duration::from_secs(app.http.request_timeout_s.max(1) + answer_s);
    let path = format!("/{}{ROOT}{{*rest}}", app.http.site_root);
    let routes = Router::new()
        .route(&path, any(answer).trace(no_method).connect(no_method))
        .layer(RequestBodyTimeoutLayer::new(Duration::from_secs(app.http.body_timeout_s)));
    // What is no path of a function is answered by the others.
    contained(routes, patience).route_layer(map_response(shut_in))
}

/// Has browsers show an answer as a page of no origin, and as nothing but what it says that it is.
async fn shut_in(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Refuses what asks a server for its own sight of a request, or for a tunnel: no function answers that.
async fn no_method() -> impl IntoResponse {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")])
}

async fn answer(
    State(app): State<App>,
    Extension(request_id): Extension<RequestId>,
    origin: Origin,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    // A foreign page can have a browser send these.
    parts.headers.remove(header::COOKIE);
    let requester = match requester(&app, &parts.headers).await {
        Ok(found) => found.map(|found| found.requester),
        Err(error) => return failed(&error, &request_id),
    };
    let language = match &requester {
        Some(requester) => requester.user.language.clone(),
        None => accepted(text_header(&parts.headers, "accept-language").unwrap_or_default()).to_owned(),
    };
    Incoming { app, request_id, origin, parts, requester, language }.answer(body).await
}

/// A request without its body.
struct Incoming {
    app: App,
    request_id: RequestId,
    origin: Origin,
    parts: Parts,
    requester: Option<Arc<Requester>>,
    language: String,
}

impl Incoming {
    async fn answer(self, body: Body) -> Response {
        let (name, path) = self.asked();
        let function = match callable(&self.app.services, self.requester.as_ref(), &name).await {
            Ok(function) => function,
            Err(error) => return self.refused(&error),
        };
        let Some(cause_depth) = cause_depth(&self.parts.headers) else {
            let message = Message::new("bad-cause-depth");
            return refuse(
                StatusCode::BAD_REQUEST,
                &message,
                ErrorCode::Validation,
                &self.language,
                &self.request_id,
            );
        };
        let now = self.app.services.clock.now();
        if self.requester.is_none() && !self.app.public_calls.count(self.origin.address, now) {
            return self.busy(60);
        }
        let body = match body::as_sent(&self.app, self.origin.address, body, self.room()).await {
            Ok((body, _)) => body,
            Err(refusal) => return refusal.into_response(&self.request_id),
        };
        match self.call(function, path, body, cause_depth).await {
            Ok(Called::Answered(answer)) => sent(answer),
            Ok(Called::Failed) => self.fault(StatusCode::BAD_GATEWAY, &Message::new("function-failed")),
            Ok(Called::Late) => self.fault(StatusCode::GATEWAY_TIMEOUT, &Message::new("function-late")),
            Ok(Called::Busy(seconds)) => self.busy(seconds),
            Err(error) => self.refused(&error),
        }
    }

    /// The name of the function, and the path behind it, both as they were sent.
    fn asked(&self) -> (String, String) {
        let root = format!("/{}{ROOT}", self.app.http.site_root);
        let rest = self.parts.uri.path().strip_prefix(&root).unwrap_or_default();
        match rest.split_once('/') {
            Some((name, path)) => (name.to_owned(), format!("/{path}")),
            None => (rest.to_owned(), "/".to_owned()),
        }
    }

    /// How large a body may be.
    fn room(&self) -> Room {
        let settings = &self.app.services.function_settings;
        let (bytes, setting) = match self.requester {
            Some(_) => (settings.api_bytes, "functions.api_bytes"),
            None => (settings.public_bytes, "functions.public_bytes"),
        };
        let message = Message::new("function-body-too-large").with("max", bytes).with("setting", setting);
        Room { bytes, refusal: Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message, ErrorCode::Limit) }
    }

    /// Calls the function. That goes on if the caller goes away, as nobody knows then what it has done already.
    async fn call(
        &self,
        function: TaskFunction,
        path: String,
        body: Received,
        cause_depth: i32,
    ) -> Result<Called> {
        let (services, calls) = (Arc::clone(&self.app.services), Arc::clone(&self.app.calls));
        let (method, own_path) = (self.parts.method.to_string(), path.clone());
        let query = self.parts.uri.query().unwrap_or_default().to_owned();
        let headers = lines(&self.parts.headers);
        let shown = self.requester.as_deref().map_or(Json::Null, shown);
        let caller = self.requester.as_deref().map(Requester::id);
        let work = async move {
            let (bytes, own_method) = (body.bytes.clone(), method.clone());
            let input = aside(bytes.len() > SHORT, move || {
                let (method, path, query) = (own_method.as_str(), own_path.as_str(), query.as_str());
                Told { method, path, query, headers: &headers, body: &bytes, caller: shown }.input()
            });
            let input = input.await?;
            let asked = Asked { method, path, input, caller, cause_depth };
            let outcome = call(&services, calls, function, asked).await;
            // It counts as held until then, because the function is told of it.
            drop(body);
            outcome
        };
        let work = tracing::Instrument::instrument(work, tracing::Span::current());
        self.app.executions.spawn(work).await.map_err(Error::internal)?
    }

    fn refused(&self, error: &Error) -> Response {
        let status = match error.code() {
            ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        error.log();
        refuse(status, error.message(), error.code(), &self.language, &self.request_id)
    }

    fn fault(&self, status: StatusCode, message: &Message) -> Response {
        refuse(status, message, ErrorCode::Internal, &self.language, &self.request_id)
    }

    fn busy(&self, seconds: i64) -> Response {
        let message = Message::new("function-busy").with("seconds", seconds);
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut response = refuse(status, &message, ErrorCode::Limit, &self.language, &self.request_id);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}

/// How many runs stand behind a request; none if that can't be read.
fn cause_depth(headers: &HeaderMap) -> Option<i32> {
    let mut said = headers.get_all(CAUSE_DEPTH).iter();
    let Some(depth) = said.next() else { return Some(0) };
    let depth: i32 = depth.to_str().ok()?.trim().parse().ok()?;
    (depth >= 0 && said.next().is_none()).then_some(depth)
}

/// The headers as texts.
fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// What a function is told of who calls.
fn shown(requester: &Requester) -> Json {
    let user = &requester.user;
    json!({ "id": user.id, "username": user.username, "language": user.language })
}

/// The answer of a function.
fn sent(answer: Answer) -> Response {
    let usual = if answer.is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    let has_body = !answer.body.is_empty();
    let mut response = Body::from(answer.body).into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        // Both were looked at when the answer was read.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    if has_body && !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(usual));
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        // The function says no to a caller whose token, if there was one, is valid.
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
    }
    response
}
