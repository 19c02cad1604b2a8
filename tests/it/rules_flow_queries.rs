//! The rules of reading: flows and their history, votes, what tasks can be assigned to, and who sees what of these.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any, N};

use crate::support::scenario::{each, user_id};
use crate::support::{TestApp, apply, on_both};

fn global(kind: &str, id: &str) -> String {
    STANDARD.encode(format!("{kind}:{id}"))
}

/// What is under `field` in the rows of a list, as an administrator sees it.
async fn listed(app: &TestApp, list: &str, arguments: &str, field: &str) -> Vec<Value> {
    let name = field.split(' ').next().unwrap_or_default();
    each(&app.user("admin").await.rows(list, arguments, field).await, name)
}

/// Somebody's targets as `[kind, code, name, stepCount, completionPolicy, threshold, memberCount]`.
async fn targets(app: &TestApp, who: &str, arguments: &str) -> Vec<Value> {
    let query = format!(
        "{{ taskAssignmentTargets{arguments} {{ kind uuid code name stepCount completionPolicy threshold memberCount }} }}"
    );
    let answer = app.user(who).await.graphql(&query).await;
    let rows = answer.data("taskAssignmentTargets").as_array().expect("a list").iter();
    rows.map(|row| {
        assert!(row["uuid"].is_string());
        let fields = ["kind", "code", "name", "stepCount", "completionPolicy", "threshold", "memberCount"];
        fields.iter().map(|field| row[field].clone()).collect()
    })
    .collect()
}

#[apply(on_both)]
async fn task_flow_lists_heads_and_with_show_superseded_the_earlier_versions_too(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let old = app.flow("LINE", &[&group]).await;
    let head = app.replace_flow(&old, &[&group]).await;
    let other = app.flow("OTHER", &[&group]).await;
    let order = "orderBy: \"code\"";
    assert_eq!(listed(&app, "taskFlow", &format!("({order})"), "uuid").await, [json!(head), json!(other)]);
    assert_eq!(
        listed(&app, "taskFlow", &format!("({order}, showSuperseded: false)"), "uuid").await,
        [json!(head), json!(other)]
    );
    let all =
        listed(&app, "taskFlow", "(orderBy: [\"code\", \"version\", \"id\"], showSuperseded: true)", "uuid")
            .await;
    assert_eq!(all, [json!(old), json!(head), json!(other)]);
    let by_variable = "query($s: Boolean) { taskFlow(showSuperseded: $s) { totalCount } }";
    for (value, count) in [(json!(true), 3), (json!(false), 2), (json!(null), 2)] {
        let answer = app.user("admin").await.graphql_with(by_variable, json!({ "s": value })).await;
        assert_eq!(answer.data("taskFlow")["totalCount"], count, "{value}");
    }
    assert_eq!(listed(&app, "taskFlow", &format!("(id: \"{old}\")"), "uuid").await, Vec::<Value>::new());
    assert_eq!(
        listed(&app, "taskFlow", "(isDeleted: true, showSuperseded: true)", "uuid").await,
        Vec::<Value>::new()
    );
}

#[apply(on_both)]
async fn task_flow_search_is_in_the_code_or_the_name_without_regard_to_case(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    for (code, name) in [("PAY_1", Some("Ünder way")), ("UNDER", None), ("PAYX1", Some("50% off"))] {
        app.flow_of(json!({ "code": code, "name": name, "steps": [{ "taskGroupId": group }] })).await;
    }
    for (text, expected) in [
        ("pay", &["PAYX1", "PAY_1"][..]),
        ("under", &["UNDER"]),
        ("üNDER", &["PAY_1"]),
        ("pay_", &["PAY_1"]),
        ("%", &["PAYX1"]),
        ("", &["PAYX1", "PAY_1", "UNDER"]),
        ("nothing", &[]),
    ] {
        let found =
            listed(&app, "taskFlow", &format!("(search: {}, orderBy: \"code\")", json!(text)), "code").await;
        assert_eq!(found, expected.iter().map(|code| json!(code)).collect::<Vec<_>>(), "{text:?}");
    }
}

