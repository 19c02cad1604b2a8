//! The groups and flows to which tasks can be assigned, in one list, for people who assign.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::context::ServiceContext;
use crate::auth::requester::Requester;
use crate::db;
use crate::db::query::PageLimit;
use crate::domain::completion_policy::PolicyRule;
use crate::domain::query::{Condition, ListQuery, Page};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::model::task_flow::TaskFlow;
use crate::model::task_group::TaskGroup;

/// A group or a flow to which a task can be assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskAssignmentTarget {
    /// Its key.
    pub id: Uuid,
    /// Its code.
    pub code: String,
    /// Its name for people; a group's is its code.
    pub name: Option<String>,
    /// Its kind.
    pub kind: TargetKind,
    /// How many different people are executors of the group, or of the flow's groups.
    pub member_count: usize,
}

/// The kind of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// A flow with this number of steps.
    Flow(usize),
    /// A group with this policy.
    Group(PolicyRule),
}

/// Lists flows first, then groups, each by code: at most `first` of those with `search` in code or name.
///
/// # Errors
/// FORBIDDEN for people who may not assign, VALIDATION or LIMIT.
pub async fn list(
    services: &Arc<ServiceContext>,
    requester: &Arc<Requester>,
    search: Option<String>,
    first: Option<i64>,
) -> Result<Vec<TaskAssignmentTarget>> {
    let requester = Arc::clone(requester);
    services
        .read(move |services, connection| {
            let settings = services.settings.current(connection, services.clock.now())?;
            if !requester.is_privileged(&settings) {
                return Err(Error::forbidden(Message::new("only-privileged-assign")));
            }
            let limit = services.page_limit();
            let query = |fields: &[&'static str], first: Option<i64>| ListQuery {
                conditions: search.iter().map(|text| Condition::search(fields, text)).collect(),
                order_by: vec!["code".to_owned()],
                page: Page { first, ..Page::default() },
                ..ListQuery::default()
            };
            let mut flows = query(&["code", "name"], first);
            flows.conditions.push(Condition::LiveHead);
            let mut targets = self::flows(connection, &flows, limit)?;
            let left = first.unwrap_or(limit.max) - i64::try_from(targets.len()).map_err(Error::internal)?;
            if left > 0 {
                targets.extend(groups(connection, &query(&["code"], Some(left)), limit)?);
            }
            Ok(targets)
        })
        .await
}

fn flows(
    connection: &mut db::connection::DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Vec<TaskAssignmentTarget>> {
    let flows: Vec<_> =
        db::list::<TaskFlow>(connection, query, limit)?.rows.into_iter().map(|(flow, _)| flow).collect();
    let ids: Vec<Uuid> = flows.iter().map(|flow| flow.id).collect();
    let steps = db::task_flow_step::of_flows(connection, &ids)?;
    let group_ids: Vec<Uuid> =
        Vec::from_iter(steps.iter().map(|step| step.task_group_id).collect::<BTreeSet<_>>());
    let executors = db::task_executor::live_in_groups(connection, &group_ids)?;
    Ok(flows
        .into_iter()
        .map(|flow| {
            let own: Vec<Uuid> = steps
                .iter()
                .filter(|step| step.task_flow_id == flow.id)
                .map(|step| step.task_group_id)
                .collect();
            let members: BTreeSet<Uuid> = executors
                .iter()
                .filter(|executor| own.contains(&executor.task_group_id))
                .map(|executor| executor.user_id)
                .collect();
            TaskAssignmentTarget {
                id: flow.id,
                kind: TargetKind::Flow(own.len()),
                code: flow.code,
                name: flow.name,
                member_count: members.len(),
            }
        })
        .collect())
}

fn groups(
    connection: &mut db::connection::DbConnection,
    query: &ListQuery,
    limit: PageLimit,
) -> Result<Vec<TaskAssignmentTarget>> {
    let groups: Vec<_> =
        db::list::<TaskGroup>(connection, query, limit)?.rows.into_iter().map(|(group, _)| group).collect();
    let ids: Vec<Uuid> = groups.iter().map(|group| group.id).collect();
    let mut members: HashMap<Uuid, usize> = HashMap::new();
    for executor in db::task_executor::live_in_groups(connection, &ids)? {
        *members.entry(executor.task_group_id).or_default() += 1;
    }
    Ok(groups
        .into_iter()
        .map(|group| TaskAssignmentTarget {
            id: group.id,
            kind: TargetKind::Group(group.rule()),
            name: Some(group.code.clone()),
            member_count: members.get(&group.id).copied().unwrap_or_default(),
            code: group.code,
        })
        .collect())
}
