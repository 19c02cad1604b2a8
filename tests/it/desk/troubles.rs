//! What people see where there is nothing to see, or where the server is slow or away.

use serde_json::json;
use tasks_management::CompletionPolicy::All;

use super::browser::ENTER;
use super::world::{World, amount};
use crate::support::Backend;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_see_nothing_is_told_so_on_every_page() {
    let world = World::start(Backend::Sqlite).await;
    world.open("");
    world.log_in_here("norights");
    let browser = &world.browser;
    browser.wait("document.querySelector('.head') ? true : false");
    for list in ["awaiting", "claimed", "mine", "all", "overview", "groups", "deliveries"] {
        world.open(&format!("?list={list}"));
        browser.sees("You have no right to see this. Ask somebody who administers rights.");
    }
    world.open("?list=all&task=00000000-0000-4000-8000-000000000000");
    browser.sees("You have no right to see this.");
    // Nothing is offered that leads nowhere.
    assert!(!browser.text("nav").contains("Triage"), "{}", browser.text("nav"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_list_says_so_and_where_there_is_something() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec5"]).await;
    world.task(&group, "A visit", amount(1, 2)).await;
    world.log_in("exec5");
    let browser = &world.browser;
    world.open("?list=claimed");
    browser.sees("You have taken no task.");
    browser.click(".empty a", "Waiting for me");
    browser.sees("A visit");
    browser.fill("input[type=search]", "nobody is called so");
    browser.sees("No task matches the search and the filters.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server_is_said_to_be_slow_and_nothing_is_done_twice() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec4", "exec5"]).await;
    let task = world.task(&group, "A claim", amount(1, 2)).await;
    world.log_in("exec5");
    world.open_task("A claim");
    let browser = &world.browser;
    let slow = "const real = fetch; \
                window.fetch = async (...given) => { await new Promise((resolve) => setTimeout(resolve, 5000)); return real(...given); }";
    browser.script(slow, json!([]));
    browser.press("c");
    browser.type_text("Said once.");
    browser.click("article form button", "Send");
    browser.sees("The server takes its time.");
    // An impatient reader presses again.
    browser.script("[...document.querySelectorAll('article form button')].at(-1).click()", json!([]));
    browser.press(ENTER);
    browser.sees("Your comment is there.");
    browser.sees_no("The server takes its time.");
    let comments =
        world.app.user("admin").await.rows("taskComment", &format!("(taskId: \"{task}\")"), "text").await;
    assert_eq!(comments, [json!({ "text": "Said once." })]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_meets_no_server_says_so_and_comes_back_with_it() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec5"]).await;
    world.task(&group, "A visit", amount(1, 2)).await;
    world.log_in("exec5");
    let browser = &world.browser;
    browser.sees("A visit");
    browser.set_network(false);
    // What was not asked for before: lists that one points at are.
    browser.fill("input[type=search]", "A visit");
    browser.sees("The server could not be reached.");
    browser.set_network(true);
    browser.click("button", "Try again");
    browser.sees("A visit");
    browser.sees_no("The server could not be reached.");
}
