//! Who sees what, in whichever way it is asked for: lists, history, `node`, and fields of other rows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{NaiveDate, TimeDelta};
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{CreateTask, FixedClock};

use crate::support::scenario::{each, nodes, user_id};
use crate::support::{Client, apply, on_both};

pub fn global_id(kind: &str, key: &str) -> String {
    STANDARD.encode(format!("{kind}:{key}"))
}

/// The ways by which somebody sees a task: by its own fields, and as the admin's work.
async fn ways_to_task(client: &mut Client, task: &str) -> Vec<&'static str> {
    let node = global_id("TaskGQLType", task);
    let query = format!(
        "{{ task(id: \"{task}\") {{ totalCount }} taskHistory(id: \"{task}\") {{ totalCount }} node(id: \"{node}\") {{ id }} \
         byIds: task(entityIds: [], first: 100) {{ edges {{ node {{ uuid taskGroup {{ taskSet(first: 100) {{ edges {{ node {{ \
         uuid }} }} }} }} userCreated {{ taskUserCreated(first: 100) {{ edges {{ node {{ uuid }} }} }} }} }} }} }} }}"
    );
    let answer = client.graphql(&query).await;
    let data = &answer.body["data"];
    assert!(answer.body.get("errors").is_none(), "{}", answer.text);
    let mut ways = Vec::new();
    let holds = |rows: &[Value]| each(rows, "uuid").contains(&json!(task));
    let listed = nodes(&data["byIds"]);
    let within = |path: [&str; 2]| {
        listed.iter().any(|row| {
            let set = &row[path[0]][path[1]];
            set.is_object() && holds(&nodes(set))
        })
    };
    for (way, seen) in [
        ("task", data["task"]["totalCount"] != 0),
        ("taskHistory", data["taskHistory"]["totalCount"] != 0),
        ("node", !data["node"].is_null()),
        ("list", holds(&listed)),
        ("taskSet", within(["taskGroup", "taskSet"])),
        ("taskUserCreated", within(["userCreated", "taskUserCreated"])),
    ] {
        if seen {
            ways.push(way);
        }
    }
    ways
}

const EVERY_WAY: [&str; 6] = ["task", "taskHistory", "node", "list", "taskSet", "taskUserCreated"];
const NO_WAY: [&str; 0] = [];

#[apply(on_both)]
async fn executors_see_the_tasks_they_sit_over_and_no_others(app: TestApp) {
    let group = app.group("MINE", Any, &["exec5"]).await;
    let other = app.group("THEIRS", Any, &["exec4"]).await;
    let (mine, theirs) = (app.task_in(&group).await, app.task_in(&other).await);
    let mut exec5 = app.user("exec5").await;
    assert_eq!(ways_to_task(&mut exec5, &mine).await, EVERY_WAY);
    assert_eq!(ways_to_task(&mut exec5, &theirs).await, NO_WAY);
    assert_eq!(ways_to_task(&mut app.user("triage").await, &theirs).await, EVERY_WAY);
}

