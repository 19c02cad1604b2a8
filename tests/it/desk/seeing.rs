//! What is shown, to whom: hostile data, other languages, small screens, people who listen to a page.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};

use super::world::{HERE, World, amount};
use crate::support::Backend;

/// The rules of WCAG that a program can check, by axe-core.
const AXE: &str = include_str!("axe.min.js");

/// Asserts that axe finds nothing wrong with the page.
fn check(world: &World, what: &str) {
    world.browser.script(AXE, json!([]));
    let found = world.browser.script_async(
        "const done = arguments[arguments.length - 1]; \
         axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((result) => \
           done(result.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)), \
           (error) => done([String(error)]))",
    );
    assert_eq!(found, json!([]), "{what}");
}

/// Asserts that nothing is wider than the window.
fn fits(world: &World, what: &str) {
    let wide = "return [...document.querySelectorAll('body *')].filter((element) => \
                element.getBoundingClientRect().right > innerWidth + 1 && !element.closest('nav, .visually-hidden')) \
                .map((element) => element.outerHTML.slice(0, 120)).slice(0, 3)";
    assert_eq!(world.browser.script(wide, json!([])), json!([]), "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_data_is_text_and_nothing_else() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", Any, &["exec5"]).await;
    let markup = "<img src=x onerror=\"window.hit=1\"><script>window.hit=1</script>";
    let data = json!({
        "current_data": { "name": "Amina", "account": "1" },
        "incoming_data": {
            "name": markup, "link": "javascript:window.hit=1", "account": "\u{202e}321\u{2066}", "__proto__": { "polluted": 1 },
            "<b>key</b>": "{{constructor.constructor('window.hit=1')()}}", "long": "word ".repeat(95_000),
            "digits": 12.25, "list": (0..1_000).collect::<Vec<_>>(),
        },
    });
    world.task(&group, markup, data).await;
    world.log_in("exec5");
    let browser = &world.browser;
    browser.click(".row a", "<img");
    browser.wait("document.querySelector('.comparison') ? true : false");
    browser.sees("javascript:window.hit=1");
    // What changes the direction of reading is shown, and reaches no further than its own text.
    browser.sees("U+202E");
    browser.click("button", "Show the data as JSON");
    browser.wait("document.querySelector('.raw') ? true : false");
    let hit = browser.script(
        "return [window.hit ?? null, {}.polluted ?? null, document.querySelectorAll('article img, article script, article b > key, a[href^=javascript]').length]",
        json!([]),
    );
    assert_eq!(hit, json!([Value::Null, Value::Null, 0]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_desk_speaks_french_and_the_next_login_too() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec4", "exec5"]).await;
    world.task(&group, "Un ménage", amount(1_000, 2_000)).await;
    world.log_in("exec5");
    let browser = &world.browser;
    browser.click("button", "Français");
    browser.sees("En attente de moi");
    assert_eq!(browser.script("return document.documentElement.lang", json!([])), "fr");
    world.open_task("Un ménage");
    browser.sees("Elle attend encore 2 approbations.");
    browser.sees("Approuver");
    browser.click("button", "Se déconnecter");
    browser.sees("Mot de passe");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_desk_fits_a_phone() {
    let world = World::start_with(Backend::Sqlite, (360, 740), |_| {}).await;
    let group =
        world.app.group("A-GROUP-WITH-A-LONG-NAME-THAT-DOES-NOT-BREAK", Any, &["exec5", "triage"]).await;
    world
        .task(&group, "AVeryLongNameWithoutAnyPlaceToBreakItWhichMustNotMakeThePageWider", amount(1, 2))
        .await;
    world.open("");
    world.browser.wait("document.querySelector('input[name=username]') ? true : false");
    fits(&world, "login");
    world.log_in("triage");
    fits(&world, "list");
    check(&world, "list on a phone");
    world.browser.click(".row a", "AVery");
    world.browser.wait("document.querySelector('.comparison') ? true : false");
    fits(&world, "task");
    for list in ["groups", "overview"] {
        world.open(&format!("?list={list}"));
        world.browser.wait("document.querySelector('main h1') ? true : false");
        world.browser.sees_no("Loading…");
        fits(&world, list);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_wrong() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec4", "triage"]).await;
    let task = world.task(&group, "A household", amount(1, 2)).await;
    assert_eq!(world.app.vote("exec4", &task, json!("APPROVED")).await, "ok");
    world.open("");
    let browser = &world.browser;
    browser.wait("document.querySelector('input[name=username]') ? true : false");
    check(&world, "login");
    world.log_in("triage");
    for scheme in ["light", "dark"] {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.devtools("Emulation.setEmulatedMedia", media);
        world.open(HERE);
        browser.wait("document.querySelector('.row') ? true : false");
        browser.wait("document.querySelector('.filters .more') ? true : false");
        check(&world, "list");
        world.open_task("A household");
        browser.click("button", "History");
        browser.wait("document.querySelector('.timeline li') ? true : false");
        check(&world, "task");
        browser.press("r");
        browser.wait("document.querySelector('.confirm') ? true : false");
        check(&world, "reject");
        browser.press(super::browser::ESCAPE);
        browser.press("?");
        browser.wait("document.querySelector('dialog') ? true : false");
        check(&world, "help");
        for list in ["groups", "overview", "deliveries"] {
            world.open(&format!("?list={list}"));
            browser.wait("document.querySelector('main h1') ? true : false");
            browser.sees_no("Loading…");
            check(&world, list);
        }
    }
}
