//! Templates of mails: those that people make, and those that are built in. One of a person comes before a built-in one of the
//! same name, in the reader's language, then in the default one.

use std::sync::Arc;

use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::unit_of_work::UnitOfWork;
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::db::Lock;
use crate::db::connection::DbConnection;
use crate::domain::mail::{AWAITS, DECIDED, DIGEST, OVERDUE, PASSWORD_RESET};
use crate::domain::mail_template::{Fault, Parts};
use crate::domain::query::ListQuery;
use crate::domain::text::check_text;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::record::Record;
use crate::model::slice::Slice;
use crate::model::task::Task;
use crate::model::task_template::TaskTemplate;
use crate::service::task::access::{no_task, sees};

pub mod values;

/// How many templates there may be.
const MOST: i64 = 1_000;
/// The longest name.
const MAX_NAME: usize = 64;

/// The templates that are built in: their names, languages, and the parts one below the other.
const BUILT_IN: [(&str, &str, &str); 10] = [
    (AWAITS, "en", include_str!("../../locales/mail/task_awaits.en.txt")),
    (AWAITS, "fr", include_str!("../../locales/mail/task_awaits.fr.txt")),
    (OVERDUE, "en", include_str!("../../locales/mail/task_overdue.en.txt")),
    (OVERDUE, "fr", include_str!("../../locales/mail/task_overdue.fr.txt")),
    (DECIDED, "en", include_str!("../../locales/mail/task_decided.en.txt")),
    (DECIDED, "fr", include_str!("../../locales/mail/task_decided.fr.txt")),
    (DIGEST, "en", include_str!("../../locales/mail/digest.en.txt")),
    (DIGEST, "fr", include_str!("../../locales/mail/digest.fr.txt")),
    (PASSWORD_RESET, "en", include_str!("../../locales/mail/password_reset.en.txt")),
    (PASSWORD_RESET, "fr", include_str!("../../locales/mail/password_reset.fr.txt")),
];

/// A template to be made.
#[derive(Debug, Clone, Default)]
pub struct CreateTaskTemplate {
    /// Its name.
    pub name: String,
    /// The code of its language.
    pub language: String,
    /// The source of the subject.
    pub subject: String,
    /// The source of the text.
    pub text: String,
    /// The source of the HTML; absent: mails have none.
    pub html: Option<String>,
}

/// The changes of a template. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct UpdateTaskTemplate {
    /// The template.
    pub id: Uuid,
    /// The source of the subject.
    pub subject: Option<String>,
    /// The source of the text.
    pub text: Option<String>,
    /// The source of the HTML.
    pub html: Option<String>,
}

/// A template that is to be rendered without being sent.
#[derive(Debug, Clone, Default)]
pub struct RenderTaskTemplate {
    /// The task of which it tells.
    pub task_id: Uuid,
    /// The name of the template; needed unless all is given.
    pub name: Option<String>,
    /// The language; absent: the requester's.
    pub language: Option<String>,
    /// Sources in place of those that are stored.
    pub sources: Parts<Option<String>>,
}

/// Makes a template.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub fn create(unit: &mut UnitOfWork<'_>, input: &CreateTaskTemplate) -> Result<TaskTemplate> {
    let record = unit.new_record();
    add(unit, record, input)
}

/// The same with this record.
pub(super) fn add(
    unit: &mut UnitOfWork<'_>,
    record: Record,
    input: &CreateTaskTemplate,
) -> Result<TaskTemplate> {
    unit.requester.need(&unit.settings.gql_task_template_create_perms)?;
    check_template_name("name", &input.name)?;
    if !db::user::language_codes(unit.connection)?.contains(&input.language) {
        return Err(Error::validation("language", Message::new("no-language")));
    }
    if db::task_template::count(unit.connection)? >= MOST {
        return Err(Error::limit("name", Message::new("too-many-templates").with("max", MOST)));
    }
    let same = db::task_template::of_name(unit.connection, &input.name)?;
    if same.iter().any(|other| other.language == input.language) {
        return Err(name_taken());
    }
    let template = TaskTemplate {
        record,
        name: input.name.clone(),
        language: input.language.clone(),
        subject: input.subject.clone(),
        text: input.text.clone(),
        html: input.html.clone().unwrap_or_default(),
    };
    check_sources(&parts(&template))?;
    unit.insert(&template).map_err(taken)?;
    Ok(template)
}

