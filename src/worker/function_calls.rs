//! Calling functions: for runs, and for requests. How many calls there are at once is counted here for both.

use std::sync::Arc;

use uuid::Uuid;

use super::webhook::Webhooks;
use crate::budget::counted::{Counted, Held};
use crate::domain::task_function::FunctionKind;
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
}

/// The place of a call. It is free again when nobody holds it any more.
pub struct Place {
    _held: Vec<Held<Of>>,
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
    /// process, and of those for JavaScript, is kept for functions that have no call in hand here, so that no function takes all turns.
    pub fn take(&self, function: &TaskFunction) -> Option<Place> {
        let settings = &self.services.function_settings;
        let of_function = Of::Function(function.id);
        let own = usize::try_from(function.max_concurrency).unwrap_or(1);
        let mut held = vec![self.taken.take(of_function, own)?];
        let is_first = self.taken.of(&of_function) == 1;
        let open = |places: usize| if is_first { places } else { places - kept_for_others(places) };
        held.push(self.taken.take(Of::All, open(settings.runs_at_once))?);
        if function.kind == FunctionKind::Javascript {
            held.push(self.taken.take(Of::Javascript, open(settings.javascript_at_once))?);
        }
        Some(Place { _held: held })
    }

    /// Whether this process has a place at all.
    pub fn have_room(&self) -> bool {
        self.taken.of(&Of::All) < self.services.function_settings.runs_at_once
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

/// How many of so many places are kept for functions that have no call in hand: a quarter, and at least one where there are two.
fn kept_for_others(places: usize) -> usize {
    places.div_ceil(4).min(places.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_places_is_kept_for_others_and_never_all() {
        let kept: Vec<usize> = [0, 1, 2, 3, 4, 5, 8, 64].map(kept_for_others).into();
        assert_eq!(kept, [0, 0, 1, 1, 1, 2, 2, 16]);
    }
}
