//! Loaders fetch the rows to which many rows of a list point, with one query instead of one for each row.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::dataloader::Loader;
use chrono::NaiveDateTime;
use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::domain::task_action::TaskAction;
use crate::error::Error;
use crate::graphql::protocol::known::Known;
use crate::model::function_run::{FunctionLog, FunctionRun};
use crate::model::role::{Role, UserRole};
use crate::model::task::Task;
use crate::model::task_claim::TaskClaim;
use crate::model::task_comment::TaskComment;
use crate::model::task_executor::TaskExecutor;
use crate::model::task_flow::TaskFlow;
use crate::model::task_flow_step::TaskFlowStep;
use crate::model::task_group::TaskGroup;
use crate::model::user::{Language, User};
use crate::model::vote::Vote;
use crate::service::entity::EntityKey;
use crate::service::progress::Progress;
use crate::service::task::action;
use crate::service::{
    ServiceContext, entity, function_run, function_schedule, progress, role, task, task_claim, task_comment,
    task_executor, task_flow, task_group, user, vote,
};

/// Users by key.
pub struct Users(pub Arc<ServiceContext>);

/// Tasks by key.
pub struct Tasks(pub Arc<ServiceContext>);

/// Task groups by key.
pub struct Groups(pub Arc<ServiceContext>);

/// The live executors of task groups whom the requester may know, by the group's key.
pub struct Executors {
    /// The context of the services.
    pub services: Arc<ServiceContext>,
    /// The requester; nobody is known to a stranger.
    pub requester: Option<Arc<Requester>>,
    /// What is known once they are fetched.
    pub known: Arc<Known>,
    /// Whether their people are wanted too, who come with them then.
    pub with_people: AtomicBool,
}

/// Flows by key.
pub struct Flows(pub Arc<ServiceContext>);

/// The steps of flows, in their order, by the flow's key.
pub struct StepsOfFlows(pub Arc<ServiceContext>);

/// Steps of flows by key.
pub struct FlowSteps(pub Arc<ServiceContext>);

/// How many open tasks are in flows, by the flow's key.
pub struct InFlight(pub Arc<ServiceContext>);

/// The progress of tasks, by key.
pub struct ProgressOfTasks(pub Arc<ServiceContext>);

/// What the requester can do with tasks, by key.
pub struct ActionsOnTasks(pub Asked);

/// The claims on tasks that count, by the task's key.
pub struct ClaimsOnTasks(pub Arc<ServiceContext>);

/// The votes that the requester has on tasks, by the task's key.
pub struct OwnVotes(pub Asked);

/// The context of the services, and who asks; a stranger is shown nothing.
#[derive(Clone)]
pub struct Asked {
    /// The context of the services.
    pub services: Arc<ServiceContext>,
    /// The requester.
    pub requester: Option<Arc<Requester>>,
}

/// The live comments on tasks, by the task's key.
pub struct CommentsOfTasks(pub Arc<ServiceContext>);

/// The next moments of schedules, by the schedule's key.
pub struct NextMoments(pub Arc<ServiceContext>);

/// The runs for tasks, by the task's key.
pub struct RunsOfTasks(pub Arc<ServiceContext>);

/// What runs of functions have said, by the run's key.
pub struct LogsOfRuns(pub Asked);

/// The present names of the entities of tasks.
pub struct Entities(pub Arc<ServiceContext>);

/// Which roles users have, by the user's key.
pub struct RolesOfUsers(pub Arc<ServiceContext>);

/// What roles grant, by the role's key.
pub struct RightsOfRoles(pub Arc<ServiceContext>);

/// Languages by code.
pub struct Languages(pub Arc<ServiceContext>);

