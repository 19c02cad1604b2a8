//! Dispatchers name templates that are there; a mail by one that is gone says so.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;

use crate::mails::{at, deliver, with_mail};
use crate::support::scenario::{each, user_id};
use crate::support::{TestApp, apply, on_both};

fn by(name: &str, template: &str) -> Value {
    json!({
        "name": name, "signal": "task_service.create",
        "actions": [{ "kind": "MAIL", "template": template, "recipients": ["POOL"] }],
    })
}

async fn make_template(app: &TestApp, name: &str, language: &str) -> Value {
    let input =
        json!({ "name": name, "language": language, "subject": format!("News in {language}"), "text": "t" });
    app.done("admin", "createTaskTemplate", input).await;
    let arguments = format!("(name: \"{name}\", language: \"{language}\")");
    app.user("admin").await.rows("taskTemplate", &arguments, "uuid").await.remove(0)["uuid"].clone()
}

#[apply(on_both)]
async fn a_dispatcher_names_a_template_that_is_there(backend: Backend) {
    let (app, _) = with_mail(backend).await;
    let refused = app.refused("admin", "createTaskDispatcher", by("d", "news")).await;
    assert_eq!(refused, "NOT_FOUND actions");
    let words = app.refusal_text("admin", "createTaskDispatcher", by("d", "news")).await;
    assert!(words.contains("no template news"), "{words}");
    app.done("admin", "createTaskDispatcher", by("built in", "task_decided")).await;
    let id = app.user("admin").await.rows("taskDispatcher", "", "uuid").await.remove(0)["uuid"].clone();
    let change = json!({ "id": id, "actions": by("", "news")["actions"] });
    assert_eq!(app.refused("admin", "updateTaskDispatcher", change.clone()).await, "NOT_FOUND actions");
    // In whatever language it is.
    make_template(&app, "news", "fr").await;
    app.done("admin", "updateTaskDispatcher", change).await;
    app.done("admin", "createTaskDispatcher", by("d", "news")).await;
    // A file is read alike, and its templates come before its dispatchers.
    let mut dispatcher = by("loaded", "more");
    dispatcher["id"] = json!("00000000-0000-7000-b000-000000000001");
    let mut file = json!({ "taskDispatchers": [dispatcher] });
    let wrong = serde_json::from_value(file.clone()).expect("a file");
    let reason = app.module.load(wrong).await.expect_err("there is no such template");
    let cause = std::error::Error::source(&reason).expect("a cause").to_string();
    assert!(cause.starts_with("dispatcher loaded: actions: There is no template"), "{cause}");
    file["taskTemplates"] = json!([{ "id": "00000000-0000-7000-b000-000000000002", "name": "more", "language": "en",
        "subject": "s", "text": "t" }]);
    app.load(file).await;
}

#[apply(on_both)]
async fn the_last_template_that_dispatchers_send_mails_by_stays(backend: Backend) {
    let (app, _) = with_mail(backend).await;
    let (english, french) =
        (make_template(&app, "news", "en").await, make_template(&app, "news", "fr").await);
    let own = make_template(&app, "task_decided", "en").await;
    app.done("admin", "createTaskDispatcher", by("d", "news")).await;
    app.done("admin", "createTaskDispatcher", by("built in", "task_decided")).await;
    let delete = |ids: &[&Value]| json!({ "ids": ids });
    let both = delete(&[&english, &french]);
    assert_eq!(app.refused("admin", "deleteTaskTemplate", both.clone()).await, "CONFLICT ids");
    // One of another language takes its place, and so does a built-in one.
    app.done("admin", "deleteTaskTemplate", delete(&[&english, &own])).await;
    let words = app.refusal_text("admin", "deleteTaskTemplate", delete(&[&french])).await;
    assert!(words.contains("news") && words.contains("(1)"), "{words}");
    // Without the dispatcher, it goes.
    let id = app.user("admin").await.rows("taskDispatcher", "(name: \"d\")", "uuid").await.remove(0)["uuid"]
        .clone();
    app.done("admin", "deleteTaskDispatcher", json!({ "ids": [id] })).await;
    app.done("admin", "deleteTaskTemplate", delete(&[&french])).await;
}

