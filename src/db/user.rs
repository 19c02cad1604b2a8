//! Users and languages in the database.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::DbConnection;
use super::query::{self, Field, Kind, PageLimit, Table};
use super::row;
use super::schema::{core_language, core_role, core_roleright, core_user, core_userrole};
use super::sql::Sql;
use super::types::{DbJson, DbUuid};
use crate::domain::permission::Rights;
use crate::domain::query::{ListQuery, Slice, Value};
use crate::domain::role::SUPERUSER_ROLE;
use crate::domain::user::{Language, User};
use crate::error::{Error, Result};

const FIELDS: &[Field] = &[
    Field::own("id", Kind::Uuid),
    Field::own("username", Kind::Text),
    Field::own("version", Kind::Int),
    Field::own("date_created", Kind::DateTime),
    Field::own("date_updated", Kind::DateTime),
    Field::own("is_active", Kind::Bool),
    Field::own("last_name", Kind::Text),
    Field::own("other_names", Kind::Text),
    Field::own("email", Kind::Text).optional(),
    Field::own("phone", Kind::Text).optional(),
    Field::own("language", Kind::Text),
    Field::own("last_login", Kind::DateTime).optional(),
    Field::own("i_user__id", Kind::Int).column("interactive_user_id"),
    Field::own("i_user__uuid", Kind::Uuid).column("id"),
    Field::own("i_user__last_name", Kind::Text).column("last_name"),
    Field::own("i_user__other_names", Kind::Text).column("other_names"),
    Field::own("i_user__phone", Kind::Text).column("phone").optional(),
    Field::own("i_user__login_name", Kind::Text).column("username"),
    Field::own("i_user__email", Kind::Text).column("email").optional(),
    Field::own("i_user__is_associated", Kind::Bool).column("is_active"),
    Field::own("i_user__language_id", Kind::Text).column("language"),
];

const TABLE: Table = Table {
    name: "core_user",
    key: Field::own("id", Kind::Uuid),
    fields: FIELDS,
    order_aliases: &[("uuid", "id"), ("i_user", "i_user__id"), ("login_name", "username")],
    default_order: &[],
    always: None,
    foreign_keys: true,
    touched_as: Some(("user", "id")),
};

/// Adds a user with the hash of a password.
///
/// # Errors
/// What the database says.
pub fn insert(connection: &mut DbConnection, user: &User, password_hash: &str) -> Result<()> {
    diesel::insert_into(core_user::table)
        .values((
            core_user::id.eq(DbUuid(user.id)),
            core_user::interactive_user_id.eq(user.interactive_user_id),
            core_user::username.eq(&user.username),
            core_user::password.eq(password_hash),
            core_user::last_name.eq(&user.last_name),
            core_user::other_names.eq(&user.other_names),
            core_user::email.eq(user.email.as_deref()),
            core_user::phone.eq(user.phone.as_deref()),
            core_user::language.eq(&user.language),
            core_user::is_active.eq(user.is_active),
            core_user::version.eq(user.version),
            core_user::json_ext.eq(user.json_ext.clone().map(DbJson)),
            core_user::date_created.eq(user.date_created),
            core_user::date_updated.eq(user.date_updated),
            core_user::last_login.eq(user.last_login),
        ))
        .execute(connection)?;
    Ok(())
}

/// Adds the copy of a host's user with the next number of an interactive user. Nobody can log in by it: nothing hashes to its
/// password.
///
/// # Errors
/// CONFLICT-like words of the database when others go on being faster; else what it says.
pub fn insert_copy(connection: &mut DbConnection, user: &User) -> Result<()> {
    const ATTEMPTS: usize = 10;
    let optional = |text: &Option<String>| match text {
        Some(text) => Sql::default().bind(text.as_str()),
        None => Sql::new("NULL"),
    };
    for _ in 0..ATTEMPTS {
        let values = vec![
            Sql::default().bind(user.id),
            Sql::new("(SELECT coalesce(max(interactive_user_id), 0) + 1 FROM core_user)"),
            Sql::default().bind(user.username.as_str()),
            Sql::new("''"),
            Sql::default().bind(user.last_name.as_str()),
            Sql::default().bind(user.other_names.as_str()),
            optional(&user.email),
            optional(&user.phone),
            Sql::default().bind(user.language.as_str()),
            Sql::default().bind(Value::Bool(user.is_active)),
            Sql::default().bind(i64::from(user.version)),
            Sql::default().bind(user.date_created),
            Sql::default().bind(user.date_updated),
        ];
        // Another process may be adding the same person, or another one with the same number.
        let added = Sql::new(
            "INSERT INTO core_user (id, interactive_user_id, username, password, last_name, other_names, email, phone, \
             language, is_active, version, date_created, date_updated) VALUES (",
        )
        .append(Sql::join(values, ", ", ""))
        .sql(") ON CONFLICT DO NOTHING")
        .execute(connection)?;
        if added == 1 || get(connection, user.id)?.is_some() {
            return Ok(());
        }
    }
    Err(Error::internal(format!("the copy of user {} can't be added", user.id)))
}

