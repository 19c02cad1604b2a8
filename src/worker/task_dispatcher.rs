//! Telling a dispatcher of an event: it judges the event by what webhooks show of it, with JSON in texts read.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};
use uuid::Uuid;

use super::gathered::{Gathered, Write};
use super::outbox::settlement::Attempted;
use crate::auth::requester::Requester;
use crate::budget::rests::RestedTurn;
use crate::db;
use crate::db::connection::DbConnection;
use crate::error::{Error, ErrorCode, Result};
use crate::graphql::webhook_endpoint::payload::WebhookPayloads;
use crate::model::outbox::Delivery;
use crate::model::task_dispatcher::TaskDispatcher;
use crate::service::task_dispatcher::{Act, Acted, concerns};
use crate::service::task_template::values::read_texts;
use crate::service::{ServiceContext, unit_of_work};
use crate::signal::Event;

/// How many deliveries to a dispatcher a worker takes at once. Most do not concern it and are only judged, which takes less time than
/// to take them and to note their end: these wait for other writers, however many deliveries there are.
pub const DISPATCHED: usize = 50;
/// How many of these are judged at once, so that people who read do not wait behind all of them.
const JUDGED: usize = 10;

/// What shows events. It holds nothing of them, and takes some milliseconds to make.
static PAYLOADS: LazyLock<WebhookPayloads> = LazyLock::new(WebhookPayloads::default);

/// A turn of who answers for a dispatcher, and what the deliveries share that are made in it.
pub struct DispatchTurn {
    /// The dispatcher, read after the deliveries were taken, so that it is as it was for each of these events, or as it is since.
    dispatcher: OnceCell<(Arc<Requester>, Option<TaskDispatcher>)>,
    judges: Semaphore,
    acts: Arc<Gathered<Act>>,
}

impl Write for Act {
    type Done = Acted;

    /// Acts of one person are less urgent than what people wait for.
    const LONGEST: Duration = Duration::from_millis(20);

    fn locks(&self) -> &str {
        &self.delivery.handler
    }

    fn write(&self, services: &ServiceContext, connection: &mut DbConnection) -> Result<Acted> {
        self.act(services, connection)
    }
}

impl DispatchTurn {
    /// Nothing is known yet of the dispatcher.
    pub fn new(services: &Arc<ServiceContext>, turn: RestedTurn) -> Self {
        Self {
            dispatcher: OnceCell::new(),
            judges: Semaphore::new(JUDGED),
            acts: Gathered::within(services, turn),
        }
    }

    /// Tells the dispatcher with this key of an event; returns what came of it. What would be refused again is not tried again, until
    /// somebody replays it.
    ///
    /// # Errors
    /// An error that may be gone later. Then it is told again.
    pub async fn tell(
        &self,
        services: &Arc<ServiceContext>,
        id: Uuid,
        delivery: &Delivery,
        event: &Event,
    ) -> Result<Attempted> {
        let Some(act) = self.judge(services, id, delivery, event).await? else {
            return Ok(Attempted::Delivered);
        };
        let acted = self.acts.write(act).await?;
        unit_of_work::count(acted.counted);
        match acted.is_ended {
            Ok(true) => Ok(Attempted::Delivered),
            Ok(false) => Ok(Attempted::Withheld),
            Err(error) => match error.code() {
                ErrorCode::Forbidden | ErrorCode::NotFound | ErrorCode::Validation => {
                    Ok(Attempted::Failed(error.to_string(), None))
                }
                _ => Err(error),
            },
        }
    }

    /// What the dispatcher is to do about an event, if the event concerns it: nobody waits for most of what it is told of.
    async fn judge(
        &self,
        services: &Arc<ServiceContext>,
        id: Uuid,
        delivery: &Delivery,
        event: &Event,
    ) -> Result<Option<Act>> {
        let _judge = self.judges.acquire().await.map_err(Error::internal)?;
        let mut document = PAYLOADS.body(services, event).await?;
        read_texts(&mut document);
        let read = || {
            services.read(move |_, connection| {
                let system = Arc::new(Requester::system(connection)?);
                Ok((system, db::get::<TaskDispatcher>(connection, id)?))
            })
        };
        let (system, dispatcher) = self.dispatcher.get_or_try_init(read).await?;
        if let Some(dispatcher) = dispatcher
            && dispatcher.is_enabled
            && !concerns(dispatcher, &document)?
        {
            return Ok(None);
        }
        let owner = dispatcher.as_ref().map(TaskDispatcher::owner);
        services.users.ahead(&Vec::from_iter(owner)).await?;
        let (system, delivery) = (Arc::clone(system), delivery.clone());
        Ok(Some(Act { system, dispatcher_id: id, delivery, document }))
    }
}
