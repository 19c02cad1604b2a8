//! Mails for a new password: who gets them, what strangers learn by asking, and what the token is good for.

use std::net::SocketAddr;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::Settings;

use crate::mails::{at, deliver, mail_rows, recipients, with_mail, with_mail_and_clock};
use crate::people::office;
use crate::support::smtp::{Mail, MailServer, Protection};
use crate::support::{Answer, Client, TestApp, apply, on_both};

async fn ask(client: &mut Client, username: &str) -> Answer {
    let query = "mutation($in: ResetPasswordMutationInput!) { resetPassword(input: $in) { success error token clientMutationId } }";
    client.graphql_with(query, json!({ "in": { "username": username, "clientMutationId": "r" } })).await
}

async fn set(client: &mut Client, username: &str, token: &str, password: &str) -> Value {
    let query = "mutation($in: SetPasswordMutationInput!) { setPassword(input: $in) { success error } }";
    let input = json!({ "username": username, "token": token, "newPassword": password });
    client.graphql_with(query, json!({ "in": input })).await.data("setPassword").clone()
}

/// The token in the text of a mail.
fn token(mail: &Mail) -> String {
    let text = mail.text();
    let found = text.lines().find_map(|line| line.split(": ").nth(1).filter(|_| line.contains("token")));
    found.unwrap_or_else(|| panic!("{text}")).trim().to_owned()
}

#[apply(on_both)]
async fn a_person_who_forgot_the_password_sets_a_new_one_by_mail_once(backend: Backend) {
    let (app, server, clock) = with_mail_and_clock(backend).await;
    let mut stranger = app.stranger();
    let answer = ask(&mut stranger, "exec1").await;
    let expected = json!({ "success": true, "error": null, "token": null, "clientMutationId": "r" });
    assert_eq!(*answer.data("resetPassword"), expected);
    deliver(&app).await;
    let mails = server.take();
    assert_eq!(recipients(&mails), ["exec1@example.org"]);
    assert_eq!(mails[0].header("Subject"), "Set a new password");
    let token = token(&mails[0]);
    // It stands nowhere but in the mail.
    for table in
        ["task_management_outbox", "task_management_taskmail", "core_mutationlog", "core_securitylog"]
    {
        let column = match table {
            "task_management_outbox" => "data",
            "task_management_taskmail" => "unique_key",
            "core_mutationlog" => "json_content",
            _ => "detail",
        };
        let sql =
            format!("SELECT count(*) FROM {table} WHERE CAST({column} AS text) LIKE '%{}%'", &token[..20]);
        assert_eq!(app.count(&sql), 0, "{table}");
    }
    assert_eq!(set(&mut stranger, "exec2", &token, "a grey whale sings").await["success"], false);
    assert_eq!(set(&mut stranger, "exec1", &token, "a grey whale sings").await["success"], true);
    assert_eq!(set(&mut stranger, "exec1", &token, "a second attempt").await["success"], false);
    let granted = app.stranger().try_log_in("exec1", "a grey whale sings").await;
    assert!(granted.body["data"]["tokenAuth"].is_object(), "{}", granted.text);
    // Another one ends.
    clock.advance(TimeDelta::hours(1));
    ask(&mut stranger, "exec1").await;
    deliver(&app).await;
    let late = self::token(&server.take()[0]);
    clock.advance(TimeDelta::days(2));
    assert_eq!(set(&mut stranger, "exec1", &late, "a late attempt").await["success"], false);
    let logged = app.count("SELECT count(*) FROM core_securitylog WHERE kind = 'PASSWORD_RESET'");
    assert_eq!(logged, 2);
}

