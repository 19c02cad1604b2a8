//! Who gets mails about a task: asked when mails are left, and again for each of them when it is sent.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::mail::MailRecipient;
use crate::domain::task::TaskStatus;
use crate::domain::vote::DataHash;
use crate::error::Result;
use crate::model::task::Task;
use crate::service::approval_state::{ApprovalRows, PoolStatus};
use crate::service::unit_of_work::UnitOfWork;

/// The people who are this to a task at present, and by which pool.
pub fn of(
    unit: &mut UnitOfWork<'_>,
    task: &Task,
    recipient: MailRecipient,
) -> Result<BTreeMap<Uuid, Option<Uuid>>> {
    if recipient == MailRecipient::Maker {
        return Ok(task.makers().into_iter().map(|maker| (maker, None)).collect());
    }
    let is_open = task.status == TaskStatus::Accepted;
    // Those who were asked last about a task that is decided.
    let were_asked = recipient == MailRecipient::Pool && task.status.is_final();
    if !is_open && !were_asked {
        return Ok(BTreeMap::new());
    }
    let rows = ApprovalRows::load_people(unit.connection, &[task], unit.now)?;
    let approval = rows.approval(task, &unit.settings);
    let mut found = BTreeMap::new();
    for pool in &approval.pools {
        let asked = Some(pool.step_id().unwrap_or(pool.group.id));
        for person in in_pool(pool, recipient) {
            found.entry(person).or_insert(asked);
        }
    }
    Ok(found)
}

fn in_pool(pool: &PoolStatus, recipient: MailRecipient) -> Vec<Uuid> {
    let members = pool.deciders.members.keys().copied();
    match recipient {
        MailRecipient::Pool => members.collect(),
        MailRecipient::Missing => members.filter(|person| pool.awaits(*person)).collect(),
        MailRecipient::Claimant => pool.claim().map(|claim| claim.user_id).into_iter().collect(),
        MailRecipient::Maker | MailRecipient::Address | MailRecipient::Person => Vec::new(),
    }
}

/// What tells one proposal of a task from the next: people who have voted are asked again about changed data.
pub fn version(task: &Task) -> String {
    DataHash::of(&task.data).as_str().chars().take(16).collect()
}
