//! The host's entities: which exist, what their names are, and which are found.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tasks_management::{CreateTask, DbConnection, Entity, EntityType, ErrorCode, Host, Requester, Result};

use crate::support::scenario::{each, parsed};
use crate::support::{apply, on_both};

/// Animals 1 to 99; it notes which keys it is asked for.
#[derive(Clone, Default)]
pub struct Zoo(Arc<Mutex<Vec<Vec<String>>>>);

fn name(id: &str) -> Option<String> {
    let number: u32 = id.parse().ok().filter(|number| (1..100).contains(number))?;
    Some(if number == 1 { "A lion".to_owned() } else { format!("Animal {number}") })
}

impl EntityType for Zoo {
    fn display(&self, _: &mut DbConnection, ids: &[&str]) -> Result<HashMap<String, String>> {
        let mut sorted: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        sorted.sort();
        self.0.lock().expect("nobody panicked").push(sorted);
        Ok(ids.iter().filter_map(|&id| Some((id.to_owned(), name(id)?))).collect())
    }

    fn search(&self, _: &mut DbConnection, _: &Requester, text: &str, limit: usize) -> Result<Vec<Entity>> {
        let all = (1..100).map(|number| number.to_string());
        let all = all.filter_map(|id| Some(Entity { display: name(&id)?, id }));
        Ok(all.filter(|entity| entity.display.contains(text)).take(limit).collect())
    }
}

fn about(id: &str) -> CreateTask {
    CreateTask {
        entity_type: Some("zoo.Animal".to_owned()),
        entity_id: Some(id.to_owned()),
        ..CreateTask::default()
    }
}

#[apply(on_both)]
async fn entities_of_many_tasks_are_looked_up_at_once(app: TestApp) {
    let zoo = Zoo::default();
    let host = Host::default().entity("Zoo.Animal", zoo.clone());
    let app = app.another_process_with(|_| {}, |builder| builder.host(host));
    let admin = app.module.requester("admin").await.expect("an admin");
    let made = app.module.tasks().create_many(&admin, vec![about("1"), about("2"), about("3")]).await;
    assert_eq!(made.expect("tasks").len(), 3);
    let asked = std::mem::take(&mut *zoo.0.lock().expect("nobody panicked"));
    assert_eq!(asked, [["1", "2", "3"]], "one look-up for all");

    // All or nothing: the second does not exist.
    let error = app.module.tasks().create_many(&admin, vec![about("4"), about("400")]).await;
    let error = error.expect_err("there is no animal 400");
    assert_eq!((error.code(), error.field()), (ErrorCode::NotFound, Some("entityId")));
    zoo.0.lock().expect("nobody panicked").clear();

    let mut client = app.user("admin").await;
    let rows = client.rows("task", "(orderBy: \"entityId\")", "entityId entityString entityDisplay").await;
    let rows: Vec<_> = rows.into_iter().filter(|row| row["entityDisplay"].is_string()).collect();
    assert_eq!(each(&rows, "entityDisplay"), ["A lion", "Animal 2", "Animal 3"]);
    assert_eq!(each(&rows, "entityString"), ["A lion", "Animal 2", "Animal 3"]);
    let asked = zoo.0.lock().expect("nobody panicked").clone();
    assert_eq!(asked, [["1", "2", "3"]], "one look-up for a list");
}

#[apply(on_both)]
async fn business_data_is_shown_by_the_hosts_serializer_or_as_it_is(app: TestApp) {
    let host = Host::default()
        .serializer(
            "sum",
            Arc::new(|_, data| Ok(json!({ "sum": data["a"].as_i64().unwrap_or_default() + 1 }).into())),
        )
        .serializer("fails", Arc::new(|_, _| Err("on purpose".to_owned())));
    let app = app.another_process_with(|_| {}, |builder| builder.host(host));
    for (name, shown) in
        [("sum", json!({ "sum": 2 })), ("fails", json!({ "a": 1 })), ("unknown", json!({ "a": 1 }))]
    {
        let serializer = Some(name.to_owned());
        let input = CreateTask {
            business_data_serializer: serializer,
            data: Some(json!({ "a": 1 }).into()),
            ..CreateTask::default()
        };
        let id = app.task(input).await;
        let row = app
            .user("admin")
            .await
            .rows("task", &format!("(id: \"{id}\")"), "data businessData")
            .await
            .remove(0);
        assert_eq!(
            (parsed(&row["data"]), parsed(&row["businessData"])),
            (json!({ "a": 1 }), shown),
            "{name}"
        );
    }
}

#[apply(on_both)]
async fn entities_are_found_by_those_who_may_create_tasks(app: TestApp) {
    let host = Host::default().entity("zoo.animal", Zoo::default());
    let app = app.another_process_with(|_| {}, |builder| builder.host(host));
    let query = |kind: &str, text: &str, first: i32| {
        format!(
            "{{ taskEntities(entityType: \"{kind}\", search: \"{text}\", first: {first}) {{ id display }} }}"
        )
    };
    let mut admin = app.user("admin").await;
    let found = admin.graphql(&query("Zoo.animal", "9", 2)).await;
    assert_eq!(
        found.data("taskEntities"),
        &json!([
            { "id": "9", "display": "Animal 9" }, { "id": "19", "display": "Animal 19" },
        ])
    );
    let none = admin.graphql(&query("zoo.animal", "unicorn", 2)).await;
    assert_eq!(none.data("taskEntities"), &json!([]));
    let unknown = admin.graphql(&query("zoo.plant", "", 2)).await;
    assert_eq!(unknown.codes(), ["VALIDATION"]);
    let too_many = admin.graphql(&query("zoo.animal", "", 1_000)).await;
    assert_eq!(too_many.codes(), ["LIMIT"]);
    let executor = app.user("exec1").await.graphql(&query("zoo.animal", "", 2)).await;
    assert_eq!(executor.codes(), ["FORBIDDEN"]);
}
