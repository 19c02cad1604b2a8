//! Makers see what has become of the tasks that they have made.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};

use crate::support::scenario::{each, nodes, user_id, user_ids};
use crate::support::{Client, TestApp, apply, on_both};

/// Adds people with these rights: `creator` may create tasks only, `author` may also search and change them, `reader` may
/// search only.
async fn add_people(app: &TestApp) {
    let person = |number: u8, name: &str| {
        json!({ "id": format!("00000000-0000-7000-b000-00000000000{number}"), "username": name,
                "password": format!("{name}123"), "lastName": name, "interactiveUserId": 70 + number, "roles": [name] })
    };
    app.load(json!({
        "roles": [
            { "id": 71, "name": "creator", "rights": [191_002] },
            { "id": 72, "name": "author", "rights": [191_001, 191_002, 191_003] },
            { "id": 73, "name": "reader", "rights": [191_001] },
        ],
        "users": [person(1, "creator"), person(2, "author"), person(3, "reader")],
    }))
    .await;
}

/// Somebody creates a task; returns its key.
async fn made_by(app: &TestApp, username: &str, source: &str) -> String {
    app.done(username, "createTask", json!({ "source": source })).await;
    let rows = app.user("admin").await.rows("task", &format!("(source: \"{source}\")"), "uuid").await;
    rows[0]["uuid"].as_str().expect("a key").to_owned()
}

async fn seen(client: &mut Client, task: &str) -> [usize; 4] {
    let node = crate::visibility::global_id("TaskGQLType", task);
    let query = format!(
        "{{ task(id: \"{task}\") {{ totalCount }} taskHistory(id: \"{task}\") {{ totalCount }} \
         taskDecision(taskId: \"{task}\") {{ totalCount }} node(id: \"{node}\") {{ id }} }}"
    );
    let answer = client.graphql(&query).await;
    let count = |field: &str| {
        answer.data(field)["totalCount"]
            .as_u64()
            .and_then(|count| usize::try_from(count).ok())
            .expect("a number")
    };
    let node = usize::from(!answer.data("node").is_null());
    [count("task"), count("taskHistory"), count("taskDecision"), node]
}

