//! Deciding, alone and together with others, when all goes well and when it does not.

use serde_json::json;
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::CreateTask;

use super::browser::ENTER;
use super::world::{HERE, World, amount};
use crate::support::scenario::user_id;
use crate::support::{Backend, apply, on_both};

const SHOWN: &str = "document.querySelector('article h1')?.innerText";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_decided_by_keys_alone_and_the_next_one_opens() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec5"]).await;
    let first = world.task(&group, "The first", amount(100, 120)).await;
    let second = world.task(&group, "The second", amount(100, 140)).await;
    world.log_in("exec5");
    let browser = &world.browser;
    browser.wait("document.querySelectorAll('.row').length >= 2");
    browser.click(".row a", "The first");
    browser.wait(&format!("{SHOWN} === 'The first'"));
    browser.press("a");
    browser.wait("document.activeElement?.textContent === 'Approve it'");
    browser.press(ENTER);
    browser.wait(&format!("{SHOWN} === 'The second'"));
    assert_eq!(world.app.status(&first).await, "COMPLETED");
    browser.press("r");
    browser.wait("document.activeElement?.tagName === 'TEXTAREA'");
    browser.type_text("The amount is wrong.");
    browser.click("button", "Reject it");
    browser.sees("You rejected: The second");
    assert_eq!(world.app.status(&second).await, "FAILED");
    let reasons = world
        .app
        .user("admin")
        .await
        .rows("taskDecision", &format!("(taskId: \"{second}\")"), "comment")
        .await;
    assert_eq!(reasons[0]["comment"], "The amount is wrong.");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[apply(on_both)]
async fn several_are_decided_at_once_with_an_outcome_for_each(backend: Backend) {
    let world = World::start(backend).await;
    let group = world.app.group("DESK", Any, &["exec4", "exec5"]).await;
    let mut tasks = Vec::new();
    for name in ["One", "Two", "Three"] {
        tasks.push(world.task(&group, name, amount(1, 2)).await);
    }
    world.log_in("exec5");
    let browser = &world.browser;
    browser.wait("document.querySelectorAll('.row').length >= 3");
    browser.click("label", "Select all");
    browser.click(".bar button", "Approve");
    browser.sees("This applies to 3 tasks:");
    // Somebody else is faster with one of them.
    assert_eq!(world.app.vote("exec4", &tasks[1], json!("APPROVED")).await, "ok");
    browser.click("dialog button", "Approve");
    browser.sees("2 are done.");
    browser.sees("1 was refused.");
    let outcomes = browser.text(".outcomes");
    assert!(outcomes.contains("Refused: Two") && outcomes.contains("Done: Three"), "{outcomes}");
    assert_eq!(world.app.status(&tasks[0]).await, "COMPLETED");
}

#[apply(on_both)]
async fn whoever_meets_a_changed_proposal_sees_what_has_changed_and_keeps_what_was_typed(backend: Backend) {
    let world = World::start(backend).await;
    world.app.add_maker().await;
    let group = world.app.group("DESK", All, &["exec4", "exec5"]).await;
    let task = world.task(&group, "A household", amount(100, 120)).await;
    world.log_in("exec5");
    world.open_task("A household");
    let browser = &world.browser;
    browser.press("r");
    browser.fill(".confirm textarea", "It is too much.");
    assert_eq!(world.app.propose("admin", &task, amount(100, 999)).await, "ok");
    browser.click("button", "Reject it");
    browser.sees("The proposal has changed since you looked at it");
    browser.sees("999");
    assert_eq!(world.app.status(&task).await, "ACCEPTED");
    browser.wait("document.querySelector('.confirm textarea').value === 'It is too much.'");
    browser.click("button", "Reject it");
    browser.sees("You rejected: A household");
    assert_eq!(world.app.status(&task).await, "FAILED");
}

