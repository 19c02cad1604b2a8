//! Digests: who does not want each mail at once gets one that lists them, of what is still to be told then.

use std::collections::BTreeSet;

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{Builder, Clock as _, CreateTask, FixedClock, Settings};

use crate::mails::{at, recipients};
use crate::support::scenario::{each, key, user_id};
use crate::support::smtp::{MailServer, Manner, Protection};
use crate::support::{Backend, Client, TestApp, apply, on_both};

/// A Monday, half an hour before eight in the morning in Berlin.
const MONDAY: &str = "2026-03-02T06:30:00";

/// The module with a mail server and a clock that stands still.
async fn scene(backend: Backend) -> (TestApp, MailServer, FixedClock) {
    scene_with(backend, |_| {}).await
}

async fn scene_with(
    backend: Backend,
    change: impl FnOnce(&mut Settings),
) -> (TestApp, MailServer, FixedClock) {
    let server = MailServer::start(Protection::Plain).await;
    let clock = FixedClock::new(MONDAY.parse::<NaiveDateTime>().expect("a moment"));
    let (own, usual) = (clock.clone(), at(&server));
    let settings = |all: &mut Settings| {
        usual(all);
        change(all);
    };
    let app = TestApp::start_with(backend, settings, |builder: Builder| builder.clock(own)).await;
    (app, server, clock)
}

/// Has everything act that is due.
async fn act(app: &TestApp) {
    while app.module.deliver_due().await.expect("acts") > 0 {}
}

async fn choose(app: &TestApp, username: &str, input: Value) {
    app.done(username, "changeMailFrequency", input).await;
}

async fn task(app: &TestApp, group: &str, name: &str) -> String {
    let input = CreateTask {
        task_group_id: Some(key(group)),
        entity_string: Some(name.to_owned()),
        data: Some(json!({ "secret": "4711" }).into()),
        ..CreateTask::default()
    };
    app.task(input).await
}

/// The mails to somebody as an administrator sees them, oldest first.
async fn rows(app: &TestApp, username: &str) -> Vec<Value> {
    let fields = "uuid template status error messageId digestId entityId signal attempts dateSent";
    let arguments = format!("(orderBy: \"id\", userId: \"{}\")", user_id(username));
    app.user("admin").await.rows("taskMail", &arguments, fields).await
}

#[apply(on_both)]
async fn mails_wait_for_the_hour_that_their_reader_has_chosen_and_come_as_one(backend: Backend) {
    let (app, server, clock) = scene(backend).await;
    choose(&app, "exec1", json!({ "frequency": "DAILY", "hour": 8, "timeZone": "Europe/Berlin" })).await;
    let group = app.group("readers", All, &["exec1", "exec2"]).await;
    let first = task(&app, &group, "Pump <no. 7>").await;
    let second = task(&app, &group, "Well\r\nBcc: all@example.org").await;
    act(&app).await;
    assert_eq!(recipients(&server.take()), ["exec2@example.org", "exec2@example.org"]);
    let waiting = rows(&app, "exec1").await;
    assert_eq!(each(&waiting, "status"), ["WAITING", "WAITING"]);
    assert_eq!(each(&waiting, "digestId"), [Value::Null, Value::Null]);
    let all = app.user("admin").await.rows("taskMail", "(status: WAITING)", "user { username }").await;
    assert_eq!(all.len(), 2, "the status is a condition of lists");
    clock.advance(TimeDelta::minutes(29));
    act(&app).await;
    assert_eq!(recipients(&server.take()), Vec::<String>::new());
    clock.advance(TimeDelta::minutes(1));
    act(&app).await;
    let mails = server.take();
    assert_eq!(recipients(&mails), ["exec1@example.org"]);
    assert_eq!(mails[0].header("Subject"), "2 notifications about tasks");
    let (text, html) = (mails[0].text(), mails[0].html());
    assert!(text.contains("Hello Exe1 Executor1") && text.contains("- To decide: Pump <no. 7>"), "{text}");
    assert!(text.contains("- To decide: Well Bcc: all@example.org"), "{text}");
    assert!(html.contains("Pump &lt;no. 7&gt;") && !html.contains("<no."), "{html}");
    for id in [&first, &second] {
        assert!(text.contains(&format!("https://tasks.example.org/?task={id}")), "{text}");
        assert!(html.contains(&format!("task={id}")), "{html}");
    }
    assert!(!text.contains("4711") && !html.contains("4711"));
    let rows = rows(&app, "exec1").await;
    assert_eq!(each(&rows, "status"), ["SENT", "SENT", "SENT"]);
    assert_eq!(each(&rows, "template"), ["task_awaits", "task_awaits", "digest"]);
    assert_eq!(json!(mails[0].header("Message-ID")), rows[2]["messageId"]);
    assert_eq!(each(&rows, "digestId"), [rows[2]["uuid"].clone(), rows[2]["uuid"].clone(), Value::Null]);
    // Nothing is told twice, and where nothing waits there is no timer.
    assert_eq!(app.count("SELECT count(*) FROM task_management_timer WHERE kind = 'DIGEST'"), 0);
    clock.advance(TimeDelta::days(3));
    act(&app).await;
    assert_eq!(recipients(&server.take()), Vec::<String>::new());
}

