//! Passwords: throttling of wrong ones, hashes of the original, changing them, and people who may not log in any more.

use std::net::SocketAddr;

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tasks_management::LoadFile;

use crate::sessions::with_clock;
use crate::support::{Answer, Client, TestApp, apply, on_both};

fn is_granted(answer: &Answer) -> bool {
    answer.body["data"]["tokenAuth"].is_object()
}

fn at(app: &TestApp, address: [u8; 4]) -> Client {
    let mut client = app.stranger();
    client.address = SocketAddr::from((address, 40_000));
    client
}

fn stored_password(app: &TestApp, username: &str) -> String {
    app.text(&format!("SELECT password AS value FROM core_user WHERE username = '{username}'"))
}

const CHANGE: &str = "mutation($o: String, $n: String!) { changePassword(input: { oldPassword: $o, newPassword: $n }) { success error } }";

#[apply(on_both)]
async fn wrong_passwords_lock_their_user_alone(app: TestApp) {
    let (app, clock) = with_clock(app.backend).await;
    let mut client = at(&app, [10, 0, 0, 1]);
    for n in 0..50 {
        let answer = client.try_log_in("exec1", "wrong").await;
        assert_eq!(answer.status, StatusCode::OK);
        let expected = if n < 10 { "UNAUTHENTICATED" } else { "LIMIT" };
        assert_eq!(answer.codes(), [expected], "{n}: {}", answer.text);
        assert_eq!(answer.body["data"], json!({ "tokenAuth": null }));
    }
    assert_eq!(client.try_log_in("exec1", "exec1123").await.codes(), ["LIMIT"], "the right password neither");
    assert!(is_granted(&client.try_log_in("exec2", "exec2123").await), "another user at the same address");
    assert_eq!(
        at(&app, [10, 0, 0, 2]).try_log_in("exec1", "exec1123").await.codes(),
        ["LIMIT"],
        "from elsewhere"
    );
    assert_eq!(
        app.another_process_with(|_| {}, |builder| builder.clock(clock.clone()))
            .stranger()
            .try_log_in("exec1", "exec1123")
            .await
            .codes(),
        ["LIMIT"]
    );
    clock.advance(TimeDelta::seconds(901));
    assert!(is_granted(&client.try_log_in("exec1", "exec1123").await), "the window has passed");
    for _ in 0..9 {
        client.try_log_in("exec1", "wrong").await;
    }
    assert!(is_granted(&client.try_log_in("exec1", "exec1123").await));
    assert_eq!(
        client.try_log_in("exec1", "wrong").await.codes(),
        ["UNAUTHENTICATED"],
        "counting begins anew"
    );
}

#[apply(on_both)]
async fn wrong_passwords_for_many_users_lock_their_address_alone(app: TestApp) {
    let (app, clock) = with_clock(app.backend).await;
    let mut client = at(&app, [10, 0, 0, 1]);
    for n in 0..100 {
        assert_eq!(client.try_log_in(&format!("user{n}"), "wrong").await.codes(), ["UNAUTHENTICATED"], "{n}");
    }
    assert_eq!(client.try_log_in("exec1", "exec1123").await.codes(), ["LIMIT"]);
    assert!(is_granted(&at(&app, [10, 0, 0, 2]).try_log_in("exec1", "exec1123").await));
    clock.advance(TimeDelta::seconds(901));
    assert!(is_granted(&client.try_log_in("exec1", "exec1123").await));
}

#[apply(on_both)]
async fn many_tries_at_once_are_not_more_than_one_after_the_other(app: TestApp) {
    let other = app.another_process();
    let tries = (0..50).map(|n| {
        let mut client = if n % 2 == 0 { app.stranger() } else { other.stranger() };
        tokio::spawn(async move { client.try_log_in("exec1", "wrong").await })
    });
    let bystander = tokio::spawn({
        let mut client = app.stranger();
        async move { client.try_log_in("exec2", "exec2123").await }
    });
    let tries: Vec<_> = tries.collect();
    let mut looked_at = 0;
    for one in tries {
        let answer = one.await.expect("no panic");
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        looked_at += usize::from(answer.codes() == ["UNAUTHENTICATED"]);
    }
    assert_eq!(looked_at, 10);
    assert!(is_granted(&bystander.await.expect("no panic")));
}