#[apply(on_both)]
async fn removed_executors_no_longer_see_or_decide(app: TestApp) {
    let group = app.group("LEFT", All, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    let mut exec1 = app.user("exec1").await;
    assert_eq!(ways_to_task(&mut exec1, &task).await, EVERY_WAY);
    app.set_executors(&group, &["exec2"]).await;
    assert_eq!(ways_to_task(&mut exec1, &task).await, NO_WAY);
    assert!(exec1.rows("taskGroup", &format!("(id: \"{group}\")"), "code").await.is_empty());
    let node = format!("{{ node(id: \"{}\") {{ id }} }}", global_id("TaskGroupGQLType", &group));
    assert!(exec1.graphql(&node).await.data("node").is_null());
    assert_eq!(app.vote("exec1", &task, json!("APPROVED")).await, "NOT_FOUND");
    for name in ["updateTask", "executeTask"] {
        assert_eq!(exec1.outcome(name, json!({ "id": task })).await, "NOT_FOUND", "{name}");
    }
    assert_eq!(app.vote("exec2", &task, json!("APPROVED")).await, "ok");
    assert_eq!(app.status(&task).await, "COMPLETED", "who left is not waited for");
    assert_eq!(ways_to_task(&mut app.user("exec2").await, &task).await, EVERY_WAY);
}

#[apply(on_both)]
async fn a_deleted_group_grants_nothing_and_is_shown_in_history_only(app: TestApp) {
    let group = app.group("ENDED", Any, &["exec5"]).await;
    let task = app.task_in(&group).await;
    assert_eq!(app.vote("exec5", &task, json!("APPROVED")).await, "ok");
    let mut triage = app.user("triage").await;
    assert_eq!(triage.outcome("deleteTaskGroup", json!({ "ids": [group] })).await, "ok");
    assert_eq!(ways_to_task(&mut app.user("exec5").await, &task).await, NO_WAY);
    assert_eq!(app.status(&task).await, "COMPLETED");
    assert_eq!(app.task_row(&task).await["taskGroup"], Value::Null);
    for arguments in [
        format!("(id: \"{group}\")"),
        format!("(id: \"{group}\", isDeleted: true)"),
        "(search: \"ENDED\")".into(),
    ] {
        assert!(triage.rows("taskGroup", &arguments, "code").await.is_empty(), "{arguments}");
    }
    let node = format!("{{ node(id: \"{}\") {{ id }} }}", global_id("TaskGroupGQLType", &group));
    assert!(triage.graphql(&node).await.data("node").is_null());
    let query = "{ user { taskexecutorSet { totalCount } } }";
    let executors =
        app.user("exec5").await.graphql(query).await.data("user")["taskexecutorSet"]["totalCount"].clone();
    assert_eq!(executors, 2, "those of the fixture");
    let versions = app.versions("taskGroup", &group, "isDeleted").await;
    assert_eq!(each(&versions, "historyType"), ["CREATED", "DELETED"]);
    let shown = app.versions("task", &task, "taskGroup { code }").await;
    assert_eq!(shown[0]["taskGroup"]["code"], "ENDED");
}

#[apply(on_both)]
async fn received_tasks_are_hidden_from_executors(app: TestApp) {
    let group = app.group("SOON", Any, &["exec5"]).await;
    let task = app.task(CreateTask::default()).await;
    let mut triage = app.user("triage").await;
    let assign = json!({ "id": task, "taskGroupId": group });
    assert_eq!(triage.outcome("updateTask", assign).await, "ok");
    assert_eq!(app.status(&task).await, "RECEIVED");
    let mut exec5 = app.user("exec5").await;
    assert_eq!(ways_to_task(&mut exec5, &task).await, NO_WAY);
    assert_eq!(ways_to_task(&mut triage, &task).await, EVERY_WAY);
    assert_eq!(triage.outcome("updateTask", json!({ "id": task, "status": "ACCEPTED" })).await, "ok");
    assert_eq!(ways_to_task(&mut exec5, &task).await, EVERY_WAY);
}

#[apply(on_both)]
async fn deleted_tasks_are_shown_in_history_only_and_there_to_those_who_see_all(app: TestApp) {
    let group = app.group("GONE", Any, &["exec5"]).await;
    let task = app.task_in(&group).await;
    let mut triage = app.user("triage").await;
    assert_eq!(triage.outcome("deleteTask", json!({ "ids": [task] })).await, "ok");
    assert_eq!(ways_to_task(&mut triage, &task).await, ["taskHistory"]);
    assert_eq!(ways_to_task(&mut app.user("exec5").await, &task).await, NO_WAY);
    assert!(triage.rows("task", &format!("(id: \"{task}\", isDeleted: true)"), "uuid").await.is_empty());
}

#[apply(on_both)]
async fn without_any_right_lists_within_other_rows_are_empty(app: TestApp) {
    let query = "{ user { username taskUserCreated { totalCount } taskUserUpdated { totalCount } taskexecutorSet { \
                 totalCount } taskgroupUserCreated { totalCount } } }";
    let answer = app.user("norights").await.graphql(query).await;
    let none = json!({ "totalCount": 0 });
    assert_eq!(
        *answer.data("user"),
        json!({
            "username": "norights", "taskUserCreated": none, "taskUserUpdated": none, "taskexecutorSet": none,
            "taskgroupUserCreated": none,
        })
    );
}

#[apply(on_both)]
async fn personal_data_of_others_is_null_without_the_right_to_list_users(app: TestApp) {
    let group = app.group("PEOPLE", Any, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    let person = "username lastName email phone rights iUser { email } mailFrequency { frequency }";
    let query = format!(
        "{{ user {{ {person} }} task(id: \"{task}\") {{ edges {{ node {{ userCreated {{ {person} }} taskGroup {{ user {{ \
         {person} }} taskexecutorSet {{ edges {{ node {{ user {{ {person} }} }} }} }} }} }} }} }} taskHistory(id: \
         \"{task}\") {{ edges {{ node {{ historyUser {{ {person} }} userUpdated {{ {person} }} }} }} }} }}"
    );
    for (who, sees) in [("exec1", false), ("triage", true)] {
        let answer = app.user(who).await.graphql(&query).await;
        assert_eq!(answer.data("user")["email"], json!(format!("{who}@example.org")), "one's own");
        assert!(answer.data("user")["rights"].is_array() && answer.data("user")["iUser"].is_object());
        let row = &nodes(answer.data("task"))[0];
        let version = &nodes(answer.data("taskHistory"))[0];
        let mut people =
            vec![row["userCreated"].clone(), version["historyUser"].clone(), version["userUpdated"].clone()];
        people.extend(row["taskGroup"]["user"].as_array().expect("people").clone());
        people.extend(each(&nodes(&row["taskGroup"]["taskexecutorSet"]), "user"));
        assert_eq!(people.len(), 7);
        for person in people.iter().filter(|person| person["username"] != who) {
            assert!(person["lastName"].is_string(), "names are no secret");
            for field in ["email", "rights", "iUser", "mailFrequency"] {
                assert_eq!(!person[field].is_null(), sees, "{who}: {field} of {person}");
            }
        }
    }
    let node = format!("{{ node(id: \"{}\") {{ id }} }}", global_id("InteractiveUserGQLType", "1"));
    assert!(app.user("exec1").await.graphql(&node).await.data("node").is_null());
}

#[apply(on_both)]
async fn personal_data_is_not_found_out_by_filters_and_orders(app: TestApp) {
    app.load(json!({
        "roles": [{ "name": "Groups", "rights": [190_001] }],
        "users": [{ "id": "00000000-0000-7000-b000-000000000004", "username": "groups", "password": "groups123",
                    "roles": ["Groups"] }],
    })).await;
    let group = app.group("GUESS", Any, &["exec1", "exec2"]).await;
    let executors = |email: &str| {
        format!(
            "(taskGroup_Id: \"{group}\", user_IUser_Email_Iexact: \"{email}@example.org\") {{ totalCount }}"
        )
    };
    for (who, others) in [("exec1", 0), ("groups", 0), ("triage", 1)] {
        let mut client = app.user(who).await;
        for email in ["exec1", "exec2"] {
            let expected = if email == who { 1 } else { others };
            let query = format!(
                "{{ taskGroup(id: \"{group}\") {{ edges {{ node {{ taskexecutorSet{} }} }} }} }}",
                executors(email)
            );
            let found = nodes(client.graphql(&query).await.data("taskGroup"));
            assert_eq!(found[0]["taskexecutorSet"]["totalCount"], expected, "{who} asks for {email}");
            for field in ["taskExecutor", "taskExecutorHistory"] {
                let answer = client.graphql(&format!("{{ {field}{} }}", executors(email))).await;
                if who != "exec1" {
                    assert_eq!(answer.data(field)["totalCount"], expected, "{who} asks {field} for {email}");
                }
            }
        }
        if who != "exec1" {
            for key in ["user__iUser__email", "user__i_user__phone"] {
                let query = format!("{{ taskExecutor(orderBy: \"{key}\") {{ totalCount }} }}");
                assert_eq!(client.graphql(&query).await.codes(), ["VALIDATION"], "paths go one level deep");
            }
        }
    }
}

#[apply(on_both)]
async fn strangers_read_nothing_by_node(app: TestApp) {
    for (kind, key) in [
        ("UserGQLType", user_id("admin")),
        ("InteractiveUserGQLType", "1"),
        ("TaskGQLType", "00000000-0000-7000-a000-000000000003"),
    ] {
        let query =
            format!("{{ node(id: \"{}\") {{ id ... on UserGQLType {{ email }} }} }}", global_id(kind, key));
        let answer = app.stranger().graphql(&query).await;
        assert_eq!(answer.status, 401);
        assert!(!answer.text.contains("example.org") && answer.body["data"].is_null(), "{}", answer.text);
    }
}

#[apply(on_both)]
async fn mutation_logs_are_ones_own_and_superusers_see_all(app: TestApp) {
    let group = app.group("LOGS", Any, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    for who in ["exec1", "triage"] {
        let input = json!({ "id": task, "clientMutationId": format!("of {who}") });
        assert_eq!(app.user(who).await.outcome("updateTask", input).await, "ok");
    }
    let entry = app
        .user("admin")
        .await
        .rows("mutationLogs", "(clientMutationId: \"of triage\")", "id")
        .await
        .remove(0);
    let query = format!(
        "{{ own: mutationLogs(clientMutationId: \"of exec1\") {{ totalCount }} other: mutationLogs(clientMutationId: \
         \"of triage\") {{ totalCount }} all: mutationLogs {{ edges {{ node {{ user {{ username }} }} }} }} byUser: \
         mutationLogs(user: \"{}\") {{ totalCount }} node(id: {}) {{ id }} touched: task(clientMutationId: \"of triage\") \
         {{ totalCount }} }}",
        user_id("triage"),
        entry["id"]
    );
    for (who, own, other) in [("exec1", 1, 0), ("exec2", 0, 0), ("admin", 1, 1)] {
        let answer = app.user(who).await.graphql(&query).await;
        let count = |field: &str| answer.data(field)["totalCount"].clone();
        assert_eq!((count("own"), count("other")), (json!(own), json!(other)), "{who}");
        assert_eq!(count("touched"), other, "{who}");
        assert_eq!(count("byUser") != 0, other == 1, "{who}");
        assert_eq!(!answer.data("node").is_null(), other == 1, "{who}");
        let authors = each(&each(&nodes(answer.data("all")), "user"), "username");
        assert_eq!(authors.iter().all(|author| author == who), who != "admin", "{authors:?}");
    }
}

#[apply(on_both)]
async fn the_right_to_see_all_tasks_shows_all_tasks_and_no_groups(app: TestApp) {
    app.load(json!({
        "roles": [{ "name": "Auditor", "rights": [191_005] }],
        "users": [{ "id": "00000000-0000-7000-b000-000000000001", "username": "auditor", "password": "auditor123",
                    "roles": ["Auditor"] }],
    })).await;
    let mut auditor = app.user("auditor").await;
    let received = app.task(CreateTask::default()).await;
    let ways = ways_to_task(&mut auditor, &received).await;
    assert_eq!(ways, ["task", "taskHistory", "node", "list", "taskUserCreated"], "it is in no group");
    let query = "{ task { totalCount } }";
    let all = app.user("admin").await.graphql(query).await.data("task").clone();
    assert_eq!(*auditor.graphql(query).await.data("task"), all);
    for field in ["taskGroup", "taskExecutor", "taskGroupHistory", "users"] {
        let answer = auditor.graphql(&format!("{{ {field} {{ totalCount }} }}")).await;
        assert_eq!(answer.codes(), ["FORBIDDEN"], "{field}");
    }
}

#[apply(on_both)]
async fn rights_are_overridden_at_run_time_by_the_row_in_the_database(app: TestApp) {
    let start =
        NaiveDate::from_ymd_opt(2030, 1, 1).and_then(|day| day.and_hms_opt(8, 0, 0)).expect("a moment");
    let clock = FixedClock::new(start);
    let app2 = app.another_process_with(|_| {}, |builder| builder.clock(clock.clone()));
    let (mut triage, mut admin) = (app2.user("triage").await, app2.user("admin").await);
    assert_eq!(triage.outcome("createTask", json!({})).await, "ok");
    app.load(json!({ "moduleConfigurations": [
        { "module": "tasks_management", "layer": "BE", "config": { "gql_task_create_perms": [191_002, 42] } },
        { "module": "tasks_management", "layer": "FE", "config": { "gql_task_delete_perms": [42] } },
    ] }))
    .await;
    clock.advance(TimeDelta::seconds(2));
    assert_eq!(
        triage.outcome("createTask", json!({})).await,
        "FORBIDDEN",
        "all rights of the list are needed"
    );
    assert_eq!(admin.outcome("createTask", json!({})).await, "ok");
    let task = app.task(CreateTask::default()).await;
    assert_eq!(
        triage.outcome("deleteTask", json!({ "ids": [task] })).await,
        "ok",
        "the layer FE is not for the server"
    );
}