#[apply(on_both)]
async fn a_digest_lists_so_many_and_says_how_many_more_in_the_readers_language(backend: Backend) {
    let (app, server, clock) = scene_with(backend, |all| all.mail.digest_items = 2).await;
    app.run("UPDATE core_user SET language = 'fr' WHERE username = 'exec1'");
    choose(&app, "exec1", json!({ "frequency": "HOURLY" })).await;
    let group = app.group("readers", All, &["exec1"]).await;
    for number in 1..=5 {
        task(&app, &group, &format!("pompe {number}")).await;
    }
    act(&app).await;
    clock.advance(TimeDelta::minutes(30));
    act(&app).await;
    let mails = server.take();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].header("Subject"), "5 notifications au sujet de tâches");
    let (text, html) = (mails[0].text(), mails[0].html());
    assert!(text.contains("Bonjour Exe1") && text.contains("et 3 de plus."), "{text}");
    assert_eq!((text.matches("- À décider : pompe").count(), html.matches("<li>").count()), (2, 2), "{text}");
    assert!(html.contains("et 3 de plus."), "{html}");
    assert!(rows(&app, "exec1").await.iter().all(|row| row["status"] == "SENT"));
}

#[apply(on_both)]
async fn what_is_told_of_one_task_again_and_again_is_listed_once(backend: Backend) {
    let (app, server, clock) = scene(backend).await;
    choose(&app, "exec1", json!({ "frequency": "HOURLY" })).await;
    let group = app.group("readers", All, &["exec1"]).await;
    let task = task(&app, &group, "pump").await;
    act(&app).await;
    for amount in 1..=3 {
        let data = json!({ "amount": amount }).to_string();
        app.done("admin", "updateTask", json!({ "id": task, "data": data })).await;
        act(&app).await;
    }
    assert_eq!(rows(&app, "exec1").await.len(), 4);
    clock.advance(TimeDelta::minutes(30));
    act(&app).await;
    let mails = server.take();
    assert_eq!((mails.len(), mails[0].header("Subject").as_str()), (1, "1 notification about tasks"));
    assert!(rows(&app, "exec1").await.iter().all(|row| row["status"] == "SENT"));
}

