//! Creating, changing, deleting and reading task groups, their executors and the sources bound to them.

use std::sync::Arc;

use uuid::Uuid;

use super::context::{ListScope, ServiceContext};
use super::escalation;
use super::function_run;
use super::task_executor;
use super::task_source::{check_sources, functions, same_sources};
use super::timer;
use super::unit_of_work::UnitOfWork;
use super::visibility;
use crate::auth::requester::Requester;
use crate::db;
use crate::domain::claim::{ClaimMode, check_seconds};
use crate::domain::completion_policy::{CompletionPolicy, PolicyRule};
use crate::domain::escalation::EscalationRule;
use crate::domain::event_data::EventData;
use crate::domain::json::Json;
use crate::domain::query::ListQuery;
use crate::domain::signal::Signal;
use crate::domain::task::check_lead_time;
use crate::domain::task_source::SourceFunction;
use crate::domain::text::check_code;
use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;
use crate::model::history::Historical;
use crate::model::slice::Slice;
use crate::model::task_group::TaskGroup;
use crate::model::task_source::SourceTarget;

pub(super) mod access;

use access::locked;

/// The fields of a group as they are to be.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskGroupInput {
    /// Its name for people.
    pub code: String,
    /// How many executors must approve.
    pub completion_policy: CompletionPolicy,
    /// How many must approve under the policy N; absent: 1 for a new group, else unchanged.
    pub threshold: Option<i32>,
    /// The policy with its threshold, for policies that the two fields above can't express. If it is given, those fields are
    /// ignored.
    pub policy: Option<PolicyRule>,
    /// Whether the maker of a task is barred from deciding it. `None`: unchanged; `Some(None)`: as in the settings.
    pub forbid_maker: Option<Option<bool>>,
    /// Whether people who decided another step of a task are barred from deciding this group's step. `None`: unchanged;
    /// `Some(None)`: as in the settings.
    pub distinct_deciders: Option<Option<bool>>,
    /// Within how many seconds the group is to decide on a task for which nobody has said when it is due, from 1 to 315,360,000.
    /// `None`: unchanged; `Some(None)`: it has no lead time.
    pub lead_time_seconds: Option<Option<i32>>,
    /// What happens to tasks that wait too long, at most ten rules; absent: nothing for a new group, else unchanged.
    pub escalations: Option<Vec<EscalationRule>>,
    /// What claims mean in the group; absent: there are none in a new group, else unchanged. `Exclusive` is for policies under which
    /// one approval decides; a change of the policy makes it `Mark`.
    pub claim_mode: Option<ClaimMode>,
    /// How many seconds a claim lasts, from 60 to 86,400; absent: 3,600 in a new group, else unchanged.
    pub claim_seconds: Option<i32>,
    /// The name of the function that runs when a task that the group decides is COMPLETED or FAILED. `None`: unchanged;
    /// `Some(None)`: there is none. Who gives one must be allowed to have it run.
    pub on_completed: Option<Option<String>>,
    /// The functions that run instead for tasks of single sources, which must be bound to the group; absent: none for a new group,
    /// else unchanged.
    pub source_functions: Option<Vec<SourceFunction>>,
    /// The users who are to be its executors, and no others; absent: nobody for a new group, else unchanged.
    pub user_ids: Option<Vec<Uuid>>,
    /// How much the approvals of these users count under the policy WEIGHT. Users who are not named keep their weight; new
    /// ones have 1.
    pub weights: Vec<(Uuid, i32)>,
    /// The sources that are to be bound to it, and no others; absent: none for a new group, else unchanged.
    pub task_sources: Option<Vec<String>>,
}

impl TaskGroupInput {
    /// The input for a group with this code and policy, without any other field.
    #[must_use]
    pub fn new(code: impl Into<String>, completion_policy: CompletionPolicy) -> Self {
        Self {
            code: code.into(),
            completion_policy,
            threshold: None,
            policy: None,
            forbid_maker: None,
            distinct_deciders: None,
            lead_time_seconds: None,
            escalations: None,
            claim_mode: None,
            claim_seconds: None,
            on_completed: None,
            source_functions: None,
            user_ids: None,
            weights: Vec::new(),
            task_sources: None,
        }
    }

