//! A unit of work: one transaction on behalf of one person. All writes of versioned rows go through it, so that none
//! can forget its version, its history row or its signals.

use std::sync::Arc;

use chrono::NaiveDateTime;
use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::clock::new_id;
use crate::db;
use crate::db::connection::DbConnection;
use crate::db::history::{self, Entry};
use crate::db::outbox::Listening;
use crate::db::vote::Withdrawn;
use crate::domain::event_data::EventData;
use crate::domain::history::HistoryType;
use crate::domain::json::Json;
use crate::domain::settings::ModuleSettings;
use crate::domain::signal::Signal;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::entity::{Entity as _, Versioned};
use crate::model::record::Record;
use crate::model::vote::Vote;
use crate::service::context::ServiceContext;
use crate::signal::Event;
use crate::signal::bus::Audience;
use crate::signal::cause;

/// One transaction on behalf of one person.
pub struct UnitOfWork<'a> {
    /// The database, in the transaction.
    pub connection: &'a mut DbConnection,
    /// The person on whose behalf it works.
    pub requester: &'a Requester,
    /// The context of the services.
    pub services: &'a ServiceContext,
    /// The settings in force.
    pub settings: Arc<ModuleSettings>,
    /// The moment that dates everything it writes, naive UTC.
    pub now: NaiveDateTime,
    cause: Option<String>,
    /// How many runs of functions stand behind it, one causing the next.
    cause_depth: i32,
    /// The webhook endpoints and dispatchers that are told of events, once they were read.
    listening: Option<Vec<Listening>>,
    touched: Vec<(&'static str, Uuid)>,
    counted: Vec<Counted>,
    /// What the journal is to keep beside the input.
    kept: Option<Json>,
}

