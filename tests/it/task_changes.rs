//! Who listens is told of each change of the tasks that one sees, in the order of the log, and none is left out.

use std::time::Duration;

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};

use crate::support::scenario::user_id;
use crate::support::socket::Served;
use crate::support::{Backend, TestApp, apply, on_both};

/// As long as a change would take to be told of.
const A_WHILE: Duration = Duration::from_millis(700);

fn told(signal: &str, version: i64) -> (String, Value) {
    (signal.to_owned(), json!(version))
}

/// Triage gives a task that was created to a group.
async fn accept(app: &TestApp, task: &str, group: &str) {
    let input = json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED" });
    app.done("triage", "updateTask", input).await;
}

async fn priority(app: &TestApp, task: &str, priority: i64) {
    app.done("triage", "updateTask", json!({ "id": task, "priority": priority })).await;
}

#[apply(on_both)]
async fn each_change_is_told_to_who_sees_the_task_and_to_nobody_else(app: TestApp) {
    let served = Served::start(&app).await;
    let group = app.group("HEARS", All, &["exec1", "exec2"]).await;
    let mut admin = served.listen(&app, "admin").await;
    let mut executor = served.listen(&app, "exec1").await;
    let mut other = served.listen(&app, "exec3").await;
    for socket in [&mut admin, &mut executor, &mut other] {
        assert_eq!(socket.listen("").len(), 1, "nothing was missed");
    }
    let task = app.task(tasks_management::CreateTask::default()).await;
    let created = admin.change();
    assert_eq!((&created["signal"], &created["uuid"]), (&json!("CREATED"), &json!(task)));
    assert_eq!(created["task"]["uuid"], json!(task));
    accept(&app, &task, &group).await;
    app.approve("exec1", &task).await;
    app.approve("exec2", &task).await;
    assert_eq!(
        admin.changes(),
        [told("CHANGED", 2), told("CHANGED", 3), told("CHANGED", 4), told("COMPLETED", 5)]
    );
    // The executor sees it from when it was accepted on.
    assert_eq!(
        executor.changes(),
        [told("CHANGED", 2), told("CHANGED", 3), told("CHANGED", 4), told("COMPLETED", 5)]
    );
    assert!(other.is_silent(A_WHILE));
}

#[apply(on_both)]
async fn those_who_ask_the_same_of_one_change_are_each_told_what_is_theirs(app: TestApp) {
    let served = Served::start(&app).await;
    let group = app.group("SAME", Any, &["exec1", "exec2"]).await;
    let mut sockets = Vec::new();
    for who in ["exec1", "exec2", "exec3", "admin", "exec1"] {
        let mut socket = served.listen(&app, who).await;
        let plain = "subscription { taskChanged { cursor signal uuid task { uuid version status } } }";
        let own = "subscription { taskChanged { cursor uuid task { uuid allowedActions } } }";
        for (id, query) in [("plain", plain), ("own", own)] {
            socket.subscribe(id, query);
            assert_eq!(socket.next()["payload"]["data"]["taskChanged"]["uuid"], Value::Null, "READY");
        }
        sockets.push((who, socket));
    }
    let task = app.task_in(&group).await;
    for (who, mut socket) in sockets {
        if who == "exec3" {
            assert!(socket.is_silent(A_WHILE), "who does not see it is told nothing");
            continue;
        }
        for _ in 0..2 {
            let message = socket.next();
            let change = &message["payload"]["data"]["taskChanged"];
            assert_eq!(change["task"]["uuid"], json!(task), "{message}");
            if message["id"] == "plain" {
                assert_eq!(
                    (&change["signal"], &change["task"]["status"]),
                    (&json!("CREATED"), &json!("ACCEPTED"))
                );
            } else {
                let actions = change["task"]["allowedActions"].as_array().expect("a list");
                assert_eq!(actions.contains(&json!("RE_EVALUATE")), who == "admin", "{who}: {actions:?}");
            }
        }
    }
}

