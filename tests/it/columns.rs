//! Columns: a table, its historical twin, its model, `load` and the webhooks have the same ones, or say why not. The
//! database allows exactly the values that an enum has.

use std::collections::{BTreeMap, BTreeSet};

use diesel::RunQueryDsl as _;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use serde_json::{Map, Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::declared::{
    self, DeliveryStatus, HistoryType, Layer, MailFrequency, MailRecipient, MailStatus, SecurityEvent,
    camel_case,
};
use tasks_management::{
    CatchUp, ClaimEnd, ClaimMode, CompletionPolicy, RunErrorType, RunStatus, TaskStatus, Verdict,
};

use crate::javascript::with_runner;
use crate::migrations::{postgres, postgres_columns, sqlite, sqlite_columns};
use crate::support::backend::TestDatabase;
use crate::support::receiver::Receiver;
use crate::support::scenario::user_id;
use crate::support::{Backend, TestApp, apply, on_both};
use crate::webhook_deliveries::{endpoint, nearby};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Columns that no entity has, and why.
const NOT_IN_THE_MODEL: [(&str, &str, &str); 2] = [
    ("core_user", "password", "the hash of a password stays in the database but for logging in"),
    ("core_user", "reset_key", "what a token for a new password is bound to is for making and checking one"),
];

/// The tables of a migrated database with their columns; `required` stands behind those that are never empty.
fn real(backend: Backend) -> BTreeMap<String, BTreeSet<String>> {
    let database = TestDatabase::create(backend);
    match backend {
        Backend::Postgres => {
            let mut connection = postgres(&database);
            connection.run_pending_migrations(POSTGRES).expect("up");
            postgres_columns(&mut connection)
        }
        Backend::Sqlite => {
            let mut connection = sqlite(&database);
            connection.run_pending_migrations(SQLITE).expect("up");
            sqlite_columns(&mut connection)
        }
    }
}

#[apply(on_both)]
async fn a_table_and_its_model_have_the_same_columns(backend: Backend) {
    let mut real = real(backend);
    for (table, column, _) in NOT_IN_THE_MODEL {
        let columns = real.get_mut(table).expect("a table");
        let is_there = columns.remove(column) || columns.remove(&format!("{column} required"));
        assert!(is_there, "{table}.{column} is not there");
    }
    let twins: BTreeSet<&str> = declared::TABLES.iter().filter_map(|table| table.historical).collect();
    let tables: BTreeSet<&str> =
        real.keys().map(String::as_str).filter(|name| !twins.contains(name)).collect();
    assert_eq!(tables, declared::TABLES.iter().map(|table| table.name).collect());
    for table in declared::TABLES {
        let required = |nullable: bool| if nullable { "" } else { " required" };
        let columns = table.columns.iter();
        let own: BTreeSet<String> =
            columns.map(|column| format!("{}{}", column.name, required(column.nullable))).collect();
        assert_eq!(
            own, real[table.name],
            "{}: the model is on the left, the database on the right",
            table.name
        );
    }
}

#[apply(on_both)]
async fn a_twin_has_the_columns_of_its_table_and_those_of_history(backend: Backend) {
    let real = real(backend);
    let name = |column: &String| column.trim_end_matches(" required").to_owned();
    let versioned: Vec<_> =
        declared::TABLES.iter().filter_map(|table| Some((table.name, table.historical?))).collect();
    assert_eq!(versioned.len(), 15);
    for (table, twin) in versioned {
        let history = declared::HISTORY_COLUMNS.map(str::to_owned);
        let is_kept =
            |column: &String| !NOT_IN_THE_MODEL.iter().any(|(of, other, _)| *of == table && other == column);
        let own = real[table].iter().map(name).filter(is_kept);
        let expected: BTreeSet<String> = own.chain(history).collect();
        assert_eq!(real[twin].iter().map(name).collect::<BTreeSet<_>>(), expected, "{twin}");
        // A column that is never empty in a table is never empty in its twin either, so that one type reads both.
        let not_in_twin = |column: &&String| {
            column.ends_with("required") && is_kept(&name(column)) && !real[twin].contains(*column)
        };
        assert_eq!(real[table].iter().find(not_in_twin), None, "{twin}");
    }
}

/// The columns of a table, but those that are left out somewhere.
fn columns(
    table: &str,
    left_out: impl Iterator<Item = (&'static str, &'static str, &'static str)>,
) -> Vec<&'static str> {
    let table = declared::TABLES.iter().find(|declared| declared.name == table).expect("a table");
    let left_out: Vec<&str> = left_out
        .filter(|(name, ..)| *name == table.name)
        .map(|(_, column, reason)| {
            assert!(!reason.is_empty());
            assert!(
                table.columns.iter().any(|own| own.name == column),
                "{}.{column} is not there",
                table.name
            );
            column
        })
        .collect();
    table.columns.iter().map(|column| column.name).filter(|name| !left_out.contains(name)).collect()
}

const GROUP: &str = "00000000-0000-7000-8000-0000000000a1";
const EXECUTOR: &str = "00000000-0000-7000-8000-0000000000b1";
const TASK: &str = "00000000-0000-7000-8000-0000000000c1";

/// A row with all fields that `load` takes, none of which has its default.
fn loaded(id: &str, own: Value) -> Value {
    let mut row = json!({
        "id": id, "isDeleted": true, "jsonExt": { "of": "a host" }, "version": 7,
        "dateCreated": "2024-01-02T03:04:05.000006", "dateUpdated": "2024-02-03T04:05:06.000007",
        "userCreated": user_id("exec1"), "userUpdated": user_id("exec2"),
    });
    row.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
    row
}

#[apply(on_both)]
async fn load_takes_every_column(app: TestApp) {
    let group = loaded(
        GROUP,
        json!({ "code": "loaded", "completionPolicy": "N", "threshold": 3, "forbidMaker": true, "distinctDeciders": true,
            "leadTimeSeconds": 3600, "claimMode": "MARK", "claimSeconds": 600, "jsonExt": { "of": "a host", "task_sources": ["a source"] },
            "onCompleted": "f", "sourceFunctions": [{ "source": "a source", "onCompleted": "g" }],
            "escalations": [{ "at": "AFTER_OPEN", "offsetSeconds": 60, "action": "NOTIFY", "taskGroupId": GROUP, "priority": null }] }),
    );
    let executor = loaded(EXECUTOR, json!({ "taskGroup": GROUP, "user": user_id("exec1"), "weight": 5 }));
    let content_type =
        app.number("SELECT CAST(id AS bigint) AS value FROM core_contenttype ORDER BY id LIMIT 1");
    let task = loaded(
        TASK,
        json!({
            "source": "a source", "entityType": content_type, "entityId": "an id", "entityString": "a thing",
            "status": "FAILED", "executorActionEvent": "an event", "businessStatus": { "a": "b" },
            "businessEvent": "Service.operation", "taskGroup": GROUP, "data": { "amount": 1 },
            "businessDataSerializer": "a serializer", "priority": 81, "dueDate": "2024-04-05T06:07:08.000009",
            "followUpDate": "2024-05-06T07:08:09.000010",
        }),
    );
    let history = json!({
        "historyId": 4711, "historyDate": "2024-03-04T05:06:07.000008", "historyType": "-",
        "historyUser": user_id("triage"), "historyChangeReason": "a reason",
    });
    let mut version = task.clone();
    version.as_object_mut().expect("an object").extend(history.as_object().expect("an object").clone());
    app.load(json!({
        "taskGroups": [group], "taskExecutors": [executor], "tasks": [task], "taskHistory": [version],
    }))
    .await;
    for (table, row) in [("task_management_taskgroup", &group), ("task_management_taskexecutor", &executor)] {
        is_there(&app, table, &columns(table, declared::not_loaded()), row);
    }
    let mut of_tasks = columns("task_management_task", declared::not_loaded());
    is_there(&app, "task_management_task", &of_tasks, &task);
    of_tasks.extend(declared::HISTORY_COLUMNS);
    is_there(&app, "task_management_historicaltask", &of_tasks, &version);
}

/// The names that columns have in files, where they have others.
const IN_FILES: [(&str, &str); 2] = [("conditions", "when"), ("date_start", "startTimestamp")];

/// The columns of the loaded row have the values that it has in the file.
fn is_there(app: &TestApp, table: &str, columns: &[&str], row: &Value) {
    let id = row["id"].as_str().expect("a key");
    for column in columns {
        let camel = camel_case(column);
        let short = camel_case(column.trim_end_matches("_id"));
        let other = IN_FILES.iter().find(|(own, _)| own == column).map_or("", |(_, name)| name);
        let value = row.get(&camel).or_else(|| row.get(&short)).or_else(|| row.get(other));
        let value = value.unwrap_or_else(|| panic!("{table}.{column} is not in the file of this test"));
        // A moment is a text with a blank in SQLite, and compares equal to one in PostgreSQL.
        let literal = match value {
            Value::String(text) if column.starts_with("date") || column.ends_with("_date") => {
                format!("'{}'", text.replace('T', " "))
            }
            Value::String(text) => format!("'{text}'"),
            Value::Object(_) | Value::Array(_) => format!("'{value}'"),
            other => other.to_string(),
        };
        let sql = format!("SELECT count(*) FROM {table} WHERE id = '{id}' AND {column} = {literal}");
        assert_eq!(app.count(&sql), 1, "{table}.{column} is not {literal}");
    }
}

#[apply(on_both)]
async fn load_takes_every_column_of_what_it_makes(backend: Backend) {
    let app = TestApp::start_with(backend, |_| {}, with_runner).await;
    let javascript = json!({
        "id": GROUP, "jsonExt": { "of": "a host" }, "name": "loaded", "description": "a description", "kind": "JAVASCRIPT",
        "source": "export default () => 1", "memoryLimit": 64, "timeLimit": 20, "permissionMode": "allUsers",
        "defaultPriority": 3, "isIdempotent": true, "isEnabled": false, "maxConcurrency": 4, "runsPerMinute": 60,
        "retryPolicy": { "enabled": true, "errorsToRetry": ["busy"], "pausesSeconds": [7] },
        "serviceAccount": user_id("exec1"), "environmentVariables": [{ "name": "KEY", "value": "a value" }],
    });
    let user = json!({
        "id": GROUP, "interactiveUserId": 4711, "username": "loaded", "lastName": "Loaded", "otherNames": "Lea", "email": "lea@example.org",
        "phone": "555", "language": "fr", "isActive": false, "mailFrequency": "WEEKLY", "mailHour": 6, "mailTimeZone": "Europe/Berlin",
    });
    let http = json!({ "id": EXECUTOR, "name": "paid", "kind": "HTTP", "url": "https://paid.example.org/" });
    let by_cron = json!({
        "id": GROUP, "functionName": "loaded", "data": { "amount": 1 }, "priority": 5, "startTimestamp": "2044-01-02T03:04:05.000006",
        "cron": "30 2 * * *", "timeZone": "Europe/Berlin", "catchUp": "ONCE", "isEnabled": false,
    });
    let by_interval = json!({ "id": EXECUTOR, "functionName": "paid", "intervalSeconds": 600 });
    let template = json!({ "id": GROUP, "name": "loaded", "language": "fr", "subject": "s", "text": "t", "html": "<b>h</b>" });
    let dispatcher = json!({
        "id": GROUP, "name": "loaded", "description": "a description", "signal": "task_service.update", "isEnabled": false,
        "when": [{ "path": "/data/task/source", "op": "IN", "value": ["a"] }], "tags": ["a tag"],
        "actions": [{ "kind": "FUNCTION", "functionName": "paid", "priority": 2, "template": null, "recipients": [], "addresses": [] }],
    });
    app.load(json!({
        "taskFunctions": [javascript, http], "functionSchedules": [by_cron, by_interval], "taskTemplates": [template],
        "taskDispatchers": [dispatcher], "users": [user],
    }))
    .await;
    // A column that the first row can't have is in the second one.
    for (table, row, second) in [
        ("task_management_taskfunction", &javascript, Some((&http, "url"))),
        ("task_management_functionschedule", &by_cron, Some((&by_interval, "interval_seconds"))),
        ("task_management_tasktemplate", &template, None),
        ("task_management_taskdispatcher", &dispatcher, None),
        ("core_user", &user, None),
    ] {
        let all = columns(table, declared::not_loaded());
        let own = all.iter().copied().filter(|column| {
            // The values of variables are elsewhere, sealed.
            second.is_none_or(|(_, other)| other != *column) && *column != "environment"
        });
        is_there(&app, table, &own.collect::<Vec<_>>(), row);
        if let Some((row, column)) = second {
            assert!(all.contains(&column), "{table}.{column}");
            is_there(&app, table, &[column], row);
        }
    }
    let named =
        "SELECT count(*) FROM task_management_taskfunction WHERE CAST(environment AS text) LIKE '%KEY%'";
    assert_eq!(app.count(named), 1);
}

#[apply(on_both)]
async fn webhooks_tell_of_every_column(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    let signals = [
        "task_service.create",
        "task_group_service.create",
        "task_executor_service.create",
        "task_flow_service.create",
        "task_comment_service.create",
    ];
    endpoint(&app, "all", &receiver.url, &signals).await;
    let group = app.group("TOLD", Any, &["exec1"]).await;
    app.flow("TOLD", &[&group]).await;
    let task = app.task_in(&group).await;
    app.done("admin", "createTaskComment", json!({ "taskId": task, "text": "told" })).await;
    while app.module.deliver_due().await.expect("delivers") > 0 {}
    let told: Vec<Map<String, Value>> = receiver
        .received()
        .iter()
        .filter_map(|message| message.json()["data"].as_object().cloned())
        .collect();
    for (row, table) in [
        ("task", "task_management_task"),
        ("taskGroup", "task_management_taskgroup"),
        ("taskExecutor", "task_management_taskexecutor"),
        ("taskFlow", "task_management_taskflow"),
        ("taskComment", "task_management_taskcomment"),
    ] {
        let shown =
            told.iter().find_map(|data| data.get(row)).unwrap_or_else(|| panic!("no {row} was told of"));
        let left_out = declared::not_told().filter(|(name, ..)| *name == row);
        for column in columns(table, left_out.map(|(_, column, reason)| (table, column, reason))) {
            let names = [camel_case(column), camel_case(column.trim_end_matches("_id"))];
            assert!(
                names.iter().any(|name| shown.get(name).is_some()),
                "{row}.{column} is not told: {shown}"
            );
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Constraint {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

/// The values that constraints allow in columns, as `table.column`, where they list them.
fn allowed(backend: Backend) -> BTreeMap<String, BTreeSet<String>> {
    let database = TestDatabase::create(backend);
    let lines: Vec<Constraint> = match backend {
        Backend::Postgres => {
            let mut connection = postgres(&database);
            connection.run_pending_migrations(POSTGRES).expect("up");
            diesel::sql_query(
                "SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) AS line FROM pg_constraint \
                 WHERE contype = 'c' AND connamespace = 'public'::regnamespace",
            )
            .load(&mut connection)
        }
        Backend::Sqlite => {
            let mut connection = sqlite(&database);
            connection.run_pending_migrations(SQLITE).expect("up");
            diesel::sql_query("SELECT sql AS line FROM sqlite_master WHERE type = 'table' AND name LIKE '%\\_%' ESCAPE '\\'")
                .load(&mut connection)
        }
    }
    .expect("describes itself");
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines {
        let text = line.line.replace(['"', '(', ')', '[', ']', '\n'], " ").replace("::text", "");
        let words: Vec<&str> = text.split_whitespace().collect();
        let table = if words[0] == "CREATE" { words[2] } else { words[0] };
        // `CHECK column IN 'A', 'B'`, or as PostgreSQL repeats it, `CHECK column = ANY ARRAY 'A', 'B'`.
        for (place, _) in words.iter().enumerate().filter(|(_, word)| **word == "CHECK") {
            let (column, rest) = (words[place + 1], &words[place + 2..]);
            let (["IN", values @ ..] | ["=", "ANY", "ARRAY", values @ ..]) = rest else { continue };
            let mut listed = BTreeSet::new();
            for value in values {
                listed.insert(value.trim_matches([',', '\'']).to_owned());
                if !value.ends_with(',') {
                    break;
                }
            }
            allowed.insert(format!("{table}.{column}"), listed);
        }
    }
    allowed
}

#[apply(on_both)]
async fn an_enum_and_the_constraint_of_its_column_allow_the_same(backend: Backend) {
    let texts =
        |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<BTreeSet<String>>();
    macro_rules! all {
        ($type:ty) => {
            texts(&<$type>::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>())
        };
    }
    let known = CompletionPolicy::ALL.iter().map(|policy| policy.as_known_to_clients().as_str());
    let mut expected = BTreeMap::from([
        ("task_management_task.status".to_owned(), all!(TaskStatus)),
        ("task_management_taskdecision.verdict".to_owned(), all!(Verdict)),
        ("task_management_taskhold.reason".to_owned(), all!(tasks_management::decision::HeldReason)),
        ("task_management_outbox.status".to_owned(), all!(DeliveryStatus)),
        ("task_management_taskmail.recipient".to_owned(), all!(MailRecipient)),
        ("task_management_taskmail.status".to_owned(), all!(MailStatus)),
        ("task_management_functionrequest.error_type".to_owned(), all!(RunErrorType)),
        ("task_management_functionrun.status".to_owned(), all!(RunStatus)),
        ("task_management_functionrun.error_type".to_owned(), all!(RunErrorType)),
        ("task_management_functionschedule.catch_up".to_owned(), all!(CatchUp)),
        ("core_moduleconfiguration.layer".to_owned(), all!(Layer)),
        ("core_user.mail_frequency".to_owned(), all!(MailFrequency)),
        ("core_securitylog.kind".to_owned(), all!(SecurityEvent)),
        ("core_mutationlog.status".to_owned(), texts(&["0", "1", "2"])),
        ("task_management_taskflowstep.completion_policy".to_owned(), all!(CompletionPolicy)),
        ("task_management_taskgroup.completion_policy".to_owned(), texts(&known.collect::<Vec<_>>())),
        ("task_management_taskgroup.claim_mode".to_owned(), all!(ClaimMode)),
        ("task_management_taskclaim.ended_as".to_owned(), all!(ClaimEnd)),
        // The kind of a threshold that does not count people.
        ("task_management_taskgroup.threshold_kind".to_owned(), texts(&["COUNT", "PERCENT", "WEIGHT"])),
    ]);
    for twin in declared::TABLES.iter().filter_map(|table| table.historical) {
        expected.insert(format!("{twin}.history_type"), all!(HistoryType));
    }
    assert_eq!(allowed(backend), expected);
}
