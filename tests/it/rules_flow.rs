//! The rules of approval flows: versions, binding, moving on, and what is refused while tasks are under way.

use serde_json::json;
use tasks_management::CompletionPolicy::{All, Any};

use crate::support::{TestApp, on_both};

fn place(status: &str, order: impl Into<Option<i64>>, groups: &[&str]) -> (String, Option<i64>, Vec<String>) {
    (status.to_owned(), order.into(), groups.iter().map(|&group| group.to_owned()).collect())
}

on_both! {
    async fn a_task_goes_through_the_steps_in_their_order_and_the_last_one_completes_it(app: TestApp) {
        let one = app.group("DISTRICT", Any, &["exec1"]).await;
        let two = app.group("SUPERVISORS", All, &["exec2", "exec3"]).await;
        let three = app.group("MINISTRY", Any, &["exec4"]).await;
        let flow = app.flow("LAYERS", &[&one, &two, &three]).await;
        let task = app.task_on(&flow).await;
        assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["DISTRICT"]));
        assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "NOT_FOUND", "not asked yet");
        assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["SUPERVISORS"]));
        assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "NOT_FOUND", "asked no more");
        assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["SUPERVISORS"]));
        assert_eq!(app.vote("exec3", &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.place(&task).await, place("ACCEPTED", 3, &["MINISTRY"]));
        assert_eq!(app.vote("exec4", &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.place(&task).await, place("COMPLETED", 3, &[]), "the current step stays");
    }

    async fn parallel_steps_must_all_pass_before_the_flow_moves_on(app: TestApp) {
        let one = app.group("HEALTH", Any, &["exec1"]).await;
        let two = app.group("FINANCE", Any, &["exec2"]).await;
        let three = app.group("BOARD", Any, &["exec3"]).await;
        let flow = app.flow_of(json!({ "code": "BOTH", "steps": [
            { "taskGroupId": one, "order": 1 }, { "taskGroupId": two, "order": 1 }, { "taskGroupId": three },
        ]})).await;
        let task = app.task_on(&flow).await;
        assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["HEALTH", "FINANCE"]));
        assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.place(&task).await, place("ACCEPTED", 1, &["FINANCE"]));
        assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
        assert_eq!(app.place(&task).await, place("ACCEPTED", 2, &["BOARD"]));
    }
}
