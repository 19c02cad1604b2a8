//! The event, which handlers are told.

use chrono::NaiveDateTime;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::domain::event_data::{self, VERSION};
use crate::domain::json::Json;
use crate::domain::outbox::DeliveryStatus;
use crate::domain::signal::Signal;
use crate::domain::task::TaskStatus;
use crate::error::{Error, Result};
use crate::model::function_run::FunctionRun;
use crate::model::outbox::Delivery;
use crate::model::task::Task;
use crate::model::task_comment::TaskComment;
use crate::model::task_executor::TaskExecutor;
use crate::model::task_flow::TaskFlow;
use crate::model::task_flow_step::TaskFlowStep;
use crate::model::task_group::TaskGroup;

/// An operation that a service does or has done.
///
/// Its data is `{"v": 1, "old": …, "new": …}` for every signal: the row before and after. `old` is null for a creation,
/// `new` is null for a row that is about to be deleted. Methods such as [`Self::task`] return `new`, or `old` if `new` is
/// null; methods such as [`Self::old_task`] return `old`. They fail for an event about another kind of row.
///
/// ```
/// use tasks_management::{Signal, Signals};
///
/// let signals = Signals::builder()
///     .before(Signal::TaskUpdate, |_, event| {
///         let moved = event.task()?.task_group_id != event.old_task()?.and_then(|task| task.task_group_id);
///         println!("{} is written, in another group: {moved}", event.entity_id);
///         Ok(())
///     })
///     .within(Signal::TaskComplete, |_, event| {
///         if let Some(decision) = event.decision()? {
///             println!("{:?}, without the records {:?}", decision.result, decision.rejected_record_ids);
///         }
///         Ok(())
///     });
/// # let _ = signals;
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its stable id, by which a handler can tell repeats.
    pub id: Uuid,
    /// The signal of the operation.
    pub signal: Signal,
    /// The row that it is about.
    pub entity_id: Uuid,
    /// The user who caused it.
    pub user_id: Uuid,
    /// When it happened, naive UTC.
    pub date: NaiveDateTime,
    /// The row before and after, and further facts.
    pub data: Json,
    /// How many runs of functions stand behind it, one causing the next.
    pub cause_depth: i32,
}

/// A vote that is cast, as `task_service.resolve_task` tells of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CastVote {
    /// The `businessStatus` that was sent: the voter's key, and the vote.
    pub business_status: Json,
    /// The reason.
    pub comment: Option<String>,
}

/// The decision on a task, as `task_service.complete_task` tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Decision {
    /// COMPLETED or FAILED.
    pub result: TaskStatus,
    /// The records that somebody rejected at any step, which are not to be carried out.
    #[serde(default)]
    pub rejected_record_ids: Vec<String>,
}

impl Event {
    /// The task.
    ///
    /// # Errors
    /// INTERNAL for an event about another kind of row.
    pub fn task(&self) -> Result<Task> {
        self.new_row("task")
    }

    /// The task before the change; none for a creation.
    ///
    /// # Errors
    /// As for [`Self::task`].
    pub fn old_task(&self) -> Result<Option<Task>> {
        self.old_row("task")
    }

    /// The comment.
    ///
    /// # Errors
    /// As for [`Self::task`].
    pub fn task_comment(&self) -> Result<TaskComment> {
        self.new_row("taskComment")
    }

    /// The comment before the change; none for a creation.
    ///
    /// # Errors
    /// As for [`Self::task`].
    pub fn old_task_comment(&self) -> Result<Option<TaskComment>> {
        self.old_row("taskComment")
    }

    /// The group.
    ///
    /// # Errors
    /// As for [`Self::task`].
    pub fn task_group(&self) -> Result<TaskGroup> {
        self.new_row("taskGroup")
    }

    /// The group before the change; none for a creation.
    ///
    /// # Errors
    /// As for [`Self::task`].
    pub fn old_task_group(&self) -> Result<Option<TaskGroup>> {
        self.old_row("taskGroup")
    }

