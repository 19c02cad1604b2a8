//! How numbers, days and moments are written: by the reader's language, in the reader's zone.

use serde_json::json;
use tasks_management::CompletionPolicy::All;

use super::world::World;
use crate::support::Backend;

/// What the page says, with usual spaces.
const SAYS: &str = "document.body.innerText.replace(/[\\u00a0\\u202f]/g, ' ')";

fn says(world: &World, text: &str) {
    world.browser.wait(&format!("{SAYS}.includes({})", json!(text)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_days_and_moments_are_written_by_language_and_in_the_readers_zone() {
    let world = World::start(Backend::Sqlite).await;
    let group = world.app.group("DESK", All, &["exec4", "exec5"]).await;
    let data = json!({
        "current_data": { "amount": 1_234_567.5, "born": "1984-03-02", "seen": "2026-01-05T20:00:00Z", "noted": "2026-01-05T20:00:00" },
        "incoming_data": {
            "amount": 7_654_321, "born": "1984-03-31", "seen": "2026-01-06T20:00:00Z", "noted": "2026-01-06T20:00:00",
            "payeeId": 1_234_567, "year": 2026, "no_day": "2026-02-30", "code": "2026-1-1",
        },
    });
    let task = world.task(&group, "A household", data).await;
    world.app.run(&format!(
        "UPDATE task_management_task SET due_date = '2026-01-12 08:00:00' WHERE id = '{task}'"
    ));
    world.browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": "Asia/Kathmandu" }));
    world.log_in("exec5");
    world.open_task("A household");
    // 08:00 UTC is 13:45 in Kathmandu.
    says(&world, "Jan 12, 2026, 1:45 PM");
    says(&world, "overdue: was due");
    for text in ["1,234,567.5", "7,654,321", "Mar 2, 1984", "Mar 31, 1984", "Jan 6, 2026, 1:45 AM"] {
        says(&world, text);
    }
    // Of which zone a moment is that does not say so, nobody knows; keys, years and what is no day are no quantities.
    for text in ["Jan 6, 2026, 8:00 PM", "1234567", "2026-02-30", "2026-1-1"] {
        says(&world, text);
    }
    let exact = "[...document.querySelectorAll('td span[title]')].some((span) => span.title === '7654321')";
    world.browser.wait(exact);
    world.browser.click("button", "Français");
    for text in ["12 janv. 2026, 13:45", "1 234 567,5", "7 654 321", "2 mars 1984", "7 janv. 2026, 01:45"] {
        says(&world, text);
    }
    says(&world, "Elle attend encore 2 approbations, de vous et Exe4 Executor4.");
    let shown = world.browser.script(&format!("return {SAYS}"), json!([]));
    assert!(!shown.as_str().expect("a text").contains("PM"), "{shown}");
}
