//! Maker-checker: an operation that is proposed to a host's service is carried out when it is approved, and only once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks_management::CompletionPolicy::Any;
use tasks_management::{
    Approved, CheckedService, DbConnection, Error, ErrorCode, ExecutionMode, Json, MakerChecker, Message,
    Requester, Result, Task, TaskStatus, UpdateTask,
};
use uuid::Uuid;

use crate::support::anything::host_of;
use crate::support::scenario::{key, user_id};
use crate::support::{Backend, TestApp, apply, on_both};

diesel::table! {
    host_animal (id) { id -> Text, name -> Text, changes -> Integer, }
}

const TABLE: &str =
    "CREATE TABLE host_animal (id TEXT PRIMARY KEY, name TEXT NOT NULL, changes INTEGER NOT NULL);
    INSERT INTO host_animal VALUES ('1', 'lion', 0);";

#[derive(Serialize, Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Animal {
    name: String,
}

/// A host's service. While it is broken, nothing can be carried out.
#[derive(Clone, Default)]
struct Animals {
    is_broken: Arc<AtomicBool>,
    panics: Arc<AtomicBool>,
    attempts: Arc<AtomicUsize>,
}

impl Animals {
    fn attempt(&self, approved: &Approved<'_>) -> Result<()> {
        assert_eq!(approved.task.status, TaskStatus::Completed);
        assert_eq!(
            (approved.maker.user.username.as_str(), approved.decider.user.username.as_str()),
            ("admin", "exec1")
        );
        self.attempts.fetch_add(1, Ordering::SeqCst);
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorCode::Conflict, Message::words("The zoo is closed.")));
        }
        Ok(())
    }
}

fn check(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::validation("data", Message::words("A name is needed.")));
    }
    Ok(())
}

impl CheckedService for Animals {
    type Create = Animal;
    type Update = Animal;
    const NAME: &'static str = "AnimalService";
    const ENTITY_TYPE: &'static str = "zoo.animal";

    fn current(&self, connection: &mut DbConnection, id: &str) -> Result<Option<Json>> {
        let name =
            host_animal::table.find(id).select(host_animal::name).first::<String>(connection).optional()?;
        Ok(name.map(|name| json!({ "name": name }).into()))
    }

    fn validate_create(&self, _: &mut DbConnection, _: &Requester, payload: &Animal) -> Result<()> {
        check(&payload.name)
    }

    fn validate_update(&self, _: &mut DbConnection, _: &Requester, _: &str, payload: &Animal) -> Result<()> {
        check(&payload.name)
    }

    fn validate_delete(&self, _: &mut DbConnection, _: &Requester, _: &str) -> Result<()> {
        Ok(())
    }

    fn create(&self, approved: &mut Approved<'_>, payload: Animal) -> Result<()> {
        self.attempt(approved)?;
        let row = (
            host_animal::id.eq(approved.task.id.to_string()),
            host_animal::name.eq(payload.name),
            host_animal::changes.eq(0),
        );
        diesel::insert_into(host_animal::table).values(row).execute(approved.connection)?;
        Ok(())
    }

    fn update(&self, approved: &mut Approved<'_>, id: &str, payload: Animal) -> Result<()> {
        diesel::update(host_animal::table.find(id))
            .set((host_animal::name.eq(payload.name), host_animal::changes.eq(host_animal::changes + 1)))
            .execute(approved.connection)?;
        if self.panics.load(Ordering::SeqCst) {
            // Inside a transaction of its own, which stays open.
            return approved.connection.transaction(|_| panic!("The lion is loose."));
        }
        // The write is undone with the rest of the transaction.
        self.attempt(approved)
    }

    fn delete(&self, approved: &mut Approved<'_>, id: &str) -> Result<()> {
        self.attempt(approved)?;
        diesel::delete(host_animal::table.find(id)).execute(approved.connection)?;
        Ok(())
    }
}

struct Zoo {
    app: TestApp,
    animals: Animals,
    checker: MakerChecker<Animals>,
}

