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

use super::body::Refusal;
use super::fault::{error_body, failed, refuse};
use super::media_type::MediaType;
use super::origin::Origin;
use super::request::header as text_header;
use super::state::App;
use super::{body, cookies};
use crate::auth::requester::Requester;
use crate::budget::Budget;
use crate::budget::turn::{Turn, asker};
use crate::config::Introspection;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::context::{self, Effect, RequestId};
use crate::graphql::protocol::document::{self, aside};
use crate::message::Message;
use crate::service::login;

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
    let answer = answer(&app, &request_id, origin, &headers, body, media_type).await;
    media_type.mark(answer)
}

async fn answer(
    app: &App,
    request_id: &RequestId,
    origin: Origin,
    headers: &HeaderMap,
    body: Body,
    media_type: MediaType,
) -> Response {
    // Who can't be anybody is given less room before the database is asked.
    let may_be_known = app.authenticate.is_some()
        || access_token(app, headers)
            .is_some_and(|(token, _)| app.services.tokens.read(&token, app.services.clock.now()).is_some());
    let room = if may_be_known { body::Room::usual(app) } else { strangers_room(app, headers) };
    let body = match body::read(app, headers, origin.address, body, room).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_response(request_id),
    };
    let found = match requester(app, headers).await {
        Ok(found) => found,
        Err(error) => return failed(&error, request_id),
    };
    if found.is_none()
        && let Some(refusal) = strangers_room(app, headers).refusal(body.bytes.len())
    {
        return refusal.into_response(request_id);
    }
    let language = found.as_ref().map_or("en", |found| found.requester.user.language.as_str()).to_owned();
    let is_long = body.bytes.len() > app.services.limits.stranger_bytes;
    // Reading a long body may take many times its size.
    let turn = if is_long {
        let asker = asker(found.as_ref().map(|found| found.requester.id()), origin.address);
        let turn = app.services.turns.begin(&asker).await;
        turn.become_large().await;
        Some(turn)
    } else {
        None
    };
    let Ok(Ok(body)) = aside(is_long, move || serde_json::from_slice::<Value>(&body.bytes)).await else {
        let message = Message::new("not-json");
        return refuse(StatusCode::BAD_REQUEST, &message, ErrorCode::Validation, &language, request_id);
    };
    let call = Call { app, request_id, origin, headers, found: found.as_ref(), language, media_type };
    match body {
        Value::Array(items) => call.batch(items, turn).await,
        single => call.single(single, turn).await.into_response(&call),
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
    let found = login::requester(&app.services, &token).await?;
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
struct Call<'a> {
    app: &'a App,
    request_id: &'a RequestId,
    origin: Origin,
    headers: &'a HeaderMap,
    found: Option<&'a Authenticated>,
    language: String,
    media_type: MediaType,
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

impl Call<'_> {
    async fn batch(&self, items: Vec<Value>, mut turn: Option<Turn>) -> Response {
        let max = self.app.services.limits.batch;
        if items.is_empty() || items.len() > max {
            let message = Message::new("batch-too-large").with("max", max);
            return refuse(
                StatusCode::BAD_REQUEST,
                &message,
                ErrorCode::Limit,
                &self.language,
                self.request_id,
            );
        }
        let (mut bodies, mut effects, mut status) = (Vec::new(), Vec::new(), StatusCode::OK);
        for item in items {
            let answer = self.single(item, turn.take()).await;
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

    async fn single(&self, body: Value, turn: Option<Turn>) -> Answer {
        let Value::Object(mut body) = body else {
            return self.refused(
                StatusCode::BAD_REQUEST,
                &Message::new("not-a-request"),
                ErrorCode::Validation,
            );
        };
        let query = match body.remove("query") {
            Some(Value::String(query)) if !query.trim().is_empty() => query,
            None | Some(Value::Null | Value::String(_)) if asks_for_persisted(&body) => {
                return self.refused_persisted();
            }
            _ => {
                return self.refused(
                    StatusCode::BAD_REQUEST,
                    &Message::new("not-a-request"),
                    ErrorCode::Validation,
                );
            }
        };
        let operation_name = match body.remove("operationName") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => {
                return self.refused(
                    StatusCode::BAD_REQUEST,
                    &Message::new("not-a-request"),
                    ErrorCode::Validation,
                );
            }
        };
        let variables = match body.remove("variables") {
            None | Some(Value::Null) => Variables::default(),
            Some(variables @ Value::Object(_)) => Variables::from_json(variables),
            Some(_) => {
                return self.refused(
                    StatusCode::BAD_REQUEST,
                    &Message::new("not-a-request"),
                    ErrorCode::Validation,
                );
            }
        };
        let document = match document::read(query, operation_name, &self.app.services.limits).await {
            Ok(document) => document,
            Err(error) => return self.refused(StatusCode::BAD_REQUEST, error.message(), error.code()),
        };
        tracing::Span::current().record("operation", document.summary());
        if let Some(refused) = self.check_access(&document) {
            return refused;
        }
        self.execute(variables, document, turn).await
    }

    /// Refuses strangers, closed introspection, and requests that a foreign page may have sent.
    fn check_access(&self, document: &document::Document) -> Option<Answer> {
        let introspection = self.app.graphql.introspection;
        let stranger = self.found.is_none();
        if stranger && !document.is_open(introspection == Introspection::Everybody) {
            return Some(self.refused(
                StatusCode::UNAUTHORIZED,
                &Message::new("no-session"),
                ErrorCode::Unauthenticated,
            ));
        }
        let max = self.app.services.limits.stranger_fields;
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
        let found = self.found.filter(|found| found.by_cookie && document.needs_csrf_token())?;
        let session = found.requester.session_id?;
        let sent = text_header(self.headers, "x-csrftoken").unwrap_or_default();
        if self.app.services.tokens.is_csrf(session, sent) {
            return None;
        }
        // The front end expects exactly these words with HTTP 200. Then it logs out and begins anew.
        let text = "CSRF token missing or incorrect.";
        let data: Value = document.root_keys.iter().map(|key| (key.clone(), Value::Null)).collect();
        let extensions = json!({ "code": ErrorCode::Forbidden.as_str(), "requestId": self.request_id.0 });
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
        let cookies = cookies::read(self.headers, &self.app.http);
        let call = Arc::new(context::Call::new(cookies, self.origin.address, document, turn));
        // The document has been read already.
        let mut request = async_graphql::Request::new("")
            .variables(variables)
            .data(Arc::clone(&call))
            .data(self.request_id.clone());
        if let Some(found) = self.found {
            request = request.data(Arc::clone(&found.requester));
        }
        let schema = self.app.schema.clone();
        let execution = async move { schema.execute(request).await };
        // In a task of its own: what a mutation has begun is finished even if the client goes away, as the front end does after
        // it has asked for another language. What is only read ends with whoever wants it.
        let span = tracing::Span::current();
        let execution = self.app.executions.spawn(tracing::Instrument::instrument(execution, span));
        let _reader = (!is_mutation).then(|| Reader(execution.abort_handle()));
        let response = match execution.await {
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
        let legacy = self.media_type == MediaType::Json;
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
        let extensions = json!({ "code": "PERSISTED_QUERY_NOT_SUPPORTED", "requestId": self.request_id.0 });
        let error = json!({ "message": "PersistedQueryNotSupported", "extensions": extensions });
        // Older clients know it by its words; the specification wants 4xx where nothing was executed.
        let status = match self.media_type {
            MediaType::Json => StatusCode::OK,
            MediaType::GraphqlResponse => StatusCode::BAD_REQUEST,
        };
        Answer { status, body: json!({ "errors": [error] }).to_string(), effects: Vec::new(), budget: None }
    }

    fn refused(&self, status: StatusCode, message: &Message, code: ErrorCode) -> Answer {
        Answer {
            status,
            body: error_body(&message.text(&self.language), code, self.request_id).to_string(),
            effects: Vec::new(),
            budget: None,
        }
    }
}

impl Answer {
    fn into_response(self, call: &Call<'_>) -> Response {
        let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
        let mut response = (self.status, json, self.body).into_response();
        if let Some(budget) = self.budget {
            response.extensions_mut().insert(budget);
        }
        cookies::write(response.headers_mut(), &self.effects, call.origin.https, &call.app.http);
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

/// Whether a request names its document by a hash alone.
fn asks_for_persisted(body: &serde_json::Map<String, Value>) -> bool {
    body.get("extensions").is_some_and(|extensions| !extensions["persistedQuery"].is_null())
}
