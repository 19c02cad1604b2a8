//! Functions in JavaScript: who keeps which sources, what their runs find, and what they ask as whom.

use serde_json::{Value, json};
use tasks_management::{Builder, CreateTaskFunction, FunctionKind, FunctionRunner, TaskFunctionChange};
use tokio_util::sync::CancellationToken;

use crate::support::scenario::{each, user_id};
use crate::support::{Backend, TestApp, apply, on_both, until};

/// A module whose functions in JavaScript are executed by the real program.
pub fn with_runner(builder: Builder) -> Builder {
    builder.function_runner(FunctionRunner::at(env!("CARGO_BIN_EXE_tasks-management")))
}

pub async fn scene(backend: Backend) -> TestApp {
    TestApp::start_with(backend, |_| {}, with_runner).await
}

/// Makes a function of this name and source.
pub async fn make(app: &TestApp, name: &str, source: &str, more: Value) {
    let mut input = json!({ "name": name, "kind": "JAVASCRIPT", "source": source });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.done("admin", "createTaskFunction", input).await;
}

/// Has it run once; returns what came of it.
pub async fn run(app: &TestApp, name: &str, data: &Value) -> Value {
    let input = json!({ "functionName": name, "data": data.to_string(), "tags": ["t"] });
    app.done("admin", "createFunctionRun", input).await;
    app.module.deliver_due().await.expect("executes");
    let fields = "uuid status result error { name message type } logs { message }";
    let arguments = format!("(functionName: \"{name}\", orderBy: \"-id\", first: 1)");
    app.user("admin").await.rows("functionRun", &arguments, fields).await.remove(0)
}

/// The JSON in a text.
fn read(text: &Value) -> Value {
    text.as_str()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_else(|| panic!("{text} is no JSON"))
}

#[apply(on_both)]
async fn a_function_in_javascript_gets_the_run_says_lines_and_its_value_is_the_result(backend: Backend) {
    let app = scene(backend).await;
    let source = "const twice = (n) => 2 * n;\n\
        export default async (task, context) => {\n\
          console.log('amount', task.data.amount, { of: task.tags });\n\
          console.warn(new RangeError('look'));\n\
          return { task, twice: twice(task.data.amount), environment: context.environment, none: undefined };\n\
        };";
    let variables = json!([{ "name": "PLACE", "value": "hunter-two" }]);
    make(&app, "double", source, json!({ "environmentVariables": variables })).await;
    let done = run(&app, "double", &json!({ "amount": 21, "é": "\u{2028}\u{1f600}" })).await;
    assert_eq!((&done["status"], &done["error"]), (&json!("COMPLETE"), &Value::Null), "{done}");
    let result = read(&done["result"]);
    let expected = json!({
        "twice": 42, "environment": { "PLACE": "hunter-two" },
        "task": {
            "id": done["uuid"], "functionName": "double", "attempt": 1, "causeDepth": 1, "tags": ["t"],
            "userId": user_id("admin"), "data": { "amount": 21, "é": "\u{2028}\u{1f600}" },
        },
    });
    assert_eq!(result, expected);
    assert_eq!(
        each(done["logs"].as_array().expect("lines"), "message"),
        [json!("amount 21 {\"of\":[\"t\"]}"), json!("RangeError: look")]
    );
}

#[apply(on_both)]
async fn a_source_is_kept_in_history_and_shown_to_who_sees_functions(backend: Backend) {
    let app = scene(backend).await;
    make(&app, "f", "export default () => 1", json!({})).await;
    let made =
        app.user("admin").await.rows("taskFunction", "", "uuid kind source memoryLimit url").await.remove(0);
    let id = made["uuid"].clone();
    assert_eq!(
        made,
        json!({ "uuid": id, "kind": "JAVASCRIPT", "source": "export default () => 1", "memoryLimit": 128, "url": null })
    );
    assert_eq!(run(&app, "f", &json!(null)).await["result"], "1");
    let change = json!({ "id": id, "source": "export default () => 2", "memoryLimit": 16 });
    app.done("admin", "updateTaskFunction", change).await;
    assert_eq!(run(&app, "f", &json!(null)).await["result"], "2");
    let versions = app.versions("taskFunction", id.as_str().expect("a key"), "source memoryLimit").await;
    assert_eq!(each(&versions, "source"), [json!("export default () => 1"), json!("export default () => 2")]);
    assert_eq!(each(&versions, "memoryLimit"), [json!(128), json!(16)]);
    let seen = app.user("exec1").await.graphql("{ taskFunction { edges { node { source } } } }").await;
    assert!(!seen.text.contains("export"), "{}", seen.text);
}