impl Zoo {
    async fn start(backend: Backend, mode: ExecutionMode) -> Self {
        let animals = Animals::default();
        let checker = MakerChecker::new(animals.clone(), mode);
        let app = TestApp::start_with(
            backend,
            |settings| {
                settings.outbox.attempts = 2;
                settings.outbox.first_pause_ms = 1;
                settings.outbox.longest_pause_s = 1;
            },
            |builder| builder.host(host_of(&[Animals::ENTITY_TYPE])).maker_checker(&checker),
        )
        .await;
        let database = app.module.database();
        database
            .write(|connection| Ok(diesel::connection::SimpleConnection::batch_execute(connection, TABLE)?))
            .await
            .expect("the host's table");
        app.group_with("ZOO", Any, None, &["exec1", "exec2"], &["AnimalService"]).await;
        Self { app, animals, checker }
    }

    async fn propose(&self, name: &str) -> Result<Task> {
        let maker = self.app.module.requester("admin").await?;
        let payload = Animal { name: name.to_owned() };
        self.checker.create_update_task(&self.app.module.tasks(), &maker, "1", &payload).await
    }

    async fn decide(&self, id: Uuid, is_for: bool) -> Result<Task> {
        let executor = self.app.module.requester("exec1").await?;
        self.app.module.tasks().vote(&executor, id, is_for, None).await
    }

    /// Name and number of changes of the animal.
    async fn animal(&self) -> (String, i32) {
        let columns = (host_animal::name, host_animal::changes);
        let row = host_animal::table.find("1").select(columns);
        let read = self.app.module.database().read(move |connection| Ok(row.first(connection)?));
        read.await.expect("the animal")
    }

    async fn events(&self, task: Uuid) -> Vec<Value> {
        let arguments = format!("(entityId: \"{task}\")");
        self.app
            .user("admin")
            .await
            .rows("taskEvents", &arguments, "id handler status attempts lastError")
            .await
    }

