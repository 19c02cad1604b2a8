//! What is said of a decision before and after it: who decides in whose place, what has become of a flow, where a task is found again.

use serde_json::json;
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::CreateTask;

use super::browser::ENTER;
use super::seeing::check;
use super::world::{HERE, World, amount};
use crate::support::scenario::key;
use crate::support::{Backend, apply, on_both};

const SHOWN: &str = "document.querySelector('article h1')?.innerText";
const TITLES: &str = "[...document.querySelectorAll('.row a')].map((link) => link.innerText).join()";

#[apply(on_both)]
async fn what_one_has_decided_is_found_again(backend: Backend) {
    let world = World::start(backend).await;
    let group = world.app.group("DESK", All, &["exec4", "exec5"]).await;
    for name in ["The first", "The second", "The third"] {
        world.task(&group, name, amount(1, 2)).await;
    }
    world.log_in("exec5");
    let browser = &world.browser;
    browser.click("nav a", "Decided by me");
    browser.sees("You have decided no task that you can see now.");
    browser.click("nav a", "Waiting for me");
    world.open_task("The second");
    browser.press("a");
    browser.wait("document.activeElement?.textContent === 'Approve it'");
    browser.press(ENTER);
    browser.sees("You approved: The second");
    browser.click("nav a", "Decided by me");
    browser.wait(&format!("{TITLES} === 'The second'"));
    browser.sees("A task that went on to another group is seen by that group");
    check(&world, "decided by me");
    world.open_task("The second");
    browser.sees("Your vote: Approved");
    browser.click(".decide button", "Take my vote back");
    browser.wait("!document.querySelector('.row:not(.gone)')");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_asked_decides_by_no_key_and_is_told_in_whose_place() {
    let world = World::start(Backend::Sqlite).await;
    let (asked, others) =
        (world.app.group("MINE", Any, &["triage"]).await, world.app.group("OTHERS", Any, &["exec5"]).await);
    world.task(&asked, "Asked about", amount(1, 2)).await;
    let task = world.task(&others, "Of others", amount(1, 2)).await;
    let many = world.task(&others, "Another of theirs", amount(1, 2)).await;
    world.log_in("triage");
    world.open("?list=all&source=DeskService");
    let browser = &world.browser;
    world.open_task("Of others");
    browser.wait("document.querySelector('.decide') ? true : false");
    let offered = browser.text(".decide");
    assert!(!offered.contains("Approve") && !offered.contains("Reject"), "{offered}");
    browser.press("a");
    browser.press("r");
    browser.click(".decide button", "Decide in place of the group");
    browser.sees("You are not asked about this task. You decide in place of OTHERS");
    assert_eq!(browser.text(".confirm"), "", "the keys did nothing");
    check(&world, "in place of the group");
    browser.press("a");
    // Another task is another question.
    world.open_task("Asked about");
    browser.wait("document.querySelector('.decide .primary[aria-keyshortcuts=a]') ? true : false");
    world.open_task("Of others");
    browser.wait(
        "document.querySelector('.decide') && !document.querySelector('.decide .primary, .confirm') ? true : false",
    );
    browser.click(".decide button", "Decide in place of the group");
    browser.click(".decide button", "Approve");
    browser.click("button", "Cancel");
    browser.wait("document.activeElement?.textContent === 'Approve'");
    browser.click(".decide button", "Approve");
    browser.click("button", "Approve it");
    browser.sees("You approved: Of others");
    assert_eq!(world.app.status(&task).await, "COMPLETED");
    // The same is said of several at once.
    world.open("?list=all&source=DeskService&status=ACCEPTED");
    browser.wait("document.querySelectorAll('.row').length === 2");
    browser.click("label", "Select all");
    browser.click(".bar button", "Approve");
    browser.sees("You are not asked about 1 of them: there you decide in place of the group.");
    browser.wait("document.querySelector('dialog .names')?.innerText.includes('Another of theirs in place of the group') ?? false");
    browser.click("dialog button", "Approve");
    browser.sees("2 are done.");
    assert_eq!(world.app.status(&many).await, "COMPLETED");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// A task in a flow of three steps, which exec5 is asked about one after the other.
async fn in_three_steps(world: &World, name: &str, code: &str) -> String {
    let mut groups = Vec::new();
    for step in 1..=3 {
        groups.push(world.app.group(&format!("{code}-{step}"), Any, &["exec5"]).await);
    }
    let steps = json!([
        { "taskGroupId": groups[0], "distinctDeciders": false },
        { "taskGroupId": groups[1], "distinctDeciders": false, "leadTimeSeconds": 200_000 },
        { "taskGroupId": groups[2], "distinctDeciders": false },
    ]);
    let flow = world.app.flow_of(json!({ "code": code, "steps": steps })).await;
    let input = CreateTask {
        source: Some("DeskService".to_owned()),
        entity_string: Some(name.to_owned()),
        flow_id: Some(key(&flow)),
        data: Some(amount(1, 2).into()),
        ..CreateTask::default()
    };
    world.app.task(input).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_task_that_is_over_no_step_comes_later_and_nothing_is_due() {
    let world = World::start(Backend::Sqlite).await;
    let [rejected, approved] = [
        in_three_steps(&world, "A rejected one", "NO").await,
        in_three_steps(&world, "An approved one", "YES").await,
    ];
    for task in [&rejected, &approved] {
        world.app.approve("exec5", task).await;
    }
    world.log_in("exec5");
    world.open("?list=all&source=DeskService&sort=entity");
    let browser = &world.browser;
    let steps = "[...document.querySelectorAll('.steps li')].map((step) => step.innerText.replaceAll('\\n', ' ')).join()";
    world.open_task("A rejected one");
    browser.wait(&format!("{steps} === 'NO-1 passed,NO-2 now,NO-3 later'"));
    browser.wait("document.querySelector('article .marks')?.innerText.includes('due in 2 days') ?? false");
    assert_eq!(world.app.vote("exec5", &rejected, json!("FAILED")).await, "ok");
    for _ in 0..2 {
        world.app.approve("exec5", &approved).await;
    }
    for (name, shown) in [
        ("A rejected one", "NO-1 passed,NO-2 rejected here,NO-3 not asked any more"),
        ("An approved one", "YES-1 passed,YES-2 passed,YES-3 passed"),
    ] {
        world.open("?list=all&source=DeskService&sort=entity");
        world.open_task(name);
        browser.wait(&format!("{steps} === '{shown}'"));
        for place in ["article .marks", ".rows"] {
            assert!(!browser.text(place).contains("due"), "{name}: {}", browser.text(place));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_task_is_shown_where_it_stands_in_the_list() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.taking_group("DESK", &["exec5"]).await;
    for number in 100..140 {
        world.task(&group, &format!("Number {number}"), amount(1, 2)).await;
    }
    let urgent = CreateTask {
        source: Some("DeskService".to_owned()),
        entity_string: Some("The urgent one".to_owned()),
        task_group_id: Some(key(&group)),
        priority: Some(90),
        ..CreateTask::default()
    };
    let urgent = world.app.task(urgent).await;
    world.log_in("exec5");
    world.open(&format!("{HERE}&sort=entity"));
    world.open_task("Number 100");
    let browser = &world.browser;
    browser.click("button", "Take the next");
    browser.sees("You have taken: The urgent one");
    browser.wait(&format!("{SHOWN} === 'The urgent one'"));
    browser.wait("document.activeElement?.matches('article h1') ?? false");
    assert_eq!(world.holders(&urgent).await, ["exec5"]);
    browser.wait(
        "(() => { const row = document.querySelector('.row.open'); const { top } = row?.getBoundingClientRect() ?? {}; \
           return row?.innerText.includes('The urgent one') && top >= 0 && top <= innerHeight - 40; })()",
    );
    browser.sees("taken by Exe5 Executor5");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn urgency_is_chosen_and_told_in_words() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec5"]).await;
    let task = world.task(&group, "A visit", amount(1, 2)).await;
    world.app.done("triage", "updateTask", json!({ "id": task, "priority": 55 })).await;
    world.log_in("triage");
    world.open("?list=all&source=DeskService");
    world.open_task("A visit");
    let browser = &world.browser;
    browser.click(".decide button", "Assign and plan");
    browser.wait(
        "[...document.querySelectorAll('dialog [name=priority] option')].map((option) => option.innerText).join() === \
           'Most urgent (90),Urgent (70),Usual (55),Usual (50),Low (0)'",
    );
    browser.wait("document.querySelector('dialog [name=priority]').value === '55'");
    browser.choose("dialog [name=priority]", "90");
    browser.click("dialog button", "Save");
    browser.sees("It is saved.");
    browser.wait("document.querySelector('article .marks').innerText.includes('Most urgent')");
    browser.click("button", "History");
    browser.sees("Priority: Usual (55) → Most urgent (90)");
    let kept = world.app.user("admin").await.rows("task", &format!("(id: \"{task}\")"), "priority").await;
    assert_eq!(kept, [json!({ "priority": 90 })]);
}
