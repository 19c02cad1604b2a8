//! What a host gives that can't all hold is refused when the module is built, by a sentence that names the culprit.

use std::time::Duration;

use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{PgConnection, SqliteConnection};
use serde_json::Value;
use tasks_management::{
    Approved, Builder, CheckedService, Database, DbConnection, ErrorCode, ExecutionMode, Host, Json,
    MakerChecker, Requester, Result, Settings, Signal, Signals,
};

use crate::support::anything::host_of;
use crate::support::people::People;

/// A pool that never connects.
fn pool<C: diesel::r2d2::R2D2Connection + 'static>() -> Pool<ConnectionManager<C>> {
    Pool::builder()
        .max_size(5)
        .min_idle(Some(0))
        .connection_timeout(Duration::from_secs(3))
        .build_unchecked(ConnectionManager::new("nowhere"))
}

fn on_postgres() -> Database {
    Database::from_pool(pool::<PgConnection>()).expect("a database")
}

fn on_sqlite() -> Database {
    Database::from_pool(pool::<SqliteConnection>()).expect("a database")
}

struct Doors;

impl CheckedService for Doors {
    type Create = Value;
    type Update = Value;
    const NAME: &'static str = "DoorService";
    const ENTITY_TYPE: &'static str = "House.Door";

    fn current(&self, _: &mut DbConnection, _: &str) -> Result<Option<Json>> {
        Ok(None)
    }

    fn validate_create(&self, _: &mut DbConnection, _: &Requester, _: &Value) -> Result<()> {
        Ok(())
    }

    fn validate_update(&self, _: &mut DbConnection, _: &Requester, _: &str, _: &Value) -> Result<()> {
        Ok(())
    }

    fn validate_delete(&self, _: &mut DbConnection, _: &Requester, _: &str) -> Result<()> {
        Ok(())
    }

    fn create(&self, _: &mut Approved<'_>, _: Value) -> Result<()> {
        Ok(())
    }

    fn update(&self, _: &mut Approved<'_>, _: &str, _: Value) -> Result<()> {
        Ok(())
    }

    fn delete(&self, _: &mut Approved<'_>, _: &str) -> Result<()> {
        Ok(())
    }
}

fn with(change: impl FnOnce(&mut Settings)) -> Builder {
    let mut settings = Settings::default();
    change(&mut settings);
    Builder::new(settings)
}

fn plain() -> Builder {
    with(|settings| settings.database.url = "sqlite:///nowhere/tasks.db".to_owned())
}

fn refused(builder: Builder, words: &[&str]) {
    let error = builder.build().err().unwrap_or_else(|| panic!("{words:?} is built"));
    let said = error.to_string();
    assert_eq!(error.code(), ErrorCode::Validation, "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
}

#[test]
fn functions_of_one_name_or_without_a_proper_one_are_refused() {
    let named = |name: &str| plain().function(name, |_| async { Ok(Json::Null) });
    refused(named("pay").function("pay", |_| async { Ok(Json::Null) }), &["Two functions", "pay"]);
    refused(named("pay out"), &["pay out", "hyphens"]);
}

#[test]
fn settings_that_contradict_a_hosts_pool_are_refused_by_name() {
    type Change = fn(&mut Settings);
    let on_either: [(&str, Change); 8] = [
        ("password", |settings| settings.database.password = "hunter-two".to_owned()),
        ("password_file", |settings| settings.database.password_file = "secret".into()),
        ("pool_size", |settings| settings.database.pool_size = 7),
        ("checkout_timeout_ms", |settings| settings.database.checkout_timeout_ms = 7),
        ("statement_timeout_ms", |settings| settings.database.statement_timeout_ms = 7),
        ("sqlite_durable", |settings| settings.database.sqlite_durable = false),
        ("sqlite_cache_kib", |settings| settings.database.sqlite_cache_kib = 1),
        ("allow_plaintext", |settings| settings.database.allow_plaintext = true),
    ];
    for (key, change) in on_either {
        for database in [on_postgres(), on_sqlite()] {
            refused(with(change).database(database), &[&format!("database.{key} "), "pool"]);
        }
    }
    let other: Change = |settings| settings.database.url = "postgres://localhost/grants".to_owned();
    refused(with(other).database(on_sqlite()), &["database.url ", "SQLite"]);
    with(other).database(on_postgres()).build().expect("the same kind");
    let other: Change = |settings| settings.database.url = "sqlite://grants.db".to_owned();
    refused(with(other).database(on_postgres()), &["database.url ", "PostgreSQL"]);
    let same: Change = |settings| {
        settings.database.pool_size = 5;
        settings.database.checkout_timeout_ms = 3_000;
    };
    with(same).database(on_postgres()).build().expect("what the pool has anyway");
    with(|_| ()).database(on_postgres()).build().expect("nothing is said of the database");
}

#[test]
fn what_is_the_whole_is_given_once() {
    refused(plain().signals(Signals::builder()).signals(Signals::builder()), &["Builder::signals", "twice"]);
    refused(plain().host(Host::default()).host(Host::default()), &["Builder::host", "twice"]);
    refused(plain().users(People::usual()).users(People::usual()), &["Builder::users", "twice"]);
    refused(with(|_| ()).database(on_sqlite()).database(on_sqlite()), &["Builder::database", "twice"]);
    let nobody = || async { Ok(None) };
    let twice = plain().authenticate(move |_| nobody()).authenticate(move |_| nobody());
    refused(twice, &["Builder::authenticate", "twice"]);
}

#[test]
fn no_two_have_one_name() {
    let after = |bus: tasks_management::SignalsBuilder, name| {
        bus.after(name, [Signal::TaskCreate], |_| async { Ok(()) })
    };
    refused(plain().signals(after(after(Signals::builder(), "mail"), "mail")), &["After-handlers", "mail"]);
    let own = after(Signals::builder(), "tasks.re_evaluation");
    refused(plain().signals(own), &["tasks.re_evaluation", "belongs to the module"]);
    plain().signals(after(after(Signals::builder(), "mail"), "post")).build().expect("two names");
    for name in ["", "nul\0", &"x".repeat(256)] {
        refused(plain().signals(after(Signals::builder(), name)), &["After-handler", "1 to 255"]);
    }
    refused(plain().host(host_of(&["house.door", "House.Door"])), &["entities", "House.Door"]);
    let show = || std::sync::Arc::new(|_: &tasks_management::Task, data: &Json| Ok(data.clone()));
    let host = Host::default().serializer("plain", show()).serializer("plain", show());
    refused(plain().host(host), &["serializers", "plain"]);
    let act =
        || std::sync::Arc::new(|_: &mut DbConnection, _: &Requester, _: &tasks_management::Task| Ok(()));
    let host = Host::default().action("pay", act()).action("pay", act());
    refused(plain().host(host), &["actions", "pay"]);
}

#[test]
fn services_under_maker_checker_have_names_of_their_own_and_registered_entities() {
    let doors = || MakerChecker::new(Doors, ExecutionMode::Within);
    let twice = plain().host(host_of(&["house.door"])).maker_checker(&doors()).maker_checker(&doors());
    refused(twice, &["Two services", "DoorService"]);
    refused(plain().maker_checker(&doors()), &["DoorService", "House.Door", "registered"]);
    refused(plain().host(host_of(&["house.window"])).maker_checker(&doors()), &["DoorService", "House.Door"]);
    plain().host(host_of(&["house.door"])).maker_checker(&doors()).build().expect("it is registered");
}
