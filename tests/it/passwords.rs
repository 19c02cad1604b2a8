//! Passwords: throttling of wrong ones, fair shares of looking at them, hashes of the original, changing them, and people who may not log in any more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tasks_management::LoadFile;

use crate::people::office;
use crate::sessions::with_clock;
use crate::support::program::{FIXTURE, Server, run};
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
async fn wrong_passwords_refuse_their_network_for_that_name_and_lock_nobody_else_out(app: TestApp) {
    let (app, clock) = with_clock(app.backend).await;
    let mut client = at(&app, [10, 0, 0, 1]);
    for n in 0..50 {
        let answer = client.try_log_in("exec1", "wrong").await;
        assert_eq!(answer.status, StatusCode::OK);
        let expected = if n < 10 { "UNAUTHENTICATED" } else { "LIMIT" };
        assert_eq!(answer.codes(), [expected], "{n}: {}", answer.text);
        assert_eq!(answer.body["data"], json!({ "tokenAuth": null }));
    }
    let refused = client.try_log_in("exec1", "exec1123").await;
    assert_eq!(refused.codes(), ["LIMIT"], "the right password neither");
    assert!(refused.message().contains("auth.failures_per_user"), "{}", refused.message());
    assert!(is_granted(&client.try_log_in("exec2", "exec2123").await), "another user at the same address");
    let other = app.another_process_with(|_| {}, |builder| builder.clock(clock.clone()));
    assert_eq!(at(&other, [10, 0, 0, 1]).try_log_in("exec1", "exec1123").await.codes(), ["LIMIT"]);
    for process in [&app, &other] {
        let answer = at(process, [10, 0, 0, 2]).try_log_in("exec1", "exec1123").await;
        assert!(is_granted(&answer), "nobody is locked out elsewhere: {}", answer.text);
    }
    clock.advance(TimeDelta::seconds(901));
    assert!(is_granted(&client.try_log_in("exec1", "exec1123").await), "the window has passed");
    client.cookies.clear();
    for _ in 0..9 {
        client.try_log_in("exec1", "wrong").await;
    }
    assert!(is_granted(&client.try_log_in("exec1", "exec1123").await));
    client.cookies.clear();
    assert_eq!(
        client.try_log_in("exec1", "wrong").await.codes(),
        ["UNAUTHENTICATED"],
        "counting begins anew"
    );
}

#[apply(on_both)]
async fn a_network_of_ipv6_is_counted_as_one_address(app: TestApp) {
    let at = |address: &str| {
        let mut client = app.stranger();
        client.address = SocketAddr::new(address.parse().expect("an address"), 40_000);
        client
    };
    for n in 0..10 {
        at(&format!("2001:db8:1:2::{n}")).try_log_in("exec1", "wrong").await;
    }
    let answer = at("2001:db8:1:2:ffff::1").try_log_in("exec1", "exec1123").await;
    assert_eq!(answer.codes(), ["LIMIT"], "{}", answer.text);
    assert!(is_granted(&at("2001:db8:1:3::1").try_log_in("exec1", "exec1123").await));
}

