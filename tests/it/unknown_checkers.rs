//! Processes that do not know the service with which a task was filed: none completes the task and forgets the operation.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::{
    Approved, CheckedService, CreateTask, DbConnection, EntityType, ErrorCode, ExecutionMode, Host, Json,
    MakerChecker, NotOffered, Result, Task, TaskStatus,
};

use crate::support::program::Server;
use crate::support::scenario::user_id;
use crate::support::{Backend, TestApp, apply, on_both};

/// A service that counts what it does.
#[derive(Clone, Default)]
struct Doors(Arc<AtomicUsize>);

impl CheckedService for Doors {
    type Create = NotOffered;
    type Update = Value;
    const NAME: &'static str = "DoorService";
    const ENTITY_TYPE: &'static str = "office.door";

    fn current(&self, _: &mut DbConnection, _: &str) -> Result<Option<Json>> {
        Ok(Some(json!("open").into()))
    }

    fn update(&self, _: &mut Approved<'_>, _: &str, _: Value) -> Result<()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl EntityType for Doors {
    fn display(&self, _: &mut DbConnection, ids: &[&str]) -> Result<HashMap<String, String>> {
        Ok(ids.iter().map(|id| ((*id).to_owned(), format!("Door {id}"))).collect())
    }
}

/// One process with the service and one without it, on one database, as while servers are replaced one by one.
struct Rollout {
    without: TestApp,
    with: TestApp,
    doors: Doors,
    checker: MakerChecker<Doors>,
}

impl Rollout {
    async fn start(backend: Backend, mode: ExecutionMode) -> Self {
        let doors = Doors::default();
        let checker = MakerChecker::new(doors.clone(), mode);
        let without = TestApp::start(backend).await;
        let host = Host::default().entity(Doors::ENTITY_TYPE, doors.clone());
        let with = without.another_process_with(|_| {}, |builder| builder.host(host).maker_checker(&checker));
        without.group_with("DOORS", Any, None, &["exec1"], &["DoorService"]).await;
        Self { without, with, doors, checker }
    }

    async fn propose(&self, id: &str) -> Task {
        let maker = self.with.module.requester("admin").await.expect("a maker");
        let tasks = self.with.module.tasks();
        self.checker.create_update_task(&tasks, &maker, id, &json!("shut")).await.expect("a proposal")
    }

    fn done(&self) -> usize {
        self.doors.0.load(Ordering::SeqCst)
    }

