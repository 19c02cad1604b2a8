//! What a person can do with a task as it is. The mutations ask here under the task's lock, and `Task.allowedActions` asks the
//! same. So an action is listed exactly when its mutation is not refused for rights, state, pool, claim or four eyes; what is wrong
//! with an input, or what handlers of hosts refuse, can't be known before.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::access::{barred, not_an_executor, refuse_final, refuse_unaccepted};
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::claim::ClaimMode;
use crate::domain::decision::Mode;
use crate::domain::settings::ModuleSettings;
use crate::domain::task::TaskStatus;
use crate::domain::task_action::TaskAction;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::task::Task;
use crate::model::task_claim::TaskClaim;
use crate::service::approval_state::{ApprovalRows, ApprovalState, PoolStatus};
use crate::service::context::ServiceContext;
use crate::service::unit_of_work::UnitOfWork;
use crate::service::visibility;

/// A person who wants to do something with tasks.
#[derive(Clone, Copy)]
pub struct Actor<'a> {
    requester: &'a Requester,
    settings: &'a ModuleSettings,
}

impl<'a> Actor<'a> {
    /// The person on whose behalf this transaction works.
    #[must_use]
    pub fn of(unit: &'a UnitOfWork<'_>) -> Self {
        Self { requester: unit.requester, settings: &unit.settings }
    }

    fn is_privileged(self) -> bool {
        self.requester.is_privileged(self.settings)
    }

    /// Whether the person says who works on tasks.
    fn assigns(self) -> bool {
        self.is_privileged() || self.requester.rights.have(&self.settings.gql_task_assign_perms)
    }

    /// Refuses a person who may do this with no task.
    ///
    /// # Errors
    /// FORBIDDEN.
    pub fn need(self, action: TaskAction) -> Result<()> {
        match action {
            TaskAction::Update => self.requester.need(&self.settings.gql_task_update_perms),
            TaskAction::Delete => self.requester.need(&self.settings.gql_task_delete_perms),
            TaskAction::Comment => self.requester.need(&self.settings.gql_task_comment_perms),
            TaskAction::Assign if !self.assigns() => Err(Error::forbidden(Message::new("no-right"))),
            TaskAction::ReEvaluate if !self.is_privileged() => {
                Err(Error::forbidden(Message::new("only-privileged-re-evaluate")))
            }
            // Executors decide without any right, but a program that was given rights for reading only must not.
            _ if self.requester.is_program
                && !self.requester.rights.have(&self.settings.gql_task_update_perms) =>
            {
                Err(Error::forbidden(Message::new("token-decides-nothing")))
            }
            _ => Ok(()),
        }
    }

    /// The pools in which a vote of the person counts, by their index in the approval state: those in which the person is an
    /// executor, or else, for privileged people, all. If a rule wants different deciders for each step, only the first of
    /// them.
    ///
    /// # Errors
    /// FORBIDDEN or CONFLICT; NOT_FOUND for a step that the task does not have.
    pub fn vote(self, task: &Task, approval: &ApprovalState, step_id: Option<Uuid>) -> Result<Vec<usize>> {
        self.need(TaskAction::Approve)?;
        check_state(TaskAction::Approve, task)?;
        if approval.passed_on_other_data() {
            return Err(Error::new(ErrorCode::Conflict, Message::new("flow-data-changed")));
        }
        let user = self.requester.id();
        let meant = meant(approval, step_id)?;
        let own: Vec<(usize, &PoolStatus)> =
            meant.iter().filter(|(_, pool)| pool.has_executor(user)).copied().collect();
        let entitled = if own.is_empty() && self.is_privileged() { meant } else { own };
        if entitled.is_empty() {
            return Err(not_an_executor());
        }
        let mut pools: Vec<(usize, &PoolStatus)> = Vec::new();
        let mut refusal = None;
        for (place, pool) in entitled {
            let others = pool.claim().filter(|claim| {
                pool.claim_mode == ClaimMode::Exclusive && claim.user_id != user && !self.is_privileged()
            });
            if let Some(bar) = pool.bar(user) {
                refusal = Some(barred(bar));
            } else if let Some(claim) = others {
                refusal = Some(taken(approval, claim));
            } else if !pools
                .iter()
                .any(|(_, other)| other.four_eyes.distinct_deciders || pool.four_eyes.distinct_deciders)
            {
                pools.push((place, pool));
            }
        }
        match refusal {
            Some(refusal) if pools.is_empty() => Err(refusal),
            _ => Ok(pools.into_iter().map(|(place, _)| place).collect()),
        }
    }

