//! A host's own users: they decide, and nobody logs in here.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::EmptySubscription;
use async_graphql::futures_util::future::join_all;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::All;
use tasks_management::{
    Account, CreateTask, DbConnection, Error, ErrorCode, HostKey as _, Message, Reevaluate, Remote, Rights,
    TaskGroupInput, TaskStatus, Wanted,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::support::people::{EXECUTOR, MAKER, People};
use crate::support::{Backend, TestApp, apply, on_both, until};

/// The module with a host's users, who say in a header who they are.
async fn start(backend: Backend, people: &People) -> TestApp {
    let names = people.clone();
    TestApp::start_empty(
        backend,
        |settings| settings.auth.secret = String::new(),
        |builder| {
            builder.users(people.clone()).authenticate(move |headers: HeaderMap| {
                let name = headers.get("x-user").and_then(|name| name.to_str().ok()).map(str::to_owned);
                let id = name.map(|name| names.id(&name));
                async move { Ok(id) }
            })
        },
    )
    .await
}

async fn ask(router: &Router, username: Option<&str>, query: &str) -> (u16, Value) {
    let mut request = Request::post("/api/graphql").header("content-type", "application/json");
    if let Some(name) = username {
        request = request.header("x-user", name);
    }
    let body = Body::from(json!({ "query": query }).to_string());
    let response = router.clone().oneshot(request.body(body).expect("a request")).await.expect("an answer");
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    (status, serde_json::from_slice(&bytes).expect("JSON"))
}

fn group(people: &People, code: &str) -> TaskGroupInput {
    TaskGroupInput {
        user_ids: Some(vec![people.id("ada"), people.id("ben")]),
        task_sources: Some(vec!["Host".to_owned()]),
        ..TaskGroupInput::new(code, All)
    }
}

#[apply(on_both)]
async fn a_hosts_users_decide_a_task(backend: Backend) {
    let people = People::usual();
    let app = start(backend, &people).await;
    let root = app.module.requester("root").await.expect("the host knows root");
    app.module.task_groups().create(&root, group(&people, "HOST")).await.expect("a group");
    let maker = app.module.requester_by_id(people.id("maker")).await.expect("the host knows the maker");
    let input = CreateTask { source: Some("Host".to_owned()), ..CreateTask::default() };
    let task = app.module.tasks().create(&maker, input).await.expect("a task");
    assert_eq!(task.status, TaskStatus::Accepted);

    // One votes through GraphQL, the other by a call of the host.
    let (status, answer) = ask(
        &app.router,
        Some("ada"),
        &format!(
            "mutation {{ resolveTask(input: {{ id: \"{}\", clientMutationId: \"1\", businessStatus: \"{{\\\"{}\\\": \\\"APPROVED\\\"}}\" }}) {{ internalId }} }}",
            task.id,
            people.id("ada")
        ),
    )
    .await;
    assert_eq!((status, &answer["errors"]), (200, &Value::Null), "{answer}");
    let ben = app.module.requester("ben").await.expect("the host knows ben");
    let decided = app.module.tasks().vote(&ben, task.id, true, None).await.expect("ben may vote");
    assert_eq!(decided.status, TaskStatus::Completed);

    let query =
        "{ taskHistory(orderBy: [\"version\"]) { edges { node { version historyUser { username } } } } }";
    let (_, answer) = ask(&app.router, Some("root"), query).await;
    let names: Vec<&str> = answer["data"]["taskHistory"]["edges"]
        .as_array()
        .expect("versions")
        .iter()
        .map(|edge| edge["node"]["historyUser"]["username"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["maker", "ada", "ben", "ben"]);
}

#[apply(on_both)]
async fn rights_are_the_hosts_at_every_request(backend: Backend) {
    let people = People::usual();
    let app = start(backend, &people).await;
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].as_str().map(str::to_owned);
    let (_, answer) = ask(&app.router, Some("ada"), "{ taskGroup { totalCount } }").await;
    assert_eq!(answer["data"]["taskGroup"]["totalCount"], 0, "{answer}");
    people.change(people.id("ada"), |_, rights| rights.numbers.clear());
    let (_, answer) = ask(&app.router, Some("ada"), "{ taskGroup { totalCount } }").await;
    assert_eq!(code(&answer).as_deref(), Some("FORBIDDEN"), "{answer}");
    people.change(people.id("ada"), |person, _| person.is_active = false);
    let (status, answer) = ask(&app.router, Some("ada"), "{ taskGroup { totalCount } }").await;
    assert_eq!((status, code(&answer).as_deref()), (401, Some("UNAUTHENTICATED")), "{answer}");
    let (status, _) = ask(&app.router, None, "{ taskGroup { totalCount } }").await;
    assert_eq!(status, 401);
    let (_, answer) = ask(&app.router, Some("maker"), "{ user { username rights } }").await;
    assert_eq!(answer["data"]["user"], json!({ "username": "maker", "rights": ["191002", "191005"] }));
}

#[apply(on_both)]
async fn nobody_logs_in_where_users_are_the_hosts(backend: Backend) {
    let people = People::usual();
    let app = start(backend, &people).await;
    let _ = app.module.requester("root").await.expect("a copy is kept");
    for (user, mutation) in [
        (None, "mutation { tokenAuth(username: \"root\", password: \"\") { token } }"),
        (Some("root"), "mutation { changeUserLanguage(input: { languageId: \"fr\" }) { internalId } }"),
        (Some("root"), "mutation { changeMailFrequency(input: { frequency: DAILY }) { internalId } }"),
        (
            Some("root"),
            "mutation { createUser(input: { username: \"x\" password: \"a rosy bud\" }) { internalId } }",
        ),
        (Some("root"), "mutation { updateUser(input: { username: \"ada\" }) { internalId } }"),
        (Some("root"), "mutation { deleteUser(input: { uuids: [] }) { internalId } }"),
        (Some("root"), "mutation { createRole(input: { name: \"x\" }) { internalId } }"),
        (
            Some("root"),
            "mutation { updateRole(input: { uuid: \"11111111-2222-4333-8444-0000000000b1\" }) { internalId } }",
        ),
        (
            Some("root"),
            "mutation { duplicateRole(input: { uuid: \"11111111-2222-4333-8444-0000000000b1\" }) { internalId } }",
        ),
        (Some("root"), "mutation { deleteRole(input: { uuids: [] }) { internalId } }"),
        (
            None,
            "mutation { setPassword(input: { username: \"root\" token: \"x\" newPassword: \"a rosy bud\" }) { success error } }",
        ),
        (Some("root"), "mutation { resetPassword(input: { username: \"ada\" }) { success error } }"),
        (
            Some("root"),
            "mutation { createApiToken(input: { name: \"p\" expires: \"2999-01-01T00:00:00\" rights: [] }) { internalId } }",
        ),
        (Some("root"), "mutation { revokeApiToken(input: { ids: [] }) { internalId } }"),
        (Some("root"), "{ apiTokens { totalCount } }"),
        (Some("root"), "{ securityLog { totalCount } }"),
        (Some("root"), "{ validateUsername(username: \"x\") }"),
        (Some("root"), "{ validateUserEmail(userEmail: \"x\") }"),
        (Some("root"), "{ modulesPermissions { modulePermsList { moduleName } } }"),
        (Some("root"), "{ validateRoleName(roleName: \"x\") }"),
    ] {
        let (_, answer) = ask(&app.router, user, mutation).await;
        let journal =
            "{ mutationLogs(first: 1, orderBy: [\"-requestDateTime\"]) { edges { node { error } } } }";
        let said = match &answer["errors"][0]["message"] {
            Value::String(text) => text.clone(),
            _ if answer.to_string().contains("success") => answer.to_string(),
            _ => ask(&app.router, Some("root"), journal).await.1.to_string(),
        };
        assert!(said.contains("belong to the program"), "{mutation}: {answer} {said}");
    }
}

#[apply(on_both)]
async fn seats_are_for_people_whom_the_host_knows_looked_up_at_once(backend: Backend) {
    let people = People::usual();
    let app = start(backend, &people).await;
    let root = app.module.requester("root").await.expect("the host knows root");
    let stranger = people.add(9, "stranger", Rights::default());
    people.remove(stranger);
    let mut input = group(&people, "HOST");
    input.user_ids.as_mut().expect("executors").push(stranger);
    let error = app.module.task_groups().create(&root, input).await.expect_err("nobody knows the stranger");
    assert_eq!((error.code(), error.field()), (ErrorCode::Validation, Some("userIds")));

    people.asked.lock().expect("nobody panicked").clear();
    let made = app.module.task_groups().create(&root, group(&people, "HOST")).await.expect("a group");
    assert_eq!(
        *people.asked.lock().expect("nobody panicked"),
        [1, 2],
        "one look-up for root, one for all executors"
    );
    people.change(people.id("ben"), |person, _| person.is_active = false);
    let other = TaskGroupInput { task_sources: None, ..group(&people, "OTHER") };
    let error = app.module.task_groups().create(&root, other).await.expect_err("ben is gone");
    assert_eq!(error.field(), Some("userIds"));
    let (_, answer) = ask(
        &app.router,
        Some("root"),
        &format!(
            "{{ taskExecutor(taskGroup_Id: \"{}\", user_Username: \"ada\") {{ totalCount }} }}",
            made.id
        ),
    )
    .await;
    assert_eq!(answer["data"]["taskExecutor"]["totalCount"], 1, "{answer}");
}

#[apply(on_both)]
async fn copies_follow_the_host_names_swapped_and_people_gone(backend: Backend) {
    let people = People::usual();
    let app = start(backend, &people).await;
    assert_eq!(app.module.refresh_users().await.expect("a refresh"), 4);
    assert_eq!(app.module.refresh_users().await.expect("a refresh"), 0, "nothing has changed");
    let (ada, ben) = (people.id("ada"), people.id("ben"));
    people.change(ada, |person, _| person.username = "ben".to_owned());
    people.change(ben, |person, _| person.username = "ada".to_owned());
    people.change(ada, |person, _| person.language = "xx".to_owned());
    people.remove(people.id("maker"));
    app.module.refresh_users().await.expect("a refresh");
    let query = "{ users(orderBy: [\"username\"]) { edges { node { username iUser { uuid active language { code } } } } } }";
    let (_, answer) = ask(&app.router, Some("root"), query).await;
    let rows: Vec<(String, String, bool)> = answer["data"]["users"]["edges"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"))
        .iter()
        .map(|edge| &edge["node"])
        .map(|node| {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            (text(&node["username"]), text(&node["iUser"]["uuid"]), node["iUser"]["active"] == true)
        })
        .collect();
    let at = |name: &str| rows.iter().find(|row| row.0 == name).cloned().expect("a copy");
    assert_eq!(at("ada"), ("ada".to_owned(), ben.to_string(), true));
    assert_eq!(at("ben"), ("ben".to_owned(), ada.to_string(), true));
    assert!(!at("maker").2, "who is gone is not active");
    assert_eq!(rows.len(), 4);
}

#[apply(on_both)]
async fn what_the_host_says_against_it_reaches_the_caller(backend: Backend) {
    let app = TestApp::start_empty(
        backend,
        |_| {},
        |builder| {
            builder.users(People::usual()).authenticate(|_| async {
                Err(Error::new(ErrorCode::Forbidden, Message::words("The office is closed.")))
            })
        },
    )
    .await;
    let (_, answer) = ask(&app.router, Some("ada"), "{ task { totalCount } }").await;
    assert_eq!(answer["errors"][0]["message"], "The office is closed.", "{answer}");
}

#[apply(on_both)]
async fn a_requester_who_is_kept_stops_acting_with_the_right_and_with_the_person(backend: Backend) {
    let people = People::usual();
    let app = start(backend, &people).await;
    let maker = app.module.requester("maker").await.expect("the host knows the maker");
    let schema = app
        .module
        .schema(app.module.query(), app.module.mutation(), EmptySubscription, |builder| builder)
        .expect("a schema");
    let tasks = app.module.tasks();
    tasks.create(&maker, CreateTask::default()).await.expect("a task");
    let seen = tasks.list(&maker, Value::Null).await.map(|page| page.total_count);
    assert_eq!(seen.expect("a list"), 1);

    people.change(people.id("maker"), |_, rights| rights.numbers.clear());
    let refused = tasks.create(&maker, CreateTask::default()).await.expect_err("the right is gone");
    assert_eq!(refused.code(), ErrorCode::Forbidden);
    people.remove(people.id("maker"));
    for refused in [
        tasks.create(&maker, CreateTask::default()).await.map(drop),
        tasks.list(&maker, Value::Null).await.map(drop),
    ] {
        assert_eq!(refused.expect_err("the person is gone").code(), ErrorCode::Unauthenticated);
    }
    // GraphQL looks people up again after a second.
    let code = async || {
        let answer = app.module.execute(&schema, "{ task { totalCount } }".into(), Some(maker.clone())).await;
        let answer = serde_json::to_value(answer).expect("an answer");
        answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    };
    while code().await != "UNAUTHENTICATED" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Three people by number.
fn by_number(wanted: &Wanted<i64>) -> Vec<Account<i64>> {
    let all = [
        Account::new(7, "root", Rights::everything()),
        Account::new(8, "maker", Rights::of(MAKER)),
        Account::new(9, "ada", Rights::of(EXECUTOR)),
    ];
    let is_wanted = |account: &Account<i64>| match wanted {
        Wanted::Keys(keys) => keys.contains(&account.key),
        Wanted::Username(name) => *name == account.person.username,
        Wanted::Page { after, .. } => Some(account.key) > *after,
    };
    all.into_iter().filter(is_wanted).collect()
}

#[apply(on_both)]
async fn people_behind_http_decide_a_task_and_keep_no_connection_waiting_for_them(backend: Backend) {
    // The network is down until this is closed.
    let outage = Arc::new(Semaphore::new(0));
    let network = Arc::clone(&outage);
    let remote = Remote::new(move |wanted: Wanted<i64>| {
        let network = Arc::clone(&network);
        async move {
            let _ = network.acquire().await;
            Ok(by_number(&wanted))
        }
    });
    let small = |settings: &mut tasks_management::Settings| settings.database.pool_size = 2;
    let app = TestApp::start_empty(backend, small, |builder| builder.people(remote)).await;
    let module = &app.module;
    let id = |key: i64| key.id().expect("a number has a key");
    let many = join_all((0..8).map(|_| module.requester_by_id(id(9))));
    let meanwhile = async {
        // By then all of them wait for the host.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let read = module.database().read(|_| Ok(())).await;
        outage.close();
        read
    };
    let (found, read) = tokio::join!(many, meanwhile);
    read.expect("there are connections while all of them wait");
    assert!(found.iter().all(|found| found.as_ref().is_ok_and(|found| found.user.username == "ada")));

    let root = module.requester_by_id(id(7)).await.expect("the host knows root");
    let ada = module.requester("ada").await.expect("the host knows ada by name too");
    assert_eq!(ada.id(), id(9));
    let input = TaskGroupInput {
        user_ids: Some(vec![ada.id()]),
        task_sources: Some(vec!["Host".to_owned()]),
        ..TaskGroupInput::new("FAR", All)
    };
    module.task_groups().create(&root, input).await.expect("a group");
    let maker = module.requester_by_id(id(8)).await.expect("the host knows the maker");
    let input = CreateTask { source: Some("Host".to_owned()), ..CreateTask::default() };
    let task = module.tasks().create(&maker, input).await.expect("a task");
    let decided = module.tasks().vote(&ada, task.id, true, None).await.expect("ada may vote");
    assert_eq!(decided.status, TaskStatus::Completed);
    assert_eq!(module.refresh_users().await.expect("a refresh"), 0, "all copies are there");
    let nobody = module.requester_by_id(id(10)).await.expect_err("nobody has this number");
    assert_eq!(nobody.code(), ErrorCode::NotFound);
}

/// Whoever looks somebody up writes the copy, though nothing else is written.
#[apply(on_both)]
async fn a_look_at_somebody_whom_the_host_has_blocked_wakes_the_workers(backend: Backend) {
    let people = People::usual();
    let known = people.clone();
    let settings = |settings: &mut tasks_management::Settings| {
        settings.tasks_management.reevaluate = Reevaluate::Decide;
        // They look by themselves too late for this test.
        settings.outbox.poll_ms = 600_000;
    };
    let app = TestApp::start_empty(backend, settings, |builder| builder.users(known)).await;
    let module = &app.module;
    let stop = CancellationToken::new();
    let workers = tokio::spawn(module.workers(&stop));
    let root = module.requester("root").await.expect("the host knows root");
    let ada = module.requester("ada").await.expect("the host knows ada");
    let group = module.task_groups().create(&root, group(&people, "WAKE")).await.expect("a group");
    let input = CreateTask { task_group_id: Some(group.id), ..CreateTask::default() };
    let task = module.tasks().create(&root, input).await.expect("a task");
    module.tasks().vote(&ada, task.id, true, None).await.expect("ada may vote");
    until("what the new group asked for is done", || {
        app.text(
            "SELECT CAST(count(*) AS text) AS value FROM task_management_outbox WHERE status = 'PENDING'",
        ) == "0"
    })
    .await;
    people.change(people.id("ben"), |person, _| person.is_active = false);
    assert!(module.requester("ben").await.is_err(), "a blocked person acts no more");
    until("the votes are weighed without ben", || {
        app.text(&format!("SELECT status AS value FROM task_management_task WHERE id = '{}'", task.id))
            == "COMPLETED"
    })
    .await;
    stop.cancel();
    workers.await.expect("the workers end");
}

/// A host that answers with everybody, twice, whoever is wanted; among them people with a key and a name that can't be.
struct Careless;

impl tasks_management::People for Careless {
    type Key = String;

    fn find(
        &self,
        _: &mut DbConnection,
        _: Wanted<String>,
    ) -> tasks_management::Result<Vec<Account<String>>> {
        let account = |key: &str, name: &str| Account::new(key.to_owned(), name, Rights::of(EXECUTOR));
        let all = [
            account("a", "ada"),
            account("of more than 14 bytes", "long"),
            account("b", "ben"),
            account("c", &"c".repeat(300)),
            account("z", "zoe"),
        ];
        Ok([all.clone(), all].concat())
    }
}

#[apply(on_both)]
async fn nobody_is_taken_for_another_whatever_the_host_answers(backend: Backend) {
    let settings = |settings: &mut tasks_management::Settings| settings.auth.secret = String::new();
    let app = TestApp::start_empty(backend, settings, |builder| builder.people(Careless)).await;
    for (key, name) in [("a", "ada"), ("b", "ben"), ("z", "zoe")] {
        let id = key.to_owned().id().expect("a key");
        let requester = app.module.requester_by_id(id).await.expect("somebody");
        assert_eq!((requester.id(), requester.user.username.as_str()), (id, name));
        assert_eq!(app.module.requester(name).await.expect("somebody").id(), id);
    }
    let nobody = app.module.requester("nobody").await.expect_err("a refusal");
    assert_eq!(nobody.code(), ErrorCode::NotFound);
    assert_eq!(
        app.module.refresh_users().await.expect("the others do not matter"),
        0,
        "they are there already"
    );
}
