//! Where somebody begins, what stands beside the page, and what goes when it has served.

use serde_json::json;
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::CreateTask;

use super::browser::ESCAPE;
use super::seeing::check;
use super::world::{HERE, World, amount};
use crate::support::Backend;

const TITLE: &str = "document.querySelector('main h1')?.innerText";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_asked_about_nothing_begins_where_there_is_something_to_do() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec5", "triage"]).await;
    let orphan = CreateTask {
        source: Some("Nobody".to_owned()),
        entity_string: Some("An orphan".to_owned()),
        ..CreateTask::default()
    };
    world.app.task(orphan).await;
    world.open("");
    world.log_in_here("triage");
    let browser = &world.browser;
    browser.wait(&format!("{TITLE}?.startsWith('Not assigned') ?? false"));
    browser.wait("document.activeElement?.matches('main h1') ?? false");
    browser.sees("An orphan");
    // What waits for oneself is there for whoever asks for it, and the name of the desk leads to the beginning again.
    browser.click("nav a", "Waiting for me");
    browser.sees("Nothing is waiting for you.");
    browser.wait(&format!("{TITLE}?.startsWith('Waiting for me') ?? false"));
    browser.click("a.name", "");
    browser.wait(&format!("{TITLE}?.startsWith('Not assigned') ?? false"));
    // Whoever is asked begins with that, and stays there when it is done.
    world.task(&group, "A visit", amount(1, 2)).await;
    browser.open("about:blank");
    world.open("");
    browser.wait(&format!("{TITLE}?.startsWith('Waiting for me') ?? false"));
    world.open_task("A visit");
    browser.press("a");
    browser.click("button", "Approve it");
    browser.sees("You approved: A visit");
    browser.sees("Nothing is waiting for you.");
    // Filters say what is wanted.
    world.open("?due=overdue");
    browser.wait(&format!("{TITLE}?.startsWith('Waiting for me') ?? false"));
    browser.sees("No task matches the search and the filters.");
    browser.click("button", "Log out");
    world.log_in_here("norights");
    browser.sees("Log out");
    browser.wait(&format!("{TITLE}?.startsWith('Waiting for me') ?? false"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Asserts that what is said beside the page covers nothing that somebody fills in or presses in a task.
fn covers_nothing(world: &World, what: &str) {
    let covered = "const said = [...document.querySelectorAll('.notice')].map((notice) => notice.getBoundingClientRect()); \
         const fields = [...document.querySelectorAll('main input, main textarea, main select, .decide button')]; \
         return [said.length > 0, fields.length, fields.filter((field) => { \
           const { left, right, top, bottom, width } = field.getBoundingClientRect(); \
           return width > 0 && bottom > 0 && top < innerHeight && said.some((box) => left < box.right && box.left < right && top < box.bottom && box.top < bottom); \
         }).map((field) => field.outerHTML.slice(0, 100))]";
    let found = world.browser.script(covered, json!([]));
    assert!(found[0] == true && found[1].as_u64() > Some(1), "{what}: nothing is said: {found}");
    assert_eq!(found[2], json!([]), "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_beside_the_page_covers_no_field() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.taking_group("DESK", &["exec4", "exec5"]).await;
    for name in ["The first", "The second"] {
        world.task(&group, name, amount(1, 2)).await;
    }
    let browser = &world.browser;
    world.log_in("exec5");
    for (width, height) in [(1_400, 900), (1_000, 700), (360, 740)] {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        browser.devtools("Emulation.setDeviceMetricsOverride", size);
        world.open(&format!("{HERE}&list=all"));
        world.open_task("The first");
        browser.press("c");
        browser.type_text("A word.");
        browser.click("article form button", "Send");
        browser.sees("Your comment is there.");
        covers_nothing(&world, &format!("a comment at {width}"));
        browser.press(ESCAPE);
        browser.press("r");
        browser.wait("document.querySelector('.confirm textarea') ? true : false");
        covers_nothing(&world, &format!("a reason at {width}"));
        check(&world, &format!("with a notice at {width}"));
        browser.press(ESCAPE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_go_when_they_have_served_and_what_is_chosen_stays_to_be_seen() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec4", "exec5"]).await;
    world.task(&group, "A visit", amount(1, 2)).await;
    world.log_in("exec5");
    let browser = &world.browser;
    let is_open = "document.querySelector('.filters .more') ? true : false";
    let is_closed = "!document.querySelector('.filters .more')";
    // A link with filters shows what is chosen, and not the panel.
    browser.wait("document.querySelector('.chip')?.innerText.startsWith('Source: DeskService') ?? false");
    browser.wait(is_closed);
    let open = || {
        browser.click(".filters button", "Filters");
        browser.wait(is_open);
    };
    open();
    browser.choose("select[name=status]", "ACCEPTED");
    browser.wait(is_closed);
    browser.wait("document.querySelectorAll('.chip').length === 2");
    browser.sees("Status: Open");
    check(&world, "what is chosen");
    open();
    browser.script("document.querySelector('select[name=group]').focus()", json!([]));
    browser.press(ESCAPE);
    browser.wait(is_closed);
    browser.wait("document.activeElement?.textContent === 'Filters'");
    // Who chooses by keys goes on choosing.
    open();
    browser.fill("input[name=source]", "\u{e007}");
    browser.choose("select[name=group]", &group);
    browser.wait("document.querySelectorAll('.chip').length === 3");
    browser.sees("Group: DESK");
    browser.wait(is_open);
    browser.click(".row a", "A visit");
    browser.wait("document.querySelector('article h1')?.innerText === 'A visit'");
    browser.wait(is_closed);
    open();
    browser.click("nav a", "All tasks");
    browser.wait(is_closed);
    // A press takes away what is chosen.
    world.open(&format!("{HERE}&status=COMPLETED"));
    browser.sees("No task matches the search and the filters.");
    browser.click(".chip", "Status");
    browser.wait("document.querySelector('.row') ? true : false");
    assert!(browser.address().contains("source=DeskService"), "{}", browser.address());
    browser.click(".chip", "Source");
    browser.wait("!document.querySelector('.chip')");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
