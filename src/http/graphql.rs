//! The GraphQL endpoint: it finds the requester, reads the document, has it executed, and answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_graphql::Variables;
use async_graphql::parser::types::OperationType;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::body::{Received, Refusal};
use super::fault::{error_body, failed, refuse};
use super::media_type::MediaType;
use super::origin::Origin;
use super::request::header as text_header;
use super::state::App;
use super::{body, cookies};
use crate::auth::requester::Requester;
use crate::budget::Budget;
use crate::budget::turn::{Turn, asker};
use crate::config::{Introspection, Limits};
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::context::{self, Effect, RequestId};
use crate::graphql::protocol::document::{self, aside};
use crate::message::{Message, accepted};
use crate::service::login;

mod begun;
mod operation;
mod stream;

use begun::begin;
use operation::{Operation, Unread};

/// A requester who is logged in.
pub struct Authenticated {
    /// The requester.
    pub requester: Arc<Requester>,
    /// Whether a cookie authenticates the requester. A foreign page can make a browser send cookies.
    pub by_cookie: bool,
}

/// `POST` to the endpoint.
pub async fn post(
    State(app): State<App>,
    Extension(request_id): Extension<RequestId>,
    origin: Origin,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let media_type = MediaType::asked(&headers);
    let incoming = Incoming { app, request_id, origin, headers, media_type };
    media_type.mark(incoming.answer(body).await)
}

/// A request without its body.
struct Incoming {
    app: App,
    request_id: RequestId,
    origin: Origin,
    headers: HeaderMap,
    media_type: MediaType,
}

/// What a body holds.
enum Content {
    NotJson,
    Single(Box<std::result::Result<Operation, Unread>>),
    Batch(Vec<Value>),
}

impl Incoming {
    async fn answer(self, body: Body) -> Response {
        let app = &self.app;
        let claimed = if app.authenticate.is_some() {
            None
        } else {
            access_token(app, &self.headers).and_then(|(token, by_cookie)| {
                app.services.tokens.asker(&token, by_cookie, app.services.clock.now())
            })
        };
        // Who can't be anybody is given less room before the database is asked.
        let may_be_known = app.authenticate.is_some() || claimed.is_some();
        let room = if may_be_known { body::Room::usual(app) } else { strangers_room(app, &self.headers) };
        let body = match body::read(app, &self.headers, self.origin.address, body, room).await {
            Ok(body) => body,
            Err(refusal) => return refusal.into_response(&self.request_id),
        };
        let is_long = body.bytes.len() > app.services.limits.stranger_bytes;
        match claimed {
            Some(name) if !is_long => self.answer_at_hand(&name, body).await,
            _ => self.answer_body(body, is_long).await,
        }
    }

    /// Answers a short request of whoever was given a token under this name. Its turn is waited for under that name. Then who
    /// asks is looked up and the request is executed on one thread with one connection.
    async fn answer_at_hand(self, username: &str, body: Received) -> Response {
        let services = Arc::clone(&self.app.services);
        let content = Content::read(serde_json::from_slice(&body.bytes), &services.limits).await;
        drop(body);
        let (mut turn, mut place) = (None, None);
        if let Content::Single(operation) = &content
            && let Ok(Operation { document, .. }) = &**operation
            && document.kind == OperationType::Query
        {
            let begun = services.turns.begin(&asker(Some(username), None)).await;
            place = begun.connection().await;
            turn = Some(begun);
        }
        let request_id = self.request_id.clone();
        let answer = async move {
            match requester(&self.app, &self.headers).await {
                Ok(found) => self.answer_content(found, content, turn).await,
                Err(error) => failed(&error, &self.request_id),
            }
        };
        match services.db.at_hand(place, answer).await {
            Ok(answer) => answer,
            Err(error) => failed(&error, &request_id),
        }
    }

