//! Where people are looked up: among the module's own users, or at the host.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::users::{Ahead, Person, Users};
use crate::clock::Clock;
use crate::db;
use crate::db::connection::DbConnection;
use crate::domain::permission::Rights;
use crate::domain::text::{MAX_TEXT, check_text};
use crate::domain::user::SYSTEM_USER;
use crate::error::Result;
use crate::model::record::Record;
use crate::model::user::User;

/// Where people are looked up.
pub trait Directory: Send + Sync + 'static {
    /// Whether people are a host's: then nobody logs in here, and nobody is changed here.
    fn is_hosts(&self) -> bool;

    /// Gets ready for a question about these people, while no connection is held.
    ///
    /// # Errors
    /// An error of the host.
    fn ahead<'a>(&'a self, ids: &'a [Uuid]) -> Ahead<'a>;

    /// The people with these keys, active or not, in no order.
    ///
    /// # Errors
    /// An error of the host.
    fn by_ids(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<User>>;

    /// The person of this name, active or not.
    ///
    /// # Errors
    /// An error of the host.
    fn by_username(&self, connection: &mut DbConnection, username: &str) -> Result<Option<User>>;

    /// The rights of these people. Who is missing in the answer has none.
    ///
    /// # Errors
    /// An error of the host.
    fn rights(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Rights>>;

    /// Brings copies up to date, for the next page of people after `after`. An empty page means that all have been visited.
    ///
    /// # Errors
    /// An error of the host.
    fn refresh(&self, connection: &mut DbConnection, after: Option<Uuid>) -> Result<Refreshed>;

    /// Marks the copies of people as inactive who are not in `present` and whom the host does not know; returns how many it
    /// wrote.
    ///
    /// # Errors
    /// An error of the host.
    fn retire(&self, connection: &mut DbConnection, present: &HashSet<Uuid>) -> Result<usize>;
}

/// A page of people whose copies are up to date.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// Their keys, in order.
    pub ids: Vec<Uuid>,
    /// How many of the copies had changed and were written.
    pub written: usize,
}

/// The module's own users.
pub struct OwnUsers;

impl Directory for OwnUsers {
    fn is_hosts(&self) -> bool {
        false
    }

