//! What goes when it has served.

use serde_json::json;
use tasks_management::CompletionPolicy::All;

use super::browser::ESCAPE;
use super::seeing::check;
use super::world::{HERE, World, amount};
use crate::support::Backend;

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
