//! Faults of the server and of its host's handlers: each is answered, leaves nothing half-done, and affects only its own
//! request.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use diesel::RunQueryDsl as _;
use serde_json::json;
use tasks_management::{Builder, CreateTask, Error, ErrorCode, Host, Signal, Signals};

use crate::support::program::wait_until;
use crate::support::{Answer, TestApp, apply, on_both};

const CREATE: &str = "mutation($in: CreateTaskMutationInput!) { createTask(input: $in) { internalId } }";
const DELETE: &str = "mutation($in: DeleteTaskMutationInput!) { deleteTask(input: $in) { internalId } }";

/// Another process with one connection in each pool, so that a connection lost in a panic would be missed at once.
fn with_panics(app: &TestApp) -> TestApp {
    let is_panic =
        |data: &tasks_management::Json, when: &str| data.to_string().contains(&format!("panic {when}"));
    let signals = Signals::builder()
        .before(Signal::TaskCreate, move |_, event| {
            assert!(!is_panic(&event.data, "before"), "a secret reason");
            Ok(())
        })
        .within(Signal::TaskCreate, move |connection, event| {
            let code = event.entity_id.simple().to_string();
            let sql = format!("INSERT INTO core_language (code, name) VALUES ('{}', 'Within')", &code[22..]);
            diesel::sql_query(sql).execute(connection)?;
            assert!(!is_panic(&event.data, "within"), "a secret reason");
            Ok(())
        })
        .after("panics", [Signal::TaskCreate], move |event| async move {
            assert!(!is_panic(&event.data, "after"), "a secret reason");
            Ok(())
        });
    let host = Host::default().serializer("panics", Arc::new(|_, _| panic!("a secret reason")));
    app.another_process_with(
        |settings| {
            settings.database.pool_size = 1;
            settings.database.checkout_timeout_ms = 5_000;
        },
        |builder: Builder| builder.signals(signals).host(host),
    )
}

