//! Users and languages in the database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::Text;
use uuid::Uuid;

use super::connection::{DbConnection, Dialect};
use super::entity::{columns, get, insert_with, select};
use super::history::{self, Entry};
use super::query::{self, Field, Listed, PageLimit};
use super::sql::Sql;
use crate::domain::permission::Rights;
use crate::domain::query::{Condition, ListQuery, Value};
use crate::domain::role::SUPERUSER_ROLE;
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, Result};
use crate::model::entity::{Entity as _, Kind};
use crate::model::role::core_role;
use crate::model::slice::Slice;
use crate::model::user::{Language, User, core_user, credential};

/// The interface shows users also as openIMIS' interactive users, with other field names.
impl Listed for User {
    const LEFT_OUT: &[&str] = &[
        "json_ext",
        "interactive_user_id",
        "user_created",
        "user_updated",
        "mail_frequency",
        "mail_hour",
        "mail_time_zone",
    ];
    const FIELDS: &[Field] = &[
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
    const ORDER_ALIASES: &[(&str, &str)] =
        &[("uuid", "id"), ("i_user", "i_user__id"), ("login_name", "username")];
}

/// Adds a user and its first version, with the hash of a password; with an empty one, nobody can log in as that user.
pub fn insert(
    connection: &mut DbConnection,
    user: &User,
    password_hash: &str,
    entry: Entry<'_>,
) -> Result<()> {
    let password = Sql::default().bind(password_hash);
    insert_with(connection, user, vec![("password", Some(password))], "")?;
    history::record::<User>(connection, &[user.id], entry)
}

/// Waits until no other transaction changes people or rights, and keeps others from it until this one ends. On SQLite, a
/// transaction that writes is alone anyway.
pub fn lock_people(connection: &mut DbConnection) -> Result<()> {
    const LOCK: i64 = 0x7461_736b_735f_7065;
    if connection.dialect() == Dialect::Postgres {
        Sql::new(format!("SELECT pg_advisory_xact_lock({LOCK})")).execute(connection)?;
    }
    Ok(())
}

/// Whether there are people or roles, on a schema of whatever level.
pub fn has_people_or_roles(connection: &mut DbConnection) -> Result<bool> {
    let person: Option<Uuid> = core_user::table
        .filter(core_user::id.ne(SYSTEM_USER))
        .select(core_user::id)
        .first(connection)
        .optional()?;
    let role: Option<i32> = core_role::table.select(core_role::id).first(connection).optional()?;
    Ok(person.is_some() || role.is_some())
}

/// The people who can log in and have every right.
pub fn superusers(connection: &mut DbConnection) -> Result<Vec<User>> {
    let able = Sql::new(
        "is_active AND NOT is_deleted AND password <> '' AND id IN (SELECT user_id FROM core_userrole ",
    )
    .sql("JOIN core_role ON core_role.id = role_id WHERE NOT is_blocked AND is_system = ")
    .bind(SUPERUSER_ROLE)
    .sql(")");
    select(connection, able)
}

/// Whether another person than this one, who is not deleted, has an e-mail address that reads like this one.
pub fn has_email(connection: &mut DbConnection, email: &str, but: Option<Uuid>) -> Result<bool> {
    others(connection, Sql::new("NOT is_deleted AND ").append(Sql::reads_like("email", email)), but)
}

/// Whether another user than this one, deleted or not, has a name to log in with that reads like this one.
pub fn has_name(connection: &mut DbConnection, username: &str, but: Option<Uuid>) -> Result<bool> {
    others(connection, Sql::reads_like("username", username), but)
}

fn others(connection: &mut DbConnection, alike: Sql, but: Option<Uuid>) -> Result<bool> {
    let found: Vec<User> = select(connection, alike)?;
    Ok(found.iter().any(|user| Some(user.id) != but))
}

/// The names of all users to log in with, and the e-mail addresses of those who are not deleted.
pub fn names(connection: &mut DbConnection) -> Result<Vec<(String, Option<String>)>> {
    let address = diesel::dsl::case_when(core_user::is_deleted.eq(false), core_user::email);
    Ok(core_user::table.select((core_user::username, address)).load(connection)?)
}

/// Adds the copy of a host's user with the next number of an interactive user. Nobody can log in by the copy, because no
/// password has its hash.
///
/// # Errors
/// INTERNAL when other processes keep taking the number first.
pub fn insert_copy(connection: &mut DbConnection, user: &User) -> Result<()> {
    const ATTEMPTS: usize = 10;
    for _ in 0..ATTEMPTS {
        let next = Sql::new("(SELECT coalesce(max(interactive_user_id), 0) + 1 FROM core_user)");
        let given = vec![("interactive_user_id", Some(next)), ("password", Some(Sql::new("''")))];
        // Another process may be adding the same person, or another person with the same number.
        let added = insert_with(connection, user, given, " ON CONFLICT DO NOTHING")?;
        if added || get::<User>(connection, user.id)?.is_some() {
            return Ok(());
        }
    }
    Err(Error::internal(format!("the copy of user {} can't be added", user.id)))
}

/// Writes what a host may change of a user.
pub fn update(connection: &mut DbConnection, user: &User, now: NaiveDateTime) -> Result<()> {
    diesel::update(core_user::table.find(user.id))
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

/// The keys of the users who are active.
pub fn active_ids(connection: &mut DbConnection) -> Result<Vec<Uuid>> {
    Ok(core_user::table.filter(core_user::is_active.eq(true)).select(core_user::id).load(connection)?)
}

/// The next number for an interactive user.
pub fn next_interactive_user_id(connection: &mut DbConnection) -> Result<i32> {
    let largest: Option<i32> =
        core_user::table.select(diesel::dsl::max(core_user::interactive_user_id)).first(connection)?;
    Ok(largest.unwrap_or(0) + 1)
}

/// The password hash; empty for somebody who has none.
pub fn password(connection: &mut DbConnection, id: Uuid) -> Result<Option<String>> {
    Ok(credential::table.find(id).select(credential::password).first(connection).optional()?)
}

/// Replaces the password hash. The tokens by which one could be set end.
pub fn set_password(connection: &mut DbConnection, id: Uuid, hash: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(credential::table.find(id))
        .set((
            credential::password.eq(hash),
            credential::reset_key.eq(None::<String>),
            credential::date_updated.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// What the newest token for a new password is bound to: its key and the hash of the password; none where there is no such token.
pub fn reset_bond(connection: &mut DbConnection, id: Uuid) -> Result<Option<String>> {
    let kept: Option<(Option<String>, String)> = credential::table
        .find(id)
        .select((credential::reset_key, credential::password))
        .first(connection)
        .optional()?;
    Ok(kept.and_then(|(key, hash)| Some(format!("{} {hash}", key?))))
}

/// Replaces the key of tokens for a new password, which ends those that were made before; without a key there is none.
pub fn set_reset_key(connection: &mut DbConnection, id: Uuid, key: Option<&str>) -> Result<()> {
    diesel::update(credential::table.find(id)).set(credential::reset_key.eq(key)).execute(connection)?;
    Ok(())
}

/// Notes that the user has logged in.
pub fn set_last_login(connection: &mut DbConnection, id: Uuid, now: NaiveDateTime) -> Result<()> {
    diesel::update(core_user::table.find(id)).set(core_user::last_login.eq(now)).execute(connection)?;
    Ok(())
}

/// The user of this name and the hash of the password. Names are case-sensitive.
pub fn by_username(connection: &mut DbConnection, username: &str) -> Result<Option<(User, String)>> {
    // One statement, whether there is such a user or not.
    let query = format!("SELECT {}, password FROM {} WHERE username = ", columns::<User>(), User::TABLE);
    let found: Vec<WithPassword> = Sql::new(query).bind(username).load(connection)?;
    Ok(found.into_iter().next().map(|found| (found.user, found.password)))
}

/// A user with the hash of the password.
#[derive(QueryableByName)]
struct WithPassword {
    #[diesel(embed)]
    user: User,
    #[diesel(sql_type = Text)]
    password: String,
}

/// A user, and the roles that are not blocked.
#[derive(QueryableByName)]
struct Granted {
    #[diesel(embed)]
    user: User,
    /// Of each right by a role, and of each role without rights: the kind of the role, a colon, and the number of the right.
    #[diesel(sql_type = Text)]
    grants: String,
}

/// A right that a role grants, or that it grants none.
const GRANT: &str = "core_role.is_system || ':' || coalesce(CAST(core_roleright.right_id AS text), '')";

const fn joined(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "string_agg",
        Dialect::Sqlite => "group_concat",
    }
}

/// A query of all roles that are not blocked: the key of each, and what it grants, for [`rights_by`].
#[must_use]
pub fn grants_of_roles(dialect: Dialect) -> String {
    format!(
        "SELECT CAST(core_role.id AS text) AS id, {}({GRANT}, ',') AS grants FROM core_role \
         LEFT JOIN core_roleright ON core_roleright.role_id = core_role.id \
         WHERE NOT core_role.is_blocked GROUP BY core_role.id",
        joined(dialect)
    )
}

/// A query of who holds one of these rights by a role that is not blocked, to which a condition on `core_userrole` may be added; a
/// superuser holds all. `rights` is a query of their numbers.
pub fn holders_of(rights: Sql) -> Sql {
    Sql::new(
        "SELECT core_userrole.user_id FROM core_userrole \
         JOIN core_role ON core_role.id = core_userrole.role_id AND NOT core_role.is_blocked \
         WHERE (core_role.is_system = ",
    )
    .bind(SUPERUSER_ROLE)
    .sql(
        " OR EXISTS (SELECT 1 FROM core_roleright WHERE core_roleright.role_id = core_role.id \
         AND core_roleright.right_id IN (",
    )
    .append(rights)
    .sql(")))")
}

/// The user who meets `condition`, and the user's rights by all roles that are not blocked, by one statement.
///
/// # Errors
/// INTERNAL when the database answers what it was not asked.
pub fn with_rights(connection: &mut DbConnection, condition: Sql) -> Result<Option<(User, Rights)>> {
    let query = Sql::new(format!("SELECT {} FROM core_user WHERE ", granted(connection.dialect())));
    let found: Option<Granted> = query.append(condition).load(connection)?.pop();
    found.map(|found| Ok((found.user, rights_by(&found.grants)?))).transpose()
}

/// The columns of [`Granted`].
pub(super) fn granted(dialect: Dialect) -> String {
    let joined = joined(dialect);
    format!(
        "{}, coalesce((SELECT {joined}({GRANT}, ',') \
         FROM core_userrole JOIN core_role ON core_role.id = core_userrole.role_id AND NOT core_role.is_blocked \
         LEFT JOIN core_roleright ON core_roleright.role_id = core_role.id \
         WHERE core_userrole.user_id = core_user.id), '') AS grants",
        columns::<User>(),
    )
}

/// The rights that such grants give.
///
/// # Errors
/// INTERNAL for what is no list of grants.
pub fn rights_by(grants: &str) -> Result<Rights> {
    let mut rights = Rights::default();
    for grant in grants.split(',').filter(|grant| !grant.is_empty()) {
        let (kind, number) = grant.split_once(':').ok_or_else(|| Error::internal("a grant has no colon"))?;
        rights.is_superuser |= kind.parse::<i32>().map_err(Error::internal)? == SUPERUSER_ROLE;
        if !number.is_empty() {
            rights.numbers.insert(number.parse().map_err(Error::internal)?);
        }
    }
    Ok(rights)
}

/// The user's rights by all roles that are not blocked; none for an unknown user.
pub fn rights(connection: &mut DbConnection, id: Uuid) -> Result<Rights> {
    let found = with_rights(connection, Sql::new(format!("{} = ", User::KEY)).bind(id))?;
    Ok(found.map(|(_, rights)| rights).unwrap_or_default())
}

/// Lists users, active or not, except those who are deleted and the system user.
///
/// # Errors
/// VALIDATION or LIMIT for conditions, orders or pages that can't be asked for.
pub fn list(connection: &mut DbConnection, query: &ListQuery, limit: PageLimit) -> Result<Slice<User>> {
    let mut query = query.clone();
    query.conditions.push(Condition::Not(Box::new(Condition::equals("id", Value::Uuid(SYSTEM_USER)))));
    query::list(connection, &query, limit)
}

/// All languages in their sort order.
pub fn languages(connection: &mut DbConnection) -> Result<Vec<Language>> {
    select(connection, Sql::new("1 = 1 ORDER BY sort_order, code"))
}

/// The codes of all languages in their sort order.
pub fn language_codes(connection: &mut DbConnection) -> Result<Vec<String>> {
    Ok(languages(connection)?.into_iter().map(|language| language.code).collect())
}