/// A count to be made once the transaction is committed: a metric, its label, the label's value.
pub type Counted = (&'static str, &'static str, &'static str);

/// Counts what a committed transaction did.
pub fn count(counted: Vec<Counted>) {
    for (metric, label, value) in counted {
        metrics::counter!(metric, label => value).increment(1);
    }
}

impl ServiceContext {
    /// Does `work` as `requester` in one transaction: all of it is done, or nothing.
    ///
    /// # Errors
    /// The error of `work`.
    pub async fn write<T, F>(self: &Arc<Self>, requester: &Arc<Requester>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut UnitOfWork<'_>) -> Result<T> + Send + 'static,
    {
        let services = Arc::clone(self);
        let requester = Arc::clone(requester);
        let depth = cause::depth();
        let (done, counted) = self
            .db
            .write(move |connection| {
                let mut unit = UnitOfWork::new(&services, &requester, connection, depth)?;
                let done = work(&mut unit)?;
                Ok((done, unit.take_counted()))
            })
            .await?;
        count(counted);
        Ok(done)
    }
}

impl<'a> UnitOfWork<'a> {
    /// Begins a unit of work behind which so many runs of functions stand. The transaction must be open.
    pub fn new(
        services: &'a ServiceContext,
        requester: &'a Requester,
        connection: &'a mut DbConnection,
        cause_depth: i32,
    ) -> Result<Self> {
        let settings = services.settings.current(connection, services.clock.now())?;
        Ok(Self {
            connection,
            requester,
            services,
            settings,
            now: services.clock.now(),
            cause: None,
            cause_depth,
            listening: None,
            touched: Vec::new(),
            counted: Vec::new(),
            kept: None,
        })
    }

    /// Does `work` so that it can be undone alone. What it touched and counted is forgotten then.
    ///
    /// # Errors
    /// The error of `work`, after which all that `work` did is undone.
    pub fn savepoint<T>(&mut self, work: impl FnOnce(&mut UnitOfWork<'_>) -> Result<T>) -> Result<T> {
        let Self { requester, services, now, cause_depth, .. } = *self;
        let (settings, cause) = (Arc::clone(&self.settings), self.cause.clone());
        let mut listening = self.listening.take();
        let (mut touched, mut counted) = (Vec::new(), Vec::new());
        let outcome = self.connection.savepoint(|connection| {
            let mut unit = UnitOfWork {
                connection,
                requester,
                services,
                settings,
                now,
                cause,
                cause_depth,
                listening: listening.take(),
                touched: Vec::new(),
                counted: Vec::new(),
                kept: None,
            };
            let outcome = work(&mut unit);
            listening = unit.listening.take();
            (touched, counted) = (unit.touched, unit.counted);
            outcome
        });
        self.listening = listening;
        if outcome.is_ok() {
            self.touched.append(&mut touched);
            self.counted.append(&mut counted);
        }
        outcome
    }

    /// Has the journal keep something beside the input, also if the mutation is refused. A repeat is answered with it.
    pub fn keep(&mut self, kept: Json) {
        self.kept = Some(kept);
    }

    /// Takes what the journal is to keep.
    pub fn take_kept(&mut self) -> Option<Json> {
        self.kept.take()
    }

    /// The common fields of a row that is created now.
    #[must_use]
    pub fn new_record(&self) -> Record {
        Record::new(self.requester.id(), self.now)
    }

    /// Gives history the cause of everything that follows, for work for which no person has asked.
    pub fn because(&mut self, cause: String) {
        self.cause = Some(cause);
    }

    /// The cause of what it does, if no person has asked for it.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// How many runs of functions stand behind it, one causing the next.
    #[must_use]
    pub const fn cause_depth(&self) -> i32 {
        self.cause_depth
    }

    /// What history says of a write now, of rows that have no record.
    #[must_use]
    pub fn entry(&self, history_type: HistoryType) -> Entry<'static> {
        entry(self.now, self.requester, history_type, None)
    }

    /// Has the votes on the open tasks of a group weighed again after this transaction, because it changes who is asked, or
    /// how many must agree.
    pub fn ask_re_evaluation(&mut self, group_id: Uuid, signal: Signal) -> Result<()> {
        let by = (self.requester.id(), self.cause_depth);
        db::outbox::ask_re_evaluation(self.connection, group_id, signal.as_str(), by, self.now)
    }

    /// Adds a row and its first version.
    pub fn insert<T: Versioned>(&mut self, row: &T) -> Result<()> {
        self.touch(row);
        let entry = entry(self.now, self.requester, HistoryType::Created, self.cause.as_deref());
        history::insert(self.connection, std::slice::from_ref(row), entry)
    }

    /// Writes a row as its next version.
    pub fn update<T: Versioned>(&mut self, row: &mut T) -> Result<()> {
        self.write_version(row, HistoryType::Changed, None)
    }

    /// Writes a row as its next version, with the reason in history.
    pub fn update_because<T: Versioned>(&mut self, row: &mut T, reason: &str) -> Result<()> {
        self.write_version(row, HistoryType::Changed, Some(reason))
    }

    /// Adds votes and their first versions: a vote on many records is many rows.
    pub fn insert_votes(&mut self, votes: &[Vote]) -> Result<()> {
        self.touched.extend(votes.iter().map(|vote| (Vote::NAME, vote.id)));
        let entry = entry(self.now, self.requester, HistoryType::Created, self.cause.as_deref());
        history::insert(self.connection, votes, entry)
    }

    /// Ends the counting of live votes, and writes that as their next versions.
    pub fn withdraw_votes(&mut self, ids: &[Uuid], withdrawn: Withdrawn) -> Result<()> {
        db::vote::withdraw(self.connection, ids, withdrawn, self.requester.id(), self.now)?;
        let history_type = match withdrawn {
            Withdrawn::ByCaster => HistoryType::Deleted,
            Withdrawn::Stale => HistoryType::Changed,
        };
        self.touched.extend(ids.iter().map(|id| (Vote::NAME, *id)));
        let entry = entry(self.now, self.requester, history_type, self.cause.as_deref());
        history::record::<Vote>(self.connection, ids, entry)
    }

    /// Marks a row as deleted, as its last version.
    pub fn delete<T: Versioned>(&mut self, row: &mut T) -> Result<()> {
        row.is_deleted = true;
        self.write_version(row, HistoryType::Deleted, None)
    }

    /// Notes that the mutation is about this row, even if it does not change the row.
    pub fn touch<T: Versioned>(&mut self, row: &T) {
        self.touched.push((T::NAME, row.id));
    }

    /// Notes that the mutation is about this row of a table without versions.
    pub fn touch_other(&mut self, entity: &'static str, id: Uuid) {
        self.touched.push((entity, id));
    }

    /// Counts something, if the transaction is committed.
    pub fn count(&mut self, metric: &'static str, label: &'static str, value: &'static str) {
        self.counted.push((metric, label, value));
    }

    /// Takes the counts to be made.
    pub fn take_counted(&mut self) -> Vec<Counted> {
        std::mem::take(&mut self.counted)
    }

    /// The rows that were written or touched, as the journal names them.
    #[must_use]
    pub fn touched(&self) -> &[(&'static str, Uuid)] {
        &self.touched
    }

    /// Refuses a list of an input that is too long.
    ///
    /// # Errors
    /// LIMIT, naming `field`.
    pub fn check_list(&self, field: &str, length: usize) -> Result<()> {
        let max = self.services.limits.list_length;
        if length > max {
            let message = Message::new("list-too-long").with("field", field.to_owned()).with("max", max);
            return Err(Error::limit(field, message));
        }
        Ok(())
    }

    /// Asks the Before-handlers. `data` is called only if there are any.
    ///
    /// # Errors
    /// The first refusal.
    pub fn before(
        &mut self,
        signal: Signal,
        entity_id: Uuid,
        data: impl FnOnce() -> EventData,
    ) -> Result<()> {
        if !self.services.bus.is_bound_before_change(signal) {
            return Ok(());
        }
        let event = self.event(signal, entity_id, data());
        self.services.bus.before(self.connection, &event)
    }

    /// Tells the Within-handlers at once, and the After-handlers and webhook endpoints by way of the outbox.
    ///
    /// # Errors
    /// The first error of a handler.
    pub fn changed(
        &mut self,
        signal: Signal,
        entity_id: Uuid,
        data: impl FnOnce() -> EventData,
    ) -> Result<()> {
        self.changed_and_left(signal, entity_id, None, data)
    }

    /// Does the same, and leaves a delivery to a handler of other processes too.
    ///
    /// # Errors
    /// The first error of a handler.
    pub fn changed_and_left(
        &mut self,
        signal: Signal,
        entity_id: Uuid,
        left_to: Option<String>,
        data: impl FnOnce() -> EventData,
    ) -> Result<()> {
        let audience = self.audience(signal)?.and(left_to);
        if audience.is_empty() {
            return Ok(());
        }
        let event = self.event(signal, entity_id, data());
        self.services.bus.changed(self.connection, &event, &audience)
    }

    /// The audience that [`Self::changed`] tells of this signal.
    pub fn audience(&mut self, signal: Signal) -> Result<Audience> {
        let listening = match self.listening.take() {
            Some(listening) => listening,
            None => self.services.bus.listening(self.connection)?,
        };
        Ok(self.services.bus.audience(signal, self.listening.insert(listening)))
    }

    fn event(&self, signal: Signal, entity_id: Uuid, data: EventData) -> Event {
        Event {
            id: new_id(),
            signal,
            entity_id,
            user_id: self.requester.id(),
            date: self.now,
            data: data.into_json(),
            cause_depth: self.cause_depth,
        }
    }

    /// Writes a row as its next version.
    fn write_version<T: Versioned>(
        &mut self,
        row: &mut T,
        history_type: HistoryType,
        reason: Option<&str>,
    ) -> Result<()> {
        row.stamp(self.requester.id(), self.now);
        self.touch(row);
        let reasons: Vec<&str> = reason.into_iter().chain(self.cause.as_deref()).collect();
        let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
        let entry = entry(self.now, self.requester, history_type, reason.as_deref());
        history::update(self.connection, row, entry)
    }
}

fn entry<'a>(
    date: NaiveDateTime,
    requester: &Requester,
    history_type: HistoryType,
    reason: Option<&'a str>,
) -> Entry<'a> {
    Entry { history_type, date, user: Some(requester.id()), reason }
}
