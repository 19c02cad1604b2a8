//! Task sources: the services whose new tasks go to a group or flow. Clients read them in `json_ext`.

use crate::domain::json::{Json, json};

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
