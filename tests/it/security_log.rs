//! The security log: who got in or was refused, and who gave and took what.

use serde_json::json;

use crate::support::scenario::{each, user_id};
use crate::support::until::until;
use crate::support::{apply, on_both};

#[apply(on_both)]
async fn logins_refusals_grants_resets_and_blocks_are_told_to_who_may_read_them(app: TestApp) {
    app.load(json!({ "roles": [{ "id": 20, "name": "Auditor", "rights": [198_001] }] })).await;
    app.stranger().try_log_in("exec1", "wrong").await;
    app.stranger().try_log_in("nobody\u{0}", "wrong").await;
    app.done("admin", "updateUser", json!({ "username": "exec2", "roles": [3, 20] })).await;
    app.done("admin", "updateUser", json!({ "username": "exec1", "isActive": false })).await;
    let reset = "mutation { resetPassword(input: { username: \"exec3\" }) { token } }";
    assert!(app.user("admin").await.graphql(reset).await.data("resetPassword")["token"].is_string());
    let mut auditor = app.user("exec2").await;
    let selection = "kind detail user { username } subject { username }";
    let refused = auditor.rows("securityLog", "(kind: LOGIN_REFUSED, orderBy: \"date\")", selection).await;
    assert_eq!(each(&refused, "detail"), [json!("exec1"), json!(null)]);
    assert_eq!(refused[0]["subject"]["username"], "exec1");
    assert_eq!(refused[1]["subject"], json!(null));
    let granted = auditor.rows("securityLog", "(kind: ROLE_GRANTED)", selection).await;
    assert_eq!(
        granted,
        [json!({ "kind": "ROLE_GRANTED", "detail": "Auditor", "user": { "username": "admin" },
        "subject": { "username": "exec2" } })]
    );
    let about = format!("(subjectId: \"{}\", userId: \"{}\")", user_id("exec1"), user_id("admin"));
    assert_eq!(each(&auditor.rows("securityLog", &about, "kind").await, "kind"), ["USER_BLOCKED"]);
    let resets = auditor.rows("securityLog", "(kind: PASSWORD_RESET)", selection).await;
    assert_eq!(resets.len(), 1);
    assert!(!auditor.rows("securityLog", "(kind: LOGIN)", "kind").await.is_empty());
    assert_eq!(
        app.user("triage").await.graphql("{ securityLog { totalCount } }").await.codes(),
        ["FORBIDDEN"]
    );
    let secrets = "SELECT count(*) FROM core_securitylog WHERE detail LIKE '%wrong%'";
    assert_eq!(app.count(secrets), 0, "no password is in it");
}

#[apply(on_both)]
async fn what_was_typed_as_a_name_is_kept_only_if_somebody_has_that_name(app: TestApp) {
    for typed in ["hunter2 is my password", "Exec1", "exec1"] {
        app.stranger().try_log_in(typed, "wrong").await;
    }
    let rows = app
        .user("admin")
        .await
        .rows("securityLog", "(kind: LOGIN_REFUSED, orderBy: \"date\")", "detail")
        .await;
    assert_eq!(each(&rows, "detail"), [json!(null), json!(null), json!("exec1")]);
    for (table, column) in [("core_securitylog", "detail"), ("core_loginfailure", "key")] {
        let kept = format!("SELECT count(*) FROM {table} WHERE {column} LIKE '%hunter2%'");
        assert_eq!(app.count(&kept), 0, "{table}");
    }
    assert!(app.count("SELECT count(*) FROM core_loginfailure") > 0, "guesses are counted all the same");
}

#[apply(on_both)]
async fn it_is_kept_for_a_setting(app: TestApp) {
    let app = app.another_process_with(|settings| settings.auth.security_log_days = 30, |builder| builder);
    app.user("admin").await;
    app.run("UPDATE core_securitylog SET date = '2020-01-01 00:00:00'");
    let stop = tokio_util::sync::CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    until("old entries are forgotten", || app.count("SELECT count(*) FROM core_securitylog") == 0).await;
    stop.cancel();
    workers.await.expect("it ends");
}