fn assert_is_fault(answer: &Answer, status: StatusCode) {
    assert_eq!((answer.status, answer.codes()), (status, vec!["INTERNAL"]), "{}", answer.text);
    let id = answer.headers["x-request-id"].to_str().expect("ASCII");
    assert_eq!(answer.body["errors"][0]["extensions"]["requestId"], id, "{}", answer.text);
    assert!(!answer.message().is_empty() && !answer.text.contains("secret"), "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[apply(on_both)]
async fn a_handler_that_panics_in_the_transaction_undoes_it_and_harms_nothing_else(app: TestApp) {
    let other = with_panics(&app);
    let mut admin = other.user("admin").await;
    for round in 0..3 {
        for when in ["before", "within"] {
            let before = app.row_counts();
            let languages = app.count("SELECT count(*) FROM core_language");
            let (status, error) =
                admin.mutate("createTask", json!({ "source": format!("panic {when}") })).await;
            assert_eq!((status, &error[0]["code"]), (1, &json!("INTERNAL")), "{round} {when}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
            let mut expected = before;
            for (table, count) in &mut expected {
                // Only the entry that says that it failed is left.
                *count += i64::from(*table == "core_mutationlog");
            }
            assert_eq!(app.row_counts(), expected, "{when}");
            assert_eq!(app.count("SELECT count(*) FROM core_language"), languages);

            // Hosts that call the service get the same error.
            let maker = other.module.requester("admin").await.expect("an admin");
            let input = CreateTask { source: Some(format!("panic {when}")), ..CreateTask::default() };
            let error = other.module.tasks().create(&maker, input).await.expect_err("it panics");
            assert_eq!(error.code(), ErrorCode::Internal);
            assert_eq!(app.row_counts(), expected, "{when}");
        }
        assert_eq!(admin.outcome("createTask", json!({ "source": "calm" })).await, "ok");
    }
    assert_eq!(app.count("SELECT count(*) FROM task_management_task WHERE source = 'calm'"), 3);
    assert_eq!(app.count("SELECT count(*) FROM core_language WHERE name = 'Within'"), 3);
}

#[apply(on_both)]
async fn a_handler_that_panics_after_the_commit_leaves_the_change_and_is_called_again(app: TestApp) {
    let other = with_panics(&app);
    let mut admin = other.user("admin").await;
    assert_eq!(admin.outcome("createTask", json!({ "source": "panic after" })).await, "ok");
    assert_eq!(other.module.deliver_due().await.expect("the worker lives"), 1);
    let waiting = "SELECT count(*) FROM task_management_outbox WHERE status = 'PENDING' AND attempts = 1 AND last_error IS NOT NULL";
    assert_eq!(app.count(waiting), 1);
    assert_eq!(app.count("SELECT count(*) FROM task_management_task WHERE source = 'panic after'"), 1);
}

#[apply(on_both)]
async fn a_serializer_that_panics_is_one_requests_fault(app: TestApp) {
    let other = with_panics(&app);
    let serializer = Some("panics".to_owned());
    let task = app.task(CreateTask { business_data_serializer: serializer, ..CreateTask::default() }).await;
    let mut admin = other.user("admin").await;
    let query = format!("{{ task(id: \"{task}\") {{ edges {{ node {{ businessData }} }} }} }}");
    for _ in 0..3 {
        assert_is_fault(&admin.graphql(&query).await, StatusCode::INTERNAL_SERVER_ERROR);
    }
    let answer = admin.graphql(&query.replace("businessData", "uuid")).await;
    assert_eq!(answer.data("task")["edges"][0]["node"]["uuid"], json!(task));
}

#[apply(on_both)]
async fn an_answer_that_takes_too_long_is_504_and_what_was_asked_for_is_done_whole_or_not_at_all(
    app: TestApp,
) {
    let hasty = app.another_process_with(|settings| settings.http.request_timeout_s = 2, |builder| builder);
    let mut admin = hasty.user("admin").await;
    let task = app.task(CreateTask::default()).await;
    let before = app.row_counts();
    let held = app.hold_task(&task);
    let input = json!({ "in": { "clientMutationId": "late", "ids": [task] } });
    assert_is_fault(&admin.graphql_with(DELETE, input.clone()).await, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(app.row_counts(), before, "nothing is to be seen before all of it is");
    // Others are served meanwhile.
    assert_eq!(admin.graphql("{ user { username } }").await.data("user")["username"], "admin");
    held.release();
    let journal = "FROM core_mutationlog WHERE client_mutation_id = 'late' AND status = 2";
    wait_until("what was begun is done", || app.count(&format!("SELECT count(*) {journal}")) == 1);
    assert_eq!(
        app.count(&format!("SELECT count(*) FROM task_management_task WHERE id = '{task}' AND is_deleted")),
        1
    );
    // A client that sends the same id again learns the result, and nothing is done twice.
    let again = admin.graphql_with(DELETE, input).await;
    assert!(again.data("deleteTask")["internalId"].is_string(), "{}", again.text);
    let versions = format!("SELECT count(*) FROM task_management_historicaltask WHERE id = '{task}'");
    assert_eq!(app.count(&versions), 2);
    assert_eq!(app.count(&format!("SELECT count(*) {journal}")), 1);
}

#[apply(on_both)]
async fn a_client_that_goes_away_stops_nothing_that_was_begun(app: TestApp) {
    let ((begun, begins), (go_on, goes_on)) = (channel::<()>(), channel::<()>());
    let (begun, goes_on) = (Mutex::new(begun), Mutex::new(goes_on));
    let signals = Signals::builder().before(Signal::TaskCreate, move |_, _| {
        begun.lock().expect("nobody panicked").send(()).map_err(Error::internal)?;
        goes_on.lock().expect("nobody panicked").recv().map_err(Error::internal)
    });
    let other = app.another_process_with(|_| {}, |builder| builder.signals(signals));
    let mut admin = other.user("admin").await;
    let input = json!({ "in": { "clientMutationId": "gone", "source": "gone" } });
    let begins = tokio::task::spawn_blocking(move || begins.recv());
    tokio::select! {
        answer = admin.graphql_with(CREATE, input) => panic!("it is answered: {}", answer.text),
        begins = begins => begins.expect("a thread").expect("the handler is called"),
    }
    go_on.send(()).expect("the handler waits");
    wait_until("what was begun is done", || {
        app.count("SELECT count(*) FROM core_mutationlog WHERE client_mutation_id = 'gone' AND status = 2")
            == 1
    });
    assert_eq!(app.count("SELECT count(*) FROM task_management_task WHERE source = 'gone'"), 1);
}
