//! What one request may cost: rows, bytes, time of the database and connections; and that it ends with its client.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use tasks_management::CompletionPolicy::All;
use tasks_management::CreateTask;

use crate::front_end::{self, THEIR_CURSOR, documents, send};
use crate::next_release;
use crate::support::scenario::key;
use crate::support::{Answer, Backend, TestApp, apply, on_both};

fn refused(answer: &Answer, setting: &str) {
    assert_eq!(answer.codes(), ["LIMIT"], "{}", &answer.text[..answer.text.len().min(500)]);
    assert!(answer.message().contains(setting), "{}", answer.message());
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body["data"].is_null());
}

async fn with_tasks(backend: Backend, number: usize, data: usize) -> TestApp {
    let app = TestApp::start(backend).await;
    let group = app.group("MANY", All, &["exec1"]).await;
    for _ in 0..number {
        let input = CreateTask {
            source: Some("many".to_owned()),
            data: Some(json!({ "text": "x".repeat(data) }).into()),
            task_group_id: Some(key(&group)),
            ..CreateTask::default()
        };
        app.task(input).await;
    }
    app
}

#[apply(on_both)]
async fn lists_inside_lists_are_refused_before_they_pile_up(backend: Backend) {
    let app = with_tasks(backend, 30, 10).await;
    let bounded = app.another_process_with(|settings| settings.limits.request_rows = 500, |builder| builder);
    let mut admin = bounded.user("admin").await;
    let inner =
        |inner: &str| format!("edges {{ node {{ taskGroup {{ taskSet(first: 100) {{ {inner} }} }} }} }}");
    let query = format!(
        "{{ task(first: 100, source: \"many\") {{ {} }} }}",
        inner(&inner("edges { node { uuid } }"))
    );
    refused(&admin.graphql(&query).await, "limits.request_rows");
    // The same rows once are fine, and what they all point to costs once.
    let query = "{ task(first: 100, source: \"many\") { edges { node { uuid taskGroup { code } userCreated { username } } } } }";
    assert_eq!(admin.graphql(query).await.data("task")["edges"].as_array().map(Vec::len), Some(30));
    // The next request begins anew.
    for _ in 0..20 {
        assert_eq!(admin.graphql(query).await.status, StatusCode::OK);
    }
}

#[apply(on_both)]
async fn what_is_read_and_what_is_written_is_counted_in_bytes(backend: Backend) {
    let app = with_tasks(backend, 10, 20_000).await;
    let bounded =
        app.another_process_with(|settings| settings.limits.request_bytes = 500_000, |builder| builder);
    let mut admin = bounded.user("admin").await;
    let list = |alias: usize| format!("a{alias}: task(source: \"many\") {{ edges {{ node {{ uuid }} }} }}");
    let aliases: String = (0..3).map(list).collect();
    refused(&admin.graphql(&format!("{{ {aliases} }}")).await, "limits.request_bytes");
    let field = |alias: usize| format!("a{alias}: data ");
    let aliases: String = (0..40).map(field).collect();
    let query = format!("{{ task(first: 1, source: \"many\") {{ edges {{ node {{ {aliases} }} }} }} }}");
    refused(&admin.graphql(&query).await, "limits.request_bytes");
    let query = "{ task(source: \"many\") { edges { node { uuid data } } } }";
    assert_eq!(admin.graphql(query).await.status, StatusCode::OK);
}

#[apply(on_both)]
async fn many_slow_lists_are_refused_when_their_time_is_up(backend: Backend) {
    let app = with_tasks(backend, 50, 10).await;
    let bounded = app.another_process_with(
        |settings| {
            settings.limits.request_database_ms = 5;
            settings.limits.request_connections = 2;
            settings.database.pool_size = 4;
        },
        |builder| builder,
    );
    let list = |alias: usize| {
        format!("a{alias}: task(first: 1, entityString_Icontains: \"nowhere {alias}\") {{ totalCount }} ")
    };
    let aliases: String = (0..190).map(list).collect();
    refused(
        &bounded.user("admin").await.graphql(&format!("{{ {aliases} }}")).await,
        "limits.request_database_ms",
    );
}

