//! Following cursors gives every row exactly once, in every order, in both directions, while rows come and go.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::scenario::user_id;
use crate::support::{Client, TestApp, apply, on_both};

/// The lists, and the field that tells their rows apart.
const LISTS: &[&str] = &[
    "task",
    "taskHistory",
    "taskGroup",
    "taskGroupHistory",
    "taskExecutor",
    "taskExecutorHistory",
    "taskFlow",
    "taskFlowHistory",
    "taskDecision",
    "taskComment",
    "taskCommentHistory",
    "taskFunction",
    "taskFunctionHistory",
    "functionRun",
    "functionRequests",
    "functionSchedule",
    "functionScheduleHistory",
    "taskDispatcher",
    "taskDispatcherHistory",
    "mutationLogs",
    "role",
    "users",
];

/// A page: its ids, and `(hasNextPage, hasPreviousPage, startCursor, endCursor)`.
struct Page {
    ids: Vec<String>,
    next: bool,
    previous: bool,
    start: String,
    end: String,
}

async fn page(client: &mut Client, list: &str, order: &Value, paging: Value) -> Page {
    let query = format!(
        "query($o: [String], $f: Int, $l: Int, $a: String, $b: String, $s: Int) {{ {list}(orderBy: $o, first: $f, last: $l, \
         after: $a, before: $b, offset: $s) {{ pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} edges {{ node {{ id }} }} }} }}"
    );
    let mut variables = paging;
    variables["o"] = order.clone();
    let answer = client.graphql_with(&query, variables).await;
    let found = answer.data(list);
    let info = &found["pageInfo"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let edges = found["edges"].as_array().expect("edges");
    Page {
        ids: edges.iter().map(|edge| text(&edge["node"]["id"])).collect(),
        next: info["hasNextPage"].as_bool().expect("a truth value"),
        previous: info["hasPreviousPage"].as_bool().expect("a truth value"),
        start: text(&info["startCursor"]),
        end: text(&info["endCursor"]),
    }
}

/// All ids in one page.
async fn all(client: &mut Client, list: &str, order: &Value) -> Vec<String> {
    let page = page(client, list, order, json!({ "f": 100 })).await;
    assert!(!page.next && !page.previous, "{list} {order}");
    page.ids
}

/// Follows cursors from the beginning to the end and back; both give `expected`.
async fn follow(client: &mut Client, list: &str, order: &Value, size: usize, expected: &[String]) {
    let what = format!("{list} {order} by {size}");
    let mut seen: Vec<String> = Vec::new();
    let mut after = Value::Null;
    let last = loop {
        let page = page(client, list, order, json!({ "f": size, "a": after })).await;
        assert_eq!(page.previous, !seen.is_empty(), "{what}: hasPreviousPage");
        seen.extend(page.ids.iter().cloned());
        assert_eq!(page.next, seen.len() < expected.len(), "{what}: hasNextPage after {}", seen.len());
        if !page.next {
            break page;
        }
        after = json!(page.end);
    };
    assert_eq!(seen, expected, "{what}, forwards");
    let mut seen = last.ids;
    let mut before = last.start;
    while seen.len() < expected.len() {
        let page = page(client, list, order, json!({ "l": size, "b": before })).await;
        assert!(page.next, "{what}: hasNextPage, backwards");
        assert!(!page.ids.is_empty() && page.ids.len() <= size, "{what}: backwards");
        seen.splice(0..0, page.ids.iter().cloned());
        assert_eq!(page.previous, seen.len() < expected.len(), "{what}: hasPreviousPage, backwards");
        before = page.start;
    }
    assert_eq!(seen, expected, "{what}, backwards");
}

/// The keys that the list can be sorted by, from the error that names them.
async fn order_keys(client: &mut Client, list: &str) -> Vec<String> {
    let answer = client.graphql(&format!("{{ {list}(orderBy: \"nonsense\") {{ totalCount }} }}")).await;
    assert_eq!(answer.codes(), ["VALIDATION"]);
    let message = answer.message().replace(['\u{2068}', '\u{2069}'], "");
    let keys = message.split_once(": ").expect("a list").1.replace(" are allowed.", "");
    let keys: Vec<String> = keys.split(", ").map(str::to_owned).collect();
    assert!(keys.len() > 5 && keys.iter().any(|key| key == "id"), "{message}");
    keys
}

/// Gives histories, the journal, flows and votes rows too.
async fn prepare(client: &mut Client) {
    for n in 0..9 {
        let name = if n % 3 == 0 { None } else { Some(format!("Flow {}", n % 2)) };
        let steps = json!([{ "taskGroupId": "00000000-0000-7000-8000-000000000001" }]);
        client
            .mutate("createTaskFlow", json!({ "code": format!("FLOW{n}"), "name": name, "steps": steps }))
            .await;
    }
    let records: Vec<String> = (0..10).map(|n| format!("record {}", n * 7 % 10)).collect();
    let status = json!({ user_id("admin"): { "ACCEPT": records[..5], "REJECT": records[5..] } }).to_string();
    let vote = json!({ "id": "00000000-0000-7000-a000-000000000003", "businessStatus": status });
    client.mutate("resolveTask", vote).await;
    for n in 0..9 {
        let task = "00000000-0000-7000-a000-000000000003";
        let text = format!("comment {}", n % 4);
        client.mutate("createTaskComment", json!({ "taskId": task, "text": text })).await;
    }
    for n in 0..9 {
        let name = format!("function-{}", n * 5 % 9);
        let function =
            json!({ "name": name, "kind": "HTTP", "url": "https://example.org/", "timeLimit": 3 + n % 3 });
        client.mutate("createTaskFunction", function).await;
        client.mutate("createFunctionRun", json!({ "functionName": name, "priority": n % 4 })).await;
        let rhythm =
            if n % 2 == 0 { ("cron", json!("0 0 1 1 *")) } else { ("intervalSeconds", json!(60 + n)) };
        let schedule = json!({ "functionName": name, "priority": if n % 3 == 0 { None } else { Some(n) }, rhythm.0: rhythm.1 });
        client.mutate("createFunctionSchedule", schedule).await;
        let signal = ["task_service.create", "task_service.claim"][n % 2];
        let action = json!({ "kind": "FUNCTION", "functionName": name });
        let dispatcher = json!({ "name": format!("dispatcher {}", n * 5 % 9), "signal": signal, "actions": [action], "isEnabled": n % 3 == 0 });
        client.mutate("createTaskDispatcher", dispatcher).await;
    }
    for n in 0..6 {
        let code = if n % 2 == 0 { format!("PAGE{n}") } else { "ALPHA".to_owned() };
        client.mutate("createTaskGroup", json!({ "code": code, "completionPolicy": "ALL", "clientMutationLabel": if n < 3 { None } else { Some("x") } })).await;
    }
    client
        .mutate("createTask", json!({ "data": json!({ "long": "ü\"\\".repeat(50_000) }).to_string() }))
        .await;
}

/// Gives the list of requests a row for each function: some are under way, some have failed.
fn requested(app: &TestApp) {
    app.run(
        "INSERT INTO task_management_functionrequest (id, function_id, function_name, method, path, date_created, \
           status_code, duration_ms, error_name, error_type) \
         SELECT id, id, name, CASE time_limit WHEN 3 THEN 'GET' ELSE 'PUT' END, '/', date_created, \
           CASE time_limit WHEN 3 THEN NULL WHEN 4 THEN 200 ELSE 502 END, CASE time_limit WHEN 3 THEN NULL ELSE time_limit END, \
           CASE time_limit WHEN 5 THEN 'http503' END, CASE time_limit WHEN 5 THEN 'RUNTIME' END \
         FROM task_management_taskfunction",
    );
}

/// The lists whose rows come and go, and their tables.
const LIVING: &[(&str, &str)] = &[
    ("task", "task_management_task"),
    ("taskGroup", "task_management_taskgroup"),
    ("taskExecutor", "task_management_taskexecutor"),
];

/// Deletes all these rows but the `visible` ones, which are there (again).
fn leave(app: &TestApp, table: &str, rows: &[String], visible: &[bool]) {
    let key = |id: &String| {
        let id = String::from_utf8(STANDARD.decode(id).expect("base64")).expect("UTF-8");
        format!("'{}'", id.split_once(':').expect("a global id").1)
    };
    let keys: Vec<String> = rows.iter().map(key).collect();
    let hidden = keys.iter().zip(visible).filter(|(_, visible)| !**visible).map(|(key, _)| key.as_str());
    let hidden: Vec<&str> = hidden.chain(["NULL"]).collect();
    app.run(&format!(
        "UPDATE {table} SET is_deleted = CASE WHEN id IN ({}) THEN true ELSE false END WHERE id IN ({})",
        hidden.join(", "),
        keys.join(", ")
    ));
}

/// Follows cursors one way through `rows`, which are sorted that way, while rows come and go between any two pages: on both
/// sides of the cursor, and its own row too. Every page holds what is there when it is asked for.
async fn follow_meanwhile(
    app: &TestApp,
    client: &mut Client,
    living: (&str, &str),
    order: &Value,
    rows: &[String],
    backward: bool,
) {
    let (list, table) = living;
    let size = rows.len().div_ceil(4);
    let (number, cursor) = if backward { ("l", "b") } else { ("f", "a") };
    let mut visible: Vec<bool> = (0..rows.len()).map(|i| i % 3 != 0).collect();
    let mut start = Value::Null;
    let mut passed = 0;
    for step in 1.. {
        leave(app, table, rows, &visible);
        let what = format!("{list} {order}, backwards: {backward}, page {step}");
        let there: Vec<usize> = (passed..rows.len()).filter(|i| visible[*i]).collect();
        let mut page = page(client, list, order, json!({ number: size, cursor: start })).await;
        if backward {
            page.ids.reverse();
        }
        let expected: Vec<&String> = there.iter().take(size).map(|i| &rows[*i]).collect();
        assert_eq!(page.ids.iter().collect::<Vec<_>>(), expected, "{what}");
        let Some(last) = there.iter().take(size).next_back() else {
            break;
        };
        let (ahead, behind) = if backward { (page.previous, page.next) } else { (page.next, page.previous) };
        assert_eq!(ahead, there.len() > size, "{what}: rows ahead");
        assert_eq!(behind, visible[..there[0]].contains(&true), "{what}: rows behind");
        passed = last + 1;
        start = json!(if backward { page.start } else { page.end });
        for (i, row) in visible.iter_mut().enumerate() {
            *row ^= (i + step) % 4 == 0;
        }
        visible[*last] = false;
    }
    assert!(passed > rows.len() / 2, "{list} {order}: only {passed} of {} rows were passed", rows.len());
    leave(app, table, rows, &vec![true; rows.len()]);
}

#[apply(on_both)]
async fn every_order_gives_every_row_once_both_ways(app: TestApp) {
    let mut client = app.user("admin").await;
    prepare(&mut client).await;
    requested(&app);
    for list in LISTS {
        let rows: BTreeSet<String> = all(&mut client, list, &Value::Null).await.into_iter().collect();
        for key in order_keys(&mut client, list).await {
            let mut both = Vec::new();
            for order in [json!([key]), json!([format!("-{key}")])] {
                let expected = all(&mut client, list, &order).await;
                assert_eq!(expected.iter().cloned().collect::<BTreeSet<_>>(), rows, "{list} {order}");
                assert_eq!(expected.len(), rows.len(), "{list} {order}: repeats");
                follow(&mut client, list, &order, 7, &expected).await;
                both.push(expected);
            }
            both[1].reverse();
            assert_eq!(both[0], both[1], "{list} {key}: down is up reversed");
        }
    }
}

#[apply(on_both)]
async fn several_keys_and_small_pages_too(app: TestApp) {
    let mut client = app.user("admin").await;
    for order in [
        json!(["status", "-source"]),
        json!(["-taskGroup__code", "source", "-dateCreated"]),
        json!(["source", "source", "-source"]),
        json!("-source"),
        Value::Null,
    ] {
        let expected = all(&mut client, "task", &order).await;
        for size in [1, 3, 100] {
            follow(&mut client, "task", &order, size, &expected).await;
        }
    }
}

#[apply(on_both)]
async fn absent_values_come_last_going_up_and_first_going_down(app: TestApp) {
    let mut client = app.user("admin").await;
    for (order, absent_first) in
        [("source", false), ("-source", true), ("taskGroup__code", false), ("-taskGroup__code", true)]
    {
        let query = format!(
            "{{ task(orderBy: \"{order}\") {{ edges {{ node {{ source taskGroup {{ code }} }} }} }} }}"
        );
        let answer = client.graphql(&query).await;
        let edges = answer.data("task")["edges"].as_array().expect("edges");
        let absent: Vec<bool> = edges
            .iter()
            .map(|edge| {
                let node = &edge["node"];
                if order.ends_with("source") { node["source"].is_null() } else { node["taskGroup"].is_null() }
            })
            .collect();
        let mut sorted = absent.clone();
        sorted.sort_unstable_by_key(|is_absent| *is_absent != absent_first);
        assert!(absent.contains(&true) && absent.contains(&false), "{order}");
        assert_eq!(absent, sorted, "{order}");
    }
}

#[apply(on_both)]
async fn every_order_stays_right_while_rows_come_and_go(app: TestApp) {
    let mut client = app.user("admin").await;
    prepare(&mut client).await;
    app.run("UPDATE task_management_task SET user_created = (SELECT id FROM core_user WHERE username = 'exec1') WHERE status = 'ACCEPTED'");
    for living in LIVING {
        for key in order_keys(&mut client, living.0).await {
            // Down forwards asks for what up backwards does; that they mirror each other is tested above.
            let order = json!([key]);
            let mut rows = all(&mut client, living.0, &order).await;
            follow_meanwhile(&app, &mut client, *living, &order, &rows, false).await;
            rows.reverse();
            follow_meanwhile(&app, &mut client, *living, &order, &rows, true).await;
        }
    }
}

#[apply(on_both)]
async fn rows_that_come_and_go_meanwhile_disturb_nothing(app: TestApp) {
    let mut client = app.user("admin").await;
    for order in [json!("source"), json!("-source"), json!(["taskGroup__code", "-id"]), json!("-dateCreated")]
    {
        let expected = all(&mut client, "task", &order).await;
        let mut gone: BTreeSet<String> = BTreeSet::new();
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = page(&mut client, "task", &order, json!({ "f": 5, "a": after })).await;
            seen.extend(page.ids);
            if !page.next {
                break;
            }
            after = json!(page.end);
            for source in ["A first one", "zz a last one"] {
                let (status, error) = client.mutate("createTask", json!({ "source": source })).await;
                assert_eq!(status, 2, "{error}");
            }
            // The cursor's own row, and one that is still to come.
            for id in [
                seen.last().cloned(),
                expected.iter().find(|id| !seen.contains(*id) && !gone.contains(*id)).cloned(),
            ]
            .into_iter()
            .flatten()
            {
                let (status, _) = client.mutate("deleteTask", json!({ "ids": [id] })).await;
                // Decided tasks stay.
                if status == 2 {
                    gone.insert(id);
                }
            }
        }
        let repeated: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(repeated.len(), seen.len(), "{order}: repeats");
        let old: Vec<&String> = seen.iter().filter(|id| expected.contains(*id)).collect();
        let wanted: Vec<&String> =
            expected.iter().filter(|id| seen.contains(*id) || !gone.contains(*id)).collect();
        assert_eq!(old, wanted, "{order}");
        assert!(gone.len() > 3, "{order}: only {} were deleted", gone.len());
    }
}

