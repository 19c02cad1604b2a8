//! Mails about tasks: who gets them, what they say, and what becomes of them at mail servers of every manner.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::config::MailSecurity;
use tasks_management::{Builder, Clock as _, CreateTask, FixedClock, Settings, SystemClock};

use crate::support::scenario::{each, key, user_id};
use crate::support::smtp::{Mail, MailServer, Manner, Protection, file};
use crate::support::{Backend, TestApp, apply, on_both};

/// Mails go to this server.
pub fn at(server: &MailServer) -> impl FnOnce(&mut Settings) + use<> {
    let port = server.port;
    move |settings: &mut Settings| {
        settings.mail.host = "127.0.0.1".to_owned();
        settings.mail.port = port;
        settings.mail.security = MailSecurity::None;
        settings.mail.from = "Tasks <tasks@office.example.org>".to_owned();
        settings.mail.public_url = "https://tasks.example.org".to_owned();
        settings.mail.timeout_s = 60;
    }
}

/// The module with a mail server that takes every mail.
pub async fn with_mail(backend: Backend) -> (TestApp, MailServer) {
    let server = MailServer::start(Protection::Plain).await;
    let app = TestApp::start_with(backend, at(&server), |builder| builder).await;
    (app, server)
}

/// The same with a clock that stands still.
pub async fn with_mail_and_clock(backend: Backend) -> (TestApp, MailServer, FixedClock) {
    let server = MailServer::start(Protection::Plain).await;
    let clock = FixedClock::new(SystemClock.now());
    let own = clock.clone();
    let app = TestApp::start_with(backend, at(&server), |builder: Builder| builder.clock(own)).await;
    (app, server, clock)
}

pub async fn deliver(app: &TestApp) -> usize {
    app.module.deliver_due().await.expect("delivers")
}

/// The mails as an administrator sees them, oldest first.
pub async fn mail_rows(app: &TestApp) -> Vec<Value> {
    let fields = "template recipient address user { username } status attempts error messageId signal entityId eventId dateSent";
    app.user("admin").await.rows("taskMail", "(orderBy: \"dateCreated\")", fields).await
}

/// To whom the mails went.
pub fn recipients(mails: &[Mail]) -> Vec<String> {
    let mut to: Vec<String> = mails.iter().flat_map(|mail| mail.to.clone()).collect();
    to.sort_unstable();
    to
}