#[apply(on_both)]
async fn who_comes_second_is_told_that_somebody_was_faster(backend: Backend) {
    let world = World::start(backend).await;
    let group = world.app.group("DESK", Any, &["exec4", "exec5"]).await;
    let task = world.task(&group, "A payment", amount(1, 2)).await;
    world.log_in("exec5");
    world.open_task("A payment");
    world.browser.press("a");
    world.browser.wait("document.activeElement?.textContent === 'Approve it'");
    assert_eq!(world.app.vote("exec4", &task, json!("FAILED")).await, "ok");
    world.browser.press(ENTER);
    world.browser.sees("Somebody was faster");
    world.browser.sees("It was rejected by Exe4 Executor4.");
    assert_eq!(world.app.status(&task).await, "FAILED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_loses_nothing_that_was_typed() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec5"]).await;
    let task = world.task(&group, "A visit", amount(1, 2)).await;
    world.log_in("exec5");
    world.open_task("A visit");
    let browser = &world.browser;
    browser.press("c");
    browser.type_text("Who was there?");
    browser.devtools("Network.clearBrowserCookies", json!({}));
    // By a script: when the desk looks for changes at this moment, its dialog is there before the click.
    browser.script(
        "[...document.querySelectorAll('button')].find((button) => button.textContent.trim() === 'Send').click()",
        json!([]),
    );
    browser.sees("Your session has ended. Nothing of what you have typed is lost.");
    world.log_in_here("exec5");
    browser.sees("Your comment is there.");
    let comments =
        world.app.user("admin").await.rows("taskComment", &format!("(taskId: \"{task}\")"), "text").await;
    assert_eq!(comments, [json!({ "text": "Who was there?" })]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_reach_the_server_is_done_once_when_it_is_sent_again() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec4", "exec5"]).await;
    let task = world.task(&group, "A claim", amount(1, 2)).await;
    world.log_in("exec5");
    world.open_task("A claim");
    let browser = &world.browser;
    browser.press("a");
    browser.wait("document.activeElement?.textContent === 'Approve it'");
    browser.set_network(false);
    browser.press(ENTER);
    browser.sees("The server could not be reached. Nothing is lost");
    browser.sees("The server can't be reached.");
    browser.set_network(true);
    browser.click("button", "Approve it");
    browser.sees("You approved: A claim");
    browser.sees_no("The server can't be reached.");
    let status = world.app.task_row(&task).await["businessStatus"].clone();
    assert_eq!(status, json!({ user_id("exec5"): "APPROVED" }).to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_although_its_answer_was_lost_is_not_done_twice() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec4", "exec5"]).await;
    let task = world.task(&group, "A claim", amount(1, 2)).await;
    world.log_in("exec5");
    world.open_task("A claim");
    let browser = &world.browser;
    browser.press("c");
    browser.type_text("Said once.");
    let lose = "const real = fetch; window.fetch = async (...given) => { const answer = await real(...given); \
                if (!given[1]?.body?.includes('createTaskComment') || window.lost) return answer; \
                window.lost = true; throw new TypeError('the answer is lost'); }";
    browser.script(lose, json!([]));
    browser.click("button", "Send");
    browser.sees("The server could not be reached. Nothing is lost");
    browser.click("button", "Send");
    browser.sees("Your comment is there.");
    let comments =
        world.app.user("admin").await.rows("taskComment", &format!("(taskId: \"{task}\")"), "text").await;
    assert_eq!(comments, [json!({ "text": "Said once." })]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_decided_one_by_one() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec5"]).await;
    let steps = json!([{ "taskGroupId": group }]);
    world
        .app
        .flow_of(json!({ "code": "IMPORTS", "taskSources": ["import_valid_items"], "steps": steps }))
        .await;
    let record = |at: u32| json!({ "id": format!("R{at}"), "name": format!("Record {at}") });
    let input = CreateTask {
        source: Some("import_valid_items".to_owned()),
        entity_string: Some("An import".to_owned()),
        data: Some(json!({ "records": (1..=200).map(record).collect::<Vec<_>>() }).into()),
        ..CreateTask::default()
    };
    let task = world.app.task(input).await;
    world.log_in("exec5");
    world.open("?source=import_valid_items");
    world.open_task("An import");
    let browser = &world.browser;
    browser.wait("document.querySelectorAll('.record-list > li').length === 200");
    browser.click(".record-list label", "Reject");
    browser.click(".bar button", "Accept the rest");
    browser.sees("199 to accept, 1 to reject");
    // What is chosen is kept like what is typed.
    browser.open("about:blank");
    world.open(&format!("?source=import_valid_items&task={task}"));
    browser.sees("199 to accept, 1 to reject");
    browser.click("button", "Send these decisions");
    browser.sees("Your decisions are counted: An import");
    let count = |verdict: &str| {
        world.app.count(&format!("SELECT count(*) AS number FROM task_management_taskdecision WHERE task_id = '{task}' AND verdict = '{verdict}'"))
    };
    assert_eq!((count("ACCEPT"), count("REJECT")), (199, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_that_has_ended_is_renewed_without_a_word() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec5"]).await;
    let task = world.task(&group, "A visit", amount(1, 2)).await;
    world.log_in("exec5");
    world.open_task("A visit");
    let browser = &world.browser;
    let end = || browser.devtools("Network.deleteCookies", json!({ "name": "JWT", "url": world.address }));
    end();
    browser.press("a");
    browser.wait("document.activeElement?.textContent === 'Approve it'");
    browser.press(ENTER);
    browser.sees("You approved: A visit");
    assert_eq!(world.app.status(&task).await, "COMPLETED");
    // A page that is opened again goes on, too, until its reader logs out.
    end();
    world.open(HERE);
    browser.sees("Log out");
    browser.sees("No task matches the search and the filters.");
    browser.click("button", "Log out");
    browser.sees("Password");
    world.open(HERE);
    browser.sees("Password");
    browser.fill("input[name=username]", "exec5");
    browser.fill("input[name=password]", "another one");
    browser.click("button", "Log in");
    browser.sees("The name or the password is wrong.");
}
