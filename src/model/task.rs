//! The task: somebody's proposal that waits for a decision.

use std::collections::BTreeSet;

use chrono::{NaiveDateTime, TimeDelta};
use uuid::Uuid;

use super::entity::entity;
use crate::domain::json::Json;
use crate::domain::task::{TaskStatus, usual_priority};

entity! {
    /// A task as it is stored. Its `json_ext` holds `additional_resolve_data`.
    pub struct Task ("task") in task_management_task (id), versions in task_management_historicaltask {
        /// The service that asked for the task. Groups and flows are bound to sources.
        source: Option<String> => Nullable<Text>,
        /// The kind of entity that the task is about.
        entity_type_id: Option<i32> => Nullable<Integer>,
        /// The key of that entity within its kind.
        entity_id: Option<String> => Nullable<Text>,
        /// The display text of that entity when the task was created.
        entity_string: Option<String> => Nullable<Text>,
        /// The status.
        status: TaskStatus => Text,
        /// The executor action handler that carries the task out.
        executor_action_event: Option<String> => Nullable<Text>,
        /// The votes in readable form, by user id.
        business_status: Json => Jsonb,
        /// The operation to be done once the task is decided, as `Service.operation`.
        business_event: Option<String> => Nullable<Text>,
        /// The group that decides.
        task_group_id: Option<Uuid> => Nullable<Uuid>,
        /// The proposal itself.
        data: Json => Jsonb,
        /// The serializer through which `businessData` shows `data`.
        business_data_serializer: Option<String> => Nullable<Text>,
        /// The version of the flow through which the task goes.
        #[serde(default)]
        flow_id: Option<Uuid> => Nullable<Uuid>,
        /// The present step of the task in its flow; the first one, if several are active; the last one, once the task is
        /// decided.
        #[serde(default)]
        current_step_id: Option<Uuid> => Nullable<Uuid>,
        /// The user who changed `data` last; none while `data` is as the maker proposed it.
        #[serde(default)]
        data_user: Option<Uuid> => Nullable<Uuid>,
        /// How urgent the task is, from 0 to 100.
        #[serde(default = "usual_priority")]
        priority: i32 => Integer,
        /// The service under maker-checker with which the task was filed. Tasks filed before there was this column have none.
        #[serde(default)]
        checker: Option<String> => Nullable<Text>,
        /// When the task is due, naive UTC.
        #[serde(default)]
        due_date: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// When to look at the task again, naive UTC.
        #[serde(default)]
        follow_up_date: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// Since when the present group, or the present steps, are asked, naive UTC.
        #[serde(default)]
        date_opened: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// Whether `due_date` came from a lead time. If so, it goes with the group or step that gave it.
        #[serde(default)]
        due_by_lead_time: bool => Bool,
    }
}

impl Task {
    /// The people who proposed what the task says: its maker, and the person who changed that last.
    #[must_use]
    pub fn makers(&self) -> BTreeSet<Uuid> {
        std::iter::once(self.user_created).chain(self.data_user).collect()
    }

    /// Notes that other people are asked from now on: a group, or steps, with these lead times. The shortest of these says when
    /// the task is due, if nobody has said so.
    pub fn open(&mut self, lead_times: impl IntoIterator<Item = Option<i32>>, now: NaiveDateTime) {
        self.date_opened = Some(now);
        self.follow_lead_time(lead_times.into_iter().flatten().min());
    }

    /// Notes that fewer are asked than before: steps with these lead times, as the others have passed.
    pub fn narrow(&mut self, lead_times: impl IntoIterator<Item = Option<i32>>) {
        self.follow_lead_time(lead_times.into_iter().flatten().min());
    }

    /// Notes that nobody is asked any more.
    pub fn shut(&mut self) {
        self.date_opened = None;
        self.follow_lead_time(None);
    }

    fn follow_lead_time(&mut self, seconds: Option<i32>) {
        if self.due_date.is_some() && !self.due_by_lead_time {
            return;
        }
        let opened = self.date_opened;
        self.due_date =
            seconds.zip(opened).map(|(seconds, opened)| opened + TimeDelta::seconds(seconds.into()));
        self.due_by_lead_time = self.due_date.is_some();
    }

    /// Whether the task can still be decided.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.record.is_deleted && self.status.is_open()
    }
}
