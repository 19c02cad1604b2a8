//! Who works on a task: taking the next one, giving it back, handing it to others, and what else triage does with it.

use serde_json::json;
use tasks_management::CompletionPolicy::All;
use tasks_management::CreateTask;

use super::world::{World, amount};
use crate::support::Backend;
use crate::support::scenario::{key, user_id};

const SHOWN: &str = "document.querySelector('article h1')?.innerText";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_task_is_taken_by_a_key_and_given_back() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.taking_group("DESK", &["exec4", "exec5"]).await;
    let first = world.task(&group, "The first", amount(1, 2)).await;
    let urgent = CreateTask {
        source: Some("DeskService".to_owned()),
        entity_string: Some("The urgent one".to_owned()),
        task_group_id: Some(key(&group)),
        priority: Some(90),
        ..CreateTask::default()
    };
    let urgent = world.app.task(urgent).await;
    world.log_in("exec5");
    let browser = &world.browser;
    browser.wait("document.querySelector('[aria-keyshortcuts=n]') ? true : false");
    browser.press("n");
    browser.wait(&format!("{SHOWN} === 'The urgent one'"));
    browser.sees("You have taken: The urgent one");
    assert_eq!(world.holders(&urgent).await, ["exec5"]);
    browser.click(".decide button", "Give back");
    browser.sees("Given back: The urgent one");
    assert!(world.holders(&urgent).await.is_empty());
    // Others see who works on it.
    browser.click(".decide button", "Take");
    browser.sees("You have taken: The urgent one");
    browser.click("button", "Log out");
    world.log_in_here("exec4");
    browser.sees("taken by Exe5 Executor5");
    world.open_task("The urgent one");
    browser.sees("Taken by Exe5 Executor5.");
    assert!(world.holders(&first).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_taken_a_task_says_when_it_is_due_and_nothing_else() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.taking_group("DESK", &["exec4", "exec5"]).await;
    let task = world.task(&group, "A visit", amount(1, 2)).await;
    world.log_in("exec5");
    world.open_task("A visit");
    let browser = &world.browser;
    assert!(!browser.text(".decide").contains("Set dates"), "{}", browser.text(".decide"));
    browser.click(".decide button", "Take");
    browser.click(".decide button", "Set dates");
    browser.wait("document.querySelector('dialog input[name=due]') ? true : false");
    browser.wait("!document.querySelector('dialog [name=priority], dialog select')");
    // A date that the server refuses is explained where it was typed, and stays there.
    let set = "document.querySelector('dialog input[name=due]').value = arguments[0]";
    browser.script(set, json!(["2020-01-31T10:00"]));
    browser.click("dialog button", "Save");
    browser.wait("document.querySelector('dialog [role=alert]')?.innerText.length > 10");
    browser.wait("document.querySelector('dialog input[name=due]').value === '2020-01-31T10:00'");
    browser.script(set, json!(["2999-01-31T10:00"]));
    browser.click("dialog button", "Save");
    browser.sees("It is saved.");
    browser.sees("Jan 31, 2999");
    let due = world.app.user("admin").await.rows("task", &format!("(id: \"{task}\")"), "dueDate").await;
    assert!(due[0]["dueDate"].as_str().expect("a date").starts_with("2999-01-31"), "{due:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triage_hands_one_task_and_several_to_people() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.taking_group("DESK", &["exec4", "exec5"]).await;
    let tasks = [
        world.task(&group, "One", amount(1, 2)).await,
        world.task(&group, "Two", amount(1, 2)).await,
        world.task(&group, "Three", amount(1, 2)).await,
    ];
    world.log_in("triage");
    world.open("?list=all&source=DeskService");
    let browser = &world.browser;
    browser.wait("document.querySelectorAll('.row').length === 3");
    browser.click("label", "Select all");
    browser.click(".bar button", "Hand to a person");
    browser.sees("This applies to 3 tasks:");
    browser.choose("dialog select", user_id("exec4"));
    // One is taken meanwhile by whom it is to be given to.
    world.app.done("exec4", "claimTask", json!({ "id": tasks[1] })).await;
    browser.click("dialog button", "Hand to a person");
    browser.sees("2 are done.");
    browser.sees("1 was refused.");
    assert_eq!(world.holders(&tasks[0]).await, ["exec4"]);
    browser.click("dialog button", "Close");
    world.open_task("Three");
    browser.click(".decide button", "Hand to a person");
    browser.choose("dialog select", user_id("exec5"));
    let names = browser.text("dialog select");
    assert!(!names.contains("Exe4"), "who has taken it already is not offered: {names}");
    browser.click("dialog button", "Hand to a person");
    browser.sees("It is handed over.");
    assert_eq!(world.holders(&tasks[2]).await, ["exec5"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_when_a_task_is_taken_is_said_in_the_zone_and_the_language_of_the_reader() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.taking_group("DESK", &["exec4", "exec5"]).await;
    let browser = &world.browser;
    browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": "Asia/Kathmandu" }));
    world.log_in("triage");
    for (name, all, hand, close) in [
        ("One", "Select all", "Hand to a person", "Close"),
        ("Two", "Tout sélectionner", "Confier à une personne", "Fermer"),
    ] {
        let task = world.task(&group, name, amount(1, 2)).await;
        world.open(&format!("?list=all&source=DeskService&q={name}"));
        browser.wait("document.querySelectorAll('.row').length === 1");
        browser.click("label", all);
        browser.click(".bar button", hand);
        browser.choose("dialog select", user_id("exec4"));
        world.app.done("exec4", "claimTask", json!({ "id": task })).await;
        browser.click("dialog button", hand);
        browser.wait("document.querySelector('.outcomes .bad') ? true : false");
        let only = format!("(id: \"{task}\")");
        let rows = world.app.user("admin").await.rows("task", &only, "claims { dateUntil }").await;
        let until = &rows[0]["claims"][0]["dateUntil"];
        let here = "const language = document.documentElement.lang; \
                    const locale = navigator.languages.find((tag) => tag.startsWith(language)) ?? language; \
                    return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(`${arguments[0]}Z`))";
        let here = browser.script(here, json!([until]));
        let said = browser.text(".outcomes");
        assert!(said.contains(here.as_str().expect("a text")), "{said}, not {here}");
        assert!(!said.contains("UTC") && said.contains("exec4"), "{said}");
        browser.click("dialog button", close);
        if close == "Close" {
            browser.click("button", "Français");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_page_of_tasks_is_handed_to_a_person() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.taking_group("DESK", &["exec4", "exec5"]).await;
    for number in 100..150 {
        world.task(&group, &format!("Number {number}"), amount(1, 2)).await;
    }
    world.log_in("triage");
    world.open("?list=all&source=DeskService");
    let browser = &world.browser;
    browser.wait("document.querySelectorAll('.row').length === 50");
    browser.click("label", "Select all");
    for (act, ready) in [("Hand to a person", "dialog select"), ("Approve", "dialog textarea")] {
        browser.click(".bar button", act);
        browser.sees("This applies to 50 tasks:");
        browser.wait(&format!("document.querySelector('{ready}') ? true : false"));
        browser.click("dialog button", "Cancel");
    }
    browser.click(".bar button", "Hand to a person");
    browser.choose("dialog select", user_id("exec5"));
    browser.click("dialog button", "Hand to a person");
    browser.wait("document.querySelectorAll('dialog .outcomes li').length === 50");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_is_taken_back_and_triage_has_the_rest_weighed_again() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec4", "exec5"]).await;
    let mine = world.task(&group, "A visit", amount(1, 2)).await;
    world.app.approve("exec5", &mine).await;
    let task = world.task(&group, "Another visit", amount(1, 2)).await;
    world.app.approve("exec4", &task).await;
    world.log_in("exec5");
    world.open("?list=all&source=DeskService");
    world.open_task("A visit");
    let browser = &world.browser;
    browser.sees("Your vote: Approved");
    browser.click(".decide button", "Take my vote back");
    browser.sees("Your vote is taken back: A visit");
    browser.sees("It waits for 2 more approvals, by you and Exe4 Executor4.");
    // The policy changes past the services, so that the votes are enough and nobody has weighed them.
    world
        .app
        .run(&format!("UPDATE task_management_taskgroup SET completion_policy = 'ANY' WHERE id = '{group}'"));
    browser.click("button", "Log out");
    world.log_in_here("triage");
    browser.sees("Log out");
    world.open("?list=all&source=DeskService");
    world.open_task("Another visit");
    browser.sees("There are enough votes");
    browser.click(".decide button", "Count the votes again");
    browser.sees("It was approved.");
    assert_eq!(world.app.status(&task).await, "COMPLETED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_deleted_only_when_that_is_confirmed() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec5"]).await;
    let task = world.task(&group, "A mistake", amount(1, 2)).await;
    world.log_in("triage");
    world.open("?list=all&source=DeskService");
    world.open_task("A mistake");
    let browser = &world.browser;
    browser.click(".decide button", "Delete");
    browser.sees("Its history is kept.");
    browser.click("dialog button", "Cancel");
    assert_eq!(world.app.status(&task).await, "ACCEPTED");
    browser.click(".decide button", "Delete");
    browser.click("dialog button", "Delete it");
    browser.sees("Deleted: A mistake");
    let deleted = format!("SELECT count(*) FROM task_management_task WHERE id = '{task}' AND is_deleted");
    assert_eq!(world.app.count(&deleted), 1);
    world.open("?list=all&source=DeskService");
    browser.sees("No task matches the search and the filters.");
}