    /// The executor.
    ///
    /// # Errors
    /// As for [`Self::task`].
    pub fn task_executor(&self) -> Result<TaskExecutor> {
        self.new_row("taskExecutor")
    }

    /// The executor before the change; none for a creation.
    ///
    /// # Errors
    /// As for [`Self::task`].
    pub fn old_task_executor(&self) -> Result<Option<TaskExecutor>> {
        self.old_row("taskExecutor")
    }

    /// The flow; for a replacement, the version that takes its place.
    ///
    /// # Errors
    /// As for [`Self::task`].
    pub fn task_flow(&self) -> Result<TaskFlow> {
        self.new_row("taskFlow")
    }

    /// The flow before the change; for a replacement, the superseded version. None for a creation.
    ///
    /// # Errors
    /// As for [`Self::task`].
    pub fn old_task_flow(&self) -> Result<Option<TaskFlow>> {
        self.old_row("taskFlow")
    }

    /// The steps of a flow that is created, or of the version that replaces it; none in other events.
    ///
    /// # Errors
    /// INTERNAL for data that can't be read.
    pub fn task_flow_steps(&self) -> Result<Vec<TaskFlowStep>> {
        Ok(self.read(self.data.get("steps"))?.unwrap_or_default())
    }

    /// The run of a function.
    ///
    /// # Errors
    /// As for [`Self::task`].
    pub fn function_run(&self) -> Result<FunctionRun> {
        self.new_row("functionRun")
    }

    /// The vote that is cast; none in other events.
    ///
    /// # Errors
    /// INTERNAL for data that can't be read.
    pub fn vote(&self) -> Result<Option<CastVote>> {
        let Some(vote) = self.data.get("vote") else { return Ok(None) };
        Ok(Some(CastVote { business_status: vote.clone(), comment: self.read(self.data.get("comment"))? }))
    }

    /// The decision on the task; none in other events.
    ///
    /// # Errors
    /// INTERNAL for data that can't be read.
    pub fn decision(&self) -> Result<Option<Decision>> {
        if self.data.get("result").is_none() {
            return Ok(None);
        }
        self.read(Some(&self.data))
    }

    /// The delivery that the outbox keeps for this handler. The database counts its key.
    #[must_use]
    pub(crate) fn delivery_to(&self, handler: &str) -> Delivery {
        Delivery {
            id: 0,
            event_id: self.id,
            signal: self.signal.as_str().to_owned(),
            handler: handler.to_owned(),
            entity_id: self.entity_id,
            user_id: self.user_id,
            data: event_data::kept(self.signal, &self.data),
            date_created: self.date,
            status: DeliveryStatus::Pending,
            attempts: 0,
            date_due: self.date,
            leased_by: None,
            lease_until: None,
            last_error: None,
            date_delivered: None,
            cause_depth: self.cause_depth,
        }
    }

    fn new_row<T: DeserializeOwned>(&self, kind: &str) -> Result<T> {
        let given = self.data.get("new").filter(|row| !row.is_null()).or_else(|| self.data.get("old"));
        let row = self.row(kind, given)?;
        row.ok_or_else(|| Error::internal(format!("the event {} tells of no {kind}", self.id)))
    }

    fn old_row<T: DeserializeOwned>(&self, kind: &str) -> Result<Option<T>> {
        self.row(kind, self.data.get("old"))
    }

    fn row<T: DeserializeOwned>(&self, kind: &str, row: Option<&Json>) -> Result<Option<T>> {
        if self.signal.row_name() != kind {
            return Err(Error::internal(format!("{} tells of no {kind}", self.signal)));
        }
        self.read(row)
    }

    fn read<T: DeserializeOwned>(&self, value: Option<&Json>) -> Result<Option<T>> {
        let version = self.data.get("v").and_then(Json::as_i64).unwrap_or_default();
        if version != VERSION {
            return Err(Error::internal(format!(
                "the event {} is of version {version}, not {VERSION}",
                self.id
            )));
        }
        let value = value.filter(|value| !value.is_null());
        value.map(Json::read_flattened).transpose().map_err(Error::internal)
    }
}
