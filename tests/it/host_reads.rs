//! A host reads by the services, and makes its groups and flows at its start.

use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{
    CreateTask, CreateTaskFlow, ErrorCode, SYSTEM_USER, TaskFlowStepInput, TaskGroupInput,
};

use crate::support::{TestApp, apply, on_both};

async fn tasks_of_a_source(app: &TestApp, count: usize) -> Vec<uuid::Uuid> {
    let admin = app.module.requester("admin").await.expect("admin");
    let mut ids = Vec::new();
    for number in 0..count {
        let input = CreateTask {
            source: Some("Reading".to_owned()),
            priority: Some(i32::try_from(number).expect("a small number")),
            ..CreateTask::default()
        };
        ids.push(app.module.tasks().create(&admin, input).await.expect("a task").id);
    }
    ids
}

#[apply(on_both)]
async fn a_host_lists_by_the_filters_of_the_interface_and_page_by_page(app: TestApp) {
    let ids = tasks_of_a_source(&app, 5).await;
    let (tasks, admin) = (app.module.tasks(), app.module.requester("admin").await.expect("admin"));
    let filters = json!({ "source": "Reading", "priority_Gte": 1, "orderBy": ["-priority"], "first": 3 });
    let first = tasks.list(&admin, filters.clone()).await.expect("a page");
    let priorities = |page: &tasks_management::Page<tasks_management::Task>| {
        page.rows.iter().map(|task| task.priority).collect::<Vec<_>>()
    };
    assert_eq!((priorities(&first), first.total_count), (vec![4, 3, 2], 4));
    assert_eq!((first.has_previous, first.has_next), (false, true));
    let mut filters = filters;
    filters["after"] = json!(first.end_cursor);
    let second = tasks.list(&admin, filters).await.expect("a page");
    assert_eq!((priorities(&second), second.has_next), (vec![1], false));
    let all = tasks.list(&admin, Value::Null).await.expect("a page");
    assert!(all.total_count >= 5);

    // What people may not see, they don't see here either.
    assert_eq!(tasks.get(&admin, ids[0]).await.expect("a task").id, ids[0]);
    let norights = app.module.requester("norights").await.expect("somebody without rights");
    let hidden = tasks.get(&norights, ids[0]).await.expect_err("not theirs");
    assert_eq!(hidden.code(), ErrorCode::NotFound);
    for (filters, field) in [
        (json!({ "sauce": "Reading" }), Some("sauce")),
        (json!({ "first": "three" }), Some("first")),
        (json!({ "status": "EATEN" }), Some("status")),
        (json!([]), None),
    ] {
        let error = tasks.list(&admin, filters).await.expect_err("not a filter");
        assert_eq!((error.code(), error.field()), (ErrorCode::Validation, field), "{error}");
    }
}

#[apply(on_both)]
async fn a_host_makes_its_groups_and_flows_at_the_start_before_anybody_is_logged_in(app: TestApp) {
    let module = &app.module;
    let system = module.system().await.expect("the system user");
    let decider = module.requester("exec1").await.expect("exec1").id();
    let input = || TaskGroupInput { user_ids: Some(vec![decider]), ..TaskGroupInput::new("START", Any) };
    let other = app.another_process();
    let (here, there) =
        tokio::join!(async { module.task_groups().ensure_group(&system, input()).await }, async {
            other.module.task_groups().ensure_group(&system, input()).await
        },);
    let (here, there) = (here.expect("a group"), there.expect("a group"));
    assert_eq!((here.id, here.user_created), (there.id, SYSTEM_USER));
    // What an administrator has changed since stays.
    let changed = TaskGroupInput::new("START", All);
    module.task_groups().update(&system, here.id, changed).await.expect("a change");
    let again = module.task_groups().ensure_group(&system, input()).await.expect("a group");
    assert_eq!((again.id, again.completion_policy), (here.id, All));

    let flow = || CreateTaskFlow {
        code: "START".to_owned(),
        steps: vec![TaskFlowStepInput { task_group_id: here.id, ..TaskFlowStepInput::default() }],
        ..CreateTaskFlow::default()
    };
    let made = module.task_flows().ensure_flow(&system, flow()).await.expect("a flow");
    let again = module.task_flows().ensure_flow(&system, flow()).await.expect("a flow");
    assert_eq!((again.id, again.version), (made.id, made.version));
    assert_eq!(module.task_flows().by_code(&system, "START").await.expect("a flow").id, made.id);
    assert_eq!(module.task_groups().by_code(&system, "START").await.expect("a group").id, here.id);
    let missing = module.task_groups().by_code(&system, "NOWHERE").await.expect_err("no such group");
    assert_eq!((missing.code(), missing.field()), (ErrorCode::NotFound, Some("code")));
    let norights = module.requester("norights").await.expect("somebody without rights");
    let refused = module.task_groups().ensure_group(&norights, input()).await.expect_err("no right");
    assert_eq!(refused.code(), ErrorCode::Forbidden);
    let executors = module.task_executors().list(&system, json!({ "taskGroup_Id": here.id })).await;
    assert_eq!(executors.expect("a page").rows.iter().map(|row| row.user_id).collect::<Vec<_>>(), [decider]);
}
