//! Everybody votes at once, at every step, while pools change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::tape::{Rule, Step, insert_tape, lines, replay, taped};
use crate::support::{Client, TestApp, apply, on_both};

const TASKS: usize = 100;
/// Pools of five. The fifth person of each is in the next pool too, and the last person stands in for others anywhere.
const POOLS: [[usize; 5]; 3] = [[0, 1, 2, 3, 4], [4, 5, 6, 7, 8], [8, 9, 10, 11, 12]];
const STAND_IN: usize = 13;
const PEOPLE: usize = 14;
const HANDS: usize = 2;

fn name(person: usize) -> String {
    format!("voter{person}")
}

fn id(person: usize) -> String {
    uuid::Uuid::from_u128(0x7000_0000_0000_4000_8000_0000_0000_0000 + person as u128).to_string()
}

async fn add_people(app: &TestApp) {
    let users: Vec<Value> = (0..PEOPLE)
        .map(|person| {
            json!({
                "id": id(person), "username": name(person), "password": format!("{}123", name(person)),
                "interactiveUserId": 100 + person, "roles": ["Task Executor"],
            })
        })
        .collect();
    app.load(json!({ "users": users })).await;
}

/// Sets the pool of a group.
async fn set_executors(client: &mut Client, group: &str, number: usize, people: &[usize]) {
    let input = json!({
        "id": group, "code": format!("CROWD{number}"), "completionPolicy": "ALL",
        "userIds": people.iter().map(|person| id(*person)).collect::<Vec<_>>(),
    });
    assert_eq!(client.tried("updateTaskGroup", input).await, "ok");
}

/// Three groups and a flow through them, bound to a source.
async fn set_up(app: &TestApp) -> Vec<Step> {
    let mut triage = app.user("triage").await;
    let mut groups = Vec::new();
    for (number, people) in POOLS.iter().enumerate() {
        let input = json!({ "code": format!("CROWD{number}"), "completionPolicy": "ALL" });
        assert_eq!(triage.tried("createTaskGroup", input).await, "ok");
        let arguments = format!("(code: \"CROWD{number}\")");
        let row = triage.rows("taskGroup", &arguments, "uuid").await.remove(0);
        let group = row["uuid"].as_str().expect("a key").to_owned();
        set_executors(&mut triage, &group, number, people).await;
        groups.push(group);
    }
    let flow = app
        .flow_of(json!({ "code": "CROWD", "taskSources": ["crowd"], "steps": [
            { "taskGroupId": groups[0] },
            { "taskGroupId": groups[1], "completionPolicy": "N", "threshold": 3 },
            { "taskGroupId": groups[2], "policy": { "kind": "PERCENT", "threshold": 70 } },
        ]}))
        .await;
    let steps = app.flow_row(&flow).await["steps"].clone();
    let rules = [Rule::All, Rule::AtLeast(3), Rule::Percent(70)];
    groups
        .into_iter()
        .zip(rules)
        .enumerate()
        .map(|(index, (group, rule))| Step {
            id: steps[index]["uuid"].as_str().expect("a key").to_owned(),
            group,
            rule,
        })
        .collect()
}

/// A vote with its client id, by which the journal tells its result.
fn vote(task: &str, step: &str, person: usize, number: usize) -> Value {
    let user = id(person);
    json!({
        "query": "mutation($input: ResolveTaskMutationInput!) { resolveTask(input: $input) { internalId } }",
        "variables": { "input": {
            "id": task, "stepId": step, "businessStatus": json!({ &user: "APPROVED" }).to_string(),
            "clientMutationId": format!("{task} {step} {user} {number}"),
        } },
    })
}

