//! The context of a request, which resolvers get.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::budget::Budget;
use crate::budget::turn::Turn;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::batches::Batches;
use crate::graphql::protocol::document::Document;
use crate::graphql::protocol::known::{Knowable, Known};
use crate::graphql::protocol::loader::{
    ActionsOnTasks, Asked, ClaimsOnTasks, CommentsOfTasks, Entities, Executors, FlowSteps, Flows, Groups,
    InFlight, Languages, LogsOfRuns, NextMoments, OwnVotes, ProgressOfTasks, RightsOfRoles, RolesOfUsers,
    RunsOfTasks, StepsOfFlows, Tasks, Users,
};
use crate::graphql::protocol::response::shared;
use crate::graphql::protocol::shared_answers::{EventKey, Question};
use crate::message::Message;
use crate::service::ServiceContext;
use crate::service::login::Granted;

/// The context of a request, which resolvers get.
pub struct RequestContext {
    /// The context of the services.
    pub services: Arc<ServiceContext>,
    requester: Option<Arc<Requester>>,
    /// The call of this server; one without cookies and address, if a host has the request executed.
    pub call: Arc<Call>,
    /// What was read with lists already; the loaders below fetch the rest.
    pub known: Arc<Known>,
    /// People, batched.
    pub users: DataLoader<Users>,
    /// Tasks, batched.
    pub tasks: DataLoader<Tasks>,
    /// Task groups, batched.
    pub groups: DataLoader<Groups>,
    /// The executors of task groups, batched.
    pub executors: DataLoader<Executors>,
    /// Flows, batched.
    pub flows: DataLoader<Flows>,
    /// The steps of flows, batched.
    pub steps_of_flows: DataLoader<StepsOfFlows>,
    /// Steps of flows, batched.
    pub flow_steps: DataLoader<FlowSteps>,
    /// How many open tasks are in flows, batched.
    pub in_flight: DataLoader<InFlight>,
    /// The progress of tasks, batched.
    pub progress: DataLoader<ProgressOfTasks>,
    /// What the requester can do with tasks, batched.
    pub actions: DataLoader<ActionsOnTasks>,
    /// The claims on tasks, batched.
    pub claims: DataLoader<ClaimsOnTasks>,
    /// The requester's votes on tasks, batched.
    pub own_votes: DataLoader<OwnVotes>,
    /// The comments on tasks, batched.
    pub comments: DataLoader<CommentsOfTasks>,
    /// The next moments of schedules, batched.
    pub next_moments: DataLoader<NextMoments>,
    /// What runs of functions have said, batched.
    pub logs: DataLoader<LogsOfRuns>,
    /// The present names of the entities of tasks, batched.
    pub entities: DataLoader<Entities>,
    /// The roles that users have, batched.
    pub roles_of_users: DataLoader<RolesOfUsers>,
    /// The rights that roles grant, batched.
    pub rights_of_roles: DataLoader<RightsOfRoles>,
    /// Languages, batched.
    pub languages: DataLoader<Languages>,
    /// Whether the requester sees other people's personal data, once that was asked.
    pub sees_personal_data: OnceCell<bool>,
    /// The runs for tasks, batched.
    pub runs_of_tasks: DataLoader<RunsOfTasks>,
    /// Whether the requester sees the runs for which others have asked, once that was asked.
    pub sees_all_runs: OnceCell<bool>,
}

/// The context of a request before a resolver has asked for it. An event of a subscription often needs none.
pub struct ContextToBe {
    services: Arc<ServiceContext>,
    requester: Option<Arc<Requester>>,
    call: Option<Arc<Call>>,
    batches: Batches,
    context: OnceLock<RequestContext>,
    /// Whether somebody has asked who asks.
    is_personal: AtomicBool,
}

impl ContextToBe {
    /// The context of a request by this requester, or by a stranger, that is to be made.
    #[must_use]
    pub fn new(
        services: &Arc<ServiceContext>,
        requester: Option<Arc<Requester>>,
        call: Option<&Arc<Call>>,
    ) -> Self {
        let (services, call) = (Arc::clone(services), call.cloned());
        let (batches, context, is_personal) = (Batches::default(), OnceLock::new(), AtomicBool::default());
        Self { services, requester, call, batches, context, is_personal }
    }

    /// The batches of the loaders. Whoever executes the request has to drive them.
    #[must_use]
    pub fn batches(&self) -> Batches {
        self.batches.clone()
    }

    /// Whether what was answered is the same for everybody: no resolver has asked for the requester, or for anything else that is not in
    /// what it was given.
    #[must_use]
    pub fn is_for_everybody(&self) -> bool {
        self.context.get().is_none() && !self.is_personal.load(Ordering::Relaxed)
    }

    fn context(&self) -> &RequestContext {
        self.context.get_or_init(|| {
            RequestContext::new(&self.services, self.requester.clone(), self.call.as_ref(), &self.batches)
        })
    }