#[apply(on_both)]
async fn task_flow_history_has_every_write_of_a_version_newest_first(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let old = app.flow("LINE", &[&group]).await;
    app.done(
        "admin",
        "updateTaskFlow",
        json!({ "id": old, "name": "named", "clientMutationId": "the name" }),
    )
    .await;
    let new = app.replace_flow(&old, &[&group]).await;
    let arguments = format!("(id: \"{old}\")");
    assert_eq!(
        listed(&app, "taskFlowHistory", &arguments, "version").await,
        [3, 2, 1].map(|version| json!(version))
    );
    assert_eq!(
        listed(&app, "taskFlowHistory", &arguments, "replacementUuid").await,
        [json!(new), Value::Null, Value::Null]
    );
    let types = ["CHANGED", "CHANGED", "CREATED"].map(|kind| json!(kind));
    assert_eq!(listed(&app, "taskFlowHistory", &arguments, "historyType").await, types);
    let arguments = format!("(id: \"{new}\")");
    assert_eq!(listed(&app, "taskFlowHistory", &arguments, "historyType").await, [json!("CREATED")]);
    assert_eq!(
        app.user("exec1").await.graphql("{ taskFlowHistory { totalCount } }").await.codes(),
        ["FORBIDDEN"]
    );
}

#[apply(on_both)]
async fn client_mutation_id_gives_what_the_mutation_touched(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let steps = json!([{ "taskGroupId": group }]);
    app.done("admin", "createTaskFlow", json!({ "code": "A", "steps": steps, "clientMutationId": "create" }))
        .await;
    app.done("admin", "createTaskFlow", json!({ "code": "B", "steps": steps })).await;
    let touched = |list: &'static str, id: &'static str, field: &'static str| {
        let app = &app;
        async move { listed(app, list, &format!("(clientMutationId: \"{id}\")"), field).await }
    };
    assert_eq!(touched("taskFlow", "create", "code").await, [json!("A")]);
    assert_eq!(touched("taskFlowHistory", "create", "code").await, [json!("A")]);
    let flow = touched("taskFlow", "create", "uuid").await.remove(0);
    app.done("admin", "updateTaskFlow", json!({ "id": flow, "clientMutationId": "no change" })).await;
    assert_eq!(touched("taskFlow", "no change", "code").await, [json!("A")]);
    app.done(
        "admin",
        "replaceTaskFlow",
        json!({ "id": flow, "steps": steps, "clientMutationId": "replace" }),
    )
    .await;
    let head = touched("taskFlow", "replace", "uuid").await;
    assert!(head.len() == 1 && head[0] != flow, "the new head alone: {head:?}");
    let both =
        listed(&app, "taskFlow", "(clientMutationId: \"replace\", showSuperseded: true)", "uuid").await;
    assert_eq!(both.len(), 2, "{both:?}");

    let task = app.task_on(head[0].as_str().expect("a key")).await;
    let status = json!({ user_id("exec1"): "APPROVED" }).to_string();
    app.done(
        "exec1",
        "resolveTask",
        json!({ "id": task, "businessStatus": status, "clientMutationId": "vote" }),
    )
    .await;
    assert_eq!(touched("taskDecision", "vote", "decision").await, [json!("APPROVED")]);
    assert_eq!(touched("taskDecision", "create", "decision").await, Vec::<Value>::new());
    assert_eq!(touched("task", "vote", "uuid").await, [json!(task)]);
}