/// Changes a template. Mails that were not sent yet say what it says then.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, or what the database says.
pub fn update(unit: &mut UnitOfWork<'_>, input: &UpdateTaskTemplate) -> Result<TaskTemplate> {
    unit.requester.need(&unit.settings.gql_task_template_update_perms)?;
    let mut template = locked(unit, "id", input.id)?;
    let old = template.clone();
    for (source, new) in [
        (&mut template.subject, &input.subject),
        (&mut template.text, &input.text),
        (&mut template.html, &input.html),
    ] {
        if let Some(new) = new {
            source.clone_from(new);
        }
    }
    check_sources(&parts(&template))?;
    unit.touch(&template);
    if template != old {
        unit.update(&mut template)?;
    }
    Ok(template)
}

/// Deletes templates: all of them, or none. Those that are built in take their place; what dispatchers send mails by stays in one
/// language at least.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT for what a dispatcher needs, LIMIT, or what the database says.
pub fn delete(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_task_template_delete_perms)?;
    unit.check_list("ids", ids.len())?;
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let mut template = locked(unit, "ids", id)?;
        refuse_last(unit, &template)?;
        unit.delete(&mut template)?;
    }
    Ok(())
}

/// Refuses to delete the last template of a name by which dispatchers send mails.
fn refuse_last(unit: &mut UnitOfWork<'_>, template: &TaskTemplate) -> Result<()> {
    // Nobody deletes the others, or makes such a dispatcher meanwhile.
    let same = db::task_template::lock_of_name(unit.connection, &template.name, Lock::Exclusive)?;
    if same.len() > 1 || is_built_in(&template.name) {
        return Ok(());
    }
    let count = db::task_dispatcher::count_naming_template(unit.connection, &template.name)?;
    if count == 0 {
        return Ok(());
    }
    let message =
        Message::new("template-in-dispatchers").with("name", template.name.as_str()).with("count", count);
    Err(Error::new(ErrorCode::Conflict, message).of_field("ids"))
}

/// Lists the templates that people have made.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<TaskTemplate>> {
    services.list(requester, query, place, visibility::task_templates, db::list::<TaskTemplate>).await
}

/// Lists their versions.
///
/// # Errors
/// FORBIDDEN, VALIDATION, LIMIT, or what the database says.
pub async fn list_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<Historical<TaskTemplate>>> {
    query.leave_out_deleted_versions();
    let list = db::list_history::<TaskTemplate>;
    services.list(requester, query, ListScope::Root, visibility::task_templates, list).await
}

/// The sources and the task of a template that is to be rendered without being sent.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, or what the database says.
pub async fn to_render(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    input: RenderTaskTemplate,
) -> Result<(Parts, Task)> {
    let asking = Arc::clone(requester);
    let default = services.mail.language.clone();
    services
        .read(move |services, connection| {
            let mut unit = UnitOfWork::new(services, &asking, connection, 0)?;
            unit.requester.need(&unit.settings.gql_task_template_search_perms)?;
            let task = db::get::<Task>(unit.connection, input.task_id)?.filter(|task| !task.is_deleted);
            let task = task.ok_or_else(|| no_task().of_field("taskId"))?;
            if !sees(&mut unit, &task)? {
                return Err(no_task().of_field("taskId"));
            }
            let reader = input.language.unwrap_or_else(|| asking.user.language.clone());
            let stored = match &input.name {
                Some(name) => of_reader(unit.connection, name, &reader, &default)?.ok_or_else(no_template)?,
                None => Parts::default(),
            };
            let Parts { subject, text, html } = input.sources;
            let parts = Parts {
                subject: subject.unwrap_or(stored.subject),
                text: text.unwrap_or(stored.text),
                html: html.unwrap_or(stored.html),
            };
            check_sources(&parts)?;
            Ok((parts, task))
        })
        .await
}

/// What mails of this name say to a reader of this language, or else in the default one, or else in English; none if no template
/// has the name.
pub fn of_reader(
    connection: &mut DbConnection,
    name: &str,
    language: &str,
    default: &str,
) -> Result<Option<Parts>> {
    let stored = db::task_template::of_name(connection, name)?;
    let in_language = |language: &&str| {
        let own = stored.iter().find(|template| template.language == **language).map(parts);
        own.map(|own| Parts {
            subject: own.subject.to_owned(),
            text: own.text.to_owned(),
            html: own.html.to_owned(),
        })
        .or_else(|| built_in(name, language))
    };
    let found = [language, default, "en"].iter().find_map(in_language);
    // What is there in another language only is better than nothing.
    Ok(found.or_else(|| stored.first().and_then(|template| in_language(&template.language.as_str()))))
}

