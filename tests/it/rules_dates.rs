//! When tasks are due and looked at again: who may say so, what a lead time does, and where the dates are shown.

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::{All, Any};
use tasks_management::{Clock as _, CreateTask, FixedClock};

use crate::sessions::with_clock;
use crate::support::receiver::Receiver;
use crate::support::scenario::{each, key, user_id, user_ids};
use crate::support::{TestApp, apply, on_both};
use crate::task_claims::{claim, group, release};
use crate::webhook_deliveries::{endpoint, nearby};

const DATES: &str = "dueDate followUpDate dateOpened";

/// A moment as the interface writes it.
pub fn shown(moment: NaiveDateTime) -> Value {
    json!(moment.format("%Y-%m-%dT%H:%M:%S").to_string())
}

/// The moment that is so many seconds from now.
pub fn later(clock: &FixedClock, seconds: i64) -> Value {
    shown(clock.now() + TimeDelta::seconds(seconds))
}

async fn due(app: &TestApp, task: &str) -> Value {
    app.user("admin").await.rows("task", &format!("(id: \"{task}\")"), DATES).await[0]["dueDate"].clone()
}

/// Gives a group, which is otherwise as it is, a lead time.
async fn set_lead_time(app: &TestApp, group: &str, seconds: Value) {
    let row = app.group_row(group).await;
    let input = json!({ "id": group, "code": row["code"], "completionPolicy": row["completionPolicy"],
        "leadTimeSeconds": seconds });
    app.done("admin", "updateTaskGroup", input).await;
}

/// Adds somebody who may change tasks and assign them, and who is not privileged.
async fn add_assigner(app: &TestApp) {
    app.load(json!({
        "roles": [{ "id": 51, "name": "Assigner", "rights": [191_001, 191_002, 191_003, 191_005, 191_006] }],
        "users": [{ "id": user_id("maker"), "username": "maker", "password": "maker123", "lastName": "Assign",
            "interactiveUserId": 51, "roles": ["Assigner"] }],
    }))
    .await;
}

#[apply(on_both)]
async fn triage_and_assigners_say_when_a_task_is_due_and_each_change_is_a_version(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    add_assigner(&app).await;
    let (soon, late) = (later(&clock, 3_600), later(&clock, 7_200));
    for who in ["triage", "maker"] {
        app.done(who, "createTask", json!({ "source": who, "dueDate": soon, "followUpDate": late })).await;
        let rows =
            app.user(who).await.rows("task", &format!("(source: {who:?})"), &format!("uuid {DATES}")).await;
        assert_eq!((&rows[0]["dueDate"], &rows[0]["followUpDate"]), (&soon, &late));
        let id = rows[0]["uuid"].as_str().expect("a key");
        for to in [&late, &late, &Value::Null] {
            app.done(who, "updateTask", json!({ "id": id, "dueDate": to })).await;
        }
        let versions = app.versions("task", id, DATES).await;
        assert_eq!(
            each(&versions, "dueDate"),
            [soon.clone(), late.clone(), Value::Null],
            "what says the same is no version"
        );
        assert_eq!(
            each(&versions, "followUpDate"),
            [late.clone(), late.clone(), late.clone()],
            "what is absent stays"
        );
    }
}

#[apply(on_both)]
async fn nobody_else_says_when_a_task_is_due(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    app.add_maker().await;
    let group = app.group("DUE", Any, &["exec1"]).await;
    let task = app.task_in(&group).await;
    let soon = later(&clock, 3_600);
    for who in ["maker", "exec1"] {
        for field in ["dueDate", "followUpDate"] {
            for value in [&soon, &Value::Null] {
                let mut input = json!({ "id": task });
                input[field] = value.clone();
                assert_eq!(app.refused(who, "updateTask", input).await, "FORBIDDEN", "{who} {field}");
            }
        }
    }
    assert_eq!(app.refused("maker", "createTask", json!({ "dueDate": soon })).await, "FORBIDDEN");
    app.done("maker", "updateTask", json!({ "id": task })).await;
}

