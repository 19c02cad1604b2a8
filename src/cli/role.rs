//! What the subcommands of `role` and `rights` do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::say;
use super::table::Table;
use crate::app::Builder;
use crate::config::Settings;
use crate::domain::role::SUPERUSER_ROLE;
use crate::service::role::{self, RoleInput, RoleSummary};
use crate::service::user::{self, operate, role_named};

/// Shows roles, a line each, by name.
///
/// # Errors
/// A sentence that says what is wrong with the database.
pub async fn list_roles(settings: Settings, json: bool) -> Result<String, String> {
    let module = Builder::new(settings).build().map_err(say)?;
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
    let module = Builder::new(settings).build().map_err(say)?;
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

/// Creates a role.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn create_role(settings: Settings, name: String, rights: Vec<i32>) -> Result<String, String> {
    let module = Builder::new(settings).build().map_err(say)?;
    let count = rights.len();
    let input = RoleInput { name: Some(name.clone()), rights: Some(rights), ..RoleInput::default() };
    operate(module.services(), move |unit| role::create(unit, &input).map(drop)).await.map_err(say)?;
    Ok(format!("added the role {name} with {count} rights"))
}

/// Has a role grant these rights, and no others.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn set_rights(settings: Settings, name: String, rights: Vec<i32>) -> Result<String, String> {
    let module = Builder::new(settings).build().map_err(say)?;
    let (of, count) = (name.clone(), rights.len());
    let input = RoleInput { rights: Some(rights), ..RoleInput::default() };
    let changed = operate(module.services(), move |unit| {
        let uuid = role_named(unit.connection, &of)?.uuid;
        role::update(unit, uuid, &input).map(drop)
    });
    changed.await.map_err(say)?;
    Ok(format!("{name} grants {count} rights now"))
}

/// Deletes a role that nobody has.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn delete_role(settings: Settings, name: String) -> Result<String, String> {
    let module = Builder::new(settings).build().map_err(say)?;
    let of = name.clone();
    let deleted = operate(module.services(), move |unit| {
        let uuid = role_named(unit.connection, &of)?.uuid;
        role::delete(unit, &[uuid])
    });
    deleted.await.map_err(say)?;
    Ok(format!("deleted the role {name}"))
}

/// Shows the rights that operations need, a line each, by number.
///
/// # Errors
/// A sentence that says what is wrong with the database.
pub async fn list_rights(settings: Settings, json: bool) -> Result<String, String> {
    let module = Builder::new(settings).build().map_err(say)?;
    let found = operate(module.services(), |unit| Ok(crate::domain::operation::operations(&unit.settings)));
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