#[apply(on_both)]
async fn one_statement_asks_sessions_rights_and_sight_of_all_who_listen(app: TestApp) {
    let group = app.group("ASKED", All, &["exec1", "exec2", "exec3"]).await;
    let task = app.task_in(&group).await;
    let counted = app.counted_process();
    let served = Served::start(&counted).await;
    let mut sockets = Vec::new();
    for who in ["admin", "triage", "exec1", "exec2", "exec3", "exec4"] {
        let mut socket = served.listen(&counted, who).await;
        socket.subscribe("1", "subscription { taskChanged { signal uuid } }");
        assert_eq!(socket.change()["signal"], "READY");
        sockets.push(socket);
    }
    counted.statements();
    priority(&app, &task, 7).await;
    let mut other = sockets.pop().expect("six listen");
    for socket in &mut sockets {
        assert_eq!(socket.change()["signal"], "CHANGED");
    }
    assert!(other.is_silent(A_WHILE));
    let sent = counted.statements();
    let asking = |what: &str| -> Vec<&String> { sent.iter().filter(|text| text.contains(what)).collect() };
    let [sight] = asking("'asked'")[..] else { panic!("not one statement: {sent:#?}") };
    assert!(["'session'", "'person'", "'role'"].iter().all(|what| sight.contains(what)), "{sight}");
    // Now and then sessions and rights are asked for although nothing changes.
    assert!(asking("'session'").len() <= 2, "{sent:#?}");
}

#[apply(on_both)]
async fn who_may_see_no_tasks_may_not_listen(app: TestApp) {
    let served = Served::start(&app).await;
    let mut socket = served.listen(&app, "norights").await;
    for field in ["taskChanged { cursor }", "taskCountsChanged"] {
        socket.subscribe("1", &format!("subscription {{ {field} }}"));
        assert_eq!(socket.error(), "FORBIDDEN");
    }
}

#[apply(on_both)]
async fn filters_name_a_task_a_group_that_it_comes_to_or_leaves_and_a_source(app: TestApp) {
    let served = Served::start(&app).await;
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let task = app.task_in(&one).await;
    let mut of_task = served.listen(&app, "admin").await;
    let mut of_group = served.listen(&app, "admin").await;
    let mut of_source = served.listen(&app, "admin").await;
    of_task.listen(&format!("(id: \"{task}\")"));
    of_group.listen(&format!("(taskGroupId: \"{one}\")"));
    of_source.listen("(source: \"elsewhere\")");
    let source = |source: &str| tasks_management::CreateTask {
        source: Some(source.to_owned()),
        ..tasks_management::CreateTask::default()
    };
    let other = app.task(source("elsewhere")).await;
    app.task(source("nowhere")).await;
    app.done("triage", "updateTask", json!({ "id": task, "taskGroupId": two })).await;
    priority(&app, &task, 7).await;
    assert_eq!(of_task.changes(), [told("CHANGED", 2), told("CHANGED", 3)]);
    assert_eq!(of_group.changes(), [told("CHANGED", 2)], "it leaves the group");
    assert!(of_group.is_silent(A_WHILE));
    assert_eq!(of_source.change()["uuid"], json!(other));
    assert!(of_source.is_silent(A_WHILE));
}

