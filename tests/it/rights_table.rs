//! Who may do what: every root field for every kind of person, kept as a snapshot.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{
    Clock as _, CreateFunctionRun, CreateTask, CreateTaskComment, CreateTaskFunction, FunctionKind, Host,
    PermissionMode, Settings, SystemClock, TaskFunctionChange,
};

use crate::entities::Zoo;
use crate::hostile_texts::definitions;
use crate::support::scenario::{key, user_id};
use crate::support::socket::Served;
use crate::support::{Answer, TestApp, apply, on_both};

/// The columns of the table: their names, and the people of the fixture for whom they stand.
const PEOPLE: [(&str, &str); 6] = [
    ("anonymous", ""),
    ("norights", "norights"),
    ("executor", "exec1"),
    ("executor elsewhere", "exec2"),
    ("triage", "triage"),
    ("superuser", "admin"),
];

/// The rows of the table: the root field, what is special about the request, and the request.
const OPERATIONS: &str = r#"
Query.task (accepted) => { task(id: "$task") { totalCount } }
Query.task (received) => { task(id: "$received") { totalCount } }
Query.taskHistory (accepted) => { taskHistory(id: "$task") { totalCount } }
Query.taskHistory (received) => { taskHistory(id: "$received") { totalCount } }
Query.taskGroup => { taskGroup(id: "$group") { totalCount } }
Query.taskGroupHistory => { taskGroupHistory(id: "$group") { totalCount } }
Query.taskExecutor => { taskExecutor(taskGroup_Id: "$group") { totalCount } }
Query.taskExecutorHistory => { taskExecutorHistory(taskGroupIdString: "$group") { totalCount } }
Query.taskFlow => { taskFlow(id: "$flow") { totalCount } }
Query.taskFlowHistory => { taskFlowHistory(id: "$flow") { totalCount } }
Query.taskComment => { taskComment(id: "$comment") { totalCount } }
Query.taskCommentHistory => { taskCommentHistory(id: "$comment") { totalCount } }
Query.taskDecision => { taskDecision(taskId: "$voted") { totalCount } }
Query.taskCounts => { taskCounts(groupBy: [STATUS]) { count } }
Query.taskAssignmentTargets => { taskAssignmentTargets { code } }
Query.taskEntities => { taskEntities(entityType: "zoo.animal") { id } }
Query.taskEvents => { taskEvents { totalCount } }
Query.taskMail => { taskMail { totalCount } }
Query.taskTemplate => { taskTemplate { totalCount } }
Query.taskTemplateHistory => { taskTemplateHistory { totalCount } }
Query.renderTaskTemplate => { renderTaskTemplate(input: { taskId: "$task" name: "task_awaits" }) { subject } }
Query.webhookEndpoints => { webhookEndpoints { totalCount } }
Query.webhookAttempts => { webhookAttempts { totalCount } }
Query.taskFunction => { taskFunction { totalCount } }
Query.taskFunctionHistory => { taskFunctionHistory { totalCount } }
Query.functionRun => { functionRun { totalCount } }
Query.functionRequests => { functionRequests { totalCount } }
Query.functionSchedule => { functionSchedule { totalCount } }
Query.functionScheduleHistory => { functionScheduleHistory { totalCount } }
Query.taskDispatcher => { taskDispatcher { totalCount } }
Query.taskDispatcherHistory => { taskDispatcherHistory { totalCount } }
Query.mutationLogs (triage's) => { mutationLogs(clientMutationId: "by triage") { totalCount } }
Query.users => { users { totalCount } }
Query.role => { role { totalCount } }
Query.userHistory => { userHistory { totalCount } }
Query.roleHistory => { roleHistory { totalCount } }
Query.roleRightHistory => { roleRightHistory { totalCount } }
Query.userRoleHistory => { userRoleHistory { totalCount } }
Query.modulesPermissions => { modulesPermissions { modulePermsList { moduleName } } }
Query.validateUsername => { validateUsername(username: "exec1") }
Query.validateUserEmail => { validateUserEmail(userEmail: "exec1@example.org") }
Query.apiTokens => { apiTokens { totalCount } }
Query.securityLog => { securityLog { totalCount } }
Query.passwordPolicy => { passwordPolicy { minLength } }
Query.validateRoleName => { validateRoleName(roleName: "Task Triage") }
Query.user => { user { username } }
Query.languages => { languages { code } }
Query.userDistricts => { userDistricts { id } }
Query.moduleConfigurations => { moduleConfigurations { module } }
Query.node (task) => { node(id: "$task_node") { id } }
Query.node (group) => { node(id: "$group_node") { id } }
Query.node (flow) => { node(id: "$node_of_flow") { id } }
Query.node (triage) => { node(id: "$user_node") { id } }
Subscription.taskChanged (accepted) => subscription { taskChanged(id: "$task") { signal task { uuid } } }
Subscription.taskChanged (received) => subscription { taskChanged(id: "$received") { signal task { uuid } } }
Subscription.taskCountsChanged => subscription { taskCountsChanged }
Mutation.createTaskGroup => createTaskGroup(input: { code: "new $group" completionPolicy: ALL }) { internalId }
Mutation.updateTaskGroup => updateTaskGroup(input: { id: "$spare" code: "new $group" completionPolicy: ALL }) { internalId }
Mutation.deleteTaskGroup => deleteTaskGroup(input: { ids: ["$spare"] }) { internalId }
Mutation.createTaskFlow => createTaskFlow(input: { code: "new $group" steps: [{ taskGroupId: "$group" }] }) { internalId }
Mutation.updateTaskFlow => updateTaskFlow(input: { id: "$flow" name: "new" }) { internalId }
Mutation.replaceTaskFlow => replaceTaskFlow(input: { id: "$flow" steps: [{ taskGroupId: "$spare" }] }) { internalId }
Mutation.deleteTaskFlow => deleteTaskFlow(input: { ids: ["$flow"] }) { internalId }
Mutation.createTask => createTask(input: { source: "any" }) { internalId }
Mutation.createTask (for a group) => createTask(input: { taskGroupId: "$group" }) { internalId }
Mutation.createTask (for a flow) => createTask(input: { flowId: "$flow" }) { internalId }
Mutation.updateTask (no change) => updateTask(input: { id: "$task" }) { internalId }
Mutation.updateTask (assign) => updateTask(input: { id: "$task" taskGroupId: "$spare" }) { internalId }
Mutation.updateTask (to a flow) => updateTask(input: { id: "$task" flowId: "$flow" }) { internalId }
Mutation.updateTask (detach) => updateTask(input: { id: "$on_flow" detachFlow: true }) { internalId }
Mutation.createTask (with a date) => createTask(input: { dueDate: "2999-01-01T00:00:00" }) { internalId }
Mutation.updateTask (due) => updateTask(input: { id: "$task" dueDate: "2999-01-01T00:00:00" }) { internalId }
Mutation.updateTask (back to triage) => updateTask(input: { id: "$task" detachGroup: true }) { internalId }
Mutation.updateTask (close) => updateTask(input: { id: "$task" status: FAILED }) { internalId }
Mutation.updateTask (received) => updateTask(input: { id: "$received" }) { internalId }
Mutation.deleteTask => deleteTask(input: { ids: ["$task"] }) { internalId }
Mutation.resolveTask (own name) => resolveTask(input: { id: "$task" businessStatus: "{\"$me\": \"APPROVED\"}" }) { internalId }
Mutation.resolveTask (other's name) => resolveTask(input: { id: "$task" businessStatus: "{\"$other\": \"APPROVED\"}" }) { internalId }
Mutation.resolveTask (received) => resolveTask(input: { id: "$received" businessStatus: "{\"$me\": \"APPROVED\"}" }) { internalId }
Mutation.resolveTasks => resolveTasks(input: { items: [{ id: "$task" businessStatus: "{\"$me\": \"APPROVED\"}" }] mode: EACH }) { internalId }
Mutation.withdrawTaskDecision => withdrawTaskDecision(input: { id: "$voted" }) { internalId }
Mutation.claimTask => claimTask(input: { id: "$claimable" }) { internalId }
Mutation.claimTask (of others) => claimTask(input: { id: "$held" }) { internalId }
Mutation.claimTasks => claimTasks(input: { items: [{ id: "$claimable" }] }) { internalId }
Mutation.claimNextTask => claimNextTask(input: {}) { internalId }
Mutation.releaseTask => releaseTask(input: { id: "$held" }) { internalId }
Mutation.assignTask => assignTask(input: { id: "$claimable" userId: "$executor" }) { internalId }
Mutation.assignTasks => assignTasks(input: { items: [{ id: "$claimable" userId: "$executor" }] }) { internalId }
Mutation.resolveTask (claimed by another) => resolveTask(input: { id: "$held" businessStatus: "{\"$me\": \"APPROVED\"}" }) { internalId }
Mutation.updateTask (due, by the holder) => updateTask(input: { id: "$held" dueDate: "2999-01-01T00:00:00" }) { internalId }
Mutation.reEvaluateTask => reEvaluateTask(input: { id: "$task" }) { internalId }
Mutation.reEvaluateTasks => reEvaluateTasks(input: { ids: ["$task"] }) { internalId }
Mutation.createTaskComment => createTaskComment(input: { taskId: "$task" text: "well" }) { internalId }
Mutation.createTaskComment (received) => createTaskComment(input: { taskId: "$received" text: "well" }) { internalId }
Mutation.updateTaskComment (other's) => updateTaskComment(input: { id: "$comment" text: "better" }) { internalId }
Mutation.deleteTaskComment (other's) => deleteTaskComment(input: { ids: ["$comment"] }) { internalId }
Mutation.replayTaskEvents => replayTaskEvents(input: { ids: ["987654"] }) { internalId }
Mutation.discardTaskEvents => discardTaskEvents(input: { ids: ["987654"] }) { internalId }
Mutation.createWebhookEndpoint => createWebhookEndpoint(input: { name: "hook of $group" url: "https://example.org/hook" }) { internalId }
Mutation.updateWebhookEndpoint => updateWebhookEndpoint(input: { id: "$group" isActive: false }) { internalId }
Mutation.deleteWebhookEndpoint => deleteWebhookEndpoint(input: { ids: ["$group"] }) { internalId }
Mutation.rotateWebhookSecret => rotateWebhookSecret(input: { id: "$group" }) { internalId }
Mutation.createTaskTemplate => createTaskTemplate(input: { name: "mail-$spare" language: "en" subject: "s" text: "t" }) { internalId }
Mutation.updateTaskTemplate => updateTaskTemplate(input: { id: "$group" subject: "s" }) { internalId }
Mutation.deleteTaskTemplate => deleteTaskTemplate(input: { ids: ["$group"] }) { internalId }
Mutation.createTaskFunction => createTaskFunction(input: { name: "f-$group" kind: HTTP url: "https://example.org" }) { internalId }
Mutation.updateTaskFunction => updateTaskFunction(input: { id: "$function" isEnabled: false }) { internalId }
Mutation.deleteTaskFunction => deleteTaskFunction(input: { ids: ["$function"] }) { internalId }
Mutation.rotateTaskFunctionSecret => rotateTaskFunctionSecret(input: { id: "$function" }) { internalId }
Mutation.createFunctionRun => createFunctionRun(input: { functionName: "$name_of_function" }) { internalId }
Mutation.createFunctionRun (all users) => createFunctionRun(input: { functionName: "$open_function" }) { internalId }
Mutation.executeTaskFunction (none) => executeTaskFunction(input: { functionName: "none" }) { internalId }
Mutation.replayFunctionRun (waits) => replayFunctionRun(input: { id: "$run" }) { internalId }
Mutation.createTaskGroup (with a function) => createTaskGroup(input: { code: "carries out $group" completionPolicy: ANY onCompleted: "$name_of_function" }) { internalId }
Mutation.cancelFunctionRun => cancelFunctionRun(input: { ids: ["$run"] }) { internalId }
Mutation.createFunctionSchedule => createFunctionSchedule(input: { functionName: "$name_of_function" intervalSeconds: 60 }) { internalId }
Mutation.updateFunctionSchedule => updateFunctionSchedule(input: { id: "$group" isEnabled: false }) { internalId }
Mutation.deleteFunctionSchedule => deleteFunctionSchedule(input: { ids: ["$group"] }) { internalId }
Mutation.createTaskDispatcher => createTaskDispatcher(input: { name: "d-$group" signal: "task_service.create" actions: [{ kind: FUNCTION functionName: "$name_of_function" }] }) { internalId }
Mutation.updateTaskDispatcher => updateTaskDispatcher(input: { id: "$group" isEnabled: false }) { internalId }
Mutation.deleteTaskDispatcher => deleteTaskDispatcher(input: { ids: ["$group"] }) { internalId }
Mutation.executeTask => executeTask(input: { id: "$errand" }) { internalId }
Mutation.createUser => createUser(input: { username: "new $group" }) { internalId }
Mutation.createUser (with a password) => createUser(input: { username: "new $group" password: "a rosy bud" }) { internalId }
Mutation.updateUser => updateUser(input: { username: "exec5" phone: "5" }) { internalId }
Mutation.deleteUser => deleteUser(input: { uuids: ["$group"] }) { internalId }
Mutation.createRole => createRole(input: { name: "new $group" }) { internalId }
Mutation.updateRole => updateRole(input: { uuid: "$group" }) { internalId }
Mutation.duplicateRole => duplicateRole(input: { uuid: "$group" name: "twin $group" }) { internalId }
Mutation.deleteRole => deleteRole(input: { uuids: ["$group"] }) { internalId }
Mutation.changeUserLanguage => changeUserLanguage(input: { languageId: "en" }) { internalId }
Mutation.changeMailFrequency => changeMailFrequency(input: { frequency: AT_ONCE }) { internalId }
Mutation.changePassword (other's) => changePassword(input: { username: "exec5" oldPassword: "exec5123" newPassword: "exec5123" }) { success error }
Mutation.createApiToken (without rights) => createApiToken(input: { name: "p" expires: "$soon" rights: [] }) { internalId }
Mutation.createApiToken (191001) => createApiToken(input: { name: "p" expires: "$soon" rights: [191001] }) { internalId }
Mutation.createApiToken (other's) => createApiToken(input: { name: "p" expires: "$soon" rights: [] username: "exec5" }) { internalId }
Mutation.revokeApiToken => revokeApiToken(input: { ids: ["$group"] }) { internalId }
Mutation.resetPassword => resetPassword(input: { username: "exec5" }) { success error }
Mutation.setPassword => setPassword(input: { username: "exec5" token: "x" newPassword: "a rosy bud" }) { success error }
Mutation.tokenAuth => tokenAuth(username: "exec5", password: "exec5123") { token }
Mutation.verifyToken => verifyToken { payload }
Mutation.refreshToken => refreshToken { token }
Mutation.revokeToken => revokeToken { revoked }
Mutation.deleteTokenCookie => deleteTokenCookie { deleted }
Mutation.deleteRefreshTokenCookie => deleteRefreshTokenCookie { deleted }
Mutation.getCsrfToken => getCsrfToken { csrfToken }
Mutation.changePassword (own) => changePassword(input: { oldPassword: "$name123" newPassword: "a rosy bud" }) { success error }
"#;

/// The root fields that the schema has, as `Query.task`.
fn root_fields(sdl: &str) -> BTreeSet<String> {
    let roots = ["Query", "Mutation", "Subscription"];
    let fields = definitions(sdl).0.into_iter().filter(|(kind, _)| roots.contains(&kind.as_str()));
    fields.map(|(kind, field)| format!("{kind}.{}", field.name.node)).collect()
}

/// The outcome of a request, in a word or two.
async fn outcome(app: &TestApp, answer: &Answer) -> String {
    if answer.status == 401 {
        return "401".to_owned();
    }
    let codes = answer.codes();
    if !codes.is_empty() {
        return codes.join(" ");
    }
    let data = answer.body["data"].as_object().expect("data or errors");
    let value = data.values().next().expect("a root field");
    if let Some(id) = value["internalId"].as_str() {
        let mut admin = app.user("admin").await;
        let entry = admin.rows("mutationLogs", &format!("(id: \"{id}\")"), "status error").await.remove(0);
        let error: Value =
            entry["error"].as_str().map_or(Value::Null, |text| serde_json::from_str(text).expect("JSON"));
        return error[0]["code"].as_str().map_or_else(
            || {
                if entry["status"] == 2 { "ok".to_owned() } else { format!("status {}", entry["status"]) }
            },
            |code| format!("journal: {code}"),
        );
    }
    let is_empty = value["totalCount"] == 0 || value.as_array().is_some_and(Vec::is_empty);
    match value {
        Value::Null => "null".to_owned(),
        _ if is_empty => "empty".to_owned(),
        _ if value["success"] == false => "refused".to_owned(),
        _ => "ok".to_owned(),
    }
}

/// What `making` makes, if it is needed.
async fn made(is_needed: bool, making: impl Future<Output = String>) -> String {
    if is_needed { making.await } else { String::new() }
}

/// One cell of the table, on rows of its own, so that no cell depends on another.
async fn cell(app: &TestApp, served: &Served, number: usize, request: &str, username: &str) -> String {
    // Only what the request names is made.
    let needs = |names: &[&str]| names.iter().any(|name| request.contains(name));
    let is_listening = request.starts_with("subscription");
    let (cell, spares, flows) =
        (format!("cell {number}"), format!("spare {number}"), format!("flow {number}"));
    let of_group = needs(&["$group", "$task", "$comment", "$errand", "$flow", "_flow"]);
    let group = made(is_listening || of_group, app.group(&cell, Any, &["exec1"])).await;
    let spare = made(needs(&["$spare"]), app.group(&spares, Any, &["exec1"])).await;
    let task = made(is_listening || needs(&["$task", "$comment"]), app.task_in(&group)).await;
    let received = made(is_listening || needs(&["$received"]), app.task(CreateTask::default())).await;
    let me = if username.is_empty() { "admin" } else { username };
    let other = if me == "exec1" { "exec2" } else { "exec1" };
    let flow = made(needs(&["$flow", "_flow"]), app.flow(&flows, &[&group])).await;
    let on_flow = made(needs(&["$on_flow"]), app.task_on(&flow)).await;
    let errand = made(needs(&["$errand"]), errand(app, &group)).await;
    let voted = made(needs(&["$voted"]), voted(app, number)).await;
    let claimable = made(needs(&["$claimable"]), claimable(app, number)).await;
    let held = made(needs(&["$held"]), held(app, number)).await;
    let comment = made(needs(&["$comment"]), comment(app, &task)).await;
    let function = if needs(&["function\"", "$run\""]) { Some(function(app, number).await) } else { None };
    let node = |kind: &str, id: &str| STANDARD.encode(format!("{kind}:{id}"));
    let mut request = request.to_owned();
    if is_listening {
        request = request.replace("$task", &task).replace("$received", &received);
        return listening(app, served, &request, username, [&task, &received]).await;
    }
    if !request.starts_with('{') {
        request = format!("mutation {{ {request} }}");
    }
    for (place, value) in [
        ("$task_node", node("TaskGQLType", &task)),
        ("$group_node", node("TaskGroupGQLType", &group)),
        ("$user_node", node("UserGQLType", user_id("triage"))),
        ("$node_of_flow", node("TaskFlowGQLType", &flow)),
        ("$on_flow", on_flow),
        ("$voted", voted),
        ("$claimable", claimable),
        ("$held", held),
        ("$executor", user_id("exec1").to_owned()),
        ("$comment", comment),
        ("$function", function.as_ref().map_or_else(String::new, |(id, _)| id.clone())),
        ("$run", function.map_or_else(String::new, |(_, run)| run)),
        ("$name_of_function", format!("closed-{number}")),
        ("$open_function", format!("open-{number}")),
        ("$errand", errand),
        ("$soon", (SystemClock.now() + chrono::TimeDelta::days(1)).format("%Y-%m-%dT%H:%M:%S").to_string()),
        ("$flow", flow),
        ("$task", task),
        ("$received", received),
        ("$group", group),
        ("$spare", spare),
        ("$me", user_id(me).to_owned()),
        ("$other", user_id(other).to_owned()),
        ("$name", me.to_owned()),
    ] {
        request = request.replace(place, &value);
    }
    let mut client = if username.is_empty() { app.stranger() } else { app.browser(username).await };
    let answer = client.graphql(&request).await;
    outcome(app, &answer).await
}

/// The outcome of a subscription: whether somebody who listens is told that one of these tasks changes.
async fn listening(
    app: &TestApp,
    served: &Served,
    request: &str,
    username: &str,
    tasks: [&String; 2],
) -> String {
    if username.is_empty() {
        return format!("closed {}", served.connect(&[], Value::Null).next()["closed"]);
    }
    let mut socket = served.listen(app, username).await;
    socket.subscribe("1", request);
    for priority in 1..6 {
        while let Some(message) = socket.soon(Duration::from_millis(200)) {
            let payload = &message["payload"];
            if let Some(code) = payload["errors"][0]["extensions"]["code"].as_str() {
                return code.to_owned();
            }
            // READY comes whatever one may see.
            let data = &payload["data"];
            if data["taskChanged"]["task"].is_object() || data["taskCountsChanged"] == true {
                return "ok".to_owned();
            }
        }
        for task in tasks {
            app.done("admin", "updateTask", json!({ "id": task, "priority": priority })).await;
        }
    }
    "empty".to_owned()
}

/// A task that votes do not decide, but an action of the host.
async fn errand(app: &TestApp, group: &str) -> String {
    let input = CreateTask {
        executor_action_event: Some("errand".to_owned()),
        task_group_id: Some(key(group)),
        ..CreateTask::default()
    };
    app.task(input).await
}

/// A function, with a run that waits, and another one that all users may have run.
async fn function(app: &TestApp, number: usize) -> (String, String) {
    let admin = app.module.requester("admin").await.expect("the fixture has an admin");
    let functions = app.module.task_functions();
    let mut made = Vec::new();
    for (kind, mode) in [("closed", PermissionMode::PermissionRequired), ("open", PermissionMode::AllUsers)] {
        let mut change = TaskFunctionChange::default();
        change.url = Some("https://example.org".to_owned());
        change.permission_mode = Some(mode);
        let name = format!("{kind}-{number}");
        let input = CreateTaskFunction { name, kind: FunctionKind::Http, change };
        made.push(functions.create(&admin, input).await.expect("a function").0.id.to_string());
    }
    // It waits, as workers are at work.
    let tomorrow = Some(SystemClock.now() + chrono::TimeDelta::days(1));
    let function_name = format!("closed-{number}");
    let input =
        CreateFunctionRun { function_name, start_timestamp: tomorrow, ..CreateFunctionRun::default() };
    let run = app.module.function_runs().create(&admin, input).await.expect("a run");
    (made.swap_remove(0), run.id.to_string())
}

/// A comment of nobody in the table.
async fn comment(app: &TestApp, task: &str) -> String {
    let system = app.module.system().await.expect("the system user");
    let input = CreateTaskComment { task_id: key(task), text: "-".to_owned(), mentions: Vec::new() };
    app.module.task_comments().create(&system, input).await.expect("a comment").id.to_string()
}

/// A task on which the executor has voted and which is not decided yet.
async fn voted(app: &TestApp, number: usize) -> String {
    let group = app.group(&format!("voters {number}"), All, &["exec1", "exec3"]).await;
    let task = app.task_in(&group).await;
    app.approve("exec1", &task).await;
    task
}

/// A task that the executor can claim.
async fn claimable(app: &TestApp, number: usize) -> String {
    let group = app.group(&format!("claims {number}"), Any, &["exec1", "exec3"]).await;
    let code = format!("claims {number}");
    let input = json!({ "id": group, "code": code, "completionPolicy": "ANY", "claimMode": "EXCLUSIVE" });
    app.done("admin", "updateTaskGroup", input).await;
    app.task_in(&group).await
}

/// A task that the executor has claimed.
async fn held(app: &TestApp, number: usize) -> String {
    let task = claimable(app, number).await;
    app.done("exec1", "claimTask", json!({ "id": task })).await;
    task
}

/// One snapshot for both databases: they must not differ.
fn compare(table: &str) {
    insta::assert_snapshot!("rights", table);
}

#[apply(on_both)]
async fn rights_times_operations(app: TestApp) {
    let host =
        Host::default().action("errand", Arc::new(|_, _, _| Ok(()))).entity("zoo.animal", Zoo::default());
    let many = |settings: &mut Settings| settings.limits.claims_per_person = 1_000;
    let app = app.another_process_with(many, |builder| builder.host(host));
    let served = Served::start(&app).await;
    let operations: Vec<(&str, &str)> =
        OPERATIONS.lines().filter_map(|line| line.split_once(" => ")).collect();
    let field = |label: &&str| label.split(' ').next().unwrap_or_default().to_owned();
    let listed: BTreeSet<String> = operations.iter().map(|(label, _)| field(label)).collect();
    assert_eq!(
        listed,
        root_fields(&app.module.sdl()),
        "every root field has a row, and no row lacks a field"
    );
    app.load(json!({ "moduleConfigurations": [{ "module": "fe-core", "layer": "FE", "config": {}, "isExposed": true }] }))
        .await;
    let by_triage = json!({ "languageId": "en", "clientMutationId": "by triage" });
    assert_eq!(app.user("triage").await.outcome("changeUserLanguage", by_triage).await, "ok");

    let mut table = format!("{:<46}", "");
    for (name, _) in PEOPLE {
        write!(table, " | {name:<21}").expect("memory");
    }
    for (row, (label, request)) in operations.iter().enumerate() {
        write!(table, "\n{label:<46}").expect("memory");
        for (column, (_, username)) in PEOPLE.iter().enumerate() {
            let outcome = cell(&app, &served, row * PEOPLE.len() + column, request, username).await;
            write!(table, " | {outcome:<21}").expect("memory");
        }
    }
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    compare(&table.join("\n"));
}

#[apply(on_both)]
async fn a_superuser_has_the_same_rights_in_graphql_as_in_rest(app: TestApp) {
    for name in ["admin", "triage", "exec1"] {
        let mut client = app.user(name).await;
        let told =
            client.send("GET", "/api/core/users/current_user/", "").await.body["i_user"]["rights"].clone();
        let told: Vec<String> = told.as_array().expect("a list").iter().map(ToString::to_string).collect();
        let shown = client.graphql("{ user { rights } }").await.data("user")["rights"].clone();
        let shown: Vec<String> = serde_json::from_value(shown).expect("texts");
        assert_eq!(shown, told, "{name}");
        assert!(name != "admin" || shown.contains(&"190001".to_owned()), "{shown:?}");
    }
}

/// Filters of executors by who they are, and a value by which each finds the other one in the group.
const BY_PERSON: [(&str, &str); 12] = [
    ("user_Id", "\"$other\""),
    ("user_Username", "\"exec2\""),
    ("user_Username_Icontains", "\"EXEC2\""),
    ("user_IUser_Id", "\"$number\""),
    ("user_IUser_Uuid", "\"$other\""),
    ("user_IUser_LastName_Icontains", "\"executor2\""),
    ("user_IUser_OtherNames_Icontains", "\"exe2\""),
    ("user_IUser_Phone_Iexact", "\"222\""),
    ("user_IUser_LoginName_Iexact", "\"exec2\""),
    ("user_IUser_Email_Iexact", "\"exec2@example.org\""),
    ("user_IUser_IsAssociated", "true"),
    ("user_IUser_LanguageId", "\"en\""),
];

/// The people of the second table: who sits beside the other one, elsewhere, may search groups only, and so on.
const ASKING: [&str; 5] = ["exec1", "exec4", "groups", "triage", "admin"];

/// The keys by which a list can be sorted that name a person.
async fn orders_by_person(app: &TestApp, list: &str) -> Vec<String> {
    let query = format!("{{ {list}(orderBy: [\"nothing\"]) {{ totalCount }} }}");
    let answer = app.user("admin").await.graphql(&query).await;
    let (_, allowed) = answer.message().split_once(": ").expect("the keys that are allowed");
    let keys = allowed.split([',', ' ']).filter(|key| key.starts_with("user_"));
    keys.map(|key| key.trim_end_matches(',').to_owned()).collect()
}

#[apply(on_both)]
async fn filters_and_orders_tell_no_more_of_a_person_than_fields_do(app: TestApp) {
    app.load(json!({
        "roles": [{ "id": 63, "name": "Groups", "rights": [190_001] }],
        "users": [{ "id": "11111111-2222-4333-8444-000000000063", "username": "groups", "password": "groups123",
            "lastName": "G", "interactiveUserId": 63, "roles": ["Groups"] }],
    }))
    .await;
    app.run("UPDATE core_user SET phone = '222' WHERE username = 'exec2'");
    let number =
        app.count("SELECT CAST(interactive_user_id AS bigint) FROM core_user WHERE username = 'exec2'");
    let group = app.group("TOGETHER", All, &["exec1", "exec2"]).await;
    let fields = definitions(&app.module.sdl()).0;
    let arguments = |kind: &str, name: &str| -> BTreeSet<String> {
        let field = fields.iter().find(|(owner, field)| owner == kind && field.name.node == name);
        let (_, field) = field.unwrap_or_else(|| panic!("{kind}.{name}"));
        let names = field.arguments.iter().map(|argument| argument.node.name.node.to_string());
        names.filter(|name| name.starts_with("user_")).collect()
    };
    let known: BTreeSet<String> = BY_PERSON.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut rows = Vec::new();
    for (kind, list) in
        [("TaskGroupGQLType", "taskexecutorSet"), ("Query", "taskExecutor"), ("Query", "taskExecutorHistory")]
    {
        assert_eq!(arguments(kind, list), known, "{list}");
        for (name, value) in BY_PERSON {
            let value = value.replace("$other", user_id("exec2")).replace("$number", &number.to_string());
            let found = format!(
                "{list}({name}: {value}, first: 100) {{ edges {{ node {{ user {{ username }} }} }} }}"
            );
            let query = match kind {
                "Query" => format!("{{ {found} }}"),
                _ => format!("{{ taskGroup(id: \"{group}\") {{ edges {{ node {{ {found} }} }} }} }}"),
            };
            rows.push((format!("{list} {name}"), query));
        }
        if kind == "Query" {
            for key in orders_by_person(&app, list).await {
                let query = format!(
                    "{{ {list}(orderBy: [\"-{key}\"], first: 100) {{ edges {{ node {{ user {{ username }} }} }} }} }}"
                );
                rows.push((format!("{list} -{key}"), query));
            }
        }
    }
    let mut table = format!("{:<55}", "");
    for name in ASKING {
        write!(table, " | {name:<9}").expect("memory");
    }
    let mut people = Vec::new();
    for name in ASKING {
        people.push(app.user(name).await);
    }
    for (label, query) in rows {
        write!(table, "\n{label:<55}").expect("memory");
        for person in &mut people {
            let answer = person.graphql(&query).await;
            let codes = answer.codes();
            let cell = match codes.first() {
                Some(code) => (*code).to_owned(),
                None if answer.text.contains("\"exec2\"") => "found".to_owned(),
                None => "not found".to_owned(),
            };
            write!(table, " | {cell:<9}").expect("memory");
        }
    }
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!("rights_of_filters", table.join("\n"));
}
