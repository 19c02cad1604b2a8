//! Steps that many tests take: making groups, tasks and votes, and looking at them afterwards.

use serde_json::{Value, json};
use tasks_management::{CompletionPolicy, CreateTask, LoadFile, TaskGroupInput};
use uuid::Uuid;

use super::app::TestApp;
use super::client::Client;

/// People of the fixture with their keys.
pub const USERS: [(&str, &str); 9] = [
    ("admin", "e9ef4290-1f37-4198-9e2a-f63611069c7f"),
    ("triage", "3bfff3b5-bb66-4713-a053-67d6e4f8833c"),
    ("exec1", "0ae51fb3-baca-45e9-a688-e1d39ba119b9"),
    ("exec2", "fd1b5c39-fcf6-4ca4-a161-60464f5e8b11"),
    ("exec3", "a549bbaf-65f4-4179-a0f3-53dc42b4fd1a"),
    ("exec4", "d7d50c61-4ec7-4ea0-9219-6960bcbfceba"),
    ("exec5", "fc2a8e07-54dc-4066-aa39-9ec5420a1204"),
    ("norights", "04741c5b-8172-4a1f-8ad0-d0acadb33dba"),
    // Only where `add_maker` has added it.
    ("maker", "11111111-2222-4333-8444-555555555555"),
];

/// The key of somebody of the fixture.
pub fn user_id(username: &str) -> &'static str {
    let found = USERS.iter().find(|(name, _)| *name == username);
    found.unwrap_or_else(|| panic!("{username} is not in the fixture")).1
}

/// The keys of people of the fixture.
pub fn user_ids(usernames: &[&str]) -> Vec<&'static str> {
    usernames.iter().map(|name| user_id(name)).collect()
}

/// The nodes of a connection.
pub fn nodes(connection: &Value) -> Vec<Value> {
    let edges = connection["edges"].as_array().expect("a connection");
    edges.iter().map(|edge| edge["node"].clone()).collect()
}

/// The value of `field` in each row.
pub fn each(rows: &[Value], field: &str) -> Vec<Value> {
    rows.iter().map(|row| row[field].clone()).collect()
}

/// JSON that is kept in a text.
pub fn parsed(text: &Value) -> Value {
    text.as_str().map_or(Value::Null, |text| serde_json::from_str(text).expect("JSON in a text"))
}

impl Client {
    /// Runs a mutation; returns `ok`, or the code of the journal's error.
    pub async fn outcome(&mut self, name: &str, input: Value) -> String {
        let (status, error) = self.mutate(name, input).await;
        match status {
            2 => "ok".to_owned(),
            _ => error[0]["code"].as_str().expect("an error has a code").to_owned(),
        }
    }

    /// The rows of a root field that answers a connection.
    pub async fn rows(&mut self, field: &str, arguments: &str, selection: &str) -> Vec<Value> {
        let query = format!("{{ {field}{arguments} {{ edges {{ node {{ {selection} }} }} }} }}");
        nodes(self.graphql(&query).await.data(field))
    }
}

impl TestApp {
    /// Adds a group; returns its key.
    pub async fn group(&self, code: &str, policy: CompletionPolicy, users: &[&str]) -> String {
        self.group_with(code, policy, None, users, &[]).await
    }

    /// Adds a group with a threshold and sources; returns its key.
    pub async fn group_with(
        &self,
        code: &str,
        completion_policy: CompletionPolicy,
        threshold: Option<i32>,
        users: &[&str],
        sources: &[&str],
    ) -> String {
        let admin = self.module.requester("admin").await.expect("the fixture has an admin");
        let input = TaskGroupInput {
            threshold,
            user_ids: Some(users.iter().map(|name| key(user_id(name))).collect()),
            task_sources: Some(sources.iter().map(|&source| source.to_owned()).collect()),
            ..TaskGroupInput::new(code, completion_policy)
        };
        let group = self.module.task_groups().create(&admin, input).await.expect("a group");
        group.id.to_string()
    }

    /// Adds a task; returns its key.
    pub async fn task(&self, input: CreateTask) -> String {
        let admin = self.module.requester("admin").await.expect("the fixture has an admin");
        let task = self.module.tasks().create(&admin, input).await.expect("a task");
        task.id.to_string()
    }