#[apply(on_both)]
async fn odd_names_and_passwords_are_only_wrong(app: TestApp) {
    let mut client = app.stranger();
    let long = "x".repeat(8 * 1024);
    for (name, password) in [
        ("exec1", long.as_str()),
        (long.as_str(), "x"),
        ("", ""),
        ("exec1", ""),
        ("EXEC1", "exec1123"),
        ("exec1\0", "wrong"),
        ("\0", "\0"),
        ("exec1", "exec1123\0"),
        ("' OR 1=1 --", "x"),
        (" exec1", "exec1123"),
        ("😀", "😀"),
    ] {
        let answer = client.try_log_in(name, password).await;
        let name: String = name.chars().take(20).collect();
        assert_eq!((answer.status, answer.message()), (StatusCode::OK, "INCORRECT_CREDENTIALS"), "{name:?}");
    }
    assert!(is_granted(&client.try_log_in("exec1", "exec1123").await));
}

#[apply(on_both)]
async fn hashes_of_the_original_are_replaced_at_login(app: TestApp) {
    let digest = Sha256::new().chain_update("secret").chain_update("the key").finalize();
    let digest: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    let id = "00000000-0000-7000-b000-000000000001";
    let file = json!({ "users": [{ "id": id, "username": "legacy", "legacyPasswordHash": digest, "privateKey": "the key" }] });
    let file: LoadFile = serde_json::from_value(file).expect("well-formed");
    app.module.load(file).await.expect("loads");
    let before = stored_password(&app, "legacy");
    assert!(before.contains(&digest), "{before}");
    assert!(!is_granted(&app.stranger().try_log_in("legacy", "Secret").await));
    assert!(!is_granted(&app.stranger().try_log_in("legacy", "secretthe key").await));
    assert!(!is_granted(&app.stranger().try_log_in("legacy", &digest).await));
    assert_eq!(stored_password(&app, "legacy"), before);
    assert!(is_granted(&app.stranger().try_log_in("legacy", "secret").await));
    let after = stored_password(&app, "legacy");
    assert!(after.starts_with("$argon2id$"), "{after}");
    assert!(is_granted(&app.stranger().try_log_in("legacy", "secret").await));
    assert_eq!(stored_password(&app, "legacy"), after, "once is enough");
    assert!(!is_granted(&app.stranger().try_log_in("legacy", "wrong").await));
}

#[apply(on_both)]
async fn changing_the_password_ends_the_other_sessions(app: TestApp) {
    let mut client = app.browser("exec1").await;
    let mut elsewhere = app.another_process().browser("exec1").await;
    let mut bystander = app.browser("exec2").await;
    for (old, new) in [
        ("wrong", "a new password"),
        ("exec1123", "short"),
        ("exec1123", &*"x".repeat(2_000)),
        ("", "a new password"),
    ] {
        let answer = client.graphql_with(CHANGE, json!({ "o": old, "n": new })).await;
        let changed = answer.data("changePassword");
        assert_eq!(changed["success"], false, "{old} {new}");
        assert!(changed["error"].as_str().is_some_and(|error| !error.is_empty()), "{changed}");
    }
    let other_user = "mutation { changePassword(input: { username: \"exec2\", oldPassword: \"exec2123\", newPassword: \"a new password\" }) { success } }";
    assert_eq!(client.graphql(other_user).await.data("changePassword")["success"], false);
    let answer = client.graphql_with(CHANGE, json!({ "o": "exec1123", "n": "a new password" })).await;
    assert_eq!(answer.data("changePassword"), &json!({ "success": true, "error": null }));
    let status = |answer: Answer| answer.status;
    let path = "/api/core/users/current_user/";
    assert_eq!(status(client.send("GET", path, "").await), StatusCode::OK);
    assert_eq!(status(bystander.send("GET", path, "").await), StatusCode::OK);
    assert_eq!(status(elsewhere.send("GET", path, "").await), StatusCode::UNAUTHORIZED);
    assert!(!is_granted(&app.stranger().try_log_in("exec1", "exec1123").await));
    assert!(is_granted(&app.stranger().try_log_in("exec1", "a new password").await));
    assert_eq!(
        app.number("SELECT count(*) AS value FROM core_mutationlog"),
        0,
        "the journal holds no passwords"
    );
}

#[apply(on_both)]
async fn inactive_users_are_strangers(app: TestApp) {
    let file = json!({ "users": [{ "id": "00000000-0000-7000-b000-000000000001", "username": "gone", "password": "gone123", "isActive": false }] });
    app.module.load(serde_json::from_value(file).expect("well-formed")).await.expect("loads");
    let answer = app.stranger().try_log_in("gone", "gone123").await;
    assert_eq!(answer.message(), "INCORRECT_CREDENTIALS");
    let mut client = app.browser("exec1").await;
    app.run("UPDATE core_user SET is_active = (1 = 0) WHERE username = 'exec1'");
    let answer = client.send("GET", "/api/core/users/current_user/", "").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "a session ends with its user");
    assert_eq!(client.graphql("mutation { refreshToken { token } }").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.stranger().try_log_in("exec1", "exec1123").await.message(), "INCORRECT_CREDENTIALS");
}
