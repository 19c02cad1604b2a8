//! Following what others do: told by the server, or else by asking again.

use serde_json::json;
use tasks_management::CompletionPolicy::Any;

use super::world::{World, amount};
use crate::support::{Backend, apply, on_both, until};

/// Whether the page is told of changes. Then it asks by itself every two minutes only, which is longer than any test waits.
const IS_TOLD: &str = "document.documentElement.dataset.live === 'told'";

/// Somebody else decides on one of two tasks, and a third one comes, when the page is told of it or is not.
async fn others_work(world: &World, is_told: bool) {
    let group = world.app.group("DESK", Any, &["exec4", "exec5"]).await;
    let task = world.task(&group, "Soon gone", amount(1, 2)).await;
    world.task(&group, "Still there", amount(1, 2)).await;
    world.log_in("exec5");
    world.browser.sees("Soon gone");
    if is_told {
        world.browser.wait(IS_TOLD);
    }
    world.task(&group, "Just come", amount(1, 2)).await;
    assert_eq!(world.app.vote("exec4", &task, json!("APPROVED")).await, "ok");
}

/// The row that has gone is still to be seen, and is told to those who listen.
async fn sees_what_has_gone(world: &World) {
    let browser = &world.browser;
    browser.sees("Just come");
    browser.wait("document.querySelector('.row.gone')?.innerText.includes('Soon gone') ?? false");
    assert!(browser.text(".row.gone").contains("no longer in this list"), "{}", browser.text(".row.gone"));
    until("the gone row is told to those who listen", || {
        browser.text("[role=status]").contains("One task has left the list.")
    })
    .await;
    // It goes by itself, and the others stay.
    browser.wait("!document.querySelector('.row.gone')");
    let titles = browser.text(".rows");
    assert!(titles.contains("Still there") && !titles.contains("Soon gone"), "{titles}");
}

#[apply(on_both)]
async fn what_others_do_is_told_without_a_reload_and_rows_go_gently(backend: Backend) {
    let world = World::start(backend).await;
    others_work(&world, true).await;
    sees_what_has_gone(&world).await;
}

#[apply(on_both)]
async fn an_open_task_follows_what_others_do_with_it(backend: Backend) {
    let world = World::start(backend).await;
    let group = world.app.group("DESK", Any, &["exec4", "exec5"]).await;
    let task = world.task(&group, "A household", amount(1, 2)).await;
    world.log_in("exec5");
    world.open_task("A household");
    let browser = &world.browser;
    browser.sees("It waits for 1 more approval, by you or Exe4 Executor4.");
    browser.wait(IS_TOLD);
    browser.press("c");
    browser.type_text("I have typed th");
    assert_eq!(world.app.vote("exec4", &task, json!("FAILED")).await, "ok");
    browser.sees("It was rejected by Exe4 Executor4.");
    // What is being typed stays, with the focus where it is.
    browser.type_text("is.");
    browser.wait("document.activeElement.value === 'I have typed this.'");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gets_no_socket_asks_again_from_time_to_time() {
    let world = World::start_with(Backend::Sqlite, (1_400, 900), |settings| {
        settings.subscriptions.connections_per_user = 1;
    })
    .await;
    // Another page of the same person has the only connection that a person may have.
    let served = world.served.as_ref().expect("a server");
    let mut elsewhere = served.listen(&world.app, "exec5").await;
    elsewhere.listen("");
    others_work(&world, false).await;
    sees_what_has_gone(&world).await;
    let follows = world.browser.script("return document.documentElement.dataset.live", json!([]));
    assert_eq!(follows, "asked");
}