    /// The policy that the group is to have.
    fn rule(&self, group: Option<&TaskGroup>) -> PolicyRule {
        let asked = PolicyRule { policy: self.completion_policy, threshold: self.threshold };
        match (self.policy, group.map(TaskGroup::rule)) {
            (Some(rule), _) => rule,
            // Clients of the original know no threshold, and see every policy that counts as N. A threshold that they leave
            // out, or a policy that they send back as they read it, must not change the rule.
            (None, Some(present))
                if asked.policy == CompletionPolicy::N
                    && present.policy.as_known_to_clients() == CompletionPolicy::N
                    && (asked.threshold.is_none() || asked.threshold == present.threshold) =>
            {
                present
            }
            _ => asked,
        }
    }
}

/// Creates a group with its executors and sources.
///
/// # Errors
/// FORBIDDEN, VALIDATION, CONFLICT, LIMIT, or an error of a handler.
pub fn create(unit: &mut UnitOfWork<'_>, input: &TaskGroupInput) -> Result<TaskGroup> {
    unit.requester.need(&unit.settings.gql_task_group_create_perms)?;
    check_function(unit, input)?;
    let sources = check(unit, input, None)?.unwrap_or_default();
    let rule = input.rule(None);
    let mut group = TaskGroup {
        record: unit.new_record(),
        code: input.code.clone(),
        completion_policy: rule.policy,
        threshold: rule.threshold,
        forbid_maker: input.forbid_maker.flatten(),
        distinct_deciders: input.distinct_deciders.flatten(),
        lead_time_seconds: input.lead_time_seconds.flatten(),
        escalations: escalations(unit, input)?,
        claim_mode: input.claim_mode.filter(|mode| *mode != ClaimMode::None),
        claim_seconds: input.claim_seconds.map(check_seconds).transpose()?,
        on_completed: input.on_completed.clone().flatten(),
        source_functions: functions(input.source_functions.as_deref(), Vec::new(), &sources)?,
    };
    check_claims(&group, input.claim_mode)?;
    group.set_task_sources(&sources);
    unit.before(Signal::TaskGroupCreate, group.id, || EventData::new(None, Some(&group)))?;
    unit.insert(&group).map_err(taken)?;
    let functions = group.source_functions();
    db::task_source::bind(unit.connection, SourceTarget::Group(group.id), &sources, &functions)
        .map_err(taken)?;
    task_executor::set_executors(
        unit,
        group.id,
        input.user_ids.as_deref().unwrap_or_default(),
        &input.weights,
    )?;
    unit.changed(Signal::TaskGroupCreate, group.id, || EventData::new(None, Some(&group)))?;
    Ok(group)
}

/// The live group of the input's code; it is created if there is none.
///
/// # Errors
/// As for [`create`].
pub fn ensure(unit: &mut UnitOfWork<'_>, input: &TaskGroupInput) -> Result<TaskGroup> {
    unit.requester.need(&unit.settings.gql_task_group_create_perms)?;
    let known = match db::task_group::live_by_code(unit.connection, &input.code)? {
        Some(id) => db::get::<TaskGroup>(unit.connection, id)?,
        None => None,
    };
    known.map_or_else(|| create(unit, input), Ok)
}