#[apply(on_both)]
async fn who_asks_for_what_waits_is_told_of_it_until_it_waits_no_more(app: TestApp) {
    let served = Served::start(&app).await;
    let both = app.group("BOTH", All, &["exec1", "exec2"]).await;
    let before = app.task_in(&both).await;
    let mut waiting = served.listen(&app, "exec1").await;
    let mut admin = served.listen(&app, "admin").await;
    waiting.listen("(awaitingMe: true)");
    admin.listen("(awaitingMe: true)");
    let task = app.task_in(&both).await;
    let first = waiting.change();
    assert_eq!((&first["uuid"], &first["signal"]), (&json!(task), &json!("CREATED")));
    app.vote("exec1", &task, json!("APPROVED")).await;
    assert_eq!(waiting.change()["uuid"], json!(task), "it has waited until this change");
    app.vote("exec2", &task, json!("APPROVED")).await;
    priority(&app, &before, 3).await;
    assert_eq!(
        waiting.change()["uuid"],
        json!(before),
        "the other one's vote is about a task that waits no more"
    );
    app.vote("exec2", &before, json!("APPROVED")).await;
    assert_eq!(waiting.change()["uuid"], json!(before), "it still waits");
    let any = app.group("ANY", Any, &["exec1", "exec2"]).await;
    let decided = app.task_in(&any).await;
    assert_eq!(waiting.change()["uuid"], json!(decided));
    // Two versions at once: the vote, and what it has decided.
    app.vote("exec2", &decided, json!("APPROVED")).await;
    let mut last = waiting.change();
    while last["signal"] == "CHANGED" {
        last = waiting.change();
    }
    assert_eq!((&last["uuid"], &last["signal"]), (&json!(decided), &json!("COMPLETED")));
    let others = app.group("OTHERS", All, &["exec2"]).await;
    app.done("triage", "updateTask", json!({ "id": before, "taskGroupId": others })).await;
    assert_eq!(waiting.change()["signal"], "GONE");
    assert!(waiting.is_silent(A_WHILE));
    assert!(admin.is_silent(A_WHILE), "nothing waits for one who sees all and is asked nothing");
}

#[apply(on_both)]
async fn who_loses_sight_between_two_changes_is_told_gone_once_and_nothing_else(app: TestApp) {
    let served = Served::start(&app).await;
    let group = app.group("LOSES", All, &["exec1", "exec2", "exec3"]).await;
    let task = app.task_in(&group).await;
    let mut removed = served.listen(&app, "exec1").await;
    let mut stays = served.listen(&app, "exec2").await;
    removed.listen("");
    stays.listen("");
    priority(&app, &task, 1).await;
    let seen = removed.change();
    assert_eq!((&seen["signal"], &seen["task"]["version"]), (&json!("CHANGED"), &json!(2)));
    stays.change();
    app.set_executors(&group, &["exec2", "exec3"]).await;
    priority(&app, &task, 2).await;
    let gone = removed.change();
    assert_eq!(
        (&gone["signal"], &gone["uuid"], &gone["task"]),
        (&json!("GONE"), &json!(task), &Value::Null),
        "{gone}"
    );
    priority(&app, &task, 3).await;
    assert_eq!(stays.changes(), [told("CHANGED", 3), told("CHANGED", 4)]);
    assert!(removed.is_silent(A_WHILE));
}