    /// The pools on which the person gets a claim, by their index in the approval state: those in which the person may decide,
    /// has not voted, and nobody has a claim.
    ///
    /// # Errors
    /// FORBIDDEN, LIMIT or CONFLICT; NOT_FOUND for a step that the task does not have.
    pub fn claim(
        self,
        task: &Task,
        approval: &ApprovalState,
        step_id: Option<Uuid>,
        room: Room,
    ) -> Result<Vec<usize>> {
        self.need(TaskAction::Claim)?;
        check_state(TaskAction::Claim, task)?;
        let user = self.requester.id();
        let refusal = |pool: &PoolStatus| {
            if let Some(refusal) = unclaimable(pool, user) {
                Some(refusal)
            } else if let Some(claim) = pool.claim() {
                Some(taken(approval, claim))
            } else {
                pool.rests_until(user).map(|until| {
                    Error::new(ErrorCode::Conflict, Message::new("claim-lapsed").with("until", until))
                })
            }
        };
        let pools = unrefused(meant(approval, step_id)?, refusal)?;
        room.check(pools.len(), "id")?;
        Ok(pools)
    }

    /// The claims that the person can end: the own ones, or else, for people who assign tasks, anybody's.
    ///
    /// # Errors
    /// FORBIDDEN or CONFLICT; NOT_FOUND for a step that the task does not have.
    pub fn release(
        self,
        task: &Task,
        approval: &ApprovalState,
        step_id: Option<Uuid>,
    ) -> Result<Vec<TaskClaim>> {
        self.need(TaskAction::Release)?;
        check_state(TaskAction::Release, task)?;
        let user = self.requester.id();
        if !approval.is_asked(user) && !self.assigns() {
            return Err(not_an_executor());
        }
        let pools = meant(approval, step_id)?;
        let claims: Vec<&TaskClaim> = pools.iter().filter_map(|(_, pool)| pool.claim()).collect();
        let own: Vec<TaskClaim> =
            claims.iter().filter(|claim| claim.user_id == user).copied().cloned().collect();
        match claims.first() {
            None => Err(Error::new(ErrorCode::Conflict, Message::new("no-claim"))),
            Some(_) if !own.is_empty() => Ok(own),
            Some(_) if self.assigns() => Ok(claims.into_iter().cloned().collect()),
            Some(first) => Err(taken(approval, first)),
        }
    }

    /// Refuses a person who may not say who works on this task, and a task on which nobody can be put to work.
    ///
    /// # Errors
    /// FORBIDDEN or CONFLICT; NOT_FOUND for a step that the task does not have.
    pub fn assign(self, task: &Task, approval: &ApprovalState, step_id: Option<Uuid>) -> Result<()> {
        self.need(TaskAction::Assign)?;
        check_state(TaskAction::Assign, task)?;
        let can_change = |pool: &PoolStatus| {
            let holder = pool.claim().map(|claim| claim.user_id);
            let mut members = pool.deciders.members.keys();
            members.any(|user| unclaimable(pool, *user).is_none() && Some(*user) != holder)
        };
        if meant(approval, step_id)?.iter().any(|(_, pool)| can_change(pool)) {
            return Ok(());
        }
        Err(Error::new(ErrorCode::Conflict, Message::new("nobody-to-assign")))
    }

    /// The person's votes that can be taken back: those that count in the pools that are asked, or in that of one step.
    ///
    /// # Errors
    /// FORBIDDEN or CONFLICT; NOT_FOUND for a step that the task does not have.
    pub fn withdraw(self, task: &Task, approval: &ApprovalState, step_id: Option<Uuid>) -> Result<Vec<Uuid>> {
        self.need(TaskAction::Withdraw)?;
        check_state(TaskAction::Withdraw, task)?;
        let user = self.requester.id();
        if !approval.is_asked(user) && !self.is_privileged() {
            return Err(not_an_executor());
        }
        let votes = meant(approval, step_id)?.into_iter().flat_map(|(_, pool)| &pool.votes);
        let mut ids: Vec<Uuid> = votes.filter(|vote| vote.user_id == user).map(|vote| vote.id).collect();
        ids.sort_unstable();
        if ids.is_empty() {
            let passed = step_id.is_none() && approval.counting_votes().any(|vote| vote.user_id == user);
            let message =
                if passed { Message::new("step-passed") } else { Message::new("no-vote-to-withdraw") };
            return Err(Error::new(ErrorCode::Conflict, message));
        }
        Ok(ids)
    }

