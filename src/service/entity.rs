//! The host's entities that tasks are about: searching them, and finding them by key.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::context::ServiceContext;
use super::host::Entity;
use super::unit_of_work::UnitOfWork;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::text::MAX_TEXT;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::content_type::ContentType;

/// The key of an entity: the key of its content type, and its own.
pub type EntityKey = (i32, String);

/// Searches the entities about which the requester may create tasks.
///
/// # Errors
/// FORBIDDEN for people who may not create tasks, VALIDATION for a kind that the host does not know, LIMIT, or an error of
/// the host.
pub async fn search(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    entity_type: String,
    text: String,
    first: Option<i64>,
) -> Result<Vec<Entity>> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            requester.need(&settings.gql_task_create_perms)?;
            let limit = services.page_limit().of("first", first)?;
            let Some(entities) = services.host.entity_type(&entity_type.to_lowercase()) else {
                let message =
                    Message::new("unknown-entity-type").with_list("allowed", &services.host.entity_types());
                return Err(Error::validation("entityType", message));
            };
            let mut found = entities.search(connection, &requester, &text, limit)?;
            found.truncate(limit);
            Ok(found)
        })
        .await
}

/// The present names of the entities of visible tasks. Entities that no longer exist, or whose kind the host does not know,
/// are left out.
pub async fn of_visible_tasks(
    services: &Arc<ServiceContext>,
    keys: Vec<EntityKey>,
) -> Result<HashMap<EntityKey, String>> {
    services
        .read(move |services, connection| {
            let mut ids: BTreeMap<i32, Vec<&str>> = BTreeMap::new();
            for (content_type, id) in &keys {
                ids.entry(*content_type).or_default().push(id);
            }
            let mut displays = HashMap::new();
            for (content_type_id, ids) in ids {
                let content_type = db::get::<ContentType>(connection, content_type_id)?;
                let Some(entities) = content_type.and_then(|found| services.host.entity_type(&found.name()))
                else {
                    continue;
                };
                let found = entities.display(connection, &ids)?;
                displays.extend(found.into_iter().map(|(id, display)| ((content_type_id, id), display)));
            }
            Ok(displays)
        })
        .await
}

/// The names of the entities of new tasks, as far as the host knows their kinds. Both the input and the result go by the
/// name of the content type and the key; in the result, the name is in lower case.
///
/// # Errors
/// An error of the host.
pub fn of_new_tasks<'i>(
    unit: &mut UnitOfWork<'_>,
    named: impl Iterator<Item = (&'i str, &'i str)>,
) -> Result<HashMap<(String, String), String>> {
    let mut ids: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (content_type, id) in named {
        ids.entry(content_type.to_lowercase()).or_default().push(id);
    }
    let mut displays = HashMap::new();
    for (content_type, ids) in ids {
        let Some(entities) = unit.services.host.entity_type(&content_type) else {
            continue;
        };
        for (id, display) in entities.display(unit.connection, &ids)? {
            displays.insert((content_type.clone(), id), display.chars().take(MAX_TEXT).collect());
        }
    }
    Ok(displays)
}
