//! Deliveries that are due are found by indexes that have them first, however many wait.

use tasks_management::{Builder, CreateTask, Signal, Signals};

use crate::support::{Backend, TestApp, apply, on_both};

fn told(builder: Builder) -> Builder {
    builder.signals(Signals::builder().after("told", [Signal::TaskCreate], |_| async { Ok(()) }))
}

#[apply(on_both)]
async fn what_is_due_is_found_by_an_index_also_where_statistics_say_that_nothing_waits(backend: Backend) {
    let app = TestApp::start_with(backend, |_| {}, told).await;
    let admin = app.module.requester("admin").await.expect("an administrator");
    app.module.tasks().create(&admin, CreateTask::default()).await.expect("a task");
    app.module.deliver_due().await.expect("delivers");
    app.run("ANALYZE");
    let key = match backend {
        Backend::Postgres => {
            "CAST('0d000000-0000-7000-8000-' || lpad(CAST(number AS text), 12, '0') AS uuid)"
        }
        Backend::Sqlite => "'0d000000-0000-7000-8000-' || substr('000000000000' || number, -12)",
    };
    let columns = "signal, handler, user_id, data, date_created, attempts, date_due, cause_depth";
    app.run(&format!(
        "INSERT INTO task_management_outbox (event_id, entity_id, status, {columns}) \
         WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 500) \
         SELECT {key}, {key}, 'PENDING', {columns} FROM task_management_outbox CROSS JOIN numbers WHERE handler = 'told'"
    ));
    let counted = app.counted_process_of(|_| {}, told);
    counted.statements();
    assert_eq!(counted.module.deliver_due().await.expect("delivers"), 500);
    let sent = counted.statements();
    let plan = |part: &str| {
        let statement = sent.iter().find(|statement| statement.contains(part));
        app.plan(statement.unwrap_or_else(|| panic!("{part}: {sent:#?}")))
    };
    let (claim, look) = (plan("AS older"), plan("AS is_due"));
    let (claimed, looked) = (claim.join("\n"), look.join("\n"));
    match backend {
        Backend::Postgres => {
            let first = |plan: &[String], index: &str| {
                let place = plan.iter().position(|line| line.contains(index));
                place.is_some_and(|place| plan[place - 1].contains("Limit"))
            };
            // The oldest of a row by one look into the index for each, and no join with all that waits.
            assert!(
                first(&claim, "task_management_outbox_pending on task_management_outbox older"),
                "{claimed}"
            );
            assert!(!claimed.contains("Anti Join"), "{claimed}");
            assert!(first(&look, "task_management_outbox_due on task_management_outbox due"), "{looked}");
        }
        Backend::Sqlite => {
            let older = "SEARCH older USING COVERING INDEX task_management_outbox_pending (handler=? AND entity_id=?)";
            assert!(claimed.contains(older), "{claimed}");
            assert!(looked.contains("SEARCH due USING INDEX task_management_outbox_due"), "{looked}");
            assert!(!looked.contains("TEMP B-TREE"), "{looked}");
        }
    }
}
