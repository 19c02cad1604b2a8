//! What the subcommands of `role` and `rights` do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::table::{Table, done};
use super::{present, say};
use crate::config::Settings;
use crate::domain::operation::{all_rights, operations};
use crate::domain::role::SUPERUSER_ROLE;
use crate::domain::settings::ModuleSettings;
use crate::service::role::{self, RoleInput, RoleSummary};
use crate::service::user::{self, operate, role_named};

/// Shows roles, a line each, by name.
///
/// # Errors
/// A sentence that says what is wrong with the database.
pub async fn list_roles(settings: Settings, json: bool) -> Result<String, String> {
    let module = present(settings)?;
    let found = operate(module.services(), |unit| role::summaries(unit.connection)).await.map_err(say)?;
    let row = |summary: &RoleSummary| {
        vec![
            json!(summary.role.name),
            json!(summary.role.is_system == SUPERUSER_ROLE),
            json!(summary.role.is_blocked),
            json!(summary.rights.len()),
            json!(summary.holders),
        ]
    };
    let rows = found.iter().map(row).collect();
    Ok(Table::new(&["role", "superuser", "blocked", "rights", "users"], rows).text(json))
}

/// Shows all there is about one role.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn show_role(settings: Settings, name: String, json: bool) -> Result<String, String> {
    let module = present(settings)?;
    let found = operate(module.services(), move |unit| {
        let role = role_named(unit.connection, &name)?;
        Ok((role::summary(unit.connection, role)?, user::holders(unit.connection, &name)?))
    });
    let (summary, holders) = found.await.map_err(say)?;
    let shown = [
        ("role", json!(summary.role.name)),
        ("uuid", json!(summary.role.uuid)),
        ("key", json!(summary.role.id)),
        ("altLanguage", json!(summary.role.alt_language)),
        ("superuser", json!(summary.role.is_system == SUPERUSER_ROLE)),
        ("blocked", json!(summary.role.is_blocked)),
        ("rights", json!(summary.rights)),
        ("users", json!(holders)),
    ];
    let (columns, row): (Vec<&'static str>, Vec<Value>) = shown.into_iter().unzip();
    Ok(Table::new(&columns, vec![row]).record(json))
}

/// The rights that a role is to grant, as an operator says them.
#[derive(Debug, Clone, Default)]
pub struct GivenRights {
    /// Their numbers.
    pub rights: Vec<i32>,
    /// Takes numbers too that no operation of this server needs, because other programs may know them.
    pub unknown: bool,
}

impl GivenRights {
    /// The numbers, each once.
    fn read(&self, settings: &ModuleSettings) -> Result<BTreeSet<i32>, String> {
        let known: BTreeSet<i32> = all_rights(settings).collect();
        let given: BTreeSet<i32> = self.rights.iter().copied().collect();
        let unknown: Vec<String> = given.difference(&known).map(ToString::to_string).collect();
        if unknown.is_empty() || self.unknown {
            return Ok(given);
        }
        Err(format!(
            "nothing here needs the rights {}: `tasks-management rights list` shows those that open something; --unknown grants \
             others too, for other programs",
            unknown.join(", ")
        ))
    }
}

/// Creates a role.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn create_role(
    settings: Settings,
    name: String,
    given: GivenRights,
    json: bool,
) -> Result<String, String> {
    let module = present(settings)?;
    let known = operate(module.services(), |unit| Ok(unit.settings.clone())).await.map_err(say)?;
    let rights = given.read(&known)?;
    let input = RoleInput {
        name: Some(name.clone()),
        rights: Some(rights.iter().copied().collect()),
        ..RoleInput::default()
    };
    let added = operate(module.services(), move |unit| role::create(unit, &input)).await.map_err(say)?;
    let facts = json!({ "role": name, "uuid": added.uuid, "key": added.id, "rights": rights });
    Ok(done(json, format!("added the role {name} with {} rights", rights.len()), &facts))
}

/// Has a role grant these rights, and no others.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn set_rights(
    settings: Settings,
    name: String,
    given: GivenRights,
    json: bool,
) -> Result<String, String> {
    let module = present(settings)?;
    let known = operate(module.services(), |unit| Ok(unit.settings.clone())).await.map_err(say)?;
    let rights = given.read(&known)?;
    let of = name.clone();
    let input = RoleInput { rights: Some(rights.iter().copied().collect()), ..RoleInput::default() };
    let changed = operate(module.services(), move |unit| {
        let role = role_named(unit.connection, &of)?;
        let uuid = role.uuid;
        let before: BTreeSet<i32> = role::summary(unit.connection, role)?.rights.into_iter().collect();
        role::update(unit, uuid, &input).map(|_| before)
    });
    let before = changed.await.map_err(say)?;
    let listed =
        |rights: Vec<&i32>| rights.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut said = format!("{name} grants {} rights now", rights.len());
    for (words, changed) in [
        ("granted", rights.difference(&before).collect::<Vec<_>>()),
        ("taken", before.difference(&rights).collect()),
    ] {
        if !changed.is_empty() {
            said = format!("{said}; {words}: {}", listed(changed));
        }
    }
    let facts = json!({ "role": name, "rights": rights, "before": before });
    Ok(done(json, said, &facts))
}

/// Deletes a role that nobody has.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn delete_role(settings: Settings, name: String, json: bool) -> Result<String, String> {
    let module = present(settings)?;
    let of = name.clone();
    let deleted = operate(module.services(), move |unit| {
        let uuid = role_named(unit.connection, &of)?.uuid;
        role::delete(unit, &[uuid])
    });
    deleted.await.map_err(say)?;
    Ok(done(json, format!("deleted the role {name}"), &json!({ "role": name, "deleted": true })))
}

/// Shows the rights that operations need, a line each, by number.
///
/// # Errors
/// A sentence that says what is wrong with the database.
pub async fn list_rights(settings: Settings, json: bool) -> Result<String, String> {
    let module = present(settings)?;
    let found = operate(module.services(), |unit| Ok(operations(&unit.settings)));
    let mut rights: BTreeMap<i32, Vec<(&'static str, String)>> = BTreeMap::new();
    for operation in found.await.map_err(say)? {
        for right in operation.rights {
            rights.entry(right).or_default().push((operation.setting, operation.opens.text("en")));
        }
    }
    let row = |(right, opened): (i32, Vec<(&'static str, String)>)| {
        let (settings, opens): (Vec<&str>, Vec<String>) = opened.into_iter().unzip();
        vec![json!(right), json!(settings.join(", ")), json!(opens.join("; "))]
    };
    Ok(Table::new(&["right", "setting", "opens"], rights.into_iter().map(row).collect()).text(json))
}
