//! Executing an operation, whoever asks the library to: an executor of the host, a batch, a WebSocket, or this server. The
//! library calls this extension at each stage. It bounds, validates and normalises the document, makes the context of the
//! operation, drives its loaders, keeps it within its budget, and completes the answer.

use std::any::TypeId;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextPrepareRequest, NextRequest, NextResolve,
    NextSubscribe, ResolveInfo,
};
use async_graphql::futures_util::StreamExt as _;
use async_graphql::futures_util::stream::BoxStream;
use async_graphql::parser::types::OperationType;
use async_graphql::{
    Data, PathSegment, Request, Response, ServerError, ServerResult, Value, Variables,
    async_trait::async_trait,
};
use tracing::Instrument as _;

use crate::auth::requester::Requester;
use crate::budget::Budget;
use crate::budget::turn::{Turn, asker};
use crate::clock::new_random_id;
use crate::config::Limits;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::collect_fields::{Collected, Shape, collect};
use crate::graphql::protocol::completion::complete;
use crate::graphql::protocol::context::{Asking, Call, ContextToBe, Present, RequestId};
use crate::graphql::protocol::document::{self, Document};
use crate::graphql::protocol::meter::metered;
use crate::graphql::protocol::response::localize;
use crate::graphql::protocol::shared_answers::{EventKey, Question, SharedAnswers};
use crate::graphql::protocol::type_system::TypeSystem;
use crate::graphql::protocol::validation::{Violation, validate};
use crate::graphql::protocol::variables::coerce;
use crate::message::Message;
use crate::service::ServiceContext;
use crate::service::login::present;

/// How long ago the requester of an operation may have been looked up.
const FRESH: Duration = Duration::from_secs(1);

/// The extension by which the library executes operations as this module does.
pub struct Execution {
    services: Arc<ServiceContext>,
    answers: Arc<SharedAnswers>,
}

impl Execution {
    /// The extension of a schema.
    #[must_use]
    pub fn new(services: &Arc<ServiceContext>) -> Self {
        Self { services: Arc::clone(services), answers: Arc::default() }
    }
}

impl ExtensionFactory for Execution {
    fn create(&self) -> Arc<dyn Extension> {
        let (services, answers) = (Arc::clone(&self.services), Arc::clone(&self.answers));
        let asked = OnceLock::new();
        Arc::new(Execute(Arc::new(Operation {
            services,
            answers,
            asked,
            prepared: OnceLock::new(),
            refused: Mutex::default(),
            turn: Mutex::default(),
            budget: Mutex::default(),
        })))
    }
}

/// The extension for one operation.
struct Execute(Arc<Operation>);

/// One operation: a query, a mutation, or a subscription with all its events.
struct Operation {
    services: Arc<ServiceContext>,
    answers: Arc<SharedAnswers>,
    asked: OnceLock<Asked>,
    prepared: OnceLock<Prepared>,
    /// Why nothing is executed. The library takes one error only.
    refused: Mutex<Vec<ServerError>>,
    /// The turn of a query that is not executed yet.
    turn: Mutex<Option<Turn>>,
    /// What the query, the mutations or the event under way have cost; the turn of a query is in it.
    budget: Mutex<Option<Arc<Budget>>>,
}

/// Who asks, and how.
struct Asked {
    present: Arc<Mutex<Present>>,
    request_id: String,
    language: String,
    /// The call of this server; none for an operation that a host has executed.
    call: Option<Arc<Call>>,
    /// What log lines belong to.
    span: tracing::Span,
}

/// What was made of the document.
struct Prepared {
    shape: Shape,
    kind: OperationType,
    /// The response names of the fields at the root, and the names of the fields.
    roots: Vec<(String, String)>,
}