/// Writes what a host may change of a user.
///
/// # Errors
/// What the database says.
pub fn update(connection: &mut DbConnection, user: &User, now: NaiveDateTime) -> Result<()> {
    diesel::update(core_user::table.find(DbUuid(user.id)))
        .set((
            core_user::username.eq(&user.username),
            core_user::last_name.eq(&user.last_name),
            core_user::other_names.eq(&user.other_names),
            core_user::email.eq(user.email.as_deref()),
            core_user::phone.eq(user.phone.as_deref()),
            core_user::language.eq(&user.language),
            core_user::is_active.eq(user.is_active),
            core_user::date_updated.eq(now),
            core_user::version.eq(core_user::version + 1),
        ))
        .execute(connection)?;
    Ok(())
}

/// Takes a name from everybody but `id`, whose it is now. Whose it was keeps it with the key behind it, until the host says
/// how that person is called now.
///
/// # Errors
/// What the database says.
pub fn give_up_name(
    connection: &mut DbConnection,
    username: &str,
    id: Uuid,
    now: NaiveDateTime,
) -> Result<()> {
    let former = core_user::table
        .filter(core_user::username.eq(username))
        .filter(core_user::id.ne(DbUuid(id)))
        .select(COLUMNS)
        .first::<UserRow>(connection)
        .optional()?;
    match former {
        None => Ok(()),
        Some(former) => {
            let former = User::from(former);
            let username = format!("{} {}", former.username, former.id);
            update(connection, &User { username, is_active: false, ..former }, now)
        }
    }
}

/// The keys of the users who are active.
///
/// # Errors
/// What the database says.
pub fn active_ids(connection: &mut DbConnection) -> Result<Vec<Uuid>> {
    let ids = core_user::table.filter(core_user::is_active.eq(true)).select(core_user::id);
    Ok(ids.load::<DbUuid>(connection)?.into_iter().map(|id| id.0).collect())
}

/// The next number for an interactive user.
///
/// # Errors
/// What the database says.
pub fn next_interactive_user_id(connection: &mut DbConnection) -> Result<i32> {
    let largest: Option<i32> =
        core_user::table.select(diesel::dsl::max(core_user::interactive_user_id)).first(connection)?;
    Ok(largest.unwrap_or(0) + 1)
}

/// Keeps another password hash.
///
/// # Errors
/// What the database says.
pub fn set_password(connection: &mut DbConnection, id: Uuid, hash: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(core_user::table.find(DbUuid(id)))
        .set((core_user::password.eq(hash), core_user::date_updated.eq(now)))
        .execute(connection)?;
    Ok(())
}

/// Keeps another language; answers whether there is such a user.
///
/// # Errors
/// What the database says.
pub fn set_language(
    connection: &mut DbConnection,
    id: Uuid,
    language: &str,
    now: NaiveDateTime,
) -> Result<()> {
    diesel::update(core_user::table.find(DbUuid(id)))
        .set((
            core_user::language.eq(language),
            core_user::date_updated.eq(now),
            core_user::version.eq(core_user::version + 1),
        ))
        .execute(connection)?;
    Ok(())
}

/// Notes that the user has logged in.
///
/// # Errors
/// What the database says.
pub fn set_last_login(connection: &mut DbConnection, id: Uuid, now: NaiveDateTime) -> Result<()> {
    diesel::update(core_user::table.find(DbUuid(id)))
        .set(core_user::last_login.eq(now))
        .execute(connection)?;
    Ok(())
}

/// The user with this key, active or not.
///
/// # Errors
/// What the database says.
pub fn get(connection: &mut DbConnection, id: Uuid) -> Result<Option<User>> {
    let row = core_user::table.find(DbUuid(id)).select(COLUMNS).first::<UserRow>(connection).optional()?;
    Ok(row.map(User::from))
}