#[apply(on_both)]
async fn a_mutation_that_costs_too_much_changes_nothing_and_those_before_it_are_done(backend: Backend) {
    let app = with_tasks(backend, 1, 60_000).await;
    let bounded =
        app.another_process_with(|settings| settings.limits.request_bytes = 400_000, |builder| builder);
    let mut admin = bounded.user("admin").await;
    let task = app.text("SELECT CAST(id AS text) AS value FROM task_management_task WHERE source = 'many'");
    let version = || {
        app.count(&format!("SELECT CAST(version AS bigint) FROM task_management_task WHERE id = '{task}'"))
    };
    let before = version();
    // Each reads the row with its data, and makes a version of it.
    let update = |number: usize| {
        format!(
            "a{number}: updateTask(input: {{ id: \"{task}\", priority: {}, clientMutationId: \"m{number}\" }}) {{ internalId }} ",
            number + 1
        )
    };
    let document = |count: usize| format!("mutation {{ {} }}", (0..count).map(update).collect::<String>());
    let answer = admin.graphql(&document(12)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let acknowledged =
        (0..12).filter(|number| answer.body["data"][format!("a{number}")]["internalId"].is_string());
    let acknowledged = i64::try_from(acknowledged.count()).expect("few");
    let done =
        app.count("SELECT count(*) FROM core_mutationlog WHERE client_mutation_id LIKE 'm%' AND status = 2");
    let kept = app.count("SELECT count(*) FROM core_mutationlog WHERE client_mutation_id LIKE 'm%'");
    assert!(done > 0 && done < 12, "{done}: {}", answer.text);
    assert_eq!(version() - before, done, "what is not done leaves nothing");
    // The one during which the budget ended is answered as any refused mutation, those after it by an error each.
    assert_eq!((acknowledged, kept), (done + 1, done + 1), "{}", answer.text);
    let reason = app.text("SELECT CAST(error AS text) AS value FROM core_mutationlog WHERE client_mutation_id LIKE 'm%' AND status = 1");
    assert!(reason.contains("LIMIT") && reason.contains("limits.request_bytes"), "{reason}");
    let refused = answer.body["errors"].as_array().expect("errors");
    assert_eq!(i64::try_from(refused.len()).expect("few"), 12 - acknowledged);
    for error in refused {
        assert_eq!(error["extensions"]["code"], "LIMIT", "{error}");
    }
    // The next request begins anew.
    assert_eq!(
        admin
            .graphql(&document(1).replace("m0", "again").replace("priority: 1", "priority: 99"))
            .await
            .codes(),
        [""; 0]
    );
}

#[apply(on_both)]
async fn mutations_of_one_request_take_only_so_much_time_of_the_database(backend: Backend) {
    let app = with_tasks(backend, 50, 10).await;
    let bounded =
        app.another_process_with(|settings| settings.limits.mutation_database_ms = 100, |builder| builder);
    let create = |number: usize| {
        format!(
            "a{number}: createTask(input: {{ source: \"slow\", data: $data, clientMutationId: \"m{number}\" }}) {{ internalId }} "
        )
    };
    // Large ones, so that the fastest of machines needs longer for all of them, and the slowest does one in time.
    let data = json!({ "text": "x".repeat(30_000) }).to_string();
    let document = format!("mutation($data: JSONString) {{ {} }}", (0..300).map(create).collect::<String>());
    let answer = bounded.user("admin").await.graphql_with(&document, json!({ "data": data })).await;
    let done =
        app.count("SELECT count(*) FROM core_mutationlog WHERE client_mutation_id LIKE 'm%' AND status = 2");
    assert!((1..300).contains(&done), "{done}: {}", answer.text);
    assert_eq!(app.count("SELECT count(*) FROM task_management_task WHERE source = 'slow'"), done);
    assert!(answer.codes().iter().all(|code| *code == "LIMIT"), "{:?}", answer.codes());
    assert!(answer.message().contains("limits.mutation_database_ms"), "{}", answer.message());
}

#[apply(on_both)]
async fn large_answers_wait_for_each_other_and_everybody_is_answered(backend: Backend) {
    let app = with_tasks(backend, 10, 200_000).await;
    let bounded = app.another_process_with(
        |settings| {
            settings.limits.queries_at_once = 3;
            settings.limits.queries_at_once_per_user = 2;
            settings.limits.large_at_once = 1;
            settings.database.pool_size = 2;
        },
        |builder| builder,
    );
    let large =
        "{ task(source: \"many\") { edges { node { data taskGroup { code } userCreated { username } } } } }";
    let mut asking = tokio::task::JoinSet::new();
    for name in ["admin", "exec1", "admin", "admin", "admin", "exec1", "admin", "admin"] {
        let mut user = bounded.user(name).await;
        asking.spawn(async move {
            (user.graphql(large).await, user.graphql("{ task(source: \"many\") { totalCount } }").await)
        });
    }
    for (one, other) in asking.join_all().await {
        assert_eq!(one.status, StatusCode::OK, "{}", one.text);
        assert!(one.text.len() > 2_000_000);
        assert_eq!(other.data("task")["totalCount"], 10);
    }
}

#[apply(on_both)]
async fn a_query_ends_when_its_client_goes_away(backend: Backend) {
    const LISTS: usize = 190;
    let app = with_tasks(backend, 50, 10).await;
    let counted = app.counted_process();
    let mut admin = counted.user("admin").await;
    counted.statements();
    let list = |alias: usize| {
        format!("a{alias}: task(first: 1, entityString_Icontains: \"nowhere {alias}\") {{ totalCount }} ")
    };
    let query = format!("{{ {} }}", (0..LISTS).map(list).collect::<String>());
    let asking = tokio::spawn(async move { admin.graphql(&query).await });
    let mut sent = 0;
    while sent < 10 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        sent += counted.statements().len();
    }
    asking.abort();
    // Statements that had begun end.
    tokio::time::sleep(Duration::from_millis(300)).await;
    sent += counted.statements().len();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(sent < LISTS, "all was read for nobody: {sent}");
    assert!(counted.statements().is_empty(), "it goes on");
    assert!(asking.await.is_err_and(|error| error.is_cancelled()), "it was over before");
}

