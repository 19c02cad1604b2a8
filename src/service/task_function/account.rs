//! In whose name a function acts: nobody has one act for more than he may do himself.

use uuid::Uuid;

use crate::db;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::service::authority;
use crate::service::unit_of_work::UnitOfWork;

/// Refuses an account that is not there, has rights that the requester lacks, or is another person's whose password the requester may
/// not set: who writes the function acts as the account, and is not seen in what is done.
pub fn check_account(unit: &mut UnitOfWork<'_>, field: &str, account: Option<Uuid>) -> Result<()> {
    let Some(id) = account else { return Ok(()) };
    let (services, is_new) = (unit.services, field == "serviceAccount");
    match services.users.by_ids(unit.connection, &[id])?.pop() {
        // One that is blocked may be unblocked later.
        Some(user) if user.is_active || !is_new => {
            authority::over_account(unit, &user).map_err(|error| error.of_field(field))?;
            // Where people are a host's, the host says who may make functions.
            let is_persons = !services.users.is_hosts()
                && user.id != unit.requester.id()
                && db::user::password(unit.connection, user.id)?.is_some_and(|hash| !hash.is_empty());
            if is_persons && !unit.requester.rights.have(&unit.settings.gql_user_update_perms) {
                let message = Message::new("account-of-a-person").with("name", authority::named(unit, &user));
                return Err(Error::forbidden(message).of_field(field));
            }
            Ok(())
        }
        None if !is_new => Ok(()),
        _ => {
            let message = Message::new("no-user-with").with("who", id.to_string());
            Err(Error::not_found(field, message))
        }
    }
}