#[apply(on_both)]
async fn a_maker_sees_the_tasks_that_the_maker_has_made_in_every_state_and_no_others(app: TestApp) {
    add_people(&app).await;
    let group = app.group("DECIDES", All, &["exec1", "exec2"]).await;
    let task = made_by(&app, "creator", "own").await;
    let other = made_by(&app, "author", "other").await;
    let mut creator = app.user("creator").await;
    assert_eq!(seen(&mut creator, &task).await, [1, 1, 0, 1], "before a group decides on it");
    app.done("triage", "updateTask", json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED" })).await;
    app.approve("exec1", &task).await;
    assert_eq!(seen(&mut creator, &task).await, [1, 3, 1, 1], "with the votes, as an executor sees it");
    assert_eq!(seen(&mut creator, &other).await, [0, 0, 0, 0]);
    let shown = "uuid status taskGroup { code } progress { pools { has missing { username } } } \
                 taskGroup { code taskexecutorSet { totalCount } }";
    let rows = creator.rows("task", "", shown).await;
    assert_eq!(each(&rows, "uuid"), [task.as_str()]);
    let pool = &rows[0]["progress"]["pools"][0];
    assert_eq!((&pool["has"], &pool["missing"][0]["username"]), (&json!(1), &json!("exec2")));
    assert_eq!(rows[0]["taskGroup"]["taskexecutorSet"]["totalCount"], 2);
    app.approve("exec2", &task).await;
    assert_eq!(creator.rows("task", "", "status").await, [json!({ "status": "COMPLETED" })]);
    let gone = made_by(&app, "creator", "gone").await;
    app.done("admin", "deleteTask", json!({ "ids": [gone] })).await;
    assert_eq!(seen(&mut creator, &gone).await, [0, 0, 0, 0]);
}

#[apply(on_both)]
async fn a_maker_who_is_an_executor_elsewhere_sees_both(app: TestApp) {
    add_people(&app).await;
    let own = made_by(&app, "author", "own").await;
    let code = json!({ "code": "AUTHORS", "completionPolicy": "ANY", "userIds": ["00000000-0000-7000-b000-000000000002"] });
    app.done("admin", "createTaskGroup", code).await;
    let group =
        app.user("admin").await.rows("taskGroup", "(code: \"AUTHORS\")", "uuid").await[0]["uuid"].clone();
    let asked = app.task_in(group.as_str().expect("a key")).await;
    app.task_in(&app.group("OTHERS", Any, &["exec1"]).await).await;
    let mut author = app.user("author").await;
    let mut tasks = each(&author.rows("task", "", "uuid").await, "uuid");
    tasks.sort_by_key(Value::to_string);
    let mut expected = vec![json!(own), json!(asked)];
    expected.sort_by_key(Value::to_string);
    assert_eq!(tasks, expected);
    let pages = author
        .graphql("{ task(first: 1, orderBy: \"-dateCreated\") { totalCount pageInfo { hasNextPage } } }")
        .await;
    assert_eq!(
        (&pages.data("task")["totalCount"], &pages.data("task")["pageInfo"]["hasNextPage"]),
        (&json!(2), &json!(true))
    );
}

#[apply(on_both)]
async fn without_the_right_or_the_setting_the_answer_is_todays(app: TestApp) {
    add_people(&app).await;
    let task = made_by(&app, "creator", "own").await;
    app.run(&format!(
        "UPDATE task_management_task SET user_created = '{}' WHERE id = '{task}'",
        user_id("norights")
    ));
    for field in ["task", "taskHistory", "taskDecision"] {
        let query = format!("{{ {field} {{ totalCount }} }}");
        assert_eq!(app.user("norights").await.graphql(&query).await.codes(), ["FORBIDDEN"], "{field}");
    }
    app.run(&format!(
        "UPDATE task_management_task SET user_created = '00000000-0000-7000-b000-000000000003' WHERE id = '{task}'"
    ));
    assert!(
        app.user("reader").await.rows("task", "", "uuid").await.is_empty(),
        "who may search and not create"
    );
    let off = app.another_process_with(
        |settings| settings.tasks_management.makers_see_their_tasks = false,
        |builder| builder,
    );
    let task = made_by(&app, "author", "authors").await;
    assert_eq!(off.user("creator").await.graphql("{ task { totalCount } }").await.codes(), ["FORBIDDEN"]);
    assert!(off.user("author").await.rows("task", "", "uuid").await.is_empty());
    assert_eq!(each(&app.user("author").await.rows("task", "", "uuid").await, "uuid"), [task.as_str()]);
}

#[apply(on_both)]
async fn a_maker_with_the_right_to_change_tasks_changes_the_own_proposal_and_does_not_decide(app: TestApp) {
    add_people(&app).await;
    let group = app.group("DECIDES", Any, &["exec1"]).await;
    let task = made_by(&app, "author", "own").await;
    app.done("triage", "updateTask", json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED" })).await;
    app.done("author", "updateTask", json!({ "id": task, "data": "{\"better\":true}" })).await;
    let ballot = json!({ "00000000-0000-7000-b000-000000000002": "APPROVED" }).to_string();
    let vote = json!({ "id": task, "businessStatus": ballot });
    assert_eq!(app.refused("author", "resolveTask", vote).await, "FORBIDDEN");
    assert_eq!(
        app.refused("author", "updateTask", json!({ "id": task, "status": "COMPLETED" })).await,
        "FORBIDDEN"
    );
    assert_eq!(app.refused("author", "updateTask", json!({ "id": task, "priority": 90 })).await, "FORBIDDEN");
    assert_eq!(app.refused("creator", "updateTask", json!({ "id": task })).await, "FORBIDDEN");
}

#[apply(on_both)]
async fn inside_other_rows_a_maker_sees_the_same_tasks(app: TestApp) {
    add_people(&app).await;
    let group = app.group("NESTED", Any, &["exec1"]).await;
    let task = made_by(&app, "creator", "own").await;
    app.done("triage", "updateTask", json!({ "id": task, "taskGroupId": group, "status": "ACCEPTED" })).await;
    app.task_in(&group).await;
    let query = "{ user { id } task { edges { node { taskGroup { taskSet { edges { node { uuid } } } } \
                 userCreated { taskUserCreated { edges { node { uuid } } } } } } } }";
    let answer = app.user("creator").await.graphql(query).await;
    let row = nodes(answer.data("task")).remove(0);
    assert_eq!(each(&nodes(&row["taskGroup"]["taskSet"]), "uuid"), [task.as_str()]);
    assert_eq!(each(&nodes(&row["userCreated"]["taskUserCreated"]), "uuid"), [task.as_str()]);
    // The executors of groups that are not asked about the maker's tasks stay hidden.
    app.done(
        "admin",
        "updateTaskGroup",
        json!({ "id": group, "code": "NESTED", "completionPolicy": "ANY",
        "userIds": user_ids(&["exec1", "exec2"]) }),
    )
    .await;
    app.approve("exec1", &task).await;
    let query = "{ task { edges { node { taskGroup { taskexecutorSet { totalCount } } } } } }";
    let answer = app.user("creator").await.graphql(query).await;
    assert_eq!(nodes(answer.data("task"))[0]["taskGroup"]["taskexecutorSet"]["totalCount"], 0);
}
