//! The data of an event, as JSON: `{"v": 1, "old": …, "new": …}`, and facts beside these. The form is the same for every
//! signal.
//!
//! `old` is the row before the change, or null for a creation. `new` is the row after the change. For a deletion, `new` is
//! null before it, and the row marked as deleted after it. When a flow is replaced, `old` is the superseded version, as the
//! replacement leaves it, and `new` the version that takes its place.

use super::json::{Json, Object};
use super::signal::Signal;
use serde::Serialize;

/// The version of the form.
pub const VERSION: i64 = 1;

/// The data of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventData(Object);

impl EventData {
    /// The data with a row before and after the change.
    #[must_use]
    pub fn new<T: Serialize>(old: Option<&T>, new: Option<&T>) -> Self {
        Self(Object::new()).with("v", VERSION).with("old", old).with("new", new)
    }

    /// Adds a fact beside the rows.
    #[must_use]
    pub fn with(mut self, name: &str, fact: impl Serialize) -> Self {
        // Rows and facts have texts as keys, so JSON can hold all of them.
        self.0.insert(name.to_owned(), Json::of(&fact));
        self
    }

    /// The data in the form that handlers see.
    #[must_use]
    pub fn into_json(self) -> Json {
        Json::Object(self.0)
    }
}

/// The one of `old` and `new` that is shown to receivers who are told of one row: the row before, if a flow is deleted.
#[must_use]
pub const fn row_told(signal: Signal) -> &'static str {
    match signal {
        Signal::TaskFlowReplace | Signal::TaskFlowDelete => "old",
        _ => "new",
    }
}

/// The data in the form that the outbox keeps. It holds the row a second time under the row's own name, where processes of
/// version 0.1 look for it.
#[must_use]
pub fn kept(signal: Signal, data: &Json) -> Json {
    let mut kept = data.clone();
    if let (Some(kept), Some(row)) = (kept.as_object_mut(), data.get(row_told(signal))) {
        kept.insert(signal.row_name().to_owned(), row.clone());
    }
    kept
}

/// Data that the outbox kept, in the present form, also if a process of version 0.1 wrote it. Such data has the row under
/// its own name, and the row before the change as `old`, if there was one.
#[must_use]
pub fn read(signal: Signal, kept: Json) -> Json {
    let Json::Object(mut data) = kept else { return kept };
    let row = data.remove(signal.row_name());
    if data.contains_key("v") {
        return Json::Object(data);
    }
    let (old, new) = match signal {
        Signal::TaskFlowReplace => (row, data.remove("new")),
        Signal::TaskFlowDelete => (row, None),
        _ => (data.remove("old"), row),
    };
    data.insert("v".to_owned(), Json::of(&VERSION));
    data.insert("old".to_owned(), old.unwrap_or_default());
    data.insert("new".to_owned(), new.unwrap_or_default());
    Json::Object(data)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_version_0_1_left_is_read_in_the_present_form() {
        for (signal, left, present) in [
            (Signal::TaskCreate, json!({ "task": 2 }), json!({ "v": 1, "old": null, "new": 2 })),
            (Signal::TaskUpdate, json!({ "task": 2, "old": 1 }), json!({ "v": 1, "old": 1, "new": 2 })),
            (Signal::TaskDelete, json!({ "task": 2 }), json!({ "v": 1, "old": null, "new": 2 })),
            (
                Signal::TaskComplete,
                json!({ "task": 2, "result": "FAILED", "rejectedRecordIds": [] }),
                json!({ "v": 1, "old": null, "new": 2, "result": "FAILED", "rejectedRecordIds": [] }),
            ),
            (
                Signal::TaskGroupUpdate,
                json!({ "taskGroup": 2, "old": 1 }),
                json!({ "v": 1, "old": 1, "new": 2 }),
            ),
            (
                Signal::TaskFlowReplace,
                json!({ "taskFlow": 1, "new": 2, "steps": [] }),
                json!({ "v": 1, "old": 1, "new": 2, "steps": [] }),
            ),
        ] {
            assert_eq!(read(signal, left.into()), Json::from(present), "{signal}");
        }
    }

    #[test]
    fn what_is_kept_is_read_as_it_was_told_and_has_the_row_where_version_0_1_looks_for_it() {
        for signal in Signal::ALL {
            let data = EventData::new(Some(&1), Some(&2)).with("steps", [3]).into_json();
            let kept = kept(signal, &data);
            let is_flow_going = matches!(signal, Signal::TaskFlowReplace | Signal::TaskFlowDelete);
            assert_eq!(kept[signal.row_name()], if is_flow_going { 1 } else { 2 }, "{signal}");
            assert_eq!(read(signal, kept), data, "{signal}");
        }
    }
}
