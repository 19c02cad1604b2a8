//! The context of a request, which resolvers get.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Context;
use async_graphql::dataloader::DataLoader;
use tokio::sync::OnceCell;

use crate::auth::requester::Requester;
use crate::budget::turn::asker;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::protocol::batches::Batches;
use crate::graphql::protocol::loader::{
    Entities, Executors, FlowSteps, Flows, Groups, InFlight, Languages, ProgressOfTasks, RightsOfRoles,
    RolesOfUsers, StepsOfFlows, Tasks, Users,
};
use crate::message::Message;
use crate::service::ServiceContext;
use crate::service::login::Granted;

/// The context of a request, which resolvers get.
pub struct RequestContext {
    /// The context of the services.
    pub services: Arc<ServiceContext>,
    requester: Option<Arc<Requester>>,
    /// The tokens that came in cookies.
    pub cookies: Cookies,
    /// The address from which the request came.
    pub address: Option<IpAddr>,
    /// The effects that the answer is to have besides its body.
    pub effects: Arc<Mutex<Vec<Effect>>>,
    /// The batches of the loaders below. Whoever executes the request has to drive them.
    pub batches: Batches,
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
    #[must_use]
    pub fn new(
        services: &Arc<ServiceContext>,
        requester: Option<Arc<Requester>>,
        cookies: Cookies,
        address: Option<IpAddr>,
    ) -> Self {
        let batches = Batches::default();
        Self {
            services: Arc::clone(services),
            cookies,
            address,
            effects: Arc::default(),
            users: loader(Users(Arc::clone(services)), &batches),
            tasks: loader(Tasks(Arc::clone(services)), &batches),
            groups: loader(Groups(Arc::clone(services)), &batches),
            executors: loader(Executors(Arc::clone(services), requester.clone()), &batches),
            flows: loader(Flows(Arc::clone(services)), &batches),
            steps_of_flows: loader(StepsOfFlows(Arc::clone(services)), &batches),
            flow_steps: loader(FlowSteps(Arc::clone(services)), &batches),
            in_flight: loader(InFlight(Arc::clone(services)), &batches),
            progress: loader(ProgressOfTasks(Arc::clone(services)), &batches),
            entities: loader(Entities(Arc::clone(services)), &batches),
            roles_of_users: loader(RolesOfUsers(Arc::clone(services)), &batches),
            rights_of_roles: loader(RightsOfRoles(Arc::clone(services)), &batches),
            languages: loader(Languages(Arc::clone(services)), &batches),
            sees_personal_data: OnceCell::new(),
            requester,
            batches,
        }
    }

    /// Who asks, as far as turns are concerned.
    #[must_use]
    pub fn asker(&self) -> String {
        asker(self.requester.as_ref().map(|requester| requester.id()), self.address)
    }

    /// The requester.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a stranger.
    pub fn requester(&self) -> Result<&Arc<Requester>> {
        self.requester
            .as_ref()
            .ok_or_else(|| Error::new(ErrorCode::Unauthenticated, Message::new("no-session")))
    }

    /// Adds an effect to the answer.
    pub fn effect(&self, effect: Effect) {
        self.effects.lock().unwrap_or_else(PoisonError::into_inner).push(effect);
    }
}

/// The context of the present request.
///
/// # Errors
/// INTERNAL when the schema is executed without a context.
pub fn request<'a>(ctx: &Context<'a>) -> Result<&'a RequestContext> {
    ctx.data::<RequestContext>().map_err(|error| Error::internal(error.message))
}

/// The requester, for the resolvers of a host.
///
/// # Errors
/// UNAUTHENTICATED for a stranger; INTERNAL when the schema is not executed by [`TaskManagement::execute`].
///
/// [`TaskManagement::execute`]: crate::TaskManagement::execute
pub fn requester<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Requester>> {
    request(ctx)?.requester()
}

fn loader<L>(loader: L, batches: &Batches) -> DataLoader<L> {
    // Batches wait until the execution waits. Waiting longer gains nothing.
    DataLoader::new(loader, batches.spawner()).delay(std::time::Duration::ZERO)
}
