//! Templates of mails by GraphQL: making, changing and deleting them, trying them, and which one a reader gets.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::CreateTask;

use crate::mails::{deliver, mail_rows, with_mail};
use crate::support::scenario::{each, key};
use crate::support::{Answer, TestApp, apply, on_both};

fn template(language: &str, subject: &str) -> Value {
    json!({ "name": "task_awaits", "language": language, "subject": subject, "text": "{{ title }} in {{ task.data.amount }}",
        "html": "<b>{{ title }}</b>" })
}

async fn render(app: &TestApp, username: &str, input: Value) -> Answer {
    let query =
        "query($in: RenderTaskTemplateInput!) { renderTaskTemplate(input: $in) { subject text html } }";
    app.user(username).await.graphql_with(query, json!({ "in": input })).await
}

async fn task(app: &TestApp) -> String {
    let group = app.group("group", Any, &["exec1"]).await;
    app.task(CreateTask {
        task_group_id: Some(key(&group)),
        entity_string: Some("A & B".to_owned()),
        data: Some(json!({ "amount": 12.5 }).into()),
        ..CreateTask::default()
    })
    .await
}

#[apply(on_both)]
async fn a_template_of_ones_own_comes_first_in_the_readers_language_then_in_the_default_one(
    backend: Backend,
) {
    let (app, server) = with_mail(backend).await;
    app.run("UPDATE core_user SET language = 'fr' WHERE username = 'exec1'");
    app.done("admin", "createTaskTemplate", template("en", "Own: {{ title }}")).await;
    let one = task(&app).await;
    deliver(&app).await;
    let mail = server.take().remove(0);
    // The built-in one in the reader's language is better than another language.
    assert_eq!(mail.header("Subject"), "À décider : A & B");
    app.done("admin", "createTaskTemplate", template("fr", "À moi : {{ title }}")).await;
    app.done("admin", "updateTask", json!({ "id": one, "data": "{\"amount\": 13}" })).await;
    deliver(&app).await;
    let mail = server.take().remove(0);
    assert_eq!(mail.header("Subject"), "À moi : A & B");
    assert_eq!(mail.text().trim(), "A & B in 13");
    assert_eq!(mail.html().trim(), "<b>A &amp; B</b>");
}

#[apply(on_both)]
async fn templates_have_versions_and_a_history_of_their_own(app: TestApp) {
    app.done("admin", "createTaskTemplate", template("en", "one")).await;
    let mut admin = app.user("admin").await;
    let rows = admin.rows("taskTemplate", "", "uuid id name language subject version").await;
    assert_eq!((rows.len(), &rows[0]["subject"]), (1, &json!("one")));
    let id = rows[0]["uuid"].as_str().expect("a key").to_owned();
    app.done("admin", "updateTaskTemplate", json!({ "id": id, "subject": "two" })).await;
    app.done("admin", "updateTaskTemplate", json!({ "id": id, "subject": "two" })).await;
    let fields = "version subject historyType historyUser { username }";
    let versions =
        admin.rows("taskTemplateHistory", &format!("(id: \"{id}\", orderBy: \"version\")"), fields).await;
    assert_eq!(each(&versions, "subject"), ["one", "two"]);
    assert_eq!(versions[0]["historyUser"]["username"], "admin");
    let node = format!("{{ node(id: \"{}\") {{ id }} }}", rows[0]["id"].as_str().expect("an id"));
    assert_eq!(admin.graphql(&node).await.data("node")["id"], rows[0]["id"]);
    app.done("admin", "deleteTaskTemplate", json!({ "ids": [id] })).await;
    assert_eq!(admin.rows("taskTemplate", "", "uuid").await.len(), 0);
    assert_eq!(*admin.graphql(&node).await.data("node"), Value::Null);
    // The name is free again.
    app.done("admin", "createTaskTemplate", template("en", "three")).await;
}

#[apply(on_both)]
async fn what_is_wrong_with_a_template_is_said_and_names_its_part(app: TestApp) {
    let with = |field: &str, value: &str| {
        let mut input = template("en", "fine");
        input[field] = json!(value);
        input
    };
    for (field, value, says) in [
        ("name", "a name", "letters"),
        ("name", "", "letters"),
        ("language", "xx", "language"),
        ("subject", " ", "blank"),
        ("subject", "{{ title", "}}"),
        ("text", "{% set a = 1 %}", "set"),
        ("text", "{{ 'a' * 1000000 }}", "joined nor repeated"),
        ("html", "{% include 'x' %}", "include"),
        ("html", "{{ title | safe }}", "safe"),
        ("html", "{% if %}", "template"),
    ] {
        let said = app.refusal_text("admin", "createTaskTemplate", with(field, value)).await;
        assert!(said.contains(says), "{field} {value}: {said}");
    }
    app.done("admin", "createTaskTemplate", template("en", "fine")).await;
    let taken = app.refused("admin", "createTaskTemplate", template("en", "again")).await;
    assert_eq!(taken, "VALIDATION name");
    app.done("admin", "createTaskTemplate", template("fr", "encore")).await;
    let long = with("text", &"x".repeat(70_000));
    assert!(
        app.refusal_text("admin", "createTaskTemplate", {
            let mut long = long;
            long["name"] = json!("long");
            long
        })
        .await
        .contains("bytes")
    );
    for mutation in ["createTaskTemplate"] {
        assert_eq!(app.refused("exec1", mutation, with("name", "mine")).await, "FORBIDDEN");
    }
}