#[apply(on_both)]
async fn of_each_mail_is_asked_when_the_digest_is_sent_and_nothing_to_tell_is_no_mail(backend: Backend) {
    let (app, server, clock) = scene(backend).await;
    for name in ["exec1", "exec2"] {
        choose(&app, name, json!({ "frequency": "HOURLY" })).await;
    }
    let group = app.group("readers", All, &["exec1", "exec2", "exec3"]).await;
    let voted = task(&app, &group, "voted").await;
    let gone = task(&app, &group, "gone").await;
    let open = task(&app, &group, "open").await;
    act(&app).await;
    server.take();
    app.approve("exec1", &voted).await;
    app.approve("exec2", &voted).await;
    app.approve("exec2", &open).await;
    app.done("admin", "deleteTask", json!({ "ids": [gone] })).await;
    clock.advance(TimeDelta::minutes(30));
    act(&app).await;
    let mails = server.take();
    assert_eq!(recipients(&mails), ["exec1@example.org"]);
    let text = mails[0].text();
    assert!(text.contains("open") && !text.contains("voted") && !text.contains("gone"), "{text}");
    let of = |rows: &[Value], task: &str| {
        let row = rows.iter().find(|row| row["entityId"] == task).expect("a mail");
        (
            row["status"].as_str().expect("a status").to_owned(),
            row["error"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let first = rows(&app, "exec1").await;
    assert_eq!(of(&first, &open), ("SENT".to_owned(), String::new()));
    let ends = [(&voted, "the reason for it is gone"), (&gone, "the task is deleted")];
    for (task, reason) in ends {
        let (status, error) = of(&first, task);
        assert!(status == "FAILED" && error.starts_with(&format!("not sent: {reason}")), "{status} {error}");
    }
    let second = rows(&app, "exec2").await;
    assert_eq!(each(&second, "status"), ["FAILED", "FAILED", "FAILED", "FAILED"]);
    assert_eq!(of(&second, user_id("exec2")).1, "not sent: there is nothing to tell any more");
    assert!(of(&second, &open).1.contains("reason for it is gone"));
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox WHERE status = 'DEAD'"), 0);
}

#[apply(on_both)]
async fn who_loses_the_right_is_blocked_or_has_no_address_gets_no_digest(backend: Backend) {
    let (app, server, clock) = scene(backend).await;
    let people = ["exec1", "exec2", "exec3", "exec4"];
    for name in people {
        choose(&app, name, json!({ "frequency": "HOURLY" })).await;
    }
    let group = app.group("readers", All, &people).await;
    task(&app, &group, "pump").await;
    act(&app).await;
    app.run(&format!("DELETE FROM core_userrole WHERE user_id = '{}'", user_id("exec1")));
    app.run("UPDATE core_user SET is_active = false WHERE username = 'exec2'");
    app.run("UPDATE core_user SET email = NULL WHERE username = 'exec3'");
    clock.advance(TimeDelta::minutes(30));
    act(&app).await;
    assert_eq!(recipients(&server.take()), ["exec4@example.org"]);
    for (name, reason) in
        [("exec1", "does not see the task"), ("exec2", "not active any more"), ("exec3", "has no address")]
    {
        let rows = rows(&app, name).await;
        assert_eq!(each(&rows, "status"), ["FAILED", "FAILED"], "{name}");
        assert!(rows[0]["error"].as_str().expect("a reason").contains(reason), "{name}: {}", rows[0]);
    }
}

#[apply(on_both)]
async fn mails_that_wait_come_with_what_is_next_when_the_setting_changes(backend: Backend) {
    let (app, server, clock) = scene(backend).await;
    choose(&app, "exec1", json!({ "frequency": "WEEKLY", "hour": 6 })).await;
    let group = app.group("readers", All, &["exec1"]).await;
    task(&app, &group, "first").await;
    act(&app).await;
    // Another rhythm: they come at its next moment.
    choose(&app, "exec1", json!({ "frequency": "HOURLY" })).await;
    act(&app).await;
    assert_eq!(server.take().len(), 0);
    clock.advance(TimeDelta::minutes(30));
    act(&app).await;
    assert!(server.take()[0].text().contains("first"));
    clock.advance(TimeDelta::minutes(5));
    // At once: what waits comes now, and each of the next by itself.
    choose(&app, "exec1", json!({ "frequency": "DAILY" })).await;
    task(&app, &group, "second").await;
    task(&app, &group, "third").await;
    act(&app).await;
    assert_eq!(server.take().len(), 0);
    choose(&app, "exec1", json!({ "frequency": "AT_ONCE" })).await;
    act(&app).await;
    let mails = server.take();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text().contains("second") && mails[0].text().contains("third"));
    task(&app, &group, "fourth").await;
    act(&app).await;
    assert_eq!(server.take()[0].header("Subject"), "To decide: fourth");
    // Twice in one moment: the second digest is another mail, and nothing is lost.
    clock.advance(TimeDelta::minutes(1));
    for name in ["fifth", "sixth"] {
        choose(&app, "exec1", json!({ "frequency": "WEEKLY" })).await;
        task(&app, &group, name).await;
        act(&app).await;
        choose(&app, "exec1", json!({ "frequency": "AT_ONCE" })).await;
        act(&app).await;
    }
    clock.advance(TimeDelta::seconds(2));
    act(&app).await;
    let mails = server.take();
    let ids: BTreeSet<String> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!((mails.len(), ids.len()), (2, 2));
    assert!(rows(&app, "exec1").await.iter().all(|row| row["status"] == "SENT"));
}

#[apply(on_both)]
async fn weekly_digests_come_on_monday(backend: Backend) {
    let (app, server, clock) = scene(backend).await;
    choose(&app, "exec1", json!({ "frequency": "WEEKLY", "hour": 6, "timeZone": "UTC" })).await;
    let group = app.group("readers", All, &["exec1"]).await;
    task(&app, &group, "pump").await;
    act(&app).await;
    clock.advance(TimeDelta::days(7) - TimeDelta::minutes(31));
    act(&app).await;
    assert_eq!(server.take().len(), 0);
    clock.advance(TimeDelta::minutes(1));
    act(&app).await;
    assert_eq!(server.take().len(), 1);
}

#[apply(on_both)]
async fn new_passwords_and_addresses_outside_do_not_wait_and_mails_of_dispatchers_to_people_do(
    backend: Backend,
) {
    let (app, server, clock) = scene(backend).await;
    choose(&app, "exec1", json!({ "frequency": "DAILY" })).await;
    let reset = "mutation { resetPassword(input: { username: \"exec1\" }) { success } }";
    assert_eq!(app.stranger().graphql(reset).await.data("resetPassword")["success"], true);
    act(&app).await;
    assert_eq!(server.take()[0].header("Subject"), "Set a new password");
    let template = json!({ "name": "paid", "language": "en", "subject": "{{ title }} by {{ event.data.user.username }}", "text": "t" });
    app.done("admin", "createTaskTemplate", template).await;
    for name in ["kept", "disabled"] {
        let dispatcher = json!({
            "name": name, "signal": "task_service.create",
            "actions": [{ "kind": "MAIL", "template": "paid", "recipients": ["POOL"], "addresses": ["desk@elsewhere.example"] }],
        });
        app.done("admin", "createTaskDispatcher", dispatcher).await;
    }
    let group = app.group("readers", Any, &["exec1"]).await;
    task(&app, &group, "pump").await;
    act(&app).await;
    assert_eq!(recipients(&server.take()), ["desk@elsewhere.example", "desk@elsewhere.example"]);
    assert_eq!(each(&rows(&app, "exec1").await[1..], "status"), ["WAITING", "WAITING", "WAITING"]);
    let made = app.user("admin").await.rows("taskDispatcher", "(name: \"disabled\")", "uuid").await;
    app.done("admin", "updateTaskDispatcher", json!({ "id": made[0]["uuid"], "isEnabled": false })).await;
    clock.advance(TimeDelta::hours(2));
    act(&app).await;
    let mails = server.take();
    assert_eq!(recipients(&mails), ["exec1@example.org"]);
    // Each is listed by the subject that it would have had, with the facts of its event.
    let text = mails[0].text();
    assert!(text.contains("- To decide: pump") && text.contains("- pump by admin"), "{text}");
    assert_eq!(mails[0].header("Subject"), "2 notifications about tasks");
    let failed: Vec<Value> =
        rows(&app, "exec1").await.into_iter().filter(|row| row["status"] == "FAILED").collect();
    assert!(failed.len() == 1 && failed[0]["error"].as_str().is_some_and(|said| said.contains("dispatcher")));
}

#[apply(on_both)]
async fn a_digest_that_is_refused_for_now_comes_later_and_a_dead_one_is_sent_again(backend: Backend) {
    let (app, server, clock) = scene(backend).await;
    choose(&app, "exec1", json!({ "frequency": "HOURLY" })).await;
    let group = app.group("readers", All, &["exec1"]).await;
    server.be(Manner::Answers("RCPT", "450 busy"));
    task(&app, &group, "pump").await;
    act(&app).await;
    clock.advance(TimeDelta::minutes(30));
    act(&app).await;
    assert_eq!(each(&rows(&app, "exec1").await, "status"), ["WAITING", "QUEUED"]);
    server.be(Manner::BreaksOff);
    clock.advance(TimeDelta::seconds(70));
    act(&app).await;
    assert_eq!(each(&rows(&app, "exec1").await, "status"), ["WAITING", "QUEUED"]);
    server.be(Manner::Takes);
    clock.advance(TimeDelta::minutes(10));
    act(&app).await;
    let mails = server.take();
    let ids: BTreeSet<String> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!((mails.len(), ids.len()), (2, 1), "receivers can tell that it came twice");
    assert_eq!(each(&rows(&app, "exec1").await, "status"), ["SENT", "SENT"]);
    // What is refused for good is dead with all that it lists, until somebody has it sent again.
    for (mutation, end) in [("replayTaskEvents", "SENT"), ("discardTaskEvents", "FAILED")] {
        server.be(Manner::Answers("RCPT", "550 nobody of that name"));
        task(&app, &group, mutation).await;
        act(&app).await;
        clock.advance(TimeDelta::hours(1));
        act(&app).await;
        let last = rows(&app, "exec1").await;
        let last = &last[last.len() - 2..];
        assert_eq!(each(last, "status"), ["FAILED", "FAILED"]);
        assert!(last[0]["error"].as_str().is_some_and(|said| said.contains("nobody of that name")));
        server.be(Manner::Takes);
        let arguments = "(status: DEAD, handler: \"tasks.mail_digest\")";
        let dead = app.user("admin").await.rows("taskEvents", arguments, "id").await;
        assert_eq!(dead.len(), 1);
        app.done("admin", mutation, json!({ "ids": [dead[0]["id"]] })).await;
        act(&app).await;
        let last = rows(&app, "exec1").await;
        assert_eq!(each(&last[last.len() - 2..], "status"), [end, end], "{mutation}");
    }
    assert_eq!(server.take().len(), 1);
}

#[apply(on_both)]
async fn processes_that_act_at_once_leave_one_digest_for_each_moment(backend: Backend) {
    let (app, server, clock) = scene(backend).await;
    let other = app.another_process_with(at(&server), |builder| builder.clock(clock.clone()));
    let people = ["exec1", "exec2", "exec3", "exec4", "exec5"];
    for name in people {
        choose(&app, name, json!({ "frequency": "HOURLY" })).await;
    }
    let group = app.group("readers", All, &people).await;
    for round in 1..=3 {
        for number in 0..4 {
            task(&app, &group, &format!("{round}.{number}")).await;
        }
        // Mails are left while digests are made of those before them.
        let (one, two) = tokio::join!(app.module.deliver_due(), other.module.deliver_due());
        assert!(one.is_ok() && two.is_ok());
        clock.advance(TimeDelta::hours(1));
        let (one, two) = tokio::join!(app.module.deliver_due(), other.module.deliver_due());
        assert!(one.is_ok() && two.is_ok());
    }
    clock.advance(TimeDelta::hours(1));
    act(&app).await;
    let mails = server.take();
    let ids: BTreeSet<String> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(mails.len(), ids.len(), "none came twice");
    for name in people {
        let own = mails.iter().filter(|mail| mail.to == [format!("{name}@example.org")]);
        let listed: usize = own.map(|mail| mail.text().matches("- To decide:").count()).sum();
        assert_eq!(listed, 12, "{name}");
        let rows = rows(&app, name).await;
        assert!(rows.iter().all(|row| row["status"] == "SENT"), "{rows:?}");
    }
    let digests = app.count("SELECT count(*) FROM task_management_taskmail WHERE template = 'digest'");
    assert_eq!(usize::try_from(digests), Ok(ids.len()));
}

#[apply(on_both)]
async fn more_mails_than_one_digest_takes_go_with_another_one(backend: Backend) {
    let (app, server, clock) = scene(backend).await;
    choose(&app, "exec1", json!({ "frequency": "HOURLY" })).await;
    let group = app.group("readers", All, &["exec1"]).await;
    task(&app, &group, "pump").await;
    act(&app).await;
    // As if 1,000 more had been left, with other keys.
    let copies = "INSERT INTO task_management_taskmail (id, event_id, signal, entity_id, template, recipient, user_id, unique_key, message_id, \
                  status, attempts, date_created, cause) SELECT number.id, mail.event_id, signal, mail.entity_id, template, recipient, mail.user_id, \
                  'copy ' || number.id, message_id, mail.status, mail.attempts, mail.date_created, cause FROM task_management_taskmail AS mail, ";
    let numbers = match backend {
        Backend::Postgres => "(SELECT gen_random_uuid() AS id FROM generate_series(1, 1000)) AS number",
        Backend::Sqlite => {
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
             SELECT printf('ffffffff-0000-7000-8000-%012x', i) AS id FROM n) AS number"
        }
    };
    app.run(&format!("{copies}{numbers}"));
    clock.advance(TimeDelta::minutes(30));
    act(&app).await;
    clock.advance(TimeDelta::seconds(2));
    act(&app).await;
    let mails = server.take();
    assert_eq!(mails.len(), 2);
    let ids: BTreeSet<String> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 2);
    let not_sent = "SELECT count(*) FROM task_management_taskmail WHERE status <> 'SENT'";
    assert_eq!(app.count(not_sent), 0);
    assert_eq!(app.count("SELECT count(*) FROM task_management_timer WHERE kind = 'DIGEST'"), 0);
}

