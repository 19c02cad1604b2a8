//! Signals: who may refuse, who may undo, and who is told afterwards.

use std::future::Ready;
use std::sync::{Arc, Mutex};

use diesel::RunQueryDsl as _;
use serde_json::json;
use tasks_management::{
    Builder, CreateTask, Error, ErrorCode, Event, HandlerError, Message, ResolveTask, Signal, Signals,
    SignalsBuilder, TaskStatus,
};

use crate::support::{Backend, TestApp, apply, on_both};

type Seen = Arc<Mutex<Vec<Event>>>;

fn seen() -> Seen {
    Arc::default()
}

/// What a handler is told of these signals, and the bus with that handler.
fn told_of(signals: &'static [Signal]) -> (Seen, SignalsBuilder) {
    let told = seen();
    let keeps = Arc::clone(&told);
    let bus = Signals::builder().after("told", signals.iter().copied(), move |event| {
        keeps.lock().expect("nobody panicked").push(event);
        async { Ok(()) }
    });
    (told, bus)
}

fn names(seen: &Seen) -> Vec<Signal> {
    seen.lock().expect("nobody panicked").iter().map(|event| event.signal).collect()
}

async fn start(backend: Backend, builder: impl FnOnce(Builder) -> Builder) -> TestApp {
    TestApp::start_with(
        backend,
        |settings| {
            settings.outbox.attempts = 3;
            settings.outbox.first_pause_ms = 1;
            settings.outbox.longest_pause_s = 1;
        },
        builder,
    )
    .await
}

async fn create(app: &TestApp, source: &str) -> tasks_management::Result<tasks_management::Task> {
    let admin = app.module.requester("admin").await?;
    let input = CreateTask { source: Some(source.to_owned()), ..CreateTask::default() };
    app.module.tasks().create(&admin, input).await
}

fn tasks_of(app: &TestApp, source: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM task_management_task WHERE source = '{source}'"))
}

#[apply(on_both)]
async fn before_vetoes_a_change_with_an_error_that_the_caller_sees(backend: Backend) {
    let bus = Signals::builder()
        .before(Signal::TaskCreate, |_, _| Err(Error::new(ErrorCode::Conflict, Message::new("code-taken"))));
    let app = start(backend, |builder| builder.signals(bus)).await;
    let mut admin = app.user("admin").await;
    let (status, error) = admin.mutate("createTask", json!({ "source": "Veto" })).await;
    assert_eq!((status, error[0]["code"].as_str()), (1, Some("CONFLICT")), "{error}");
    assert!(error[0]["message"].as_str().is_some_and(|text| text.contains("code")), "{error}");
    assert_eq!(tasks_of(&app, "Veto"), 0);
}

#[apply(on_both)]
async fn within_writes_through_the_same_connection_and_its_error_rolls_everything_back(backend: Backend) {
    let bus = Signals::builder()
        .within(Signal::TaskCreate, |connection, event| {
            let language = format!("l{}", event.entity_id.simple());
            diesel::sql_query(format!(
                "INSERT INTO core_language (code, name) VALUES ('{language}', 'Within')"
            ))
            .execute(connection)?;
            if event.task()?.source.as_deref() == Some("Undo") {
                return Err(Error::internal("the handler fails after it has written"));
            }
            Ok(())
        })
        .after("told", [Signal::TaskCreate], |_| async { Ok(()) });
    let app = start(backend, |builder| builder.signals(bus)).await;
    create(&app, "Keep").await.expect("is kept");
    let written = "SELECT count(*) FROM core_language WHERE name = 'Within'";
    assert_eq!((tasks_of(&app, "Keep"), app.count(written)), (1, 1));
    create(&app, "Undo").await.expect_err("is undone");
    assert_eq!((tasks_of(&app, "Undo"), app.count(written)), (0, 1));
    let history = "SELECT count(*) FROM task_management_historicaltask WHERE source = 'Undo'";
    assert_eq!(app.count(history), 0);
    // Nothing is told of what was undone.
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox"), 1);

    // Through GraphQL the same, and the journal says that it failed without giving the cause away.
    let mut admin = app.user("admin").await;
    let (status, error) = admin.mutate("createTask", json!({ "source": "Undo" })).await;
    assert_eq!((status, error[0]["code"].as_str()), (1, Some("INTERNAL")));
    assert!(!error.to_string().contains("has written"), "{error}");
    assert_eq!(tasks_of(&app, "Undo"), 0);
}

