//! An executor's list is read by index, from what each of their groups is asked about, and a maker's from what they have
//! made. It must be the list that is read row by row, on every page and in every direction.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::CreateTask;

use crate::support::client::Client;
use crate::support::scenario::nodes;
use crate::support::{TestApp, apply, on_both};

/// A condition that holds for every task, and that tasks are not counted by: such a list is read row by row.
const ROW_BY_ROW: &str = "priority_Gte: 0";

/// Tasks that exec1 is asked about in each way, and some that they are not asked about.
async fn tasks(app: &TestApp) {
    let mine = app.group("MINE", Any, &["exec1", "exec2"]).await;
    let also_mine = app.group("ALSO MINE", Any, &["exec1"]).await;
    let not_mine = app.group("NOT MINE", Any, &["exec2"]).await;
    let retired = app.group("RETIRED", Any, &["exec1"]).await;
    let (parallel, serial) = (
        app.flow_of(json!({ "code": "PARALLEL", "steps": [
            { "taskGroupId": not_mine, "order": 1 }, { "taskGroupId": mine, "order": 1 },
            { "taskGroupId": also_mine, "order": 1 },
        ]}))
        .await,
        app.flow("SERIAL", &[&not_mine, &also_mine]).await,
    );
    for round in 0..3 {
        let task = app.task_in(&mine).await;
        app.task_in(&not_mine).await;
        app.task_in(&retired).await;
        let at_both = app.task_on(&parallel).await;
        let at_one = app.task_on(&parallel).await;
        let on_its_way = app.task_on(&serial).await;
        app.task_on(&serial).await;
        app.task_in(&also_mine).await;
        if round > 0 {
            app.approve("exec1", &task).await;
            app.approve("exec2", &at_one).await;
            app.approve("exec2", &on_its_way).await;
        }
        if round > 1 {
            assert_eq!(app.vote("exec1", &at_both, json!("FAILED")).await, "ok");
        }
    }
    let deleted = app.task_in(&mine).await;
    app.run(&format!("UPDATE task_management_task SET is_deleted = true WHERE id = '{deleted}'"));
    app.run(&format!("UPDATE task_management_taskgroup SET is_deleted = true WHERE id = '{retired}'"));
    // Keys that are not in the order of time.
    app.run(
        "UPDATE task_management_task SET date_created = (SELECT min(date_created) FROM task_management_task) \
         WHERE substr(CAST(id AS text), 36) IN ('0', '1', '2', '3', '4', '5')",
    );
}

/// A page: its keys, its cursors, and whether rows lie beside it.
async fn page(client: &mut Client, arguments: &str) -> (Vec<Value>, Value) {
    let selection =
        "totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { uuid } }";
    let answer = client.graphql(&format!("{{ task({arguments}) {{ {selection} }} }}")).await;
    let list = answer.data("task");
    let keys = nodes(list).into_iter().map(|row| row["uuid"].clone()).collect();
    (keys, json!([list["totalCount"], list["pageInfo"]]))
}

#[apply(on_both)]
async fn an_executor_reads_the_same_list_by_index_as_row_by_row(app: TestApp) {
    tasks(&app).await;
    reads_the_same_list(&mut app.user("exec1").await, [15, 1, 6]).await;
}

#[apply(on_both)]
async fn a_maker_reads_the_same_list_by_index_as_row_by_row_whether_an_executor_too_or_not(app: TestApp) {
    tasks(&app).await;
    // Which executors do not see yet.
    for _ in 0..3 {
        app.task(CreateTask::default()).await;
    }
    app.load(json!({
        "roles": [
            { "id": 71, "name": "maker", "rights": [191_002] },
            { "id": 72, "name": "maker and executor", "rights": [191_001, 191_002] },
        ],
        "users": [person(1, "makes", "maker"), person(2, "both", "maker and executor")],
    }))
    .await;
    // One of the groups of whoever does both, and every other task made by them: some are seen in both ways.
    app.run(
        "INSERT INTO task_management_taskexecutor \
         (id, is_deleted, version, date_created, date_updated, user_created, user_updated, task_group_id, user_id) \
         SELECT '00000000-0000-7000-b000-000000000009', is_deleted, 1, date_created, date_updated, user_created, user_updated, \
         id, '00000000-0000-7000-b000-000000000002' FROM task_management_taskgroup WHERE code = 'MINE'",
    );
    for maker in [1, 2] {
        app.run(&format!(
            "UPDATE task_management_task SET user_created = '00000000-0000-7000-b000-00000000000{maker}' WHERE id IN \
             (SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM task_management_task) AS numbered \
             WHERE place % 3 = {maker})"
        ));
    }
    reads_the_same_list(&mut app.user("makes").await, [8, 0, 2]).await;
    reads_the_same_list(&mut app.user("both").await, [12, 0, 4]).await;
}