    async fn waiting(&self, task: &Task) -> Vec<Value> {
        let arguments = format!("(entityId: \"{}\", status: PENDING)", task.id);
        self.without.user("admin").await.rows("taskEvents", &arguments, "handler").await
    }
}

async fn approve(app: &TestApp, task: &Task) -> Result<Task> {
    let executor = app.module.requester("exec1").await.expect("an executor");
    app.module.tasks().vote(&executor, task.id, true, None).await
}

#[apply(on_both)]
async fn an_operation_whose_service_is_unknown_waits_for_a_process_that_knows_it(backend: Backend) {
    for mode in [ExecutionMode::After, ExecutionMode::WithinOrAfter] {
        let rollout = Rollout::start(backend, mode).await;
        let task = rollout.propose("1").await;
        assert_eq!(task.checker.as_deref(), Some("DoorService"));
        let decided = approve(&rollout.without, &task).await.expect("a vote");
        assert_eq!(decided.status, TaskStatus::Completed);
        rollout.without.module.deliver_due().await.expect("deliveries");
        assert_eq!(rollout.done(), 0);
        assert_eq!(rollout.waiting(&task).await, [json!({ "handler": "maker_checker:DoorService" })]);
        rollout.with.module.deliver_due().await.expect("deliveries");
        assert_eq!((rollout.done(), rollout.waiting(&task).await.len()), (1, 0), "{mode:?}");
        rollout.with.module.deliver_due().await.expect("deliveries");
        assert_eq!(rollout.done(), 1);
    }
}

#[apply(on_both)]
async fn a_server_that_does_not_know_the_service_warns_and_leaves_the_operation(backend: Backend) {
    let rollout = Rollout::start(backend, ExecutionMode::After).await;
    let task = rollout.propose("1").await;
    let server = Server::start(rollout.without.database_url(), &[("TASKS__OUTBOX__POLL_MS", "20")]);
    let bearer = server.bearer("exec1");
    let vote = "mutation($id: UUID!, $s: JSONString!) { resolveTask(input: { id: $id, clientMutationId: \"1\", \
                businessStatus: $s }) { internalId } }";
    let status = json!({ user_id("exec1").to_string(): "APPROVED" }).to_string();
    let answer = server.graphql(&[("Authorization", &bearer)], vote, json!({ "id": task.id, "s": status }));
    assert_eq!((answer.status, &answer.body["errors"]), (200, &Value::Null), "{answer:?}");
    assert_eq!(rollout.without.status(&task.id.to_string()).await, "COMPLETED");
    let warned = |line: &String| line.contains("WARN") && line.contains("DoorService");
    assert!(server.log().iter().any(warned), "{:?}", server.log());
    assert!(server.stop().success());
    assert_eq!(rollout.waiting(&task).await, [json!({ "handler": "maker_checker:DoorService" })]);
    rollout.with.module.deliver_due().await.expect("deliveries");
    assert_eq!((rollout.done(), rollout.waiting(&task).await.len()), (1, 0));
}

#[apply(on_both)]
async fn a_decision_is_refused_where_a_service_that_acts_within_it_is_unknown(backend: Backend) {
    let rollout = Rollout::start(backend, ExecutionMode::Within).await;
    let task = rollout.propose("1").await;
    let refused = approve(&rollout.without, &task).await.expect_err("this process does not know the service");
    assert_eq!(refused.code(), ErrorCode::Conflict);
    assert!(refused.to_string().contains("DoorService"), "{refused}");
    let admin = rollout.without.module.requester("admin").await.expect("admin");
    let tasks = rollout.without.module.tasks();
    let closed = tasks.complete_task(&admin, task.id, TaskStatus::Completed, None).await;
    assert_eq!(closed.expect_err("however it is completed").code(), ErrorCode::Conflict);
    assert_eq!(rollout.without.status(&task.id.to_string()).await, "ACCEPTED");
    assert_eq!(approve(&rollout.with, &task).await.expect("a vote").status, TaskStatus::Completed);
    assert_eq!(rollout.done(), 1);
    // To reject it, nothing need be known of it.
    let rejected = rollout.propose("2").await;
    let closed =
        tasks.complete_task(&admin, rejected.id, TaskStatus::Failed, None).await.expect("a rejection");
    assert_eq!(closed.status, TaskStatus::Failed);
}

#[apply(on_both)]
async fn a_task_that_was_filed_earlier_is_found_by_its_business_event(backend: Backend) {
    let rollout = Rollout::start(backend, ExecutionMode::Within).await;
    let (first, second) = (rollout.propose("1").await, rollout.propose("2").await);
    rollout.without.run("UPDATE task_management_task SET checker = NULL");
    assert_eq!(approve(&rollout.with, &first).await.expect("a vote").status, TaskStatus::Completed);
    assert_eq!(rollout.done(), 1);
    approve(&rollout.without, &second).await.expect("a vote");
    assert_eq!(rollout.waiting(&second).await, [json!({ "handler": "maker_checker:DoorService" })]);
    rollout.with.module.deliver_due().await.expect("deliveries");
    assert_eq!(rollout.done(), 2);
}

#[apply(on_both)]
async fn a_checker_that_the_builder_was_not_given_files_nothing(backend: Backend) {
    let rollout = Rollout::start(backend, ExecutionMode::After).await;
    let (forgetful, tasks) = (&rollout.without, rollout.without.module.tasks());
    let maker = forgetful.module.requester("admin").await.expect("a maker");
    let refused = rollout.checker.create_update_task(&tasks, &maker, "1", &json!("shut")).await;
    let refused = refused.expect_err("nobody would validate it or carry it out");
    assert_eq!((refused.code(), refused.field()), (ErrorCode::Validation, Some("source")));
    assert!(refused.to_string().contains("Builder::maker_checker"), "{refused}");
    assert_eq!(forgetful.count("SELECT count(*) FROM task_management_task WHERE source = 'DoorService'"), 0);
}

#[apply(on_both)]
async fn a_task_of_that_form_without_any_checker_is_completed_as_any_other(app: TestApp) {
    app.group_with("PLAIN", Any, None, &["exec1"], &["PlainService"]).await;
    let plain = CreateTask {
        source: Some("PlainService".to_owned()),
        business_event: Some("PlainService.update".to_owned()),
        ..CreateTask::default()
    };
    let task = app.task(plain).await;
    app.approve("exec1", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox"), 0);
}