#[apply(on_both)]
async fn whoever_the_task_leaves_is_told_gone_though_never_told_of_it_before(app: TestApp) {
    let served = Served::start(&app).await;
    let (one, two) = (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", Any, &["exec2"]).await);
    let task = app.task_in(&one).await;
    let deleted = app.task_in(&one).await;
    let mut left = served.listen(&app, "exec1").await;
    let mut stranger = served.listen(&app, "exec3").await;
    let mut admin = served.listen(&app, "admin").await;
    for socket in [&mut left, &mut stranger, &mut admin] {
        socket.listen("");
    }
    app.done("triage", "updateTask", json!({ "id": task, "taskGroupId": two })).await;
    let gone = left.change();
    assert_eq!((&gone["signal"], &gone["uuid"]), (&json!("GONE"), &json!(task)));
    app.done("admin", "deleteTask", json!({ "ids": [deleted] })).await;
    let gone = left.change();
    assert_eq!(
        (&gone["signal"], &gone["uuid"], &gone["task"]),
        (&json!("GONE"), &json!(deleted), &Value::Null)
    );
    assert_eq!(admin.changes(), [told("CHANGED", 2), ("GONE".to_owned(), Value::Null)]);
    assert!(stranger.is_silent(A_WHILE));
}

#[apply(on_both)]
async fn a_right_that_is_taken_away_or_a_session_that_ends_stops_what_is_told(app: TestApp) {
    let served = Served::start(&app).await;
    let task = app.task(tasks_management::CreateTask::default()).await;
    let mut client = app.user("triage").await;
    let token = client.authorization.clone().expect("a token");
    let mut ended = served.connect(&[], json!({ "authorization": token }));
    assert_eq!(ended.next()["type"], "connection_ack");
    ended.listen("");
    let mut admin = served.listen(&app, "admin").await;
    admin.listen("");
    priority(&app, &task, 1).await;
    assert_eq!(ended.changes(), [told("CHANGED", 2)]);
    let bare = token.trim_start_matches("Bearer ");
    let revoke = format!("mutation {{ revokeToken(refreshToken: \"{bare}\") {{ revoked }} }}");
    client.graphql(&revoke).await.data("revokeToken");
    priority(&app, &task, 2).await;
    assert_eq!(ended.error(), "UNAUTHENTICATED");
    ended.subscribe("again", "{ task { totalCount } }");
    tokio::time::sleep(Duration::from_secs(1)).await;
    ended.subscribe("once more", "{ task { totalCount } }");
    let mut ends = Vec::new();
    while ends.len() < 2 {
        let message = ended.next();
        if message["type"] != "next" {
            ends.push(message);
        }
    }
    let last = ends.pop().expect("two operations ended");
    assert_eq!(last["payload"][0]["extensions"]["code"], "UNAUTHENTICATED", "{last}");
    // Nobody changes anything, and the session is ended all the same.
    assert_eq!(admin.changes(), [told("CHANGED", 2), told("CHANGED", 3)]);
}

#[apply(on_both)]
async fn a_right_that_was_given_a_moment_ago_tells_of_the_next_change_of_a_task_of_others(app: TestApp) {
    let served = Served::start(&app).await;
    let group = app.group("OTHERS", All, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let mut given = served.listen(&app, "exec2").await;
    let mut stays = served.listen(&app, "exec1").await;
    given.listen("");
    stays.listen("");
    priority(&app, &task, 1).await;
    stays.change();
    let role = "SELECT 9000, core_user.id, core_role.id, core_user.date_created FROM core_user, core_role \
                WHERE core_user.username = 'exec2' AND core_role.is_system = 64";
    app.run(&format!("INSERT INTO core_userrole (id, user_id, role_id, date_created) {role}"));
    priority(&app, &task, 2).await;
    assert_eq!(given.changes(), [told("CHANGED", 3)]);
    app.run("DELETE FROM core_userrole WHERE id = 9000");
    priority(&app, &task, 3).await;
    assert_eq!(given.change()["signal"], "GONE");
    assert_eq!(stays.changes(), [told("CHANGED", 3), told("CHANGED", 4)]);
    priority(&app, &task, 4).await;
    assert!(given.is_silent(A_WHILE));
}

#[apply(on_both)]
async fn an_idle_subscription_ends_soon_after_its_session(app: TestApp) {
    let served = Served::start(&app).await;
    let mut client = app.user("exec1").await;
    let token = client.authorization.clone().expect("a token");
    let mut socket = served.connect(&[], json!({ "Authorization": token }));
    socket.next();
    socket.listen("");
    let bare = token.trim_start_matches("Bearer ").to_owned();
    client.graphql(&format!("mutation {{ revokeToken(refreshToken: \"{bare}\") {{ revoked }} }}")).await;
    assert_eq!(socket.error(), "UNAUTHENTICATED", "though nothing has changed");
}

#[apply(on_both)]
async fn what_was_missed_comes_first_and_a_cursor_that_is_no_good_says_so(backend: Backend) {
    let settings = |settings: &mut tasks_management::Settings| settings.subscriptions.missed_changes = 10;
    let app = TestApp::start_with(backend, settings, |builder| builder).await;
    let served = Served::start(&app).await;
    let group = app.group("MISSES", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    let mut socket = served.listen(&app, "exec1").await;
    let ready = socket.listen("").pop().expect("READY");
    let from_start = ready["cursor"].as_str().expect("a cursor").to_owned();
    assert_eq!((&ready["uuid"], &ready["task"]), (&Value::Null, &Value::Null));
    priority(&app, &task, 1).await;
    let cursor = socket.change()["cursor"].as_str().expect("a cursor").to_owned();
    drop(socket);
    for number in 2..5 {
        priority(&app, &task, number).await;
    }
    let versions = |missed: &[Value]| -> Vec<Value> {
        missed.iter().map(|change| change["task"]["version"].clone()).collect()
    };
    let mut socket = served.listen(&app, "exec1").await;
    let missed = socket.listen(&format!("(after: \"{cursor}\")"));
    assert_eq!(versions(&missed), [json!(3), json!(4), json!(5), Value::Null], "{missed:?}");
    priority(&app, &task, 5).await;
    assert_eq!(socket.changes(), [told("CHANGED", 6)]);
    // Somebody who sees nothing of it has missed nothing.
    let mut other = served.listen(&app, "exec3").await;
    assert_eq!(other.listen(&format!("(after: \"{from_start}\")")).len(), 1);
    for _ in 0..8 {
        priority(&app, &task, 9).await;
        priority(&app, &task, 8).await;
    }
    let mut refused = served.listen(&app, "exec1").await;
    for (cursor, code) in [
        (from_start.as_str(), "LIMIT"),
        ("nonsense", "VALIDATION"),
        ("-1", "VALIDATION"),
        ("987654321", "VALIDATION"),
    ] {
        refused.subscribe("x", &format!("subscription {{ taskChanged(after: \"{cursor}\") {{ cursor }} }}"));
        let error = refused.refusal();
        assert_eq!(error["extensions"]["code"], code, "{error}");
        assert_eq!(error["extensions"]["field"], "after", "{error}");
    }
}

#[apply(on_both)]
async fn changes_of_another_process_are_told_and_its_cursors_hold_here(app: TestApp) {
    let other = app.another_process();
    let (here, there) = (Served::start(&app).await, Served::start(&other).await);
    let task = app.task(tasks_management::CreateTask::default()).await;
    let mut one = here.listen(&app, "admin").await;
    let mut two = there.listen(&other, "admin").await;
    one.listen("");
    two.listen("");
    priority(&other, &task, 1).await;
    priority(&app, &task, 2).await;
    let cursors = [&mut one, &mut two].map(|socket| {
        let (first, second) = (socket.change(), socket.change());
        assert_eq!((&first["task"]["version"], &second["task"]["version"]), (&json!(2), &json!(3)));
        first["cursor"].as_str().expect("a cursor").to_owned()
    });
    assert_eq!(cursors[0], cursors[1]);
    let mut back = here.listen(&app, "admin").await;
    let missed = back.listen(&format!("(after: \"{}\")", cursors[1]));
    assert_eq!(missed[0]["task"]["version"], 3);
}

mod on_postgres {
    use diesel::connection::SimpleConnection as _;
    use diesel::{Connection as _, PgConnection};

    use super::*;

    /// How many changes each of several writers makes.
    const EACH: i64 = 60;

    /// Copies a task's last version into the log, as a transaction of another process would.
    fn version(task: &str, version: i64) -> String {
        let columns = "id, is_deleted, json_ext, date_created, date_updated, user_created, user_updated, source, \
                       entity_type_id, entity_id, entity_string, status, executor_action_event, business_status, \
                       business_event, task_group_id, data, business_data_serializer, history_date, history_type";
        format!(
            "INSERT INTO task_management_historicaltask ({columns}, version) SELECT {columns}, {version} \
             FROM task_management_historicaltask WHERE id = '{task}' ORDER BY history_id LIMIT 1"
        )
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_is_skipped_when_transactions_commit_in_another_order_than_they_wrote() {
        let app = TestApp::start(Backend::Postgres).await;
        let served = Served::start(&app).await;
        let task = app.task(tasks_management::CreateTask::default()).await;
        let mut socket = served.listen(&app, "admin").await;
        let ready = socket.listen("").pop().expect("READY");
        let connect = || PgConnection::establish(app.database_url()).expect("connects");
        let (mut early, mut late, mut foreign) = (connect(), connect(), connect());
        let run = |connection: &mut PgConnection, sql: &str| connection.batch_execute(sql).expect(sql);
        // A transaction that writes, but no tasks, keeps nobody waiting, however long it lasts.
        run(&mut foreign, "BEGIN; UPDATE task_management_health SET id = id; SELECT pg_current_xact_id()");
        run(&mut early, &format!("BEGIN; {}", version(&task, 101)));
        run(&mut late, &format!("BEGIN; {}; COMMIT", version(&task, 102)));
        assert!(socket.is_silent(A_WHILE), "an earlier change may still be committed");
        let mut newcomer = served.listen(&app, "admin").await;
        assert_eq!(newcomer.listen(&format!("(after: {})", ready["cursor"])).len(), 1, "for newcomers too");
        run(&mut early, "COMMIT");
        assert_eq!(socket.changes(), [told("CREATED", 101), told("CREATED", 102)]);
        assert_eq!(newcomer.changes(), [told("CREATED", 101), told("CREATED", 102)]);
        // What is rolled back is not waited for any more.
        run(&mut early, &format!("BEGIN; {}", version(&task, 103)));
        run(&mut late, &format!("BEGIN; {}; COMMIT", version(&task, 104)));
        run(&mut early, "ROLLBACK");
        assert_eq!(socket.changes(), [told("CREATED", 104)]);
        run(&mut foreign, "ROLLBACK");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_writers_at_once_leave_no_gap() {
        let app = TestApp::start(Backend::Postgres).await;
        let served = Served::start(&app).await;
        let task = app.task(tasks_management::CreateTask::default()).await;
        let mut socket = served.listen(&app, "admin").await;
        socket.listen("");
        let writers: Vec<_> = (1..=6)
            .map(|writer: i64| {
                let (url, task) = (app.database_url().to_owned(), task.clone());
                std::thread::spawn(move || {
                    let mut connection = PgConnection::establish(&url).expect("connects");
                    for number in 0..EACH {
                        let sql = version(&task, writer * 1_000 + number);
                        let pause = f64::from(u8::try_from((number * writer) % 7).expect("small")) / 500.0;
                        let end = if number % 5 == 0 { "ROLLBACK" } else { "COMMIT" };
                        connection
                            .batch_execute(&format!("BEGIN; {sql}; SELECT pg_sleep({pause}); {end}"))
                            .expect("it writes");
                    }
                })
            })
            .collect();
        let expected = 6 * EACH * 4 / 5;
        let (mut versions, mut last) = (std::collections::BTreeSet::new(), 0);
        for _ in 0..expected {
            let change = socket.change();
            let cursor: i64 = change["cursor"].as_str().expect("a cursor").parse().expect("a number");
            assert!(cursor > last, "in the order of the log, each once: {cursor} after {last}");
            last = cursor;
            versions.insert(change["task"]["version"].as_i64().expect("a version"));
        }
        for writer in writers {
            writer.join().expect("it ends");
        }
        assert_eq!(i64::try_from(versions.len()), Ok(expected));
        assert!(socket.is_silent(A_WHILE));
    }
}

#[apply(on_both)]
async fn counts_that_may_have_changed_are_told_of_at_most_every_five_seconds(app: TestApp) {
    let served = Served::start(&app).await;
    let group = app.group("COUNTS", Any, &["exec1"]).await;
    let mut executor = served.listen(&app, "exec1").await;
    let mut other = served.listen(&app, "exec3").await;
    for socket in [&mut executor, &mut other] {
        socket.subscribe("counts", "subscription { taskCountsChanged }");
    }
    // The answer says that the subscription before it has begun, too.
    for socket in [&mut executor, &mut other] {
        socket.listen("");
    }
    app.task_in(&group).await;
    app.task_in(&group).await;
    let mut counts = Vec::new();
    let begun = std::time::Instant::now();
    while counts.len() < 2 {
        let message = executor.next();
        if message["id"] == "counts" {
            counts.push(message["payload"]["data"]["taskCountsChanged"].clone());
            app.task_in(&group).await;
        }
    }
    assert_eq!(counts, [json!(true), json!(true)]);
    assert!(begun.elapsed() >= Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(other.is_silent(A_WHILE), "{}", user_id("exec3"));
}