#[apply(on_both)]
async fn people_who_are_asked_get_a_mail_each_in_their_language_with_a_link_and_no_data(backend: Backend) {
    let (app, server) = with_mail(backend).await;
    app.run("UPDATE core_user SET language = 'fr' WHERE username = 'exec2'");
    let group = app.group("readers", All, &["exec1", "exec2"]).await;
    let input = CreateTask {
        task_group_id: Some(key(&group)),
        source: Some("grants".to_owned()),
        entity_string: Some("Pump <no. 7>".to_owned()),
        data: Some(json!({ "secret": "4711" }).into()),
        ..CreateTask::default()
    };
    let task = app.task(input).await;
    deliver(&app).await;
    let mut mails = server.take();
    mails.sort_by_key(|mail| mail.to.clone());
    assert_eq!(recipients(&mails), ["exec1@example.org", "exec2@example.org"]);
    let [english, french] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!(english.from, "tasks@office.example.org");
    assert_eq!(english.header("From"), "Tasks <tasks@office.example.org>");
    assert_eq!(english.header("To").replace('"', ""), "Exe1 Executor1 <exec1@example.org>");
    assert_eq!(english.header("Subject"), "To decide: Pump <no. 7>");
    assert_eq!(french.header("Subject"), "À décider : Pump <no. 7>");
    assert_eq!(english.header("Auto-Submitted"), "auto-generated");
    let link = format!("https://tasks.example.org/?task={task}");
    assert!(english.text().contains("Hello Exe1 Executor1") && english.text().contains(&link));
    assert!(french.text().contains("Bonjour Exe2 Executor2") && french.text().contains("Source : grants"));
    for mail in &mails {
        assert!(
            mail.html().contains(&format!("href=\"{}\"", link.replace('/', "&#x2f;")))
                || mail.html().contains(&link)
        );
        assert!(mail.html().contains("Pump &lt;no. 7&gt;"), "{}", mail.html());
        assert!(!mail.text().contains("4711") && !mail.html().contains("4711"));
    }
    let rows = mail_rows(&app).await;
    assert_eq!(each(&rows, "status"), ["SENT", "SENT"]);
    assert_eq!(each(&rows, "template"), ["task_awaits", "task_awaits"]);
    assert_eq!(each(&rows, "recipient"), ["MISSING", "MISSING"]);
    assert_eq!(each(&rows, "entityId"), [json!(task), json!(task)]);
    let ids: BTreeSet<String> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
    let kept: BTreeSet<String> =
        rows.iter().map(|row| row["messageId"].as_str().expect("an id").to_owned()).collect();
    assert_eq!((ids.len(), &ids), (2, &kept));
    let event = rows[0]["eventId"].as_str().expect("an id");
    assert!(
        ids.iter().all(|id| id.starts_with(&format!("<{event}.")) && id.ends_with("@office.example.org>")),
        "{ids:?}"
    );
    // A change that asks nobody anew mails nobody.
    app.done("admin", "updateTask", json!({ "id": task, "priority": 3 })).await;
    deliver(&app).await;
    assert_eq!(recipients(&server.take()), Vec::<String>::new());
    // Whoever decides is asked anew about other data.
    app.done("admin", "updateTask", json!({ "id": task, "data": "{\"secret\": 4712}" })).await;
    deliver(&app).await;
    assert_eq!(server.take().len(), 2);
}

#[apply(on_both)]
async fn a_flow_mails_those_of_each_step_when_it_is_reached(backend: Backend) {
    let (app, server) = with_mail(backend).await;
    let first = app.group("first", Any, &["exec1"]).await;
    let second = app.group("second", Any, &["exec2", "exec3"]).await;
    let flow = app.flow("two steps", &[&first, &second]).await;
    let task = app.task_on(&flow).await;
    deliver(&app).await;
    assert_eq!(recipients(&server.take()), ["exec1@example.org"]);
    app.approve("exec1", &task).await;
    deliver(&app).await;
    assert_eq!(recipients(&server.take()), ["exec2@example.org", "exec3@example.org"]);
}

