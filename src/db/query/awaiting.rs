//! Which tasks wait for a person: the person may decide in a pool that is asked, has not voted there, and nobody else works on it
//! alone. Every part begins with the open tasks, of which there are few beside those that are decided.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::asked::{among, asked_among, groups_of};
use crate::db::connection::Dialect;
use crate::db::sql::Sql;
use crate::domain::decision::FourEyes;
use crate::domain::query::Awaiting;

/// The condition that the task waits for the person. `tasks` is the name of the table. `is_of_group` says that the task is known to
/// be assigned to a group of the person's: asked again, PostgreSQL would find all tasks of these groups and sort them.
pub fn awaits(dialect: Dialect, tasks: &str, awaiting: Awaiting, is_of_group: bool) -> Sql {
    let Awaiting { user_id, now, four_eyes, unclaimed } = awaiting;
    Waiting { tasks, user: &user_id.into(), now, four_eyes, unclaimed, is_of_group }.condition(dialect)
}

/// What [`awaits`] says, from the other side: each of these tasks with each of these users for whom it waits. Both are queries of
/// keys.
pub fn awaiting_among(
    dialect: Dialect,
    tasks: &Sql,
    users: &Sql,
    now: NaiveDateTime,
    four_eyes: FourEyes,
) -> Sql {
    let user = &Sql::new("one.user_id");
    Sql::new("SELECT one.task_id, one.user_id FROM (")
        .append(asked_among(tasks, users))
        .sql(") AS one JOIN task_management_task AS task ON task.id = one.task_id WHERE ")
        .append(
            Waiting { tasks: "task", user, now, four_eyes, unclaimed: false, is_of_group: false }
                .condition(dialect),
        )
}

/// For whom a task is to wait. The parts of a statement.
struct Waiting<'a> {
    tasks: &'a str,
    /// The user's key, or where it stands.
    user: &'a Sql,
    now: NaiveDateTime,
    four_eyes: FourEyes,
    unclaimed: bool,
    is_of_group: bool,
}

impl Waiting<'_> {
    fn condition(&self, dialect: Dialect) -> Sql {
        let (open, close) = among(dialect);
        let tasks = self.tasks;
        let own = if self.is_of_group {
            Sql::default()
        } else {
            Sql::new(format!(" AND {tasks}.task_group_id IS NOT NULL AND {tasks}.task_group_id {open}"))
                .append(groups_of(self.user.clone()))
                .sql(close)
        };
        let in_group = Sql::new(format!("({tasks}.flow_id IS NULL"))
        .append(own)
        .append(self.no_vote("IS NULL"))
        .sql(format!(
            " AND EXISTS (SELECT 1 FROM task_management_taskgroup AS pool WHERE pool.id = {tasks}.task_group_id"
        ))
        .append(self.no_maker("pool.forbid_maker"))
        .append(self.free("IS NULL", "pool.claim_mode = 'EXCLUSIVE'"))
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
        .append(groups_of(self.user.clone()))
        .sql(close)
        .append(self.no_vote("= asked.step_id"))
        .append(self.no_maker("COALESCE(step.forbid_maker, pool.forbid_maker)"))
        .sql(format!(
            " AND NOT (COALESCE(step.distinct_deciders, pool.distinct_deciders, {}) AND EXISTS \
             (SELECT 1 FROM task_management_taskdecision AS elsewhere WHERE elsewhere.task_id = {tasks}.id \
             AND NOT elsewhere.is_deleted AND NOT elsewhere.is_stale AND elsewhere.step_id <> asked.step_id \
             AND elsewhere.user_id = ",
            truth(self.four_eyes.distinct_deciders)
        ))
        .append(self.user.clone())
        .sql("))")
        .append(self.free("= asked.step_id", &exclusive))
        .sql(")");
        Sql::new(format!(
            "(NOT {tasks}.is_deleted AND {tasks}.status = 'ACCEPTED' AND ({tasks}.follow_up_date IS NULL OR {tasks}.follow_up_date <= "
        ))
        .bind(self.now)
        .sql(format!(" OR {tasks}.due_date IS NOT NULL AND {tasks}.due_date < "))
        .bind(self.now)
        .sql(") AND (")
        .append(in_group)
        .sql(format!(" OR {tasks}.flow_id IS NOT NULL AND "))
        .append(at_step)
        .sql("))")
    }

    fn no_vote(&self, step: &str) -> Sql {
        Sql::new(format!(
            " AND NOT EXISTS (SELECT 1 FROM task_management_taskdecision AS said WHERE said.task_id = {}.id \
             AND NOT said.is_deleted AND NOT said.is_stale AND said.step_id {step} AND said.user_id = ",
            self.tasks
        ))
        .append(self.user.clone())
        .sql(")")
    }

    fn no_maker(&self, rule: &str) -> Sql {
        let tasks = self.tasks;
        Sql::new(format!(
            " AND NOT (COALESCE({rule}, {}) AND ({tasks}.user_created = ",
            truth(self.four_eyes.forbid_maker)
        ))
        .append(self.user.clone())
        .sql(format!(" OR {tasks}.data_user IS NOT NULL AND {tasks}.data_user = "))
        .append(self.user.clone())
        .sql("))")
    }

    /// That nobody else works on the pool alone; or, where it is to be claimed, that it has claims and nobody has one.
    fn free(&self, step: &str, exclusive: &str) -> Sql {
        let claim = format!(
            "EXISTS (SELECT 1 FROM task_management_taskclaim AS claim WHERE claim.task_id = {}.id \
             AND claim.step_id {step} AND claim.date_ended IS NULL AND claim.date_until > ",
            self.tasks
        );
        if self.unclaimed {
            return Sql::new(format!(
                " AND pool.claim_mode IS NOT NULL AND pool.claim_mode <> 'NONE' AND NOT {claim}"
            ))
            .bind(self.now)
            .sql(")");
        }
        Sql::new(format!(" AND NOT (pool.claim_mode IS NOT NULL AND {exclusive} AND {claim}"))
            .bind(self.now)
            .sql(" AND claim.user_id <> ")
            .append(self.user.clone())
            .sql("))")
    }
}

/// The condition that the person has a claim on the task.
pub fn claimed_by(tasks: &str, user_id: Uuid, now: NaiveDateTime) -> Sql {
    Sql::new(format!(
        "({tasks}.status = 'ACCEPTED' AND {tasks}.id IN (SELECT claim.task_id FROM task_management_taskclaim AS claim \
         WHERE claim.date_ended IS NULL AND claim.date_until > "
    ))
    .bind(now)
    .sql(" AND claim.user_id = ")
    .bind(user_id)
    .sql("))")
}

const fn truth(value: bool) -> &'static str {
    if value { "TRUE" } else { "FALSE" }
}