#[apply(on_both)]
async fn guesses_from_everywhere_make_unknown_devices_wait_and_nobody_else(app: TestApp) {
    let patient = app.another_process_with(|settings| settings.auth.longest_delay_s = 2, |builder| builder);
    let mut known = at(&app, [10, 0, 0, 1]);
    assert!(is_granted(&known.try_log_in("exec1", "exec1123").await));
    let mut others = at(&app, [10, 0, 0, 2]);
    assert!(is_granted(&others.try_log_in("exec2", "exec2123").await));
    for n in 0..30 {
        let answer = at(&app, [10, 0, 1, n]).try_log_in("exec1", "wrong").await;
        assert_eq!(answer.codes(), ["UNAUTHENTICATED"], "{n}");
    }
    let took = async |from: [u8; 4], cookies: &Client, username: &str| {
        let mut client = at(&patient, from);
        client.cookies.clone_from(&cookies.cookies);
        let begun = Instant::now();
        let answer = client.try_log_in(username, &format!("{username}123")).await;
        assert!(is_granted(&answer), "{username} is not locked out: {}", answer.text);
        begun.elapsed()
    };
    let stranger = app.stranger();
    // A delay ends by itself: what is compared is far enough from it on a slow machine too.
    let delay = Duration::from_millis(1_900);
    assert!(took([10, 0, 2, 1], &stranger, "exec1").await >= delay, "an unknown device waits");
    assert!(took([10, 0, 2, 2], &others, "exec1").await >= delay, "and so does somebody else's");
    assert!(took([10, 0, 2, 3], &known, "exec1").await < delay, "a known one does not");
    assert!(took([10, 0, 2, 4], &stranger, "exec3").await < delay, "nor does another name");
    let begun = Instant::now();
    let answer = at(&patient, [10, 0, 2, 5]).try_log_in("nobody", "wrong").await;
    assert!(answer.message() == "INCORRECT_CREDENTIALS" && begun.elapsed() < delay);
    // Names that nobody has are treated alike.
    for n in 0..30 {
        at(&app, [10, 0, 3, n]).try_log_in("nobody", "wrong").await;
    }
    let begun = Instant::now();
    let answer = at(&patient, [10, 0, 4, 1]).try_log_in("nobody", "wrong").await;
    assert!(answer.message() == "INCORRECT_CREDENTIALS" && begun.elapsed() >= delay);
}

