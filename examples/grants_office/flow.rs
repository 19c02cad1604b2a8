//! Who approves what: made at each start, as the system user, unless it is there.

use diesel::prelude::*;
use tasks_management::{
    CheckedService as _, CompletionPolicy, CreateTaskFlow, HostKey, Result, TaskFlowStepInput, TaskGroup,
    TaskGroupInput, TaskManagement,
};

use crate::beneficiaries::Beneficiaries;
use crate::grants::Grants;
use crate::tables::staff;

/// Asks a checker for accounts, and a checker and then a director for grants.
pub async fn make_flow(module: &TaskManagement) -> Result<()> {
    let checkers = make_group(module, "checker", &[Beneficiaries::NAME]).await?;
    let directors = make_group(module, "director", &[]).await?;
    let step = |group: TaskGroup| TaskFlowStepInput { task_group_id: group.id, ..Default::default() };
    let flow = CreateTaskFlow {
        code: "grants".to_owned(),
        task_sources: vec![Grants::NAME.to_owned()],
        steps: vec![step(checkers), step(directors)],
        ..Default::default()
    };
    module.task_flows().ensure_flow(&module.system().await?, flow).await.map(drop)
}

/// The group of all who have a role, of whom one is enough.
async fn make_group(module: &TaskManagement, role: &'static str, sources: &[&str]) -> Result<TaskGroup> {
    let of_role = staff::table.filter(staff::role.eq(role)).select(staff::id);
    let keys =
        module.database().read(move |connection| Ok(of_role.load::<i32>(connection.postgres()?)?)).await?;
    let group = TaskGroupInput {
        user_ids: Some(keys.iter().map(HostKey::id).collect::<Result<_>>()?),
        task_sources: Some(sources.iter().map(|source| (*source).to_owned()).collect()),
        ..TaskGroupInput::new(role, CompletionPolicy::Any)
    };
    module.task_groups().ensure_group(&module.system().await?, group).await
}