/// SQLite has no such setting: there time is looked at between statements, and where case is folded in one.
#[tokio::test]
async fn a_statement_of_postgres_that_takes_too_long_is_broken_off_but_not_in_a_hosts_pool_or_by_housekeeping()
 {
    let app = TestApp::start(Backend::Postgres).await;
    let hasty =
        app.another_process_with(|settings| settings.database.statement_timeout_ms = 100, |builder| builder);
    let sleep = |connection: &mut tasks_management::DbConnection| {
        diesel::connection::SimpleConnection::batch_execute(connection, "SELECT pg_sleep(0.3)")?;
        Ok(())
    };
    let error = hasty.module.database().read(sleep).await.expect_err("broken off");
    assert_eq!(error.code(), tasks_management::ErrorCode::Limit);
    assert!(error.to_string().contains("database.statement_timeout_ms"), "{error}");
    let manager = diesel::r2d2::ConnectionManager::<diesel::PgConnection>::new(app.database_url());
    let pool = diesel::r2d2::Pool::builder().max_size(2).build(manager).expect("a pool");
    let hosts = tasks_management::Database::from_pool(pool).expect("a database");
    hosts.read(sleep).await.expect("as long as it likes");
}

#[apply(on_both)]
async fn every_document_of_the_front_end_passes_at_page_size_100_with_groups_of_100_people(app: TestApp) {
    crowd(&app);
    let mut admin = app.browser("admin").await;
    let (mut sent, mut longest) = (0, 0);
    for document in [front_end::DOCUMENTS, next_release::DOCUMENTS].into_iter().flat_map(documents) {
        if document.query.trim_start().starts_with("mutation") {
            continue;
        }
        let answer = send(&mut admin, &widened(&document.query), document.variables.as_ref()).await;
        assert!(
            answer.codes().is_empty(),
            "{}: {}",
            document.name,
            &answer.text[..answer.text.len().min(1_000)]
        );
        (sent, longest) = (sent + 1, longest.max(answer.text.len()));
    }
    assert!(sent > 80 && longest > 100_000, "{sent} {longest}");
}