/// Whether there is a template of this name in some language.
///
/// # Errors
/// What the database says.
pub fn is_there(connection: &mut DbConnection, name: &str) -> Result<bool> {
    Ok(is_built_in(name) || !db::task_template::of_name(connection, name)?.is_empty())
}

/// Why no mail is sent by a template that is gone.
#[must_use]
pub fn gone(name: &str) -> String {
    format!("there is no template {name}")
}

/// Refuses the name of a template unless there is one in some language, and stays until the transaction ends.
///
/// # Errors
/// VALIDATION for what is no such name, or NOT_FOUND, naming `field`, or what the database says.
pub(super) fn check_is_there(unit: &mut UnitOfWork<'_>, field: &str, name: &str) -> Result<()> {
    check_template_name(field, name)?;
    if is_built_in(name) || !db::task_template::lock_of_name(unit.connection, name, Lock::Share)?.is_empty() {
        return Ok(());
    }
    Err(Error::not_found(field, Message::new("no-template-named").with("name", name)))
}

fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|(own, ..)| *own == name)
}

fn built_in(name: &str, language: &str) -> Option<Parts> {
    let (.., source) = BUILT_IN.iter().find(|(own, code, _)| *own == name && *code == language)?;
    let mut parts = source.split("\n===\n").map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    Some(Parts { subject: next(), text: next(), html: next() })
}

fn parts(template: &TaskTemplate) -> Parts<&str> {
    Parts { subject: &template.subject, text: &template.text, html: &template.html }
}

/// Refuses the name of a template that is not of letters, digits, `-` and `_`.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check_template_name(field: &str, name: &str) -> Result<()> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_good) {
        let message = Message::new("bad-template-name").with("field", field.to_owned()).with("max", MAX_NAME);
        return Err(Error::validation(field, message));
    }
    Ok(())
}

/// The refusal of a part that can't be used or rendered.
#[must_use]
pub fn unusable(fault: &Fault) -> Error {
    let message =
        Message::new("bad-template").with("field", fault.part).with("reason", fault.reason.as_str());
    Error::validation(fault.part, message)
}

fn check_sources<T: AsRef<str>>(parts: &Parts<T>) -> Result<()> {
    for (field, source) in [("subject", &parts.subject), ("text", &parts.text), ("html", &parts.html)] {
        check_text(field, source.as_ref(), usize::MAX)?;
    }
    if parts.subject.as_ref().trim().is_empty() {
        return Err(Error::validation("subject", Message::new("blank").with("field", "subject")));
    }
    parts.check().map_err(|fault| unusable(&fault))
}

fn locked(unit: &mut UnitOfWork<'_>, field: &str, id: Uuid) -> Result<TaskTemplate> {
    db::lock::<TaskTemplate>(unit.connection, id, Lock::Exclusive)?
        .filter(|template| !template.is_deleted)
        .ok_or_else(|| no_template().of_field(field))
}

fn no_template() -> Error {
    Error::new(ErrorCode::NotFound, Message::new("no-task-template")).of_field("name")
}

fn name_taken() -> Error {
    Error::validation("name", Message::new("template-name-taken"))
}

/// The error to report when another transaction has taken the name meanwhile.
fn taken(error: Error) -> Error {
    if db::task_template::is_name_taken(&error) { name_taken() } else { error }
}

#[cfg(all(test, feature = "mail"))]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_built_in_template_is_there_in_both_languages_and_can_be_rendered() {
        let values = json!({
            "title": "a < b", "link": "https://tasks.example.org/?task=1", "token": "t", "expires": "2026-01-05T14:30:00",
            "recipient": { "name": "Ada", "username": "ada" }, "event": { "data": { "result": "COMPLETED" } },
            "task": { "source": "grants", "dueDate": "2026-01-05T14:30:00.000001" }, "more": 3, "count": 4,
            "items": [{ "subject": "To decide: a < b", "link": "https://tasks.example.org/?task=1", "task": {} }],
        });
        for name in [AWAITS, OVERDUE, DECIDED, DIGEST, PASSWORD_RESET] {
            let [english, french] = ["en", "fr"].map(|language| {
                let parts = built_in(name, language).expect(name).render(&values.clone().into()).expect(name);
                for part in [&parts.subject, &parts.text, &parts.html] {
                    assert!(!part.trim().is_empty() && !part.contains("{{"), "{name} {language}: {part}");
                }
                assert!(parts.text.contains("Ada") && parts.html.contains("Ada"));
                assert!(name == PASSWORD_RESET || parts.html.contains("a &lt; b"), "{}", parts.html);
                parts
            });
            assert_ne!(english.text, french.text);
        }
    }
}
