//! What triage and operators look at beside tasks: groups, and deliveries that failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tasks_management::CompletionPolicy::Any;
use tasks_management::{CreateTask, Signal, Signals};

use super::world::World;
use crate::support::{Backend, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_that_failed_are_tried_again() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let broken = Arc::clone(&is_broken);
    let bus = Signals::builder().after("archive", [Signal::TaskCreate], move |_| {
        let fails = broken.load(Ordering::SeqCst);
        async move { if fails { Err("the archive is closed".into()) } else { Ok(()) } }
    });
    let quick = |settings: &mut tasks_management::Settings| {
        settings.outbox.attempts = 1;
        settings.outbox.poll_ms = 20;
    };
    let world = World::start_made(Backend::Sqlite, (1_400, 900), quick, |builder| builder.signals(bus)).await;
    for name in ["One", "Two"] {
        world.app.task(CreateTask { entity_string: Some(name.to_owned()), ..CreateTask::default() }).await;
    }
    let with = |status: &str| {
        world.app.count(&format!("SELECT count(*) FROM task_management_outbox WHERE status = '{status}'"))
    };
    until("both have failed", || with("DEAD") == 2).await;
    world.log_in("admin");
    let browser = &world.browser;
    browser.click("nav a", "Programs not told");
    browser.sees("2 messages");
    browser.sees("A task was proposed");
    browser.sees("to archive");
    browser.sees("the archive is closed");
    browser.sees("tried once");
    is_broken.store(false, Ordering::SeqCst);
    browser.click(".cards button", "Try again");
    browser.sees("1 message is sent again.");
    browser.sees("1 message");
    until("the first is delivered", || with("DELIVERED") == 1).await;
    browser.click("button", "Try all of these again");
    browser.sees("Every program has been told");
    until("both are delivered", || with("DELIVERED") == 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_come_page_by_page_and_are_found_by_their_names() {
    let world = World::start(Backend::Sqlite).await;
    for number in 100..160 {
        world.app.group(&format!("OFFICE-{number}"), Any, &["exec5"]).await;
    }
    world.log_in("triage");
    let browser = &world.browser;
    browser.click("nav a", "Groups");
    browser.wait("document.querySelectorAll('.cards > li').length === 50");
    browser.click("button", "More groups");
    browser.wait("document.querySelectorAll('.cards > li').length > 60");
    browser.sees_no("More groups");
    browser.fill("input[type=search]", "office-142");
    browser.wait("document.querySelectorAll('.cards > li').length === 1");
    assert!(browser.text(".cards").contains("Exe5 Executor5"), "{}", browser.text(".cards"));
    // A filter knows all of them.
    world.open("?list=all&priority=70");
    browser.click(".filters button", "Filters");
    browser.wait("document.querySelectorAll('select[name=group] option').length > 60");
}