#[apply(on_both)]
async fn cursors_belong_to_their_order(app: TestApp) {
    let mut client = app.user("admin").await;
    let cursor = page(&mut client, "task", &json!("source"), json!({ "f": 3 })).await.end;
    for (list, order) in [
        ("task", json!("-source")),
        ("task", Value::Null),
        ("task", json!(["source", "status"])),
        ("taskHistory", json!("source")),
    ] {
        for argument in ["after", "before"] {
            let query = format!(
                "query($o: [String], $c: String) {{ {list}(orderBy: $o, {argument}: $c) {{ edges {{ cursor }} }} }}"
            );
            let answer = client.graphql_with(&query, json!({ "o": order, "c": cursor })).await;
            assert_eq!(answer.codes(), ["VALIDATION"], "{list} {order}: {}", answer.text);
            assert_eq!(answer.body["errors"][0]["extensions"]["field"], argument);
        }
    }
}

#[apply(on_both)]
async fn parts_of_the_list(app: TestApp) {
    let mut client = app.user("admin").await;
    let order = json!("-dateCreated");
    let rows = all(&mut client, "task", &order).await;
    let n = rows.len();
    let whole = page(&mut client, "task", &order, json!({ "f": 10 })).await;
    let tenth = json!(whole.end);
    let second = page(&mut client, "task", &order, json!({ "f": 1, "s": 1 })).await.end;
    let cases = [
        (json!({ "s": 5, "f": 3 }), 5..8),
        (json!({ "s": n, "f": 3 }), n..n),
        (json!({ "a": tenth, "s": 2, "f": 3 }), 12..15),
        (json!({ "l": 4 }), n - 4..n),
        (json!({ "f": 10, "l": 3 }), 7..10),
        (json!({ "b": tenth, "l": 3 }), 6..9),
        (json!({ "b": tenth }), 0..9),
        (json!({ "b": tenth, "f": 4 }), 0..4),
        (json!({ "a": second, "b": tenth }), 2..9),
        (json!({ "a": second, "b": tenth, "l": 20 }), 2..9),
        (json!({ "a": second, "b": tenth, "f": 20 }), 2..9),
        (json!({ "f": 0 }), 0..0),
    ];
    for (paging, range) in cases {
        let page = page(&mut client, "task", &order, paging.clone()).await;
        assert_eq!(page.ids, rows[range.clone()], "{paging}");
        assert_eq!((page.next, page.previous), (range.end < n, range.start > 0), "{paging}");
    }
    assert_eq!(
        page(&mut client, "task", &order, json!({})).await.ids,
        rows,
        "100 rows when no number is given"
    );
}