    async fn answer_body(self, body: Received, is_long: bool) -> Response {
        let app = &self.app;
        let found = match requester(app, &self.headers).await {
            Ok(found) => found,
            Err(error) => return failed(&error, &self.request_id),
        };
        if found.is_none()
            && let Some(refusal) = strangers_room(app, &self.headers).refusal(body.bytes.len())
        {
            return refusal.into_response(&self.request_id);
        }
        // Reading a long body may take many times its size.
        let turn = if is_long {
            let username = found.as_ref().map(|found| found.requester.user.username.as_str());
            let turn = app.services.turns.begin(&asker(username, self.origin.address)).await;
            turn.become_large().await;
            Some(turn)
        } else {
            None
        };
        let json = aside(is_long, move || serde_json::from_slice(&body.bytes)).await;
        let content = match json {
            Ok(json) => Content::read(json, &app.services.limits).await,
            Err(_) => Content::NotJson,
        };
        self.answer_content(found, content, turn).await
    }

    async fn answer_content(
        self,
        found: Option<Authenticated>,
        content: Content,
        turn: Option<Turn>,
    ) -> Response {
        let language = match &found {
            Some(found) => found.requester.user.language.clone(),
            None => accepted(text_header(&self.headers, "accept-language").unwrap_or_default()).to_owned(),
        };
        let call = Call { incoming: self, found, language };
        match content {
            Content::NotJson => {
                let message = Message::new("not-json");
                let (language, id) = (&call.language, &call.incoming.request_id);
                refuse(StatusCode::BAD_REQUEST, &message, ErrorCode::Validation, language, id)
            }
            Content::Batch(items) => call.batch(items, turn).await,
            Content::Single(operation) => call.one(*operation, turn).await,
        }
    }
}

impl Content {
    async fn read(json: serde_json::Result<Value>, limits: &Limits) -> Self {
        match json {
            Ok(Value::Array(items)) => Self::Batch(items),
            Ok(single) => Self::Single(Box::new(Operation::read(single, limits).await)),
            Err(_) => Self::NotJson,
        }
    }
}

/// What a stranger sends is small, or it is not kept.
fn strangers_room(app: &App, headers: &HeaderMap) -> body::Room {
    let bytes = app.services.limits.stranger_bytes;
    // A requester whose session has ended is to log in again.
    let had_session =
        headers.contains_key("authorization") || cookies::read(headers, &app.http).access.is_some();
    let refusal = if had_session {
        let message = Message::new("no-session");
        Refusal::new(StatusCode::UNAUTHORIZED, message, ErrorCode::Unauthenticated)
    } else {
        let message = Message::new("stranger-body-too-large").with("max", bytes);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message, ErrorCode::Limit)
    };
    body::Room { bytes, refusal }
}

/// Finds the requester: as the host says, or by `Authorization: Bearer`, or else by the cookie. Any other scheme in that
/// header is ignored.
///
/// # Errors
/// An error of the host.
pub async fn requester(app: &App, headers: &HeaderMap) -> Result<Option<Authenticated>> {
    if let Some(authenticate) = &app.authenticate {
        let Some(id) = authenticate(headers.clone()).await? else { return Ok(None) };
        let found = login::requester_by_id(&app.services, id).await;
        return match found {
            Ok(requester) => Ok(Some(Authenticated { requester: Arc::new(requester), by_cookie: false })),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        };
    }
    let Some((token, by_cookie)) = access_token(app, headers) else { return Ok(None) };
    let found = login::requester(&app.services, &token, by_cookie).await?;
    Ok(found.map(|requester| Authenticated { requester: Arc::new(requester), by_cookie }))
}

/// The access token, and whether a cookie holds it.
fn access_token(app: &App, headers: &HeaderMap) -> Option<(String, bool)> {
    let bearer = text_header(headers, "authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    match bearer {
        Some(token) => Some((token, false)),
        None => cookies::read(headers, &app.http).access.map(|token| (token, true)),
    }
}

/// The data that all operations of one HTTP request share.
struct Call {
    incoming: Incoming,
    found: Option<Authenticated>,
    language: String,
}

/// The answer to one operation.
struct Answer {
    status: StatusCode,
    /// The answer as a JSON text, with fields in the order in which they were asked for.
    body: String,
    effects: Vec<Effect>,
    /// The turn of the request, which lasts until the answer is compressed.
    budget: Option<Arc<Budget>>,
}

