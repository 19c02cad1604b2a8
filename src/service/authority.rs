//! The one rule of who may change whom: nobody changes a person or a role that has rights he lacks, nobody grants what he does
//! not hold, and the last superuser stays. Whatever changes people, roles or rights asks it, from first to last under one
//! lock, so that it judges what is, not what was.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::permission::Rights;
use crate::domain::role::SUPERUSER_ROLE;
use crate::domain::user::SYSTEM_USER;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::role::Role;
use crate::model::task_function::TaskFunction;
use crate::model::user::User;
use crate::service::context::ServiceContext;
use crate::service::identity::{self, acting_by_id, refuse_hosts};
use crate::service::unit_of_work::UnitOfWork;
use crate::service::visibility;

/// What the requester may do to people and rights, as long as the transaction lasts.
pub struct Authority {
    held: Rights,
    /// How many superusers there were before.
    superusers: usize,
}

impl Authority {
    /// The authority of the requester, who needs these rights. Until the transaction ends, nobody else changes people.
    ///
    /// # Errors
    /// FORBIDDEN, or what the database says.
    pub fn of(unit: &mut UnitOfWork<'_>, needed: &[i32]) -> Result<Self> {
        refuse_hosts(unit.services)?;
        unit.requester.need(needed)?;
        db::user::lock_people(unit.connection)?;
        let held = present_rights(unit)?;
        if !held.have(needed) {
            return Err(Error::forbidden(Message::new("no-right")));
        }
        Ok(Self { held, superusers: db::user::superusers(unit.connection)?.len() })
    }

    /// Refuses to change a person who has rights that the requester lacks, also by roles that are blocked for now.
    ///
    /// # Errors
    /// FORBIDDEN.
    pub fn over_user(&self, connection: &mut DbConnection, user: &User) -> Result<()> {
        if self.has_all_of(connection, user)? { Ok(()) } else { Err(lacking(&user.username)) }
    }

    fn has_all_of(&self, connection: &mut DbConnection, user: &User) -> Result<bool> {
        let roles: Vec<Role> =
            db::role::of_users(connection, &[user.id])?.into_iter().map(|(_, role)| role).collect();
        Ok(self.held.include(&rights_of(connection, &roles)?))
    }

    /// Refuses to change, give or take a role that has rights that the requester lacks.
    ///
    /// # Errors
    /// FORBIDDEN.
    pub fn over_role(&self, connection: &mut DbConnection, role: &Role) -> Result<()> {
        let rights = rights_of(connection, std::slice::from_ref(role))?;
        if self.held.include(&rights) { Ok(()) } else { Err(lacking(&role.name)) }
    }

    /// Refuses to grant these rights unless the requester holds them.
    ///
    /// # Errors
    /// FORBIDDEN, naming the first right.
    pub fn to_grant(&self, field: &str, rights: &BTreeSet<i32>) -> Result<()> {
        match rights.iter().find(|right| !self.held.have(&[**right])) {
            None => Ok(()),
            Some(right) => {
                let message = Message::new("grants-what-one-lacks").with("right", i64::from(*right));
                Err(Error::forbidden(message).of_field(field))
            }
        }
    }

    /// Refuses a change that has left no superuser who can log in.
    ///
    /// # Errors
    /// CONFLICT.
    pub fn settle(self, connection: &mut DbConnection) -> Result<()> {
        if self.superusers > 0 && db::user::superusers(connection)?.is_empty() {
            return Err(Error::new(ErrorCode::Conflict, Message::new("last-superuser")));
        }
        Ok(())
    }
}

/// Whether a person, who needs these rights, may now change that user, as [`Authority::over_user`] says.
pub fn is_over(
    services: &ServiceContext,
    connection: &mut DbConnection,
    person: Uuid,
    needed: &[i32],
    user: &User,
) -> Result<bool> {
    let held = if person == SYSTEM_USER {
        Rights::everything()
    } else {
        acting_by_id(services, connection, person)?.map(|present| present.rights).unwrap_or_default()
    };
    let authority = Authority { held, superusers: 0 };
    Ok(authority.held.have(needed) && authority.has_all_of(connection, user)?)
}

/// Refuses to let something act in the name of a user who has rights that the requester lacks.
///
/// # Errors
/// FORBIDDEN.
pub fn over_account(unit: &mut UnitOfWork<'_>, account: &User) -> Result<()> {
    let has_all = if unit.services.users.is_hosts() {
        let held = present_rights(unit)?;
        held.include(&identity::rights_of(unit.services, unit.connection, account.id)?)
    } else {
        Authority::of(unit, &[])?.has_all_of(unit.connection, account)?
    };
    if has_all { Ok(()) } else { Err(lacking(&named(unit, account))) }
}

/// How a refusal names an account: it was given by its key, or by a function, and only those who see people learn a name by that.
pub fn named(unit: &UnitOfWork<'_>, account: &User) -> String {
    if visibility::sees_personal_data(unit.requester, &unit.settings) {
        account.username.clone()
    } else {
        account.id.to_string()
    }
}

/// Refuses to have a function act in the name of its account, if that has rights that the requester lacks. One who is gone has none.
///
/// # Errors
/// FORBIDDEN, or what the database says.
pub fn over_account_of(unit: &mut UnitOfWork<'_>, function: &TaskFunction) -> Result<()> {
    let (services, Some(account)) = (unit.services, function.service_account) else { return Ok(()) };
    match services.users.by_ids(unit.connection, &[account])?.pop() {
        Some(account) => over_account(unit, &account),
        None => Ok(()),
    }
}

/// What the requester holds now: no more than when the request came, and no more than is left by now.
fn present_rights(unit: &mut UnitOfWork<'_>) -> Result<Rights> {
    if unit.requester.id() == SYSTEM_USER {
        return Ok(Rights::everything());
    }
    let present = acting_by_id(unit.services, unit.connection, unit.requester.id())?;
    let present = present.map(|present: Requester| present.rights).unwrap_or_default();
    Ok(unit.requester.rights.within(&present))
}

/// What these roles grant, blocked or not.
fn rights_of(connection: &mut DbConnection, roles: &[Role]) -> Result<Rights> {
    let ids: Vec<i32> = roles.iter().map(|role| role.id).collect();
    let numbers = db::role::rights(connection, &ids)?.into_iter().map(|(_, right)| right).collect();
    Ok(Rights { is_superuser: roles.iter().any(|role| role.is_system == SUPERUSER_ROLE), numbers })
}

fn lacking(name: &str) -> Error {
    Error::forbidden(Message::new("authority-lacking").with("name", name))
}
