//! Who is told of a change is exactly who sees the task then: what the audience of changes says of all who listen at once agrees
//! with what lists say to each of them.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};

use crate::support::scenario::user_id;
use crate::support::socket::{Served, Socket};
use crate::support::{Client, TestApp, apply, on_both};

/// Those who listen: executors, triage, a superuser, makers who are executors or not, and one who sees all and is nothing else.
const PEOPLE: [&str; 8] = ["admin", "triage", "exec1", "exec2", "exec3", "makes", "both", "seer"];
const EXECUTORS: [&str; 4] = ["exec1", "exec2", "exec3", "both"];
/// More than as long as a change takes to be told.
const A_WHILE: Duration = Duration::from_millis(800);
const STEPS: usize = 60;

fn id_of(username: &str) -> String {
    match username {
        "makes" => "00000000-0000-7000-b000-000000000001".to_owned(),
        "both" => "00000000-0000-7000-b000-000000000002".to_owned(),
        "seer" => "00000000-0000-7000-b000-000000000003".to_owned(),
        other => user_id(other).to_owned(),
    }
}

async fn people(app: &TestApp) {
    let person = |name: &str, number: i32, role: &str| {
        json!({ "id": id_of(name), "username": name, "password": format!("{name}123"), "interactiveUserId": number,
            "roles": [role] })
    };
    app.load(json!({
        "roles": [
            { "id": 71, "name": "Makes", "rights": [191_002] },
            { "id": 72, "name": "Makes and decides", "rights": [191_001, 191_002, 191_003] },
            { "id": 73, "name": "Sees", "rights": [191_005] },
        ],
        "users": [person("makes", 71, "Makes"), person("both", 72, "Makes and decides"), person("seer", 73, "Sees")],
    }))
    .await;
}

/// The groups and flows of a world, and its people, who log in once: more sessions would end those that listen.
struct World {
    clients: BTreeMap<&'static str, Client>,
    groups: Vec<String>,
    flows: Vec<String>,
    tasks: Vec<String>,
}

impl World {
    async fn new(app: &TestApp) -> Self {
        let mut groups = Vec::new();
        for (code, policy) in [("ONE", Any), ("TWO", All), ("THREE", All)] {
            groups.push(app.group(code, policy, &["exec1", "exec2"]).await);
        }
        let parallel = json!({ "code": "PARALLEL", "steps": [
            { "taskGroupId": groups[0], "order": 1 }, { "taskGroupId": groups[1], "order": 1 }, { "taskGroupId": groups[2] },
        ] });
        let flows = vec![app.flow_of(parallel).await, app.flow("SERIAL", &[&groups[2], &groups[0]]).await];
        let mut clients = BTreeMap::new();
        for name in PEOPLE {
            clients.insert(name, app.user(name).await);
        }
        Self { clients, groups, flows, tasks: Vec::new() }
    }

    async fn outcome(&mut self, who: &str, mutation: &str, input: Value) -> String {
        self.clients.get_mut(who).expect("one of them").outcome(mutation, input).await
    }

    async fn sees(&mut self, who: &str, task: &str) -> bool {
        let query = format!("{{ task(id: \"{task}\") {{ totalCount }} }}");
        let answer = self.clients.get_mut(who).expect("one of them").graphql(&query).await;
        answer.body["data"]["task"]["totalCount"] == 1
    }

