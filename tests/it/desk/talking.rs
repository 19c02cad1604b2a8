//! The discussion of a task.

use serde_json::json;
use tasks_management::CompletionPolicy::All;
use tasks_management::CreateTaskComment;

use super::world::{World, amount};
use crate::support::Backend;
use crate::support::scenario::key;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_of_the_task_are_told_of_a_comment() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec4", "exec5"]).await;
    let task = world.task(&group, "A visit", amount(1, 2)).await;
    world.log_in("exec5");
    world.open_task("A visit");
    let browser = &world.browser;
    browser.press("c");
    browser.type_text("Who was there?");
    let people = browser.wait("document.querySelector('.mentions')?.innerText ?? false");
    let people = people.as_str().expect("a text");
    assert!(people.contains("Ada Administrator") && !people.contains("Exe5"), "{people}");
    browser.click(".mentions label", "Exe4");
    // Who is to be told is kept with what is typed.
    world.open(&format!("?task={task}"));
    browser.wait("document.querySelector('.mentions input:checked') ? true : false");
    browser.click("button", "Send");
    browser.sees("Your comment is there.");
    browser.sees("to Exe4 Executor4");
    let told = async || {
        let mut admin = world.app.user("admin").await;
        admin.rows("taskComment", &format!("(taskId: \"{task}\")"), "text mentions { username }").await
    };
    assert_eq!(told().await, [json!({ "text": "Who was there?", "mentions": [{ "username": "exec4" }] })]);
    browser.click(".comments button", "Change");
    browser.click(".comments label", "Exe4");
    browser.fill(".comments textarea", " And when?");
    browser.click(".comments button", "Save");
    browser.sees("Who was there? And when?");
    browser.wait("!document.querySelector('.comments').innerText.includes('to Exe4')");
    assert_eq!(told().await, [json!({ "text": "Who was there? And when?", "mentions": [] })]);
    browser.click(".comments button", "Delete");
    browser.sees("Your comment is deleted.");
    assert!(told().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_discussion_comes_page_by_page_from_its_end() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec5"]).await;
    let task = world.task(&group, "Much talked about", amount(1, 2)).await;
    let admin = world.app.module.requester("admin").await.expect("an administrator");
    for number in 1..=130 {
        let comment =
            CreateTaskComment { task_id: key(&task), text: format!("Word {number}."), mentions: Vec::new() };
        world.app.module.task_comments().create(&admin, comment).await.expect("a comment");
    }
    world.log_in("exec5");
    world.open_task("Much talked about");
    let browser = &world.browser;
    browser.wait("document.querySelectorAll('.comments > li').length === 100");
    browser.sees("Word 130.");
    browser.sees_no("Word 30.");
    browser.click("button", "Earlier comments");
    browser.wait("document.querySelectorAll('.comments > li').length === 130");
    assert!(browser.text(".comments > li").contains("Word 1."), "{}", browser.text(".comments > li"));
    browser.sees_no("Earlier comments");
}