    /// Refuses a person who may not have the votes on this task weighed again.
    ///
    /// # Errors
    /// FORBIDDEN or CONFLICT.
    pub fn re_evaluate(self, task: &Task, approval: &ApprovalState) -> Result<()> {
        self.need(TaskAction::ReEvaluate)?;
        check_state(TaskAction::ReEvaluate, task)?;
        approval.bar(self.requester.id()).map_or(Ok(()), |reason| Err(barred(reason)))
    }

    /// What the person can do with a task. `approval` is there for an accepted task.
    fn allowed(
        self,
        task: &Task,
        approval: Option<&ApprovalState>,
        sees: bool,
        room: Room,
    ) -> Vec<TaskAction> {
        let can = |action: &TaskAction| self.can(*action, task, approval, sees, room);
        TaskAction::ALL.iter().copied().filter(can).collect()
    }

    fn can(
        self,
        action: TaskAction,
        task: &Task,
        approval: Option<&ApprovalState>,
        sees: bool,
        room: Room,
    ) -> bool {
        if self.need(action).is_err() || check_state(action, task).is_err() {
            return false;
        }
        let votes = |approval: &ApprovalState, is_form: fn(Forms) -> bool| {
            is_form(Forms::of(task, approval.mode, self.settings)) && self.vote(task, approval, None).is_ok()
        };
        match (action, approval) {
            (TaskAction::Update | TaskAction::Delete | TaskAction::Comment, _) => sees,
            (TaskAction::Assign, Some(approval)) => sees && self.assign(task, approval, None).is_ok(),
            (TaskAction::Claim, Some(approval)) => self.claim(task, approval, None, room).is_ok(),
            (TaskAction::Release, Some(approval)) => {
                (sees || approval.is_asked(self.requester.id())) && self.release(task, approval, None).is_ok()
            }
            (TaskAction::Approve | TaskAction::Fail, Some(approval)) => votes(approval, |forms| forms.whole),
            (TaskAction::DecideRecords, Some(approval)) => votes(approval, |forms| forms.records),
            (TaskAction::Withdraw, Some(approval)) => self.withdraw(task, approval, None).is_ok(),
            (TaskAction::ReEvaluate, Some(approval)) => self.re_evaluate(task, approval).is_ok(),
            (_, None) => false,
        }
    }
}

/// How many claims a person has, and may have.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// How many the person has.
    pub has: usize,
    /// How many a person may have.
    pub max: usize,
}

impl Room {
    /// Refuses so many claims more than there is room for.
    ///
    /// # Errors
    /// LIMIT, naming `field`.
    pub fn check(self, more: usize, field: &str) -> Result<()> {
        if self.has.saturating_add(more) > self.max {
            return Err(Error::limit(field, Message::new("too-many-claims").with("max", self.max)));
        }
        Ok(())
    }
}

/// The pools on which this person can be put to work, by their index in the approval state.
///
/// # Errors
/// VALIDATION for somebody who may not decide; CONFLICT for the holder.
pub fn assignable_to(user: Uuid, approval: &ApprovalState, step_id: Option<Uuid>) -> Result<Vec<usize>> {
    let own = |pool: &PoolStatus| pool.claim().filter(|claim| claim.user_id == user).cloned();
    unrefused(meant(approval, step_id)?, |pool| match unclaimable(pool, user) {
        Some(_) => Some(Error::validation("userId", Message::new("assignee-may-not-decide"))),
        None => own(pool).map(|claim| taken(approval, &claim)),
    })
}

/// Why a person can have no claim on this pool, whoever has one.
fn unclaimable(pool: &PoolStatus, user: Uuid) -> Option<Error> {
    if !pool.has_executor(user) {
        Some(not_an_executor())
    } else if pool.claim_mode == ClaimMode::None {
        Some(Error::new(ErrorCode::Conflict, Message::new("no-claims-here")))
    } else if let Some(reason) = pool.bar(user) {
        Some(barred(reason))
    } else if !pool.awaits(user) {
        Some(Error::new(ErrorCode::Conflict, Message::new("claim-after-vote")))
    } else {
        None
    }
}

/// The refusal of what only the holder of a claim may do.
fn taken(approval: &ApprovalState, claim: &TaskClaim) -> Error {
    let message = Message::new("task-claimed")
        .with("holder", approval.holder(claim.user_id))
        .with("until", claim.date_until);
    Error::new(ErrorCode::Conflict, message)
}

