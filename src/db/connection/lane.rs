//! A lane: a pool of connections and its queue.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::r2d2::{PooledConnection, R2D2Connection as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;
use uuid::Uuid;

use super::DbConnection;
use super::host_pool::HostPool;
use super::manager::ConnectionManager;
use crate::budget::{Budget, ConnectionPermit};
use crate::error::{Error, ErrorCode, Result};

thread_local! {
    /// Whether the present work of this thread leaves something for the workers.
    static IS_ANNOUNCED: Cell<bool> = const { Cell::new(false) };
    /// The name of the [`super::Database`] at which this thread works.
    static ANNOUNCER: Cell<Uuid> = const { Cell::new(Uuid::nil()) };
}

/// Has the workers of this process woken when the present work at the database ends; returns the name of who announces it.
pub fn announce() -> Uuid {
    IS_ANNOUNCED.set(true);
    ANNOUNCER.get()
}

/// A pool and its queue.
pub struct Lane {
    pool: Pool,
    pub(super) size: usize,
    permits: Arc<Semaphore>,
    patience: Duration,
    wake: watch::Sender<Uuid>,
}

/// The pool that a lane takes connections from.
pub enum Pool {
    /// The module's own.
    Own(diesel::r2d2::Pool<ConnectionManager>),
    /// A host's.
    Host(HostPool),
}

/// What work needs to use a connection, until it is dropped.
struct Permits {
    _of_asker: Option<ConnectionPermit>,
    _of_lane: OwnedSemaphorePermit,
}

/// A connection that a lane has lent. It goes back when it is dropped.
pub enum Lent {
    /// One of the module's own.
    Own(PooledConnection<ConnectionManager>),
    /// One of a host's.
    Host(DbConnection),
}

impl Lane {
    pub(super) fn of(
        pool: Pool,
        size: u32,
        patience: Duration,
        wake: watch::Sender<Uuid>,
    ) -> Result<Arc<Self>> {
        let size = usize::try_from(size).map_err(Error::internal)?;
        Ok(Arc::new(Self { pool, size, permits: Arc::new(Semaphore::new(size)), patience, wake }))
    }

    /// Runs `work` where blocking is allowed, on another thread with a connection of its own, which the budget must allow.
    ///
    /// # Errors
    /// UNAVAILABLE when there is no connection in time, LIMIT when the budget is used up, or the error of `work`.
    pub async fn run<T, F>(self: &Arc<Self>, budget: Option<&Arc<Budget>>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        if let Some(permits) = self.free_permits(budget)? {
            return self.work(permits, work).await;
        }
        // It waits in a task of its own, because a host may stop driving the present one, which must not keep a connection
        // from others.
        let (lane, budget) = (Arc::clone(self), budget.cloned());
        let waiting = async move {
            let permits = lane.permits(budget).await?;
            lane.work(permits, work).await
        };
        AbortOnDropHandle::new(tokio::spawn(waiting.in_current_span())).await.map_err(Error::internal)?
    }

    /// Waits for the permits to use a connection.
    async fn permits(&self, budget: Option<Arc<Budget>>) -> Result<Permits> {
        let of_asker = match budget {
            Some(budget) => Some(budget.connection().await?),
            None => None,
        };
        Ok(Permits { _of_asker: of_asker, _of_lane: self.permit().await? })
    }

    /// The same, if none has to be waited for.
    fn free_permits(&self, budget: Option<&Arc<Budget>>) -> Result<Option<Permits>> {
        let Ok(of_lane) = Arc::clone(&self.permits).try_acquire_owned() else { return Ok(None) };
        let Some(budget) = budget else { return Ok(Some(Permits { _of_asker: None, _of_lane: of_lane })) };
        let of_asker = budget.free_connection()?;
        Ok(of_asker.map(|of_asker| Permits { _of_asker: Some(of_asker), _of_lane: of_lane }))
    }

    async fn work<T, F>(self: &Arc<Self>, permits: Permits, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T> + Send + 'static,
    {
        let (lane, span) = (Arc::clone(self), tracing::Span::current());
        tokio::task::spawn_blocking(move || {
            let _permits = permits;
            let _entered = span.entered();
            lane.lend()?.run(&lane, work)
        })
        .await
        .map_err(Error::internal)?
    }

    /// Waits for the turn to be lent a connection.
    ///
    /// # Errors
    /// UNAVAILABLE when it does not come in time.
    pub async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        tokio::time::timeout(self.patience, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| Error::unavailable("no database connection became free in time"))?
            .map_err(Error::internal)
    }

    /// Lends a connection to whoever has a permit. It blocks, as connecting may take time.
    ///
    /// # Errors
    /// UNAVAILABLE when there is none in time.
    pub fn lend(&self) -> Result<Lent> {
        match &self.pool {
            Pool::Own(pool) => pool.get().map(Lent::Own).map_err(Error::unavailable),
            Pool::Host(pool) => pool.lend(self.patience).map(Lent::Host),
        }
    }
}

impl Lent {
    /// Does a piece of work with the connection, and wakes the workers if it leaves something for them.
    ///
    /// # Errors
    /// UNAVAILABLE when the connection is gone, or the error of `work`.
    pub fn run<T>(&mut self, lane: &Lane, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        IS_ANNOUNCED.set(false);
        ANNOUNCER.set(*lane.wake.borrow());
        let outcome = work(self.connection()).map_err(|error| {
            let is_gone = is_gone(self.connection(), &error);
            if let Self::Own(own) = self {
                own.broken = is_gone;
            }
            if is_gone { unavailable(error) } else { error }
        });
        if let Self::Own(own) = self {
            own.used = Instant::now();
        }
        // Whoever reads about a host's people may write their copies, and leave something too. Workers who find nothing
        // after work that was undone have looked once in vain.
        if IS_ANNOUNCED.take() {
            lane.wake.send_modify(|_| {});
        }
        outcome
    }

    fn connection(&mut self) -> &mut DbConnection {
        match self {
            Self::Own(own) => &mut own.connection,
            Self::Host(connection) => connection,
        }
    }
}

/// Whether a fault of the server's came of a connection that is gone.
fn is_gone(connection: &mut DbConnection, error: &Error) -> bool {
    error.is_internal() && connection.ping().is_err()
}

/// The same error, as one of a database that can't be used now.
fn unavailable(error: Error) -> Error {
    match error.code() {
        ErrorCode::Unavailable => error,
        _ => Error::unavailable(error),
    }
}