#[apply(on_both)]
async fn whoever_has_claimed_a_task_says_when_to_look_again_while_the_claim_lasts_and_hides_it_no_longer(
    backend: Backend,
) {
    let (app, clock) = with_clock(backend).await;
    let group = group(&app, "DATES", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let task = app.task_in(&group).await;
    let at = |seconds: i64| json!({ "id": task, "followUpDate": later(&clock, seconds) });
    assert_eq!(app.refused("exec1", "updateTask", at(60)).await, "FORBIDDEN");
    assert_eq!(claim(&app, "exec1", &task).await, "ok");
    for too_late in [601, 1_000_000_000] {
        assert_eq!(app.refused("exec1", "updateTask", at(too_late)).await, "VALIDATION followUpDate");
    }
    let text = app.refusal_text("exec1", "updateTask", at(601)).await;
    let until = later(&clock, 600);
    assert!(text.contains(until.as_str().expect("a moment")), "it names the end of the claim: {text}");
    app.done("exec1", "updateTask", at(600)).await;
    assert_eq!(app.refused("exec2", "updateTask", at(60)).await, "FORBIDDEN");
    let claims = async || {
        let only = format!("(id: \"{task}\")");
        app.user("admin").await.rows("task", &only, "claims { user { username } }").await[0]["claims"].clone()
    };
    assert_eq!(claims().await, json!([{ "user": { "username": "exec1" } }]), "the change ends no claim");
    let awaiting = async || {
        let only = format!("(awaitingMe: true, id: \"{task}\")");
        app.user("exec2").await.rows("task", &only, "uuid").await.len()
    };
    assert_eq!(awaiting().await, 0);
    assert_eq!(release(&app, "exec1", &task).await, "ok");
    assert_eq!(awaiting().await, 1, "who gives it back hides it from nobody");
    assert_eq!(claim(&app, "exec1", &task).await, "ok");
    app.done("exec1", "updateTask", at(600)).await;
    clock.advance(TimeDelta::seconds(601));
    assert_eq!(awaiting().await, 1, "nor does who keeps it for too long");
    // Nor does who has voted, or lost the place, where more votes are wanted.
    let several = json!({ "code": "TWO", "completionPolicy": "ALL", "claimMode": "MARK", "claimSeconds": 600, "userIds": user_ids(&["exec1", "exec2", "exec3"]) });
    app.done("admin", "createTaskGroup", several).await;
    let two = app.user("admin").await.rows("taskGroup", "(code: \"TWO\")", "uuid").await[0]["uuid"].clone();
    let two = two.as_str().expect("a key");
    let marked = app.task_in(two).await;
    let hidden = json!({ "id": marked, "followUpDate": later(&clock, 600) });
    let only = format!("(awaitingMe: true, id: \"{marked}\")");
    let sees = async || app.user("exec3").await.rows("task", &only, "uuid").await.len();
    assert_eq!(claim(&app, "exec1", &marked).await, "ok");
    app.done("exec1", "updateTask", hidden.clone()).await;
    assert_eq!(sees().await, 0);
    assert_eq!(app.vote("exec1", &marked, json!("APPROVED")).await, "ok");
    assert_eq!(sees().await, 1, "nor does who has voted");
    assert_eq!(claim(&app, "exec2", &marked).await, "ok");
    app.done("exec2", "updateTask", hidden).await;
    assert_eq!(sees().await, 0);
    app.set_executors(two, &["exec1", "exec3"]).await;
    while app.module.deliver_due().await.expect("delivers") > 0 {}
    assert_eq!(sees().await, 1, "nor does who has lost the place");
    // Nor does who has a claim where there are none any more.
    let hidden = json!({ "id": marked, "followUpDate": later(&clock, 600) });
    app.set_executors(two, &["exec1", "exec2", "exec3"]).await;
    assert_eq!(claim(&app, "exec2", &marked).await, "ok");
    app.done("exec2", "updateTask", hidden).await;
    assert_eq!(sees().await, 0);
    app.done(
        "admin",
        "updateTaskGroup",
        json!({ "id": two, "code": "TWO", "completionPolicy": "ALL", "claimMode": "NONE" }),
    )
    .await;
    while app.module.deliver_due().await.expect("delivers") > 0 {}
    assert_eq!(sees().await, 1, "nor a claim where there are none any more");
    // What a planner has said stays as it is sent back, and may be brought forward.
    let far = |date: Value| json!({ "id": task, "followUpDate": date });
    let date = json!("2999-01-01T00:00:00");
    app.done("triage", "updateTask", far(date.clone())).await;
    assert_eq!(claim(&app, "exec2", &task).await, "ok");
    app.done("exec2", "updateTask", far(date.clone())).await;
    app.done("exec2", "updateTask", far(Value::Null)).await;
    assert_eq!(app.refused("exec2", "updateTask", far(date)).await, "VALIDATION followUpDate");
}

#[apply(on_both)]
async fn whoever_has_claimed_a_task_brings_the_due_date_forward_and_never_puts_it_off(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let group = group(&app, "DUE", "EXCLUSIVE", &["exec1", "exec2"]).await;
    let claims = json!({ "id": group, "code": "DUE", "completionPolicy": "ANY", "claimMode": "EXCLUSIVE", "leadTimeSeconds": 3_600 });
    app.done("admin", "updateTaskGroup", claims).await;
    let task = app.task_in(&group).await;
    let at = |seconds: i64| json!({ "id": task, "dueDate": later(&clock, seconds) });
    assert_eq!(claim(&app, "exec1", &task).await, "ok");
    for later_or_none in [at(3_601), at(1_000_000_000), json!({ "id": task, "dueDate": null })] {
        assert_eq!(app.refused("exec1", "updateTask", later_or_none).await, "VALIDATION dueDate");
    }
    let text = app.refusal_text("exec1", "updateTask", at(3_601)).await;
    assert!(text.contains(later(&clock, 3_600).as_str().expect("a moment")), "it names the latest: {text}");
    app.done("exec1", "updateTask", at(3_600)).await;
    app.done("exec1", "updateTask", at(1_800)).await;
    assert_eq!(app.refused("exec1", "updateTask", at(3_600)).await, "VALIDATION dueDate", "nor back again");
    assert_eq!(due(&app, &task).await, later(&clock, 1_800));
}

#[apply(on_both)]
async fn whoever_has_claimed_a_task_never_overrules_the_due_date_of_a_planner(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    add_assigner(&app).await;
    let group = group(&app, "DUE", "EXCLUSIVE", &["exec1", "exec2"]).await;
    for planner in ["triage", "maker"] {
        let task = app.task_in(&group).await;
        let at = |due: Value| json!({ "id": task, "dueDate": due });
        assert_eq!(claim(&app, "exec1", &task).await, "ok");
        app.done("exec1", "updateTask", at(later(&clock, 1_800))).await;
        app.done(planner, "updateTask", at(later(&clock, 7_200))).await;
        for other in [later(&clock, 7_201), later(&clock, 7_199), later(&clock, 60), Value::Null] {
            assert_eq!(
                app.refused("exec1", "updateTask", at(other)).await,
                "VALIDATION dueDate",
                "{planner}"
            );
        }
        let text = app.refusal_text("exec1", "updateTask", at(later(&clock, 60))).await;
        assert!(text.contains("has said when this task is due"), "{text}");
        // What is sent back as it was read is no change, and the own planning stays.
        let both = json!({ "id": task, "dueDate": later(&clock, 7_200), "followUpDate": later(&clock, 60) });
        app.done("exec1", "updateTask", both).await;
        assert_eq!(due(&app, &task).await, later(&clock, 7_200));
    }
}

/// Nobody has a task fail in the name of a timer: who rejects it does so by a vote.
#[apply(on_both)]
async fn whoever_has_claimed_a_task_sets_no_date_by_which_a_rule_fails_it(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let group = group(&app, "FAILING", "MARK", &["exec1", "exec2"]).await;
    let set = async |rules: Value, lead: Value| {
        let input = json!({ "id": group, "code": "FAILING", "completionPolicy": "ALL", "claimMode": "MARK", "escalations": rules, "leadTimeSeconds": lead });
        app.done("admin", "updateTaskGroup", input).await;
    };
    let rule = |at: &str, action: &str| json!([{ "at": at, "offsetSeconds": 0, "action": action }]);
    for (lead, at) in [(json!(null), "AFTER_DUE"), (json!(3_600), "AFTER_DUE"), (json!(3_600), "BEFORE_DUE")]
    {
        set(rule(at, "FAIL"), lead.clone()).await;
        let task = app.task_in(&group).await;
        let planned = due(&app, &task).await;
        assert_eq!(claim(&app, "exec1", &task).await, "ok");
        let input = json!({ "id": task, "dueDate": later(&clock, 1) });
        assert_eq!(app.refused("exec1", "updateTask", input.clone()).await, "VALIDATION dueDate", "{at}");
        let text = app.refusal_text("exec1", "updateTask", input.clone()).await;
        assert!(text.contains("fails this task by its due date"), "{text}");
        clock.advance(TimeDelta::seconds(60));
        while app.module.deliver_due().await.expect("delivers") > 0 {}
        assert_eq!(due(&app, &task).await, planned, "{at} {lead}");
        assert_eq!(app.status(&task).await, "ACCEPTED");
        app.done("exec1", "updateTask", json!({ "id": task, "followUpDate": later(&clock, 60) })).await;
        // Planners may.
        app.done("triage", "updateTask", json!({ "id": task, "dueDate": later(&clock, 1) })).await;
    }
    // Rules that only tell, or count from another moment, are no bar.
    for (at, action) in [("AFTER_DUE", "NOTIFY"), ("AFTER_OPEN", "FAIL")] {
        set(rule(at, action), Value::Null).await;
        let task = app.task_in(&group).await;
        assert_eq!(claim(&app, "exec1", &task).await, "ok");
        app.done("exec1", "updateTask", json!({ "id": task, "dueDate": later(&clock, 60) })).await;
    }
}

#[apply(on_both)]
async fn a_date_of_a_claims_holder_goes_with_the_step_and_one_of_a_planner_stays(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let (first, second) = (
        group(&app, "FIRST", "EXCLUSIVE", &["exec1"]).await,
        group(&app, "SECOND", "MARK", &["exec2"]).await,
    );
    let steps =
        json!([{ "taskGroupId": first }, { "taskGroupId": second, "order": 2, "leadTimeSeconds": 500 }]);
    let flow = app.flow_of(json!({ "code": "STEPS", "steps": steps })).await;
    for (who, said, then) in [
        ("exec1", json!("2999-01-01T00:00:00"), later(&clock, 500)),
        ("triage", later(&clock, 8_000), later(&clock, 8_000)),
    ] {
        let task = app.task_on(&flow).await;
        assert_eq!(claim(&app, "exec1", &task).await, "ok");
        app.done(who, "updateTask", json!({ "id": task, "dueDate": said })).await;
        assert_eq!(due(&app, &task).await, said);
        app.approve("exec1", &task).await;
        assert_eq!(due(&app, &task).await, then, "{said}");
    }
}

#[apply(on_both)]
async fn a_task_is_not_due_before_it_was_created_nor_before_now(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let task = app.task(CreateTask::default()).await;
    clock.advance(TimeDelta::hours(1));
    for wrong in [later(&clock, -7_200), later(&clock, -60), later(&clock, 0)] {
        for (mutation, input) in [
            ("createTask", json!({ "dueDate": wrong })),
            ("updateTask", json!({ "id": task, "dueDate": wrong })),
        ] {
            assert_eq!(app.refused("triage", mutation, input.clone()).await, "VALIDATION dueDate");
            assert_eq!(
                app.refusal_text("triage", mutation, input).await,
                "A task must be due later than now."
            );
        }
    }
    // What clients send back as they read it is no change, however late it is.
    let soon = later(&clock, 60);
    app.done("triage", "updateTask", json!({ "id": task, "dueDate": soon })).await;
    clock.advance(TimeDelta::hours(1));
    app.done("triage", "updateTask", json!({ "id": task, "dueDate": soon, "priority": 60 })).await;
}

#[apply(on_both)]
async fn moments_that_are_none_are_refused(app: TestApp) {
    for wrong in ["tomorrow", "2999-01-01", "+99999-01-01T00:00:00", ""] {
        let mutation = format!("mutation {{ createTask(input: {{ dueDate: {wrong:?} }}) {{ internalId }} }}");
        let answer = app.user("triage").await.graphql(&mutation).await;
        assert_ne!(answer.codes(), Vec::<String>::new(), "{wrong}");
    }
}

#[apply(on_both)]
async fn a_lead_time_says_when_a_task_is_due_that_enters_a_group_without_a_date(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let quick = app.group("QUICK", Any, &["exec1"]).await;
    let slow = app.group("SLOW", Any, &["exec1"]).await;
    let calm = app.group("CALM", Any, &["exec1"]).await;
    set_lead_time(&app, &quick, json!(600)).await;
    set_lead_time(&app, &slow, json!(86_400)).await;
    let created = app.task_in(&quick).await;
    assert_eq!(due(&app, &created).await, later(&clock, 600));
    let said = later(&clock, 42);
    app.done("triage", "createTask", json!({ "source": "said", "taskGroupId": quick, "dueDate": said }))
        .await;
    let rows = app.user("triage").await.rows("task", "(source: \"said\")", "uuid dueDate").await;
    assert_eq!(rows[0]["dueDate"], said, "what somebody has said stays");

    clock.advance(TimeDelta::seconds(10));
    let move_to = |group: &str| json!({ "id": created, "taskGroupId": group, "status": "ACCEPTED" });
    app.done("triage", "updateTask", move_to(&slow)).await;
    assert_eq!(
        due(&app, &created).await,
        later(&clock, 86_400),
        "the group that gave the date is no more asked"
    );
    app.done("triage", "updateTask", move_to(&calm)).await;
    assert_eq!(due(&app, &created).await, Value::Null);
    let said_task = rows[0]["uuid"].as_str().expect("a key");
    app.done("triage", "updateTask", json!({ "id": said_task, "taskGroupId": slow })).await;
    assert_eq!(due(&app, said_task).await, said);
    // A received task is asked of nobody yet.
    let received = app.task(CreateTask::default()).await;
    app.done("triage", "updateTask", json!({ "id": received, "taskGroupId": quick })).await;
    assert_eq!(due(&app, &received).await, Value::Null);
    app.done("triage", "updateTask", json!({ "id": received, "status": "ACCEPTED" })).await;
    assert_eq!(due(&app, &received).await, later(&clock, 600));
    // A lead time that changes later is for tasks that come later.
    set_lead_time(&app, &quick, Value::Null).await;
    assert_eq!(due(&app, &received).await, later(&clock, 600));
    assert_eq!(due(&app, &app.task_in(&quick).await).await, Value::Null);
}

#[apply(on_both)]
async fn each_step_that_is_entered_has_its_lead_time(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let one = app.group("ONE", Any, &["exec1"]).await;
    let two = app.group("TWO", Any, &["exec2"]).await;
    let also = app.group("ALSO", Any, &["exec3"]).await;
    let last = app.group("LAST", Any, &["exec4"]).await;
    set_lead_time(&app, &one, json!(100)).await;
    set_lead_time(&app, &also, json!(500)).await;
    let flow = app
        .flow_of(json!({ "code": "LEAD", "steps": [
            { "taskGroupId": one },
            { "taskGroupId": two, "order": 2, "leadTimeSeconds": 900 },
            { "taskGroupId": also, "order": 2 },
            { "taskGroupId": last, "order": 3 },
        ] }))
        .await;
    let steps =
        app.user("admin").await.rows("taskFlow", "(code: \"LEAD\")", "steps { leadTimeSeconds }").await;
    assert_eq!(
        each(steps[0]["steps"].as_array().expect("steps"), "leadTimeSeconds"),
        [Value::Null, json!(900), Value::Null, Value::Null]
    );
    let task = app.task_on(&flow).await;
    assert_eq!(due(&app, &task).await, later(&clock, 100), "the step is as its group");
    clock.advance(TimeDelta::seconds(30));
    app.approve("exec1", &task).await;
    let second = later(&clock, 500);
    assert_eq!(due(&app, &task).await, second, "of steps that are asked together, the shortest");
    clock.advance(TimeDelta::seconds(30));
    app.approve("exec3", &task).await;
    assert_eq!(
        due(&app, &task).await,
        later(&clock, 870),
        "the date of a step that has passed is not that of the other"
    );
    // Other data begin the flow anew.
    assert_eq!(app.propose("triage", &task, json!({ "other": 1 })).await, "ok");
    assert_eq!(due(&app, &task).await, later(&clock, 100));
    for who in ["exec1", "exec2", "exec3"] {
        app.approve(who, &task).await;
    }
    assert_eq!(due(&app, &task).await, Value::Null, "the last step has no lead time");
    let flowless = app.task_on(&flow).await;
    app.done("triage", "updateTask", json!({ "id": flowless, "detachFlow": true })).await;
    assert_eq!(due(&app, &flowless).await, Value::Null);
}

#[apply(on_both)]
async fn absurd_lead_times_are_refused_with_the_field_and_the_range(app: TestApp) {
    let group = app.group("LEAD", All, &["exec1"]).await;
    for wrong in [0, -1, i32::MIN, 315_360_001, i32::MAX] {
        let named = json!({ "code": "other", "completionPolicy": "ALL", "leadTimeSeconds": wrong });
        let mut own = named.clone();
        own["id"] = json!(group);
        let steps = json!([{ "taskGroupId": group, "leadTimeSeconds": wrong }]);
        for (mutation, input, field) in [
            ("createTaskGroup", named, "leadTimeSeconds"),
            ("updateTaskGroup", own, "leadTimeSeconds"),
            ("createTaskFlow", json!({ "code": "wrong", "steps": steps }), "steps[0].leadTimeSeconds"),
        ] {
            assert_eq!(app.refused("admin", mutation, input.clone()).await, format!("VALIDATION {field}"));
            let words = app.refusal_text("admin", mutation, input).await;
            assert_eq!(words, format!("`{field}` is out of range: from 1 to 315360000 is allowed."));
        }
    }
    for wrong in [0, -1, 315_360_001] {
        let sql = format!("UPDATE task_management_taskgroup SET lead_time_seconds = {wrong}");
        assert!(app.try_run(&sql).is_err(), "{wrong}");
    }
}

#[apply(on_both)]
async fn lists_and_history_are_filtered_and_sorted_by_the_dates(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    for seconds in [60, 120, 180] {
        let date = later(&clock, seconds);
        let input = json!({ "source": format!("dated {seconds}"), "dueDate": date, "followUpDate": date });
        app.done("triage", "createTask", input).await;
    }
    app.done("triage", "createTask", json!({ "source": "dated never" })).await;
    let mut triage = app.user("triage").await;
    for name in ["dueDate", "followUpDate"] {
        let at = later(&clock, 120);
        for (lookup, expected) in [
            ("", vec!["dated 120"]),
            ("_Lt", vec!["dated 60"]),
            ("_Lte", vec!["dated 60", "dated 120"]),
            ("_Gt", vec!["dated 180"]),
            ("_Gte", vec!["dated 120", "dated 180"]),
        ] {
            for list in ["task", "taskHistory"] {
                let arguments =
                    format!("(source_Istartswith: \"dated \", orderBy: [\"{name}\"], {name}{lookup}: {at})");
                let rows = triage.rows(list, &arguments, "source").await;
                assert_eq!(each(&rows, "source"), expected, "{list} {name}{lookup}");
            }
        }
        let rows = triage
            .rows("task", &format!("(source_Istartswith: \"dated \", orderBy: [\"-{name}\"])"), "source")
            .await;
        let mut sources = each(&rows, "source");
        sources.retain(|source| source != "dated never");
        assert_eq!(sources, ["dated 180", "dated 120", "dated 60"]);
        assert_eq!(rows.len(), 4);
    }
}

#[apply(on_both)]
async fn a_task_is_overdue_while_it_is_open_and_its_date_has_passed(backend: Backend) {
    let (app, clock) = with_clock(backend).await;
    let group = app.group("OVERDUE", Any, &["exec1"]).await;
    for (source, due) in
        [("o decided", Some(60)), ("o late", Some(60)), ("o early", Some(600)), ("o dateless", None)]
    {
        let mut input = json!({ "source": source, "taskGroupId": group });
        if let Some(seconds) = due {
            input["dueDate"] = later(&clock, seconds);
        }
        app.done("triage", "createTask", input).await;
    }
    let mut triage = app.user("triage").await;
    let decided = triage.rows("task", "(source: \"o decided\")", "uuid").await.remove(0);
    app.approve("exec1", decided["uuid"].as_str().expect("a key")).await;
    let mut listed = async |overdue: bool| {
        let arguments = format!("(source_Istartswith: \"o \", orderBy: [\"source\"], overdue: {overdue})");
        each(&triage.rows("task", &arguments, "source").await, "source")
    };
    assert_eq!(listed(true).await, Vec::<Value>::new());
    clock.advance(TimeDelta::seconds(61));
    assert_eq!(listed(true).await, ["o late"]);
    assert_eq!(listed(false).await, ["o dateless", "o decided", "o early"]);
}

#[apply(on_both)]
async fn webhooks_tell_the_dates(backend: Backend) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    endpoint(&app, "dates", &receiver.url, &["task_service.create"]).await;
    let due = json!("2999-01-02T03:04:05");
    app.done("triage", "createTask", json!({ "source": "told", "dueDate": due, "followUpDate": due })).await;
    app.module.deliver_due().await.expect("delivers");
    let told = receiver.received()[0].json()["data"]["task"].clone();
    assert_eq!((&told["dueDate"], &told["followUpDate"], &told["dateOpened"]), (&due, &due, &Value::Null));
}

