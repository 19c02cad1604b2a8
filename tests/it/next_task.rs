//! The next task to be taken is found by an index that has it first, however many wait.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;

use crate::support::scenario::{user_id, user_ids};
use crate::support::{Backend, TestApp, apply, on_both};

/// Adds copies of a task that are more or less urgent and due then or then, or at no time.
pub fn crowd(app: &TestApp, task: &str, first: u32, count: u32) {
    let key = match app.backend {
        Backend::Postgres => {
            "CAST('0d000000-0000-7000-8000-' || lpad(CAST(number AS text), 12, '0') AS uuid)"
        }
        Backend::Sqlite => "'0d000000-0000-7000-8000-' || substr('000000000000' || number, -12)",
    };
    let due = match app.backend {
        Backend::Postgres => "CAST('2999-01-01' AS timestamp) + number % 17 * INTERVAL '1 day'",
        Backend::Sqlite => "strftime('%Y-%m-%d 00:00:00.000000', '2999-01-01', (number % 17) || ' days')",
    };
    let columns = "is_deleted, version, date_created, date_updated, user_created, user_updated, source, status, \
                   executor_action_event, business_status, task_group_id, data";
    app.run(&format!(
        "INSERT INTO task_management_task (id, priority, due_date, {columns}) \
         WITH RECURSIVE numbers(number) AS (SELECT {first} UNION ALL SELECT number + 1 FROM numbers WHERE number < {last}) \
         SELECT {key}, number % 7, CASE WHEN number % 3 > 0 THEN {due} END, {columns} \
         FROM task_management_task CROSS JOIN numbers WHERE task_management_task.id = '{task}'",
        last = first + count - 1,
    ));
}

#[apply(on_both)]
async fn the_next_of_many_tasks_is_found_by_an_index_that_has_it_first(app: TestApp) {
    let input = json!({ "code": "NEXT", "completionPolicy": "ANY", "claimMode": "EXCLUSIVE", "userIds": user_ids(&["exec1"]) });
    app.done("admin", "createTaskGroup", input).await;
    let rows = app.user("admin").await.rows("taskGroup", "(code: \"NEXT\")", "uuid").await;
    let own = app.task_in(rows[0]["uuid"].as_str().expect("a key")).await;
    let others = app.task_in(&app.group("OTHERS", Any, &["exec2"]).await).await;
    crowd(&app, &own, 1, 4_000);
    crowd(&app, &others, 5_001, 4_000);
    app.run("ANALYZE");
    let counted = app.counted_process();
    let mut exec1 = counted.user("exec1").await;
    // The most urgent of all, then of those the one that is due first, then the oldest by its key.
    let order = "SELECT CAST(id AS text) AS value FROM task_management_task WHERE id <> '$own' AND task_group_id = \
                 (SELECT id FROM task_management_taskgroup WHERE code = 'NEXT') \
                 ORDER BY priority DESC, due_date IS NULL, due_date, date_created, id LIMIT 1 OFFSET $skip";
    let urgent = "UPDATE task_management_task SET priority = 0 WHERE id = '$own'".replace("$own", &own);
    app.run(&urgent);
    for (skip, filter) in [(0, json!({})), (1, json!({})), (2, json!({ "priority_Gte": 1 }))] {
        counted.statements();
        let query = "mutation($input: ClaimNextTaskMutationInput!) { claimNextTask(input: $input) { outcomes { id } } }";
        let answer = exec1.graphql_with(query, json!({ "input": filter })).await;
        let taken = answer.data("claimNextTask")["outcomes"][0]["id"].clone();
        let expected = app.text(&order.replace("$own", &own).replace("$skip", &skip.to_string()));
        assert_eq!(taken, Value::String(expected), "{filter}");
        let sent = counted.statements();
        let found =
            sent.iter().find(|text| text.contains("claim_mode <> 'NONE'") && text.contains("sort_values"));
        let plan = app.plan(found.unwrap_or_else(|| panic!("{sent:#?}")));
        let text = plan.join("\n");
        let place = plan.iter().position(|line| line.contains("task_management_task_next"));
        let place = place.unwrap_or_else(|| panic!("another index: {text}"));
        match app.backend {
            // The scan is bounded as it is, without a sort above it.
            Backend::Postgres => assert!(plan[place - 1].contains("Limit"), "{text}"),
            // What is sorted is what is at steps, and twice the few that were found.
            Backend::Sqlite => {
                let sorts = plan.iter().filter(|line| line.contains("TEMP B-TREE")).count();
                assert!(sorts <= 3 && !text.contains("RIGHT PART"), "{text}");
            }
        }
        assert!(!text.contains("Seq Scan on task_management_task\n"), "{text}");
    }
    assert_eq!(
        app.count(&format!(
            "SELECT count(*) FROM task_management_taskclaim WHERE user_id = '{}'",
            user_id("exec1")
        )),
        3
    );
}

#[apply(on_both)]
async fn what_waits_for_a_person_is_read_by_an_index_in_the_order_in_which_it_is_due(app: TestApp) {
    let group = app.group("WAITS", Any, &["exec1"]).await;
    let own = app.task_in(&group).await;
    let others = app.task_in(&app.group("OTHERS", Any, &["exec2"]).await).await;
    crowd(&app, &own, 1, 4_000);
    crowd(&app, &others, 5_001, 4_000);
    app.run("ANALYZE");
    let counted = app.counted_process();
    let mut exec1 = counted.user("exec1").await;
    for (order, expected) in [
        ("dueDate", "due_date IS NULL, due_date, id"),
        ("-dueDate", "due_date IS NOT NULL, due_date DESC, id DESC"),
    ] {
        counted.statements();
        let list = format!(
            "{{ task(awaitingMe: true, orderBy: [\"{order}\"], first: 10) {{ edges {{ node {{ uuid }} }} }} }}"
        );
        let answer = exec1.graphql(&list).await;
        let rows = answer.data("task")["edges"].as_array().expect("a list").clone();
        let read: Vec<&str> = rows.iter().filter_map(|edge| edge["node"]["uuid"].as_str()).collect();
        let place = |skip: usize| {
            app.text(&format!(
                "SELECT CAST(id AS text) AS value FROM task_management_task WHERE task_group_id = '{group}' \
                 ORDER BY {expected} LIMIT 1 OFFSET {skip}"
            ))
        };
        assert_eq!(read, (0..10).map(place).collect::<Vec<_>>(), "{order}");
        let sent = counted.statements();
        let found = sent.iter().find(|text| text.contains("sort_values"));
        let plan = app.plan(found.unwrap_or_else(|| panic!("{sent:#?}"))).join("\n");
        assert!(
            plan.contains("task_management_task_due ")
                && !plan.contains("Seq Scan on task_management_task\n"),
            "{order}: {plan}"
        );
    }
}
