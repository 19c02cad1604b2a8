//! Calling functions: for runs, and for requests. How many calls there are at once is counted here for both.

use std::sync::Arc;

use uuid::Uuid;

use super::webhook::Webhooks;
use crate::budget::counted::{Counted, Held};
use crate::domain::task_function::FunctionKind;
use crate::domain::user::SYSTEM_USER;
use crate::graphql::Schema;
use crate::model::task_function::TaskFunction;
use crate::service::ServiceContext;

mod call;
#[cfg(feature = "javascript")]
mod javascript;
#[cfg(not(feature = "javascript"))]
#[path = "function_calls/no_javascript.rs"]
mod javascript;
#[cfg(feature = "server")]
mod request;

pub use call::Call;

/// Calls functions, as many at once as they and this process allow.
pub struct FunctionCalls {
    services: Arc<ServiceContext>,
    webhooks: Arc<Webhooks>,
    schema: Schema,
    taken: Counted<Of>,
}

/// Of what there are places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    /// This process.
    All,
    /// A function.
    Function(Uuid),
    /// Calls in JavaScript, each of which is a process.
    Javascript,
    /// A person, or all strangers together.
    Asker(Option<Uuid>),
}

/// For whom a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// Somebody who may have calls in hand.
    Somebody,
    /// Somebody who has none in hand.
    Newcomer,
    /// A person.
    Person(Uuid),
    /// Somebody whom nobody knows.
    Stranger,
}

/// The place of a call. It is free again when nobody holds it any more.
pub struct Place {
    held: Vec<Held<Of>>,
}

impl FunctionCalls {
    /// Calls by these.
    pub fn new(services: &Arc<ServiceContext>, webhooks: &Arc<Webhooks>, schema: &Schema) -> Arc<Self> {
        Arc::new(Self {
            services: Arc::clone(services),
            webhooks: Arc::clone(webhooks),
            schema: schema.clone(),
            taken: Counted::default(),
        })
    }

    /// A place for a call of the function; none if it has as many as it may have, or this process has. A part of the places of this
    /// process, and of those for JavaScript, is kept for functions and people that have no call in hand here, so that none takes all
    /// turns, and a place for what carries out decisions.
    pub fn take(&self, function: &TaskFunction, asker: Asker) -> Option<Place> {
        let settings = &self.services.function_settings;
        let of_function = Of::Function(function.id);
        let own = usize::try_from(function.max_concurrency).unwrap_or(1);
        let mut held = vec![self.taken.take(of_function, own)?];
        let is_first = self.taken.of(&of_function) == 1;
        let is_first_of_asker = match asker {
            Asker::Somebody => false,
            Asker::Newcomer => true,
            Asker::Person(id) => self.taken.of(&Of::Asker(Some(id))) == 0,
            Asker::Stranger => self.taken.of(&Of::Asker(None)) == 0,
        };
        let open = |places: usize| {
            if asker == Asker::Person(SYSTEM_USER) && is_first_of_asker {
                return places;
            }
            let others = places - kept_for_decisions(places);
            others - kept(others, is_first, is_first_of_asker)
        };
        held.push(self.taken.take(Of::All, open(settings.runs_at_once))?);
        if function.kind == FunctionKind::Javascript {
            held.push(self.taken.take(Of::Javascript, open(settings.javascript_at_once))?);
        }
        held.extend(self.of_asker(asker));
        Some(Place { held })
    }

    /// Notes for whom the call in a place is made.
    pub fn give(&self, place: &mut Place, asker: Asker) {
        place.held.extend(self.of_asker(asker));
    }

    fn of_asker(&self, asker: Asker) -> Option<Held<Of>> {
        let of = match asker {
            Asker::Somebody | Asker::Newcomer => return None,
            Asker::Person(id) => Of::Asker(Some(id)),
            Asker::Stranger => Of::Asker(None),
        };
        self.taken.take(of, usize::MAX)
    }

    /// The people who have calls in hand here.
    pub fn busy_people(&self) -> Vec<Uuid> {
        self.calls_of_people().into_iter().map(|(person, _)| person).collect()
    }

    /// The people who have more calls in hand here than people have on average.
    pub fn busiest_people(&self) -> Vec<Uuid> {
        let all = self.calls_of_people();
        let total: usize = all.iter().map(|(_, calls)| calls).sum();
        let busiest = all.iter().filter(|(_, calls)| calls * all.len() > total);
        busiest.map(|(person, _)| *person).collect()
    }

    fn calls_of_people(&self) -> Vec<(Uuid, usize)> {
        let people = self.taken.keys().into_iter().filter_map(|key| match key {
            Of::Asker(Some(person)) => Some((person, self.taken.of(&key))),
            Of::Asker(None) | Of::All | Of::Function(_) | Of::Javascript => None,
        });
        people.collect()
    }

    /// Whether this process has a place at all.
    pub fn have_room(&self) -> bool {
        self.taken.of(&Of::All) < self.services.function_settings.runs_at_once
    }

    /// Whether the function has as many calls here as it may have.
    pub fn is_full(&self, function: &TaskFunction) -> bool {
        let most = usize::try_from(function.max_concurrency).unwrap_or(1);
        self.taken.of(&Of::Function(function.id)) >= most
    }

    /// Whether this process can carry out the function.
    pub fn carries_out(&self, function: &TaskFunction) -> bool {
        match function.kind {
            FunctionKind::Handler => self.services.functions.knows(&function.name),
            FunctionKind::Http => self.services.bus.has_webhooks(),
            FunctionKind::Javascript => self.services.sources.runner().is_some(),
        }
    }
}

/// How many of so many places nobody has but the system user, so that decisions are carried out whatever people have in hand.
const fn kept_for_decisions(places: usize) -> usize {
    if places < 8 { 0 } else { 1 }
}

/// How many of so many places a call must leave: a quarter unless it is the only one of who asks, and an eighth unless it is the only
/// one of its function. Where there are two, it leaves one; it never leaves all.
fn kept(places: usize, is_first_of_function: bool, is_first_of_asker: bool) -> usize {
    let part = |of: usize, is_first: bool| if is_first { 0 } else { places.div_ceil(of) };
    let all = part(4, is_first_of_asker) + part(8, is_first_of_function);
    all.min(places.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_places_is_kept_for_other_people_and_an_eighth_for_other_functions_and_never_all() {
        let places = [0, 1, 2, 3, 4, 5, 8, 64];
        assert_eq!(places.map(|places| kept(places, false, true)), [0, 0, 1, 1, 1, 1, 1, 8]);
        assert_eq!(places.map(|places| kept(places, true, false)), [0, 0, 1, 1, 1, 2, 2, 16]);
        assert_eq!(places.map(|places| kept(places, false, false)), [0, 0, 1, 2, 2, 3, 3, 24]);
        assert_eq!(places.map(|places| kept(places, true, true)), [0; 8]);
        assert_eq!(places.map(kept_for_decisions), [0, 0, 0, 0, 0, 0, 1, 1]);
    }
}