/// Those of the pools that are not refused. If all are, the last refusal of one in which the person is an executor.
fn unrefused(
    pools: Vec<(usize, &PoolStatus)>,
    refusal: impl Fn(&PoolStatus) -> Option<Error>,
) -> Result<Vec<usize>> {
    let (mut free, mut refused) = (Vec::new(), None);
    for (place, pool) in pools {
        match refusal(pool) {
            None => free.push(place),
            Some(error) if error.code() == ErrorCode::Conflict => refused = Some(error),
            Some(error) => refused = refused.or(Some(error)),
        }
    }
    if free.is_empty() { Err(refused.unwrap_or_else(not_an_executor)) } else { Ok(free) }
}

/// Refuses what nobody can do with a task in its state.
///
/// # Errors
/// CONFLICT.
pub fn check_state(action: TaskAction, task: &Task) -> Result<()> {
    match action {
        TaskAction::Comment => Ok(()),
        TaskAction::Update | TaskAction::Delete => refuse_final(task),
        _ => {
            refuse_final(task)?;
            refuse_unaccepted(task)
        }
    }
}

/// On what votes on a task can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forms {
    /// On the task as a whole.
    pub whole: bool,
    /// On its records.
    pub records: bool,
}

impl Forms {
    /// On what votes on this task can be. Outside of flows, verdicts on records decide nothing; they are kept and shown.
    #[must_use]
    pub fn of(task: &Task, mode: Mode, settings: &ModuleSettings) -> Self {
        let is_free = !settings.decides_by_policy(task.executor_action_event.as_deref());
        Self {
            whole: is_free || mode == Mode::Whole,
            records: is_free || mode == Mode::ByRecord || task.flow_id.is_none(),
        }
    }
}

/// The pools that are asked, or that of one step, with their index in the approval state.
fn meant(approval: &ApprovalState, step_id: Option<Uuid>) -> Result<Vec<(usize, &PoolStatus)>> {
    let is_meant = |(_, pool): &(usize, &PoolStatus)| step_id.is_none() || pool.step_id() == step_id;
    let meant: Vec<(usize, &PoolStatus)> = approval.pools.iter().enumerate().filter(is_meant).collect();
    match step_id {
        Some(step_id) if meant.is_empty() => Err(not_asked(approval, step_id)),
        _ => Ok(meant),
    }
}

/// The refusal of a vote for a step that is not asked at present.
fn not_asked(approval: &ApprovalState, step_id: Uuid) -> Error {
    if approval.reached.iter().any(|pool| pool.step_id == step_id) {
        Error::new(ErrorCode::Conflict, Message::new("step-passed")).of_field("stepId")
    } else if approval.steps.iter().any(|step| step.id == step_id) {
        Error::new(ErrorCode::Conflict, Message::new("step-not-reached")).of_field("stepId")
    } else {
        Error::not_found("stepId", Message::new("no-such-step"))
    }
}

/// What the requester can do with each of these tasks, to which visible rows point. It takes as many queries for a hundred
/// tasks as for one, and of a person's votes on the records of a task it reads one.
pub async fn allowed_on_tasks(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<TaskAction>>> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let now = services.clock.now();
            let settings = services.settings.current(connection, now)?;
            let actor = Actor { requester: &requester, settings: &settings };
            let tasks = db::get_many::<Task>(connection, &ids)?;
            let asked: Vec<&Task> = tasks.iter().filter(|task| task.status == TaskStatus::Accepted).collect();
            let rows = ApprovalRows::load_people(connection, &asked, now)?;
            let visible = match visibility::tasks(&requester, &settings).nested() {
                Some(condition) => Some(db::task::among(connection, &ids, &[condition])?),
                None => None,
            };
            let has = if rows.may_have_claims() {
                db::task_claim::count_of_user(connection, requester.id(), now)?
            } else {
                0
            };
            let room = Room {
                has: usize::try_from(has).unwrap_or(usize::MAX),
                max: services.limits.claims_per_person,
            };
            let allowed = |task: &Task| {
                let approval = (task.status == TaskStatus::Accepted).then(|| rows.approval(task, &settings));
                let sees = visible.as_ref().is_none_or(|visible| visible.contains(&task.id));
                actor.allowed(task, approval.as_ref(), sees, room)
            };
            Ok(tasks.iter().filter(|task| !task.is_deleted).map(|task| (task.id, allowed(task))).collect())
        })
        .await
}