    /// Adds a task that a group decides on; returns its key.
    pub async fn task_in(&self, group: &str) -> String {
        self.task(CreateTask { task_group_id: Some(key(group)), ..CreateTask::default() }).await
    }

    /// Casts somebody's vote under the voter's own name; returns the outcome.
    pub async fn vote(&self, username: &str, task: &str, value: Value) -> String {
        let status = json!({ user_id(username): value }).to_string();
        let input = json!({ "id": task, "businessStatus": status });
        self.user(username).await.outcome("resolveTask", input).await
    }

    /// Makes exactly these people the executors of a group, and keeps everything else of the group.
    pub async fn set_executors(&self, group: &str, users: &[&str]) {
        let row = self.group_row(group).await;
        let input = json!({
            "id": group, "code": row["code"], "completionPolicy": row["completionPolicy"],
            "threshold": row["threshold"], "userIds": user_ids(users),
        });
        assert_eq!(self.user("admin").await.outcome("updateTaskGroup", input).await, "ok");
    }

    /// A task as an administrator sees it; null if it is not visible.
    pub async fn task_row(&self, id: &str) -> Value {
        let fields = "uuid status version source entityId entityString executorActionEvent businessEvent data \
                      businessDataSerializer businessStatus jsonExt taskGroup { uuid } userUpdated { username }";
        let rows = self.user("admin").await.rows("task", &format!("(id: \"{id}\")"), fields).await;
        rows.into_iter().next().unwrap_or_default()
    }

    /// The status of a task.
    pub async fn status(&self, id: &str) -> String {
        self.task_row(id).await["status"].as_str().unwrap_or("gone").to_owned()
    }

    /// A group as an administrator sees it, with its executors by user name; null if it is not visible.
    pub async fn group_row(&self, id: &str) -> Value {
        let fields = "uuid code completionPolicy threshold version taskSources jsonExt \
                      taskexecutorSet { edges { node { uuid version user { username } } } }";
        let rows = self.user("admin").await.rows("taskGroup", &format!("(id: \"{id}\")"), fields).await;
        let Some(mut row) = rows.into_iter().next() else {
            return Value::Null;
        };
        let executors = nodes(&row["taskexecutorSet"]).into_iter();
        row["executors"] = executors
            .map(|executor| {
                let name = executor["user"]["username"].as_str().expect("a name").to_owned();
                (name, json!({ "uuid": executor["uuid"], "version": executor["version"] }))
            })
            .collect::<serde_json::Map<_, _>>()
            .into();
        row
    }

    /// The executors of a group, by user name.
    pub async fn executors_in(&self, id: &str) -> Vec<String> {
        let row = self.group_row(id).await;
        row["executors"].as_object().expect("a live group").keys().cloned().collect()
    }

    /// The versions of something, oldest first: `task`, `taskGroup` or `taskExecutor`.
    pub async fn versions(&self, kind: &str, id: &str, selection: &str) -> Vec<Value> {
        let field = format!("{kind}History");
        let arguments = format!("(id: \"{id}\", orderBy: \"version\")");
        let selection = format!("version historyType historyUser {{ username }} {selection}");
        self.user("admin").await.rows(&field, &arguments, &selection).await
    }

    /// How many versions there are of everything of a kind, as its history says: `taskHistory` and so on.
    pub async fn total(&self, field: &str) -> i64 {
        let mut admin = self.user("admin").await;
        // Versions of deleted rows are shown when they are asked for.
        let query = format!(
            "{{ live: {field}(isDeleted: false) {{ totalCount }} deleted: {field}(isDeleted: true) {{ totalCount }} }}"
        );
        let answer = admin.graphql(&query).await;
        let count = |part: &str| answer.data(part)["totalCount"].as_i64().expect("a number");
        count("live") + count("deleted")
    }

    /// Loads more than the fixture.
    pub async fn load(&self, file: Value) {
        let file: LoadFile = serde_json::from_value(file).expect("a well-formed file");
        self.module.load(file).await.expect("the file loads");
    }
}

/// A key as the services take it.
pub fn key(text: &str) -> Uuid {
    text.parse().expect("a UUID")
}