    fn requester(&self) -> Result<&Arc<Requester>> {
        self.is_personal.store(true, Ordering::Relaxed);
        self.requester.as_ref().ok_or_else(no_session)
    }
}

/// The id of a request, which its errors and its log lines show: a host's own, where the host gives one with the request's
/// data.
///
/// ```
/// use async_graphql::Request;
/// use tasks_management::RequestId;
///
/// let request = Request::new("{ task { totalCount } }").data(RequestId("7f3a".to_owned()));
/// # let _ = request;
/// ```
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// A call of this server: what it gives the execution beside the request, and what it takes back beside the answer.
#[derive(Default)]
pub struct Call {
    /// The tokens that came in cookies.
    pub cookies: Cookies,
    /// The address from which the request came.
    pub address: Option<IpAddr>,
    /// The language of the answer to a stranger; empty: English.
    pub language: String,
    /// The effects that the answer is to have besides its body.
    effects: Mutex<Vec<Effect>>,
    /// Whether the database could not be used.
    pub unavailable: AtomicBool,
    /// The document, which was read already; in a box, because a stream has no use for its place.
    document: Mutex<Option<Box<Document>>>,
    /// The turn of the call, if it has one already.
    turn: Mutex<Option<Turn>>,
    /// What a query has cost.
    budget: Mutex<Option<Arc<Budget>>>,
    /// Of a call that is answered by a stream: breaks off the connection of one who reads too slowly.
    pub hang_up: Option<CancellationToken>,
    /// Of a subscription: what it asks. Those who ask the same may share answers.
    pub question: Option<Question>,
}

impl Call {
    /// A call with these tokens from this address, whose document was read; `turn` is its turn if it has one already.
    #[must_use]
    pub fn new(cookies: Cookies, address: Option<IpAddr>, document: Document, turn: Option<Turn>) -> Self {
        let (document, turn) = (Mutex::new(Some(Box::new(document))), Mutex::new(turn));
        Self { cookies, address, document, turn, ..Self::default() }
    }

    /// The same, of somebody who reads this language.
    #[must_use]
    pub fn in_language(mut self, language: &str) -> Self {
        language.clone_into(&mut self.language);
        self
    }

    /// A call that is answered by a stream, for as long as the connection lasts.
    #[must_use]
    pub fn of_stream(
        address: Option<IpAddr>,
        document: Document,
        hang_up: CancellationToken,
        question: Option<Question>,
    ) -> Self {
        Self { hang_up: Some(hang_up), question, ..Self::new(Cookies::default(), address, document, None) }
    }

    /// Whether it is answered by a stream: who asks is looked up again, and nobody takes what it has cost.
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        self.hang_up.is_some()
    }

    /// Takes the document, which is executed once.
    pub fn take_document(&self) -> Option<Document> {
        taken(&self.document).map(|document| *document)
    }

    /// Takes the turn that the call has already.
    pub fn take_turn(&self) -> Option<Turn> {
        taken(&self.turn)
    }

    /// Keeps what the query has cost, and with it the query's turn.
    pub fn keep_budget(&self, budget: Option<Arc<Budget>>) {
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner) = budget;
    }

    /// Takes what the query has cost. Keep it until the answer is written, because the query's turn lasts until then.
    pub fn take_budget(&self) -> Option<Arc<Budget>> {
        taken(&self.budget)
    }

    /// Takes the effects.
    pub fn take_effects(&self) -> Vec<Effect> {
        std::mem::take(&mut self.effects.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn taken<T>(kept: &Mutex<Option<T>>) -> Option<T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Who asks, as the data of a request that is executed.
#[derive(Clone)]
pub struct Asking {
    /// The context of the services.
    pub services: Arc<ServiceContext>,
    /// Who asked when the execution began; none for a stranger.
    pub requester: Option<Arc<Requester>>,
    /// The same person with rights as they were known last, and the event that is told.
    pub present: Arc<Mutex<Present>>,
}

/// Who asks, as known last, and of what event a subscription tells.
#[derive(Default)]
pub struct Present {
    /// With rights as they were known last; none for a stranger.
    pub requester: Option<Arc<Requester>>,
    /// The event, if it is told to others too.
    pub event: Option<EventKey>,
}

impl Asking {
    /// Notes who asks with present rights, so that they are not looked up once more, and what is told of.
    pub fn renew(&self, requester: &Arc<Requester>, event: Option<EventKey>) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        *present = Present { requester: Some(Arc::clone(requester)), event };
    }
}

/// The tokens that came in cookies.
#[derive(Debug, Clone, Default)]
pub struct Cookies {
    /// The access token.
    pub access: Option<String>,
    /// The refresh token.
    pub refresh: Option<String>,
    /// The token of the device.
    pub device: Option<String>,
}

/// An effect of an answer besides its body.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Gives the browser the cookies of a session.
    SetCookies(Box<Granted>),
    /// Takes the access token from the browser.
    ClearAccess,
    /// Takes the refresh token from the browser.
    ClearRefresh,
    /// Answers with HTTP 401.
    Unauthenticated,
}