#[apply(on_both)]
async fn each_chooses_for_himself_and_only_who_sees_personal_data_sees_it(backend: Backend) {
    let (app, _server, _clock) = scene(backend).await;
    let query = "{ user { mailFrequency { frequency hour timeZone } } }";
    let own = async |client: &mut Client| client.graphql(query).await.data("user")["mailFrequency"].clone();
    let mut person = app.user("exec1").await;
    let first = json!({ "frequency": "AT_ONCE", "hour": 8, "timeZone": "UTC" });
    assert_eq!(own(&mut person).await, first);
    choose(&app, "exec1", json!({ "frequency": "DAILY", "hour": 17, "timeZone": "Africa/Banjul" })).await;
    // What is left out stays as it is.
    choose(&app, "exec1", json!({ "frequency": "WEEKLY" })).await;
    let chosen = json!({ "frequency": "WEEKLY", "hour": 17, "timeZone": "Africa/Banjul" });
    assert_eq!(own(&mut person).await, chosen);
    for (input, refusal) in [
        (json!({ "frequency": "DAILY", "hour": 24 }), "VALIDATION hour"),
        (json!({ "frequency": "DAILY", "hour": -1 }), "VALIDATION hour"),
        (json!({ "frequency": "DAILY", "timeZone": "Mars/Olympus" }), "VALIDATION timeZone"),
        (json!({ "frequency": "AT_ONCE", "timeZone": "" }), "VALIDATION timeZone"),
    ] {
        assert_eq!(app.refused("exec1", "changeMailFrequency", input.clone()).await, refusal, "{input}");
    }
    assert_eq!(own(&mut person).await, chosen);
    // Somebody without any right may choose, too.
    choose(&app, "norights", json!({ "frequency": "HOURLY" })).await;
    // Others are shown nothing (`visibility.rs`), but people who may list users.
    let users = "(username: \"exec1\")";
    let shown =
        app.user("admin").await.rows("users", users, "mailFrequency { frequency hour timeZone }").await;
    assert_eq!(each(&shown, "mailFrequency"), [chosen]);
    // History shows who has chosen what.
    let arguments = "(username: \"exec1\", orderBy: \"version\")";
    let fields = "mailFrequency mailHour mailTimeZone";
    let versions = app.user("admin").await.rows("userHistory", arguments, fields).await;
    let last = json!({ "mailFrequency": "WEEKLY", "mailHour": 17, "mailTimeZone": "Africa/Banjul" });
    assert_eq!(versions.last(), Some(&last));
}

