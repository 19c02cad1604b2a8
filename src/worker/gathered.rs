//! Gathered writes: those that come while one is under way are done together by the next, in one transaction. So however many
//! deliveries there are, logins and votes wait for one or two transactions of the workers, and not for thousands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::budget::rests::RestedTurn;
use crate::db::connection::DbConnection;
use crate::error::{Error, ErrorCode, Result};
use crate::service::ServiceContext;

/// How many writes one transaction holds at most.
const MOST: usize = 200;

/// A write that may be done together with others of its kind.
pub trait Write: Send + Sync + 'static {
    /// The result.
    type Done: Send + 'static;

    /// After how long a transaction takes no more of them, so that others do not wait long for it.
    const LONGEST: Duration = Duration::from_millis(50);

    /// The name of what it locks: writes are done in the order of these, so that none waits for another in a circle.
    fn locks(&self) -> &str;

    /// Does it in the present transaction.
    fn write(&self, services: &ServiceContext, connection: &mut DbConnection) -> Result<Self::Done>;
}

/// Gathers writes of one kind.
pub struct Gathered<W: Write> {
    services: Arc<ServiceContext>,
    waiting: Mutex<Vec<Waiting<W>>>,
    turn: tokio::sync::Mutex<()>,
    /// Whose transactions have rests between them.
    rested: Option<RestedTurn>,
}

struct Waiting<W: Write> {
    write: Arc<W>,
    done: oneshot::Sender<Result<W::Done>>,
}

impl<W: Write> Gathered<W> {
    /// Nothing is gathered yet.
    pub fn new(services: &Arc<ServiceContext>) -> Arc<Self> {
        Self::within(services, None)
    }

    /// The same, for writes that are done within a turn, one transaction after the other.
    pub fn within(services: &Arc<ServiceContext>, rested: impl Into<Option<RestedTurn>>) -> Arc<Self> {
        Arc::new(Self {
            services: Arc::clone(services),
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            rested: rested.into(),
        })
    }

    /// Does a write, perhaps together with others. It is done even if nobody waits for it any more.
    ///
    /// # Errors
    /// The error of the write.
    pub async fn write(self: &Arc<Self>, write: W) -> Result<W::Done> {
        let (done, answer) = oneshot::channel();
        self.waiting().push(Waiting { write: Arc::new(write), done });
        // In a task of its own, because others wait for it too.
        tokio::spawn(Arc::clone(self).write_waiting());
        answer.await.map_err(Error::internal)?
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting<W>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the writes that wait, or the first of them, if an earlier turn has left any. There are as many turns as writes, and
    /// each does at least one.
    async fn write_waiting(self: Arc<Self>) {
        let _turn = self.turn.lock().await;
        let mut gathered: Vec<Waiting<W>> = {
            let mut waiting = self.waiting();
            let count = waiting.len().min(MOST);
            waiting.drain(..count).collect()
        };
        if gathered.is_empty() {
            return;
        }
        gathered.sort_by(|one, other| one.write.locks().cmp(other.write.locks()));
        let writes = gathered.iter().map(|waiting| Arc::clone(&waiting.write)).collect();
        // Whoever waits no more is not told.
        match self.write_some(writes).await {
            Ok(done) => {
                let rest = gathered.split_off(done.len());
                self.waiting().splice(0..0, rest);
                for (done, waiting) in done.into_iter().zip(gathered) {
                    drop(waiting.done.send(Ok(done)));
                }
            }
            Err(error) if error.code() == ErrorCode::Unavailable => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                for waiting in gathered {
                    drop(waiting.done.send(Err(Error::unavailable(cause.clone()))));
                }
            }
            // One that can't be done holds up none of the others.
            Err(_) => {
                for waiting in gathered {
                    let done = self.write_some(vec![waiting.write]).await;
                    let done = done.and_then(|mut done| {
                        done.pop().ok_or_else(|| Error::internal("nothing was written"))
                    });
                    drop(waiting.done.send(done));
                }
            }
        }
    }

    /// Does as many of these writes, in their order, as one transaction may hold.
    async fn write_some(&self, writes: Vec<Arc<W>>) -> Result<Vec<W::Done>> {
        let services = Arc::clone(&self.services);
        let written = self.services.db.write(move |connection| {
            let begun = Instant::now();
            let mut done = Vec::with_capacity(writes.len());
            for write in &writes {
                done.push(write.write(&services, connection)?);
                if begun.elapsed() >= W::LONGEST {
                    break;
                }
            }
            Ok(done)
        });
        match &self.rested {
            Some(turn) => turn.during(written).await,
            None => written.await,
        }
    }
}
