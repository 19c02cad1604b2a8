//! Addresses and headers in all scripts: what mail servers take, and what readers see.

use serde_json::json;
use tasks_management::CompletionPolicy::Any;
use tasks_management::CreateTask;

use crate::mails::{at, deliver, mail_rows, with_mail};
use crate::support::scenario::key;
use crate::support::smtp::{MailServer, Manner, Protection};
use crate::support::{TestApp, apply, on_both};

/// Letters beyond ASCII before the `@`.
const LETTERS: &str = "ädä@exämple.org";
/// What such a server offers.
const OFFERS_LETTERS: Manner =
    Manner::Answers("EHLO", "250-mail.example.org\r\n250-SMTPUTF8\r\n250 8BITMIME");

async fn set_email(app: &TestApp, email: &str) {
    app.done("admin", "updateUser", json!({ "username": "exec1", "email": email })).await;
}

#[apply(on_both)]
async fn an_address_for_which_the_protocol_has_no_words_is_given_up_at_once_and_goes_where_it_has(
    backend: Backend,
) {
    let (app, server) = with_mail(backend).await;
    set_email(&app, LETTERS).await;
    let group = app.group("one", Any, &["exec1"]).await;
    app.task_in(&group).await;
    deliver(&app).await;
    let mail = mail_rows(&app).await.remove(0);
    assert_eq!(mail["status"], "FAILED");
    let error = mail["error"].as_str().expect("a reason");
    assert!(error.contains("can't be sent to this address") && error.contains("SMTPUTF8"), "{error}");
    assert!(server.mails().is_empty());
    // A server that takes such letters gets it, once somebody has it sent again.
    server.be(OFFERS_LETTERS);
    let dead = app.user("admin").await.rows("taskEvents", "(status: DEAD)", "id").await;
    assert_eq!(dead.len(), 1);
    app.done("admin", "replayTaskEvents", json!({ "ids": [dead[0]["id"]] })).await;
    deliver(&app).await;
    let sent = server.mails().remove(0);
    assert_eq!(sent.to, ["ädä@xn--exmple-cua.org"]);
    assert!(sent.header("To").contains("ädä@xn--exmple-cua.org"), "{}", sent.raw);
    assert_eq!(mail_rows(&app).await[0]["status"], "SENT");
}

#[apply(on_both)]
async fn a_domain_in_another_script_goes_to_every_server_in_ascii(backend: Backend) {
    let server = MailServer::start(Protection::Plain).await;
    let usual = at(&server);
    let settings = |settings: &mut tasks_management::Settings| {
        usual(settings);
        settings.mail.from = "Tasks <tasks@büro.example>".to_owned();
    };
    let app = TestApp::start_with(backend, settings, |builder| builder).await;
    let group = app.group("one", Any, &["exec1"]).await;
    for (email, expected) in [
        ("ada@exämple.org", "ada@xn--exmple-cua.org"),
        ("ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"),
        ("ada@example.org", "ada@example.org"),
    ] {
        set_email(&app, email).await;
        app.task_in(&group).await;
        deliver(&app).await;
        let mail = server.take().remove(0);
        assert_eq!((mail.from.as_str(), mail.to), ("tasks@xn--bro-hoa.example", vec![expected.to_owned()]));
        let shown = app.user("admin").await.rows("users", "(username: \"exec1\")", "email").await;
        assert_eq!(shown[0]["email"], email, "people see it as they wrote it");
    }
}

#[apply(on_both)]
async fn marks_that_turn_the_direction_reach_no_subject_and_no_name(backend: Backend) {
    let (app, server) = with_mail(backend).await;
    app.run("UPDATE core_user SET last_name = '\u{202e}ecalevoL' WHERE username = 'exec1'");
    let group = app.group("one", Any, &["exec1"]).await;
    let turned = "invoice\u{202e}\u{2066}fdp.exe\u{2069} \u{200f}\u{61c}نقش\u{200c}ها";
    let input = CreateTask {
        task_group_id: Some(key(&group)),
        entity_string: Some(turned.to_owned()),
        ..CreateTask::default()
    };
    let task = app.task(input).await;
    deliver(&app).await;
    let mail = server.take().remove(0);
    assert_eq!(mail.header("Subject"), "To decide: invoicefdp.exe نقش\u{200c}ها");
    assert!(!mail.header("To").contains('\u{202e}'), "{}", mail.header("To"));
    let arguments = format!("(id: \"{task}\")");
    let shown = app.user("admin").await.rows("task", &arguments, "entityString").await;
    assert_eq!(shown[0]["entityString"], turned, "the task keeps what it was given");
}