#[apply(on_both)]
async fn what_is_wrong_with_a_source_is_said_when_it_is_given(backend: Backend) {
    let own = |settings: &mut tasks_management::Settings| settings.functions.source_bytes = 1_000;
    let app = TestApp::start_with(backend, own, with_runner).await;
    make(&app, "f", "export default () => 1", json!({})).await;
    let id = app.user("admin").await.rows("taskFunction", "", "uuid").await[0]["uuid"].clone();
    let bad = |more: Value| {
        let mut input = json!({ "name": "g", "kind": "JAVASCRIPT", "source": "export default () => 1" });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    for (input, refusal) in [
        (json!({ "name": "g", "kind": "JAVASCRIPT" }), "VALIDATION source"),
        (bad(json!({ "source": "export default () => {" })), "VALIDATION source"),
        (bad(json!({ "source": "let a; let a;" })), "VALIDATION source"),
        (bad(json!({ "source": "" })), "VALIDATION source"),
        (bad(json!({ "source": " \n\u{feff}\t" })), "VALIDATION source"),
        (bad(json!({ "source": "import fs from 'fs'; export default () => 1" })), "VALIDATION source"),
        (bad(json!({ "source": "(".repeat(900) })), "VALIDATION source"),
        (bad(json!({ "source": "x".repeat(1_001) })), "VALIDATION source"),
        (bad(json!({ "source": "export default () => '\0'" })), "VALIDATION source"),
        (bad(json!({ "memoryLimit": 15 })), "VALIDATION memoryLimit"),
        (bad(json!({ "memoryLimit": 1025 })), "VALIDATION memoryLimit"),
        (bad(json!({ "url": "https://example.org" })), "VALIDATION url"),
        (bad(json!({ "kind": "HTTP", "url": "https://example.org" })), "VALIDATION source"),
        (
            json!({ "name": "g", "kind": "HTTP", "url": "https://example.org", "memoryLimit": 64 }),
            "VALIDATION memoryLimit",
        ),
    ] {
        assert_eq!(app.refused("admin", "createTaskFunction", input.clone()).await, refusal, "{input}");
    }
    for source in ["export default (", "", "\n"] {
        let change = json!({ "id": id, "source": source });
        assert_eq!(app.refused("admin", "updateTaskFunction", change).await, "VALIDATION source", "{source}");
    }
    assert_eq!(app.refused("admin", "rotateTaskFunctionSecret", json!({ "id": id })).await, "VALIDATION id");
    let said = app.user("admin").await.graphql("{ mutationLogs { edges { node { error } } } }").await;
    assert!(said.text.contains("SyntaxError"), "the reason is in the journal: {}", said.text);
}

#[apply(on_both)]
async fn a_source_is_only_looked_at_for_who_may_keep_one(backend: Backend) {
    // Whoever may not is refused alike, whatever the source is, and no process is started: there is no such program.
    let nowhere = |builder: Builder| builder.function_runner(FunctionRunner::at("/nowhere/at/all"));
    let app = TestApp::start_with(backend, |_| {}, nowhere).await;
    for source in ["export default () => 1", "(("] {
        let input = json!({ "name": "f", "kind": "JAVASCRIPT", "source": source });
        assert_eq!(app.refused("exec1", "createTaskFunction", input.clone()).await, "FORBIDDEN");
    }
    let input = json!({ "in": { "name": "f", "kind": "JAVASCRIPT", "source": "1" } });
    let create =
        "mutation($in: CreateTaskFunctionMutationInput!) { createTaskFunction(input: $in) { internalId } }";
    let answer = app.user("admin").await.graphql_with(create, input).await;
    assert_eq!(answer.body["errors"][0]["extensions"]["code"], "INTERNAL", "{}", answer.text);
}

#[apply(on_both)]
async fn without_a_runner_there_are_no_functions_in_javascript(backend: Backend) {
    let app = scene(backend).await;
    make(&app, "f", "export default () => 1", json!({})).await;
    let off = app.another_process_with(|settings| settings.functions.runner = "none".to_owned(), with_runner);
    let library = app.another_process();
    for other in [&off, &library] {
        let input = json!({ "name": "g", "kind": "JAVASCRIPT", "source": "export default () => 1" });
        assert_eq!(other.refused("admin", "createTaskFunction", input).await, "VALIDATION kind");
        app.done("admin", "createFunctionRun", json!({ "functionName": "f" })).await;
        // It is left to processes that can.
        assert_eq!(other.module.deliver_due().await.expect("looks"), 0);
    }
    assert_eq!(app.module.deliver_due().await.expect("executes"), 2);
}

#[apply(on_both)]
async fn nobody_changes_the_source_of_a_function_whose_account_has_rights_that_he_lacks(backend: Backend) {
    let app = scene(backend).await;
    app.run("INSERT INTO core_roleright (role_id, right_id) VALUES (2, 195001), (2, 195002), (2, 195003)");
    app.done("admin", "createUser", json!({ "username": "robot" })).await;
    let robot = app.text("SELECT CAST(id AS text) AS value FROM core_user WHERE username = 'robot'");
    make(&app, "f", "export default () => 1", json!({ "serviceAccount": robot })).await;
    let id = app.user("admin").await.rows("taskFunction", "", "uuid").await[0]["uuid"].clone();
    let change = json!({ "id": id, "source": "export default () => 2" });
    app.done("triage", "updateTaskFunction", change.clone()).await;
    app.done("admin", "updateTaskFunction", json!({ "id": id, "serviceAccount": user_id("admin") })).await;
    let change = json!({ "id": id, "source": "export default () => 3" });
    assert_eq!(app.refused("triage", "updateTaskFunction", change).await, "FORBIDDEN id");
    let as_admin = json!({
        "name": "g", "kind": "JAVASCRIPT", "source": "export default () => 1", "serviceAccount": user_id("admin"),
    });
    assert_eq!(app.refused("triage", "createTaskFunction", as_admin).await, "FORBIDDEN serviceAccount");
    // A host's calls are judged alike.
    let triage = app.module.requester("triage").await.expect("triage");
    let mut change = TaskFunctionChange::default();
    change.source = Some("export default () => 4".to_owned());
    let id = id.as_str().expect("a key").parse().expect("a key");
    assert!(app.module.task_functions().update(&triage, id, change).await.is_err());
    assert_eq!(run(&app, "f", &json!(null)).await["result"], "2");
}

#[apply(on_both)]
async fn a_host_makes_functions_in_javascript_too(backend: Backend) {
    let app = scene(backend).await;
    let admin = app.module.requester("admin").await.expect("admin");
    for (source, is_fine) in [("export default () => 1", true), ("export default (", false)] {
        let mut change = TaskFunctionChange::default();
        change.source = Some(source.to_owned());
        let function = CreateTaskFunction { name: "f".to_owned(), kind: FunctionKind::Javascript, change };
        let made = app.module.task_functions().create(&admin, function).await;
        assert_eq!(made.is_ok(), is_fine, "{source}: {made:?}");
    }
}

/// Asks the interface by what the input says; answers what it was told, or how it was refused.
const ASKING: &str = "export default async ({ data }, { graphql }) => {\n\
    try { return await graphql(data.query, data.variables); } catch (error) { return { refused: error.name }; }\n\
};";

#[apply(on_both)]
async fn a_function_asks_the_interface_as_its_account_with_the_rights_it_has_at_each_question(
    backend: Backend,
) {
    let app = scene(backend).await;
    let query =
        json!({ "query": "{ currentUser: coreUser { totalCount } user { edges { node { username } } } }" });
    make(&app, "f", ASKING, json!({})).await;
    assert_eq!(read(&run(&app, "f", &query).await["result"]), json!({ "refused": "noServiceAccount" }));
    let id = app.user("admin").await.rows("taskFunction", "", "uuid").await[0]["uuid"].clone();
    app.done("admin", "updateTaskFunction", json!({ "id": id, "serviceAccount": user_id("norights") })).await;
    let groups =
        json!({ "query": "query($n: Int) { taskGroup(first: $n) { totalCount } }", "variables": { "n": 1 } });
    let answer = read(&run(&app, "f", &groups).await["result"]);
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    app.done("admin", "updateTaskFunction", json!({ "id": id, "serviceAccount": user_id("triage") })).await;
    let answer = read(&run(&app, "f", &groups).await["result"]);
    assert!(answer["data"]["taskGroup"]["totalCount"].is_i64() && answer["errors"].is_null(), "{answer}");
    app.run("UPDATE core_user SET is_active = false WHERE username = 'triage'");
    let refused = run(&app, "f", &groups).await;
    assert_eq!(refused["error"]["name"], "notBegun");
}

#[apply(on_both)]
async fn as_its_account_a_function_makes_no_tokens_changes_no_passwords_and_decides_only_with_the_right(
    backend: Backend,
) {
    let app = scene(backend).await;
    make(&app, "f", ASKING, json!({ "serviceAccount": user_id("exec1") })).await;
    let group = app.group("VOTES", tasks_management::CompletionPolicy::Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let own_roles = "SELECT role_id FROM core_userrole WHERE user_id = (SELECT id FROM core_user WHERE username = 'exec1')";
    app.run(&format!("DELETE FROM core_roleright WHERE right_id = 191003 AND role_id IN ({own_roles})"));
    let token = r#"mutation { createApiToken(input: { name: "mine", rights: [191001] }) { token } }"#;
    let password = r#"mutation { changePassword(input: { oldPassword: "exec1123", newPassword: "a rosy bud" }) { success error } }"#;
    let status = json!({ user_id("exec1"): "APPROVED" }).to_string();
    for (query, variables) in [
        (token, json!({})),
        (password, json!({})),
        (
            "mutation($in: ResolveTaskMutationInput!) { resolveTask(input: $in) { internalId } }",
            json!({ "in": { "id": task, "businessStatus": status } }),
        ),
    ] {
        run(&app, "f", &json!({ "query": query, "variables": variables })).await;
    }
    assert_eq!(app.count("SELECT count(*) FROM core_session WHERE token_name IS NOT NULL"), 0);
    app.stranger().try_log_in("exec1", "exec1123").await.data("tokenAuth");
    assert_eq!(app.status(&task).await, "ACCEPTED", "nobody votes in another's name");
    // With the right to change tasks the account decides, as a token of its own would.
    app.run(&format!(
        "INSERT INTO core_roleright (role_id, right_id) SELECT role_id, 191003 FROM ({own_roles}) AS own"
    ));
    let vote = json!({
        "query": "mutation($in: ResolveTaskMutationInput!) { resolveTask(input: $in) { internalId } }",
        "variables": { "in": { "id": task, "businessStatus": status } },
    });
    run(&app, "f", &vote).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
}

#[apply(on_both)]
async fn a_function_that_is_under_way_asks_no_more_when_its_account_is_blocked(backend: Backend) {
    let own = |settings: &mut tasks_management::Settings| {
        settings.outbox.poll_ms = 20;
        settings.functions.graphql_calls = 1_000_000;
    };
    let app = TestApp::start_with(backend, own, with_runner).await;
    let source = "export default async (task, { graphql }) => {\n\
        await graphql('mutation { createTaskGroup(input: { code: \"UNDER-WAY\", completionPolicy: ANY }) { internalId } }');\n\
        for (;;) try { await graphql('{ taskGroup { totalCount } }'); } catch (error) { return error.name; }\n\
    };";
    make(&app, "f", source, json!({ "serviceAccount": user_id("triage"), "timeLimit": 30 })).await;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(app.module.workers(&stop));
    app.done("admin", "createFunctionRun", json!({ "functionName": "f" })).await;
    // Its account is asked for before it begins, too.
    until("it has asked", || {
        app.count("SELECT count(*) FROM core_mutationlog WHERE mutation = 'createTaskGroup'") > 0
    })
    .await;
    app.run("UPDATE core_user SET is_active = false WHERE username = 'triage'");
    until("it has ended", || {
        app.count("SELECT count(*) FROM task_management_functionrun WHERE status = 'COMPLETE'") == 1
    })
    .await;
    let runs = app.user("admin").await.rows("functionRun", "", "result").await;
    assert_eq!(runs, [json!({ "result": "\"noServiceAccount\"" })]);
    stop.cancel();
    workers.await.expect("the workers end");
}

#[apply(on_both)]
async fn what_a_function_does_counts_as_caused_by_its_run_so_that_functions_that_call_themselves_end(
    backend: Backend,
) {
    let app = scene(backend).await;
    let source = "export default async (task, { graphql }) => {\n\
        const again = `mutation { createFunctionRun(input: { functionName: \"loop\" }) { internalId } }`;\n\
        return [task.causeDepth, (await graphql(again)).errors ?? null];\n\
    };";
    make(&app, "loop", source, json!({ "serviceAccount": user_id("admin") })).await;
    app.done("admin", "createFunctionRun", json!({ "functionName": "loop" })).await;
    for _ in 0..12 {
        app.module.deliver_due().await.expect("executes");
    }
    let mut admin = app.user("admin").await;
    let runs = admin.rows("functionRun", "(orderBy: \"id\")", "causeDepth status error { name }").await;
    assert_eq!(each(&runs, "causeDepth"), (0..=9).map(|depth| json!(depth)).collect::<Vec<_>>());
    let last = runs.last().expect("a run");
    assert_eq!((&last["status"], &last["error"]["name"]), (&json!("FAILED"), &json!("tooDeep")));
    assert!(runs[..9].iter().all(|run| run["status"] == "COMPLETE"), "{runs:?}");
}

#[apply(on_both)]
async fn questions_are_bounded_in_number_and_size(backend: Backend) {
    let own = |settings: &mut tasks_management::Settings| {
        settings.functions.graphql_calls = 3;
        settings.functions.graphql_bytes = 2_000;
    };
    let app = TestApp::start_with(backend, own, with_runner).await;
    let source = "export default async (task, { graphql }) => {\n\
        const ask = (query, variables) => graphql(query, variables).then((answer) => !!answer.data, (error) => error.name);\n\
        if (task.data === 'many') {\n\
          const questions = [];\n\
          for (let i = 0; i < 5; i++) questions.push(ask('{ __typename }'));\n\
          return Promise.all(questions);\n\
        }\n\
        if (task.data === 'huge') return ask('x'.repeat(5e6));\n\
        return [await ask('{ __typename }', { a: 'x'.repeat(2000) }), await ask('{ __schema { types { name } } }')];\n\
    };";
    make(&app, "f", source, json!({ "serviceAccount": user_id("admin") })).await;
    let many = run(&app, "f", &json!("many")).await;
    assert_eq!(
        read(&many["result"]),
        json!([true, true, true, "tooManyQuestions", "tooManyQuestions"]),
        "{many}"
    );
    let large = run(&app, "f", &json!("large")).await;
    assert_eq!(read(&large["result"]), json!(["tooLarge", "tooLarge"]), "{large}");
    let huge = run(&app, "f", &json!("huge")).await;
    assert_eq!(read(&huge["result"]), json!("tooLarge"), "{huge}");
}

#[apply(on_both)]
async fn a_run_that_fails_says_by_which_error_and_is_tried_again_where_the_policy_names_it(backend: Backend) {
    let app = scene(backend).await;
    for (number, (source, name, kind, words)) in [
        ("export default () => { throw new TypeError('oh') }", "TypeError", "RUNTIME", "oh"),
        (
            "export default async () => { throw { name: 'busy', message: 'later' } }",
            "busy",
            "RUNTIME",
            "later",
        ),
        ("export default () => { throw 'words' }", "Error", "RUNTIME", "words"),
        ("throw new Error('at once'); export default () => 1", "Error", "RUNTIME", "at once"),
        ("export default () => { throw { get name() { throw 1 } } }", "Error", "RUNTIME", ""),
        ("export const other = 1", "noFunction", "RUNTIME", "default"),
        ("export default async () => await import('fs')", "ReferenceError", "RUNTIME", "fs"),
        ("export default () => new Promise(() => {})", "noResult", "RUNTIME", "never comes"),
        ("await new Promise(() => {}); export default () => 1", "noResult", "RUNTIME", "never comes"),
        ("export default () => { const a = {}; a.a = a; return a }", "notSerializable", "RESPONSE", "JSON"),
        ("export default () => 1n", "notSerializable", "RESPONSE", "JSON"),
        ("export default () => () => 1", "notSerializable", "RESPONSE", "function"),
        ("export default () => ({ a: '\\0' })", "invalidResult", "RESPONSE", "NUL"),
    ]
    .into_iter()
    .enumerate()
    {
        let function = format!("f-{number}");
        make(&app, &function, source, json!({})).await;
        let error = run(&app, &function, &json!(null)).await["error"].clone();
        assert_eq!((&error["name"], &error["type"]), (&json!(name), &json!(kind)), "{source}: {error}");
        assert!(
            error["message"].as_str().is_some_and(|message| message.contains(words)),
            "{source}: {error}"
        );
    }
    let policy = json!({ "enabled": true, "errorsToRetry": ["busy"], "pausesSeconds": [0] });
    let source =
        "export default ({ attempt }) => { if (attempt === 1) throw { name: 'busy' }; return attempt }";
    make(&app, "again", source, json!({ "retryPolicy": policy })).await;
    run(&app, "again", &json!(null)).await;
    let runs = app.user("admin").await;
    let mut runs = runs;
    let runs = runs.rows("functionRun", "(functionName: \"again\")", "status result").await;
    assert_eq!(
        runs,
        [json!({ "status": "RETRIED", "result": null }), json!({ "status": "COMPLETE", "result": "2" })]
    );
}