    async fn deliver(&self) {
        // A retry is due a moment later.
        for _ in 0..20 {
            self.app.module.deliver_due().await.expect("deliveries");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

#[apply(on_both)]
async fn an_approved_proposal_is_carried_out_within_the_decision(backend: Backend) {
    let zoo = Zoo::start(backend, ExecutionMode::Within).await;
    let task = zoo.propose("tiger").await.expect("a proposal");
    assert_eq!(task.source.as_deref(), Some("AnimalService"));
    assert_eq!(task.business_event.as_deref(), Some("AnimalService.update"));
    assert_eq!((task.status, task.entity_id.as_deref()), (TaskStatus::Accepted, Some("1")));
    assert_eq!(
        task.data,
        json!({ "incoming_data": { "name": "tiger" }, "current_data": { "name": "lion" } })
    );
    assert_eq!(zoo.animal().await, ("lion".to_owned(), 0), "nothing is done before the decision");
    assert_eq!(zoo.decide(task.id, true).await.expect("a vote").status, TaskStatus::Completed);
    assert_eq!(zoo.animal().await, ("tiger".to_owned(), 1));
    assert!(zoo.events(task.id).await.is_empty(), "nothing is left to be done later");

    let maker = zoo.app.module.requester("admin").await.expect("a maker");
    let tasks = zoo.app.module.tasks();
    let created = zoo.checker.create_create_task(&tasks, &maker, &Animal { name: "wolf".to_owned() }).await;
    let created = created.expect("a proposal");
    assert_eq!(created.data, json!({ "incoming_data": { "name": "wolf" }, "current_data": null }));
    zoo.decide(created.id, true).await.expect("a vote");
    assert_eq!(zoo.app.count("SELECT count(*) FROM host_animal WHERE name = 'wolf'"), 1);
    let deleted = zoo.checker.create_delete_task(&tasks, &maker, "1").await.expect("a proposal");
    zoo.decide(deleted.id, true).await.expect("a vote");
    assert_eq!(zoo.app.count("SELECT count(*) FROM host_animal"), 1);
}

#[apply(on_both)]
async fn a_rejected_proposal_is_not_carried_out(backend: Backend) {
    for mode in [ExecutionMode::Within, ExecutionMode::After] {
        let zoo = Zoo::start(backend, mode).await;
        let task = zoo.propose("tiger").await.expect("a proposal");
        assert_eq!(zoo.decide(task.id, false).await.expect("a vote").status, TaskStatus::Failed);
        zoo.deliver().await;
        assert_eq!(zoo.animal().await, ("lion".to_owned(), 0));
        assert_eq!(zoo.animals.attempts.load(Ordering::SeqCst), 0);
    }
}

#[apply(on_both)]
async fn within_an_operation_that_fails_undoes_the_decision(backend: Backend) {
    let zoo = Zoo::start(backend, ExecutionMode::Within).await;
    let task = zoo.propose("tiger").await.expect("a proposal");
    zoo.animals.is_broken.store(true, Ordering::SeqCst);
    let error = zoo.decide(task.id, true).await.expect_err("the zoo is closed");
    assert_eq!((error.code(), error.to_string().as_str()), (ErrorCode::Conflict, "The zoo is closed."));
    assert_eq!(zoo.app.status(&task.id.to_string()).await, "ACCEPTED");
    assert_eq!(zoo.animal().await, ("lion".to_owned(), 0));
    zoo.animals.is_broken.store(false, Ordering::SeqCst);
    zoo.decide(task.id, true).await.expect("the same vote again");
    assert_eq!(zoo.animal().await, ("tiger".to_owned(), 1));
}

#[apply(on_both)]
async fn an_operation_that_fails_can_leave_the_task_completed_visible_and_replayable(backend: Backend) {
    for mode in [ExecutionMode::WithinOrAfter, ExecutionMode::After] {
        let zoo = Zoo::start(backend, mode).await;
        let task = zoo.propose("tiger").await.expect("a proposal");
        zoo.animals.is_broken.store(true, Ordering::SeqCst);
        assert_eq!(zoo.decide(task.id, true).await.expect("a vote").status, TaskStatus::Completed);
        zoo.deliver().await;
        let events = zoo.events(task.id).await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(
            (&events[0]["handler"], &events[0]["status"]),
            (&json!("maker_checker:AnimalService"), &json!("DEAD"))
        );
        assert_eq!(events[0]["lastError"], "The zoo is closed.");
        assert_eq!(zoo.animal().await, ("lion".to_owned(), 0), "what it wrote is undone");

        zoo.animals.is_broken.store(false, Ordering::SeqCst);
        let replay = json!({ "ids": [events[0]["id"]] });
        assert_eq!(zoo.app.user("admin").await.outcome("replayTaskEvents", replay).await, "ok");
        zoo.deliver().await;
        assert_eq!(zoo.animal().await, ("tiger".to_owned(), 1));
        assert_eq!(zoo.events(task.id).await[0]["status"], "DELIVERED");
    }
}

#[apply(on_both)]
async fn within_or_after_leaves_the_task_completed_also_after_a_panic(backend: Backend) {
    let zoo = Zoo::start(backend, ExecutionMode::WithinOrAfter).await;
    let task = zoo.propose("tiger").await.expect("a proposal");
    zoo.animals.panics.store(true, Ordering::SeqCst);
    assert_eq!(zoo.decide(task.id, true).await.expect("a vote").status, TaskStatus::Completed);
    assert_eq!(zoo.app.status(&task.id.to_string()).await, "COMPLETED");
    assert_eq!(zoo.animal().await, ("lion".to_owned(), 0), "what it wrote is undone");
    let handler = json!("maker_checker:AnimalService");
    assert_eq!(zoo.events(task.id).await[0]["handler"], handler);
    zoo.animals.panics.store(false, Ordering::SeqCst);
    zoo.deliver().await;
    assert_eq!(zoo.animal().await, ("tiger".to_owned(), 1));
}

#[apply(on_both)]
async fn within_or_after_leaves_nothing_to_be_done_when_it_succeeds(backend: Backend) {
    let zoo = Zoo::start(backend, ExecutionMode::WithinOrAfter).await;
    let task = zoo.propose("tiger").await.expect("a proposal");
    zoo.decide(task.id, true).await.expect("a vote");
    assert_eq!(zoo.animal().await, ("tiger".to_owned(), 1));
    assert!(zoo.events(task.id).await.is_empty());
}

#[apply(on_both)]
async fn two_processes_carry_an_operation_out_once(backend: Backend) {
    let zoo = Zoo::start(backend, ExecutionMode::After).await;
    let task = zoo.propose("tiger").await.expect("a proposal");
    zoo.decide(task.id, true).await.expect("a vote");
    let other = zoo.app.another_process_with(
        |_| {},
        |builder| builder.host(host_of(&[Animals::ENTITY_TYPE])).maker_checker(&zoo.checker),
    );
    // Both look at once. One of them gets the delivery, and notes it together with its work.
    let (one, two) = tokio::join!(zoo.app.module.deliver_due(), other.module.deliver_due());
    one.expect("deliveries");
    two.expect("deliveries");
    assert_eq!(zoo.animal().await, ("tiger".to_owned(), 1));
    assert_eq!(zoo.events(task.id).await[0]["status"], "DELIVERED");
}

#[apply(on_both)]
async fn a_proposal_is_validated_however_it_comes_and_whenever_it_changes(backend: Backend) {
    let zoo = Zoo::start(backend, ExecutionMode::Within).await;
    let error = zoo.propose("").await.expect_err("a name is needed");
    assert_eq!((error.code(), error.field()), (ErrorCode::Validation, Some("data")));
    let mut admin = zoo.app.user("admin").await;
    let input = |kind: &str, data: Value| {
        json!({ "source": "AnimalService", "businessEvent": "AnimalService.update", "entityType": kind,
                "entityId": "1", "data": data.to_string() })
    };
    for (kind, data) in [
        ("zoo.animal", json!({ "incoming_data": { "name": "" } })),
        ("zoo.animal", json!({ "incoming_data": { "name": "tiger", "more": 1 } })),
        ("zoo.animal", json!([])),
        ("zoo.plant", json!({ "incoming_data": { "name": "tiger" } })),
    ] {
        assert_eq!(
            admin.outcome("createTask", input(kind, data.clone())).await,
            "VALIDATION",
            "{kind} {data}"
        );
    }
    let fine = input("zoo.animal", json!({ "incoming_data": { "name": "tiger" } }));
    assert_eq!(admin.outcome("createTask", fine).await, "ok");
    let rows = admin.rows("task", "(source: \"AnimalService\")", "uuid").await;
    assert_eq!(rows.len(), 1);
    let id = key(rows[0]["uuid"].as_str().expect("a key"));
    let maker = zoo.app.module.requester("admin").await.expect("a maker");
    let change = |data: Value| UpdateTask { id, data: Some(data.into()), ..UpdateTask::default() };
    let tasks = zoo.app.module.tasks();
    let error = tasks.update(&maker, change(json!({ "incoming_data": {} }))).await.expect_err("no name");
    assert_eq!((error.code(), error.field()), (ErrorCode::Validation, Some("data")));
    tasks.update(&maker, change(json!({ "incoming_data": { "name": "puma" } }))).await.expect("a change");
    // Other events of the same source are none of the service's business.
    let other = json!({ "source": "AnimalService", "businessEvent": "AnimalService.feed" });
    assert_eq!(admin.outcome("createTask", other).await, "ok");
    assert_eq!(zoo.app.vote("exec1", &id.to_string(), json!("APPROVED")).await, "ok");
    assert_eq!(zoo.animal().await, ("puma".to_owned(), 1));
    assert_ne!(user_id("exec1"), user_id("admin"));
}

#[apply(on_both)]
async fn there_is_no_proposal_about_what_does_not_exist(backend: Backend) {
    let zoo = Zoo::start(backend, ExecutionMode::Within).await;
    let maker = zoo.app.module.requester("admin").await.expect("a maker");
    let payload = Animal { name: "tiger".to_owned() };
    let filed = zoo.checker.create_update_task(&zoo.app.module.tasks(), &maker, "2", &payload).await;
    assert_eq!(filed.expect_err("no animal 2").code(), ErrorCode::NotFound);
    zoo.propose("tiger").await.expect("a proposal");
    assert_eq!(zoo.propose("puma").await.expect_err("one at a time").code(), ErrorCode::Conflict);
    let executor = zoo.app.module.requester("exec1").await.expect("an executor");
    let filed = zoo.checker.create_delete_task(&zoo.app.module.tasks(), &executor, "1").await;
    assert_eq!(filed.expect_err("no right to create").code(), ErrorCode::Forbidden);
}