impl Call {
    async fn batch(&self, items: Vec<Value>, mut turn: Option<Turn>) -> Response {
        let max = self.incoming.app.services.limits.batch;
        if items.is_empty() || items.len() > max {
            let message = Message::new("batch-too-large").with("max", max);
            return refuse(
                StatusCode::BAD_REQUEST,
                &message,
                ErrorCode::Limit,
                &self.language,
                &self.incoming.request_id,
            );
        }
        let (mut bodies, mut effects, mut status) = (Vec::new(), Vec::new(), StatusCode::OK);
        for item in items {
            let operation = Operation::read(item, &self.incoming.app.services.limits).await;
            let answer = self.single(operation, turn.take()).await;
            // If one operation is refused because nobody is logged in, the whole batch is answered with 401. Otherwise each
            // operation has its own result.
            if answer.status == StatusCode::UNAUTHORIZED {
                status = StatusCode::UNAUTHORIZED;
            }
            // The turn of each ends with it, because the next one may have to wait for it.
            bodies.push(answer.body);
            effects.extend(answer.effects);
        }
        Answer { status, body: format!("[{}]", bodies.join(",")), effects, budget: None }.into_response(self)
    }

    async fn single(&self, operation: std::result::Result<Operation, Unread>, turn: Option<Turn>) -> Answer {
        let Operation { document, variables } = match operation {
            Ok(operation) => operation,
            Err(Unread::Refused(message, code)) => {
                return self.refused(StatusCode::BAD_REQUEST, &message, code);
            }
            Err(Unread::Persisted) => return self.refused_persisted(),
        };
        tracing::Span::current().record("operation", document.summary());
        if let Some(refused) = self.check_access(&document) {
            return refused;
        }
        self.execute(variables, document, turn).await
    }

    /// Refuses strangers, closed introspection, and requests that a foreign page may have sent.
    fn check_access(&self, document: &document::Document) -> Option<Answer> {
        let introspection = self.incoming.app.graphql.introspection;
        let stranger = self.found.is_none();
        if stranger && !document.is_open(introspection == Introspection::Everybody) {
            return Some(self.refused(
                StatusCode::UNAUTHORIZED,
                &Message::new("no-session"),
                ErrorCode::Unauthenticated,
            ));
        }
        let max = self.incoming.app.services.limits.stranger_fields;
        if stranger && document.root_fields.len() > max {
            let message = Message::new("stranger-fields-too-many").with("max", max);
            return Some(self.refused(StatusCode::BAD_REQUEST, &message, ErrorCode::Limit));
        }
        if introspection == Introspection::Off && document.introspects() {
            return Some(self.refused(
                StatusCode::BAD_REQUEST,
                &Message::new("no-introspection"),
                ErrorCode::Forbidden,
            ));
        }
        let found = self.found.as_ref().filter(|found| found.by_cookie && document.needs_csrf_token())?;
        let session = found.requester.session_id?;
        let sent = text_header(&self.incoming.headers, "x-csrftoken").unwrap_or_default();
        if self.incoming.app.services.tokens.is_csrf(session, sent) {
            return None;
        }
        // The front end expects exactly these words with HTTP 200. Then it logs out and begins anew.
        let text = "CSRF token missing or incorrect.";
        let data: Value = document.root_keys.iter().map(|key| (key.clone(), Value::Null)).collect();
        let extensions =
            json!({ "code": ErrorCode::Forbidden.as_str(), "requestId": self.incoming.request_id.0 });
        let error = json!({ "message": text, "extensions": extensions });
        Some(Answer {
            status: StatusCode::OK,
            body: json!({ "errors": [error], "data": data }).to_string(),
            effects: Vec::new(),
            budget: None,
        })
    }

