//! What templates of mails can show.

use crate::domain::json::{Json, Object, json};
use crate::model::task_mail::TaskMail;
use crate::model::user::User;

/// What templates can show: the event and its task as webhooks tell them, with JSON in texts read, and who reads it.
pub fn values(mut body: Json, recipient: &Json, link: Option<&str>) -> Json {
    read_texts(&mut body);
    let task = body.get("data").and_then(|data| data.get("task")).cloned().unwrap_or_default();
    let text =
        |name: &str| task.get(name).and_then(|value| value.as_str()).filter(|text| !text.trim().is_empty());
    let title = text("entityString").or_else(|| text("source")).or_else(|| text("uuid")).unwrap_or_default();
    json!({ "title": title, "task": task, "event": body, "recipient": recipient, "link": link })
}

/// What templates can show to an address that is nobody's whose rights could be asked: that something happened, and where to look.
pub fn values_of_address(mail: &TaskMail, link: Option<&str>) -> Json {
    let (task, address) = (mail.entity_id.to_string(), mail.address.as_deref().unwrap_or_default());
    json!({
        "title": task, "task": json!({ "uuid": task }), "event": json!({ "type": mail.signal }),
        "recipient": json!({ "name": address }), "link": link,
    })
}

/// What a digest shows of one mail, of whose values the task's data is left out: its subject, or the task's title.
pub fn item_of_digest(mail: &TaskMail, values: &Json, subject: &str) -> Json {
    let of = |row: &Json, name: &str| row.get(name).cloned().unwrap_or_default();
    let (title, task) = (of(values, "title"), of(values, "task"));
    let subject = if subject.is_empty() { title.clone() } else { Json::from(subject) };
    let shown = ["uuid", "source", "entityString", "status", "priority", "dueDate"];
    let task: Object = shown.iter().map(|name| ((*name).to_owned(), of(&task, name))).collect();
    json!({
        "subject": subject, "title": title, "link": of(values, "link"), "task": Json::Object(task),
        "template": mail.template, "signal": mail.signal, "date": mail.date_created,
    })
}

/// What the template of digests can show.
pub fn values_of_digest(items: &[Json], more: usize, recipient: &Json) -> Json {
    json!({ "items": items, "more": more, "count": items.len() + more, "recipient": recipient })
}

/// The fields of a task that hold JSON in a text, which templates and conditions read.
const TEXTS: [&str; 4] = ["data", "businessData", "businessStatus", "jsonExt"];

/// Reads the JSON that stands in texts of the rows of an event, so that templates and conditions can look into it.
pub fn read_texts(body: &mut Json) {
    for row in rows(body) {
        for name in TEXTS {
            let read = row.get(name).and_then(|text| text.as_str()).and_then(|text| Json::parse(text).ok());
            if let Some(read) = read {
                row.insert(name.to_owned(), read);
            }
        }
    }
}

/// Leaves out what can make the rows of an event large.
pub fn leave_out_texts(body: &mut Json) {
    for row in rows(body) {
        for name in TEXTS {
            if let Some(value) = row.get_mut(name) {
                *value = Json::Null;
            }
        }
    }
}

/// The rows of an event.
fn rows(body: &mut Json) -> impl Iterator<Item = &mut Object> {
    let rows = body.as_object_mut().and_then(|body| body.get_mut("data")).and_then(Json::as_object_mut);
    rows.into_iter().flat_map(Object::values_mut).filter_map(Json::as_object_mut)
}

/// Who reads a mail, as templates see it.
pub fn recipient(person: &User) -> Json {
    json!({
        "username": person.username, "otherNames": person.other_names, "lastName": person.last_name,
        "name": full_name(person),
    })
}

/// What a person is called.
pub fn full_name(person: &User) -> String {
    let name = format!("{} {}", person.other_names, person.last_name);
    let name = name.trim();
    if name.is_empty() { person.username.clone() } else { name.to_owned() }
}
