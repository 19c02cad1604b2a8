//! What carries a decision out, as the desk shows it on the task.

use std::sync::Arc;

use serde_json::json;
use tasks_management::CompletionPolicy::Any;
use tasks_management::FunctionError;
use tokio::sync::Semaphore;

use super::world::{World, amount};
use crate::support::Backend;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decided_task_shows_the_runs_that_carry_it_out() {
    let till = Arc::new(Semaphore::new(0));
    let opens = Arc::clone(&till);
    let world = World::start_made(
        Backend::Sqlite,
        (1_400, 900),
        |_| {},
        move |builder| {
            builder.function("pay", move |call| {
                let till = Arc::clone(&till);
                async move {
                    // The till opens later.
                    let _open = till.acquire().await;
                    if call.data["task"]["data"]["incoming_data"]["amount"] == json!(120) {
                        Ok(json!({ "paid": 120 }).into())
                    } else {
                        Err(FunctionError::new("noMoney", "the till is empty"))
                    }
                }
            })
        },
    )
    .await;
    let app = &world.app;
    app.done("admin", "createTaskFunction", json!({ "name": "pay", "kind": "HANDLER" })).await;
    let group = app.group("DESK", Any, &["exec5"]).await;
    let names = json!({ "id": group, "code": "DESK", "completionPolicy": "ANY", "onCompleted": "pay" });
    app.done("admin", "updateTaskGroup", names).await;
    for (name, proposed) in [("A visit", 120), ("A loan", 999)] {
        let task = world.task(&group, name, amount(100, proposed)).await;
        assert_eq!(app.vote("exec5", &task, json!("APPROVED")).await, "ok");
    }
    let browser = &world.browser;
    world.log_in("exec5");
    world.open("?list=all&source=DeskService&status=COMPLETED");
    world.open_task("A visit");
    browser.sees("What was done then");
    browser.sees("Is being done · pay");
    opens.add_permits(2);
    // The reader does nothing.
    browser.sees("Done · pay");
    // The words of a function are for those who may see runs.
    world.open_task("A loan");
    browser.sees("Failed · pay");
    assert!(!browser.text("article").contains("the till is empty"), "{}", browser.text("article"));
    browser.click("button", "Log out");
    world.log_in_here("admin");
    browser.wait("document.querySelector('.head') ? true : false");
    world.open("?list=all&source=DeskService&status=COMPLETED");
    world.open_task("A loan");
    browser.sees("the till is empty");
    world.open_task("A visit");
    browser.sees("{\"paid\":120}");
}
