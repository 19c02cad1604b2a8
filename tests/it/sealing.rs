//! Secrets at rest.

use std::process::Output;

use tasks_management::CreateTask;

use crate::support::program::{SEALING_KEY, program};
use crate::support::receiver::Receiver;
use crate::support::{TestApp, apply, on_both};
use crate::webhook_deliveries::{endpoint, nearby};

const NEW_KEY: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f";

fn with_keys(app: &TestApp, key: &str, old_keys: &[&str]) -> TestApp {
    let keys = |settings: &mut tasks_management::Settings| {
        nearby(settings);
        settings.sealing.key = key.to_owned();
        settings.sealing.old_keys = old_keys.iter().map(ToString::to_string).collect();
    };
    app.another_process_with(keys, |builder| builder)
}

fn plain(app: &TestApp) -> i64 {
    app.count(
        "SELECT count(*) FROM task_management_webhookendpoint WHERE CAST(secrets AS text) LIKE '%whsec%'",
    )
}

fn seal(app: &TestApp, key: &str, old_keys: &str) -> Output {
    let mut command = program(app.database_url());
    command.env("TASKS__SEALING__KEY", key).env("TASKS__SEALING__OLD_KEYS", old_keys).arg("seal");
    command.output().expect("the program runs")
}

/// Whether a receiver is told of an event, signed with this secret.
async fn is_told(app: &TestApp, receiver: &Receiver, secret: &str) -> bool {
    let before = receiver.count();
    app.task(CreateTask::default()).await;
    app.module.deliver_due().await.expect("delivers");
    let received = receiver.received();
    received.len() == before + 1 && received.last().is_some_and(|received| received.is_signed_with(secret))
}

#[apply(on_both)]
async fn secrets_of_webhooks_are_sealed_where_a_key_is_set_and_keys_are_changed_without_a_pause(
    backend: Backend,
) {
    let app = TestApp::start_with(backend, nearby, |builder| builder).await;
    let receiver = Receiver::start().await;
    let (_, secret) = endpoint(&app, "books", &receiver.url, &["task_service.create"]).await;
    assert_eq!(plain(&app), 1);

    // A key is set: plain secrets go on working, and new ones are sealed.
    let sealing = with_keys(&app, SEALING_KEY, &[]);
    assert!(is_told(&sealing, &receiver, &secret).await);
    let other = Receiver::start().await;
    let (_, other_secret) = endpoint(&sealing, "stock", &other.url, &["task_service.create"]).await;
    assert_eq!(plain(&app), 1);
    let done = seal(&app, SEALING_KEY, "[]");
    assert!(
        done.status.success() && String::from_utf8_lossy(&done.stdout).contains("of 1 webhook"),
        "{done:?}"
    );
    assert_eq!(plain(&app), 0);
    assert!(is_told(&sealing, &receiver, &secret).await);
    assert_eq!(other.received().last().map(|received| received.is_signed_with(&other_secret)), Some(true));

    // Another key seals, and then alone opens.
    let refused = seal(&app, NEW_KEY, "[]");
    assert!(
        !refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("old_keys"),
        "{refused:?}"
    );
    let done = seal(&app, NEW_KEY, &format!("[\"{SEALING_KEY}\"]"));
    assert!(
        done.status.success() && String::from_utf8_lossy(&done.stdout).contains("of 2 webhook"),
        "{done:?}"
    );
    assert!(is_told(&with_keys(&app, SEALING_KEY, &[NEW_KEY]), &receiver, &secret).await);
    assert!(is_told(&with_keys(&app, NEW_KEY, &[]), &receiver, &secret).await);
    assert!(
        !is_told(&with_keys(&app, SEALING_KEY, &[]), &receiver, &secret).await,
        "without its key nothing is signed"
    );
}

#[apply(on_both)]
async fn secrets_of_the_configuration_are_sealed_too_and_written_only_when_they_change(backend: Backend) {
    let receiver = Receiver::start().await;
    let app = TestApp::start(backend).await;
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let configured = |key: &'static str| {
        app.another_process_with(
            |settings| {
                nearby(settings);
                settings.sealing.key = key.to_owned();
                settings.webhooks.endpoints = vec![tasks_management::config::ConfiguredEndpoint {
                    name: "books".to_owned(),
                    url: receiver.url.clone(),
                    events: vec!["task_service.create".to_owned()],
                    secrets: vec![secret.to_owned()],
                }];
            },
            |builder| builder,
        )
    };
    let version = "SELECT CAST(version AS bigint) FROM task_management_webhookendpoint";
    for (key, version_then, plain_then) in
        [("", 1, 1), (SEALING_KEY, 2, 0), (SEALING_KEY, 2, 0), (NEW_KEY, 3, 0)]
    {
        let process = configured(key);
        process.module.deliver_due().await.expect("delivers");
        assert_eq!((app.count(version), plain(&app)), (version_then, plain_then));
        assert!(is_told(&process, &receiver, secret).await);
    }
}

#[test]
fn a_key_that_is_none_is_refused_without_being_repeated() {
    for key in ["hunter-two", &SEALING_KEY[2..], &format!("{SEALING_KEY}00")] {
        let mut command = program("sqlite:///nowhere/tasks.db");
        let output = command.env("TASKS__SEALING__KEY", key).arg("seal").output().expect("the program runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && text.contains("sealing.key") && !text.contains(key),
            "{output:?}"
        );
    }
}