#[apply(on_both)]
async fn makers_learn_the_decision_and_those_who_are_missing_that_a_task_is_overdue(backend: Backend) {
    let (app, server, clock) = with_mail_and_clock(backend).await;
    app.add_maker().await;
    app.run("UPDATE core_user SET language = 'fr', email = 'maker@example.org' WHERE username = 'maker'");
    let group = app.group("slow", All, &["exec1", "exec2"]).await;
    let maker = app.module.requester("maker").await.expect("the maker");
    let input = CreateTask { source: Some("slow".to_owned()), ..CreateTask::default() };
    let task = app.module.tasks().create(&maker, input).await.expect("a task").id.to_string();
    let due = (clock.now() + TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%S").to_string();
    app.done(
        "triage",
        "updateTask",
        json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED", "dueDate": due }),
    )
    .await;
    app.approve("exec1", &task).await;
    deliver(&app).await;
    // The one who has voted before the mail was written is not asked to.
    assert_eq!(recipients(&server.take()), ["exec2@example.org"]);
    clock.advance(TimeDelta::hours(2));
    deliver(&app).await;
    let overdue = server.take();
    assert_eq!(recipients(&overdue), ["exec2@example.org"]);
    assert_eq!(overdue[0].header("Subject"), "Overdue: slow");
    let refusal = json!({ "id": task, "businessStatus": json!({ user_id("exec2"): "FAILED" }).to_string(),
        "comment": "no\r\nmoney" });
    app.done("exec2", "resolveTask", refusal).await;
    deliver(&app).await;
    let decided = server.take();
    assert_eq!(recipients(&decided), ["maker@example.org"]);
    assert_eq!(decided[0].header("Subject"), "Refusée : slow");
    assert!(decided[0].text().contains("Décision : refusée"), "{}", decided[0].text());
    let rows = mail_rows(&app).await;
    assert_eq!(each(&rows, "template"), ["task_awaits", "task_overdue", "task_decided"]);
}

#[apply(on_both)]
async fn a_mail_is_not_sent_once_its_reason_or_its_right_is_gone(backend: Backend) {
    let (app, server, clock) = with_mail_and_clock(backend).await;
    server.be(Manner::Answers("RCPT", "450 not now"));
    let people = ["exec1", "exec2", "exec3", "exec4", "exec5"];
    let group = app.group("all", All, &people).await;
    app.task_in(&group).await;
    let gone = app.task_in(&group).await;
    deliver(&app).await;
    let rows = mail_rows(&app).await;
    assert_eq!(rows.len(), 10);
    assert!(rows.iter().all(|row| row["status"] == "QUEUED" && row["attempts"] == 1), "{rows:?}");
    assert!(rows[0]["error"].as_str().expect("a reason").contains("not now"), "{}", rows[0]);
    let tasks: Vec<String> =
        each(&rows, "entityId").iter().map(|id| id.as_str().expect("an id").to_owned()).collect();
    let task = tasks.iter().find(|task| **task != gone).expect("the other task");
    app.approve("exec1", task).await;
    app.done("admin", "deleteTask", json!({ "ids": [gone] })).await;
    app.run("UPDATE core_user SET is_active = false WHERE username = 'exec2'");
    app.run("UPDATE core_user SET email = NULL WHERE username = 'exec3'");
    app.run(&format!("DELETE FROM core_userrole WHERE user_id = '{}'", user_id("exec4")));
    server.be(Manner::Takes);
    clock.advance(TimeDelta::minutes(10));
    deliver(&app).await;
    assert_eq!(recipients(&server.take()), ["exec5@example.org"]);
    let rows = mail_rows(&app).await;
    let of = |name: &str| {
        let row = rows.iter().find(|row| row["user"]["username"] == name && row["entityId"] == json!(task));
        let row = row.expect("a mail");
        (
            row["status"].as_str().expect("a status").to_owned(),
            row["error"].as_str().unwrap_or_default().to_owned(),
        )
    };
    for (name, reason) in [
        ("exec1", "reason for it is gone"),
        ("exec2", "not active"),
        ("exec3", "no address"),
        ("exec4", "does not see"),
    ] {
        let (status, error) = of(name);
        assert!(status == "FAILED" && error.contains(reason), "{name}: {status} {error}");
    }
    assert_eq!(of("exec5"), ("SENT".to_owned(), String::new()));
    let deleted: Vec<&Value> = rows.iter().filter(|row| row["entityId"] == json!(gone)).collect();
    assert!(deleted.iter().all(|row| row["status"] == "FAILED"), "{deleted:?}");
    // None of that is a dead delivery, about which operators would have to do something.
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox WHERE status = 'DEAD'"), 0);
}

#[apply(on_both)]
async fn a_refusal_for_now_is_tried_again_with_one_message_id_and_one_for_good_is_dead(backend: Backend) {
    let (app, server, clock) = with_mail_and_clock(backend).await;
    let group = app.group("one", Any, &["exec1"]).await;
    for (command, answer) in [
        ("MAIL", "421 busy"),
        ("RCPT", "450 busy"),
        ("DATA", "451 busy"),
        (".", "452 no room"),
        ("EHLO", "554 go away"),
    ] {
        server.be(Manner::Answers(command, answer));
        let task = app.task_in(&group).await;
        deliver(&app).await;
        let rows = mail_rows(&app).await;
        let row = rows.last().expect("a mail");
        assert_eq!((&row["status"], &row["attempts"]), (&json!("QUEUED"), &json!(1)), "{command}: {row}");
        assert_eq!(deliver(&app).await, 0, "it is not due yet");
        server.be(Manner::Takes);
        clock.advance(TimeDelta::seconds(70));
        deliver(&app).await;
        let mails = server.take();
        assert_eq!(mails.len(), 1, "{command}");
        let rows = mail_rows(&app).await;
        let row = rows.iter().find(|row| row["entityId"] == json!(task)).expect("a mail");
        assert_eq!(
            (&row["status"], &row["attempts"], &row["error"]),
            (&json!("SENT"), &json!(2), &Value::Null)
        );
        assert_eq!(json!(mails[0].header("Message-ID")), row["messageId"]);
    }
    for (command, answer) in [("RCPT", "550 nobody of that name"), (".", "554 spam")] {
        server.be(Manner::Answers(command, answer));
        app.task_in(&group).await;
        deliver(&app).await;
        let rows = mail_rows(&app).await;
        let row = rows.last().expect("a mail");
        let error = row["error"].as_str().expect("a reason");
        assert!(row["status"] == "FAILED" && error.contains(&answer[4..]), "{row}");
    }
    // Somebody who has mended it has it sent again, or gives it up.
    server.be(Manner::Takes);
    let dead =
        app.user("admin").await.rows("taskEvents", "(status: DEAD, handler: \"tasks.mail\")", "id").await;
    assert_eq!(dead.len(), 2);
    app.done("admin", "replayTaskEvents", json!({ "ids": [dead[0]["id"]] })).await;
    app.done("admin", "discardTaskEvents", json!({ "ids": [dead[1]["id"]] })).await;
    deliver(&app).await;
    assert_eq!(server.take().len(), 1);
    let rows = mail_rows(&app).await;
    let ends: Vec<&Value> = rows[5..].iter().map(|row| &row["status"]).collect();
    assert_eq!(ends, ["SENT", "FAILED"]);
}

#[apply(on_both)]
async fn after_the_last_pause_a_mail_is_dead(backend: Backend) {
    let server = MailServer::start(Protection::Plain).await;
    let clock = FixedClock::new(SystemClock.now());
    let (own, settings) = (clock.clone(), at(&server));
    let few = |all: &mut Settings| {
        settings(all);
        all.mail.retry_pauses_s = vec![10, 10];
    };
    let app = TestApp::start_with(backend, few, |builder: Builder| builder.clock(own)).await;
    server.be(Manner::Answers("RCPT", "450 busy"));
    let group = app.group("one", Any, &["exec1"]).await;
    app.task_in(&group).await;
    for (attempt, status) in [(1, "QUEUED"), (2, "QUEUED"), (3, "FAILED")] {
        deliver(&app).await;
        let rows = mail_rows(&app).await;
        assert_eq!((&rows[0]["status"], &rows[0]["attempts"]), (&json!(status), &json!(attempt)));
        clock.advance(TimeDelta::seconds(15));
    }
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox WHERE status = 'DEAD'"), 1);
}

#[apply(on_both)]
async fn a_server_that_breaks_off_after_a_mail_may_get_it_twice_and_can_tell(backend: Backend) {
    let (app, server, clock) = with_mail_and_clock(backend).await;
    server.be(Manner::BreaksOff);
    let group = app.group("one", Any, &["exec1"]).await;
    app.task_in(&group).await;
    deliver(&app).await;
    assert_eq!(mail_rows(&app).await[0]["status"], "QUEUED");
    server.be(Manner::Takes);
    clock.advance(TimeDelta::seconds(70));
    deliver(&app).await;
    let ids: Vec<String> = server.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
    assert_eq!(mail_rows(&app).await[0]["status"], "SENT");
}

#[apply(on_both)]
async fn a_silent_server_costs_its_time_and_no_more(backend: Backend) {
    let server = MailServer::start(Protection::Plain).await;
    let usual = at(&server);
    let impatient = |all: &mut Settings| {
        usual(all);
        all.mail.timeout_s = 2;
    };
    let app = TestApp::start_with(backend, impatient, |builder| builder).await;
    server.be(Manner::Silent);
    let group = app.group("one", Any, &["exec1"]).await;
    app.task_in(&group).await;
    let begun = Instant::now();
    deliver(&app).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let rows = mail_rows(&app).await;
    assert!(rows[0]["error"].as_str().is_some_and(|reason| reason.contains("within 2 s")), "{}", rows[0]);
    assert_eq!(rows[0]["status"], "QUEUED");
}

/// Sends one mail with these settings; returns its row.
async fn one_mail(backend: Backend, settings: impl FnOnce(&mut Settings)) -> Value {
    let app = TestApp::start_with(backend, settings, |builder| builder).await;
    let group = app.group("one", Any, &["exec1"]).await;
    app.task_in(&group).await;
    deliver(&app).await;
    mail_rows(&app).await.remove(0)
}

#[apply(on_both)]
async fn tls_protects_mails_and_passwords_from_the_first_byte_or_after_a_word(backend: Backend) {
    for (protection, security) in
        [(Protection::Tls, MailSecurity::Tls), (Protection::Starttls, MailSecurity::Starttls)]
    {
        let server = MailServer::start(protection).await;
        let usual = at(&server);
        let settings = |all: &mut Settings| {
            usual(all);
            all.mail.security = security;
            all.mail.ca_file = file("authority.pem");
            all.mail.username = "tasks".to_owned();
            all.mail.password = "a rosy bud".to_owned();
        };
        let row = one_mail(backend, settings).await;
        assert_eq!((&row["status"], &row["error"]), (&json!("SENT"), &Value::Null));
        let mails = server.mails();
        assert!(mails[0].by_tls);
        assert_eq!(mails[0].login.as_deref(), Some("tasks a rosy bud"));
        // Nobody vouches for the certificate among the system's authorities.
        let usual = at(&server);
        let row = one_mail(backend, |all: &mut Settings| {
            usual(all);
            all.mail.security = security;
        })
        .await;
        assert!(row["error"].as_str().is_some_and(|reason| reason.contains("TLS fails")), "{row}");
        assert_eq!(server.mails().len(), 1);
    }
}

#[apply(on_both)]
async fn a_server_that_offers_no_tls_gets_no_mail_and_plain_words_behind_it_are_not_believed(
    backend: Backend,
) {
    for (manner, reason) in [(Manner::OffersNoTls, "does not offer STARTTLS"), (Manner::Slips, "TLS fails")] {
        let server = MailServer::start(Protection::Starttls).await;
        server.be(manner);
        let usual = at(&server);
        let row = one_mail(backend, |all: &mut Settings| {
            usual(all);
            all.mail.security = MailSecurity::Starttls;
            all.mail.ca_file = file("authority.pem");
        })
        .await;
        assert!(row["error"].as_str().is_some_and(|said| said.contains(reason)), "{row}");
        assert_eq!(server.mails().len(), 0);
    }
}

#[apply(on_both)]
async fn a_wrong_password_kills_no_mail(backend: Backend) {
    let server = MailServer::start(Protection::Plain).await;
    server.be(Manner::Answers("AUTH", "535 who are you?"));
    let usual = at(&server);
    let row = one_mail(backend, |all: &mut Settings| {
        usual(all);
        all.mail.username = "tasks".to_owned();
        all.mail.password = "wrong".to_owned();
    })
    .await;
    assert_eq!(row["status"], "QUEUED");
    let error = row["error"].as_str().expect("a reason");
    assert!(error.contains("does not let us in") && !error.contains("wrong"), "{error}");
}

#[apply(on_both)]
async fn texts_of_people_add_no_header_and_no_recipient(backend: Backend) {
    let (app, server) = with_mail(backend).await;
    app.run("UPDATE core_user SET last_name = 'E\r\nBcc: all@example.org', other_names = 'X\"<' WHERE username = 'exec1'");
    for address in [
        "exec2@example.org\r\nBcc: all@example.org",
        "exec2@example.org>\r\nRCPT TO:<all@example.org",
        "a@b, all@example.org",
    ] {
        app.run(&format!("UPDATE core_user SET email = '{address}' WHERE username = 'exec2'"));
        let group = app.group(&format!("group {}", address.len()), All, &["exec1", "exec2"]).await;
        let input = CreateTask {
            task_group_id: Some(key(&group)),
            entity_string: Some("A\r\nBcc: all@example.org\r\n\r\nbody".to_owned()),
            ..CreateTask::default()
        };
        app.task(input).await;
        deliver(&app).await;
        let mails = server.take();
        assert_eq!(recipients(&mails), ["exec1@example.org"], "{address}");
        assert_eq!(mails[0].header("Subject"), "To decide: A Bcc: all@example.org body");
        let headers = mails[0].headers();
        let allowed = [
            "from",
            "to",
            "subject",
            "date",
            "message-id",
            "auto-submitted",
            "mime-version",
            "content-type",
            "content-transfer-encoding",
        ];
        for line in &headers {
            let name = line.split(':').next().expect("a name").to_lowercase();
            assert!(allowed.contains(&name.as_str()), "{headers:?}");
        }
        assert!(mails[0].header("To").ends_with("<exec1@example.org>"), "{headers:?}");
        let rows = mail_rows(&app).await;
        let refused = rows.iter().rfind(|row| row["user"]["username"] == "exec2").expect("a mail");
        assert_eq!(refused["status"], "FAILED");
    }
}

#[apply(on_both)]
async fn two_processes_send_each_mail_once(backend: Backend) {
    let (app, server) = with_mail(backend).await;
    let other = app.another_process_with(at(&server), |builder| builder);
    let group = app.group("many", All, &["exec1", "exec2", "exec3"]).await;
    for _ in 0..10 {
        app.task_in(&group).await;
    }
    let (one, two) = tokio::join!(app.module.deliver_due(), other.module.deliver_due());
    assert!(one.is_ok() && two.is_ok());
    deliver(&app).await;
    let mails = server.take();
    let ids: BTreeSet<String> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!((mails.len(), ids.len()), (30, 30));
}

#[apply(on_both)]
async fn without_a_mail_server_nothing_is_left_for_one(app: TestApp) {
    let group = app.group("one", Any, &["exec1"]).await;
    app.task_in(&group).await;
    deliver(&app).await;
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox WHERE handler LIKE 'tasks.mail%'"), 0);
    assert_eq!(mail_rows(&app).await.len(), 0);
}

#[apply(on_both)]
async fn only_who_has_the_right_sees_mails(backend: Backend) {
    let (app, _server) = with_mail(backend).await;
    let group = app.group("one", Any, &["exec1"]).await;
    app.task_in(&group).await;
    deliver(&app).await;
    let answer = app.user("exec1").await.graphql("{ taskMail { totalCount } }").await;
    assert_eq!(answer.codes(), ["FORBIDDEN"]);
    let rows =
        app.user("admin").await.rows("taskMail", "(status: SENT, template: \"task_awaits\")", "id").await;
    let id = rows[0]["id"].as_str().expect("an id");
    let query = format!("{{ node(id: \"{id}\") {{ id }} }}");
    assert_eq!(app.user("admin").await.graphql(&query).await.data("node")["id"], id);
    assert_eq!(*app.user("exec1").await.graphql(&query).await.data("node"), Value::Null);
}
