//! Finding tasks: lists, filters, pages, and triage.

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
async fn every_filter_and_order_is_in_the_address() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec5"]).await;
    let other = world.app.group("OTHER", Any, &["exec5"]).await;
    let task = async |name: &str, group: &str, priority: i32, due: Option<&str>| {
        let input = CreateTask {
            source: Some("DeskService".to_owned()),
            entity_string: Some(name.to_owned()),
            task_group_id: Some(crate::support::scenario::key(group)),
            priority: Some(priority),
            due_date: due.map(|due| due.parse().expect("a moment")),
            ..CreateTask::default()
        };
        world.app.task(input).await
    };
    task("A", &group, 50, None).await;
    task("B", &group, 90, None).await;
    task("C", &other, 70, Some("2999-01-01T00:00:00")).await;
    let late = task("D", &other, 50, None).await;
    world.app.run(&format!(
        "UPDATE task_management_task SET due_date = '2026-01-12 08:00:00' WHERE id = '{late}'"
    ));
    let done = task("E", &group, 50, None).await;
    world.app.approve("exec5", &done).await;
    world.log_in("exec5");
    world.open("?list=all");
    let browser = &world.browser;
    browser.click("button", "Filters");
    browser.fill("input[name=source]", "DeskService\u{e007}");
    browser.choose("select[name=sort]", "entity");
    browser.wait(&format!("{TITLES} === 'A,B,C,D,E'"));
    for (name, value, titles) in [
        ("status", "COMPLETED", "E"),
        ("status", "ACCEPTED", "A,B,C,D"),
        ("group", other.as_str(), "C,D"),
        ("due", "overdue", "D"),
    ] {
        browser.choose(&format!("select[name={name}]"), value);
        browser.wait(&format!("{TITLES} === '{titles}'"));
        assert!(browser.address().contains(&format!("{name}={value}")), "{}", browser.address());
    }
    // The back button undoes one after the other.
    for titles in ["C,D", "A,B,C,D", "E"] {
        browser.back();
        browser.wait(&format!("{TITLES} === '{titles}'"));
    }
    browser.click("button", "Clear all");
    browser.wait("!location.search.includes('status') && !location.search.includes('source')");
    world.open("?list=all&source=DeskService&priority=70&sort=-priority");
    browser.wait(&format!("{TITLES} === 'B,C'"));
    browser.click("button", "Filters");
    browser.choose("select[name=priority]", "90");
    browser.wait(&format!("{TITLES} === 'B'"));
    world.open("?list=all&source=DeskService&due=week");
    browser.sees("No task matches the search and the filters.");
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
    // The list in the navigation says it, too, and leads to it; so it does for those who see all tasks.
    browser.click("nav a", "1 overdue");
    browser.wait(&format!("{TITLES} === 'Late'"));
    browser.click("button", "Log out");
    world.log_in_here("triage");
    browser.click("nav a", "Overdue");
    browser.wait(&format!("{TITLES}.includes('Late') && !{TITLES}.includes('In time')"));
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
    browser.choose("dialog select", &format!("GROUP:{group}"));
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