#[apply(on_both)]
async fn a_dry_run_shows_a_mail_and_sends_none(backend: Backend) {
    let (app, server) = with_mail(backend).await;
    let task = task(&app).await;
    deliver(&app).await;
    server.take();
    let answer =
        render(&app, "admin", json!({ "taskId": task, "name": "task_overdue", "language": "fr" })).await;
    assert_eq!(answer.data("renderTaskTemplate")["subject"], "En retard : A & B");
    let own = json!({ "taskId": task, "subject": "S {{ event.type }}", "text": "{{ task.data.amount }} {{ recipient.username }}",
        "html": "<p>{{ title }}</p>", "signal": "task_service.overdue" });
    let answer = render(&app, "admin", own).await;
    let expected =
        json!({ "subject": "S task_service.overdue", "text": "12.5 admin", "html": "<p>A &amp; B</p>" });
    assert_eq!(*answer.data("renderTaskTemplate"), expected);
    let list: Vec<u32> = (0..500).collect();
    app.done("admin", "updateTask", json!({ "id": task, "data": json!({ "l": list }).to_string() })).await;
    let bomb = "{% for a in task.data.l %}{% for b in task.data.l %}{% for c in task.data.l %}x{% endfor %}{% endfor %}{% endfor %}";
    let answer = render(&app, "admin", json!({ "taskId": task, "subject": "s", "text": bomb })).await;
    assert_eq!(answer.codes(), ["VALIDATION"]);
    assert!(answer.message().contains("fuel"), "{}", answer.message());
    for (input, code) in [
        (json!({ "taskId": task, "name": "lost" }), "NOT_FOUND"),
        (
            json!({ "taskId": task, "name": "task_awaits", "signal": "task_group_service.create" }),
            "VALIDATION",
        ),
        (json!({ "taskId": task, "text": "no subject" }), "VALIDATION"),
        (json!({ "taskId": "00000000-0000-7000-8000-000000000001", "name": "task_awaits" }), "NOT_FOUND"),
    ] {
        let answer = render(&app, "admin", input.clone()).await;
        assert_eq!(answer.codes(), [code], "{input}");
    }
    let answer = render(&app, "exec1", json!({ "taskId": task, "name": "task_awaits" })).await;
    assert_eq!(answer.codes(), ["FORBIDDEN"]);
    assert_eq!(server.take().len(), 0);
}

#[apply(on_both)]
async fn a_template_that_fails_when_a_mail_is_written_parks_the_mail_until_it_is_mended(backend: Backend) {
    let (app, server) = with_mail(backend).await;
    let mut input = template("en", "s");
    input["text"] = json!(
        "{% for a in task.data.l %}{% for b in task.data.l %}{% for c in task.data.l %}x{% endfor %}{% endfor %}{% endfor %}"
    );
    app.done("admin", "createTaskTemplate", input).await;
    let group = app.group("group", Any, &["exec1"]).await;
    let list: Vec<u32> = (0..500).collect();
    let create = CreateTask {
        task_group_id: Some(key(&group)),
        data: Some(json!({ "l": list }).into()),
        ..CreateTask::default()
    };
    app.task(create).await;
    deliver(&app).await;
    let rows = mail_rows(&app).await;
    assert!(
        rows[0]["status"] == "FAILED" && rows[0]["error"].as_str().is_some_and(|e| e.contains("text")),
        "{rows:?}"
    );
    let mut admin = app.user("admin").await;
    let id = admin.rows("taskTemplate", "", "uuid").await[0]["uuid"].clone();
    app.done("admin", "updateTaskTemplate", json!({ "id": id, "text": "mended" })).await;
    let dead = admin.rows("taskEvents", "(status: DEAD)", "id").await;
    app.done("admin", "replayTaskEvents", json!({ "ids": [dead[0]["id"]] })).await;
    deliver(&app).await;
    assert_eq!(server.take()[0].text().trim(), "mended");
}
