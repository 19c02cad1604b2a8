//! Mutations that answer their errors, for clients that do not read the journal.

use serde_json::{Value, json};

use crate::support::scenario::user_id;
use crate::support::{Answer, TestApp, apply, on_both};

const CREATE: &str = "mutation($id: String, $code: String!) { createTaskGroup(input: { clientMutationId: $id, \
                      code: $code, completionPolicy: ALL, userIds: [] }) { internalId clientMutationId } }";

async fn create(app: &TestApp, username: &str, code: &str) -> Value {
    app.user(username).await.graphql_with(CREATE, json!({ "id": code, "code": code })).await.body
}

#[apply(on_both)]
async fn a_mutation_that_fails_answers_its_error_where_the_settings_want_it(backend: Backend) {
    let app =
        TestApp::start_with(backend, |settings| settings.journal.answer_errors = true, |builder| builder)
            .await;
    let refused = create(&app, "norights", "A").await;
    let error = &refused["errors"][0];
    assert_eq!(
        (&refused["data"]["createTaskGroup"], &error["path"]),
        (&Value::Null, &json!(["createTaskGroup"]))
    );
    assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{refused}");
    // What is sent again is not done again, and answers the same.
    let again = create(&app, "norights", "A").await;
    assert_eq!(again["errors"][0]["message"], error["message"]);
    assert_eq!(again["errors"][0]["extensions"]["code"], "FORBIDDEN");
    // The journal has it too.
    let entry = app.user("norights").await.rows("mutationLogs", "(clientMutationId: \"A\")", "status").await;
    assert_eq!(entry, [json!({ "status": 1 })]);
    let wrong = create(&app, "admin", " outer white space ").await;
    assert_eq!(wrong["errors"][0]["extensions"]["field"], "code", "{wrong}");
    let done = create(&app, "admin", "A").await;
    assert_eq!(
        (&done["errors"], &done["data"]["createTaskGroup"]["clientMutationId"]),
        (&Value::Null, &json!("A"))
    );
}

#[apply(on_both)]
async fn by_default_only_the_journal_says_that_a_mutation_failed(app: TestApp) {
    let refused = create(&app, "norights", "A").await;
    assert_eq!(refused["errors"], Value::Null, "{refused}");
    assert_eq!(refused["data"]["createTaskGroup"]["clientMutationId"], "A");
}

const UNKNOWN: [&str; 2] = ["00000000-0000-7000-8000-0000000000f1", "00000000-0000-7000-8000-0000000000f2"];

/// Sends a mutation of many items as the administrator.
async fn many(app: &TestApp, name: &str, input: &Value) -> Answer {
    let kind = format!("{}{}MutationInput", name[..1].to_uppercase(), &name[1..]);
    let query = format!(
        "mutation($input: {kind}!) {{ {name}(input: $input) {{ internalId outcomes {{ id ok code message }} }} }}"
    );
    app.user("admin").await.graphql_with(&query, json!({ "input": input })).await
}

#[apply(on_both)]
async fn what_came_of_each_item_is_answered_beside_the_error(backend: Backend) {
    let app =
        TestApp::start_with(backend, |settings| settings.journal.answer_errors = true, |builder| builder)
            .await;
    let vote = json!({ user_id("admin"): "APPROVED" }).to_string();
    let votes = UNKNOWN.map(|id| json!({ "id": id, "businessStatus": vote }));
    let claims = UNKNOWN.map(|id| json!({ "id": id }));
    let assigned = UNKNOWN.map(|id| json!({ "id": id, "userId": user_id("exec1") }));
    for (name, items) in [
        ("resolveTasks", json!({ "items": votes })),
        ("claimTasks", json!({ "items": claims })),
        ("assignTasks", json!({ "items": assigned })),
        ("reEvaluateTasks", json!({ "ids": UNKNOWN })),
        ("deleteTask", json!({ "ids": UNKNOWN })),
    ] {
        for (mode, codes) in [("EACH", ["NOT_FOUND", "NOT_FOUND"]), ("ALL", ["NOT_FOUND", "CONFLICT"])] {
            let mut input = items.clone();
            input["mode"] = json!(mode);
            input["clientMutationId"] = json!(format!("{name} {mode}"));
            // A repeat is answered alike.
            for _ in 0..2 {
                let answer = many(&app, name, &input).await;
                assert_eq!(answer.codes(), ["NOT_FOUND"], "{name} {mode}");
                assert_eq!(answer.body["errors"][0]["path"], json!([name]));
                let outcomes = answer.body["data"][name]["outcomes"].as_array().cloned().unwrap_or_default();
                let got: Vec<&Value> = outcomes.iter().map(|outcome| &outcome["code"]).collect();
                assert_eq!(got, codes, "{name} {mode}: {}", answer.text);
                assert!(
                    outcomes.iter().all(|outcome| outcome["ok"] == false && outcome["message"].is_string())
                );
                assert!(answer.body["data"][name]["internalId"].is_string());
            }
        }
    }
}

#[apply(on_both)]
async fn items_of_which_any_went_well_are_no_error_and_a_refusal_of_the_whole_has_no_items(backend: Backend) {
    let app =
        TestApp::start_with(backend, |settings| settings.journal.answer_errors = true, |builder| builder)
            .await;
    let task = app.task(tasks_management::CreateTask::default()).await;
    let answer = many(&app, "deleteTask", &json!({ "ids": [task, UNKNOWN[0]], "mode": "EACH" })).await;
    assert_eq!(answer.body["errors"], Value::Null, "{}", answer.text);
    let outcomes = &answer.body["data"]["deleteTask"]["outcomes"];
    assert_eq!((&outcomes[0]["ok"], &outcomes[1]["ok"]), (&json!(true), &json!(false)));
    let used = json!({ "ids": UNKNOWN, "mode": "EACH", "clientMutationId": "used" });
    many(&app, "deleteTask", &used).await;
    let answer = many(&app, "reEvaluateTasks", &used).await;
    assert_eq!((&answer.body["data"]["reEvaluateTasks"], answer.codes()), (&Value::Null, vec!["CONFLICT"]));
}
