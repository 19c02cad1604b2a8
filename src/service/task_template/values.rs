//! What templates of mails can show.

use crate::domain::json::{Json, Object, json};
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

/// The fields of a task that hold JSON in a text, which templates and conditions read.
const TEXTS: [&str; 4] = ["data", "businessData", "businessStatus", "jsonExt"];

fn read_texts(body: &mut Json) {
    let rows = body.as_object_mut().and_then(|body| body.get_mut("data")).and_then(Json::as_object_mut);
    for row in rows.into_iter().flat_map(Object::values_mut).filter_map(Json::as_object_mut) {
        for name in TEXTS {
            let read = row.get(name).and_then(|text| text.as_str()).and_then(|text| Json::parse(text).ok());
            if let Some(read) = read {
                row.insert(name.to_owned(), read);
            }
        }
    }
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
