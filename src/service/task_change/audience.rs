//! Who of those who listen may be told of changes: sessions, rights and sight of all of them, asked at once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::db;
use crate::db::connection::DbConnection;
use crate::db::task_change::{Question, Standing, Whom};
use crate::domain::history::HistoryType;
use crate::domain::permission::Rights;
use crate::domain::settings::ModuleSettings;
use crate::domain::task::TaskStatus;
use crate::domain::task_change::Change;
use crate::error::Result;
use crate::model::task::Task;
use crate::service::context::ServiceContext;
use crate::service::identity;
use crate::service::visibility::sees_task;

/// A person with the session by which that person listens; a host's people have none.
pub type Listener = (Uuid, Option<Uuid>);

/// The listener that a requester is.
pub fn listener(requester: &Requester) -> Listener {
    (requester.id(), requester.session_id)
}

/// Who of those who listen are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// All of them.
    All,
    /// Those whom a change may concern: who may see all tasks, who is or was asked about a task that has changed or has made it, and
    /// these, who were told of such a task.
    Concerned(&'a HashSet<Uuid>),
}

/// What is known of those who listen.
pub struct Audience {
    people: HashMap<Listener, Person>,
    /// Those who were asked for, if not all were.
    asked_for: Option<HashSet<Uuid>>,
    live: HashMap<Uuid, i32>,
    asked: HashSet<(Uuid, Uuid)>,
    awaiting: HashSet<(Uuid, Uuid)>,
    executors: HashSet<(Uuid, Uuid)>,
    /// The places of the changes that may concern somebody who does not see all.
    concerns: HashMap<Uuid, Vec<usize>>,
}

/// Somebody who listens.
#[derive(Clone, Copy)]
pub enum Presence<'a> {
    /// The person may act.
    Acts(&'a Person),
    /// The person may not act any more.
    Ended,
    /// No change concerns the person.
    Unconcerned,
}

/// One who listens and may act at present.
pub struct Person {
    /// The person with present rights.
    pub requester: Arc<Requester>,
    /// Whether the person sees all tasks, those that the person is asked about, those that the person has made.
    sees: [bool; 3],
}

impl Person {
    fn new(requester: Requester, settings: &ModuleSettings) -> Self {
        let sees = [(false, false), (true, false), (false, true)]
            .map(|(is_asked, is_made)| sees_task(&requester, settings, is_asked, is_made));
        Self { requester: Arc::new(requester), sees }
    }

    const fn sees(&self, is_asked: bool, is_made: bool) -> bool {
        let [all, asked, made] = self.sees;
        all || (is_asked && asked) || (is_made && made)
    }
}

/// What a person knows of a changed task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// The person sees it.
    Sees,
    /// The person saw it before the change.
    Saw,
    /// Nothing.
    Nothing,
}

impl Audience {
    /// Asks about these people and changes, and for what tasks wait for some of them. For a host's people,
    /// [`crate::auth::directory::Directory::ahead`] comes first.
    pub fn ask(
        services: &ServiceContext,
        connection: &mut DbConnection,
        (listeners, scope): (&[Arc<Requester>], Scope<'_>),
        awaiting: &[Uuid],
        changes: &[Change],
    ) -> Result<Self> {
        let settings = services.settings.current(connection, services.clock.now())?;
        let unique = |ids: &mut dyn Iterator<Item = Uuid>| -> Vec<Uuid> {
            ids.collect::<HashSet<_>>().into_iter().collect()
        };
        let users = unique(&mut listeners.iter().map(|requester| requester.id()));
        let tasks = unique(&mut changes.iter().map(|change| change.task_id));
        let groups = unique(&mut changes.iter().filter_map(Change::left_group));
        // Whoever may do what needs no right is known only by asking for all.
        let wide = see_all_by(&settings);
        let scope = if wide.is_some() { scope } else { Scope::All };
        let known: Vec<Uuid> = match scope {
            Scope::All => Vec::new(),
            Scope::Concerned(told) => {
                let listening: HashSet<Uuid> = users.iter().copied().collect();
                let makers = changes.iter().map(|change| change.user_created);
                let makers = makers.filter(|maker| listening.contains(maker));
                unique(&mut told.iter().copied().chain(makers))
            }
        };
        let is_own = !services.users.is_hosts();
        let whom = match scope {
            _ if !is_own => Whom::Nobody,
            Scope::All => Whom::All,
            Scope::Concerned(_) => {
                Whom::Concerned { users: &known, rights: wide.as_deref().unwrap_or_default() }
            }
        };
        let four_eyes = settings.four_eyes();
        let question = Question { users: &users, whom, tasks: &tasks, groups: &groups, awaiting, four_eyes };
        let standing = db::task_change::standing(connection, &question, services.clock.now())?;
        let concerns = concerns(&standing, changes);
        let rights = if is_own { own_rights(&standing) } else { hosts_rights(services, connection, &users)? };
        let asked_for = (is_own && scope != Scope::All).then(|| {
            let found = rights.keys().chain(&standing.inactive).chain(concerns.keys()).chain(&known);
            found.copied().collect::<HashSet<Uuid>>()
        });
        let sessions: HashSet<Uuid> = standing.sessions.into_iter().collect();
        let mut people = HashMap::new();
        for requester in listeners {
            let listener = listener(requester);
            let goes_on = listener.1.is_none_or(|session| sessions.contains(&session));
            let Some(rights) = rights.get(&listener.0).filter(|_| goes_on) else { continue };
            if let Entry::Vacant(place) = people.entry(listener) {
                let rights = identity::complete(services, connection, rights.clone())?;
                // A program has some of its owner's rights.
                let rights = if requester.is_program { requester.rights.within(&rights) } else { rights };
                let mut present = Requester::new(requester.user.clone(), rights, listener.1);
                present.is_program = requester.is_program;
                place.insert(Person::new(present, &settings));
            }
        }
        Ok(Self {
            people,
            asked_for,
            concerns,
            live: standing.live.into_iter().collect(),
            asked: standing.asked.into_iter().collect(),
            awaiting: standing.awaiting.into_iter().collect(),
            executors: standing.executors.into_iter().collect(),
        })
    }

    /// The places of the changes that may concern a person, beside those of tasks of which the person was told before; none if
    /// all may. Each other change is [`Sight::Nothing`] to the person.
    pub fn concerns(&self, person: &Person) -> Option<&[usize]> {
        let [all, ..] = person.sees;
        (!all).then(|| self.concerns.get(&person.requester.id()).map_or(&[][..], Vec::as_slice))
    }

    /// Somebody who listens, with present rights.
    pub fn presence(&self, listener: Listener) -> Presence<'_> {
        match self.people.get(&listener) {
            Some(person) => Presence::Acts(person),
            None if self.asked_for.as_ref().is_some_and(|asked_for| !asked_for.contains(&listener.0)) => {
                Presence::Unconcerned
            }
            None => Presence::Ended,
        }
    }