#[apply(on_both)]
async fn task_decision_gives_the_votes_on_a_task_by_every_filter(app: TestApp) {
    let one = app.group("ONE", All, &["exec1", "exec2"]).await;
    let two = app.group("TWO", All, &["exec3", "exec4"]).await;
    let flow = app.flow("FLOW", &[&one, &two]).await;
    let (task, other) = (app.task_on(&flow).await, app.task_on(&flow).await);
    for who in ["exec1", "exec2"] {
        app.approve(who, &task).await;
    }
    assert_eq!(app.vote("exec3", &task, json!("FAILED")).await, "ok");
    app.approve("exec1", &other).await;
    let (first, second) = (app.step(&flow, 0).await, app.step(&flow, 1).await);
    let exec1 = user_id("exec1");
    for (filter, count) in [
        (String::new(), 3),
        (format!("stepId: \"{first}\""), 2),
        (format!("stepId: \"{second}\""), 1),
        (format!("userId: \"{exec1}\""), 1),
        ("decision: FAILED".to_owned(), 1),
        ("decision: APPROVED".to_owned(), 2),
        ("decision: REJECTED".to_owned(), 0),
        ("isStale: false".to_owned(), 3),
        ("isStale: true".to_owned(), 0),
        ("recordId: \"x\"".to_owned(), 0),
        (format!("stepId: \"{}\"", global("TaskFlowStepGQLType", &first)), 2),
        (format!("stepId: \"{first}\", userId: \"{exec1}\", decision: APPROVED"), 1),
        ("dateCreated_Lt: \"2020-01-01T00:00:00\"".to_owned(), 0),
    ] {
        let rows =
            listed(&app, "taskDecision", &format!("(taskId: \"{task}\", {filter})"), "task { uuid }").await;
        assert_eq!(each(&rows, "uuid"), vec![json!(task); count], "{filter}");
    }
    let selection = "decision user { username } flowStep { order }";
    let rows =
        app.user("admin").await.rows("taskDecision", &format!("(taskId: \"{task}\")"), selection).await;
    let expected = [("APPROVED", "exec1", 1), ("APPROVED", "exec2", 1), ("FAILED", "exec3", 2)];
    let expected = expected.map(|(decision, who, order)| json!({ "decision": decision, "user": { "username": who }, "flowStep": { "order": order } }));
    assert_eq!(rows, expected, "in the order in which they were cast");
    assert_eq!(listed(&app, "taskDecision", "", "id").await.len(), 4, "of all tasks");
}

#[apply(on_both)]
async fn votes_are_seen_by_those_who_see_the_task(app: TestApp) {
    let (one, two) =
        (app.group("ONE", Any, &["exec1"]).await, app.group("TWO", All, &["exec2", "exec3"]).await);
    let task = app.task_on(&app.flow("FLOW", &[&one, &two]).await).await;
    app.approve("exec1", &task).await;
    app.approve("exec2", &task).await;
    let decision = listed(&app, "taskDecision", &format!("(taskId: \"{task}\")"), "id").await.remove(0);
    let query =
        format!("{{ taskDecision(taskId: \"{task}\") {{ totalCount }} node(id: {decision}) {{ id }} }}");
    for (who, count) in [("admin", 2), ("triage", 2), ("exec2", 2), ("exec3", 2), ("exec1", 0), ("exec4", 0)]
    {
        let answer = app.user(who).await.graphql(&query).await;
        assert_eq!(answer.data("taskDecision")["totalCount"], count, "{who}");
        let expected = if count == 0 { Value::Null } else { decision.clone() };
        assert_eq!(answer.data("node")["id"], expected, "{who}");
    }
    let answer = app
        .user("norights")
        .await
        .graphql(&format!("{{ taskDecision(taskId: \"{task}\") {{ totalCount }} }}"))
        .await;
    assert_eq!(answer.codes(), ["FORBIDDEN"]);
    app.done("admin", "deleteTask", json!({ "ids": [task] })).await;
    let answer = app
        .user("exec2")
        .await
        .graphql(&format!("{{ taskDecision(taskId: \"{task}\") {{ totalCount }} }}"))
        .await;
    assert_eq!(answer.data("taskDecision")["totalCount"], 0, "a deleted task is not seen");
}

#[apply(on_both)]
async fn the_flow_of_a_task_is_shown_to_whoever_sees_the_task_but_not_listed(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let flow = app.flow("FLOW", &[&group]).await;
    let task = app.task_on(&flow).await;
    let selection = "flow { code steps { order taskGroup { code } } } currentStep { order }";
    let row = app.user("exec1").await.rows("task", &format!("(id: \"{task}\")"), selection).await.remove(0);
    assert_eq!(
        row["flow"],
        json!({ "code": "FLOW", "steps": [{ "order": 1, "taskGroup": { "code": "ONE" } }] })
    );
    assert_eq!(app.user("exec1").await.graphql("{ taskFlow { totalCount } }").await.codes(), ["FORBIDDEN"]);
    let by_flow = listed(&app, "task", &format!("(flowId: \"{flow}\")"), "uuid").await;
    assert_eq!(by_flow, [json!(task)]);
}