/// Changes a group. Only differences are written.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT, LIMIT, or an error of a handler.
pub fn update(unit: &mut UnitOfWork<'_>, id: Uuid, input: &TaskGroupInput) -> Result<TaskGroup> {
    unit.requester.need(&unit.settings.gql_task_group_update_perms)?;
    check_function(unit, input)?;
    let mut group = locked(unit, id)?;
    let sources = check(unit, input, Some(&group))?;
    let escalations = escalations(unit, input)?;
    let old = group.clone();
    group.code.clone_from(&input.code);
    let rule = input.rule(Some(&old));
    (group.completion_policy, group.threshold) = (rule.policy, rule.threshold);
    group.forbid_maker = input.forbid_maker.unwrap_or(group.forbid_maker);
    group.distinct_deciders = input.distinct_deciders.unwrap_or(group.distinct_deciders);
    group.lead_time_seconds = input.lead_time_seconds.unwrap_or(group.lead_time_seconds);
    if input.escalations.is_some() {
        group.escalations = escalations;
    }
    // Where there never were claims, nobody needs to look for some.
    let was_never = |mode: &ClaimMode| *mode == ClaimMode::None && old.claim_mode.is_none();
    group.claim_mode = input.claim_mode.filter(|mode| !was_never(mode)).or(group.claim_mode);
    group.claim_seconds = input.claim_seconds.map(check_seconds).transpose()?.or(group.claim_seconds);
    check_claims(&group, input.claim_mode)?;
    if let Some(name) = &input.on_completed {
        group.on_completed.clone_from(name);
    }
    group.claim_mode = group.claim_mode.map(|_| group.claims_by(group.rule()));
    if let Some(sources) = &sources
        && !same_sources(&group.task_sources(), sources)
    {
        group.set_task_sources(sources);
    }
    let (present, sources) = (group.source_functions(), group.task_sources());
    group.source_functions = functions(input.source_functions.as_deref(), present, &sources)?;
    unit.before(Signal::TaskGroupUpdate, group.id, || EventData::new(Some(&old), Some(&group)))?;
    unit.touch(&group);
    if group != old {
        unit.update(&mut group).map_err(taken)?;
        let (target, functions) = (SourceTarget::Group(group.id), group.source_functions());
        db::task_source::bind(unit.connection, target, &sources, &functions).map_err(taken)?;
    }
    let has_other_pool = match &input.user_ids {
        Some(user_ids) => task_executor::set_executors(unit, group.id, user_ids, &input.weights)?,
        None => task_executor::weigh_executors(unit, group.id, &input.weights)?,
    };
    unit.changed(Signal::TaskGroupUpdate, group.id, || EventData::new(Some(&old), Some(&group)))?;
    if group.escalations != old.escalations {
        timer::plan_tasks_of(unit, group.id)?;
    }
    if has_other_pool || group.decides_otherwise(&old) {
        unit.ask_re_evaluation(group.id, Signal::TaskGroupUpdate)?;
    }
    Ok(group)
}

/// Deletes these groups with their executors: all of them, or none. Refused while open tasks wait for one of them.
///
/// # Errors
/// FORBIDDEN, NOT_FOUND, CONFLICT, LIMIT, or an error of a handler.
pub fn delete(unit: &mut UnitOfWork<'_>, ids: &[Uuid]) -> Result<()> {
    unit.requester.need(&unit.settings.gql_task_group_delete_perms)?;
    unit.check_list("ids", ids.len())?;
    let mut ids = ids.to_vec();
    // All requests lock in this order, so that no two wait for each other.
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let mut group = locked(unit, id)?;
        let open = db::task::count_open_in_group(unit.connection, id)?;
        if open > 0 {
            let message = Message::new("group-in-use").with("code", group.code.as_str()).with("count", open);
            return Err(Error::new(ErrorCode::Conflict, message));
        }
        let steps = db::task_flow_step::count_live_in_group(unit.connection, id)?;
        if steps > 0 {
            let message =
                Message::new("group-in-flows").with("code", group.code.as_str()).with("count", steps);
            return Err(Error::new(ErrorCode::Conflict, message));
        }
        let rules = db::task_flow_step::count_rules_naming(unit.connection, id)?;
        if rules > 0 {
            let message =
                Message::new("group-in-rules").with("code", group.code.as_str()).with("count", rules);
            return Err(Error::new(ErrorCode::Conflict, message));
        }
        let old = group.clone();
        unit.before(Signal::TaskGroupDelete, id, || EventData::new(Some(&old), None))?;
        task_executor::set_executors(unit, group.id, &[], &[])?;
        db::task_source::bind(unit.connection, SourceTarget::Group(group.id), &[], &[])?;
        unit.delete(&mut group)?;
        unit.changed(Signal::TaskGroupDelete, id, || EventData::new(Some(&old), Some(&group)))?;
    }
    Ok(())
}

