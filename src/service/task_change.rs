//! Telling those who listen of changes of tasks, as they happen: in the order of the log, none left out, at least once.
//!
//! A subscription begins with what was missed (`reader.rs`), joins those whom the one reader of the process tells (`hub.rs`), and
//! goes back to reading alone when it has fallen behind or its reader was so slow that rights have to be asked again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::auth::requester::Requester;
use crate::config::SubscriptionSettings;
use crate::db;
use crate::domain::task_change::{ChangeFilter, ChangeSignal};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::service::context::ServiceContext;
use crate::service::visibility;

mod audience;
pub mod hub;
mod reader;
mod settling;

use hub::{Came, Event, Joined, Subscriber, Wants};

/// The pause between two looks while it is not known yet up to where the log is settled.
const PAUSE: Duration = Duration::from_millis(20);
/// How often it is told at most that counts have changed.
const COUNTS_EVERY: Duration = Duration::from_secs(5);

/// Changes as they are told to one who listens.
pub struct Changes {
    services: Arc<ServiceContext>,
    subscriber: Arc<Subscriber>,
    /// Up to where the person was told.
    position: i64,
    /// A page of what was missed, and up to where it goes.
    page: VecDeque<Event>,
    page_ends: i64,
    joined: Option<u64>,
    /// Whether there may be more that was missed.
    is_behind: bool,
    is_ready: bool,
    has_ended: bool,
}

/// Listens to the changes of tasks that one sees, from now on, or from a cursor on. `hang_up` is cancelled if the person reads
/// too slowly.
///
/// # Errors
/// FORBIDDEN for people who see no tasks at all; VALIDATION or LIMIT for a cursor that is unknown or too old.
pub async fn listen(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    filter: ChangeFilter,
    after: Option<&str>,
    hang_up: Option<CancellationToken>,
) -> Result<Changes> {
    check_sight(services, requester).await?;
    let position = match after {
        Some(cursor) => from_cursor(services, cursor).await?,
        None => from_now(services).await?,
    };
    Ok(Changes {
        services: Arc::clone(services),
        subscriber: Subscriber::new(Arc::clone(requester), Wants::Changes(filter), hang_up),
        position,
        page: VecDeque::new(),
        page_ends: position,
        joined: None,
        is_behind: after.is_some(),
        is_ready: false,
        has_ended: false,
    })
}

impl Changes {
    /// The next event; none at the end. An error is the last.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        if self.has_ended {
            return None;
        }
        let next = self.event().await;
        self.has_ended = next.is_err();
        Some(next)
    }

    async fn event(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.page.pop_front() {
                if event.is_stale() {
                    self.page.clear();
                    self.page_ends = self.position;
                    continue;
                }
                self.position = event.cursor;
                return Ok(event);
            }
            self.position = self.position.max(self.page_ends);
            if self.joined.is_none() {
                if !self.is_behind {
                    self.joined = join(&self.services, &self.subscriber, self.position);
                }
                if self.joined.is_none() {
                    // In a box, as those who wait for what happens have read what they missed.
                    let missed = Box::pin(reader::missed(&self.services, &self.subscriber, self.position));
                    let missed = missed.await?;
                    (self.page, self.page_ends) = (missed.events.into(), missed.until);
                    self.is_behind = !missed.is_all;
                    continue;
                }
                if !std::mem::replace(&mut self.is_ready, true) {
                    return Ok(self.ready());
                }
            }
            match self.subscriber.wait().await {
                Came::Event(event) if event.cursor <= self.position => {}
                Came::Event(event) if !event.is_stale() => {
                    self.position = event.cursor;
                    return Ok(*event);
                }
                Came::End(end) => return Err(end.error()),
                Came::Event(_) | Came::Behind => self.leave(),
            }
        }
    }

    fn ready(&self) -> Event {
        Event {
            cursor: self.position,
            signal: ChangeSignal::Ready,
            task_id: None,
            version: None,
            requester: Arc::clone(&self.subscriber.requester),
            asked: std::time::Instant::now(),
        }
    }

    /// Goes back to reading alone, from where the person was told.
    fn leave(&mut self) {
        if let Some(number) = self.joined.take() {
            self.services.changes.leave(number);
        }
        self.subscriber.forget_waiting();
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        if let Some(number) = self.joined {
            self.services.changes.leave(number);
        }
    }
}

