//! The GraphQL endpoint: from a request to who asks, what the document does, its execution, and the answer.

use std::sync::{Arc, PoisonError};

use async_graphql::Variables;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::cookies;
use super::fault::{error_body, failed, refuse};
use super::request::{Origin, RequestId, header as text_header};
use super::state::App;
use crate::auth::requester::Requester;
use crate::config::Introspection;
use crate::error::{ErrorCode, Result};
use crate::graphql::protocol::context::{Effect, RequestContext};
use crate::graphql::protocol::document::{self, Refusal};
use crate::graphql::protocol::execution::{Executed, execute};
use crate::message::Message;
use crate::service::login;

/// Somebody who is logged in.
pub struct Authenticated {
    /// Who.
    pub requester: Arc<Requester>,
    /// Whether a cookie says so, which a foreign page can make a browser send.
    pub by_cookie: bool,
}

/// `POST` to the endpoint.
pub async fn post(
    State(app): State<App>,
    Extension(request_id): Extension<RequestId>,
    origin: Origin,
    headers: HeaderMap,
    body: std::result::Result<Bytes, BytesRejection>,
) -> Response {
    if !is_json(&headers) {
        return refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &Message::new("not-json-content"),
            ErrorCode::Validation,
            "en",
            &request_id,
        );
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            let status = rejection.status();
            let (message, code) = if status == StatusCode::PAYLOAD_TOO_LARGE {
                let max = app.services.limits.body_bytes;
                (Message::new("body-too-large").with("max", max), ErrorCode::Limit)
            } else {
                (Message::new("not-json"), ErrorCode::Validation)
            };
            return refuse(status, &message, code, "en", &request_id);
        }
    };
    let found = match requester(&app, &headers).await {
        Ok(found) => found,
        Err(error) => return failed(&error, &request_id),
    };
    let language = found.as_ref().map_or("en", |found| found.requester.user.language.as_str()).to_owned();
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(_) => {
            return refuse(
                StatusCode::BAD_REQUEST,
                &Message::new("not-json"),
                ErrorCode::Validation,
                &language,
                &request_id,
            );
        }
    };
    let call = Call {
        app: &app,
        request_id: &request_id,
        origin,
        headers: &headers,
        found: found.as_ref(),
        language,
    };
    match body {
        Value::Array(items) => call.batch(items).await,
        single => call.single(single).await.into_response(origin.https),
    }
}

/// Who asks: as the host says, or by `Authorization: Bearer` or else by the cookie. Any other scheme in that header is
/// ignored.
///
/// # Errors
/// What the host or the database says.
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
    let bearer = text_header(headers, "authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let (token, by_cookie) = match bearer {
        Some(token) => (Some(token), false),
        None => (cookies::read(headers).access, true),
    };
    let Some(token) = token else { return Ok(None) };
    let found = login::requester(&app.services, &token).await?;
    Ok(found.map(|requester| Authenticated { requester: Arc::new(requester), by_cookie }))
}

/// What all operations of one HTTP request share.
struct Call<'a> {
    app: &'a App,
    request_id: &'a RequestId,
    origin: Origin,
    headers: &'a HeaderMap,
    found: Option<&'a Authenticated>,
    language: String,
}

/// The answer to one operation.
struct Answer {
    status: StatusCode,
    /// JSON as a text: fields stand in the order in which they were asked for.
    body: String,
    effects: Vec<Effect>,
}

