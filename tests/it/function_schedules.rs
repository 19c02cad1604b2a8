//! Schedules: at which moments functions run by themselves, each moment once.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tasks_management::{Builder, FixedClock, Settings, Signal, Signals};

use crate::functions::greeting;
use crate::sessions::beginning;
use crate::support::scenario::each;
use crate::support::{Backend, TestApp, apply, on_both};

const FIELDS: &str = "uuid functionName data priority startTimestamp nextTimestamp intervalSeconds cron timeZone catchUp isEnabled version";

/// A module with the function `greet` at 8 o'clock (UTC) on the last of January 2026, a Saturday.
async fn scene(backend: Backend) -> (TestApp, FixedClock) {
    let clock = FixedClock::new(beginning());
    let own = clock.clone();
    let app = TestApp::start_with(backend, unbroken, |builder: Builder| greeting(builder.clock(own))).await;
    app.done("admin", "createTaskFunction", json!({ "name": "greet", "kind": "HANDLER" })).await;
    (app, clock)
}

/// The clock leaps, which is no outage.
fn unbroken(settings: &mut Settings) {
    settings.timers.outage_s = 1_000_000;
}

async fn schedule(app: &TestApp, more: Value) -> Value {
    let mut input = json!({ "functionName": "greet", "data": "{\"name\": \"Ada\"}" });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.done("admin", "createFunctionSchedule", input).await;
    schedules(app).await.pop().expect("a schedule")
}

async fn schedules(app: &TestApp) -> Vec<Value> {
    app.user("admin").await.rows("functionSchedule", "(orderBy: \"dateCreated\")", FIELDS).await
}

async fn act(app: &TestApp) {
    while app.module.deliver_due().await.expect("acts") > 0 {}
}

/// The moments that have had a run, in order.
async fn moments(app: &TestApp) -> Vec<String> {
    let mut admin = app.user("admin").await;
    let runs = admin
        .rows(
            "functionRun",
            "(orderBy: \"scheduledTimestamp\", trigger: SCHEDULE)",
            "scheduledTimestamp status",
        )
        .await;
    assert!(each(&runs, "status").iter().all(|status| status == "COMPLETE"), "{runs:?}");
    let text = |moment: Value| moment.as_str().expect("a moment").to_owned();
    each(&runs, "scheduledTimestamp").into_iter().map(text).collect()
}

#[apply(on_both)]
async fn a_function_runs_by_itself_and_the_next_moment_is_shown(backend: Backend) {
    let (app, clock) = scene(backend).await;
    let made = schedule(&app, json!({ "intervalSeconds": 60, "priority": 3 })).await;
    assert_eq!(made["nextTimestamp"], "2026-01-31T08:01:00");
    act(&app).await;
    assert_eq!(moments(&app).await, Vec::<String>::new(), "not yet");
    clock.advance(TimeDelta::seconds(61));
    act(&app).await;
    act(&app).await;
    clock.advance(TimeDelta::seconds(60));
    act(&app).await;
    assert_eq!(moments(&app).await, ["2026-01-31T08:01:00", "2026-01-31T08:02:00"]);
    assert_eq!(schedules(&app).await[0]["nextTimestamp"], "2026-01-31T08:03:00");
    let fields = "data priority result scheduleId createdByUser { username }";
    let run = app.user("admin").await.rows("functionRun", "(first: 1)", fields).await.remove(0);
    assert_eq!((&run["data"], &run["priority"]), (&json!("{\"name\":\"Ada\"}"), &json!(3)));
    assert_eq!(
        (&run["result"], &run["scheduleId"]),
        (&json!("{\"greeting\":\"Hello, Ada!\"}"), &made["uuid"])
    );
    assert_eq!(run["createdByUser"]["username"], "admin", "who answers for the schedule");
    // Disabled, it has no moment; enabled again, the next one from now on. Deleted, it is over.
    app.done("admin", "updateFunctionSchedule", json!({ "id": made["uuid"], "isEnabled": false })).await;
    assert_eq!(schedules(&app).await[0]["nextTimestamp"], Value::Null);
    clock.advance(TimeDelta::seconds(600));
    act(&app).await;
    app.done("admin", "updateFunctionSchedule", json!({ "id": made["uuid"], "isEnabled": true })).await;
    assert_eq!(schedules(&app).await[0]["nextTimestamp"], "2026-01-31T08:13:00");
    let stale = json!({ "id": made["uuid"], "isEnabled": false, "expectedVersion": 1 });
    assert_eq!(app.refused("admin", "updateFunctionSchedule", stale).await, "CONFLICT expectedVersion");
    app.done("admin", "deleteFunctionSchedule", json!({ "ids": [made["uuid"]] })).await;
    clock.advance(TimeDelta::seconds(600));
    act(&app).await;
    assert_eq!(moments(&app).await.len(), 2);
    assert_eq!(app.count("SELECT count(*) FROM task_management_timer"), 0);
    let versions = app.versions("functionSchedule", made["uuid"].as_str().expect("a key"), "isEnabled").await;
    assert_eq!(each(&versions, "historyType"), ["CREATED", "CHANGED", "CHANGED", "DELETED"]);
    // So it is when its function is deleted.
    schedule(&app, json!({ "intervalSeconds": 60 })).await;
    let function = app.user("admin").await.rows("taskFunction", "", "uuid").await.remove(0);
    app.done("admin", "deleteTaskFunction", json!({ "ids": [function["uuid"]] })).await;
    assert!(schedules(&app).await.is_empty());
    assert_eq!(app.count("SELECT count(*) FROM task_management_timer"), 0);
}