#[apply(on_both)]
async fn node_answers_for_flows_their_history_and_votes_under_the_same_rights(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1", "exec2"]).await;
    let old = app.flow("FLOW", &[&group]).await;
    let new = app.replace_flow(&old, &[&group]).await;
    let written = listed(&app, "taskFlowHistory", &format!("(id: \"{new}\")"), "id").await.remove(0);
    let ids = [json!(global("TaskFlowGQLType", &old)), json!(global("TaskFlowGQLType", &new)), written];
    for id in &ids {
        let query = format!("{{ node(id: {id}) {{ __typename id }} }}");
        assert_eq!(app.user("admin").await.graphql(&query).await.data("node")["id"], *id);
        for who in ["exec1", "norights"] {
            assert_eq!(app.user(who).await.graphql(&query).await.data("node"), &Value::Null, "{who}");
        }
    }
    app.done("admin", "deleteTaskFlow", json!({ "ids": [new] })).await;
    for id in &ids[..2] {
        let query = format!("{{ node(id: {id}) {{ id }} }}");
        assert_eq!(app.user("admin").await.graphql(&query).await.data("node"), &Value::Null, "it is retired");
    }
}

#[apply(on_both)]
async fn task_assignment_targets_are_the_heads_and_the_live_groups(app: TestApp) {
    let one = app.group_with("T-ONE", N, Some(2), &["exec1", "exec2"], &[]).await;
    let two = app.group("T-TWO", All, &["exec2", "exec3"]).await;
    let gone = app.group("T-GONE", Any, &["exec1"]).await;
    app.done("admin", "deleteTaskGroup", json!({ "ids": [gone] })).await;
    let old =
        app.flow_of(json!({ "code": "T-LINE", "name": "Line", "steps": [{ "taskGroupId": one }] })).await;
    app.replace_flow(&old, &[&one, &two]).await;
    let retired = app.flow("T-RETIRED", &[&one]).await;
    app.done("admin", "deleteTaskFlow", json!({ "ids": [retired] })).await;
    let expected = [
        json!(["FLOW", "T-LINE", "Line", 2, null, null, 3]),
        json!(["GROUP", "T-ONE", "T-ONE", null, "N", 2, 2]),
        json!(["GROUP", "T-TWO", "T-TWO", null, "ALL", null, 2]),
    ];
    for who in ["admin", "triage"] {
        assert_eq!(targets(&app, who, "(search: \"t-\")").await, expected, "{who}");
    }
    assert_eq!(targets(&app, "admin", "(search: \"LINE\")").await, expected[..1], "by the name too");
    for first in 0..=3_usize {
        assert_eq!(
            targets(&app, "admin", &format!("(search: \"T-\", first: {first})")).await,
            expected[..first]
        );
    }
    assert!(targets(&app, "admin", "").await.len() > 8, "without a search, all");
    assert_eq!(targets(&app, "admin", "(search: \"  \")").await, targets(&app, "admin", "").await);
    for who in ["exec1", "norights"] {
        let answer = app.user(who).await.graphql("{ taskAssignmentTargets { code } }").await;
        assert_eq!(answer.codes(), ["FORBIDDEN"], "{who}");
    }
    for bad in ["first: -1", "first: 101", "search: \"a\\u0000\""] {
        let answer =
            app.user("admin").await.graphql(&format!("{{ taskAssignmentTargets({bad}) {{ code }} }}")).await;
        assert!(["VALIDATION", "LIMIT"].contains(&answer.codes()[0]), "{bad}: {}", answer.text);
    }
}

#[apply(on_both)]
async fn in_flight_counts_the_open_tasks_of_one_version(app: TestApp) {
    let group = app.group("ONE", Any, &["exec1"]).await;
    let old = app.flow("LINE", &[&group]).await;
    let tasks = [app.task_on(&old).await, app.task_on(&old).await, app.task_on(&old).await];
    let new = app.replace_flow(&old, &[&group]).await;
    app.task_on(&new).await;
    app.approve("exec1", &tasks[0]).await;
    app.done("admin", "deleteTask", json!({ "ids": [tasks[1]] })).await;
    let arguments = "(showSuperseded: true, orderBy: \"version\")";
    assert_eq!(listed(&app, "taskFlow", arguments, "inFlightCount").await, [json!(1), json!(1)]);
}
