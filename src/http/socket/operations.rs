//! Operations over a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::futures_util::stream::BoxStream;
use async_graphql::futures_util::{StreamExt as _, stream};
use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Executor, Pos, Request, Response};
use tracing::Instrument as _;

use crate::auth::requester::Requester;
use crate::clock::new_random_id;
use crate::config::Introspection;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::context::{Call, RequestId};
use crate::graphql::protocol::document::{self, Document};
use crate::graphql::protocol::shared_answers::Question;
use crate::http::socket::session::{FRESH, Session};
use crate::message::Message;
use crate::service::login::present;

/// Executes the operations of a session.
#[derive(Clone)]
pub struct Operations(pub Arc<Session>);

impl Executor for Operations {
    async fn execute(&self, request: Request) -> Response {
        begin(Arc::clone(&self.0), request).await.next().await.unwrap_or_default()
    }

    fn execute_stream(&self, request: Request, _: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        // In a box, whose memory is given back once the operation has begun: a subscription may last for days.
        stream::once(Box::pin(begin(Arc::clone(&self.0), request))).flatten().boxed()
    }
}

async fn begin(session: Arc<Session>, request: Request) -> BoxStream<'static, Response> {
    let id = RequestId(new_random_id().simple().to_string());
    let span = tracing::info_span!("operation", id = id.0);
    let language = match session.known() {
        Some(known) => known.found.requester.user.language.clone(),
        None => "en".to_owned(),
    };
    match execute(session, request, id.clone()).instrument(span).await {
        Ok(responses) => responses,
        Err(error) => {
            let mut error = error.into_graphql(&language).into_server_error(Pos::default());
            error.locations.clear();
            if let Some(extensions) = &mut error.extensions {
                extensions.set("requestId", id.0);
            }
            stream::iter([Response::from_errors(vec![error])]).boxed()
        }
    }
}

/// Begins an operation.
///
/// # Errors
/// UNAUTHENTICATED, FORBIDDEN, VALIDATION or LIMIT, and nothing is executed.
async fn execute(
    session: Arc<Session>,
    request: Request,
    id: RequestId,
) -> Result<BoxStream<'static, Response>> {
    let no_session = || Error::new(ErrorCode::Unauthenticated, Message::new("no-session"));
    let (app, known) = (&session.app, session.known().ok_or_else(no_session)?);
    let Some(under_way) = session.begin() else {
        let max = app.services.subscriptions.operations_per_connection;
        return Err(Error::new(ErrorCode::Limit, Message::new("subscription-operations").with("max", max)));
    };
    let question = Question::of(&request.query, request.operation_name.as_deref(), &request.variables);
    let document = document::read(request.query, request.operation_name, &app.services.limits).await?;
    check_access(&session, &document)?;
    let is_mutation = document.kind == OperationType::Mutation;
    // Who was blocked a moment ago reads for that moment, and writes nothing.
    let within = if is_mutation { Duration::ZERO } else { FRESH };
    let requester: Arc<Requester> =
        present(&app.services, &known.found.requester, within).await?.ok_or_else(no_session)?;
    tracing::debug!(operation = document.summary(), "an operation begins");
    let question = question.filter(|_| document.kind == OperationType::Subscription);
    let call = Call::of_stream(session.origin.address, document, session.hang_up.clone(), question);
    let request = Request::new("").variables(request.variables).data(Arc::new(call)).data(id).data(requester);
    let responses = app.schema.execute_stream(request);
    let responses = if is_mutation {
        // In a task of its own: what a mutation has begun is finished even if the client goes away.
        let execution = app.executions.spawn(responses.collect::<Vec<_>>());
        stream::once(async move { stream::iter(execution.await.unwrap_or_default()) }).flatten().boxed()
    } else {
        responses
    };
    Ok(responses
        .map(move |response| {
            let _ = &under_way;
            response
        })
        .boxed())
}

/// Refuses mutations by cookie, as a WebSocket carries no token against foreign pages, and closed introspection.
fn check_access(session: &Session, document: &Document) -> Result<()> {
    if session.known().is_some_and(|known| known.found.by_cookie) && document.kind == OperationType::Mutation
    {
        return Err(Error::forbidden(Message::new("mutation-by-cookie-socket")));
    }
    if session.app.graphql.introspection == Introspection::Off && document.introspects() {
        return Err(Error::forbidden(Message::new("no-introspection")));
    }
    Ok(())
}
