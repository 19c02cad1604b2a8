//! Which tasks wait for a person: the person may decide in a pool that is asked, has not voted there, and nobody else works on it
//! alone. Every part begins with the open tasks, of which there are few beside those that are decided.

use super::asked::{among, groups_of};
use crate::db::connection::Dialect;
use crate::db::sql::Sql;
use crate::domain::query::Awaiting;

/// The condition that the task waits for the person. `tasks` is the name of the table.
pub fn awaits(dialect: Dialect, tasks: &str, awaiting: Awaiting) -> Sql {
    let (open, close) = among(dialect);
    let Awaiting { user_id, now, .. } = awaiting;
    let in_group = Sql::new(format!(
        "({tasks}.flow_id IS NULL AND {tasks}.task_group_id IS NOT NULL AND {tasks}.task_group_id {open}"
    ))
    .append(groups_of(user_id))
    .sql(close)
    .append(no_vote(tasks, "IS NULL", awaiting))
    .sql(format!(
        " AND EXISTS (SELECT 1 FROM task_management_taskgroup AS pool WHERE pool.id = {tasks}.task_group_id"
    ))
    .append(no_maker(tasks, "pool.forbid_maker", awaiting))
    .append(free(tasks, "IS NULL", "pool.claim_mode = 'EXCLUSIVE'", awaiting))
    .sql("))");
    let policy = "COALESCE(step.completion_policy, pool.completion_policy)";
    let exclusive = format!(
        "pool.claim_mode = 'EXCLUSIVE' AND ({policy} = 'ANY' OR {policy} = 'N' AND COALESCE(step.threshold, \
         CASE WHEN {policy} = pool.completion_policy THEN pool.threshold END, 1) <= 1)"
    );
    let at_step = Sql::new(format!(
        "EXISTS (SELECT 1 FROM task_management_taskpool AS asked \
         JOIN task_management_taskflowstep AS step ON step.id = asked.step_id \
         JOIN task_management_taskgroup AS pool ON pool.id = asked.task_group_id \
         WHERE asked.task_id = {tasks}.id AND asked.date_passed IS NULL AND asked.task_group_id {open}"
    ))
    .append(groups_of(user_id))
    .sql(close)
    .append(no_vote(tasks, "= asked.step_id", awaiting))
    .append(no_maker(tasks, "COALESCE(step.forbid_maker, pool.forbid_maker)", awaiting))
    .sql(format!(
        " AND NOT (COALESCE(step.distinct_deciders, pool.distinct_deciders, {}) AND EXISTS \
         (SELECT 1 FROM task_management_taskdecision AS elsewhere WHERE elsewhere.task_id = {tasks}.id \
         AND NOT elsewhere.is_deleted AND NOT elsewhere.is_stale AND elsewhere.step_id <> asked.step_id \
         AND elsewhere.user_id = ",
        truth(awaiting.four_eyes.distinct_deciders)
    ))
    .bind(user_id)
    .sql("))")
    .append(free(tasks, "= asked.step_id", &exclusive, awaiting))
    .sql(")");
    Sql::new(format!(
        "(NOT {tasks}.is_deleted AND {tasks}.status = 'ACCEPTED' AND ({tasks}.follow_up_date IS NULL OR {tasks}.follow_up_date <= "
    ))
    .bind(now)
    .sql(format!(" OR {tasks}.due_date IS NOT NULL AND {tasks}.due_date < "))
    .bind(now)
    .sql(") AND (")
    .append(in_group)
    .sql(format!(" OR {tasks}.flow_id IS NOT NULL AND "))
    .append(at_step)
    .sql("))")
}

/// The condition that the person has a claim on the task.
pub fn claimed_by(tasks: &str, user_id: uuid::Uuid, now: chrono::NaiveDateTime) -> Sql {
    Sql::new(format!(
        "({tasks}.status = 'ACCEPTED' AND {tasks}.id IN (SELECT claim.task_id FROM task_management_taskclaim AS claim \
         WHERE claim.date_ended IS NULL AND claim.date_until > "
    ))
    .bind(now)
    .sql(" AND claim.user_id = ")
    .bind(user_id)
    .sql("))")
}

fn no_vote(tasks: &str, step: &str, awaiting: Awaiting) -> Sql {
    Sql::new(format!(
        " AND NOT EXISTS (SELECT 1 FROM task_management_taskdecision AS said WHERE said.task_id = {tasks}.id \
         AND NOT said.is_deleted AND NOT said.is_stale AND said.step_id {step} AND said.user_id = "
    ))
    .bind(awaiting.user_id)
    .sql(")")
}

fn no_maker(tasks: &str, rule: &str, awaiting: Awaiting) -> Sql {
    Sql::new(format!(
        " AND NOT (COALESCE({rule}, {}) AND ({tasks}.user_created = ",
        truth(awaiting.four_eyes.forbid_maker)
    ))
    .bind(awaiting.user_id)
    .sql(format!(" OR {tasks}.data_user IS NOT NULL AND {tasks}.data_user = "))
    .bind(awaiting.user_id)
    .sql("))")
}

/// That nobody else works on the pool alone; or, where it is to be claimed, that it has claims and nobody has one.
fn free(tasks: &str, step: &str, exclusive: &str, awaiting: Awaiting) -> Sql {
    let claim = format!(
        "EXISTS (SELECT 1 FROM task_management_taskclaim AS claim WHERE claim.task_id = {tasks}.id \
         AND claim.step_id {step} AND claim.date_ended IS NULL AND claim.date_until > "
    );
    if awaiting.unclaimed {
        return Sql::new(format!(
            " AND pool.claim_mode IS NOT NULL AND pool.claim_mode <> 'NONE' AND NOT {claim}"
        ))
        .bind(awaiting.now)
        .sql(")");
    }
    Sql::new(format!(" AND NOT (pool.claim_mode IS NOT NULL AND {exclusive} AND {claim}"))
        .bind(awaiting.now)
        .sql(" AND claim.user_id <> ")
        .bind(awaiting.user_id)
        .sql("))")
}

const fn truth(value: bool) -> &'static str {
    if value { "TRUE" } else { "FALSE" }
}
