//! What hosts make of the desk: a place in their own router, a name, a logo, and renderers for the data of their sources.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde_json::json;
use tasks_management::CompletionPolicy::Any;
use tasks_management::CreateTask;

use super::world::World;
use crate::support::scenario::key;

/// A module of renderers, as docs/desk.md describes it, and what a careless one may do.
const RENDERERS: &str = r"
export default function ({ register, html, Text }) {
  register('PaymentService', {
    data: ({ task, data }) => html`<p class='own'>${data.incoming_data.amount} to <${Text} value=${data.incoming_data.payee} /> (${task.source})</p>`,
  });
  register('MapService', {
    data: ({ data }) => {
      const place = document.createElement('output');
      place.textContent = `at ${data.place}`;
      return place;
    },
  });
  register('BrokenService', { data: ({ data }) => data.nothing.at.all });
  register('MarkupService', {
    data: ({ data }) => {
      const place = document.createElement('div');
      place.innerHTML = data.name;
      return place;
    },
  });
  register('RowsService', { records: (data) => data.rows.map((row) => ({ id: row.key, title: row.label, value: row })) });
}";

const LOGO: &str =
    "<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'><rect width='8' height='8'/></svg>";

fn host() -> Router {
    let kind =
        |kind: &'static str, text: &'static str| get(move || async move { ([(CONTENT_TYPE, kind)], text) });
    Router::new()
        .route("/own/renderers.js", kind("text/javascript", RENDERERS))
        .route("/own/logo.svg", kind("image/svg+xml", LOGO))
}

async fn start() -> World {
    let named = |settings: &mut tasks_management::Settings| {
        settings.desk.title = "Office of \"Grants\" & <Loans>".to_owned();
        settings.desk.logo = "/own/logo.svg".to_owned();
        settings.desk.extension = "/own/renderers.js".to_owned();
    };
    let world = World::start_in_host(named, host()).await;
    let group = world.app.group("DESK", Any, &["exec5"]).await;
    let markup = "<img src=x onerror=window.hit=1>";
    for (source, data) in [
        ("PaymentService", json!({ "incoming_data": { "amount": 250, "payee": "Amina\u{202e}" } })),
        ("MapService", json!({ "place": markup })),
        ("BrokenService", json!({ "name": "Still shown" })),
        ("MarkupService", json!({ "name": markup })),
        (
            "RowsService",
            json!({ "rows": [{ "key": "r1", "label": "The first row" }, { "key": "r2", "label": "The second row" }] }),
        ),
    ] {
        let input = CreateTask {
            source: Some(source.to_owned()),
            entity_string: Some(format!("For {source}")),
            data: Some(data.into()),
            task_group_id: Some(key(&group)),
            ..CreateTask::default()
        };
        world.app.task(input).await;
    }
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_gives_the_desk_a_place_a_name_and_a_logo() {
    let world = start().await;
    world.open("");
    let browser = &world.browser;
    browser.sees("Office of \"Grants\" & <Loans>");
    browser.wait("document.querySelector('h1 img')?.naturalWidth === 8");
    world.log_in_here("exec5");
    browser.wait("document.querySelector('.head .name img')?.naturalWidth === 8");
    browser.wait("document.title === 'Waiting for me · Office of \"Grants\" & <Loans>'");
    // The interface and its subscriptions are found from there.
    browser.wait("document.documentElement.dataset.live === 'told'");
    assert!(browser.address().contains("/office/"), "{}", browser.address());
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_shows_the_data_of_its_sources_in_its_own_way() {
    let world = start().await;
    world.open("?list=all");
    world.log_in_here("exec5");
    let browser = &world.browser;
    let open = |source: &str| {
        world.open(&format!("?list=all&source={source}"));
        world.open_task(&format!("For {source}"));
    };
    open("PaymentService");
    browser.wait("document.querySelector('.own') ? true : false");
    assert_eq!(browser.text(".own"), "250 to AminaU+202E (PaymentService)");
    assert_eq!(browser.text(".comparison"), "", "nothing is shown twice");
    browser.click("button", "Show the data as it was sent");
    browser.wait("document.querySelector('.raw')?.innerText.includes('incoming_data') ?? false");
    open("MapService");
    browser.sees("at <img src=x onerror=window.hit=1>");
    open("RowsService");
    browser.sees("The second row");
    browser.click(".record-list label", "Reject");
    browser.sees("0 to accept, 1 to reject");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // A renderer that fails, or that makes markup of data, is told of in the console, and the data is shown as it is.
    for (source, text) in
        [("BrokenService", "Still shown"), ("MarkupService", "<img src=x onerror=window.hit=1>")]
    {
        open(source);
        browser.wait("document.querySelector('.comparison') ? true : false");
        assert!(browser.text(".comparison").contains(text), "{}", browser.text(".comparison"));
        let complaints = browser.complaints().join("\n");
        assert!(complaints.contains("desk.extension"), "{complaints}");
    }
    assert_eq!(browser.script("return window.hit ?? null", json!([])), json!(null));
}