fn person(number: u8, name: &str, role: &str) -> Value {
    json!({ "id": format!("00000000-0000-7000-b000-00000000000{number}"), "username": name,
            "password": format!("{name}123"), "lastName": name, "interactiveUserId": 70 + number, "roles": [role] })
}

/// Reads lists on every page and in every direction, by index and row by row. Each has at least so many tasks.
async fn reads_the_same_list(client: &mut Client, least: [usize; 3]) {
    for (filter, least) in ["", "status: FAILED", "status: ACCEPTED, isDeleted: false"].into_iter().zip(least)
    {
        for order in
            ["", r#"orderBy: ["dateCreated"]"#, r#"orderBy: ["-dateCreated"]"#, r#"orderBy: ["-id"]"#]
        {
            let list = format!("{filter} {order}");
            let all = page(client, &format!("first: 100 {list} {ROW_BY_ROW}")).await;
            assert!(all.0.len() >= least, "{list}: {all:?}");
            assert_eq!(page(client, &format!("first: 100 {list}")).await, all, "{list}");
            for (size, start) in [("first", "after"), ("last", "before")] {
                let mut seen = Vec::new();
                let mut from = String::new();
                loop {
                    let arguments = format!("{size}: 2 {from} {list}");
                    let (keys, info) = page(client, &arguments).await;
                    let by_row = page(client, &format!("{arguments} {ROW_BY_ROW}")).await;
                    assert_eq!((&keys, &info), (&by_row.0, &by_row.1), "{arguments}");
                    if keys.is_empty() {
                        break;
                    }
                    let cursor =
                        if size == "first" { &info[1]["endCursor"] } else { &info[1]["startCursor"] };
                    from = format!("{start}: {cursor}");
                    if size == "first" {
                        seen.extend(keys);
                    } else {
                        seen.splice(0..0, keys);
                    }
                }
                assert_eq!(seen, all.0, "{size} {list}");
            }
            for more in ["offset: 3, first: 4", "first: 3, last: 2", "offset: 2147483647, first: 1"] {
                let arguments = format!("{more} {list}");
                let by_row = page(client, &format!("{arguments} {ROW_BY_ROW}")).await;
                assert_eq!(page(client, &arguments).await, by_row, "{arguments}");
            }
        }
    }
}

#[apply(on_both)]
async fn the_database_keeps_what_pools_say_of_their_tasks(app: TestApp) {
    tasks(&app).await;
    let wrong = "SELECT count(*) AS value FROM task_management_taskpool AS pool \
                 JOIN task_management_task AS task ON task.id = pool.task_id \
                 WHERE pool.task_date_created <> task.date_created \
                 OR pool.is_given <> (COALESCE(CAST(task.task_group_id AS text), '') = CAST(pool.task_group_id AS text))";
    let given = "SELECT count(*) AS value FROM task_management_taskpool WHERE is_given";
    assert_eq!(app.number(wrong), 0);
    assert!(app.number(given) > 0);
    // A process of the version before does not name these columns.
    app.run(
        "INSERT INTO task_management_taskpool (task_id, step_id, task_group_id, date_opened) \
         SELECT task.id, step.id, step.task_group_id, '2024-01-01' \
         FROM task_management_task AS task CROSS JOIN task_management_taskflowstep AS step WHERE 1 = 1 ON CONFLICT DO NOTHING",
    );
    assert_eq!(app.number(wrong), 0);
    app.run("UPDATE task_management_task SET task_group_id = (SELECT id FROM task_management_taskgroup WHERE code = 'MINE')");
    assert_eq!(app.number(wrong), 0);
    app.run("UPDATE task_management_task SET task_group_id = NULL, date_created = '2024-02-03 04:05:06'");
    assert_eq!((app.number(wrong), app.number(given)), (0, 0));
}