/// A process of the commit before writes in this way: it knows no such columns.
#[apply(on_both)]
async fn a_process_that_does_not_know_the_dates_goes_on_writing(app: TestApp) {
    let group = app.group("BEFORE", Any, &["exec1"]).await;
    let task = app
        .task(CreateTask {
            task_group_id: Some(key(&group)),
            due_date: Some("2999-01-02T03:04:05".parse().expect("a moment")),
            ..CreateTask::default()
        })
        .await;
    let columns = "is_deleted, json_ext, version, date_created, date_updated, user_created, user_updated, source, status, \
                   business_status, data, priority";
    app.run(&format!(
        "UPDATE task_management_task SET version = version + 1, source = 'old' WHERE id = '{task}'"
    ));
    app.run(&format!(
        "INSERT INTO task_management_historicaltask (id, {columns}, history_date, history_type) \
         SELECT id, {columns}, date_created, '~' FROM task_management_task WHERE id = '{task}'"
    ));
    assert_eq!(due(&app, &task).await, "2999-01-02T03:04:05");
    app.approve("exec1", &task).await;
    assert_eq!(app.status(&task).await, "COMPLETED");
    let versions = app.versions("task", &task, DATES).await;
    assert_eq!(
        each(&versions, "dueDate"),
        [
            json!("2999-01-02T03:04:05"),
            Value::Null,
            json!("2999-01-02T03:04:05"),
            json!("2999-01-02T03:04:05")
        ]
    );
}
