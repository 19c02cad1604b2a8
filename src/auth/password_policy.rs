//! Which passwords people may choose. It holds wherever people set one: long enough, not one of the commonest, and
//! without the names of its owner. `load` takes over what another system kept.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::auth::password::LONGEST;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::user::User;

/// The commonest passwords, in lower case, a line each.
static COMMONEST: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Names that are shorter stand in other words too often to tell anything.
const SHORTEST_NAME: usize = 4;

/// Refuses a password that its owner may not choose.
///
/// # Errors
/// VALIDATION, naming `field`.
pub fn check(field: &str, password: &str, min: usize, owner: &User) -> Result<()> {
    if password.chars().count() < min || password.len() > LONGEST {
        let message = Message::new("password-length").with("min", min).with("max", LONGEST);
        return Err(Error::validation(field, message));
    }
    let folded = password.to_lowercase();
    if COMMONEST.contains(folded.as_str()) || is_one_character(&folded) {
        return Err(Error::validation(field, Message::new("password-common")));
    }
    if names(owner).any(|name| folded.contains(&name)) {
        return Err(Error::validation(field, Message::new("password-of-names")));
    }
    Ok(())
}

fn is_one_character(password: &str) -> bool {
    let mut characters = password.chars();
    let first = characters.next();
    characters.all(|character| Some(character) == first)
}

/// The words of the owner's names, and what stands before the `@` of the e-mail address, in lower case.
fn names(owner: &User) -> impl Iterator<Item = String> + '_ {
    let address = owner.email.as_deref().and_then(|email| email.split('@').next()).unwrap_or_default();
    [owner.username.as_str(), owner.last_name.as_str(), owner.other_names.as_str(), address]
        .into_iter()
        .flat_map(str::split_whitespace)
        .map(str::to_lowercase)
        .filter(|name| name.chars().count() >= SHORTEST_NAME)
}
