//! What is shown, to whom: hostile data, other languages, small screens, people who listen to a page.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};

use super::world::{HERE, World, amount};
use crate::support::Backend;

/// The rules of WCAG that a program can check, by axe-core.
const AXE: &str = include_str!("axe.min.js");

/// Asserts that axe finds nothing wrong with the page.
pub fn check(world: &World, what: &str) {
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
    // What is hidden for the eye makes a page wide too, and a phone shows all of it, small.
    let page = "return Math.max(0, document.documentElement.scrollWidth - innerWidth)";
    assert_eq!(world.browser.script(page, json!([])), 0, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_data_is_text_and_nothing_else() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("<i>GROUP</i>", Any, &["exec5"]).await;
    let markup = "<img src=x onerror=\"window.hit=1\"><script>window.hit=1</script>";
    let data = json!({
        "current_data": { "name": "Amina", "account": "1" },
        "incoming_data": {
            "name": markup, "link": "javascript:window.hit=1", "account": "\u{202e}321\u{2066}", "__proto__": { "polluted": 1 },
            "<b>key</b>": "{{constructor.constructor('window.hit=1')()}}", "long": "word ".repeat(95_000),
            "digits": 12.25, "list": (0..1_000).collect::<Vec<_>>(),
        },
    });
    let task = world.task(&group, markup, data).await;
    let comment = json!({ "taskId": task, "text": format!("{markup} javascript:window.hit=1 \u{2066}") });
    world.app.done("admin", "createTaskComment", comment).await;
    world.log_in("exec5");
    let browser = &world.browser;
    browser.click(".row a", "<img");
    browser.wait("document.querySelector('.comparison') ? true : false");
    browser.sees("javascript:window.hit=1");
    // What changes the direction of reading is shown, and reaches no further than its own text.
    browser.sees("U+202E");
    browser.sees("<i>GROUP</i>");
    browser.sees("U+2066");
    browser.click("button", "Show the data as it was sent");
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
    browser.sees("Elle attend encore 2 approbations, de vous et Exe4 Executor4.");
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
    world.browser.press("a");
    world.browser.wait("document.querySelector('.confirm') ? true : false");
    fits(&world, "approve");
    for list in ["groups", "overview", "deliveries", "unassigned"] {
        world.open(&format!("?list={list}"));
        world.browser.wait("document.querySelector('main h1') ? true : false");
        world.browser.sees_no("Loading…");
        fits(&world, list);
        check(&world, list);
        // The navigation is a strip, and shows where one is; deliveries are nothing that triage is led to.
        if list == "deliveries" {
            continue;
        }
        world.browser.wait(
            "(() => { const { left, right } = document.querySelector('.body > nav [aria-current]')?.getBoundingClientRect() ?? {}; \
               return left >= 0 && right <= innerWidth })()",
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_reached_at_200_percent() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.taking_group("DESK", &["exec4", "triage"]).await;
    world.task(&group, "A household", amount(1, 2)).await;
    // A window of 1280 by 800, at 200 %.
    let zoomed = json!({ "width": 640, "height": 400, "deviceScaleFactor": 2, "mobile": false });
    world.browser.devtools("Emulation.setDeviceMetricsOverride", zoomed);
    world.log_in("triage");
    let browser = &world.browser;
    fits(&world, "list");
    let reached = |css: &str| {
        let body = "const element = document.querySelector(arguments[0]); element.scrollIntoView({ block: 'center' }); \
                    const { left, top, width, height } = element.getBoundingClientRect(); \
                    const found = document.elementFromPoint(left + width / 2, top + height / 2); \
                    return element === found || element.contains(found) || found?.contains(element) || found?.outerHTML.slice(0, 200)";
        assert_eq!(browser.script(body, json!([css])), true, "{css}");
    };
    for css in [".row a", ".filters input", "nav a[href*=overview]", ".head button:last-child"] {
        reached(css);
    }
    world.open_task("A household");
    fits(&world, "task");
    check(&world, "task at 200 %");
    for css in [
        ".comparison tbody tr",
        ".seat",
        ".comments + form textarea, section form textarea",
        ".decide button",
        ".back",
    ] {
        reached(css);
    }
    browser.press("r");
    browser.wait("document.querySelector('.confirm') ? true : false");
    reached(".confirm textarea");
    reached(".confirm button");
    browser.press(super::browser::ESCAPE);
    browser.click(".decide button", "Assign and plan");
    browser.wait("document.querySelector('dialog select') ? true : false");
    fits(&world, "dialog");
    reached("dialog select[name=priority]");
    reached("dialog .primary");
}

/// Goes by the keyboard from element to element, to the end of the page: at least at so many it stops, and shows where it is.
fn walk(world: &World, least: usize, what: &str) {
    let seen = "const element = document.activeElement; const style = getComputedStyle(element); \
                const { width, height } = element.getBoundingClientRect(); \
                return [element === document.body ? '' : element.outerHTML.slice(0, 120), \
                  style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && width * height > 0]";
    // From the beginning of the page, wherever the focus was.
    world.browser.script(
        "document.querySelector('a, button, input').focus(); document.activeElement.blur()",
        json!([]),
    );
    let mut all = std::collections::BTreeSet::new();
    for _ in 0..80 {
        world.browser.press(super::browser::TAB);
        let found = world.browser.script(seen, json!([]));
        if found[0] == "" {
            break;
        }
        assert_eq!(found[1], true, "{what}: {}", found[0]);
        all.insert(found[0].to_string());
    }
    assert!(all.len() >= least, "{what}: only {}: {all:?}", all.len());
}

/// Asserts that a screen reader can name whatever somebody can do.
fn named(world: &World, what: &str) {
    let tree = world.browser.devtools("Accessibility.getFullAXTree", json!({}));
    let roles = [
        "button",
        "link",
        "textbox",
        "searchbox",
        "combobox",
        "checkbox",
        "radio",
        "listbox",
        "spinbutton",
        "dialog",
        "meter",
    ];
    let mut found = 0;
    for node in tree["nodes"].as_array().expect("a tree") {
        let role = node["role"]["value"].as_str().unwrap_or_default();
        if node["ignored"] != true && roles.contains(&role) {
            found += 1;
            let name = node["name"]["value"].as_str().unwrap_or_default();
            assert!(!name.trim().is_empty(), "{what}: a {role} has no name: {node}");
        }
    }
    assert!(found >= 4, "{what}: only {found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_focus_is_seen_and_everything_has_a_name() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.taking_group("DESK", &["exec4", "triage"]).await;
    world.task(&group, "A household", amount(1, 2)).await;
    world.open("");
    let browser = &world.browser;
    browser.wait("document.querySelector('input[name=username]') ? true : false");
    walk(&world, 3, "login");
    named(&world, "login");
    world.log_in("triage");
    browser.click(".filters button", "Filters");
    browser.wait("document.querySelector('.filters .more') ? true : false");
    walk(&world, 20, "list");
    named(&world, "list");
    world.open_task("A household");
    browser.press("c");
    browser.type_text("Hm");
    browser.wait("document.querySelector('.mentions') ? true : false");
    named(&world, "task");
    browser.press(super::browser::ESCAPE);
    walk(&world, 30, "task");
    for button in ["Assign and plan", "Hand to a person", "Delete"] {
        browser.click(".decide button", button);
        browser.wait("document.querySelector('dialog form') ? true : false");
        named(&world, button);
        check(&world, button);
        browser.press(super::browser::ESCAPE);
        browser.wait("!document.querySelector('dialog')");
        // The focus is where it was.
        let focused = browser.script("return document.activeElement.textContent", json!([]));
        assert_eq!(focused, button);
    }
}

/// A task that is decided record by record.
async fn import(world: &World, group: &str) {
    let steps = json!([{ "taskGroupId": group }]);
    let flow = json!({ "code": "IMPORTS", "taskSources": ["import_valid_items"], "steps": steps });
    world.app.flow_of(flow).await;
    let record = |at: u32| json!({ "id": format!("R{at}"), "name": format!("Record {at}") });
    let input = tasks_management::CreateTask {
        source: Some("import_valid_items".to_owned()),
        entity_string: Some("An import".to_owned()),
        data: Some(json!({ "records": (1..=3).map(record).collect::<Vec<_>>() }).into()),
        ..tasks_management::CreateTask::default()
    };
    world.app.task(input).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_nothing_wrong() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec4", "triage"]).await;
    let task = world.task(&group, "A household", amount(1, 2)).await;
    assert_eq!(world.app.vote("exec4", &task, json!("APPROVED")).await, "ok");
    import(&world, &group).await;
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
        check(&world, "list");
        browser.click(".filters button", "Filters");
        browser.wait("document.querySelector('.filters .more') ? true : false");
        check(&world, "filters");
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
        browser.press(super::browser::ESCAPE);
        browser.press("c");
        browser.type_text("Hm");
        browser.wait("document.querySelector('.mentions') ? true : false");
        check(&world, "comment");
        world.open(HERE);
        browser.click("label", "Select all");
        browser.click(".bar button", "Reject");
        browser.sees("This applies to");
        check(&world, "bulk");
        world.open("?source=import_valid_items");
        world.open_task("An import");
        browser.wait("document.querySelectorAll('.record-list > li').length === 3");
        browser.click(".record-list label", "Accept");
        browser.click(".record-list button", "Record 1");
        check(&world, "records");
        for list in ["groups", "overview", "deliveries", "unassigned", "late"] {
            world.open(&format!("?list={list}"));
            browser.wait("document.querySelector('main h1') ? true : false");
            browser.sees_no("Loading…");
            check(&world, list);
        }
    }
}