#[apply(on_both)]
async fn a_line_of_cron_goes_by_the_clocks_of_its_zone_also_when_these_are_changed(backend: Backend) {
    let (app, clock) = scene(backend).await;
    let made =
        schedule(&app, json!({ "cron": "30 2 * * *", "timeZone": "Europe/Berlin", "catchUp": "ONCE" })).await;
    assert_eq!(made["nextTimestamp"], "2026-02-01T01:30:00");
    // To the 28th of March, in winter time still; on the 29th, half past two does not come.
    clock.advance(TimeDelta::days(56) - TimeDelta::hours(8));
    act(&app).await;
    for _ in 0..72 {
        clock.advance(TimeDelta::hours(1));
        act(&app).await;
    }
    assert_eq!(
        moments(&app).await,
        ["2026-03-27T01:30:00", "2026-03-28T01:30:00", "2026-03-29T01:00:00", "2026-03-30T00:30:00"],
        "the first one stands for those that were missed"
    );
}

#[apply(on_both)]
async fn missed_moments_are_left_out_or_one_run_stands_for_them(backend: Backend) {
    for (catch_up, expected) in
        [("SKIP", vec!["2026-01-31T11:00:00"]), ("ONCE", vec!["2026-01-31T10:30:00", "2026-01-31T11:00:00"])]
    {
        let (app, clock) = scene(backend).await;
        schedule(&app, json!({ "cron": "*/30 * * * *", "catchUp": catch_up })).await;
        // Nobody serves timers for a while.
        clock.advance(TimeDelta::minutes(170));
        act(&app).await;
        assert_eq!(schedules(&app).await[0]["nextTimestamp"], "2026-01-31T11:00:00");
        clock.advance(TimeDelta::minutes(14));
        act(&app).await;
        assert_eq!(moments(&app).await, expected, "{catch_up}");
    }
}

#[apply(on_both)]
async fn each_moment_has_one_run_however_many_processes_there_are(backend: Backend) {
    let (app, clock) = scene(backend).await;
    for _ in 0..5 {
        schedule(&app, json!({ "intervalSeconds": 60 })).await;
    }
    let others: Vec<TestApp> = (0..3)
        .map(|_| {
            let own = clock.clone();
            app.another_process_with(
                |settings| settings.timers.outage_s = 1_000_000,
                |builder| greeting(builder.clock(own)),
            )
        })
        .collect();
    for _ in 0..6 {
        clock.advance(TimeDelta::seconds(60));
        let mut all = tokio::task::JoinSet::new();
        for process in others.iter().chain([&app]) {
            let module = process.module.clone();
            all.spawn(async move { module.deliver_due().await });
        }
        while let Some(done) = all.join_next().await {
            done.expect("nobody panicked").expect("acts");
        }
    }
    act(&app).await;
    assert_eq!(moments(&app).await.len(), 30);
    let distinct = "SELECT count(*) FROM (SELECT DISTINCT schedule_id, date_scheduled FROM task_management_functionrun) AS moments";
    assert_eq!(app.count(distinct), 30);
    let again = app
        .try_run("INSERT INTO task_management_functionrun SELECT * FROM task_management_functionrun LIMIT 1");
    assert!(again.is_err(), "the database allows one run for a moment, too");
}

