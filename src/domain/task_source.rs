//! Task sources: the services whose new tasks go to a group or flow. Clients read them in `json_ext`.

use serde::{Deserialize, Serialize};

use crate::domain::json::{Json, json};

/// The function that runs when a task of a source is COMPLETED or FAILED, before that of its flow or group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceFunction {
    /// The source.
    pub source: String,
    /// The name of the function.
    pub on_completed: String,
}

const KEY: &str = "task_sources";

/// The sources in the `json_ext` of a group or flow.
#[must_use]
pub fn read(json_ext: Option<&Json>) -> Vec<String> {
    let listed = json_ext.and_then(|ext| ext.get(KEY)).and_then(Json::as_array);
    listed.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// Writes the sources to where [`read`] finds them, and keeps the rest.
pub fn write(json_ext: &mut Option<Json>, sources: &[String]) {
    match json_ext.as_mut().and_then(Json::as_object_mut) {
        Some(ext) => {
            ext.insert(KEY.to_owned(), json!(sources));
        }
        None => *json_ext = Some(json!({ KEY: sources })),
    }
}
