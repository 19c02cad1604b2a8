//! Signals of approval flows: who may refuse, who may undo, and what handlers are told.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::Signal::{TaskFlowCreate, TaskFlowDelete, TaskFlowReplace, TaskFlowUpdate, TaskUpdate};
use tasks_management::{Error, ErrorCode, Event, Message, Signals};

use crate::support::{TestApp, apply, on_both};

/// The mutations that tell, on this flow.
fn mutations(flow: &str, group: &str) -> [(&'static str, Value); 4] {
    let steps = json!([{ "taskGroupId": group }]);
    [
        ("createTaskFlow", json!({ "code": "NEW", "taskSources": ["new"], "steps": steps })),
        ("updateTaskFlow", json!({ "id": flow, "name": "new" })),
        ("replaceTaskFlow", json!({ "id": flow, "steps": steps })),
        ("deleteTaskFlow", json!({ "ids": [flow] })),
    ]
}

const ALL: [tasks_management::Signal; 4] = [TaskFlowCreate, TaskFlowUpdate, TaskFlowReplace, TaskFlowDelete];

async fn one_flow(app: &TestApp) -> (String, String) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    (app.flow("FLOW", &[&group]).await, group)
}

#[apply(on_both)]
async fn before_refuses_with_an_error_that_the_caller_sees(app: TestApp) {
    let (flow, group) = one_flow(&app).await;
    let mut bus = Signals::builder();
    for signal in ALL {
        bus = bus.before(signal, |_, _| Err(Error::new(ErrorCode::Conflict, Message::new("code-taken"))));
    }
    let strict = app.another_process_with(|_| {}, |builder| builder.signals(bus));
    for (mutation, input) in mutations(&flow, &group) {
        assert_eq!(strict.refused("admin", mutation, input).await, "CONFLICT", "{mutation}");
    }
    let row = app.flow_row(&flow).await;
    assert_eq!((&row["version"], &row["replacementUuid"]), (&json!(1), &Value::Null));
}

#[apply(on_both)]
async fn within_rolls_back_all_that_was_written(app: TestApp) {
    let (flow, group) = one_flow(&app).await;
    let mut bus = Signals::builder().after("told", ALL, |_| async { Ok(()) });
    for signal in ALL {
        bus = bus.within(signal, |_, _| Err(Error::internal("the handler fails")));
    }
    let strict = app.another_process_with(|_| {}, |builder| builder.signals(bus));
    for (mutation, input) in mutations(&flow, &group) {
        assert_eq!(strict.refused("admin", mutation, input).await, "INTERNAL", "{mutation}");
    }
    let row = app.flow_row(&flow).await;
    assert_eq!((&row["version"], &row["replacementUuid"]), (&json!(1), &Value::Null));
}

#[apply(on_both)]
async fn every_change_of_a_flow_is_told_with_what_it_was_and_is(app: TestApp) {
    let told: Arc<Mutex<Vec<Event>>> = Arc::default();
    let mut bus = Signals::builder();
    for signal in ALL {
        let told = Arc::clone(&told);
        bus = bus.within(signal, move |_, event| {
            told.lock().expect("nobody panicked").push(event.clone());
            Ok(())
        });
    }
    let app = app.another_process_with(|_| {}, |builder| builder.signals(bus));
    let (flow, group) = one_flow(&app).await;
    app.done("admin", "updateTaskFlow", json!({ "id": flow, "name": "new" })).await;
    app.done("admin", "updateTaskFlow", json!({ "id": flow, "name": "new" })).await;
    let head = app.replace_flow(&flow, &[&group]).await;
    app.done("admin", "deleteTaskFlow", json!({ "ids": [flow] })).await;
    let told = told.lock().expect("nobody panicked").clone();
    let names: Vec<&str> = told.iter().map(|event| event.signal.as_str()).collect();
    let expected = [
        "task_flow_service.create",
        "task_flow_service.update",
        "task_flow_service.replace",
        "task_flow_service.delete",
    ];
    assert_eq!(names, expected, "what changes nothing is not told");
    let entities: Vec<String> = told.iter().map(|event| event.entity_id.to_string()).collect();
    assert_eq!(entities, [&flow, &flow, &flow, &head].map(String::clone));
    let data: Vec<Value> = told.iter().map(|event| event.data.to_value()).collect();
    assert_eq!(
        (&data[0]["new"]["code"], &data[0]["steps"][0]["taskGroupId"]),
        (&json!("FLOW"), &json!(group))
    );
    assert_eq!((&data[1]["old"]["name"], &data[1]["new"]["name"]), (&Value::Null, &json!("new")));
    assert_eq!((&data[2]["old"]["replacementUuid"], &data[2]["new"]["id"]), (&json!(head), &json!(head)));
}

#[apply(on_both)]
async fn moving_on_is_told_as_an_update_of_the_task_which_handlers_may_refuse(app: TestApp) {
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let flow = app.flow("FLOW", &[&one, &two]).await;
    let task = app.task_on(&flow).await;
    let bus = Signals::builder().before(TaskUpdate, |_, event| {
        let moves = event.old_task()?.and_then(|task| task.current_step_id) != event.task()?.current_step_id;
        if moves { Err(Error::new(ErrorCode::Conflict, Message::new("code-taken"))) } else { Ok(()) }
    });
    let strict = app.another_process_with(|_| {}, |builder| builder.signals(bus));
    let status = json!({ crate::support::scenario::user_id("exec1"): "APPROVED" }).to_string();
    let vote = json!({ "id": task, "businessStatus": status });
    assert_eq!(strict.refused("exec1", "resolveTask", vote).await, "CONFLICT");
    app.approve("exec1", &task).await;
    assert_eq!(app.place(&task).await.1, Some(2));
}
