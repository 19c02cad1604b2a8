//! Errors of a host and of the module in one answer.

#![expect(clippy::unused_async, reason = "resolvers are async functions, whether they wait or not")]

use async_graphql::{EmptyMutation, EmptySubscription, ErrorExtensions as _, MergedObject, Object, Request};
use serde_json::{Value, json};
use tasks_management::{CreateTask, Error, RequestId, TaskQuery};

use crate::support::log::Log;
use crate::support::{apply, on_both};

#[derive(MergedObject)]
struct Query(TaskQuery, Ledger);

struct Ledger;

#[Object]
impl Ledger {
    /// Refused with a code of the host's and more words than the module allows itself.
    async fn balance(&self) -> async_graphql::Result<Option<i32>> {
        Err(async_graphql::Error::new("No. ".repeat(500)).extend_with(|_, extensions| {
            extensions.set("code", "BUDGET_EXCEEDED");
        }))
    }

    /// Refused without a code.
    async fn closed(&self) -> async_graphql::Result<Option<i32>> {
        Err("The ledger is closed.".into())
    }

    /// Fails by an error of the module's.
    async fn broken(&self) -> tasks_management::Result<Option<i32>> {
        Err(Error::internal("the ledger fell into the river"))
    }
}

#[apply(on_both)]
async fn a_hosts_errors_stay_as_they_are_and_the_modules_have_the_hosts_request_id(app: TestApp) {
    let module = &app.module;
    let query = Query(module.query(), Ledger);
    let schema = module.schema(query, EmptyMutation, EmptySubscription, |builder| builder).expect("a schema");
    let log = Log::of_this_thread();
    let text = "{ balance closed broken task(after: \"nonsense\") { totalCount } }";
    let request = Request::new(text).data(RequestId("host-7".to_owned()));
    let requester = module.requester("admin").await.expect("admin");
    let answer = module.execute(&schema, request, Some(requester)).await;
    let answer = serde_json::to_value(answer).expect("an answer");
    let error = |field: &str| {
        let errors = answer["errors"].as_array().expect("errors");
        errors.iter().find(|error| error["path"][0] == field).cloned().unwrap_or_default()
    };
    assert_eq!(error("balance")["message"], "No. ".repeat(500));
    assert_eq!(error("balance")["extensions"], json!({ "code": "BUDGET_EXCEEDED" }));
    assert_eq!(
        (&error("closed")["message"], &error("closed")["extensions"]),
        (&json!("The ledger is closed."), &Value::Null)
    );
    assert_eq!(error("broken")["extensions"], json!({ "code": "INTERNAL", "requestId": "host-7" }));
    assert_eq!(error("task")["extensions"]["code"], "VALIDATION", "{answer}");
    assert_eq!(error("task")["extensions"]["requestId"], "host-7");
    assert_eq!(log.lines(&["ERROR", "host-7", "the ledger fell into the river"]).len(), 1);
}

#[apply(on_both)]
async fn the_cause_of_a_fault_is_in_the_log_when_a_host_calls_a_service(app: TestApp) {
    let admin = app.module.requester("admin").await.expect("admin");
    app.run("ALTER TABLE task_management_task RENAME TO task_management_task_away");
    let log = Log::of_this_thread();
    let error =
        app.module.tasks().create(&admin, CreateTask::default()).await.expect_err("there is no table");
    assert!(error.to_string().contains("logged"), "{error}");
    assert_eq!(log.lines(&["ERROR", "task_management_task"]).len(), 1);
}