    /// Whether this is the last version of the task.
    pub fn is_last(&self, version: &Task) -> bool {
        self.live.get(&version.record.id) == Some(&version.record.version)
    }

    /// Whether the task of a change waits for the person, if that was asked about the person.
    pub fn awaits(&self, person: &Person, change: &Change) -> bool {
        self.awaiting.contains(&(change.task_id, person.requester.id()))
    }

    /// Whether the task may have waited for the person until this change: it was open, and the person is asked about it.
    pub fn may_have_awaited(&self, person: &Person, change: &Change) -> bool {
        change.former.as_ref().is_some_and(|former| former.status == TaskStatus::Accepted)
            && self.asked.contains(&(change.task_id, person.requester.id()))
    }

    /// What a person knows of the task that a change is about.
    pub fn sight(&self, person: &Person, change: &Change) -> Sight {
        let (id, task_id) = (person.requester.id(), change.task_id);
        let is_made = change.user_created == id;
        if self.live.contains_key(&task_id) && person.sees(self.asked.contains(&(task_id, id)), is_made) {
            return Sight::Sees;
        }
        let was_asked = change.left_group().is_some_and(|group| self.executors.contains(&(group, id)));
        let saw = match change.history_type {
            HistoryType::Deleted => person.sees(was_asked, is_made),
            _ => was_asked && person.sees(true, false),
        };
        if saw { Sight::Saw } else { Sight::Nothing }
    }
}

/// The changes of tasks about which somebody is asked, which have left the person's group, or which the person has made.
fn concerns(standing: &Standing, changes: &[Change]) -> HashMap<Uuid, Vec<usize>> {
    let mut people_of: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for (one, person) in standing.asked.iter().chain(&standing.executors) {
        people_of.entry(*one).or_default().push(*person);
    }
    let mut concerns: HashMap<Uuid, Vec<usize>> = HashMap::new();
    for (place, change) in changes.iter().enumerate() {
        let asked = [Some(change.task_id), change.left_group()].into_iter().flatten();
        let people = asked.filter_map(|one| people_of.get(&one)).flatten().chain([&change.user_created]);
        for person in people {
            let places = concerns.entry(*person).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }
    concerns
}

/// The rights with one of which somebody may see all tasks, maybe by others too; none if nobody needs one.
fn see_all_by(settings: &ModuleSettings) -> Option<Vec<i32>> {
    let by = [&settings.gql_task_search_all_perms, &settings.gql_task_group_search_perms];
    by.iter().all(|needed| !needed.is_empty()).then(|| by.into_iter().flatten().copied().collect())
}

/// The rights of the active people, by their roles.
fn own_rights(standing: &Standing) -> HashMap<Uuid, Rights> {
    let roles: HashMap<i32, &Rights> = standing.roles.iter().map(|(role, rights)| (*role, rights)).collect();
    let mut all: HashMap<Uuid, Rights> = HashMap::new();
    for (person, role) in &standing.people {
        let own = all.entry(*person).or_default();
        if let Some(granted) = role.and_then(|role| roles.get(&role)) {
            own.is_superuser |= granted.is_superuser;
            own.numbers.extend(&granted.numbers);
        }
    }
    all
}

fn hosts_rights(
    services: &ServiceContext,
    connection: &mut DbConnection,
    users: &[Uuid],
) -> Result<HashMap<Uuid, Rights>> {
    let people = services.users.by_ids(connection, users)?;
    let active: Vec<Uuid> = people.into_iter().filter(|user| user.is_active).map(|user| user.id).collect();
    let mut rights = services.users.rights(connection, &active)?;
    Ok(active.into_iter().map(|id| (id, rights.remove(&id).unwrap_or_default())).collect())
}
