//! The format of a file to be loaded. Unknown keys are errors, so that a misspelt key is not ignored silently.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::domain::json::{Json, Object};
use crate::domain::mail::MailFrequency;
use crate::domain::text::camel_case;
use crate::model::entity::Entity;
use crate::model::history::{self, Historical};
use crate::model::task::Task;
use crate::model::task_executor::TaskExecutor;
use crate::model::task_group::TaskGroup;

mod made;

pub(super) use made::{LoadedDispatcher, LoadedFunction, LoadedSchedule, LoadedTemplate};

/// A file to be loaded.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct File {
    #[serde(deserialize_with = "objects")]
    pub(super) roles: Vec<LoadedRole>,
    #[serde(deserialize_with = "objects")]
    pub(super) users: Vec<LoadedUser>,
    #[serde(deserialize_with = "objects")]
    pub(super) content_types: Vec<LoadedContentType>,
    #[serde(deserialize_with = "objects")]
    pub(super) module_configurations: Vec<LoadedConfiguration>,
    #[serde(deserialize_with = "objects")]
    pub(super) task_functions: Vec<LoadedFunction>,
    #[serde(deserialize_with = "objects")]
    pub(super) function_schedules: Vec<LoadedSchedule>,
    #[serde(deserialize_with = "objects")]
    pub(super) task_templates: Vec<LoadedTemplate>,
    #[serde(deserialize_with = "objects")]
    pub(super) task_dispatchers: Vec<LoadedDispatcher>,
    pub(super) task_groups: Vec<LoadedRow<TaskGroup>>,
    pub(super) task_executors: Vec<LoadedRow<TaskExecutor>>,
    pub(super) tasks: Vec<LoadedRow<Task>>,
    pub(super) task_history: Vec<LoadedRow<Historical<Task>>>,
}

/// Serde's own form would take a list too, as the kinds of rows in their order.
impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Kinds)
    }
}

struct Kinds;

impl<'de> Visitor<'de> for Kinds {
    type Value = File;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with lists of rows by their kind")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<File, A::Error> {
        // The function that `remote` has made.
        File::deserialize(MapAccessDeserializer::new(map))
    }
}

/// Reads a list of objects, whose parts are objects too where structs are.
fn objects<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Row<T>(T);

    impl<'de, T: DeserializeOwned> Deserialize<'de> for Row<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Json::deserialize(deserializer)?.read().map(Self).map_err(D::Error::custom)
        }
    }

    let rows = Vec::<Row<T>>::deserialize(deserializer)?;
    Ok(rows.into_iter().map(|Row(row)| row).collect())
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
    /// The password, in plain text; without one, for programs, nobody logs in as this user.
    pub password: Option<String>,
    /// The original's hash of the password, with the key in it.
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
    /// How often the user gets mails about tasks, at which hour digests are sent, and in which time zone; at first as of any new user.
    pub mail_frequency: Option<MailFrequency>,
    pub mail_hour: Option<i32>,
    pub mail_time_zone: Option<String>,
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
    pub config: Json,
    #[serde(default)]
    pub is_exposed: bool,
    #[serde(default)]
    pub controls: Vec<Json>,
}

/// Columns that hold an object, or nothing.
const OBJECTS: [&str; 2] = ["json_ext", "business_status"];

/// A row in a file, with the names of its columns in camelCase, unless [`Loadable`] says otherwise.
#[derive(Debug)]
pub(super) struct LoadedRow<T>(pub T);

/// A row that can be loaded.
pub(super) trait Loadable: DeserializeOwned {
    /// Its columns.
    fn columns() -> Vec<&'static str>;
    /// Columns that have another name in files.
    const NAMES: &'static [(&'static str, &'static str)];
    /// Columns that are not loaded, and why.
    const LEFT_OUT: &'static [(&'static str, &'static str)];
}

impl Loadable for TaskGroup {
    fn columns() -> Vec<&'static str> {
        Self::COLUMNS.iter().map(|column| column.name).collect()
    }
    const NAMES: &'static [(&'static str, &'static str)] = &[];
    const LEFT_OUT: &'static [(&'static str, &'static str)] =
        &[("threshold_kind", "follows from completionPolicy")];
}

impl Loadable for TaskExecutor {
    fn columns() -> Vec<&'static str> {
        Self::COLUMNS.iter().map(|column| column.name).collect()
    }
    const NAMES: &'static [(&'static str, &'static str)] =
        &[("task_group_id", "taskGroup"), ("user_id", "user")];
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[];
}

impl Loadable for Task {
    fn columns() -> Vec<&'static str> {
        Self::COLUMNS.iter().map(|column| column.name).collect()
    }
    const NAMES: &'static [(&'static str, &'static str)] =
        &[("entity_type_id", "entityType"), ("task_group_id", "taskGroup")];
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("flow_id", "flows are not loaded"),
        ("current_step_id", "flows are not loaded"),
        ("data_user", "whoever made the task is its maker"),
        ("checker", "nothing that is loaded was filed with one"),
        ("date_opened", "what is loaded was opened elsewhere"),
        ("due_by_lead_time", "the dates that are loaded stay"),
    ];
}

impl Loadable for Historical<Task> {
    fn columns() -> Vec<&'static str> {
        Task::columns().into_iter().chain(history::COLUMNS).collect()
    }
    const NAMES: &'static [(&'static str, &'static str)] = Task::NAMES;
    const LEFT_OUT: &'static [(&'static str, &'static str)] = Task::LEFT_OUT;
}

/// Columns of loaded rows that files do not have, as the table, the column and the reason.
pub fn left_out() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    fn of<T: Loadable + Entity>() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        T::LEFT_OUT.iter().map(|(column, reason)| (T::TABLE, *column, *reason))
    }
    of::<TaskGroup>().chain(of::<TaskExecutor>()).chain(of::<Task>()).chain(made::left_out())
}

impl<'de, T: Loadable> Deserialize<'de> for LoadedRow<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Json::Object(mut given) = Json::deserialize(deserializer)? else {
            return Err(D::Error::custom("a row is an object"));
        };
        let mut row = Object::new();
        let mut known = Vec::new();
        for column in T::columns() {
            if T::LEFT_OUT.iter().any(|(left_out, _)| *left_out == column) {
                continue;
            }
            let own = camel_case(column);
            let name = T::NAMES.iter().find(|(other, _)| *other == column).map_or(&*own, |(_, name)| name);
            if let Some(value) = given.remove(name) {
                if OBJECTS.contains(&column) && !value.is_object() && !value.is_null() {
                    return Err(D::Error::custom(format!("{name} must be a JSON object")));
                }
                row.insert(own.clone(), value);
            }
            known.push(name.to_owned());
        }
        if let Some((stranger, _)) = given.into_iter().next() {
            let known = known.join(", ");
            return Err(D::Error::custom(format!("unknown field {stranger}, expected one of {known}")));
        }
        Json::Object(row).read_flattened().map(Self).map_err(D::Error::custom)
    }
}
