//! `Task.allowedActions` lists what the caller's mutations would do, and `Task.myDecisions` what the caller has said.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::CreateTask;

use crate::statements::sent;
use crate::support::scenario::{each, key, user_id};
use crate::support::{Client, TestApp, apply, on_both};

/// A mutation for each action, with an input in which nothing is wrong.
fn mutation(action: &str, username: &str, task: &str) -> (&'static str, Value) {
    let vote = |value: Value| json!({ "id": task, "businessStatus": json!({ user_id(username): value }).to_string() });
    match action {
        "APPROVE" => ("resolveTask", vote(json!("APPROVED"))),
        "FAIL" => ("resolveTask", vote(json!("FAILED"))),
        "DECIDE_RECORDS" => ("resolveTask", vote(json!({ "ACCEPT": ["one"], "REJECT": ["two"] }))),
        "WITHDRAW" => ("withdrawTaskDecision", json!({ "id": task })),
        "CLAIM" => ("claimTask", json!({ "id": task })),
        "RELEASE" => ("releaseTask", json!({ "id": task })),
        "UPDATE" => ("updateTask", json!({ "id": task })),
        "DELETE" => ("deleteTask", json!({ "ids": [task] })),
        "COMMENT" => ("createTaskComment", json!({ "taskId": task, "text": "well" })),
        "RE_EVALUATE" => ("reEvaluateTask", json!({ "id": task })),
        other => panic!("no mutation for {other}"),
    }
}

/// What somebody can do with a task; nothing with one that the person does not see.
async fn allowed(client: &mut Client, task: &str) -> BTreeSet<String> {
    let query = format!("{{ task(id: \"{task}\") {{ edges {{ node {{ allowedActions }} }} }} }}");
    let answer = client.graphql(&query).await;
    // Who may see no tasks at all is told so.
    let listed = answer.body["data"]["task"]["edges"][0]["node"]["allowedActions"].as_array().cloned();
    listed.into_iter().flatten().map(|action| action.as_str().expect("a name").to_owned()).collect()
}

/// Gives a task to the first person to whom it can be given.
async fn assigned(client: &mut Client, task: &str) -> String {
    let mut outcome = String::new();
    for person in PEOPLE {
        outcome = client.tried("assignTask", json!({ "id": task, "userId": user_id(person) })).await;
        if outcome == "ok" {
            break;
        }
    }
    outcome
}

/// The actions in the order of the schema.
fn actions() -> Vec<String> {
    let sdl = include_str!("../../schema.graphql");
    let values = sdl.split("enum TaskAction {").nth(1).and_then(|rest| rest.split('}').next());
    let lines = values.expect("the enum").lines().map(str::trim);
    let is_value = |line: &&str| {
        !line.is_empty() && line.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
    };
    lines.filter(is_value).map(str::to_owned).collect()
}

const PEOPLE: [&str; 7] = ["admin", "triage", "exec1", "exec2", "exec3", "maker", "norights"];

/// What tasks can be like: in a group, in flows with rules of four eyes, decided by records, with an event of the host's.
struct World {
    any: String,
    all: String,
    flow: String,
    by_record: String,
}

impl World {
    async fn new(app: &TestApp) -> Self {
        app.load(json!({
            "roles": [{ "id": 50, "name": "Maker", "rights": [191_001, 191_002, 191_003, 191_004, 191_006, 191_008] }],
            "users": [{
                "id": user_id("maker"), "username": "maker", "password": "maker123", "lastName": "Make",
                "interactiveUserId": 50, "roles": ["Maker"],
            }],
        }))
        .await;
        let any = app.group("ANY", Any, &["exec1", "exec2", "maker"]).await;
        let all = app.group("EVERYBODY", All, &["exec1", "exec2", "exec3"]).await;
        let flow = app
            .flow_of(json!({ "code": "STEPS", "steps": [
                { "taskGroupId": any, "forbidMaker": true, "distinctDeciders": true },
                { "taskGroupId": all, "distinctDeciders": true },
            ] }))
            .await;
        let by_record = app
            .flow_of(json!({ "code": "RECORDS", "steps": [{ "taskGroupId": all }, { "taskGroupId": any }] }))
            .await;
        Self { any, all, flow, by_record }
    }

    /// Lets people claim tasks.
    async fn with_claims(self, app: &TestApp) -> Self {
        for (group, code, policy, mode) in
            [(&self.any, "ANY", "ANY", "EXCLUSIVE"), (&self.all, "EVERYBODY", "ALL", "MARK")]
        {
            let input = json!({ "id": group, "code": code, "completionPolicy": policy, "claimMode": mode });
            app.done("admin", "updateTaskGroup", input).await;
        }
        self
    }

