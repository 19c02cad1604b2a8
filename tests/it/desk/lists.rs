//! Finding tasks: lists, filters, pages, and triage.

use serde_json::json;
use tasks_management::CompletionPolicy::Any;
use tasks_management::CreateTask;

use super::world::{HERE, World, amount};
use crate::support::Backend;

const TITLES: &str = "[...document.querySelectorAll('.row a')].map((link) => link.innerText).join()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_and_pages_are_in_the_address_and_the_back_button_undoes_them() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec5"]).await;
    for number in 100..160 {
        world.task(&group, &format!("Number {number}"), amount(1, 2)).await;
    }
    world.log_in("exec5");
    let browser = &world.browser;
    browser.wait("document.querySelectorAll('.row').length === 50");
    browser.click(".pages a", "Next 50");
    browser.wait(
        "document.querySelectorAll('.row').length >= 10 && document.querySelectorAll('.row').length < 50",
    );
    browser.back();
    browser.wait("document.querySelectorAll('.row').length === 50");
    browser.fill("input[type=search]", "number 117");
    browser.wait(&format!("{TITLES} === 'Number 117'"));
    assert!(browser.address().contains("q=number+117"), "{}", browser.address());
    // A link brings the same back, with the task that is open.
    browser.click(".row a", "Number 117");
    browser.wait("document.querySelector('article h1')?.innerText === 'Number 117'");
    let address = browser.address();
    browser.open("about:blank");
    browser.open(&address);
    browser.wait("document.querySelector('article h1')?.innerText === 'Number 117'");
    browser.wait(&format!("{TITLES} === 'Number 117'"));
    browser.back();
    world.open(HERE);
    browser.wait("document.querySelectorAll('.row').length === 50");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_overdue_comes_first_and_says_so() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec5"]).await;
    world.task(&group, "In time", amount(1, 2)).await;
    let late = world.task(&group, "Late", amount(1, 2)).await;
    world.app.run(&format!(
        "UPDATE task_management_task SET due_date = '2026-01-12 08:00:00' WHERE id = '{late}'"
    ));
    world.log_in("exec5");
    let browser = &world.browser;
    browser.wait(&format!("{TITLES} === 'Late,In time'"));
    assert!(browser.text(".row").contains("was due"), "{}", browser.text(".row"));
    browser.wait("document.querySelector('nav .count.bad')?.innerText.startsWith('1') ?? false");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triage_assigns_what_nobody_is_asked_about_and_others_see_no_triage() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec5"]).await;
    let input = CreateTask {
        source: Some("Nobody".to_owned()),
        entity_string: Some("An orphan".to_owned()),
        data: Some(amount(1, 2).into()),
        ..CreateTask::default()
    };
    let task = world.app.task(input).await;
    world.log_in("triage");
    let browser = &world.browser;
    browser.click("nav a", "Not assigned");
    browser.click(".row a", "An orphan");
    browser.sees("Nobody is asked yet");
    browser.click(".decide button", "Assign and plan");
    browser.wait("document.querySelectorAll('dialog option').length > 3");
    let choose = "const list = document.querySelector('dialog select'); list.value = arguments[0]; \
                  list.dispatchEvent(new Event('change', { bubbles: true }))";
    browser.script(choose, json!([format!("GROUP:{group}")]));
    browser.click("dialog button", "Save");
    browser.sees("It is saved.");
    assert_eq!(world.app.status(&task).await, "ACCEPTED");
    browser.click("nav a", "Groups");
    browser.sees("DESK");
    browser.click("button", "Log out");
    world.log_in_here("exec5");
    browser.wait("document.querySelector('.row') ? true : false");
    assert!(!browser.text("nav").contains("Triage"), "{}", browser.text("nav"));
}