#[async_trait]
impl Extension for Execute {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let response = next.run(ctx).await;
        Arc::clone(&self.0).finish(ctx.data_opt().cloned(), response).await
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let (operation, types) = (Arc::clone(&self.0), ctx.data_opt::<Arc<TypeSystem>>().cloned());
        // In a box, as there is an answer now and then only, and many listen.
        let finish = move |response| Box::pin(Arc::clone(&operation).finish(types.clone(), response));
        next.run(ctx, stream).then(finish).boxed()
    }

    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        let request = next.run(ctx, request).await?;
        self.0.prepare(ctx, request).await.map_err(|errors| self.0.refuse(errors))
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let (Some(asked), Some(prepared)) = (self.0.asked.get(), self.0.prepared.get()) else {
            return next.run(ctx, operation_name).await;
        };
        let requester = match self.0.present(asked).await {
            Ok(requester) => requester,
            Err(error) => return Response::from_errors(vec![server_error(error, Vec::new())]),
        };
        let shared = asked.shared().filter(|_| requester.is_some());
        if let Some(answer) = shared.and_then(|(question, event)| self.0.answers.get(question, event)) {
            return Response::new(answer);
        }
        // Each event of a subscription has a context of its own, because its loaders take turns with its execution alone.
        let context = Arc::new(ContextToBe::new(&self.0.services, requester, asked.call.as_ref()));
        let batches = context.batches();
        let mut data = Data::default();
        data.insert(Arc::clone(&context));
        let execution = batches.drive(next.run_with_data(ctx, operation_name, data));
        let execution = Box::pin(execution.instrument(asked.span.clone()));
        let (limits, connections) = (&self.0.services.limits, self.0.services.db.readers());
        let budget = if prepared.kind == OperationType::Mutation {
            // It does not wait for a turn: what it has locked would wait too.
            Budget::of_mutations(limits, connections)
        } else {
            let begun = lock(&self.0.turn).take();
            let turn = match begun {
                Some(turn) => turn,
                None => self.0.begin_turn(asked).await,
            };
            Budget::of_query(limits, connections, turn)
        };
        *lock(&self.0.budget) = Some(Arc::clone(&budget));
        match within(&budget, execution).await {
            Ok(response) => {
                if let Some((question, event)) = shared
                    && response.errors.is_empty()
                    && context.is_for_everybody()
                {
                    self.0.answers.keep(question, event, &response.data);
                }
                response
            }
            Err(error) => Response::from_errors(vec![server_error(error, Vec::new())]),
        }
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        metered(ctx, info, next).await
    }
}

impl Operation {
    /// Reads, bounds, validates and normalises the document of a request.
    async fn prepare(
        &self,
        ctx: &ExtensionContext<'_>,
        mut request: Request,
    ) -> std::result::Result<Request, Vec<ServerError>> {
        let asked = self.asked.get_or_init(|| Asked::of(ctx, &request));
        let requester = self.present(asked).await.map_err(|error| vec![server_error(error, Vec::new())])?;
        let present = Arc::clone(&asked.present);
        request.data.insert(Asking { services: Arc::clone(&self.services), requester, present });
        let Some(types) = ctx.data_opt::<Arc<TypeSystem>>().cloned() else {
            return Err(vec![fault("the schema was not finished by this module")]);
        };
        let limits = self.services.limits.clone();
        let mut turn = asked.call.as_ref().and_then(|call| call.take_turn());
        let read = asked.call.as_ref().and_then(|call| call.take_document());
        let document = if let Some(document) = read {
            Ok(document)
        } else {
            // Reading a long document may take many times its size.
            if document::is_long(&request.query) {
                turn.insert(self.begin_turn(asked).await).become_large().await;
            }
            document::read(request.query.clone(), request.operation_name.clone(), &limits).await
        };
        let document = document.map_err(|error| vec![server_error(error, Vec::new())])?;
        let (kind, is_long) = (document.kind, document.is_long);
        if turn.is_none() && kind == OperationType::Query {
            turn = Some(self.begin_turn(asked).await);
        }
        let roots = document.root_keys.iter().cloned().zip(document.root_fields.iter().cloned()).collect();
        let variables = std::mem::take(&mut request.variables);
        let prepared =
            document::aside(is_long, move || prepare(&types, &document, &variables, &limits)).await;
        let Collected { document, shape } = match prepared {
            Ok(prepared) => prepared?,
            Err(error) => return Err(vec![fault(error.to_string())]),
        };
        request.operation_name = None;
        request.set_parsed_query(document);
        // A mutation has no turn. The events of a subscription have turns of their own.
        *lock(&self.turn) = turn.filter(|_| kind == OperationType::Query);
        // It is set once: the library prepares an operation once.
        let _ = self.prepared.set(Prepared { shape, kind, roots });
        Ok(request)
    }

    /// Waits for a turn of whoever asks.
    async fn begin_turn(&self, asked: &Asked) -> Turn {
        let requester = lock(&asked.present).requester.clone();
        let username = requester.as_ref().map(|requester| requester.user.username.as_str());
        match &asked.call {
            Some(call) if !call.is_stream() => {
                self.services.turns.begin(&asker(username, call.address)).await
            }
            Some(call) => self.services.turns.begin_at_host(&asker(username, call.address)).await,
            None => self.services.turns.begin_at_host(&asker(username, None)).await,
        }
    }

    /// The requester with rights as they are now, as a connection may last long; none for a stranger, and for one who may not
    /// act any more.
    async fn present(&self, asked: &Asked) -> Result<Option<Arc<Requester>>> {
        let known = lock(&asked.present).requester.clone();
        let Some(known) = known else { return Ok(None) };
        // This server has looked its requesters up for the call.
        if asked.call.as_ref().is_some_and(|call| !call.is_stream()) {
            return Ok(Some(known));
        }
        let present = present(&self.services, &known, FRESH).await?;
        lock(&asked.present).requester.clone_from(&present);
        Ok(present)
    }