    async fn task(&self, app: &TestApp, random: &mut StdRng) -> String {
        let maker = ["admin", "triage", "maker"].choose(random).expect("somebody");
        let group = [&self.any, &self.all][random.gen_range(0..2)];
        let mut input = CreateTask::default();
        match random.gen_range(0..6) {
            0 => {}
            1 | 2 => input.task_group_id = Some(key(group)),
            3 | 4 => input.flow_id = Some(key(&self.flow)),
            _ => {
                input.source = Some("import_valid_items".to_owned());
                input.flow_id = Some(key(&self.by_record));
            }
        }
        if input.flow_id.is_none() && random.gen_bool(0.2) {
            input.executor_action_event = Some("errand".to_owned());
        }
        // Only privileged people choose who decides.
        let chosen = (input.task_group_id.take(), input.flow_id.take());
        let requester = app.module.requester(maker).await.expect("somebody of the fixture");
        let task = app.module.tasks().create(&requester, input).await.expect("a task").id.to_string();
        match chosen {
            (Some(group), _) => {
                app.done(
                    "triage",
                    "updateTask",
                    json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED" }),
                )
                .await;
            }
            (_, Some(flow)) => app.done("triage", "updateTask", json!({ "id": task, "flowId": flow })).await,
            _ => {}
        }
        task
    }
}

#[apply(on_both)]
async fn an_action_is_listed_exactly_when_its_mutation_is_not_refused(app: TestApp) {
    let mut random = StdRng::seed_from_u64(15);
    // Somebody who logs in so often as this test would end the sessions with which it asks.
    let app =
        app.another_process_with(|settings| settings.auth.sessions_per_user = 100_000, |builder| builder);
    let world = World::new(&app).await.with_claims(&app).await;
    let mut clients = BTreeMap::new();
    for name in PEOPLE {
        clients.insert(name, app.user(name).await);
    }
    let (actions, mut tasks) = (actions(), Vec::new());
    let mut met: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for round in 0..600 {
        if tasks.len() < 8 {
            tasks.push(world.task(&app, &mut random).await);
        }
        if round % 25 == 0 {
            let people: Vec<&str> =
                ["exec1", "exec2", "exec3", "maker"].choose_multiple(&mut random, 3).copied().collect();
            app.set_executors([&world.any, &world.all][round / 25 % 2], &people).await;
        }
        let task = tasks[random.gen_range(0..tasks.len())].clone();
        let name = *PEOPLE.choose(&mut random).expect("somebody");
        let client = clients.get_mut(name).expect("somebody who is logged in");
        let listed = allowed(client, &task).await;
        // What ends a task comes less often.
        let action = actions.choose_weighted(&mut random, |action| match action.as_str() {
            "FAIL" | "DELETE" => 1,
            _ => 4,
        });
        let action = action.expect("an action");
        let outcome = if action == "ASSIGN" {
            assigned(client, &task).await
        } else {
            let (name_of_mutation, input) = mutation(action, name, &task);
            client.tried(name_of_mutation, input).await
        };
        let is_done = outcome == "ok";
        assert_eq!(is_done, listed.contains(action), "{round}: {name} {action} {listed:?}: {outcome}");
        met.entry(action.clone()).or_default()[usize::from(is_done)] += 1;
        let status = app.status(&task).await;
        if status == "gone" || (status != "ACCEPTED" && status != "RECEIVED" && random.gen_bool(0.3)) {
            tasks.retain(|other| *other != task);
        }
    }
    for action in &actions {
        let [refused, done] = met.get(action).copied().unwrap_or_default();
        assert!(refused > 2 && done > 2, "{action} was refused {refused} times and done {done} times");
    }
}

#[apply(on_both)]
async fn what_one_can_do_depends_on_pool_state_rights_and_four_eyes(app: TestApp) {
    let world = World::new(&app).await;
    let task = app.task(CreateTask { flow_id: Some(key(&world.flow)), ..CreateTask::default() }).await;
    let of = async |name: &str| Vec::from_iter(allowed(&mut app.user(name).await, &task).await);
    assert_eq!(of("exec1").await, ["APPROVE", "FAIL", "UPDATE"]);
    assert_eq!(of("admin").await, ["COMMENT", "DELETE", "RE_EVALUATE", "UPDATE"], "the maker may not decide");
    assert_eq!(of("triage").await, ["APPROVE", "DELETE", "FAIL", "RE_EVALUATE", "UPDATE"]);
    assert_eq!(of("exec3").await, [""; 0], "who does not see it");
    app.approve("exec1", &task).await;
    assert_eq!(of("exec1").await, ["UPDATE"], "who has decided another step");
    app.approve("exec3", &task).await;
    assert_eq!(of("exec3").await, ["APPROVE", "FAIL", "UPDATE", "WITHDRAW"]);
    app.set_executors(&world.all, &["exec1"]).await;
    assert_eq!(of("exec1").await, ["UPDATE"], "a pool in which nobody may decide lets nobody of it decide");
    app.done("triage", "deleteTask", json!({ "ids": [task] })).await;
    let open = app.task_in(&world.any).await;
    app.approve("exec2", &open).await;
    assert_eq!(Vec::from_iter(allowed(&mut app.user("admin").await, &open).await), ["COMMENT"]);
    assert_eq!(allowed(&mut app.user("exec1").await, &open).await, BTreeSet::new());
}