#[apply(on_both)]
async fn tries_that_wait_take_no_place_from_others(app: TestApp) {
    let patient = app.another_process_with(
        |settings| {
            settings.auth.longest_delay_s = 30;
            settings.auth.delay_after = 1;
        },
        |builder| builder,
    );
    for n in 0..8 {
        at(&app, [10, 0, 1, n]).try_log_in("exec1", "wrong").await;
    }
    let waiting: Vec<_> = (0..40)
        .map(|n| {
            let mut client = at(&patient, [10, 0, 2, n]);
            tokio::spawn(async move { client.try_log_in("exec1", "wrong").await })
        })
        .collect();
    for n in 0..10 {
        let begun = Instant::now();
        assert!(is_granted(&at(&patient, [10, 0, 3, n]).try_log_in("exec2", "exec2123").await));
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    }
    assert!(waiting.iter().all(|task| !task.is_finished()), "they wait");
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[apply(on_both)]
async fn failures_on_a_known_device_are_its_own(app: TestApp) {
    let mut known = at(&app, [10, 0, 0, 1]);
    assert!(is_granted(&known.try_log_in("exec1", "exec1123").await));
    known.cookies.retain(|name, _| name == "tasks-device");
    assert_eq!(known.cookies.len(), 1);
    for _ in 0..9 {
        assert_eq!(known.try_log_in("exec1", "wrong").await.codes(), ["UNAUTHENTICATED"]);
    }
    // Others in the same place have their tries still, and the device is not hurt by what they do with them.
    let mut neighbour = at(&app, [10, 0, 0, 1]);
    for n in 0..11 {
        let expected = if n < 10 { "UNAUTHENTICATED" } else { "LIMIT" };
        assert_eq!(neighbour.try_log_in("exec1", "wrong").await.codes(), [expected], "{n}");
    }
    let answer = known.try_log_in("exec1", "exec1123").await;
    assert!(is_granted(&answer), "{}", answer.text);
    // One that guesses is as good as an unknown one.
    for n in 0..12 {
        let expected = if n < 10 { "UNAUTHENTICATED" } else { "LIMIT" };
        known.cookies.retain(|name, _| name == "tasks-device");
        assert_eq!(known.try_log_in("exec1", "wrong").await.codes(), [expected], "{n}");
    }
    // For other names it is unknown, and so is one that was not signed here.
    let mut forged = at(&app, [10, 0, 0, 1]);
    forged.cookies.insert("tasks-device".to_owned(), format!("{}.AAAAAAAAAAAAAAAAAAAAAA", "a".repeat(32)));
    assert_eq!(forged.try_log_in("exec1", "exec1123").await.codes(), ["LIMIT"]);
}

#[apply(on_both)]
async fn one_account_with_many_connections_makes_nobody_wait(app: TestApp) {
    // Hashes that take their time, one after the other: longer than what each writes before, for which all wait in one queue.
    let slow = app.another_process_with(
        |settings| {
            settings.auth.password_memory_kib = 19_456;
            settings.auth.password_passes = 4;
        },
        |builder| builder,
    );
    let file = json!({ "users": [
        { "id": "00000000-0000-7000-b000-000000000001", "username": "many", "password": "many-12345" },
        { "id": "00000000-0000-7000-b000-000000000002", "username": "one", "password": "one-12345" },
    ]});
    slow.module.load(serde_json::from_value(file).expect("well-formed")).await.expect("loads");
    let done = Arc::new(AtomicUsize::new(0));
    let tries: Vec<_> = (0..200_u16)
        .map(|n| {
            // Half of them from one address, the others from a hundred.
            let from =
                if n % 2 == 0 { [10, 0, 0, 1] } else { [10, 0, 1, u8::try_from(n / 2 % 100).unwrap_or(0)] };
            let (mut client, done) = (at(&slow, from), Arc::clone(&done));
            tokio::spawn(async move {
                let answer = client.try_log_in("many", "many-12345").await;
                let looked_at = answer.codes() != ["LIMIT"];
                done.fetch_add(usize::from(looked_at), Ordering::Relaxed);
                looked_at
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = done.load(Ordering::Relaxed);
    let answer = at(&slow, [10, 0, 2, 1]).try_log_in("one", "one-12345").await;
    let passed = done.load(Ordering::Relaxed) - before;
    assert!(is_granted(&answer), "{}", answer.text);
    let (mut looked_at, mut refused) = (0, 0);
    for one in tries {
        if one.await.expect("no panic") { looked_at += 1 } else { refused += 1 }
    }
    assert!(looked_at >= 50, "many of them wait: {looked_at}");
    assert!(refused >= 50, "one address has few at once: {refused}");
    assert!(passed * 2 <= looked_at, "{passed} of {looked_at} were let in before");
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
    assert!((1..=10).contains(&looked_at), "{looked_at}");
    let mut client = app.stranger();
    for n in looked_at..11 {
        let expected = if n < 10 { "UNAUTHENTICATED" } else { "LIMIT" };
        assert_eq!(client.try_log_in("exec1", "wrong").await.codes(), [expected], "{n}");
    }
    assert!(is_granted(&bystander.await.expect("no panic")));
}

#[apply(on_both)]
async fn odd_names_and_passwords_are_only_wrong(app: TestApp) {
    let other = app.stranger().try_log_in("ex\0ec1", "exec1123").await;
    assert_eq!(other.message(), "INCORRECT_CREDENTIALS", "no character of a name is passed over");
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

#[apply(on_both)]
async fn a_password_is_set_anew_by_a_token_of_an_administrator_once(app: TestApp) {
    office(&app).await;
    let reset = async |client: &mut Client, username: &str| {
        let query = format!(
            "mutation {{ resetPassword(input: {{ username: \"{username}\" }}) {{ success error token }} }}"
        );
        client.graphql(&query).await.data("resetPassword").clone()
    };
    let set = async |username: &str, token: &str, new: &str| {
        let query = "mutation($in: SetPasswordMutationInput!) { setPassword(input: $in) { success error } }";
        let input = json!({ "username": username, "token": token, "newPassword": new });
        app.another_process()
            .stranger()
            .graphql_with(query, json!({ "in": input }))
            .await
            .data("setPassword")
            .clone()
    };
    app.done("admin", "createUser", json!({ "username": "nadia", "lastName": "Okafor" })).await;
    let mut clerk = app.user("clerk").await;
    let token = reset(&mut clerk, "nadia").await["token"].as_str().expect("a token").to_owned();
    for (username, wrong, new) in [
        ("exec1", token.as_str(), "a rosy bud"),
        ("ghost", token.as_str(), "a rosy bud"),
        ("nadia", "x", "a rosy bud"),
        ("nadia", &token[1..], "a rosy bud"),
    ] {
        let said = set(username, wrong, new).await["error"].clone();
        assert!(
            said.as_str().is_some_and(|said| said.starts_with("This token is not")),
            "{username}: {said}"
        );
    }
    for weak in ["short", "nadia-2026", "my okafor", "qwerty123"] {
        assert_eq!(set("nadia", &token, weak).await["success"], false, "{weak}");
    }
    assert_eq!(set("nadia", &token, "a rosy bud").await, json!({ "success": true, "error": null }));
    assert!(is_granted(&app.stranger().try_log_in("nadia", "a rosy bud").await));
    assert_eq!(set("nadia", &token, "another rosy bud").await["success"], false, "it was used");
    let token = reset(&mut clerk, "nadia").await["token"].as_str().expect("a token").to_owned();
    let both = tokio::join!(set("nadia", &token, "the first bud"), set("nadia", &token, "the other bud"));
    assert!(both.0["success"] != both.1["success"], "one of two at once: {both:?}");
    let mut nadia = app.stranger();
    let first = nadia.try_log_in("nadia", "the first bud").await;
    assert_eq!(is_granted(&first), both.0["success"] == true);
    let token = reset(&mut clerk, "nadia").await["token"].as_str().expect("a token").to_owned();
    app.done("clerk", "updateUser", json!({ "username": "nadia", "isActive": false })).await;
    assert_eq!(set("nadia", &token, "a rosy bud").await["success"], false, "the blocked set none");
    app.done("clerk", "updateUser", json!({ "username": "nadia", "isActive": true })).await;
    // A token gives no more than its maker has, when it is used.
    let token = reset(&mut clerk, "nadia").await["token"].as_str().expect("a token").to_owned();
    app.done("admin", "updateUser", json!({ "username": "nadia", "roles": [1] })).await;
    assert_eq!(
        set("nadia", &token, "a rosy bud").await["success"],
        false,
        "she has rights that its maker lacks"
    );
    app.done("admin", "updateUser", json!({ "username": "nadia", "roles": [] })).await;
    app.done("admin", "updateUser", json!({ "username": "clerk", "isActive": false })).await;
    assert_eq!(set("nadia", &token, "a rosy bud").await["success"], false, "its maker has left");
    app.done("admin", "updateUser", json!({ "username": "clerk", "isActive": true })).await;
    assert_eq!(set("nadia", &token, "a rosy bud").await["success"], true);
    let mut clerk = app.user("clerk").await;
    for username in ["boss", "admin", "triage", "sleeper"] {
        let refused = reset(&mut clerk, username).await;
        assert!(
            refused["token"].is_null()
                && refused["error"].as_str().is_some_and(|said| said.contains("rights")),
            "{refused}"
        );
    }
    assert_eq!(reset(&mut app.user("exec1").await, "exec2").await["success"], false);
    let held = "SELECT count(*) FROM core_mutationlog WHERE mutation IN ('setPassword', 'resetPassword')";
    assert_eq!(app.count(held), 0);
}

#[apply(on_both)]
async fn the_next_token_another_password_another_address_and_a_block_end_the_tokens_before(app: TestApp) {
    app.done("admin", "createUser", json!({ "username": "nadia", "email": "nadia@example.org" })).await;
    let reset = async || {
        let query = "mutation { resetPassword(input: { username: \"nadia\" }) { token } }";
        let token = app.user("admin").await.graphql(query).await.data("resetPassword")["token"].clone();
        token.as_str().expect("a token").to_owned()
    };
    let sets = async |token: &str| {
        let query = "mutation($in: SetPasswordMutationInput!) { setPassword(input: $in) { success } }";
        let input = json!({ "username": "nadia", "token": token, "newPassword": "a rosy bud" });
        let answer = app.stranger().graphql_with(query, json!({ "in": input })).await;
        answer.data("setPassword")["success"] == true
    };
    let (first, second) = (reset().await, reset().await);
    assert_ne!(first, second);
    assert!(!sets(&first).await, "a newer one was made");
    assert!(sets(&second).await);
    assert!(!sets(&second).await, "it was used");
    for change in [
        json!({ "password": "a pale blue dot" }),
        json!({ "email": "n@example.org" }),
        json!({ "email": "" }),
        json!({ "isActive": false }),
    ] {
        let token = reset().await;
        let mut input = change.clone();
        input["username"] = json!("nadia");
        app.done("admin", "updateUser", input).await;
        app.done(
            "admin",
            "updateUser",
            json!({ "username": "nadia", "isActive": true, "email": "nadia@example.org" }),
        )
        .await;
        assert!(!sets(&token).await, "{change}");
    }
    let token = reset().await;
    app.done("admin", "updateUser", json!({ "username": "nadia", "phone": "555 0100" })).await;
    assert!(sets(&token).await, "what has nothing to do with it ends nothing");
    let token = reset().await;
    let mut nadia = app.stranger();
    let granted = nadia.try_log_in("nadia", "a rosy bud").await;
    let bearer = granted.data("tokenAuth")["token"].as_str().expect("logging in ends no token").to_owned();
    nadia.authorization = Some(format!("Bearer {bearer}"));
    let answer = nadia.graphql_with(CHANGE, json!({ "o": "a rosy bud", "n": "a grey whale" })).await;
    assert_eq!(answer.data("changePassword")["success"], true);
    assert!(!sets(&token).await, "she has set one herself");
}

#[apply(on_both)]
async fn neither_text_nor_work_tells_a_stranger_whether_there_is_a_person(app: TestApp) {
    app.done("admin", "createUser", json!({ "username": "robot" })).await;
    let ask = async |username: &str| {
        let query = format!(
            "mutation {{ resetPassword(input: {{ username: \"{username}\" }}) {{ success error token }} }}"
        );
        app.stranger().graphql(&query).await.data("resetPassword").clone()
    };
    let ghost = ask("ghost").await;
    assert!(ghost["error"].as_str().is_some_and(|said| said.contains("ask somebody who administers users")));
    assert_eq!(ask("admin").await, ghost);
    let set = async |username: &str| {
        let query = format!(
            "mutation {{ setPassword(input: {{ username: \"{username}\" token: \"x\" newPassword: \"a rosy bud\" }}) {{ success error }} }}"
        );
        app.stranger().graphql(&query).await.data("setPassword").clone()
    };
    assert_eq!(set("admin").await, set("ghost").await);
    let counted = app.counted_process();
    counted.stranger().try_log_in("nobody", "x").await;
    let mut costs = std::collections::BTreeSet::new();
    for (name, password) in [("ghost", "x"), ("exec1", "x"), ("robot", ""), ("robot", "x")] {
        counted.statements();
        let answer = counted.stranger().try_log_in(name, password).await;
        assert_eq!(answer.message(), "INCORRECT_CREDENTIALS", "{name}");
        costs.insert(crate::statements::sent(&counted).len());
    }
    assert_eq!(costs.len(), 1, "as many statements, whatever was wrong: {costs:?}");
}

/// The sums of a process of its own, as others hash too.
#[test]
fn a_login_costs_one_hash_whether_there_is_such_a_person_or_not() {
    crate::cli::on_each_database(|database| {
        run(&database.url, &["load", FIXTURE]);
        run(&database.url, &["user", "add", "robot", "--no-password"]);
        run(&database.url, &["user", "block", "exec2"]);
        let server = Server::start(&database.url, &[]);
        let hashes = || -> u64 {
            let (_, text) = server.request("GET", "/metrics", "");
            let line = text.lines().find_map(|line| line.strip_prefix("tasks_password_hashes_total "));
            line.map_or(0, |number| number.parse().expect("a number"))
        };
        for (name, password) in [
            ("ghost", "ghost123"),
            ("exec1", "wrong"),
            ("exec1", "exec1123"),
            ("exec2", "exec2123"),
            ("robot", ""),
            ("robot", "x"),
            ("(system)", ""),
        ] {
            let before = hashes();
            server.try_log_in(name, password);
            assert_eq!(hashes() - before, 1, "{name} {password:?}");
        }
    });
}