    async fn execute(
        &self,
        variables: Variables,
        document: document::Document,
        turn: Option<Turn>,
    ) -> Answer {
        let is_mutation = document.kind == OperationType::Mutation;
        let cookies = cookies::read(&self.incoming.headers, &self.incoming.app.http);
        let call = context::Call::new(cookies, self.incoming.origin.address, document, turn);
        let call = Arc::new(call.in_language(&self.language));
        // The document has been read already.
        let mut request = async_graphql::Request::new("")
            .variables(variables)
            .data(Arc::clone(&call))
            .data(self.incoming.request_id.clone());
        if let Some(found) = &self.found {
            request = request.data(Arc::clone(&found.requester));
        }
        let schema = self.incoming.app.schema.clone();
        let executions = &self.incoming.app.executions;
        let (span, _executed) = (tracing::Span::current(), executions.token());
        let execution = async move { schema.execute(request).await };
        let mut execution = Box::pin(tracing::Instrument::instrument(execution, span));
        let turns = if self.incoming.app.services.db.is_at_hand() { 1_000 } else { 1 };
        let response = if let Some(done) = begin(&mut execution, turns) {
            done
        } else {
            // In a task of its own: what a mutation has begun is finished even if the client goes away, as the front end does
            // after it has asked for another language. What is only read ends with whoever wants it.
            let execution = executions.spawn(execution);
            let _reader = (!is_mutation).then(|| Reader(execution.abort_handle()));
            execution.await.map_err(|error| error.to_string())
        };
        self.incoming.app.services.db.give_back();
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(%error, "the execution broke off");
                let message = Message::new("internal-error");
                return self.refused(StatusCode::INTERNAL_SERVER_ERROR, &message, ErrorCode::Internal);
            }
        };
        // Errors without a path come from validation: nothing was executed.
        let invalid =
            !response.errors.is_empty() && response.errors.iter().all(|error| error.path.is_empty());
        let (effects, budget) = (call.take_effects(), call.take_budget());
        let unavailable = call.unavailable.load(Ordering::Relaxed);
        let legacy = self.incoming.media_type == MediaType::Json;
        let status = if legacy && unavailable {
            StatusCode::SERVICE_UNAVAILABLE
        } else if invalid {
            StatusCode::BAD_REQUEST
        } else if legacy && effects.iter().any(|effect| matches!(effect, Effect::Unauthenticated)) {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::OK
        };
        let is_large = budget.as_ref().is_some_and(|budget| budget.is_large());
        let length = budget.as_ref().map_or(0, |budget| budget.answer_bytes());
        let write = move || -> Result<String> {
            if invalid {
                return serde_json::to_string(&json!({ "errors": response.errors })).map_err(Error::internal);
            }
            // A text that grows is copied each time, and takes up to three times its size meanwhile.
            let mut text = Vec::with_capacity(length);
            serde_json::to_writer(&mut text, &response).map_err(Error::internal)?;
            String::from_utf8(text).map_err(Error::internal)
        };
        let body = aside(is_large, write).await;
        // The turn lasts until the answer is written.
        let body = match body.and_then(|written| written) {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%error, "the answer can't be written");
                let message = Message::new("internal-error");
                return self.refused(StatusCode::INTERNAL_SERVER_ERROR, &message, ErrorCode::Internal);
            }
        };
        Answer { status, body, effects, budget }
    }

    /// The refusal that clients of persisted queries expect, in its exact words. Then they send the whole document.
    fn refused_persisted(&self) -> Answer {
        let extensions =
            json!({ "code": "PERSISTED_QUERY_NOT_SUPPORTED", "requestId": self.incoming.request_id.0 });
        let error = json!({ "message": "PersistedQueryNotSupported", "extensions": extensions });
        // Older clients know it by its words; the specification wants 4xx where nothing was executed.
        let status = match self.incoming.media_type {
            MediaType::Json => StatusCode::OK,
            MediaType::GraphqlResponse => StatusCode::BAD_REQUEST,
        };
        Answer { status, body: json!({ "errors": [error] }).to_string(), effects: Vec::new(), budget: None }
    }

    fn refused(&self, status: StatusCode, message: &Message, code: ErrorCode) -> Answer {
        Answer {
            status,
            body: error_body(&message.text(&self.language), code, &self.incoming.request_id).to_string(),
            effects: Vec::new(),
            budget: None,
        }
    }
}

impl Answer {
    fn into_response(self, call: &Call) -> Response {
        let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
        let mut response = (self.status, json, self.body).into_response();
        if let Some(budget) = self.budget {
            response.extensions_mut().insert(budget);
        }
        cookies::write(
            response.headers_mut(),
            &self.effects,
            call.incoming.origin.https,
            &call.incoming.app.http,
        );
        response
    }
}

/// Whoever waits for what is read; without them, nothing more is.
struct Reader(tokio::task::AbortHandle);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}