/// The query with pages of a hundred and without cursors of the original's, for any task.
fn widened(query: &str) -> String {
    let mut wide = query.to_owned();
    for size in ["first: 5,", "first: 10,", "first: 20,", "first: 20)", "first: 50,", "last: 10,"] {
        let (name, end) = size.split_at(size.find(':').expect("a colon"));
        wide = wide.replace(
            size,
            &format!(
                "{name}: 100{}",
                end.trim_start_matches(|c: char| ": ".contains(c) || c.is_ascii_digit())
            ),
        );
    }
    for place in ["after", "before"] {
        for cursor in [THEIR_CURSOR, "#cursor"] {
            wide = wide.replace(&format!("{place}: \"{cursor}\""), "");
        }
    }
    wide.replace("#task", "30000000-0000-4000-8000-000000000001")
}

/// A hundred groups of a hundred people, and a hundred and fifty tasks in them.
fn crowd(app: &TestApp) {
    let person = |number: usize| {
        format!(
            "('00000000-0000-4000-8000-{number:012}', {number}, 'crowd{number}', '', 'Crowd', 'Number {number}', 'en', \
             {}, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
            "true"
        )
    };
    let people: Vec<String> = (100_000..100_100).map(person).collect();
    app.run(&format!(
        "INSERT INTO core_user (id, interactive_user_id, username, password, last_name, other_names, language, is_active, version, \
         date_created, date_updated) VALUES {}",
        people.join(", ")
    ));
    let admin = app.text("SELECT CAST(id AS text) AS value FROM core_user WHERE username = 'admin'");
    let record = |id: String| {
        format!("'{id}', false, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '{admin}', '{admin}'")
    };
    let columns = "id, is_deleted, version, date_created, date_updated, user_created, user_updated";
    let group = |number: usize| format!("10000000-0000-4000-8000-{number:012}");
    let groups: Vec<String> =
        (0..100).map(|number| format!("({}, 'CROWD{number}', 'ALL')", record(group(number)))).collect();
    app.run(&format!(
        "INSERT INTO task_management_taskgroup ({columns}, code, completion_policy) VALUES {}",
        groups.join(", ")
    ));
    for number in 0..100 {
        let seat = |place: usize| {
            let id = format!("20000000-0000-4000-8000-{:012}", number * 1_000 + place);
            format!(
                "({}, '{}', '00000000-0000-4000-8000-{:012}')",
                record(id),
                group(number),
                100_000 + place
            )
        };
        let seats: Vec<String> = (0..100).map(seat).collect();
        app.run(&format!(
            "INSERT INTO task_management_taskexecutor ({columns}, task_group_id, user_id) VALUES {}",
            seats.join(", ")
        ));
    }
    let task = |number: usize| {
        let id = format!("30000000-0000-4000-8000-{number:012}");
        format!(
            "({}, 'crowd', 'ACCEPTED', 'default', '{{}}', '{{\"a\": 1}}', '{}')",
            record(id),
            group(number % 100)
        )
    };
    let tasks: Vec<String> = (0..150).map(task).collect();
    app.run(&format!(
        "INSERT INTO task_management_task ({columns}, source, status, executor_action_event, business_status, data, task_group_id) \
         VALUES {}",
        tasks.join(", ")
    ));
}
