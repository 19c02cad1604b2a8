//! A served module and somebody who sits before its desk.

use std::net::SocketAddr;

use axum::Router;
use serde_json::{Value, json};
use tasks_management::{Builder, CreateTask, Settings};
use tokio::net::TcpListener;

use super::browser::Browser;
use crate::support::scenario::{key, user_ids};
use crate::support::socket::Served;
use crate::support::{Backend, TestApp};

/// The place at which the desk shows what somebody is asked about by the source of [`World::task`], and not the fixture's tasks.
pub const HERE: &str = "?source=DeskService";

/// A served module and a browser.
pub struct World {
    /// The module.
    pub app: TestApp,
    /// The browser.
    pub browser: Browser,
    /// The address of the desk.
    pub address: String,
    /// The server; none where a host serves the module.
    pub served: Option<Served>,
}

impl World {
    /// Serves a module, and opens a window of the size of a desk.
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, (1_400, 900), |_| {}).await
    }

    /// The same with a window of this size, and settings of the test's own.
    pub async fn start_with(backend: Backend, window: (u32, u32), own: impl FnOnce(&mut Settings)) -> Self {
        Self::start_made(backend, window, own, |builder| builder).await
    }

    /// The same with a builder of the test's own.
    pub async fn start_made(
        backend: Backend,
        (width, height): (u32, u32),
        own: impl FnOnce(&mut Settings),
        builder: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let settings = |settings: &mut Settings| {
            // The fixture's executors have no right to comment.
            settings.tasks_management.gql_task_comment_perms = vec![191_001];
            own(settings);
        };
        let app = TestApp::start_with(backend, settings, builder).await;
        let served = Served::start(&app).await;
        let address = format!("http://{}/", served.address);
        let browser = Browser::start(width, height);
        Self { app, browser, address, served: Some(served) }
    }

    /// A module in the router of a host, which has paths of its own, and the desk at `/office/`.
    pub async fn start_in_host(own: impl FnOnce(&mut Settings), host: Router) -> Self {
        let settings = |settings: &mut Settings| {
            settings.desk.prefix = "office".to_owned();
            own(settings);
        };
        let app = TestApp::start_with(Backend::Sqlite, settings, |builder| builder).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}/office/", listener.local_addr().expect("an address"));
        let router = host.merge(app.router.clone()).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(axum::serve(listener, router).into_future());
        let browser = Browser::start(1_400, 900);
        Self { app, browser, address, served: None }
    }

    /// Opens the desk at an address like `?list=all`.
    pub fn open(&self, place: &str) {
        self.browser.open(&format!("{}{place}", self.address));
    }

    /// Opens the desk where it shows the tasks of [`World::task`], and logs somebody of the fixture in.
    pub fn log_in(&self, username: &str) {
        self.open(HERE);
        self.log_in_here(username);
        self.browser.wait("document.querySelector('.row, .empty') ? true : false");
    }

    /// Fills in the form that is shown.
    pub fn log_in_here(&self, username: &str) {
        self.browser.wait("document.querySelector('input[name=username]') ? true : false");
        self.browser.script("document.querySelector('input[name=username]').value = ''", json!([]));
        self.browser.fill("input[name=username]", username);
        self.browser.fill("input[name=password]", &format!("{username}123"));
        self.browser.click("button", "Log in");
    }

    /// A task with a name and data that a group decides on; returns its key.
    pub async fn task(&self, group: &str, name: &str, data: Value) -> String {
        let input = CreateTask {
            source: Some("DeskService".to_owned()),
            business_event: Some("DeskService.update".to_owned()),
            entity_string: Some(name.to_owned()),
            data: Some(data.into()),
            task_group_id: Some(key(group)),
            ..CreateTask::default()
        };
        self.app.task(input).await
    }

    /// A group of people who take tasks; returns its key.
    pub async fn taking_group(&self, code: &str, usernames: &[&str]) -> String {
        let input = json!({ "code": code, "completionPolicy": "ALL", "claimMode": "MARK", "userIds": user_ids(usernames) });
        self.app.done("admin", "createTaskGroup", input).await;
        let rows =
            self.app.user("admin").await.rows("taskGroup", &format!("(code: \"{code}\")"), "uuid").await;
        rows[0]["uuid"].as_str().expect("a key").to_owned()
    }

    /// Who has taken a task.
    pub async fn holders(&self, task: &str) -> Vec<Value> {
        let mut admin = self.app.user("admin").await;
        let rows = admin.rows("task", &format!("(id: \"{task}\")"), "claims { user { username } }").await;
        rows[0]["claims"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|claim| claim["user"]["username"].clone())
            .collect()
    }

    /// Opens a task of the list by its name.
    pub fn open_task(&self, name: &str) {
        self.browser.click(".row a", name);
        self.browser.wait(&format!("document.querySelector('article h1')?.innerText === {}", json!(name)));
    }
}

/// Data that proposes another amount.
pub fn amount(now: i64, proposed: i64) -> Value {
    json!({
        "current_data": { "name": "Amina Yusuf", "amount": now },
        "incoming_data": { "name": "Amina Yusuf", "amount": proposed },
    })
}
