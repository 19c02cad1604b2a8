//! Mutations that answer their errors, for clients that do not read the journal.

use serde_json::{Value, json};

use crate::support::{TestApp, apply, on_both};

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