    fn ahead<'a>(&'a self, _: &'a [Uuid]) -> Ahead<'a> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn by_ids(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<User>> {
        match ids {
            [id] => Ok(Vec::from_iter(db::get::<User>(connection, *id)?)),
            _ => db::get_many::<User>(connection, ids),
        }
    }

    fn by_username(&self, connection: &mut DbConnection, username: &str) -> Result<Option<User>> {
        Ok(db::user::by_username(connection, username)?.map(|(user, _)| user))
    }

    fn rights(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Rights>> {
        ids.iter().map(|id| Ok((*id, db::user::rights(connection, *id)?))).collect()
    }

    fn refresh(&self, _: &mut DbConnection, _: Option<Uuid>) -> Result<Refreshed> {
        Ok(Refreshed::default())
    }

    fn retire(&self, _: &mut DbConnection, _: &HashSet<Uuid>) -> Result<usize> {
        Ok(0)
    }
}

/// How many people of a host are visited at once.
const PAGE: usize = 500;

/// A host's users, of whom copies are kept.
pub struct HostUsers {
    users: Arc<dyn Users>,
    clock: Arc<dyn Clock>,
}

impl HostUsers {
    /// The users of this host.
    pub fn new(users: Arc<dyn Users>, clock: Arc<dyn Clock>) -> Self {
        Self { users, clock }
    }
}

impl Directory for HostUsers {
    fn is_hosts(&self) -> bool {
        true
    }

    fn ahead<'a>(&'a self, ids: &'a [Uuid]) -> Ahead<'a> {
        self.users.ahead(ids)
    }

    fn by_ids(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<User>> {
        // The host does not know of the system user.
        let (own, hosts): (Vec<Uuid>, Vec<Uuid>) = ids.iter().partition(|id| **id == SYSTEM_USER);
        let mut people = if hosts.is_empty() { Vec::new() } else { self.users.by_ids(connection, &hosts)? };
        // As `people.rs` does for people by the host's own keys.
        let asked: HashSet<Uuid> = hosts.into_iter().collect();
        people.retain(|person| asked.contains(&person.id));
        let (mut users, _) = keep(connection, people, self.clock.now())?;
        if !own.is_empty() {
            users.extend(db::get::<User>(connection, SYSTEM_USER)?);
        }
        Ok(users)
    }

    fn by_username(&self, connection: &mut DbConnection, username: &str) -> Result<Option<User>> {
        let person = self.users.by_username(connection, username)?;
        Ok(keep(connection, Vec::from_iter(person), self.clock.now())?.0.pop())
    }

    fn rights(&self, connection: &mut DbConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Rights>> {
        self.users.rights(connection, ids)
    }

    fn refresh(&self, connection: &mut DbConnection, after: Option<Uuid>) -> Result<Refreshed> {
        let mut people = self.users.page(connection, after, PAGE)?;
        // A host that begins anew instead of going on would never come to an end.
        people.retain(|person| Some(person.id) > after);
        people.sort_unstable_by_key(|person| person.id);
        let ids = people.iter().map(|person| person.id).collect();
        // One who can't be kept keeps nobody else from being so.
        people.retain(|person| match check_text("username", &person.username, MAX_TEXT) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(id = %person.id, %error, "a person of the host is left out of lists");
                false
            }
        });
        let (_, written) = keep(connection, people, self.clock.now())?;
        Ok(Refreshed { ids, written })
    }

    fn retire(&self, connection: &mut DbConnection, present: &HashSet<Uuid>) -> Result<usize> {
        let mut missing = db::user::active_ids(connection)?;
        missing.retain(|id| !present.contains(id));
        let mut written = 0;
        for missing in missing.chunks(PAGE) {
            // People who were added meanwhile are not gone.
            let known: HashSet<Uuid> =
                self.users.by_ids(connection, missing)?.into_iter().map(|person| person.id).collect();
            let gone: Vec<Uuid> = missing.iter().copied().filter(|id| !known.contains(id)).collect();
            for old in db::get_many::<User>(connection, &gone)? {
                let new = User { is_active: false, ..old.clone() };
                write(connection, &old, &new, self.clock.now())?;
                written += 1;
            }
        }
        Ok(written)
    }
}

/// Brings the copies of these people up to date; returns them, and how many had changed and were written.
fn keep(
    connection: &mut DbConnection,
    mut people: Vec<Person>,
    now: NaiveDateTime,
) -> Result<(Vec<User>, usize)> {
    let mut seen = HashSet::new();
    people.retain(|person| seen.insert(person.id));
    let ids: Vec<Uuid> = people.iter().map(|person| person.id).collect();
    let mut kept: HashMap<Uuid, User> =
        db::get_many::<User>(connection, &ids)?.into_iter().map(|user| (user.id, user)).collect();
    let languages = if people.is_empty() { Vec::new() } else { db::user::language_codes(connection)? };
    let (mut users, mut written) = (Vec::with_capacity(people.len()), 0);
    for mut person in people {
        check_text("username", &person.username, MAX_TEXT)?;
        if !languages.contains(&person.language) {
            "en".clone_into(&mut person.language);
        }
        let old = kept.remove(&person.id);
        if let Some(old) = old.as_ref().filter(|old| is_same(old, &person)) {
            users.push(old.clone());
            continue;
        }
        give_up_name(connection, &person, now)?;
        match old {
            Some(old) => write(connection, &old, &changed(old.clone(), &person), now)?,
            None => db::user::insert_copy(connection, &changed(blank(person.id, now), &person))?,
        }
        written += 1;
        users.extend(db::get::<User>(connection, person.id)?);
    }
    Ok((users, written))
}

/// Frees the person's name if another person's copy has it. That copy gets its key appended to the name, until the host
/// tells that person's present name.
fn give_up_name(connection: &mut DbConnection, person: &Person, now: NaiveDateTime) -> Result<()> {
    let former = db::user::by_username(connection, &person.username)?.map(|(user, _)| user);
    match former.filter(|former| former.id != person.id) {
        None => Ok(()),
        Some(former) => {
            let username = format!("{} {}", former.username, former.id);
            write(connection, &former, &User { username, is_active: false, ..former.clone() }, now)
        }
    }
}

/// Writes what the host has changed of a user. If the user was blocked or unblocked, the votes on the open tasks of the
/// user's groups are weighed again.
fn write(connection: &mut DbConnection, old: &User, new: &User, now: NaiveDateTime) -> Result<()> {
    connection.atomically(|connection| {
        db::user::update(connection, new, now)?;
        if old.is_active != new.is_active {
            for group_id in db::task_executor::groups_of(connection, new.id)? {
                db::outbox::ask_re_evaluation(
                    connection,
                    group_id,
                    "user_service.update",
                    (SYSTEM_USER, 0),
                    now,
                )?;
            }
        }
        Ok(())
    })
}

fn is_same(user: &User, person: &Person) -> bool {
    user.username == person.username
        && user.last_name == person.last_name
        && user.other_names == person.other_names
        && user.email == person.email
        && user.phone == person.phone
        && user.language == person.language
        && user.is_active == person.is_active
}

fn changed(user: User, person: &Person) -> User {
    User {
        username: person.username.clone(),
        last_name: person.last_name.clone(),
        other_names: person.other_names.clone(),
        email: person.email.clone(),
        phone: person.phone.clone(),
        language: person.language.clone(),
        is_active: person.is_active,
        ..user
    }
}

fn blank(id: Uuid, now: NaiveDateTime) -> User {
    User::new(Record { id, ..Record::new(SYSTEM_USER, now) }, 0)
}