#[apply(on_both)]
async fn after_is_told_of_each_step_in_order_with_stable_ids(backend: Backend) {
    let (told, bus) = told_of(&Signal::ALL);
    let app = start(backend, |builder| builder.signals(bus)).await;
    let task = create(&app, "PaymentService").await.expect("a task");
    let exec = app.module.requester("exec1").await.expect("an executor");
    let business_status = json!({ exec.id().to_string(): "APPROVED" }).into();
    let vote = ResolveTask { id: task.id, business_status, ..ResolveTask::default() };
    let done = app.module.tasks().resolve_task(&exec, vote).await.expect("a vote");
    assert_eq!(done.status, TaskStatus::Completed);

    assert_eq!(app.module.deliver_due().await.expect("delivers"), 3);
    assert_eq!(names(&told), [Signal::TaskCreate, Signal::TaskResolve, Signal::TaskComplete]);
    let events = told.lock().expect("nobody panicked").clone();
    assert!(events.iter().all(|event| event.entity_id == task.id));
    assert_eq!(
        events.iter().map(|event| event.data["v"].clone()).collect::<Vec<_>>(),
        [json!(1), json!(1), json!(1)]
    );
    assert_eq!(
        (events[0].old_task().expect("readable"), events[0].data["old"].to_value()),
        (None, json!(null))
    );
    assert_eq!(events[0].task().expect("a task").status, TaskStatus::Accepted);
    let cast = events[1].vote().expect("readable").expect("a vote");
    assert_eq!(
        (cast.business_status.to_value(), cast.comment),
        (json!({ exec.id().to_string(): "APPROVED" }), None)
    );
    let decision = events[2].decision().expect("readable").expect("a decision");
    assert_eq!((decision.result, decision.rejected_record_ids), (TaskStatus::Completed, Vec::new()));
    let (old, new) =
        (events[2].old_task().expect("readable").expect("a task"), events[2].task().expect("a task"));
    assert_eq!((old.status, new.status), (TaskStatus::Accepted, TaskStatus::Completed));
    assert!(events[2].task_group().is_err(), "it is about a task");
    assert_eq!(events[2].user_id, exec.id());
    // Once is enough.
    assert_eq!(app.module.deliver_due().await.expect("delivers"), 0);
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox WHERE status = 'DELIVERED'"), 3);
}

#[apply(on_both)]
async fn what_a_process_left_behind_another_one_delivers(backend: Backend) {
    let quiet = Signals::builder().after("told", [Signal::TaskCreate], |_| async { Ok(()) });
    let app = start(backend, |builder| builder.signals(quiet)).await;
    create(&app, "Left").await.expect("a task");
    let (told, bus) = told_of(&[Signal::TaskCreate]);
    let other = app.another_process_with(|_| {}, |builder| builder.signals(bus));
    assert_eq!(other.module.deliver_due().await.expect("delivers"), 1);
    assert_eq!(names(&told), [Signal::TaskCreate]);
    assert_eq!(app.module.deliver_due().await.expect("delivers"), 0);
}