#[apply(on_both)]
async fn a_template_that_goes_while_a_dispatcher_is_made_is_missed_by_neither(backend: Backend) {
    let (app, _) = with_mail(backend).await;
    let other = app.another_process();
    for round in 0..10 {
        let name = format!("news{round}");
        let id = make_template(&app, &name, "en").await;
        let (mut one, mut two) = (app.user("admin").await, other.user("admin").await);
        let (made, gone) = tokio::join!(
            one.mutate("createTaskDispatcher", by(&name, &name)),
            two.mutate("deleteTaskTemplate", json!({ "ids": [id] })),
        );
        assert_eq!(made.0 + gone.0, 3, "one of both is refused: {made:?} {gone:?}");
    }
}

#[apply(on_both)]
async fn a_mail_by_a_template_that_is_gone_says_so_by_itself_and_in_a_digest(backend: Backend) {
    let (app, server) = with_mail(backend).await;
    let daily = json!({ "frequency": "DAILY" });
    app.done("exec2", "changeMailFrequency", daily).await;
    make_template(&app, "news", "en").await;
    app.done("admin", "createTaskDispatcher", by("d", "news")).await;
    let group = app.group("one", Any, &["exec1", "exec2"]).await;
    app.task_in(&group).await;
    // From before dispatchers kept their templates.
    app.run("UPDATE task_management_tasktemplate SET is_deleted = true WHERE name = 'news'");
    while deliver(&app).await > 0 {}
    app.done("exec2", "changeMailFrequency", json!({ "frequency": "AT_ONCE" })).await;
    while deliver(&app).await > 0 {}
    let mut admin = app.user("admin").await;
    let mut said = Vec::new();
    for name in ["exec1", "exec2"] {
        let arguments = format!("(userId: \"{}\", template: \"news\")", user_id(name));
        let row = admin.rows("taskMail", &arguments, "status error").await.remove(0);
        assert_eq!(row["status"], "FAILED", "{name}");
        said.push(row["error"].as_str().expect("a reason").to_owned());
    }
    assert_eq!(said, ["there is no template news", "not sent: there is no template news"]);
    let mails = server.take();
    assert_eq!(mails.len(), 2, "what has a template is sent");
    let digest = mails.iter().find(|mail| mail.to == ["exec2@example.org"]).expect("a digest");
    assert_eq!(digest.header("Subject"), "1 notification about tasks");
    assert_eq!(digest.text().matches("\n- ").count(), 1, "{}", digest.text());
}

#[apply(on_both)]
async fn without_notices_nothing_new_is_left_and_what_is_left_is_still_sent(backend: Backend) {
    let (app, server) = with_mail(backend).await;
    app.done("exec2", "changeMailFrequency", json!({ "frequency": "DAILY" })).await;
    let group = app.group("one", Any, &["exec1", "exec2"]).await;
    app.task_in(&group).await;
    // Who gets mails is found out, and none is sent yet.
    server.be(crate::support::smtp::Manner::Answers("RCPT", "450 busy"));
    while deliver(&app).await > 0 {}
    server.be(crate::support::smtp::Manner::Takes);
    let usual = at(&server);
    let quiet = app.another_process_with(
        |settings| {
            usual(settings);
            settings.mail.notify = false;
        },
        |builder| builder,
    );
    quiet.task_in(&group).await;
    app.run("UPDATE task_management_outbox SET date_due = date_created WHERE status = 'PENDING'");
    quiet.done("exec2", "changeMailFrequency", json!({ "frequency": "AT_ONCE" })).await;
    while deliver(&quiet).await > 0 {}
    let rows = app.user("admin").await.rows("taskMail", "(orderBy: \"id\")", "template status").await;
    assert_eq!(each(&rows, "status"), ["SENT", "SENT", "SENT"], "{rows:?}");
    let mut templates: Vec<&str> = rows.iter().filter_map(|row| row["template"].as_str()).collect();
    templates.sort_unstable();
    assert_eq!(templates, ["digest", "task_awaits", "task_awaits"]);
    assert_eq!(server.take().len(), 2);
}
