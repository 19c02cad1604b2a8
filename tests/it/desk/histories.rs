//! The history of a task as the desk shows it.

use serde_json::json;
use tasks_management::CompletionPolicy::Any;

use super::world::{World, amount};
use crate::support::Backend;

/// What the versions say, the newest first.
const VERSIONS: &str = "[...document.querySelectorAll('.timeline > li')].map((item) => item.innerText)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_names_what_it_changed() {
    let world = World::start(Backend::Sqlite).await;
    world.app.add_maker().await;
    let first = world.app.group("FIRST", Any, &["exec5"]).await;
    let second = world.app.group("SECOND", Any, &["exec5"]).await;
    let task = world.task(&first, "A household", amount(100, 120)).await;
    for change in [
        json!({ "priority": 90 }),
        json!({ "dueDate": "2999-01-12T08:00:00" }),
        json!({ "followUpDate": "2998-01-12T08:00:00" }),
        json!({ "taskGroupId": second }),
    ] {
        let mut input = json!({ "id": task });
        input.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        world.app.done("admin", "updateTask", input).await;
    }
    assert_eq!(world.app.propose("admin", &task, amount(100, 999)).await, "ok");
    assert_eq!(world.app.vote("exec5", &task, json!("FAILED")).await, "ok");
    world.log_in("exec5");
    let browser = &world.browser;
    world.open("?list=all&source=DeskService");
    world.open_task("A household");
    browser.click("button", "History");
    browser.wait("document.querySelectorAll('.timeline > li').length > 6");
    let shown = browser.script(&format!("return {VERSIONS}"), json!([]));
    let versions: Vec<&str> =
        shown.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text")).collect();
    let (oldest, later) = versions.split_last().expect("versions");
    assert!(oldest.contains("Proposed"), "{oldest}");
    for text in later {
        assert!(text.lines().count() > 1 && !text.contains("Nothing that is shown"), "{text}: {versions:#?}");
    }
    for said in [
        "Priority: Usual (50) → Most urgent (90)",
        "Due: none → Jan 12, 2999",
        "Look again on: none → Jan 12, 2998",
        "Group: FIRST → SECOND",
        "The proposal changed.",
        "Exe5 Executor5: Rejected",
        "→ Rejected",
    ] {
        assert!(later.iter().any(|text| text.contains(said)), "{said}: {versions:#?}");
    }
    // What the proposal was before is compared with what it is then.
    browser.click(".timeline button", "Compare with the version before");
    browser.wait("document.querySelector('.timeline .comparison') ? true : false");
    let compared = browser.text(".timeline .comparison");
    assert!(compared.contains("120") && compared.contains("999"), "{compared}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_of_a_task_in_a_flow_names_its_steps() {
    let world = World::start(Backend::Sqlite).await;
    let first = world.app.group("FIRST", Any, &["exec5"]).await;
    let second = world.app.group("SECOND", Any, &["exec4", "exec5"]).await;
    let steps = json!([{ "taskGroupId": first }, { "taskGroupId": second }]);
    world.app.flow_of(json!({ "code": "TWO", "taskSources": ["TwoSteps"], "steps": steps })).await;
    let input = tasks_management::CreateTask {
        source: Some("TwoSteps".to_owned()),
        entity_string: Some("In two steps".to_owned()),
        data: Some(amount(1, 2).into()),
        ..tasks_management::CreateTask::default()
    };
    let task = world.app.task(input).await;
    assert_eq!(world.app.vote("exec5", &task, json!("APPROVED")).await, "ok");
    world.log_in("exec5");
    let browser = &world.browser;
    world.open("?list=all&source=TwoSteps");
    world.open_task("In two steps");
    browser.click("button", "History");
    browser.sees("Step 2: SECOND is asked");
    browser.sees("Exe5 Executor5: Approved");
    browser.click("button", "Français");
    browser.sees("Étape 2 : SECOND est consulté");
}
