//! Tokens of programs: what they may do, and when they end.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::{Clock as _, SystemClock};

use crate::people::office;
use crate::sessions::with_clock;
use crate::support::scenario::user_id;
use crate::support::until::until;
use crate::support::{Answer, Client, TestApp, apply, on_both};

const CREATE: &str =
    "mutation($in: CreateApiTokenMutationInput!) { createApiToken(input: $in) { internalId secret } }";

/// When the tokens of these tests end.
fn soon() -> String {
    (SystemClock.now() + TimeDelta::days(1)).format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Makes a token; returns it.
async fn token(client: &mut Client, input: Value) -> String {
    let mut wanted = json!({ "name": "nightly import", "expires": soon() });
    wanted.as_object_mut().expect("an object").extend(input.as_object().expect("an object").clone());
    let answer = client.graphql_with(CREATE, json!({ "in": wanted })).await;
    answer.data("createApiToken")["secret"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned()
}

/// A program with this token.
fn program(app: &TestApp, token: &str) -> Client {
    let mut client = app.stranger();
    client.authorization = Some(format!("Bearer {token}"));
    client
}

async fn rights(client: &mut Client) -> Vec<String> {
    let answer = client.graphql("{ user { rights } }").await;
    serde_json::from_value(answer.data("user")["rights"].clone()).expect("texts")
}

async fn is_stranger(client: &mut Client) -> bool {
    let answer: Answer = client.graphql("{ user { username } }").await;
    answer.status == 401
}

#[apply(on_both)]
async fn a_program_has_some_of_its_owners_rights_and_never_more(app: TestApp) {
    let mut owner = app.user("triage").await;
    let wanted = json!({ "rights": [191_001, 190_001], "clientMutationId": "made" });
    let secret = token(&mut owner, wanted.clone()).await;
    assert!(secret.starts_with("tmt_"), "people and scanners know it");
    let mut program = program(&app, &secret);
    let groups = async |program: &mut Client| {
        program.graphql("{ taskGroup { totalCount } }").await.data("taskGroup")["totalCount"].as_i64()
    };
    assert!(groups(&mut program).await > Some(0));
    assert_eq!(program.graphql("{ users { totalCount } }").await.codes(), ["FORBIDDEN"], "the owner could");
    let group = json!({ "code": "X", "completionPolicy": "ALL" });
    assert_eq!(program.outcome("createTaskGroup", group).await, "FORBIDDEN");
    for no_right in [json!([0]), json!([191_001, -1])] {
        let input = json!({ "name": "t", "expires": soon(), "rights": no_right });
        assert_eq!(app.refused("admin", "createApiToken", input).await, "VALIDATION rights");
    }
    for beyond in [json!([198_001]), json!([191_001, 121_703])] {
        let input = json!({ "name": "beyond", "expires": soon(), "rights": beyond });
        assert_eq!(app.refused("triage", "createApiToken", input).await, "FORBIDDEN rights");
    }
    app.run("DELETE FROM core_roleright WHERE right_id = 190001");
    assert_eq!(
        program.graphql("{ taskGroup { totalCount } }").await.data("taskGroup")["totalCount"],
        0,
        "his own groups"
    );
    assert_eq!(
        program.graphql("{ taskGroupHistory { totalCount } }").await.codes(),
        ["FORBIDDEN"],
        "the owner has lost it"
    );
    let again = owner
        .graphql_with(
            CREATE,
            json!({ "in": { "name": "nightly import", "expires": soon(), "rights": [191_001, 190_001] } }),
        )
        .await;
    assert_eq!(again.codes(), Vec::<&str>::new());
    let shown = owner.rows("apiTokens", "", "name rights dateUsed user { username }").await;
    assert!(
        shown
            .iter()
            .any(|row| row["rights"] == json!([190_001, 191_001]) && row["user"]["username"] == "triage"),
        "{shown:?}"
    );
    for column in ["refresh_hash", "token_name", "token_rights"] {
        let sql = format!("SELECT count(*) FROM core_session WHERE CAST({column} AS text) LIKE '%{secret}%'");
        assert_eq!(app.count(&sql), 0, "{column}");
    }
    assert_eq!(
        app.count(&format!("SELECT count(*) FROM core_mutationlog WHERE json_content LIKE '%{secret}%'")),
        0
    );
}

#[apply(on_both)]
async fn a_token_for_reading_decides_and_claims_nothing(app: TestApp) {
    let group = app.group("PROGRAMS", tasks_management::CompletionPolicy::Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let mut owner = app.user("exec1").await;
    let vote = json!({ "id": task, "businessStatus": json!({ user_id("exec1"): "APPROVED" }).to_string() });
    for rights in [json!([]), json!([191_001])] {
        let secret = token(&mut owner, json!({ "rights": rights })).await;
        let mut reader = program(&app, &secret);
        for (name, input) in [
            ("resolveTask", &vote),
            ("claimTask", &json!({ "id": task })),
            ("releaseTask", &json!({ "id": task })),
        ] {
            assert_eq!(reader.outcome(name, input.clone()).await, "FORBIDDEN", "{name} {rights}");
        }
    }
    assert_eq!(app.status(&task).await, "ACCEPTED");
    let secret = token(&mut owner, json!({ "rights": [191_001, 191_003] })).await;
    assert_eq!(program(&app, &secret).outcome("resolveTask", vote).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn a_subset_of_a_superusers_rights_is_no_superuser(app: TestApp) {
    let mut admin = app.user("admin").await;
    let secret = token(&mut admin, json!({ "rights": [191_001, 121_703, 122_003] })).await;
    let mut program = program(&app, &secret);
    assert_eq!(rights(&mut program).await, ["121703", "122003", "191001"], "of the token, not of its owner");
    for (mutation, input) in [
        ("updateUser", json!({ "username": "exec1", "roles": [1] })),
        ("updateUser", json!({ "username": "triage", "phone": "1" })),
        (
            "updateRole",
            json!({ "uuid": crate::people::role_key(&app, "Task Executor"), "rightsId": [191_005] }),
        ),
        ("createTaskGroup", json!({ "code": "X", "completionPolicy": "ALL" })),
    ] {
        assert_eq!(program.outcome(mutation, input.clone()).await, "FORBIDDEN", "{mutation} {input}");
    }
}

#[apply(on_both)]
async fn a_token_makes_no_tokens_and_changes_no_password(app: TestApp) {
    let mut admin = app.user("admin").await;
    let all = json!({ "rights": [121_701, 121_702, 121_703, 191_001, 191_003] });
    let secret = token(&mut admin, all).await;
    let mut program = program(&app, &secret);
    for (mutation, input) in [
        ("createApiToken", json!({ "name": "another", "expires": soon(), "rights": [191_001] })),
        ("createUser", json!({ "username": "new", "password": "a rosy bud" })),
        ("updateUser", json!({ "username": "exec1", "password": "a rosy bud" })),
        ("updateUser", json!({ "username": "admin", "email": "another@example.org" })),
        ("updateUser", json!({ "username": "admin", "lastName": "Another" })),
        ("revokeApiToken", json!({ "ids": [user_id("admin")] })),
    ] {
        assert_eq!(program.outcome(mutation, input.clone()).await, "FORBIDDEN", "{mutation}");
    }
    for mutation in [
        "mutation { changePassword(input: { oldPassword: \"admin123\" newPassword: \"a rosy bud\" }) { success error } }",
        "mutation { resetPassword(input: { username: \"exec1\" }) { success error } }",
    ] {
        let answer = program.graphql(mutation).await;
        assert!(answer.text.contains("can neither set passwords"), "{}", answer.text);
    }
    // Even with all that its owner may do.
    office(&app).await;
    let mut owner = app.user("clerk").await;
    let held: Vec<i64> =
        rights(&mut owner).await.iter().map(|right| right.parse().expect("a number")).collect();
    let secret = token(&mut owner, json!({ "name": "all", "rights": held })).await;
    let mut clerk = self::program(&app, &secret);
    let change = json!({ "username": "clerk", "email": "another@example.org" });
    assert_eq!(clerk.outcome("updateUser", change).await, "FORBIDDEN");
    app.done("clerk", "updateUser", json!({ "username": "clerk", "email": "another@example.org" })).await;
    let renewed = format!("mutation {{ refreshToken(token: \"{secret}\") {{ token }} }}");
    assert_eq!(app.stranger().graphql(&renewed).await.status, 401, "it renews no session");
    let mut browser = app.stranger();
    browser.cookies.insert("JWT".to_owned(), secret);
    assert!(is_stranger(&mut browser).await, "a cookie holds no token of a program");
}

#[apply(on_both)]
async fn a_token_ends_when_it_is_said_and_with_its_owner(app: TestApp) {
    let (app, clock) = with_clock(app.backend).await;
    let expires =
        |days: i64| (clock_now(&clock) + TimeDelta::days(days)).format("%Y-%m-%dT%H:%M:%S").to_string();
    for days in [-1, 0, 367] {
        let input = json!({ "name": "x", "expires": expires(days), "rights": [] });
        assert_eq!(app.refused("exec1", "createApiToken", input).await, "VALIDATION expires", "{days}");
    }
    let mut owner = app.user("exec1").await;
    let (one, other, third) = (
        token(&mut owner, json!({ "name": "one", "expires": expires(2), "rights": [191_001] })).await,
        token(&mut owner, json!({ "name": "other", "expires": expires(200), "rights": [191_001] })).await,
        token(&mut owner, json!({ "name": "third", "expires": expires(200), "rights": [191_001] })).await,
    );
    let elsewhere = app.another_process_with(|_| {}, |builder| builder.clock(clock.clone()));
    let (mut one, mut other, mut third) =
        (program(&app, &one), program(&elsewhere, &other), program(&elsewhere, &third));
    for client in [&mut one, &mut other, &mut third] {
        assert!(!is_stranger(client).await);
    }
    let rows = owner.rows("apiTokens", "(name: \"other\")", "uuid dateRevoked").await;
    assert_eq!(
        app.refused("exec2", "revokeApiToken", json!({ "ids": [rows[0]["uuid"]] })).await,
        "NOT_FOUND ids"
    );
    assert_eq!(owner.outcome("revokeApiToken", json!({ "ids": [rows[0]["uuid"]] })).await, "ok");
    assert!(is_stranger(&mut other).await && !is_stranger(&mut third).await, "at once, on every server");
    let change = "mutation { changePassword(input: { oldPassword: \"exec1123\" newPassword: \"a rosy bud\" }) { success } }";
    assert_eq!(owner.graphql(change).await.data("changePassword")["success"], true);
    assert!(!is_stranger(&mut third).await, "a new password ends sessions, not programs");
    clock.advance(TimeDelta::days(3));
    assert!(is_stranger(&mut one).await, "it has ended by itself");
    app.done("admin", "updateUser", json!({ "username": "exec1", "isActive": false })).await;
    assert!(is_stranger(&mut third).await, "it ends with its owner");
    app.done("admin", "updateUser", json!({ "username": "exec1", "isActive": true })).await;
    assert!(is_stranger(&mut third).await, "and does not come back");
}

fn clock_now(clock: &tasks_management::FixedClock) -> chrono::NaiveDateTime {
    clock.now()
}

#[apply(on_both)]
async fn nobody_signs_for_a_person_who_has_rights_that_he_lacks(app: TestApp) {
    office(&app).await;
    app.done("clerk", "createUser", json!({ "username": "robot", "roles": [11] })).await;
    let answer = app.stranger().try_log_in("robot", "").await;
    assert_eq!(answer.message(), "INCORRECT_CREDENTIALS", "a service account has no password");
    let mut clerk = app.user("clerk").await;
    let secret = token(&mut clerk, json!({ "rights": [191_001], "username": "robot" })).await;
    let answer = program(&app, &secret).graphql("{ user { username } }").await;
    assert_eq!(answer.data("user")["username"], "robot");
    for username in ["boss", "triage", "sleeper"] {
        let input = json!({ "name": "x", "expires": soon(), "rights": [], "username": username });
        assert_eq!(app.refused("clerk", "createApiToken", input).await, "FORBIDDEN", "{username}");
    }
    let input = json!({ "name": "x", "expires": soon(), "rights": [], "username": "exec2" });
    assert_eq!(app.refused("exec1", "createApiToken", input).await, "FORBIDDEN");
}

#[apply(on_both)]
async fn a_token_is_found_by_the_statement_that_finds_sessions_and_its_use_is_noted_once_a_minute(
    app: TestApp,
) {
    let secret = token(&mut app.user("exec1").await, json!({ "rights": [191_001] })).await;
    let counted = app.counted_process();
    let (mut person, mut program) = (counted.user("exec1").await, program(&counted, &secret));
    let noted = || app.count("SELECT count(*) FROM core_session WHERE date_used IS NOT NULL") == 1;
    program.graphql("{ user { username } }").await;
    until("its use is noted", noted).await;
    let cost = async |client: &mut Client| {
        client.graphql("{ user { username } }").await;
        counted.statements();
        client.graphql("{ user { username } }").await;
        counted.statements().len()
    };
    assert_eq!(cost(&mut program).await, cost(&mut person).await);
}

#[apply(on_both)]
async fn a_program_may_send_as_much_as_a_person(app: TestApp) {
    let secret = token(&mut app.user("admin").await, json!({ "rights": [191_002] })).await;
    let data = json!({ "text": "x".repeat(100_000) }).to_string();
    let input = json!({ "source": "Import", "data": data });
    let query = "mutation($in: CreateTaskMutationInput!) { createTask(input: $in) { internalId } }";
    let answer = program(&app, &secret).graphql_with(query, json!({ "in": input })).await;
    assert!(answer.data("createTask")["internalId"].is_string(), "{}", answer.text);
    assert_eq!(app.count("SELECT count(*) FROM task_management_task WHERE source = 'Import'"), 1);
}
