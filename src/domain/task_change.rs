//! What those who listen are told of changes of tasks.

use uuid::Uuid;

use super::history::HistoryType;
use super::task::TaskStatus;

/// What somebody who listens is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeSignal {
    /// All that was missed has come; what follows comes as it happens.
    Ready,
    /// The task was created.
    Created,
    /// The task was changed and is open.
    Changed,
    /// The task was changed and is approved.
    Completed,
    /// The task was changed and is rejected.
    Failed,
    /// The person who listens sees the task no longer.
    Gone,
}

impl ChangeSignal {
    /// The signal of a version to those who see the task.
    #[must_use]
    pub const fn of(history_type: HistoryType, status: TaskStatus) -> Self {
        match (history_type, status) {
            (HistoryType::Created, _) => Self::Created,
            (HistoryType::Deleted, _) => Self::Gone,
            (HistoryType::Changed, TaskStatus::Completed) => Self::Completed,
            (HistoryType::Changed, TaskStatus::Failed) => Self::Failed,
            (HistoryType::Changed, _) => Self::Changed,
        }
    }
}

/// Where a task stood after a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its status.
    pub status: TaskStatus,
    /// Its group.
    pub task_group_id: Option<Uuid>,
    /// Its source.
    pub source: Option<String>,
}

/// A version of a task as the log has it, without the rest of the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place in the log.
    pub cursor: i64,
    /// The task.
    pub task_id: Uuid,
    /// What the write did.
    pub history_type: HistoryType,
    /// The maker of the task.
    pub user_created: Uuid,
    /// Where the task stood after the write.
    pub place: Place,
    /// Where it stood before; none for the first version.
    pub former: Option<Place>,
}

impl Change {
    /// The group whose executors may see the task no longer because of this write.
    #[must_use]
    pub fn left_group(&self) -> Option<Uuid> {
        let former = self.former.as_ref().filter(|former| former.status != TaskStatus::Received)?;
        let leaves = self.history_type == HistoryType::Deleted
            || former.task_group_id != self.place.task_group_id
            || self.place.status == TaskStatus::Received;
        former.task_group_id.filter(|_| leaves)
    }
}

/// Of which tasks somebody wants to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Of this one.
    pub task_id: Option<Uuid>,
    /// Of those that come to this group, are in it, or leave it.
    pub task_group_id: Option<Uuid>,
    /// Of those with this source.
    pub source: Option<String>,
    /// Whether only of those that wait for the person, or have waited.
    pub awaiting_me: bool,
}

impl ChangeFilter {
    /// Whether a change is wanted, if the task waits for the person where that matters.
    #[must_use]
    pub fn wants(&self, change: &Change) -> bool {
        let stands = |place: &Place| {
            self.task_group_id.is_none_or(|group| place.task_group_id == Some(group))
                && self.source.as_ref().is_none_or(|source| place.source.as_ref() == Some(source))
        };
        self.task_id.is_none_or(|task| change.task_id == task)
            && (stands(&change.place) || change.former.as_ref().is_some_and(stands))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(former: Option<Place>, place: Place) -> Change {
        let history_type = if former.is_some() { HistoryType::Changed } else { HistoryType::Created };
        Change { cursor: 1, task_id: Uuid::nil(), history_type, user_created: Uuid::nil(), place, former }
    }

    fn place(status: TaskStatus, group: Option<u128>) -> Place {
        Place { status, task_group_id: group.map(Uuid::from_u128), source: Some("s".to_owned()) }
    }

    #[test]
    fn a_change_is_wanted_by_the_group_that_the_task_comes_to_and_by_the_one_that_it_leaves() {
        let moved = change(Some(place(TaskStatus::Accepted, Some(1))), place(TaskStatus::Accepted, Some(2)));
        let of_group = |group| ChangeFilter {
            task_group_id: Some(Uuid::from_u128(group)),
            source: Some("s".to_owned()),
            ..ChangeFilter::default()
        };
        assert!(of_group(1).wants(&moved) && of_group(2).wants(&moved) && !of_group(3).wants(&moved));
        assert!(ChangeFilter::default().wants(&moved));
        assert!(!ChangeFilter { source: Some("other".to_owned()), ..of_group(1) }.wants(&moved));
        assert!(!ChangeFilter { task_id: Some(Uuid::from_u128(9)), ..of_group(1) }.wants(&moved));
        assert_eq!(moved.left_group(), Some(Uuid::from_u128(1)));
    }

    #[test]
    fn a_group_is_left_when_it_was_asked_and_is_asked_no_more() {
        let asked = place(TaskStatus::Accepted, Some(1));
        let given_back = change(Some(asked.clone()), place(TaskStatus::Received, None));
        assert_eq!(given_back.left_group(), Some(Uuid::from_u128(1)));
        assert_eq!(change(Some(asked.clone()), asked.clone()).left_group(), None);
        assert_eq!(change(Some(place(TaskStatus::Received, Some(1))), asked.clone()).left_group(), None);
        assert_eq!(change(None, asked).left_group(), None);
    }
}