    /// Keeps why nothing is executed; returns the first reason.
    fn refuse(&self, errors: Vec<ServerError>) -> ServerError {
        let first = errors.first().cloned().unwrap_or_else(|| fault("a refusal has a reason"));
        *lock(&self.refused) = errors;
        first
    }

    /// Completes an answer: the whole one, or that of an event.
    async fn finish(self: Arc<Self>, types: Option<Arc<TypeSystem>>, mut response: Response) -> Response {
        let refused = std::mem::take(&mut *lock(&self.refused));
        if !refused.is_empty() {
            response.errors = refused;
        }
        let budget = lock(&self.budget).take();
        let is_large = budget.as_ref().is_some_and(|budget| budget.is_large());
        let operation = Arc::clone(&self);
        let completed = document::aside(is_large, move || {
            if let Some(prepared) = operation.prepared.get() {
                complete(&mut response, &prepared.shape);
            }
            response
        });
        let mut response = completed
            .await
            .unwrap_or_else(|error| Response::from_errors(vec![server_error(error, Vec::new())]));
        let Some(asked) = self.asked.get() else { return response };
        let prepared = self.prepared.get();
        let is_own = |path: &[PathSegment]| match (path.first(), prepared, &types) {
            // Whatever this server answers is the module's.
            _ if asked.call.is_some() => true,
            (Some(PathSegment::Field(key)), Some(prepared), Some(types)) => {
                prepared.roots.iter().any(|(root, field)| root == key && types.is_own_root(field))
            }
            _ => false,
        };
        let unavailable =
            asked.span.in_scope(|| localize(&mut response, &asked.language, &asked.request_id, is_own));
        // At a host, and in a stream, the turn ends here: nobody tells when the answer is written.
        if let Some(call) = &asked.call {
            call.unavailable.fetch_or(unavailable, Ordering::Relaxed);
            if !call.is_stream() {
                call.keep_budget(budget);
            }
        }
        response
    }
}

impl Asked {
    /// Who asks by this request: the requester of its data, or of the data of its session.
    fn of(ctx: &ExtensionContext<'_>, request: &Request) -> Self {
        let call = given::<Arc<Call>>(ctx, request).cloned();
        let requester = given::<Arc<Requester>>(ctx, request).cloned();
        let request_id = given::<RequestId>(ctx, request)
            .map_or_else(|| new_random_id().simple().to_string(), |id| id.0.clone());
        let strangers = || call.as_ref().map(|call| call.language.clone()).unwrap_or_default();
        let language = requester.as_ref().map_or_else(strangers, |requester| requester.user.language.clone());
        // The lines of this server's calls belong to their requests, which streams outlive.
        let span = if call.as_ref().is_some_and(|call| !call.is_stream()) {
            tracing::Span::current()
        } else {
            // Errors alone may be logged.
            tracing::error_span!("request", id = request_id)
        };
        let present = Arc::new(Mutex::new(Present { requester, event: None }));
        Self { present, request_id, language, call, span }
    }

    /// Under what the answer to the event that is told may be shared. It is taken once: the error with which a subscription ends belongs to
    /// no event.
    fn shared(&self) -> Option<(Question, EventKey)> {
        let event = lock(&self.present).event.take();
        self.call.as_ref()?.question.zip(event)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the request was given, or its session.
fn given<'a, T: Send + Sync + 'static>(ctx: &ExtensionContext<'a>, request: &'a Request) -> Option<&'a T> {
    let own = request.data.get(&TypeId::of::<T>()).and_then(|given| given.downcast_ref());
    own.or_else(|| ctx.data_opt())
}

/// Executes something until its budget ends it; what came until then is thrown away, to be freed.
async fn within<T>(budget: &Arc<Budget>, execution: impl Future<Output = T> + Unpin) -> Result<T> {
    let mut execution = pin!(Arc::clone(budget).within(execution));
    let done = poll_fn(|cx| {
        if budget.ends() {
            return Poll::Ready(None);
        }
        execution.as_mut().poll(cx).map(Some)
    });
    match done.await {
        Some(done) if !budget.ends() => Ok(done),
        _ => Err(budget
            .check_answer()
            .err()
            .unwrap_or_else(|| Error::internal("a budget was used up, and does not say why"))),
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
    let collected = collect(types, &document.parsed.fragments, operation, &values, limits)
        .map_err(|error| vec![server_error(error, Vec::new())])?;
    if operation.ty == OperationType::Subscription && collected.shape.fields.len() > 1 {
        let message = Message::new("subscription-one-field");
        let position = vec![operation.selection_set.pos];
        return Err(vec![server_error(Error::new(ErrorCode::Validation, message), position)]);
    }
    Ok(collected)
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