#[apply(on_both)]
async fn a_stranger_learns_nothing_by_asking_for_anybody(backend: Backend) {
    let (app, server) = with_mail(backend).await;
    app.run("UPDATE core_user SET is_active = false WHERE username = 'exec2'");
    app.run("UPDATE core_user SET email = NULL WHERE username = 'exec3'");
    app.run("UPDATE core_user SET password = '' WHERE username = 'exec4'");
    let mut answers = Vec::new();
    let mut writes = Vec::new();
    for (number, name) in (1..).zip(["exec1", "exec2", "exec3", "exec4", "nobody", "system", "Exec1", ""]) {
        let before = app.row_counts();
        let mut stranger = app.stranger();
        stranger.address = SocketAddr::from(([10, 1, 0, number], 40_000));
        let answer = ask(&mut stranger, name).await;
        let after = app.row_counts();
        answers.push((answer.status, answer.text));
        // What is written does not depend on whether there is such a person, so neither does the time.
        let written: Vec<(&str, i64)> = before
            .into_iter()
            .zip(after)
            .map(|((table, a), (_, b))| (table, b - a))
            .filter(|(_, n)| *n != 0)
            .collect();
        writes.push(written);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert!(writes.iter().all(|written| *written == writes[0]), "{writes:?}");
    deliver(&app).await;
    assert_eq!(recipients(&server.take()), ["exec1@example.org"]);
    assert_eq!(mail_rows(&app).await.len(), 1);
}

#[apply(on_both)]
async fn a_network_may_ask_so_often_and_a_person_gets_so_many_mails(backend: Backend) {
    let server = MailServer::start(Protection::Plain).await;
    let usual = at(&server);
    let few = |all: &mut Settings| {
        usual(all);
        all.mail.resets_per_address = 5;
    };
    let app = TestApp::start_with(backend, few, |builder| builder).await;
    let from = |address: [u8; 4]| {
        let mut client = app.stranger();
        client.address = SocketAddr::from((address, 40_000));
        client
    };
    for name in ["exec1", "nobody"] {
        let mut client = from([10, 0, 0, if name == "exec1" { 1 } else { 2 }]);
        for n in 0..7 {
            let answer = ask(&mut client, name).await;
            let told = answer.data("resetPassword");
            assert_eq!(told["success"], n < 5, "{name} {n}: {told}");
            assert!(
                n < 5 || told["error"].as_str().is_some_and(|text| text.contains("mail.resets_per_address"))
            );
        }
    }
    // Others ask for the same person from elsewhere, and the person is not drowned.
    for n in 0..5 {
        assert_eq!(ask(&mut from([10, 0, 1, n]), "exec1").await.data("resetPassword")["success"], true);
    }
    deliver(&app).await;
    assert_eq!(recipients(&server.take()), ["exec1@example.org"; 3]);
}

#[apply(on_both)]
async fn asking_for_a_mail_costs_the_same_work_whether_there_is_such_a_person_or_not(backend: Backend) {
    let server = MailServer::start(Protection::Plain).await;
    let app = TestApp::start_with(backend, at(&server), |builder| builder).await;
    app.done("admin", "createUser", json!({ "username": "robot" })).await;
    let counted = app.counted_process();
    ask(&mut counted.stranger(), "anybody").await;
    let mut costs = std::collections::BTreeSet::new();
    for name in ["ghost", "exec1", "robot", "(system)", "exec2\0"] {
        counted.statements();
        ask(&mut counted.stranger(), name).await;
        if !name.contains('\0') {
            costs.insert(crate::statements::sent(&counted));
        }
    }
    assert_eq!(costs.len(), 1, "the same statements, whoever is named: {costs:?}");
}

#[apply(on_both)]
async fn an_administrator_has_a_mail_sent_and_sees_no_token_unless_there_is_no_address(backend: Backend) {
    let server = MailServer::start(Protection::Plain).await;
    let usual = at(&server);
    let linked = |all: &mut Settings| {
        usual(all);
        all.mail.reset_url =
            "https://front.example.org/set_password?user={username}&token={token}".to_owned();
    };
    let app = TestApp::start_with(backend, linked, |builder| builder).await;
    office(&app).await;
    let mut clerk = app.user("clerk").await;
    app.run("UPDATE core_user SET language = 'fr' WHERE username = 'exec1'");
    app.load(json!({ "users": [{ "id": "11111111-2222-4333-8444-0000000000c1", "username": "seen", "password": "seen1234", "roles": ["Seer"],
        "email": "seen@example.org", "language": "fr" }] }))
        .await;
    let told = ask(&mut clerk, "seen").await.data("resetPassword").clone();
    assert_eq!((&told["success"], &told["token"]), (&json!(true), &Value::Null), "{told}");
    // Whose rights the administrator lacks gets none.
    assert_eq!(ask(&mut clerk, "boss").await.data("resetPassword")["success"], false);
    deliver(&app).await;
    let mails = server.take();
    assert_eq!(recipients(&mails), ["seen@example.org"]);
    assert_eq!(mails[0].header("Subject"), "Définir un nouveau mot de passe");
    let text = mails[0].text();
    let link =
        text.lines().find(|line| line.starts_with("https://front.example.org/set_password?user=seen&token="));
    let token = link.and_then(|link| link.rsplit("token=").next()).unwrap_or_else(|| panic!("{text}"));
    assert_eq!(set(&mut app.stranger(), "seen", token, "a grey whale sings").await["success"], true);
    app.run("UPDATE core_user SET email = NULL WHERE username = 'seen'");
    let told = ask(&mut clerk, "seen").await.data("resetPassword").clone();
    assert!(told["token"].is_string(), "{told}");
}