#[apply(on_both)]
async fn what_is_wrong_with_a_schedule_is_said(backend: Backend) {
    let (app, _) = scene(backend).await;
    for (more, refusal) in [
        (json!({}), "VALIDATION cron"),
        (json!({ "cron": "* * * * *", "intervalSeconds": 60 }), "VALIDATION cron"),
        (json!({ "cron": "61 * * * *" }), "VALIDATION cron"),
        (json!({ "cron": "0 0 30 2 *" }), "VALIDATION cron"),
        (json!({ "cron": "* * * * * *" }), "VALIDATION cron"),
        (json!({ "cron": "* * * * *", "timeZone": "Mars/Olympus" }), "VALIDATION timeZone"),
        (json!({ "intervalSeconds": 60, "timeZone": "UTC" }), "VALIDATION timeZone"),
        (json!({ "intervalSeconds": 59 }), "VALIDATION intervalSeconds"),
        (json!({ "intervalSeconds": 60, "priority": 9_007_199_254_740_992_i64 }), "VALIDATION priority"),
        (json!({ "intervalSeconds": 60, "functionName": "other" }), "NOT_FOUND functionName"),
    ] {
        let mut input = json!({ "functionName": "greet" });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        assert_eq!(app.refused("admin", "createFunctionSchedule", input).await, refusal, "{more}");
    }
    assert_eq!(
        app.refused(
            "triage",
            "createFunctionSchedule",
            json!({ "functionName": "greet", "intervalSeconds": 60 })
        )
        .await,
        "FORBIDDEN"
    );
}

