//! The discussion of a task: who says something, who reads it, and what is kept.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{CreateTask, CreateTaskComment, Signal, Signals, UpdateTaskComment};

use crate::statements::sent;
use crate::support::scenario::{each, key, nodes, user_id, user_ids};
use crate::support::{Client, TestApp, apply, on_both};

/// Gives executors of the fixture the right to comment: an app in which the right to search tasks is enough.
fn open(app: &TestApp) -> TestApp {
    app.another_process_with(
        |settings| settings.tasks_management.gql_task_comment_perms = vec![191_001],
        |builder| builder,
    )
}

async fn comment(app: &TestApp, who: &str, task: &str, text: &str) -> String {
    app.done(who, "createTaskComment", json!({ "taskId": task, "text": text })).await;
    let rows = app.user("admin").await.rows("taskComment", &format!("(taskId: \"{task}\")"), "uuid").await;
    rows.last().expect("the new one")["uuid"].as_str().expect("a key").to_owned()
}

async fn said(client: &mut Client, task: &str) -> Vec<Value> {
    each(&client.rows("taskComment", &format!("(taskId: \"{task}\")"), "text").await, "text")
}

#[apply(on_both)]
async fn who_sees_a_task_discusses_it_before_and_after_the_decision(app: TestApp) {
    let app = open(&app);
    let group = app.group("TALK", Any, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    comment(&app, "exec1", &task, " What about the second file? ").await;
    comment(&app, "triage", &task, "It is on its way.\nTomorrow.").await;
    app.approve("exec2", &task).await;
    comment(&app, "exec1", &task, "Thank you").await;
    let expected = ["What about the second file?", "It is on its way.\nTomorrow.", "Thank you"];
    assert_eq!(said(&mut app.user("exec2").await, &task).await, expected);
    let shown =
        "comments { totalCount edges { node { text version userCreated { username } task { uuid } } } }";
    let rows = app.user("exec1").await.rows("task", &format!("(id: \"{task}\")"), shown).await;
    let comments = nodes(&rows[0]["comments"]);
    assert_eq!(each(&comments, "text"), expected);
    assert_eq!(rows[0]["comments"]["totalCount"], 3);
    assert_eq!(
        (&comments[1]["userCreated"]["username"], &comments[1]["task"]["uuid"]),
        (&json!("triage"), &json!(task))
    );
}

#[apply(on_both)]
async fn comments_are_no_versions_of_the_task_and_have_their_own(app: TestApp) {
    let group = app.group("OWN", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let comment = comment(&app, "admin", &task, "frist").await;
    app.done("admin", "updateTaskComment", json!({ "id": comment, "text": "first" })).await;
    app.done("admin", "updateTaskComment", json!({ "id": comment, "text": " first " })).await;
    app.done("admin", "deleteTaskComment", json!({ "ids": [comment, comment] })).await;
    assert_eq!(app.task_row(&task).await["version"], 1);
    let versions = app.versions("taskComment", &comment, "text isDeleted task { uuid }").await;
    assert_eq!(each(&versions, "historyType"), ["CREATED", "CHANGED", "DELETED"]);
    assert_eq!(each(&versions, "text"), ["frist", "first", "first"]);
    assert_eq!(versions[0]["task"]["uuid"], task.as_str());
    assert!(said(&mut app.user("admin").await, &task).await.is_empty());
    assert_eq!(
        app.refused("admin", "updateTaskComment", json!({ "id": comment, "text": "x" })).await,
        "NOT_FOUND id"
    );
    assert_eq!(app.refused("admin", "deleteTaskComment", json!({ "ids": [comment] })).await, "NOT_FOUND id");
}

#[apply(on_both)]
async fn without_the_right_nobody_comments_and_readers_need_none(app: TestApp) {
    let group = app.group("READ", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let own = comment(&app, "admin", &task, "for all").await;
    for (mutation, input) in [
        ("createTaskComment", json!({ "taskId": task, "text": "me too" })),
        ("updateTaskComment", json!({ "id": own, "text": "mine" })),
        ("deleteTaskComment", json!({ "ids": [own] })),
    ] {
        assert_eq!(app.refused("exec1", mutation, input).await, "FORBIDDEN", "{mutation}");
    }
    assert_eq!(said(&mut app.user("exec1").await, &task).await, ["for all"]);
}

#[apply(on_both)]
async fn who_does_not_see_the_task_neither_reads_nor_comments(app: TestApp) {
    let app = open(&app);
    let group = app.group("HIDDEN", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let own = comment(&app, "exec1", &task, "secret").await;
    let mut exec4 = app.user("exec4").await;
    assert!(said(&mut exec4, &task).await.is_empty());
    assert!(exec4.rows("taskCommentHistory", &format!("(id: \"{own}\")"), "text").await.is_empty());
    let node = crate::visibility::global_id("TaskCommentGQLType", &own);
    assert!(exec4.graphql(&format!("{{ node(id: \"{node}\") {{ id }} }}")).await.data("node").is_null());
    assert!(
        !app.user("exec1")
            .await
            .graphql(&format!("{{ node(id: \"{node}\") {{ id }} }}"))
            .await
            .data("node")
            .is_null()
    );
    assert_eq!(
        app.refused("exec4", "createTaskComment", json!({ "taskId": task, "text": "x" })).await,
        "NOT_FOUND taskId"
    );
    assert_eq!(
        app.refused("exec4", "updateTaskComment", json!({ "id": own, "text": "x" })).await,
        "NOT_FOUND id"
    );
    assert_eq!(app.refused("exec4", "deleteTaskComment", json!({ "ids": [own] })).await, "NOT_FOUND id");
    assert_eq!(
        app.user("norights").await.graphql("{ taskComment { totalCount } }").await.codes(),
        ["FORBIDDEN"]
    );
    // Who leaves the group loses sight of what one has said oneself.
    app.set_executors(&group, &["exec2"]).await;
    assert_eq!(
        app.refused("exec1", "updateTaskComment", json!({ "id": own, "text": "x" })).await,
        "NOT_FOUND id"
    );
    let nothing = json!({ "taskId": "00000000-0000-7000-b000-000000000009", "text": "x" });
    assert_eq!(app.refused("admin", "createTaskComment", nothing).await, "NOT_FOUND taskId");
}

#[apply(on_both)]
async fn comments_on_a_deleted_task_are_gone_with_it(app: TestApp) {
    let task = app.task(CreateTask::default()).await;
    let own = comment(&app, "admin", &task, "soon gone").await;
    app.done("admin", "deleteTask", json!({ "ids": [task] })).await;
    assert!(said(&mut app.user("admin").await, &task).await.is_empty());
    for (mutation, input, refusal) in [
        ("createTaskComment", json!({ "taskId": task, "text": "x" }), "NOT_FOUND taskId"),
        ("updateTaskComment", json!({ "id": own, "text": "x" }), "NOT_FOUND id"),
        ("deleteTaskComment", json!({ "ids": [own] }), "NOT_FOUND id"),
    ] {
        assert_eq!(app.refused("admin", mutation, input).await, refusal, "{mutation}");
    }
}

#[apply(on_both)]
async fn nobody_changes_or_deletes_what_somebody_else_said(app: TestApp) {
    let group = app.group("OTHERS", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let system = app.module.system().await.expect("the system user");
    let input =
        CreateTaskComment { task_id: key(&task), text: "said".to_owned(), ..CreateTaskComment::default() };
    let other = app.module.task_comments().create(&system, input).await.expect("a comment").id.to_string();
    let own = comment(&app, "admin", &task, "mine").await;
    assert_eq!(
        app.refused("admin", "updateTaskComment", json!({ "id": other, "text": "x" })).await,
        "FORBIDDEN"
    );
    assert_eq!(
        app.refused("admin", "deleteTaskComment", json!({ "ids": [own, other] })).await,
        "FORBIDDEN",
        "all or none"
    );
    assert_eq!(said(&mut app.user("admin").await, &task).await, ["said", "mine"]);
}

#[apply(on_both)]
async fn only_active_people_who_see_the_task_are_mentioned(app: TestApp) {
    let group = app.group("NAMES", Any, &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    let mention = |people: Vec<&str>| json!({ "taskId": task, "text": "look", "mentions": people });
    let refused = async |people: Vec<&str>| app.refused("admin", "createTaskComment", mention(people)).await;
    for blind in ["exec4", "norights"] {
        assert_eq!(refused(vec![user_id("exec1"), user_id(blind)]).await, "VALIDATION mentions", "{blind}");
    }
    assert_eq!(refused(vec!["00000000-0000-7000-b000-000000000009"]).await, "VALIDATION mentions", "nobody");
    app.run(&format!("UPDATE core_user SET is_active = false WHERE id = '{}'", user_id("exec2")));
    assert_eq!(refused(vec![user_id("exec2")]).await, "VALIDATION mentions", "inactive");
    // Nothing tells which of these it is.
    let words = async |person: &str| {
        let text = app.refusal_text("admin", "createTaskComment", mention(vec![person])).await;
        text.replace(person, "…")
    };
    let unknown = words("00000000-0000-7000-b000-000000000009").await;
    for person in ["exec4", "norights", "exec2"] {
        assert_eq!(words(user_id(person)).await, unknown, "{person}");
    }
    let many: Vec<String> = (0..51).map(|n| format!("00000000-0000-7000-b000-0000000001{n:02}")).collect();
    assert_eq!(refused(many.iter().map(String::as_str).collect()).await, "LIMIT mentions");
    let people = [user_id("exec1"), user_id("triage"), user_id("exec1")];
    app.done("admin", "createTaskComment", mention(people.to_vec())).await;
    let rows = app.user("exec1").await.rows("taskComment", "", "uuid mentions { username }").await;
    let mut names = each(rows[0]["mentions"].as_array().expect("a list"), "username");
    names.sort_by_key(Value::to_string);
    assert_eq!(names, ["exec1", "triage"]);
    // Who was mentioned stays mentioned after leaving, and is not mentioned anew.
    app.set_executors(&group, &["exec3"]).await;
    let id = rows[0]["uuid"].as_str().expect("a key").to_owned();
    let input = json!({ "id": id, "text": "look again", "mentions": user_ids(&["exec1", "exec3"]) });
    app.done("admin", "updateTaskComment", input).await;
    app.done("admin", "updateTaskComment", json!({ "id": id, "mentions": [] })).await;
    let input = json!({ "id": id, "mentions": user_ids(&["exec1"]) });
    assert_eq!(app.refused("admin", "updateTaskComment", input).await, "VALIDATION mentions");
}

#[apply(on_both)]
async fn texts_are_bounded_and_say_something(app: TestApp) {
    let task = app.task(CreateTask::default()).await;
    let say = |text: String| json!({ "taskId": task, "text": text });
    for text in ["", " \n\t", "\u{200b}"] {
        assert_eq!(
            app.refused("admin", "createTaskComment", say(text.to_owned())).await,
            "VALIDATION text",
            "{text:?}"
        );
    }
    assert_eq!(app.refused("admin", "createTaskComment", say("x\0y".to_owned())).await, "VALIDATION text");
    assert_eq!(app.refused("admin", "createTaskComment", say("é".repeat(2_001))).await, "VALIDATION text");
    assert_eq!(
        app.refused("admin", "createTaskComment", say("x".repeat(1024 * 1024))).await,
        "VALIDATION text",
        "1 MB"
    );
    app.done("admin", "createTaskComment", say("é".repeat(2_000))).await;
    let few = app.another_process_with(|settings| settings.limits.comments_per_task = 2, |builder| builder);
    few.done("admin", "createTaskComment", say("the last".to_owned())).await;
    assert_eq!(few.refused("admin", "createTaskComment", say("one more".to_owned())).await, "LIMIT taskId");
    let rows = few.user("admin").await.rows("taskComment", &format!("(taskId: \"{task}\")"), "uuid").await;
    few.done("admin", "deleteTaskComment", json!({ "ids": [rows[0]["uuid"]] })).await;
    few.done("admin", "createTaskComment", say("in its place".to_owned())).await;
}

#[apply(on_both)]
async fn a_comment_that_has_changed_since_it_was_seen_is_a_conflict(app: TestApp) {
    let task = app.task(CreateTask::default()).await;
    let own = comment(&app, "admin", &task, "one").await;
    let change = |text: &str, version: i32| json!({ "id": own, "text": text, "expectedVersion": version });
    app.done("admin", "updateTaskComment", change("two", 1)).await;
    assert_eq!(
        app.refused("admin", "updateTaskComment", change("three", 1)).await,
        "CONFLICT expectedVersion"
    );
    app.done("admin", "updateTaskComment", change("three", 2)).await;
}

#[apply(on_both)]
async fn handlers_journal_and_outbox_tell_of_comments(backend: Backend) {
    let signals = [Signal::TaskCommentCreate, Signal::TaskCommentUpdate, Signal::TaskCommentDelete];
    let bus = Signals::builder()
        .before(Signal::TaskCommentCreate, |_, event| {
            if event.task_comment()?.text == "rude" {
                return Err(tasks_management::Error::forbidden(tasks_management::Message::words("be kind")));
            }
            Ok(())
        })
        .after("talk", signals, |_| async { Ok(()) });
    let app = TestApp::start_with(backend, |_| {}, |builder| builder.signals(bus)).await;
    let task = app.task(CreateTask::default()).await;
    assert_eq!(
        app.refused("admin", "createTaskComment", json!({ "taskId": task, "text": "rude" })).await,
        "FORBIDDEN"
    );
    let input = json!({ "taskId": task, "text": "kind", "clientMutationId": "said" });
    app.done("admin", "createTaskComment", input.clone()).await;
    app.done("admin", "createTaskComment", input).await;
    let mut admin = app.user("admin").await;
    let touched = admin.rows("taskComment", "(clientMutationId: \"said\")", "uuid text").await;
    assert_eq!(each(&touched, "text"), ["kind"], "a repeat says nothing twice");
    assert_eq!(
        each(&admin.rows("task", "(clientMutationId: \"said\")", "uuid").await, "uuid"),
        [task.as_str()]
    );
    let id = touched[0]["uuid"].clone();
    app.done("admin", "updateTaskComment", json!({ "id": id, "text": "kinder" })).await;
    app.done("admin", "deleteTaskComment", json!({ "ids": [id] })).await;
    let events = admin.rows("taskEvents", "", "signal entityId data").await;
    assert_eq!(
        each(&events, "signal"),
        ["task_comment_service.create", "task_comment_service.update", "task_comment_service.delete"]
    );
    let told: Value = serde_json::from_str(events[1]["data"].as_str().expect("JSON")).expect("JSON");
    assert_eq!((&told["old"]["text"], &told["new"]["text"]), (&json!("kind"), &json!("kinder")));
    assert_eq!(events[1]["entityId"], id);
}

#[apply(on_both)]
async fn hosts_comment_and_read(app: TestApp) {
    let task = key(&app.task(CreateTask::default()).await);
    let (admin, comments) =
        (app.module.requester("admin").await.expect("an admin"), app.module.task_comments());
    let input = CreateTaskComment { task_id: task, text: "from Rust".to_owned(), mentions: vec![admin.id()] };
    let comment = comments.create(&admin, input).await.expect("a comment");
    assert!(comment.mentioned().contains(&admin.id()));
    let change =
        UpdateTaskComment { id: comment.id, text: Some("better".to_owned()), ..UpdateTaskComment::default() };
    assert_eq!(comments.update(&admin, change).await.expect("changed").version, 2);
    let page = comments.list(&admin, json!({ "taskId": task })).await.expect("a page");
    assert_eq!(page.rows[0].text, "better");
    comments.delete(&admin, vec![comment.id]).await.expect("gone");
    assert!(comments.get(&admin, comment.id).await.is_err());
}

#[apply(on_both)]
async fn a_list_of_many_discussed_tasks_costs_as_many_statements_as_one_of_few(app: TestApp) {
    let group = app.group("MANY", All, &["exec1", "exec2"]).await;
    for _ in 0..6 {
        let task = app.task_in(&group).await;
        comment(&app, "admin", &task, "well").await;
    }
    let counted = app.counted_process();
    let mut admin = counted.user("admin").await;
    let query = |first: u8| {
        format!(
            "{{ task(first: {first}, orderBy: \"-dateCreated\") {{ edges {{ node {{ comments {{ edges {{ node {{ text mentions {{ username }} \
                 userCreated {{ username }} }} }} }} }} }} }} }}"
        )
    };
    admin.graphql(&query(2)).await.data("task");
    sent(&counted);
    admin.graphql(&query(2)).await.data("task");
    let few = sent(&counted).len();
    admin.graphql(&query(6)).await.data("task");
    assert_eq!(sent(&counted).len(), few);
}
