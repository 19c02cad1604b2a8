//! What the subcommands of `user`, and `whoami`, do.

use serde_json::{Value, json};

use super::table::{Table, done, moment};
use super::{migrated, present, say};
use crate::config::Settings;
use crate::domain::json::Json;
use crate::domain::query::Condition;
use crate::service::user::{self, Account, NewUser, UserInput};

/// Adds a user.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn add_user(settings: Settings, new: NewUser, json: bool) -> Result<String, String> {
    let module = migrated(settings).await?;
    let user = user::add(module.services(), new).await.map_err(say)?;
    let said = format!("added the user {} with the id {}", user.username, user.id);
    Ok(done(json, said, &json!({ "username": user.username, "id": user.id })))
}

/// Sets a user's password.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn set_password(settings: Settings, username: String, password: String) -> Result<String, String> {
    let module = migrated(settings).await?;
    user::set_password(module.services(), username.clone(), password).await.map_err(say)?;
    Ok(format!("set the password of {username}; open sessions have ended"))
}

/// Gives a user a role.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn grant(settings: Settings, username: String, role: String, json: bool) -> Result<String, String> {
    let module = migrated(settings).await?;
    let (to, what) = (username.clone(), role.clone());
    let new =
        user::operate(module.services(), move |unit| user::grant(unit, &to, &what)).await.map_err(say)?;
    let said = if new {
        format!("{username} now has the role {role}")
    } else {
        format!("{username} had the role {role} already")
    };
    Ok(done(json, said, &json!({ "username": username, "role": role, "granted": new })))
}

/// Takes a role from a user.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn revoke(
    settings: Settings,
    username: String,
    role: String,
    json: bool,
) -> Result<String, String> {
    let module = present(settings)?;
    let (from, what) = (username.clone(), role.clone());
    let had =
        user::operate(module.services(), move |unit| user::revoke(unit, &from, &what)).await.map_err(say)?;
    let said = if had {
        format!("{username} has the role {role} no more")
    } else {
        format!("{username} did not have the role {role}")
    };
    Ok(done(json, said, &json!({ "username": username, "role": role, "revoked": had })))
}

/// Shows users, a line each, by name.
///
/// # Errors
/// A sentence that says what can't be asked for, or what is wrong with the database.
pub async fn list_users(
    settings: Settings,
    search: Option<String>,
    limit: i64,
    json: bool,
) -> Result<String, String> {
    let module = present(settings)?;
    let search = search.map(|text| Condition::search_words(user::NAMES, &text));
    let found = user::accounts(module.services(), search, limit).await.map_err(say)?;
    let columns = ["username", "name", "email", "active", "roles", "sessions", "lastLogin"];
    let row = |account: Account| {
        let user = &account.user;
        vec![
            json!(user.username),
            json!(format!("{} {}", user.other_names, user.last_name).trim()),
            json!(user.email),
            json!(user.is_active),
            json!(account.roles),
            json!(account.sessions),
            moment(user.last_login),
        ]
    };
    Ok(Table::new(&columns, found.into_iter().map(row).collect()).text(json))
}

/// Shows all there is about one user.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn show_user(settings: Settings, username: String, json: bool) -> Result<String, String> {
    let module = present(settings)?;
    let account = user::account(module.services(), username).await.map_err(say)?;
    let Account { user, roles, rights, groups, sessions, has_password } = account;
    let shown = [
        ("username", json!(user.username)),
        ("id", json!(user.id)),
        ("lastName", json!(user.last_name)),
        ("otherNames", json!(user.other_names)),
        ("email", json!(user.email)),
        ("phone", json!(user.phone)),
        ("language", json!(user.language)),
        ("active", json!(user.is_active)),
        ("hasPassword", json!(has_password)),
        ("superuser", json!(rights.is_superuser)),
        ("roles", json!(roles)),
        ("rights", json!(rights.numbers)),
        ("groups", json!(groups)),
        ("sessions", json!(sessions)),
        ("created", moment(Some(user.date_created))),
        ("lastLogin", moment(user.last_login)),
    ];
    let (columns, row): (Vec<&'static str>, Vec<Value>) = shown.into_iter().unzip();
    Ok(Table::new(&columns, vec![row]).record(json))
}

/// Shows the roles of a user, a line each.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn roles_of(settings: Settings, username: String, json: bool) -> Result<String, String> {
    let module = present(settings)?;
    let account = user::account(module.services(), username).await.map_err(say)?;
    let rows = account.roles.into_iter().map(|role| vec![json!(role)]).collect();
    Ok(Table::new(&["role"], rows).text(json))
}

/// Blocks a user, or lets the user in again.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn set_active(
    settings: Settings,
    username: String,
    is_active: bool,
    json: bool,
) -> Result<String, String> {
    let module = present(settings)?;
    let input =
        UserInput { username: Some(username.clone()), is_active: Some(is_active), ..UserInput::default() };
    let left = user::operate(module.services(), move |unit| {
        user::update(unit, &input)?;
        Ok(unit.take_kept())
    });
    let left = left.await.map_err(say)?;
    let mut said = if is_active {
        format!("{username} may log in")
    } else {
        format!("{username} is blocked; the sessions have ended, and open tasks are weighed again")
    };
    let groups = left.as_ref().and_then(|left| left.get("groupsWithoutExecutors"));
    let groups = groups.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    let groups: Vec<&str> = groups.collect();
    if !groups.is_empty() {
        said = format!("{said}; these groups are left without anybody: {}", groups.join(", "));
    }
    let facts = json!({ "username": username, "active": is_active, "groupsWithoutExecutors": groups });
    Ok(done(json, said, &facts))
}

/// Gives a user another name to log in with.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn rename(settings: Settings, username: String, new: String, json: bool) -> Result<String, String> {
    let module = present(settings)?;
    let (old, to) = (username.clone(), new.clone());
    let renamed = user::operate(module.services(), move |unit| user::rename(unit, &old, &to));
    let user = renamed.await.map_err(say)?;
    let facts = json!({ "username": new, "before": username, "id": user.id });
    Ok(done(json, format!("{username} is called {new} now"), &facts))
}

/// Shows the sessions of a user that go on, or ends them.
///
/// # Errors
/// A sentence that says why it failed.
pub async fn sessions(settings: Settings, username: String, end: bool, json: bool) -> Result<String, String> {
    let module = present(settings)?;
    let of = username.clone();
    let found = user::sessions(module.services(), username.clone()).await.map_err(say)?;
    if end {
        let ended = user::operate(module.services(), move |unit| user::end_sessions(unit, &username));
        ended.await.map_err(say)?;
        let facts = json!({ "username": of, "ended": found.len() });
        return Ok(done(json, format!("ended {} sessions", found.len()), &facts));
    }
    let rows = found.into_iter().map(|session| {
        vec![json!(session.id), moment(Some(session.date_created)), moment(Some(session.date_expires))]
    });
    Ok(Table::new(&["session", "began", "ends"], rows.collect()).text(json))
}

/// Says in whose name commands act, on which database, and who can log in as a superuser.
///
/// # Errors
/// A sentence that says what is wrong with the database.
pub async fn whoami(settings: Settings, json: bool) -> Result<String, String> {
    let module = present(settings)?;
    let (requester, superusers) = user::acting(module.services()).await.map_err(say)?;
    let shown = vec![json!(requester.user.username), json!(requester.id()), json!(true), json!(superusers)];
    Ok(Table::new(&["actsAs", "id", "superuser", "superusersWhoCanLogIn"], vec![shown]).record(json))
}
