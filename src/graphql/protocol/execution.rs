//! Executing an operation: with its loaders driven, and its answer mended.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use async_graphql::{
    ErrorExtensionValues, ObjectType, Request, Response, Schema, ServerError, SubscriptionType,
};

use crate::budget::Budget;
use crate::config::Limits;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::context::{Effect, RequestContext};
use crate::graphql::protocol::document::{self, Document, Refusal};
use crate::graphql::protocol::response::localize;
use crate::message::Message;

/// What came of an operation.
pub struct Executed {
    /// The answer.
    pub response: Response,
    /// What it does beside answering.
    pub effects: Arc<Mutex<Vec<Effect>>>,
    /// Whether the database could not be used.
    pub unavailable: bool,
}

/// Executes a request whose document was read by [`document::read`].
pub async fn execute<Q, M, S>(
    schema: Schema<Q, M, S>,
    request: Request,
    document: Document,
    context: RequestContext,
    language: String,
    request_id: String,
) -> Executed
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let (effects, batches) = (Arc::clone(&context.effects), context.batches.clone());
    // A mutation is done whole or not at all, and has bounds of its own.
    let budget = (!document.is_mutation)
        .then(|| Budget::new(&context.services.limits, context.services.db.readers()));
    let mut request = request.data(context);
    request.set_parsed_query(document.parsed);
    let execution = batches.drive(schema.execute(request));
    let mut response = match budget {
        None => execution.await,
        Some(budget) => match within(&budget, execution).await {
            Ok(response) => response,
            Err(error) => {
                let response = refused(error.message(), error.code(), &language, &request_id);
                return Executed { response, effects, unavailable: false };
            }
        },
    };
    let unavailable = localize(&mut response, &language, &request_id);
    Executed { response, effects, unavailable }
}

/// Executes something until its budget is used up; what came until then is thrown away, to be freed.
async fn within<T>(budget: &Arc<Budget>, execution: impl Future<Output = T>) -> Result<T> {
    let mut execution = pin!(Arc::clone(budget).within(execution));
    let done = poll_fn(|cx| {
        if budget.is_exhausted() {
            return Poll::Ready(None);
        }
        execution.as_mut().poll(cx).map(Some)
    });
    match (done.await, budget.check_answer()) {
        (Some(done), Ok(())) => Ok(done),
        (_, Err(error)) => Err(error),
        (None, Ok(())) => Err(Error::internal("a budget was used up, and does not say why")),
    }
}

/// Executes a request of a host against a schema that holds the module's roots, within the module's bounds.
pub async fn execute_for_host<Q, M, S>(
    schema: Schema<Q, M, S>,
    request: Request,
    context: RequestContext,
    language: String,
    limits: &Limits,
    request_id: String,
) -> Response
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let read = document::read(
        &request.query,
        request.operation_name.as_deref(),
        limits.query_depth,
        limits.query_fields,
    );
    let document = match read {
        Ok(document) => document,
        Err(Refusal::Syntax(text)) => {
            let text: String = text.chars().take(300).collect();
            let message = Message::new("not-graphql").with("reason", text);
            return refused(&message, ErrorCode::Validation, &language, &request_id);
        }
        Err(Refusal::Other(error)) => return refused(error.message(), error.code(), &language, &request_id),
    };
    execute(schema, request, document, context, language, request_id).await.response
}

fn refused(message: &Message, code: ErrorCode, language: &str, request_id: &str) -> Response {
    let mut error = ServerError::new(message.text(language), None);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code.as_str());
    extensions.set("requestId", request_id);
    error.extensions = Some(extensions);
    Response::from_errors(vec![error])
}