/// Tells one who listens that counts of tasks have changed, and nothing more.
pub struct CountChanges {
    services: Arc<ServiceContext>,
    subscriber: Arc<Subscriber>,
    joined: u64,
    last: Option<tokio::time::Instant>,
    has_ended: bool,
}

/// Listens to whether counts of the tasks that one sees change.
///
/// # Errors
/// FORBIDDEN for people who see no tasks at all.
pub async fn listen_to_counts(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
) -> Result<CountChanges> {
    check_sight(services, requester).await?;
    let subscriber = Subscriber::new(Arc::clone(requester), Wants::Counts, None);
    let joined = join_now(services, &subscriber).await?;
    Ok(CountChanges { services: Arc::clone(services), subscriber, joined, last: None, has_ended: false })
}

impl CountChanges {
    /// Waits for the next change, and at least five seconds since the last one; none at the end. An error is the last.
    pub async fn next(&mut self) -> Option<Result<Arc<Requester>>> {
        if self.has_ended {
            return None;
        }
        let next = self.change().await;
        self.has_ended = next.is_err();
        Some(next)
    }

    async fn change(&mut self) -> Result<Arc<Requester>> {
        let requester = match self.subscriber.wait().await {
            Came::Event(event) => event.requester,
            Came::Behind => {
                self.joined = join_now(&self.services, &self.subscriber).await?;
                Arc::clone(&self.subscriber.requester)
            }
            Came::End(end) => return Err(end.error()),
        };
        if let Some(last) = self.last {
            tokio::time::sleep_until(last + COUNTS_EVERY).await;
        }
        self.last = Some(tokio::time::Instant::now());
        self.subscriber.ended().map_or(Ok(requester), |end| Err(end.error()))
    }
}

impl Drop for CountChanges {
    fn drop(&mut self) {
        self.services.changes.leave(self.joined);
    }
}

/// Joins wherever the reader is at present.
async fn join_now(services: &Arc<ServiceContext>, subscriber: &Arc<Subscriber>) -> Result<u64> {
    loop {
        let position = from_now(services).await?;
        if let Some(number) = join(services, subscriber, position) {
            return Ok(number);
        }
    }
}

/// Joins those whom the reader tells, and starts the reader if nobody has; none if the reader is ahead.
fn join(services: &Arc<ServiceContext>, subscriber: &Arc<Subscriber>, position: i64) -> Option<u64> {
    match services.changes.join(subscriber, position) {
        Joined::Behind => None,
        Joined::As(number, is_first) => {
            if is_first {
                let poll = Duration::from_millis(services.subscriptions.poll_ms);
                tokio::spawn(reader::run(Arc::clone(services), poll));
            }
            Some(number)
        }
    }
}

async fn check_sight(services: &Arc<ServiceContext>, requester: &Arc<Requester>) -> Result<()> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            visibility::tasks(&requester, &settings).at_root().map(drop)
        })
        .await
}

/// The place in the log from which all that is committed later follows.
async fn from_now(services: &Arc<ServiceContext>) -> Result<i64> {
    loop {
        if let Some(published) = services.changes.published() {
            return Ok(published);
        }
        if let (Some(settled), _) = services.read(reader::settled).await? {
            return Ok(settled);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn from_cursor(services: &Arc<ServiceContext>, cursor: &str) -> Result<i64> {
    let unknown = || Error::validation("after", Message::new("unknown-change-cursor"));
    let position: i64 = cursor.parse().ok().filter(|position| *position >= 0).ok_or_else(unknown)?;
    let SubscriptionSettings { missed_changes: most, .. } = services.subscriptions;
    services
        .read(move |services, connection| {
            let (_, last) = reader::settled(services, connection)?;
            let first = db::task_change::first(connection)?.unwrap_or_default();
            if position > last {
                return Err(unknown());
            }
            if last - position > most || (position > 0 && position + 1 < first) {
                let setting = "subscriptions.missed_changes";
                let message = Message::new("old-change-cursor").with("max", most).with("setting", setting);
                return Err(Error::limit("after", message));
            }
            Ok(position)
        })
        .await
}