    /// Something that changes a task, or who may see which.
    async fn change(&mut self, app: &TestApp, random: &mut StdRng) {
        let group = self.groups.choose(random).expect("one").clone();
        let flow = self.flows.choose(random).expect("one").clone();
        let task = self.tasks.choose(random).cloned();
        let (Some(task), false) = (task, random.gen_ratio(1, 5)) else {
            let maker = ["makes", "both", "triage"].choose(random).expect("somebody");
            let mut input = json!({ "source": "audience" });
            if *maker == "triage" && random.gen_bool(0.6) {
                let (name, id) =
                    if random.gen_bool(0.5) { ("flowId", &flow) } else { ("taskGroupId", &group) };
                input[name] = json!(id);
            }
            assert_eq!(self.outcome(maker, "createTask", input).await, "ok");
            let newest =
                "SELECT CAST(id AS text) AS value FROM task_management_task ORDER BY id DESC LIMIT 1";
            self.tasks.push(app.text(newest));
            return;
        };
        let who = *EXECUTORS.choose(random).expect("somebody");
        let dice = random.gen_range(0..100);
        let (person, mutation, input) = match dice {
            0..=24 => ("triage", "updateTask", json!({ "id": task, "priority": random.gen_range(0..100) })),
            25..=39 => {
                ("triage", "updateTask", json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED" }))
            }
            40..=49 => ("triage", "updateTask", json!({ "id": task, "flowId": flow })),
            50..=54 => ("triage", "updateTask", json!({ "id": task, "detachGroup": true })),
            55..=59 => ("triage", "updateTask", json!({ "id": task, "detachFlow": true })),
            60..=74 => {
                let vote = if random.gen_ratio(1, 8) { "FAILED" } else { "APPROVED" };
                (
                    who,
                    "resolveTask",
                    json!({ "id": task, "businessStatus": json!({ id_of(who): vote }).to_string() }),
                )
            }
            75..=78 => ("admin", "deleteTask", json!({ "ids": [task] })),
            79..=92 => {
                let many = random.gen_range(0..=EXECUTORS.len());
                let people: Vec<String> =
                    EXECUTORS.choose_multiple(random, many).map(|name| id_of(name)).collect();
                let place = self.groups.iter().position(|other| *other == group).expect("it is one of them");
                let (code, policy) = [("ONE", "ANY"), ("TWO", "ALL"), ("THREE", "ALL")][place];
                let input =
                    json!({ "id": group, "code": code, "completionPolicy": policy, "userIds": people });
                ("triage", "updateTaskGroup", input)
            }
            _ => {
                // What a role grants changes for those who listen already.
                let sql = if random.gen_bool(0.5) {
                    "DELETE FROM core_roleright WHERE role_id = 72 AND right_id = 191001"
                } else {
                    "INSERT INTO core_roleright (role_id, right_id) SELECT 72, 191001 WHERE NOT EXISTS \
                     (SELECT 1 FROM core_roleright WHERE role_id = 72 AND right_id = 191001)"
                };
                app.run(sql);
                return;
            }
        };
        // Most of what is refused was asked for of a task that is decided or gone.
        let outcome = self.outcome(person, mutation, input.clone()).await;
        assert_ne!(outcome, "INTERNAL", "{mutation} {input}");
    }
}

/// What one who listens was told: which versions of which tasks, but not what went away.
fn told(messages: impl Iterator<Item = Value>) -> Vec<(String, i64)> {
    let of = |message: Value| {
        let task = &message["payload"]["data"]["taskChanged"]["task"];
        Some((task["uuid"].as_str()?.to_owned(), task["version"].as_i64()?))
    };
    messages.filter_map(of).collect()
}

#[apply(on_both)]
async fn who_is_told_of_a_change_is_exactly_who_sees_the_task_then(app: TestApp) {
    people(&app).await;
    let served = Served::start(&app).await;
    let mut sockets: BTreeMap<&str, Socket> = BTreeMap::new();
    for name in PEOPLE {
        let mut socket = served.listen(&app, name).await;
        socket.listen("");
        sockets.insert(name, socket);
    }
    let mut world = World::new(&app).await;
    let mut random = StdRng::seed_from_u64(7);
    let mut expected: BTreeMap<&str, Vec<(String, i64)>> = BTreeMap::new();
    let last =
        || app.number("SELECT COALESCE(max(history_id), 0) AS value FROM task_management_historicaltask");
    let mut seen = last();
    for _ in 0..STEPS {
        world.change(&app, &mut random).await;
        let newest = last();
        while seen < newest {
            // The superuser is told of everything, and so when the others are.
            let change = sockets.get_mut("admin").expect("she listens").change();
            seen = change["cursor"].as_str().expect("a cursor").parse().expect("a number");
            let Some(task) = change["task"]["uuid"].as_str() else { continue };
            for name in PEOPLE {
                if world.sees(name, task).await {
                    let version = change["task"]["version"].as_i64().expect("a version");
                    expected.entry(name).or_default().push((task.to_owned(), version));
                }
            }
        }
    }
    for name in PEOPLE.into_iter().filter(|name| *name != "admin") {
        let socket = sockets.get_mut(name).expect("a socket");
        let told = told(std::iter::from_fn(|| socket.soon(A_WHILE)));
        let expected = expected.remove(name).unwrap_or_default();
        assert_eq!(told, expected, "{name}");
        assert!(expected.len() > 3, "{name} sees too little: {expected:?}");
    }
}
