//! What is said of a decision before and after it: who decides in whose place.

use tasks_management::CompletionPolicy::Any;

use super::seeing::check;
use super::world::{World, amount};
use crate::support::Backend;

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
