//! Steps that tests of approval flows take.

use serde_json::{Value, json};
use tasks_management::CreateTask;

use super::app::TestApp;
use super::scenario::{key, nodes};

/// The fields of a flow that tests look at.
const FLOW: &str = "uuid code name version isDeleted replacementUuid dateValidFrom dateValidTo lineageId stepCount \
                    inFlightCount taskSources steps { uuid order taskGroup { uuid code } completionPolicy threshold \
                    effectivePolicy effectiveThreshold policy { kind threshold } forbidMaker distinctDeciders }";

/// The fields of a task in a flow that tests look at.
const ON_ITS_WAY: &str = "uuid status version businessStatus taskGroup { code } flow { uuid code } \
                          currentStep { uuid order } activeGroups { code } rejectedRecordIds \
                          decisions { ...Votes } stale: decisions(isStale: true) { ...Votes } \
                          progress { held heldReason stepCount passedCount pools { needed has outcome held heldReason \
                          policy { kind threshold } taskGroup { code } step { uuid order } forbidMaker distinctDeciders \
                          missing { username } barred { reason user { username } } \
                          votes { verdict acceptedCount rejectedCount comment user { username } } } }";

/// The fields of its votes that tests look at.
const VOTES: &str = "fragment Votes on TaskDecisionGQLTypeConnection { edges { node { uuid decision comment isStale weight \
                     dataHash recordId user { username } flowStep { order } } } }";

impl TestApp {
    /// Adds a flow through these groups, one after the other; returns its key.
    pub async fn flow(&self, code: &str, groups: &[&str]) -> String {
        let steps: Vec<Value> = groups.iter().map(|group| json!({ "taskGroupId": group })).collect();
        self.flow_of(json!({ "code": code, "steps": steps })).await
    }

    /// Adds a flow as `createTaskFlow` takes it; returns its key.
    pub async fn flow_of(&self, input: Value) -> String {
        let mut admin = self.user("admin").await;
        assert_eq!(admin.outcome("createTaskFlow", input.clone()).await, "ok", "{input}");
        let code = input["code"].as_str().expect("a code");
        let rows = admin.rows("taskFlow", &format!("(code: \"{code}\")"), "uuid").await;
        rows.first().expect("the new flow")["uuid"].as_str().expect("a key").to_owned()
    }

    /// A version of a flow as an administrator sees it; null if it is not visible.
    pub async fn flow_row(&self, id: &str) -> Value {
        let arguments = format!("(id: \"{id}\", showSuperseded: true)");
        self.user("admin")
            .await
            .rows("taskFlow", &arguments, FLOW)
            .await
            .into_iter()
            .next()
            .unwrap_or_default()
    }

    /// Adds a task that goes through a flow; returns its key.
    pub async fn task_on(&self, flow: &str) -> String {
        self.task(CreateTask { flow_id: Some(key(flow)), ..CreateTask::default() }).await
    }

    /// Adds a task of a source; returns its key.
    pub async fn task_from(&self, source: &str) -> String {
        self.task(CreateTask { source: Some(source.to_owned()), ..CreateTask::default() }).await
    }

    /// A task in a flow as an administrator sees it. `decisions` are all its votes in the order in which they were cast,
    /// stale ones too.
    pub async fn on_its_way(&self, id: &str) -> Value {
        let query = format!("{{ task(id: \"{id}\") {{ edges {{ node {{ {ON_ITS_WAY} }} }} }} }} {VOTES}");
        let rows = nodes(self.user("admin").await.graphql(&query).await.data("task"));
        let Some(mut row) = rows.into_iter().next() else {
            return Value::Null;
        };
        let mut votes = [nodes(&row["decisions"]), nodes(&row["stale"])].concat();
        // Keys are made in the order of time.
        votes.sort_by_key(|vote| vote["uuid"].to_string());
        row["decisions"] = Value::Array(votes);
        row
    }

    /// Where a task is: its status, the order of its step, and the groups that are asked.
    pub async fn place(&self, id: &str) -> (String, Option<i64>, Vec<String>) {
        let row = self.on_its_way(id).await;
        let groups = row["activeGroups"].as_array().expect("a list");
        (
            row["status"].as_str().expect("a status").to_owned(),
            row["currentStep"]["order"].as_i64(),
            groups.iter().map(|group| group["code"].as_str().expect("a code").to_owned()).collect(),
        )
    }

    /// Supersedes a flow by a version through these groups; returns the new version's key.
    pub async fn replace_flow(&self, flow: &str, groups: &[&str]) -> String {
        let steps: Vec<Value> = groups.iter().map(|group| json!({ "taskGroupId": group })).collect();
        self.done("admin", "replaceTaskFlow", json!({ "id": flow, "steps": steps })).await;
        let replacement = self.flow_row(flow).await["replacementUuid"].clone();
        replacement.as_str().expect("a successor").to_owned()
    }

    /// The key of one of a flow's steps, counted from 0.
    pub async fn step(&self, flow: &str, number: usize) -> String {
        self.flow_row(flow).await["steps"][number]["uuid"].as_str().expect("a step").to_owned()
    }

    /// Somebody approves a task.
    pub async fn approve(&self, username: &str, task: &str) {
        assert_eq!(self.vote(username, task, json!("APPROVED")).await, "ok", "{username}");
    }

    /// Runs a mutation that must go well.
    pub async fn done(&self, username: &str, mutation: &str, input: Value) {
        let (status, error) = self.user(username).await.mutate(mutation, input.clone()).await;
        assert_eq!(status, 2, "{mutation} {input}: {error}");
    }

    /// Runs a mutation that must be refused and leave nothing but its entry in the journal; returns the code and the field
    /// that the error names.
    pub async fn refused(&self, username: &str, mutation: &str, input: Value) -> String {
        let error = self.refusal(username, mutation, input).await;
        let code = error["code"].as_str().expect("an error has a code");
        error["detail"].as_str().map_or_else(|| code.to_owned(), |field| format!("{code} {field}"))
    }

    /// The same; returns the text of the error, without the marks around its variables.
    pub async fn refusal_text(&self, username: &str, mutation: &str, input: Value) -> String {
        let error = self.refusal(username, mutation, input).await;
        error["message"].as_str().expect("words").replace(['\u{2068}', '\u{2069}'], "")
    }

    async fn refusal(&self, username: &str, mutation: &str, input: Value) -> Value {
        let mut client = self.user(username).await;
        let before = self.row_counts();
        let (status, error) = client.mutate(mutation, input.clone()).await;
        assert_eq!(status, 1, "{mutation} {input} was not refused");
        for ((table, then), (_, now)) in before.iter().zip(self.row_counts()) {
            assert_eq!(now, then + i64::from(*table == "core_mutationlog"), "{mutation} {input}: {table}");
        }
        error[0].clone()
    }
}