impl Loader<Uuid> for Users {
    type Value = User;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, User>, Self::Error> {
        let rows = user::of_visible_rows(&self.0, keys.to_vec()).await.map_err(Arc::new)?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<Uuid> for Tasks {
    type Value = Task;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, Task>, Self::Error> {
        let rows = task::of_visible_rows(&self.0, keys.to_vec()).await.map_err(Arc::new)?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<Uuid> for Groups {
    type Value = TaskGroup;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, TaskGroup>, Self::Error> {
        let rows = task_group::of_visible_rows(&self.0, keys.to_vec()).await.map_err(Arc::new)?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<Uuid> for Executors {
    type Value = Vec<TaskExecutor>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, Vec<TaskExecutor>>, Self::Error> {
        let Some(requester) = &self.requester else { return Ok(HashMap::new()) };
        let fields =
            if self.with_people.load(Ordering::Relaxed) { vec!["user".to_owned()] } else { Vec::new() };
        let found = task_executor::of_named_groups(&self.services, requester, keys.to_vec(), fields);
        let (rows, related) = found.await.map_err(Arc::new)?;
        self.known.keep(related);
        let mut executors: HashMap<Uuid, Vec<TaskExecutor>> =
            keys.iter().map(|key| (*key, Vec::new())).collect();
        for row in rows {
            executors.entry(row.task_group_id).or_default().push(row);
        }
        Ok(executors)
    }
}

impl Loader<Uuid> for Flows {
    type Value = TaskFlow;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, TaskFlow>, Self::Error> {
        let rows = task_flow::of_visible_rows(&self.0, keys.to_vec()).await.map_err(Arc::new)?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<Uuid> for StepsOfFlows {
    type Value = Vec<TaskFlowStep>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, Vec<TaskFlowStep>>, Self::Error> {
        let rows = task_flow::steps_of_visible_flows(&self.0, keys.to_vec()).await.map_err(Arc::new)?;
        let mut steps: HashMap<Uuid, Vec<TaskFlowStep>> = HashMap::new();
        for row in rows {
            steps.entry(row.task_flow_id).or_default().push(row);
        }
        Ok(steps)
    }
}

impl Loader<Uuid> for FlowSteps {
    type Value = TaskFlowStep;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, TaskFlowStep>, Self::Error> {
        let rows = task_flow::steps_of_visible_rows(&self.0, keys.to_vec()).await.map_err(Arc::new)?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<Uuid> for InFlight {
    type Value = i64;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, i64>, Self::Error> {
        let counts = task_flow::in_flight(&self.0, keys.to_vec()).await.map_err(Arc::new)?;
        Ok(counts.into_iter().collect())
    }
}

impl Loader<Uuid> for ProgressOfTasks {
    type Value = Progress;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, Progress>, Self::Error> {
        progress::of_visible_tasks(&self.0, keys.to_vec()).await.map_err(Arc::new)
    }
}

impl Loader<Uuid> for ActionsOnTasks {
    type Value = Vec<TaskAction>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, Vec<TaskAction>>, Self::Error> {
        let Some(requester) = &self.0.requester else { return Ok(HashMap::new()) };
        action::allowed_on_tasks(&self.0.services, requester, keys.to_vec()).await.map_err(Arc::new)
    }
}

impl Loader<Uuid> for ClaimsOnTasks {
    type Value = Vec<TaskClaim>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, Vec<TaskClaim>>, Self::Error> {
        task_claim::of_visible_tasks(&self.0, keys.to_vec()).await.map_err(Arc::new)
    }
}

impl Loader<Uuid> for OwnVotes {
    type Value = Vec<Vote>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, Vec<Vote>>, Self::Error> {
        let Some(requester) = &self.0.requester else { return Ok(HashMap::new()) };
        let rows = vote::own_on_visible_tasks(&self.0.services, requester, keys.to_vec());
        let mut votes: HashMap<Uuid, Vec<Vote>> = HashMap::new();
        for row in rows.await.map_err(Arc::new)? {
            votes.entry(row.task_id).or_default().push(row);
        }
        Ok(votes)
    }
}

impl Loader<Uuid> for CommentsOfTasks {
    type Value = Vec<TaskComment>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, Vec<TaskComment>>, Self::Error> {
        let rows = task_comment::of_visible_tasks(&self.0, keys.to_vec()).await.map_err(Arc::new)?;
        let mut comments: HashMap<Uuid, Vec<TaskComment>> = HashMap::new();
        for row in rows {
            comments.entry(row.task_id).or_default().push(row);
        }
        Ok(comments)
    }
}

impl Loader<Uuid> for RunsOfTasks {
    type Value = Vec<FunctionRun>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, Vec<FunctionRun>>, Self::Error> {
        let rows = function_run::of_visible_tasks(&self.0, keys.to_vec()).await.map_err(Arc::new)?;
        let mut runs: HashMap<Uuid, Vec<FunctionRun>> = HashMap::new();
        for row in rows {
            if let Some(task_id) = row.task_id {
                runs.entry(task_id).or_default().push(row);
            }
        }
        Ok(runs)
    }
}

impl Loader<Uuid> for NextMoments {
    type Value = NaiveDateTime;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, NaiveDateTime>, Self::Error> {
        function_schedule::next_moments(&self.0, keys.to_vec()).await.map_err(Arc::new)
    }
}

impl Loader<Uuid> for LogsOfRuns {
    type Value = FunctionLog;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, FunctionLog>, Self::Error> {
        let Some(requester) = &self.0.requester else { return Ok(HashMap::new()) };
        let rows = function_run::logs(&self.0.services, requester, keys.to_vec()).await.map_err(Arc::new)?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<EntityKey> for Entities {
    type Value = String;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[EntityKey]) -> Result<HashMap<EntityKey, String>, Self::Error> {
        entity::of_visible_tasks(&self.0, keys.to_vec()).await.map_err(Arc::new)
    }
}

impl Loader<Uuid> for RolesOfUsers {
    type Value = Vec<(UserRole, Role)>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, Vec<(UserRole, Role)>>, Self::Error> {
        let rows = role::of_users(&self.0, keys.to_vec()).await.map_err(Arc::new)?;
        let mut held: HashMap<Uuid, Vec<(UserRole, Role)>> = HashMap::new();
        for row in rows {
            held.entry(row.0.user_id).or_default().push(row);
        }
        Ok(held)
    }
}

impl Loader<i32> for RightsOfRoles {
    type Value = Vec<i32>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[i32]) -> Result<HashMap<i32, Vec<i32>>, Self::Error> {
        let rows = role::rights(&self.0, keys.to_vec()).await.map_err(Arc::new)?;
        let mut rights: HashMap<i32, Vec<i32>> = HashMap::new();
        for (role, right) in rows {
            rights.entry(role).or_default().push(right);
        }
        Ok(rights)
    }
}

impl Loader<String> for Languages {
    type Value = Language;
    type Error = Arc<Error>;

    async fn load(&self, _: &[String]) -> Result<HashMap<String, Language>, Self::Error> {
        let rows = user::languages(&self.0).await.map_err(Arc::new)?;
        Ok(rows.into_iter().map(|row| (row.code.clone(), row)).collect())
    }
}