impl Call<'_> {
    async fn batch(&self, items: Vec<Value>) -> Response {
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
            let answer = self.single(item).await;
            // One stranger's operation among them makes a stranger of all; else each says for itself how it went.
            if answer.status == StatusCode::UNAUTHORIZED {
                status = StatusCode::UNAUTHORIZED;
            }
            bodies.push(answer.body);
            effects.extend(answer.effects);
        }
        Answer { status, body: format!("[{}]", bodies.join(",")), effects }.into_response(self.origin.https)
    }

    async fn single(&self, body: Value) -> Answer {
        let Value::Object(mut body) = body else {
            return self.refused(
                StatusCode::BAD_REQUEST,
                &Message::new("not-a-request"),
                ErrorCode::Validation,
            );
        };
        let query = match body.remove("query") {
            Some(Value::String(query)) if !query.trim().is_empty() => query,
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
        let limits = &self.app.services.limits;
        let document = match document::read(
            &query,
            operation_name.as_deref(),
            limits.query_depth,
            limits.query_fields,
        ) {
            Ok(document) => document,
            Err(refusal) => return self.refused_document(refusal),
        };
        tracing::Span::current().record("operation", document.summary());
        if let Some(refused) = self.check_access(&document) {
            return refused;
        }
        // The library looks at the values of variables only where it reads them itself.
        let is_absent =
            |name: &&String| matches!(variables.get(name.as_str()), None | Some(async_graphql::Value::Null));
        if let Some(name) = document.needed_variables.iter().find(is_absent) {
            let message = Message::new("variable-needed").with("name", name.as_str());
            return self.refused(StatusCode::BAD_REQUEST, &message, ErrorCode::Validation);
        }
        self.execute(query, operation_name, variables, document).await
    }

    /// Strangers, introspection and foreign pages.
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
        // In these very words and with HTTP 200: the front end then logs out and begins anew.
        let text = "CSRF token missing or incorrect.";
        let data: Value = document.root_keys.iter().map(|key| (key.clone(), Value::Null)).collect();
        let extensions = json!({ "code": ErrorCode::Forbidden.as_str(), "requestId": self.request_id.0 });
        let error = json!({ "message": text, "extensions": extensions });
        Some(Answer {
            status: StatusCode::OK,
            body: json!({ "errors": [error], "data": data }).to_string(),
            effects: Vec::new(),
        })
    }

    async fn execute(
        &self,
        query: String,
        operation_name: Option<String>,
        variables: Variables,
        document: document::Document,
    ) -> Answer {
        let requester = self.found.map(|found| Arc::clone(&found.requester));
        let context = RequestContext::new(
            &self.app.services,
            requester,
            cookies::read(self.headers),
            self.origin.address,
        );
        let mut request = async_graphql::Request::new(query).variables(variables);
        request.operation_name = operation_name;
        let is_mutation = document.is_mutation;
        let execution = execute(
            self.app.schema.clone(),
            request,
            document,
            context,
            self.language.clone(),
            self.request_id.0.clone(),
        );
        // In a task of its own: what a mutation has begun is finished even if the client goes away, as the front end does after
        // it has asked for another language. What is only read ends with whoever wants it.
        let span = tracing::Span::current();
        let execution = self.app.executions.spawn(tracing::Instrument::instrument(execution, span));
        let _reader = (!is_mutation).then(|| Reader(execution.abort_handle()));
        let Executed { response, effects, unavailable } = match execution.await {
            Ok(executed) => executed,
            Err(error) => {
                tracing::error!(%error, "the execution broke off");
                let message = Message::new("internal-error");
                return self.refused(StatusCode::INTERNAL_SERVER_ERROR, &message, ErrorCode::Internal);
            }
        };
        // Errors without a path come from validation: nothing was executed.
        let invalid =
            !response.errors.is_empty() && response.errors.iter().all(|error| error.path.is_empty());
        let effects = effects.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = if unavailable {
            StatusCode::SERVICE_UNAVAILABLE
        } else if effects.iter().any(|effect| matches!(effect, Effect::Unauthenticated)) {
            StatusCode::UNAUTHORIZED
        } else if invalid {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        let body = if invalid {
            serde_json::to_string(&json!({ "errors": response.errors }))
        } else {
            serde_json::to_string(&response)
        };
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%error, "the answer can't be written");
                let message = Message::new("internal-error");
                return self.refused(StatusCode::INTERNAL_SERVER_ERROR, &message, ErrorCode::Internal);
            }
        };
        Answer { status, body, effects }
    }

    fn refused_document(&self, refusal: Refusal) -> Answer {
        match refusal {
            Refusal::Syntax(text) => {
                let text: String = text.chars().take(300).collect();
                let message = Message::new("not-graphql").with("reason", text);
                self.refused(StatusCode::BAD_REQUEST, &message, ErrorCode::Validation)
            }
            Refusal::Other(error) => self.refused(StatusCode::BAD_REQUEST, error.message(), error.code()),
        }
    }

    fn refused(&self, status: StatusCode, message: &Message, code: ErrorCode) -> Answer {
        Answer {
            status,
            body: error_body(&message.text(&self.language), code, self.request_id).to_string(),
            effects: Vec::new(),
        }
    }
}

impl Answer {
    fn into_response(self, secure: bool) -> Response {
        let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
        let mut response = (self.status, json, self.body).into_response();
        cookies::write(response.headers_mut(), &self.effects, secure);
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

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = text_header(headers, "content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}
