//! Doing many items in one mutation, in the order of their tasks: all requests lock in this order, so that no two wait for
//! each other. The outcomes go into the journal, so that a repeat is answered with them too.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::bulk::{BulkMode, Outcome};
use crate::domain::json::Json;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::service::unit_of_work::UnitOfWork;

/// What the journal keeps of a mutation of many items.
#[derive(Serialize, Deserialize)]
struct Kept {
    outcomes: Vec<Outcome>,
}

/// The outcomes that the journal has kept; none for other mutations, and for one that was refused as a whole.
#[must_use]
pub fn kept_outcomes(kept: Option<&Json>) -> Option<Vec<Outcome>> {
    kept.and_then(|kept| kept.read::<Kept>().ok()).map(|kept| kept.outcomes)
}

/// Does `work` for each item, whose task `id` names. An item for which `work` gives `false` is left out. Gives the outcomes, in
/// the order of the items.
///
/// # Errors
/// The first refusal, if nothing was done; a fault of the server, which undoes everything.
pub fn run<I>(
    unit: &mut UnitOfWork<'_>,
    mode: BulkMode,
    items: &[I],
    id: impl Fn(&I) -> Uuid,
    mut work: impl FnMut(&mut UnitOfWork<'_>, &I) -> Result<bool>,
) -> Result<Vec<Outcome>> {
    let mut order: Vec<(usize, &I)> = items.iter().enumerate().collect();
    order.sort_by_key(|(_, item)| id(item));
    let mut outcomes: Vec<(usize, Outcome)> = Vec::with_capacity(items.len());
    let mut refusal = None;
    for (place, item) in order {
        let done = match mode {
            BulkMode::Each => unit.savepoint(|unit| work(unit, item)),
            BulkMode::All => work(unit, item),
        };
        match done {
            Ok(false) => {}
            Ok(true) => outcomes.push((place, Outcome::done(id(item)))),
            Err(error) if error.is_internal() => return Err(error),
            Err(error) => {
                outcomes.push((place, refused(unit, id(item), &error)));
                refusal = refusal.or(Some(error));
                if mode == BulkMode::All {
                    undo(unit, items, &id, &mut outcomes);
                    break;
                }
            }
        }
    }
    outcomes.sort_unstable_by_key(|(place, _)| *place);
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    let is_done = outcomes.iter().any(|outcome| outcome.ok);
    keep(unit, &outcomes);
    match refusal {
        Some(refusal) if !is_done => Err(refusal),
        _ => Ok(outcomes),
    }
}

/// Work that is done once for a task which is named repeatedly.
pub fn once<I>(
    id: impl Fn(&I) -> Uuid,
    mut work: impl FnMut(&mut UnitOfWork<'_>, &I) -> Result<()>,
) -> impl FnMut(&mut UnitOfWork<'_>, &I) -> Result<bool> {
    // Items with the same task follow each other.
    let mut last = None;
    move |unit, item| {
        if last != Some(id(item)) {
            work(unit, item)?;
            last = Some(id(item));
        }
        Ok(true)
    }
}

/// Has the journal keep what came of the items.
pub fn keep(unit: &mut UnitOfWork<'_>, outcomes: &[Outcome]) {
    unit.keep(Json::of(&Kept { outcomes: outcomes.to_vec() }));
}

/// Says of all items but the one that was refused last that they were not done, because all or none are.
fn undo<I>(
    unit: &UnitOfWork<'_>,
    items: &[I],
    id: &impl Fn(&I) -> Uuid,
    outcomes: &mut Vec<(usize, Outcome)>,
) {
    let last = outcomes.pop();
    let with_others = Error::new(ErrorCode::Conflict, Message::new("undone-with-others"));
    *outcomes = items
        .iter()
        .enumerate()
        .filter(|(place, _)| last.as_ref().is_none_or(|(refused, _)| refused != place))
        .map(|(place, item)| (place, refused(unit, id(item), &with_others)))
        .collect();
    outcomes.extend(last);
}

fn refused(unit: &UnitOfWork<'_>, id: Uuid, error: &Error) -> Outcome {
    let message = error.message().text(&unit.requester.user.language);
    Outcome { id, ok: false, code: Some(error.code().as_str().to_owned()), message: Some(message) }
}