#[apply(on_both)]
async fn a_program_does_not_choose_for_its_owner_whatever_its_rights(backend: Backend) {
    let (app, _server, clock) = scene(backend).await;
    let expires = (clock.now() + TimeDelta::days(1)).format("%Y-%m-%dT%H:%M:%S").to_string();
    let create =
        "mutation($in: CreateApiTokenMutationInput!) { createApiToken(input: $in) { internalId secret } }";
    let input = json!({ "name": "import", "expires": expires, "rights": [191_001] });
    let answer = app.user("triage").await.graphql_with(create, json!({ "in": input })).await;
    let secret = answer.data("createApiToken")["secret"].as_str().expect("a token").to_owned();
    let mut program = app.stranger();
    program.authorization = Some(format!("Bearer {secret}"));
    let (status, error) = program.mutate("changeMailFrequency", json!({ "frequency": "WEEKLY" })).await;
    assert_ne!(status, 2);
    assert_eq!(error[0]["code"], "FORBIDDEN");
    assert!(error[0]["message"].as_str().is_some_and(|said| said.contains("how often")), "{error}");
    let chosen = "SELECT count(*) FROM core_user WHERE mail_frequency <> 'AT_ONCE'";
    assert_eq!(app.count(chosen), 0);
    let mutation = "mutation { changeMailFrequency(input: { frequency: DAILY }) { internalId } }";
    assert_eq!(app.stranger().graphql(mutation).await.status, 401);
}
