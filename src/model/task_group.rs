//! The group of executors that decides on tasks, and how many of them must agree.

use diesel::Queryable;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromStaticSqlRow};
use diesel::sql_types::Text;

use super::bound::{Bound, Embedded};
use super::entity::entity;
use crate::domain::claim::{ClaimMode, USUAL_SECONDS};
use crate::domain::completion_policy::{CompletionPolicy, PolicyRule};
use crate::domain::escalation::EscalationRule;
use crate::domain::json::Json;
use crate::domain::task_source::{self, SourceFunction};

entity! {
    /// A group as it is stored. The bound task sources are in `json_ext` under `task_sources`.
    pub struct TaskGroup ("task_group") in task_management_taskgroup (id),
    versions in task_management_historicaltaskgroup {
        [
            /// How many executors must approve.
            completion_policy: CompletionPolicy as (completion_policy: Text, threshold_kind: Text)
        ]
        /// Its name for people, unique among live groups, case-sensitive.
        code: String => Text,
        /// How many people, how many percent or how much weight must approve; none for policies that need none.
        threshold: Option<i32> => Nullable<Integer>,
        /// Whether the maker of a task is barred from deciding it; absent: as in the settings.
        #[serde(default)]
        forbid_maker: Option<bool> => Nullable<Bool>,
        /// Whether people who decided another step of a task are barred from deciding this group's step; absent: as in the
        /// settings.
        #[serde(default)]
        distinct_deciders: Option<bool> => Nullable<Bool>,
        /// Within how many seconds the group is to decide on a task for which nobody has said when it is due.
        #[serde(default)]
        lead_time_seconds: Option<i32> => Nullable<Integer>,
        /// What happens to tasks that wait too long, as a list of [`EscalationRule`]s.
        #[serde(default)]
        escalations: Option<Json> => Nullable<Jsonb>,
        /// What claims mean here; none if the group never had any.
        #[serde(default)]
        claim_mode: Option<ClaimMode> => Nullable<Text>,
        /// How many seconds a claim lasts; absent: an hour.
        #[serde(default)]
        claim_seconds: Option<i32> => Nullable<Integer>,
        /// The name of the function that runs when a task that it decides is COMPLETED or FAILED.
        #[serde(default)]
        on_completed: Option<String> => Nullable<Text>,
        /// The functions that run instead for tasks of single sources, as a list of [`SourceFunction`]s.
        #[serde(default)]
        source_functions: Option<Json> => Nullable<Jsonb>,
    }
}

impl TaskGroup {
    /// The policy with its threshold.
    #[must_use]
    pub const fn rule(&self) -> PolicyRule {
        PolicyRule { policy: self.completion_policy, threshold: self.threshold }
    }

    /// Whether its rules of deciding (the policy, its threshold, four eyes) differ from those of `other`.
    #[must_use]
    pub fn decides_otherwise(&self, other: &Self) -> bool {
        self.rule() != other.rule()
            || self.forbid_maker != other.forbid_maker
            || self.distinct_deciders != other.distinct_deciders
            || self.claim_mode != other.claim_mode
    }

    /// What claims mean where the group decides by this rule. One person alone can work on what one approval decides only.
    #[must_use]
    pub fn claims_by(&self, rule: PolicyRule) -> ClaimMode {
        match self.claim_mode.unwrap_or(ClaimMode::None) {
            ClaimMode::Exclusive if !rule.any_one_decides() => ClaimMode::Mark,
            mode => mode,
        }
    }

    /// How many seconds a claim lasts.
    #[must_use]
    pub fn claim_seconds(&self) -> i32 {
        self.claim_seconds.unwrap_or(USUAL_SECONDS)
    }

    /// What happens to tasks that wait too long.
    #[must_use]
    pub fn escalation_rules(&self) -> Vec<EscalationRule> {
        read_rules(self.escalations.as_ref())
    }

    /// The task sources whose new tasks go to this group.
    #[must_use]
    pub fn task_sources(&self) -> Vec<String> {
        task_source::read(self.json_ext.as_ref())
    }

    /// The functions that run for tasks of single sources.
    #[must_use]
    pub fn source_functions(&self) -> Vec<SourceFunction> {
        self.source_functions.as_ref().and_then(|functions| functions.read().ok()).unwrap_or_default()
    }

    /// Writes the task sources to where [`Self::task_sources`] reads them, and keeps the rest of `json_ext`.
    pub fn set_task_sources(&mut self, sources: &[String]) {
        task_source::write(&mut self.json_ext, sources);
    }
}

/// The rules that are stored. Rules of a later program, which this one does not know, are left to that.
pub(super) fn read_rules(stored: Option<&Json>) -> Vec<EscalationRule> {
    let rules = stored.and_then(Json::as_array).into_iter().flatten();
    rules.filter_map(|rule| rule.read().ok()).collect()
}

/// The kind of a threshold that counts people.
const COUNT: &str = "COUNT";

/// Clients of openIMIS filter groups by the policy, and know three policies. So a policy that they see as `N` is stored as
/// `N`, and a second column says what its threshold counts.
impl Embedded for CompletionPolicy {
    fn values(&self, values: &mut Vec<Bound>) {
        let known = self.as_known_to_clients();
        let kind = if known == *self { COUNT } else { self.as_str() };
        values.extend([known.into(), kind.into()]);
    }
}

impl<DB: Backend> Queryable<(Text, Text), DB> for CompletionPolicy
where
    (Self, String): FromStaticSqlRow<(Text, Text), DB>,
{
    type Row = (Self, String);

    fn build((known, kind): Self::Row) -> deserialize::Result<Self> {
        match &*kind {
            COUNT => Ok(known),
            kind => Self::parse(kind)
                .ok_or_else(|| format!("the database holds the threshold kind {kind:?}").into()),
        }
    }
}
