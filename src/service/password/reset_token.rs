//! Making tokens by which people set a new password: for an administrator, and for a mail when it is sent.

use chrono::NaiveDateTime;
use uuid::Uuid;

use crate::clock::new_random_id;
use crate::db;
use crate::error::Result;
use crate::service::unit_of_work::UnitOfWork;

/// A new token by which this person sets a password, made by the second one. Those that were made before end.
///
/// # Errors
/// INTERNAL without a secret, or what the database says.
pub fn make(unit: &mut UnitOfWork<'_>, owner: Uuid, by: Uuid, expires: NaiveDateTime) -> Result<String> {
    let key = new_random_id().simple().to_string();
    db::user::set_reset_key(unit.connection, owner, Some(&key))?;
    let bond = db::user::reset_bond(unit.connection, owner)?.unwrap_or_default();
    unit.services.tokens.reset_token(owner, by, expires, &bond)
}