#[apply(on_both)]
async fn my_decisions_are_the_callers_votes_that_count(app: TestApp) {
    let group = app.group("MINE", All, &["exec1", "exec2"]).await;
    let flow = app.flow("MINE", &[&group]).await;
    let by_record = CreateTask {
        source: Some("import_valid_items".to_owned()),
        flow_id: Some(key(&flow)),
        ..CreateTask::default()
    };
    let (whole, records) = (app.task_in(&group).await, app.task(by_record).await);
    app.approve("exec1", &whole).await;
    assert_eq!(app.vote("exec1", &records, json!({ "ACCEPT": ["a"], "REJECT": ["b"] })).await, "ok");
    let mine = async |name: &str, task: &str| {
        let rows = app
            .user(name)
            .await
            .rows("task", &format!("(id: \"{task}\")"), "myDecisions { decision recordId user { username } }")
            .await;
        rows[0]["myDecisions"].as_array().expect("a list").clone()
    };
    assert_eq!(each(&mine("exec1", &whole).await, "decision"), ["APPROVED"]);
    assert_eq!(each(&mine("exec1", &records).await, "recordId"), ["a", "b"]);
    assert_eq!(mine("exec2", &whole).await, [Value::Null; 0]);
    assert_eq!(mine("admin", &whole).await, [Value::Null; 0], "those of others are not shown here");
    assert_eq!(app.propose("triage", &whole, json!({ "new": true })).await, "ok");
    assert_eq!(mine("exec1", &whole).await, [Value::Null; 0], "a stale vote does not count");
}

#[apply(on_both)]
async fn a_list_of_fifty_with_allowed_actions_costs_as_many_statements_as_one_of_two(app: TestApp) {
    let world = World::new(&app).await.with_claims(&app).await;
    let mut random = StdRng::seed_from_u64(50);
    for _ in 0..48 {
        world.task(&app, &mut random).await;
    }
    // Newest first: among the first two are one in a group and one in a flow, so that both are read.
    app.task_in(&world.any).await;
    app.task(CreateTask { flow_id: Some(key(&world.flow)), ..CreateTask::default() }).await;
    let counted = app.counted_process();
    for name in ["admin", "exec1"] {
        let mut client = counted.user(name).await;
        let mut numbers = Vec::new();
        for first in [2, 50] {
            let list = format!(
                "{{task(first: {first}, orderBy: [\"-dateCreated\"]) {{ edges {{ node {{ id allowedActions myDecisions {{ decision }} claims {{ dateUntil }} }} }} }} }}"
            );
            client.graphql(&list).await.data("task");
            sent(&counted);
            client.graphql(&list).await.data("task");
            numbers.push(sent(&counted).len());
        }
        assert_eq!(numbers[0], numbers[1], "{name}");
        assert!(numbers[0] <= 20, "{name}: {numbers:?}");
    }
}

#[apply(on_both)]
async fn of_many_votes_on_records_one_is_read_for_each_person(app: TestApp) {
    let group = app.group("MANY", All, &["exec1", "exec2"]).await;
    let flow = app
        .flow_of(json!({ "code": "MANY", "steps": [{ "taskGroupId": group, "distinctDeciders": true }] }))
        .await;
    let input = CreateTask {
        source: Some("import_valid_items".to_owned()),
        flow_id: Some(key(&flow)),
        ..CreateTask::default()
    };
    let task = app.task(input).await;
    let records: Vec<String> = (0..300).map(|number| format!("record {number}")).collect();
    assert_eq!(app.vote("exec1", &task, json!({ "ACCEPT": records })).await, "ok");
    // Its request could not read all of the votes.
    let few = app.another_process_with(|settings| settings.limits.request_rows = 100, |builder| builder);
    let listed = Vec::from_iter(allowed(&mut few.user("exec1").await, &task).await);
    assert_eq!(listed, ["DECIDE_RECORDS", "UPDATE", "WITHDRAW"]);
}