/// The users with these keys, active or not, in no order.
///
/// # Errors
/// What the database says.
pub fn get_many(connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<User>> {
    let ids: Vec<DbUuid> = ids.iter().copied().map(DbUuid).collect();
    let rows =
        core_user::table.filter(core_user::id.eq_any(ids)).select(COLUMNS).load::<UserRow>(connection)?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// The user of this name and the hash of the password. Names are case-sensitive.
///
/// # Errors
/// What the database says.
pub fn by_username(connection: &mut DbConnection, username: &str) -> Result<Option<(User, String)>> {
    let row = core_user::table
        .filter(core_user::username.eq(username))
        .select((COLUMNS, core_user::password))
        .first::<(UserRow, String)>(connection)
        .optional()?;
    Ok(row.map(|(row, hash)| (row.into(), hash)))
}

/// What the user may do by all roles that are not blocked.
///
/// # Errors
/// What the database says.
pub fn rights(connection: &mut DbConnection, id: Uuid) -> Result<Rights> {
    let granted: Vec<(i32, Option<i32>)> = core_userrole::table
        .inner_join(core_role::table.on(core_role::id.eq(core_userrole::role_id)))
        .left_join(core_roleright::table.on(core_roleright::role_id.eq(core_role::id)))
        .filter(core_userrole::user_id.eq(DbUuid(id)))
        .filter(diesel::dsl::not(core_role::is_blocked))
        .select((core_role::is_system, core_roleright::right_id.nullable()))
        .load(connection)?;
    let numbers: BTreeSet<i32> = granted.iter().filter_map(|(_, right)| *right).collect();
    Ok(Rights { is_superuser: granted.iter().any(|(system, _)| *system == SUPERUSER_ROLE), numbers })
}

/// Users, active or not.
///
/// # Errors
/// VALIDATION or LIMIT for what can't be asked; else what the database says.
pub fn list(connection: &mut DbConnection, query: &ListQuery, limit: PageLimit) -> Result<Slice<User>> {
    let rows = query::list(connection, &TABLE, query, limit, |connection, page| {
        core_user::table
            .into_boxed()
            .filter(page.filter)
            .order(page.order)
            .limit(page.limit)
            .offset(page.offset)
            .select((COLUMNS, page.sort_values))
            .load::<(UserRow, String)>(connection)
    })?;
    rows.try_map(|row| Ok(row.into()))
}

/// All languages in their order.
///
/// # Errors
/// What the database says.
pub fn languages(connection: &mut DbConnection) -> Result<Vec<Language>> {
    let rows: Vec<(String, String, Option<i32>)> =
        core_language::table.order((core_language::sort_order, core_language::code)).load(connection)?;
    Ok(rows.into_iter().map(|(code, name, sort_order)| Language { code, name, sort_order }).collect())
}

/// The codes of all languages in their order.
///
/// # Errors
/// What the database says.
pub fn language_codes(connection: &mut DbConnection) -> Result<Vec<String>> {
    Ok(languages(connection)?.into_iter().map(|language| language.code).collect())
}

type Columns = (
    core_user::id,
    core_user::interactive_user_id,
    core_user::username,
    core_user::last_name,
    core_user::other_names,
    core_user::email,
    core_user::phone,
    core_user::language,
    core_user::is_active,
    core_user::version,
    core_user::json_ext,
    core_user::date_created,
    core_user::date_updated,
    core_user::last_login,
);

/// All but the password.
const COLUMNS: Columns = (
    core_user::id,
    core_user::interactive_user_id,
    core_user::username,
    core_user::last_name,
    core_user::other_names,
    core_user::email,
    core_user::phone,
    core_user::language,
    core_user::is_active,
    core_user::version,
    core_user::json_ext,
    core_user::date_created,
    core_user::date_updated,
    core_user::last_login,
);

#[derive(Queryable)]
struct UserRow {
    id: DbUuid,
    interactive_user_id: i32,
    username: String,
    last_name: String,
    other_names: String,
    email: Option<String>,
    phone: Option<String>,
    language: String,
    is_active: bool,
    version: i32,
    json_ext: Option<DbJson>,
    date_created: NaiveDateTime,
    date_updated: NaiveDateTime,
    last_login: Option<NaiveDateTime>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id.0,
            interactive_user_id: row.interactive_user_id,
            username: row.username,
            last_name: row.last_name,
            other_names: row.other_names,
            email: row.email,
            phone: row.phone,
            language: row.language,
            is_active: row.is_active,
            version: row.version,
            json_ext: row::json(row.json_ext),
            date_created: row.date_created,
            date_updated: row.date_updated,
            last_login: row.last_login,
        }
    }
}