#[apply(on_both)]
async fn null_takes_a_rhythm_away_only_where_the_other_one_is_given(backend: Backend) {
    let (app, _) = scene(backend).await;
    let rhythm = |row: &Value| [row["intervalSeconds"].clone(), row["cron"].clone(), row["timeZone"].clone()];
    let made = schedule(&app, json!({ "cron": "30 2 * * *", "timeZone": "Europe/Berlin" })).await;
    let change = |more: Value| {
        let mut input = json!({ "id": made["uuid"] });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    for more in [json!({ "cron": null }), json!({ "cron": null, "intervalSeconds": null, "priority": 1 })] {
        let refused = app.refused("admin", "updateFunctionSchedule", change(more.clone())).await;
        assert_eq!(refused, "VALIDATION cron", "{more}");
    }
    for (more, expected) in [
        (json!({ "intervalSeconds": null }), json!([null, "30 2 * * *", "Europe/Berlin"])),
        (json!({ "timeZone": null }), json!([null, "30 2 * * *", "UTC"])),
        (json!({ "intervalSeconds": 60, "cron": null, "timeZone": null }), json!([60, null, null])),
        (json!({ "cron": null }), json!([60, null, null])),
        (json!({ "cron": "0 3 * * *", "intervalSeconds": null }), json!([null, "0 3 * * *", "UTC"])),
        (json!({ "intervalSeconds": 90 }), json!([90, null, null])),
    ] {
        app.done("admin", "updateFunctionSchedule", change(more.clone())).await;
        assert_eq!(json!(rhythm(&schedules(&app).await[0])), expected, "{more}");
    }
    let refused =
        app.refused("admin", "updateFunctionSchedule", change(json!({ "intervalSeconds": null }))).await;
    assert_eq!(refused, "VALIDATION intervalSeconds");
    // Made so, too.
    for (more, expected) in [
        (json!({ "cron": null, "timeZone": null, "intervalSeconds": 60 }), json!([60, null, null])),
        (
            json!({ "cron": "0 3 * * *", "timeZone": null, "intervalSeconds": null }),
            json!([null, "0 3 * * *", "UTC"]),
        ),
    ] {
        assert_eq!(json!(rhythm(&schedule(&app, more.clone()).await)), expected, "{more}");
    }
    let nothing = json!({ "functionName": "greet", "cron": null, "intervalSeconds": null });
    assert_eq!(app.refused("admin", "createFunctionSchedule", nothing).await, "VALIDATION cron");
}

#[apply(on_both)]
async fn a_repeat_that_says_null_where_nothing_was_said_is_another_mutation(backend: Backend) {
    let (app, _) = scene(backend).await;
    let made = schedule(&app, json!({ "intervalSeconds": 60, "priority": 3 })).await;
    let plain = json!({ "id": made["uuid"], "clientMutationId": "once" });
    app.done("admin", "updateFunctionSchedule", plain.clone()).await;
    let update = "mutation($in: UpdateFunctionScheduleMutationInput!) { updateFunctionSchedule(input: $in) { internalId } }";
    let mut admin = app.user("admin").await;
    for field in ["priority", "startTimestamp", "intervalSeconds", "cron", "timeZone"] {
        let mut other = plain.clone();
        other[field] = Value::Null;
        let answer = admin.graphql_with(update, json!({ "in": other })).await;
        assert_eq!(answer.codes(), ["CONFLICT"], "{field}: {}", answer.text);
    }
    // What null does not change is the same.
    let mut same = plain.clone();
    same["isEnabled"] = Value::Null;
    app.done("admin", "updateFunctionSchedule", same).await;
    assert_eq!(schedules(&app).await[0]["priority"], json!(3));
}

#[apply(on_both)]
async fn a_line_of_cron_is_one_line_without_white_space_around_it(backend: Backend) {
    let (app, clock) = scene(backend).await;
    let made = schedule(&app, json!({ "cron": "0 3 * * *" })).await;
    for line in ["0 3 * * *\n", " 0 3 * * *", "0 3\n* * *", "0 3 * * *\u{200b}", "\t0 3 * * *"] {
        let input = json!({ "functionName": "greet", "cron": line });
        assert_eq!(
            app.refused("admin", "createFunctionSchedule", input).await,
            "VALIDATION cron",
            "{line:?}"
        );
        let change = json!({ "id": made["uuid"], "cron": line });
        assert_eq!(
            app.refused("admin", "updateFunctionSchedule", change).await,
            "VALIDATION cron",
            "{line:?}"
        );
    }
    let file = json!({ "functionSchedules": [{ "id": "00000000-0000-7000-b000-000000000001", "functionName": "greet", "cron": "0 3 * * *\n" }] });
    let file = serde_json::from_value(file).expect("a file");
    let reason = app.module.load(file).await.expect_err("it ends with a line break");
    let cause = std::error::Error::source(&reason).expect("a cause").to_string();
    assert!(cause.contains(": cron: "), "{cause}");
    // One from before this rule goes on, and can be changed otherwise.
    app.run("UPDATE task_management_functionschedule SET cron = '0 3 * * *\n'");
    app.done("admin", "updateFunctionSchedule", json!({ "id": made["uuid"], "priority": 1 })).await;
    clock.advance(TimeDelta::hours(19) + TimeDelta::minutes(1));
    act(&app).await;
    assert_eq!(moments(&app).await, ["2026-02-01T03:00:00"]);
}

#[apply(on_both)]
async fn a_line_of_cron_has_no_words_in_its_place_and_no_gaps_in_its_lists(backend: Backend) {
    let (app, _) = scene(backend).await;
    let made = schedule(&app, json!({ "cron": "0 1,2,3 * * MON-FRI" })).await;
    for (line, words) in [
        ("@daily", "@daily"),
        ("@hourly", "five fields"),
        ("0 1,2,,3 * * *", "`1,2,,3`"),
        ("0 3 * * 1,", "`1,`"),
    ] {
        let input = json!({ "functionName": "greet", "cron": line });
        assert_eq!(
            app.refused("admin", "createFunctionSchedule", input.clone()).await,
            "VALIDATION cron",
            "{line}"
        );
        let change = json!({ "id": made["uuid"], "cron": line });
        assert_eq!(app.refused("admin", "updateFunctionSchedule", change).await, "VALIDATION cron", "{line}");
        let text = app.refusal_text("admin", "createFunctionSchedule", input).await;
        assert!(text.contains(words), "{line}: {text}");
    }
}

/// Somebody with these rights.
async fn planner(app: &TestApp, name: &str, id: u32, rights: &str) {
    let file = format!(
        r#"{{ "roles": [{{ "name": "{name}", "rights": [{rights}] }}], "users": [{{
            "id": "00000000-0000-7000-b000-{id:012}", "username": "{name}", "password": "{name}123", "roles": ["{name}"] }}] }}"#
    );
    app.load(serde_json::from_str(&file).expect("JSON")).await;
}

