//! Where the focus is after each act: never lost, and always to be seen.

use serde_json::json;
use tasks_management::CompletionPolicy::Any;

use super::browser::{ENTER, ESCAPE};
use super::world::{HERE, World, amount};
use crate::support::Backend;

/// Watches the focus from when something has it, as a page that was just opened begins with none: when it is away for six frames in a
/// row (a tenth of a second where nothing else is busy), what had it is noted. Frames are counted and not time, and each after what was due before it: a machine that is busy takes its time from both.
const WATCH: &str = "window.lost = []; let away = 0, last = ''; \
    const look = () => { const at = document.activeElement; \
      if (at && at !== document.body) { away = 0; last = at.outerHTML.slice(0, 100); } \
      else if (last && ++away === 6) window.lost.push(last); \
      requestAnimationFrame(() => setTimeout(look)); }; \
    look()";

/// Waits until the focus is on what fits the selector, where it can be seen.
fn is_at(world: &World, css: &str) {
    let body = "const at = document.activeElement; return [at?.matches(arguments[0]) ?? false, at?.outerHTML.slice(0, 200)]";
    let found = format!("document.activeElement?.matches({}) ?? false", json!(css));
    let shown = world.browser.script(body, json!([css]));
    assert_eq!(world.browser.wait(&found), true, "{css}: {shown}");
    let seen = "const at = document.activeElement, style = getComputedStyle(at), { top, bottom } = at.getBoundingClientRect(); \
                return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && bottom > 0 && top < innerHeight";
    assert_eq!(world.browser.script(seen, json!([])), true, "{css} is not to be seen");
}

/// Brings the focus to a button as the Tab key does, and presses it.
fn press_at(world: &World, css: &str, text: &str) {
    let found = format!(
        "[...document.querySelectorAll({})].find((element) => !element.matches(':disabled, [aria-disabled=true]') && element.textContent.trim().startsWith({})) ? true : false",
        json!(css),
        json!(text)
    );
    world.browser.wait(&found);
    let focus = "[...document.querySelectorAll(arguments[0])].find((element) => element.textContent.trim().startsWith(arguments[1])).focus()";
    world.browser.script(focus, json!([css, text]));
    world.browser.press(ENTER);
}

fn never_lost(world: &World) {
    assert_eq!(world.browser.script("return window.lost", json!([])), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_focus_stays_with_the_reader_at_a_task() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.taking_group("DESK", &["exec4", "exec5"]).await;
    for name in ["The first", "The second", "The third"] {
        world.task(&group, name, amount(1, 2)).await;
    }
    world.log_in("exec5");
    let browser = &world.browser;
    browser.wait("document.querySelectorAll('.row').length === 3");
    // Whoever has logged in begins at the list.
    browser.wait("document.activeElement?.matches('main h1') ?? false");
    browser.script(WATCH, json!([]));
    browser.press("j");
    is_at(&world, ".row a");
    browser.press(ENTER);
    is_at(&world, "article h1");
    browser.press("a");
    is_at(&world, ".confirm .primary");
    browser.press(ESCAPE);
    is_at(&world, ".decide [aria-keyshortcuts=a]");
    browser.press("r");
    is_at(&world, ".confirm textarea");
    browser.press(ESCAPE);
    is_at(&world, ".decide [aria-keyshortcuts=r]");
    press_at(&world, ".decide button", "Take");
    browser.sees("Give back");
    is_at(&world, ".decide button");
    press_at(&world, ".decide button", "Give back");
    browser.wait(
        "[...document.querySelectorAll('.decide button')].some((button) => button.textContent === 'Take')",
    );
    is_at(&world, ".decide button");
    browser.press("c");
    browser.type_text("A word.");
    press_at(&world, "article form button", "Send");
    browser.sees("Your comment is there.");
    is_at(&world, "article textarea");
    browser.press(ESCAPE);
    is_at(&world, "article h1");
    press_at(&world, ".comments button", "Change");
    press_at(&world, ".comments button", "Cancel");
    is_at(&world, ".comments button");
    press_at(&world, ".comments button", "Delete");
    browser.sees("Your comment is deleted.");
    is_at(&world, "#comments");
    press_at(&world, ".notice button", "×");
    is_at(&world, "#comments");
    browser.press("?");
    is_at(&world, "dialog *");
    browser.press(ESCAPE);
    is_at(&world, "#comments");
    // The next task opens, and is closed.
    browser.press("a");
    is_at(&world, ".confirm .primary");
    browser.press(ENTER);
    browser.sees("You approved:");
    is_at(&world, "article h1");
    browser.press(ESCAPE);
    browser.wait("!document.querySelector('article')");
    is_at(&world, ".row a");
    never_lost(&world);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_focus_stays_with_the_reader_in_lists() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec4", "exec5"]).await;
    let mut tasks = Vec::new();
    for number in 0..55 {
        tasks.push(world.task(&group, &format!("Number {number:02}"), amount(1, 2)).await);
    }
    world.log_in("exec5");
    world.open(&format!("{HERE}&sort=entity"));
    let browser = &world.browser;
    browser.wait("document.querySelectorAll('.row').length === 50");
    browser.script(WATCH, json!([]));
    // Another page begins with its name, as does another list.
    press_at(&world, ".pages a", "Next");
    browser.wait("document.querySelectorAll('.row').length === 5");
    is_at(&world, "main h1");
    browser.press("j");
    is_at(&world, ".row a");
    // The row of the focus goes, because somebody else is faster: the focus goes to the one that follows.
    browser.wait("document.activeElement.textContent === 'Number 50'");
    assert_eq!(world.app.vote("exec4", &tasks[50], json!("APPROVED")).await, "ok");
    browser.wait("document.querySelector('.row.gone') ? true : false");
    browser.wait("!document.querySelector('.row.gone')");
    is_at(&world, ".row a");
    browser.wait("document.activeElement.textContent === 'Number 51'");
    // Several at once: the buttons go with what was chosen.
    press_at(&world, "label", "Select all");
    browser.script("document.querySelector('.bar input').click()", json!([]));
    press_at(&world, ".bar button", "Approve");
    browser.sees("This applies to 4 tasks:");
    press_at(&world, "dialog .buttons button", "Approve");
    browser.sees("4 are done.");
    is_at(&world, "dialog .primary");
    browser.press(ENTER);
    browser.wait("!document.querySelector('dialog')");
    browser.wait("document.activeElement?.closest('main') ? true : false");
    browser.press("/");
    is_at(&world, "input[type=search]");
    browser.type_text("number 1");
    browser.wait("document.querySelectorAll('.row:not(.gone)').length === 10");
    is_at(&world, "input[type=search]");
    press_at(&world, "nav a", "Overview");
    browser.wait("document.querySelector('.pictures') ? true : false");
    browser.wait("document.activeElement?.closest('main') ? true : false");
    never_lost(&world);
}
