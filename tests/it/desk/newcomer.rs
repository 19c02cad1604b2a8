//! Somebody who has never seen the desk, before the demo: what is wanted stands where it is seen, in words.

use serde_json::json;

use super::browser::Browser;
use crate::support::program::{Server, program};

/// Waits until a text is seen without scrolling, covered by nothing.
fn in_sight(browser: &Browser, text: &str) {
    let found = format!(
        "[...document.querySelectorAll('body *')].some((element) => {{ \
           if (!element.innerText?.includes({text}) || [...element.children].some((part) => part.innerText?.includes({text}))) return false; \
           const {{ left, top, width, height }} = element.getBoundingClientRect(); \
           const seen = document.elementFromPoint(left + width / 2, top + height / 2); \
           const row = element.closest('.row'); \
           return seen === element || element.contains(seen) || (row && row === seen?.closest('.row')) || (seen?.contains(element) && !seen.matches('main, body, html')); }})",
        text = json!(text)
    );
    browser.wait(&found);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_new_decides_finds_what_is_overdue_and_reads_why_another_task_waits() {
    let mut demo = program("sqlite://unused.db");
    demo.args(["demo", "--listen", "127.0.0.1:0"]);
    let demo = tokio::task::block_in_place(|| Server::of(demo));
    let browser = Browser::start(1_280, 800);
    browser.open(&format!("http://{}/", demo.address));
    in_sight(&browser, "case worker: decides in FIELD-OFFICE and PAYMENTS");
    browser.click("button", "Français");
    in_sight(&browser, "gestionnaire : décide dans FIELD-OFFICE et PAYMENTS");
    browser.click("button", "English");
    browser.click(".people button", "ada");
    // What is overdue is the first row, and the navigation says that there is one.
    in_sight(&browser, "overdue: was due");
    in_sight(&browser, "1 overdue");
    browser.wait("document.querySelector('.row')?.innerText.includes('overdue: was due') ?? false");
    browser.click(".row a", "Household of Esther Addo");
    in_sight(&browser, "It waits for 3 more approvals, by you, Ben Thapa, and Chi Diallo.");
    for what in ["Village", "Tema", "Kibera", "Approve", "Reject"] {
        in_sight(&browser, what);
    }
    browser.click("button", "Approve");
    in_sight(&browser, "Approve it");
    browser.click("button", "Approve it");
    in_sight(&browser, "You approved: Household of Esther Addo");
    // The next task has come.
    browser.wait("document.querySelector('article h1')?.innerText.includes('Esther') === false");
    let rejected = browser.text("article h1");
    browser.click("button", "Reject");
    in_sight(&browser, "Why do you reject it?");
    browser.fill(".confirm textarea", "A document is missing.");
    browser.click("button", "Reject it");
    in_sight(&browser, "You rejected:");
    // Why another one waits is said of any task that is opened.
    browser.click("nav a", "All tasks");
    browser.click(".row a", "Household of Esther Addo");
    in_sight(&browser, "It waits for 2 more approvals, by Ben Thapa and Chi Diallo.");
    // Of what is rejected it is said by whom.
    browser.click("nav a", "Decided by me");
    browser.wait("document.querySelector('h1')?.innerText.startsWith('Decided by me')");
    browser.click(".row a", &rejected);
    in_sight(&browser, "It was rejected by you.");
    drop(browser);
    assert!(demo.stop().success());
}
