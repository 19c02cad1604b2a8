//! The form of a file to be loaded. Unknown keys are errors, so that a misspelt one is not lost in silence.

use chrono::NaiveDateTime;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::task::{Task, TaskStatus};
use crate::domain::task_executor::{DEFAULT_WEIGHT, TaskExecutor};
use crate::domain::task_group::TaskGroup;

/// A file to be loaded.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    pub(super) roles: Vec<LoadedRole>,
    pub(super) users: Vec<LoadedUser>,
    pub(super) content_types: Vec<LoadedContentType>,
    pub(super) module_configurations: Vec<LoadedConfiguration>,
    pub(super) task_groups: Vec<TaskGroup>,
    pub(super) task_executors: Vec<LoadedExecutor>,
    pub(super) tasks: Vec<LoadedTask>,
    pub(super) task_history: Vec<LoadedVersion>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LoadedRole {
    pub id: Option<i32>,
    pub name: String,
    #[serde(default)]
    pub is_system: i32,
    #[serde(default)]
    pub is_blocked: bool,
    pub rights: Vec<i32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LoadedUser {
    pub id: Uuid,
    pub username: String,
    /// In plain text.
    pub password: Option<String>,
    /// The hash of the original, with the key that is in it.
    pub legacy_password_hash: Option<String>,
    pub private_key: Option<String>,
    pub interactive_user_id: Option<i32>,
    #[serde(default)]
    pub last_name: String,
    #[serde(default)]
    pub other_names: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    #[serde(default = "english")]
    pub language: String,
    #[serde(default = "yes")]
    pub is_active: bool,
    #[serde(default)]
    pub roles: Vec<String>,
}

fn english() -> String {
    "en".to_owned()
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LoadedContentType {
    pub id: i32,
    pub app_label: String,
    pub model: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LoadedConfiguration {
    pub module: String,
    pub layer: String,
    #[serde(default)]
    pub version: String,
    pub config: Value,
    #[serde(default)]
    pub is_exposed: bool,
    #[serde(default)]
    pub controls: Vec<Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LoadedExecutor {
    pub id: Uuid,
    pub is_deleted: bool,
    pub json_ext: Option<Value>,
    pub version: i32,
    pub date_created: NaiveDateTime,
    pub date_updated: NaiveDateTime,
    pub user_created: Uuid,
    pub user_updated: Uuid,
    pub task_group: Uuid,
    pub user: Uuid,
    #[serde(default = "default_weight")]
    pub weight: i32,
}

const fn default_weight() -> i32 {
    DEFAULT_WEIGHT
}

impl From<LoadedExecutor> for TaskExecutor {
    fn from(row: LoadedExecutor) -> Self {
        Self {
            id: row.id,
            is_deleted: row.is_deleted,
            json_ext: row.json_ext,
            version: row.version,
            date_created: row.date_created,
            date_updated: row.date_updated,
            user_created: row.user_created,
            user_updated: row.user_updated,
            task_group_id: row.task_group,
            user_id: row.user,
            weight: row.weight,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LoadedTask {
    pub id: Uuid,
    pub is_deleted: bool,
    pub json_ext: Option<Value>,
    pub version: i32,
    pub date_created: NaiveDateTime,
    pub date_updated: NaiveDateTime,
    pub user_created: Uuid,
    pub user_updated: Uuid,
    pub source: Option<String>,
    pub entity_type: Option<i32>,
    pub entity_id: Option<String>,
    pub entity_string: Option<String>,
    pub status: TaskStatus,
    pub executor_action_event: Option<String>,
    pub business_status: Value,
    pub business_event: Option<String>,
    pub task_group: Option<Uuid>,
    pub data: Value,
    pub business_data_serializer: Option<String>,
}

impl From<LoadedTask> for Task {
    fn from(row: LoadedTask) -> Self {
        Self {
            id: row.id,
            is_deleted: row.is_deleted,
            json_ext: row.json_ext,
            version: row.version,
            date_created: row.date_created,
            date_updated: row.date_updated,
            user_created: row.user_created,
            user_updated: row.user_updated,
            source: row.source,
            entity_type_id: row.entity_type,
            entity_id: row.entity_id,
            entity_string: row.entity_string,
            status: row.status,
            executor_action_event: row.executor_action_event,
            business_status: row.business_status,
            business_event: row.business_event,
            task_group_id: row.task_group,
            data: row.data,
            business_data_serializer: row.business_data_serializer,
            flow_id: None,
            current_step_id: None,
            data_user: None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoadedVersion {
    pub history_id: i64,
    pub history_date: NaiveDateTime,
    pub history_type: String,
    pub history_user: Option<Uuid>,
    pub history_change_reason: Option<String>,
    #[serde(flatten)]
    pub task: LoadedTask,
}