/// Votes on whatever waits for the person, until nothing is left for anybody.
async fn votes(mut client: Client, person: usize, hand: usize, over: Arc<AtomicBool>) {
    let mut tries: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut idle = 0_usize;
    while !over.load(Ordering::Relaxed) {
        let waiting: Vec<(String, String)> = client
            .rows("task", "(source: \"crowd\", status: ACCEPTED)", "uuid currentStep { uuid }")
            .await
            .iter()
            .enumerate()
            .filter(|(place, _)| place % HANDS == hand)
            .map(|(_, row)| {
                let text = |value: &Value| value.as_str().expect("a key").to_owned();
                (text(&row["uuid"]), text(&row["currentStep"]["uuid"]))
            })
            .collect();
        let fresh: Vec<&(String, String)> =
            waiting.iter().filter(|place| !tries.contains_key(*place)).collect();
        // Tasks are voted on again from time to time, because a vote may have been refused while the person was no executor.
        let again = fresh.is_empty() && idle % 8 == 7;
        idle = if fresh.is_empty() { idle + 1 } else { 0 };
        for (task, step) in if again { waiting.iter().collect() } else { fresh } {
            let number = tries.entry((task.clone(), step.clone())).or_default();
            *number += 1;
            let answer = client.post(vote(task, step, person, *number * HANDS + hand)).await;
            assert!(answer.data("resolveTask")["internalId"].is_string(), "{}", answer.text);
            if over.load(Ordering::Relaxed) {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Removes executors and adds them again as long as there is something to vote on. In the end all groups are as they were.
async fn moves(mut triage: Client, groups: Vec<String>, over: Arc<AtomicBool>) {
    for round in 0..12 {
        if over.load(Ordering::Relaxed) {
            break;
        }
        for (number, group) in groups.iter().enumerate() {
            let mut people = POOLS[number].to_vec();
            people[(round + number) % 5] = STAND_IN;
            if round % 3 == 2 {
                people.pop();
            }
            set_executors(&mut triage, group, number, &people).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    for (number, group) in groups.iter().enumerate() {
        set_executors(&mut triage, group, number, &POOLS[number]).await;
    }
}

#[apply(on_both)]
async fn a_crowd_votes_at_once_at_every_step_while_pools_change_and_the_tape_tells_the_same_outcome(
    app: TestApp,
) {
    insert_tape(&app);
    add_people(&app).await;
    let processes = [app.another_process_with(|_| {}, taped), app.another_process_with(|_| {}, taped)];
    let steps = set_up(&processes[0]).await;
    for _ in 0..TASKS {
        processes[0].task_from("crowd").await;
    }
    let (over, began) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let mut race = JoinSet::new();
    for person in 0..PEOPLE {
        let client = processes[person % 2].user(&name(person)).await;
        for hand in 0..HANDS {
            race.spawn(votes(client.clone(), person, hand, Arc::clone(&over)));
        }
    }
    let groups = steps.iter().map(|step| step.group.clone()).collect();
    race.spawn(moves(processes[1].user("triage").await, groups, Arc::clone(&over)));
    let open = "SELECT count(*) FROM task_management_task WHERE source = 'crowd' AND status = 'ACCEPTED'";
    let most_patient = AtomicUsize::new(0);
    while app.count(open) > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let waits = most_patient.fetch_add(1, Ordering::Relaxed);
        assert!(waits < 3000, "{} tasks are stuck", app.count(open));
        while let Some(done) = race.try_join_next() {
            done.expect("no voter fails");
        }
    }
    over.store(true, Ordering::Relaxed);
    let took = began.elapsed();
    while let Some(done) = race.join_next().await {
        done.expect("no voter fails");
    }

    // Nobody was told of a fault of the server.
    assert_eq!(app.count("SELECT count(*) FROM core_mutationlog WHERE status = 0"), 0);
    let faults = lines(
        &app,
        "SELECT request_date_time AS id, error AS line FROM core_mutationlog WHERE error LIKE '%INTERNAL%'",
    );
    assert!(faults.is_empty(), "{faults:?}");

    // Exactly what the tape says came about.
    let replayed = replay(&app, &steps);
    assert_eq!(replayed.completed.len(), TASKS);
    let ledger: BTreeSet<String> = lines(
        &app,
        "SELECT id, CAST(task_id AS text) || ' ' || CAST(step_id AS text) || ' ' || CAST(user_id AS text) AS line \
         FROM task_management_taskdecision WHERE NOT is_deleted AND NOT is_stale",
    ).into_iter().collect();
    assert_eq!(ledger, replayed.votes, "the ledger holds the votes of the tape");
    assert_eq!(
        app.count("SELECT count(*) FROM task_management_taskdecision"),
        i64::try_from(ledger.len()).expect("few"),
        "no vote twice"
    );
    // Every vote that was acknowledged is in the ledger.
    let taken: BTreeSet<String> = lines(
        &app,
        "SELECT id, client_mutation_id AS line FROM core_mutationlog WHERE mutation = 'resolveTask' AND status = 2",
    ).iter().map(|line| line.rsplit_once(' ').expect("a number").0.to_owned()).collect();
    assert_eq!(taken, ledger, "no vote is lost");

    // Versions are consecutive, each kept once; each task is completed once, at its last step.
    let history = "FROM task_management_historicaltask WHERE source = 'crowd'";
    let consecutive = format!(
        "SELECT count(*) FROM (SELECT id {history} GROUP BY id HAVING min(version) = 1 AND \
         max(version) = count(*) AND count(DISTINCT version) = count(*)) AS whole"
    );
    assert_eq!(app.count(&consecutive), 100);
    assert_eq!(app.count(&format!("SELECT count(*) {history} AND status = 'COMPLETED'")), 100);
    let at_the_last = format!(
        "SELECT count(*) FROM task_management_task WHERE source = 'crowd' AND status = 'COMPLETED' AND current_step_id = '{}'",
        steps[2].id
    );
    assert_eq!(app.count(&at_the_last), 100);
    assert_eq!(app.count("SELECT count(*) FROM task_management_taskpool WHERE date_passed IS NULL"), 0);
    assert_eq!(app.count("SELECT count(*) FROM task_management_taskpool"), 300);
    assert!(replayed.pool_changes > 15, "pools did not change: {}", replayed.pool_changes);
    println!(
        "{:?}: {} votes taken of {} asked in {took:?}, {} changes of pools",
        app.backend,
        ledger.len(),
        app.count("SELECT count(*) FROM core_mutationlog WHERE mutation = 'resolveTask'"),
        replayed.pool_changes,
    );
}