#[apply(on_both)]
async fn a_schedule_has_nothing_run_that_who_answers_for_it_may_not_have_run_at_that_moment(
    backend: Backend,
) {
    let (app, clock) = scene(backend).await;
    let mut admin = app.user("admin").await;
    for (number, (name, rights)) in
        [("left", "195006, 195009"), ("lacks", "195006, 195009"), ("unplanned", "195006, 195009")]
            .iter()
            .enumerate()
    {
        planner(&app, name, u32::try_from(number).expect("few") + 1, rights).await;
        let input = json!({ "functionName": "greet", "intervalSeconds": 60 });
        app.done(name, "createFunctionSchedule", input).await;
    }
    let taken = async |admin: &mut crate::support::Client, name: &str, rights: Value| {
        let role = admin.rows("role", &format!("(name: \"{name}\")"), "uuid").await.remove(0);
        let input = json!({ "uuid": role["uuid"], "name": name, "rightsId": rights });
        app.done("admin", "updateRole", input).await;
    };
    let runs = async |admin: &mut crate::support::Client| {
        let fields = "status scheduledTimestamp createdByUser { username } error { name message type }";
        admin.rows("functionRun", "(orderBy: \"id\", trigger: SCHEDULE)", fields).await
    };
    clock.advance(TimeDelta::seconds(61));
    act(&app).await;
    assert_eq!(each(&runs(&mut admin).await, "status"), ["COMPLETE", "COMPLETE", "COMPLETE"]);
    // One leaves, one may have no function run any more, and one may have no schedules.
    let gone = json!({ "uuid": "00000000-0000-7000-b000-000000000001", "isActive": false });
    app.done("admin", "updateUser", gone).await;
    taken(&mut admin, "lacks", json!([195_009])).await;
    taken(&mut admin, "unplanned", json!([195_006])).await;
    clock.advance(TimeDelta::seconds(60));
    act(&app).await;
    let failed = runs(&mut admin).await.split_off(3);
    assert_eq!(failed.len(), 3, "{failed:?}");
    for run in &failed {
        assert_eq!((&run["status"], &run["error"]["name"]), (&json!("FAILED"), &json!("notBegun")), "{run}");
        let says = run["error"]["message"].as_str().expect("a reason");
        assert!(says.contains("who answers for the schedule, may not have"), "{says}");
    }
    // A handler that refuses does not keep them from being shown.
    let refusing =
        Signals::builder().within(Signal::FunctionFailed, |_, _| Err(diesel::result::Error::NotFound.into()));
    let own = clock.clone();
    let refuses =
        app.another_process_with(unbroken, |builder| greeting(builder.clock(own)).signals(refusing));
    clock.advance(TimeDelta::seconds(60));
    act(&refuses).await;
    assert_eq!(each(&runs(&mut admin).await.split_off(6), "status"), ["FAILED", "FAILED", "FAILED"]);
    // Whoever changes it, or leaves it as it is, answers for it.
    for (priority, schedule) in [Value::Null, json!(7), json!(8)].into_iter().zip(schedules(&app).await) {
        let input = json!({ "id": schedule["uuid"], "isEnabled": true, "priority": priority });
        app.done("admin", "updateFunctionSchedule", input).await;
    }
    clock.advance(TimeDelta::seconds(60));
    act(&app).await;
    let again = runs(&mut admin).await.split_off(9);
    assert_eq!(each(&again, "status"), ["COMPLETE", "COMPLETE", "COMPLETE"]);
    assert!(again.iter().all(|run| run["createdByUser"]["username"] == "admin"), "{again:?}");
}

#[apply(on_both)]
async fn nobody_plans_a_function_that_he_may_not_have_run_or_whose_account_may_more(backend: Backend) {
    let (app, _) = scene(backend).await;
    planner(&app, "plans", 1, "195009").await;
    planner(&app, "runs", 2, "195006, 195009").await;
    let input = || json!({ "functionName": "greet", "intervalSeconds": 60 });
    assert_eq!(app.refused("plans", "createFunctionSchedule", input()).await, "FORBIDDEN");
    app.done("runs", "createFunctionSchedule", input()).await;
    let made = schedules(&app).await.remove(0);
    let change = |more: Value| {
        let mut input = json!({ "id": made["uuid"] });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    let other = change(json!({ "data": "{\"name\": \"Eve\"}" }));
    assert_eq!(app.refused("plans", "updateFunctionSchedule", other.clone()).await, "FORBIDDEN");
    // From now on it acts in the name of an administrator.
    let function = app.user("admin").await.rows("taskFunction", "", "uuid").await.remove(0);
    let account = crate::support::scenario::user_id("admin");
    app.done("admin", "updateTaskFunction", json!({ "id": function["uuid"], "serviceAccount": account }))
        .await;
    for (mutation, input) in [("createFunctionSchedule", input()), ("updateFunctionSchedule", other)] {
        let refused = app.refused("runs", mutation, input).await;
        assert!(refused.starts_with("FORBIDDEN"), "{mutation}: {refused}");
    }
    // Whoever may plan may stop it, and not start it again.
    app.done("plans", "updateFunctionSchedule", change(json!({ "isEnabled": false }))).await;
    let again = app.refused("plans", "updateFunctionSchedule", change(json!({ "isEnabled": true }))).await;
    assert_eq!(again, "FORBIDDEN");
}
