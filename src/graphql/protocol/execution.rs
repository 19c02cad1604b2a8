//! Executing an operation: it is validated and normalised, its loaders are driven, and its answer is completed.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use async_graphql::{ObjectType, Request, Response, Schema, ServerError, SubscriptionType, Variables};

use crate::budget::Budget;
use crate::budget::turn::Turn;
use crate::config::Limits;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::collect_fields::{Collected, collect};
use crate::graphql::protocol::completion::complete;
use crate::graphql::protocol::context::{Effect, RequestContext};
use crate::graphql::protocol::document::{self, Document};
use crate::graphql::protocol::response::localize;
use crate::graphql::protocol::type_system::TypeSystem;
use crate::graphql::protocol::validation::{Violation, validate};
use crate::graphql::protocol::variables::coerce;

/// The result of an operation.
pub struct Executed {
    /// The answer. Errors without a path mean that nothing was executed.
    pub response: Response,
    /// The effects of the answer besides its body.
    pub effects: Arc<Mutex<Vec<Effect>>>,
    /// Whether the database could not be used.
    pub unavailable: bool,
    /// What a query has cost. Keep it until the answer is written, because its turn lasts until then.
    pub budget: Option<Arc<Budget>>,
}

/// Executes a request whose document was read by [`document::read`]; `turn` is its turn if it has one already.
pub async fn execute<Q, M, S>(
    schema: Schema<Q, M, S>,
    mut request: Request,
    document: Document,
    context: RequestContext,
    turn: Option<Turn>,
    language: String,
    request_id: String,
) -> Executed
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let (effects, batches) = (Arc::clone(&context.effects), context.batches.clone());
    let limits = context.services.limits.clone();
    let is_mutation = document.is_mutation;
    let turn = match turn {
        None if !is_mutation => Some(context.services.turns.begin(&context.asker()).await),
        turn => turn,
    };
    let is_long = document.is_long;
    let variables = std::mem::take(&mut request.variables);
    let prepared = {
        let (schema, limits) = (schema.clone(), limits.clone());
        move || match schema.data::<TypeSystem>() {
            Some(types) => prepare(types, &document, &variables, &limits),
            None => Err(vec![fault("the schema was not finished by this module")]),
        }
    };
    let prepared = match document::aside(is_long, prepared).await {
        Ok(prepared) => prepared,
        Err(error) => Err(vec![fault(error.to_string())]),
    };
    // A mutation is done whole or not at all, and has bounds of its own: among them that it may be told to wait.
    let turn = turn.filter(|_| !is_mutation);
    let budget = turn.map(|turn| Budget::new(&limits, context.services.db.readers(), turn));
    let mut response = match prepared {
        Ok(Collected { document, shape }) => {
            request.operation_name = None;
            request.set_parsed_query(document);
            let execution = Box::pin(batches.drive(schema.execute(request.data(context))));
            let executed = match &budget {
                None => Ok(execution.await),
                Some(budget) => within(budget, execution).await,
            };
            let is_large = budget.as_ref().is_some_and(|budget| budget.is_large());
            let completed = match executed {
                Ok(mut response) => {
                    let work = move || {
                        complete(&mut response, &shape);
                        response
                    };
                    document::aside(is_large, work).await
                }
                Err(error) => Err(error),
            };
            completed.unwrap_or_else(|error| Response::from_errors(vec![server_error(error, Vec::new())]))
        }
        Err(errors) => Response::from_errors(errors),
    };
    let unavailable = localize(&mut response, &language, &request_id);
    Executed { response, effects, unavailable, budget }
}

/// Executes something until its budget is used up; what came until then is thrown away, to be freed.
async fn within<T>(budget: &Arc<Budget>, execution: impl Future<Output = T> + Unpin) -> Result<T> {
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
    request_id: String,
) -> Response
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let limits = context.services.limits.clone();
    let query = request.query.clone();
    match document::read(query, request.operation_name.clone(), &limits).await {
        Ok(document) => {
            execute(schema, request, document, context, None, language, request_id).await.response
        }
        Err(error) => {
            let mut response = Response::from_errors(vec![server_error(error, Vec::new())]);
            localize(&mut response, &language, &request_id);
            response
        }
    }
}

/// Makes what the library executes from a document and variables.
fn prepare(
    types: &TypeSystem,
    document: &Document,
    variables: &Variables,
    limits: &Limits,
) -> std::result::Result<Collected, Vec<ServerError>> {
    let violations = validate(types, &document.parsed);
    if !violations.is_empty() {
        return Err(errors(violations));
    }
    let operation = document.operation().map_err(|error| vec![server_error(error, Vec::new())])?;
    let values = coerce(types, operation, variables).map_err(errors)?;
    collect(types, &document.parsed.fragments, operation, &values, limits)
        .map_err(|error| vec![server_error(error, Vec::new())])
}

fn errors(violations: Vec<Violation>) -> Vec<ServerError> {
    let error = |violation: Violation| {
        server_error(Error::new(ErrorCode::Validation, violation.message), violation.positions)
    };
    violations.into_iter().map(error).collect()
}

fn fault(cause: impl Into<String>) -> ServerError {
    server_error(Error::internal(cause.into()), Vec::new())
}

fn server_error(error: Error, locations: Vec<async_graphql::Pos>) -> ServerError {
    let mut server_error = ServerError::new(error.to_string(), None);
    server_error.locations = locations;
    server_error.source = Some(Arc::new(error));
    server_error
}