/// Lists the groups that the requester sees.
///
/// # Errors
/// FORBIDDEN, VALIDATION or LIMIT.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    query: ListQuery,
    place: ListScope,
) -> Result<Slice<TaskGroup>> {
    services.list(requester, query, place, visibility::task_groups, db::list::<TaskGroup>).await
}

/// Lists the versions of groups.
///
/// # Errors
/// FORBIDDEN, VALIDATION or LIMIT.
pub async fn list_history(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    mut query: ListQuery,
) -> Result<Slice<Historical<TaskGroup>>> {
    query.leave_out_deleted_versions();
    services
        .list(
            requester,
            query,
            ListScope::Root,
            visibility::task_group_history,
            db::list_history::<TaskGroup>,
        )
        .await
}

/// The groups with these keys, to show the groups of visible rows.
pub async fn of_visible_rows(services: &Arc<ServiceContext>, ids: Vec<Uuid>) -> Result<Vec<TaskGroup>> {
    services.read(move |_, connection| db::get_many::<TaskGroup>(connection, &ids)).await
}

/// Checks the input for a group; returns the sources without repeats.
fn check(
    unit: &mut UnitOfWork<'_>,
    input: &TaskGroupInput,
    group: Option<&TaskGroup>,
) -> Result<Option<Vec<String>>> {
    check_code("code", &input.code)?;
    let own = group.map(|group| group.id);
    if db::task_group::live_by_code(unit.connection, &input.code)?.is_some_and(|id| Some(id) != own) {
        return Err(code_taken());
    }
    input.rule(group).check("threshold")?;
    check_lead_time("leadTimeSeconds", input.lead_time_seconds.flatten())?;
    match &input.task_sources {
        Some(asked) => check_sources(unit, asked, own.map(SourceTarget::Group)).map(Some),
        None => Ok(None),
    }
}

fn check_function(unit: &mut UnitOfWork<'_>, input: &TaskGroupInput) -> Result<()> {
    let on_completed = input.on_completed.as_ref().and_then(Option::as_deref);
    function_run::check_on_completed(unit, on_completed, input.source_functions.as_deref())
}

/// Refuses to let one person alone work on what one approval does not decide.
fn check_claims(group: &TaskGroup, asked: Option<ClaimMode>) -> Result<()> {
    if asked.is_some_and(|mode| mode != group.claims_by(group.rule())) {
        return Err(Error::validation("claimMode", Message::new("exclusive-needs-any")));
    }
    Ok(())
}

/// The rules as they are stored; none if there are none, so that groups that never had any do not change.
fn escalations(unit: &mut UnitOfWork<'_>, input: &TaskGroupInput) -> Result<Option<Json>> {
    match input.escalations.as_deref() {
        None | Some([]) => Ok(None),
        Some(rules) => escalation::check(unit, "escalations", rules).map(Some),
    }
}

pub(super) fn code_taken() -> Error {
    Error::validation("code", Message::new("code-taken"))
}

/// The error to report when another transaction has taken a code or a source meanwhile, which constraints of the database
/// show.
pub(super) fn taken(error: Error) -> Error {
    if db::entity::violates_unique(&error, "task_management_taskgroup_code_live")
        || db::entity::violates_unique(&error, "task_management_taskflow_code_live")
    {
        return code_taken();
    }
    if db::entity::violates_unique(&error, "task_management_tasksource_pkey") {
        return Error::validation("taskSources", Message::new("a-source-taken"));
    }
    error
}