#[apply(on_both)]
async fn a_failing_or_panicking_handler_is_retried_then_dead_and_harms_no_other(backend: Backend) {
    let told = seen();
    let bus = {
        let told = Arc::clone(&told);
        Signals::builder()
            .after("fails", [Signal::TaskCreate], |_| async { Err("the receiver is down".into()) })
            .after("panics", [Signal::TaskCreate], |_| async { panic!("the handler is wrong") })
            .after("panics at once", [Signal::TaskCreate], |_| -> Ready<Result<(), HandlerError>> {
                panic!("the handler is wrong before it awaits anything")
            })
            .after("works", [Signal::TaskCreate], move |event| {
                told.lock().expect("nobody panicked").push(event);
                async { Ok(()) }
            })
    };
    let app = start(backend, |builder| builder.signals(bus)).await;
    create(&app, "Fails").await.expect("a task");
    let dead = "SELECT count(*) FROM task_management_outbox WHERE status = 'DEAD' AND attempts = 3 AND last_error IS NOT NULL";
    // Three attempts with pauses of milliseconds; each look at the outbox makes those that are due.
    for _ in 0..500 {
        app.module.deliver_due().await.expect("delivers");
        if app.count(dead) == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(app.count(dead), 3);
    assert_eq!(names(&told), [Signal::TaskCreate]);
    assert_eq!(app.count("SELECT count(*) FROM task_management_task WHERE source = 'Fails'"), 1);
}

#[apply(on_both)]
async fn later_events_of_a_task_wait_for_the_earlier_one(backend: Backend) {
    let told = seen();
    let first = Arc::new(Mutex::new(true));
    let bus = {
        let told = Arc::clone(&told);
        Signals::builder().after("told", Signal::ALL, move |event| {
            // The first delivery of all fails once.
            let fails = std::mem::take(&mut *first.lock().expect("nobody panicked"));
            if !fails {
                told.lock().expect("nobody panicked").push(event);
            }
            async move { if fails { Err("not yet".into()) } else { Ok(()) } }
        })
    };
    let app = start(backend, |builder| builder.signals(bus)).await;
    let task = create(&app, "Ordered").await.expect("a task");
    let admin = app.module.requester("admin").await.expect("an administrator");
    app.module.tasks().complete_task(&admin, task.id, TaskStatus::Failed, None).await.expect("is closed");
    for _ in 0..500 {
        app.module.deliver_due().await.expect("delivers");
        if told.lock().expect("nobody panicked").len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(names(&told), [Signal::TaskCreate, Signal::TaskComplete]);
}

/// Somebody says something about a task, says it differently, and takes it back.
async fn discuss(app: &TestApp, task: &str) {
    app.done("admin", "createTaskComment", json!({ "taskId": task, "text": "told" })).await;
    let comments = app.user("admin").await.rows("taskComment", "", "uuid").await;
    let comment = &comments[0]["uuid"];
    app.done("admin", "updateTaskComment", json!({ "id": comment, "text": "told twice" })).await;
    app.done("admin", "deleteTaskComment", json!({ "ids": [comment] })).await;
}

/// Somebody claims a task and gives it back.
async fn take_in_hand(app: &TestApp, group: &str, task: &str) {
    let marked = json!({ "id": group, "code": "BOTH", "completionPolicy": "ALL", "claimMode": "MARK" });
    app.done("admin", "updateTaskGroup", marked).await;
    app.done("exec2", "claimTask", json!({ "id": task })).await;
    app.done("exec2", "releaseTask", json!({ "id": task })).await;
}

/// A task becomes overdue, and a rule escalates it.
async fn become_late(app: &TestApp) {
    let rule = json!({ "at": "AFTER_OPEN", "offsetSeconds": 0, "action": "NOTIFY" });
    let late =
        json!({ "code": "LATE", "completionPolicy": "ANY", "taskSources": ["Late"], "escalations": [rule] });
    app.done("admin", "createTaskGroup", late).await;
    app.done("triage", "createTask", json!({ "source": "Late", "dueDate": "2999-01-01T00:00:00" })).await;
    app.run("UPDATE task_management_timer SET due = '2020-01-01 00:00:00'");
    app.module.deliver_due().await.expect("acts");
}

#[apply(on_both)]
async fn every_service_tells_before_within_and_after(backend: Backend) {
    let (before, within) = (seen(), seen());
    let mut bus = Signals::builder();
    for signal in Signal::ALL {
        let (before, within) = (Arc::clone(&before), Arc::clone(&within));
        bus = bus
            .before(signal, move |_, event| {
                before.lock().expect("nobody panicked").push(event.clone());
                Ok(())
            })
            .within(signal, move |_, event| {
                within.lock().expect("nobody panicked").push(event.clone());
                Ok(())
            });
    }
    let host = tasks_management::Host::default().action("errand", Arc::new(|_, _, _| Ok(())));
    let app = start(backend, |builder| builder.signals(bus).host(host)).await;
    let mut triage = app.user("triage").await;
    let user = |name: &'static str| {
        let module = app.module.clone();
        async move { module.requester(name).await.expect("a user") }
    };
    let (admin, exec4, exec5) = (user("admin").await, user("exec4").await, user("exec5").await);

    let group = json!({ "code": "TOLD", "completionPolicy": "ANY", "userIds": [exec4.id()], "taskSources": ["Told"] });
    assert_eq!(triage.mutate("createTaskGroup", group).await.0, 2);
    let found = triage.graphql(r#"{ taskGroup(code: "TOLD") { edges { node { uuid taskexecutorSet { edges { node { uuid } } } } } } }"#).await;
    let node = found.data("taskGroup")["edges"][0]["node"].clone();
    let executor: uuid::Uuid = node["taskexecutorSet"]["edges"][0]["node"]["uuid"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("an executor");
    app.module
        .task_executors()
        .update(&admin, executor, exec5.id())
        .await
        .expect("an executor changes hands");
    let errand = CreateTask {
        source: Some("Told".to_owned()),
        executor_action_event: Some("errand".to_owned()),
        ..CreateTask::default()
    };
    let errand = app.module.tasks().create(&admin, errand).await.expect("a task");
    app.module.tasks().execute_task(&exec5, errand.id).await.expect("is carried out");
    app.module.tasks().delete(&admin, vec![errand.id]).await.expect("is deleted");
    let task = create(&app, "Told").await.expect("a task");
    let vote = json!({ exec5.id().to_string(): "APPROVED" }).into();
    let vote = ResolveTask { id: task.id, business_status: vote, ..ResolveTask::default() };
    app.module.tasks().resolve_task(&exec5, vote).await.expect("is decided");
    let loose = create(&app, "Loose").await.expect("a task");
    let assign = json!({ "id": loose.id, "taskGroupId": node["uuid"], "status": "ACCEPTED" });
    assert_eq!(triage.mutate("updateTask", assign).await.0, 2);
    app.module.tasks().delete(&admin, vec![loose.id]).await.expect("is deleted");
    let change = json!({ "id": node["uuid"], "code": "TOLD-2", "completionPolicy": "ANY" });
    assert_eq!(triage.mutate("updateTaskGroup", change).await.0, 2);
    assert_eq!(triage.mutate("deleteTaskGroup", json!({ "ids": [node["uuid"]] })).await.0, 2);

    let both = app.group("BOTH", tasks_management::CompletionPolicy::All, &["exec1", "exec2"]).await;
    let task = app.task_in(&both).await;
    app.approve("exec1", &task).await;
    app.done("exec1", "withdrawTaskDecision", json!({ "id": task })).await;
    discuss(&app, &task).await;
    take_in_hand(&app, &both, &task).await;

    let steps = json!([{ "taskGroupId": app.group("ASKED", tasks_management::CompletionPolicy::Any, &["exec1"]).await }]);
    let flow = app.flow_of(json!({ "code": "TOLD", "steps": steps })).await;
    app.done("admin", "updateTaskFlow", json!({ "id": flow, "name": "Told" })).await;
    app.done("admin", "replaceTaskFlow", json!({ "id": flow, "steps": steps })).await;
    app.done("admin", "deleteTaskFlow", json!({ "ids": [flow] })).await;

    become_late(&app).await;

    for event in
        before.lock().expect("nobody panicked").iter().chain(within.lock().expect("nobody panicked").iter())
    {
        let data = event.data.as_object().expect("an object");
        assert!(data["v"] == 1 && data.contains_key("old") && data.contains_key("new"), "{}", event.signal);
        match event.signal.row_name() {
            "task" => drop((event.task().expect("a task"), event.old_task().expect("readable"))),
            "taskComment" => {
                drop((event.task_comment().expect("a comment"), event.old_task_comment().expect("readable")))
            }
            "taskGroup" => {
                drop((event.task_group().expect("a group"), event.old_task_group().expect("readable")))
            }
            "taskExecutor" => {
                drop((
                    event.task_executor().expect("an executor"),
                    event.old_task_executor().expect("readable"),
                ));
            }
            _ => drop((
                event.task_flow().expect("a flow"),
                event.old_task_flow().expect("readable"),
                event.task_flow_steps().expect("steps"),
            )),
        }
    }
    // That a run has failed is told once it has; `function_runs` tests that.
    for signal in Signal::ALL.into_iter().filter(|signal| *signal != Signal::FunctionFailed) {
        assert!(names(&before).contains(&signal), "nobody was asked before {signal}");
        assert!(names(&within).contains(&signal), "nobody was told within {signal}");
    }
}

/// Writes the deliveries anew as version 0.1 did: rows under their own names, the row before as `old`.
fn as_version_0_1(app: &TestApp) {
    app.run(match app.backend {
        Backend::Postgres => {
            "UPDATE task_management_outbox SET data = CASE WHEN signal = 'task_service.update' THEN data ELSE data - 'old' END \
             - 'v' - 'new'"
        }
        Backend::Sqlite => {
            "UPDATE task_management_outbox SET data = CASE WHEN signal = 'task_service.update' \
             THEN json_remove(data, '$.v', '$.new') ELSE json_remove(data, '$.v', '$.new', '$.old') END"
        }
    });
}

#[apply(on_both)]
async fn rows_that_a_process_of_version_0_1_left_are_understood_and_it_understands_ours(backend: Backend) {
    let (told, bus) = told_of(&Signal::ALL);
    let app = start(backend, |builder| builder.signals(bus)).await;
    let task = create(&app, "Older").await.expect("a task");
    app.done("triage", "updateTask", json!({ "id": task.id, "data": "{\"a\": 1}" })).await;
    app.done("triage", "updateTask", json!({ "id": task.id, "status": "FAILED" })).await;
    let row_under_its_name =
        "SELECT count(*) FROM task_management_outbox WHERE CAST(data AS text) LIKE '%\"task\":%'";
    assert_eq!(app.count(row_under_its_name), 3, "as version 0.1 looks for it");
    as_version_0_1(&app);
    assert_eq!(
        app.count("SELECT count(*) FROM task_management_outbox WHERE CAST(data AS text) LIKE '%\"new\":%'"),
        0
    );
    let shown = app.user("admin").await.rows("taskEvents", "", "signal data").await;
    for event in shown {
        let data = crate::support::scenario::parsed(&event["data"]);
        assert_eq!((&data["v"], &data["new"]["id"]), (&json!(1), &json!(task.id)), "{event}");
    }
    assert_eq!(app.module.deliver_due().await.expect("delivers"), 3);
    let told = told.lock().expect("nobody panicked").clone();
    assert_eq!(told[0].task().expect("a task").id, task.id);
    assert_eq!(told[0].old_task().expect("readable"), None);
    assert_eq!(told[1].task().expect("a task").data, json!({ "a": 1 }));
    assert_eq!(told[1].old_task().expect("readable").expect("a task").data, json!({}));
    assert_eq!(told[2].decision().expect("readable").expect("a decision").result, TaskStatus::Failed);
    assert_eq!(told[2].task().expect("a task").status, TaskStatus::Failed);
}