impl RequestContext {
    /// The context of a request by this requester, or by a stranger.
    fn new(
        services: &Arc<ServiceContext>,
        requester: Option<Arc<Requester>>,
        call: Option<&Arc<Call>>,
        batches: &Batches,
    ) -> Self {
        let known = Arc::<Known>::default();
        let executors = Executors {
            services: Arc::clone(services),
            requester: requester.clone(),
            known: Arc::clone(&known),
            with_people: AtomicBool::default(),
        };
        let asked = Asked { services: Arc::clone(services), requester: requester.clone() };
        Self {
            services: Arc::clone(services),
            call: call.cloned().unwrap_or_default(),
            users: loader(Users(Arc::clone(services)), batches),
            tasks: loader(Tasks(Arc::clone(services)), batches),
            groups: loader(Groups(Arc::clone(services)), batches),
            executors: loader(executors, batches),
            flows: loader(Flows(Arc::clone(services)), batches),
            steps_of_flows: loader(StepsOfFlows(Arc::clone(services)), batches),
            flow_steps: loader(FlowSteps(Arc::clone(services)), batches),
            in_flight: loader(InFlight(Arc::clone(services)), batches),
            progress: loader(ProgressOfTasks(Arc::clone(services)), batches),
            actions: loader(ActionsOnTasks(asked.clone()), batches),
            claims: loader(ClaimsOnTasks(Arc::clone(services)), batches),
            next_moments: loader(NextMoments(Arc::clone(services)), batches),
            logs: loader(LogsOfRuns(asked.clone()), batches),
            own_votes: loader(OwnVotes(asked), batches),
            comments: loader(CommentsOfTasks(Arc::clone(services)), batches),
            entities: loader(Entities(Arc::clone(services)), batches),
            roles_of_users: loader(RolesOfUsers(Arc::clone(services)), batches),
            rights_of_roles: loader(RightsOfRoles(Arc::clone(services)), batches),
            languages: loader(Languages(Arc::clone(services)), batches),
            sees_personal_data: OnceCell::new(),
            runs_of_tasks: loader(RunsOfTasks(Arc::clone(services)), batches),
            sees_all_runs: OnceCell::new(),
            known,
            requester,
        }
    }

    /// The requester.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a stranger.
    pub fn requester(&self) -> Result<&Arc<Requester>> {
        self.requester.as_ref().ok_or_else(no_session)
    }

    /// The row with this key, which is known already, or which the loader fetches.
    ///
    /// # Errors
    /// The error of the loader.
    pub async fn row<L>(&self, loader: &DataLoader<L>, id: Uuid) -> Result<Option<L::Value>>
    where
        L: Loader<Uuid, Value: Knowable, Error = Arc<Error>>,
    {
        match self.known.row(id) {
            Some(row) => Ok(Some(row)),
            None => loader.load_one(id).await.map_err(shared),
        }
    }

    /// Adds an effect to the answer.
    pub fn effect(&self, effect: Effect) {
        self.call.effects.lock().unwrap_or_else(PoisonError::into_inner).push(effect);
    }
}

/// The context of the present request.
///
/// # Errors
/// INTERNAL, with a sentence for the host's developers, in a schema that this module has not made.
pub fn request<'a>(ctx: &Context<'a>) -> Result<&'a RequestContext> {
    ctx.data_opt::<Arc<ContextToBe>>().map(|to_be| to_be.context()).ok_or_else(foreign_schema)
}

/// Who asks by a subscription that begins.
///
/// # Errors
/// INTERNAL, with a sentence for the host's developers, in a schema that this module has not made.
pub fn asking<'a>(ctx: &Context<'a>) -> Result<&'a Asking> {
    ctx.data_opt().ok_or_else(foreign_schema)
}

fn foreign_schema() -> Error {
    let sentence = "The module's fields are answered in schemas only that TaskManagement::schema has made.";
    Error::new(ErrorCode::Internal, Message::words(sentence))
}

/// The requester, for the resolvers of a host: the `Arc<Requester>` in the data of the request, or of its WebSocket.
///
/// # Errors
/// UNAUTHENTICATED for a stranger.
pub fn requester<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Requester>> {
    match ctx.data_opt::<Arc<ContextToBe>>() {
        Some(to_be) => to_be.requester(),
        // A subscription begins outside the execution of its events.
        None => ctx.data_opt::<Asking>().and_then(|asking| asking.requester.as_ref()).ok_or_else(no_session),
    }
}

fn no_session() -> Error {
    Error::new(ErrorCode::Unauthenticated, Message::new("no-session"))
}

fn loader<L>(loader: L, batches: &Batches) -> DataLoader<L> {
    // Batches wait until the execution waits. Waiting longer gains nothing.
    DataLoader::new(loader, batches.spawner()).delay(std::time::Duration::ZERO)
}
