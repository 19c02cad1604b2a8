//! The service of the discussions of tasks, as hosts call it.

use std::sync::Arc;

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::error::Result;
use crate::model::task_comment::TaskComment;
use crate::service::context::ServiceContext;
use crate::service::task_comment::{self, CreateTaskComment, UpdateTaskComment};

service! {
    /// The service of the discussions of tasks. Each method is one transaction.
    TaskCommentService
}

impl TaskCommentService {
    /// Comments on a task that the requester sees.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, LIMIT, or a handler's refusal.
    pub async fn create(&self, requester: &Arc<Requester>, input: CreateTaskComment) -> Result<TaskComment> {
        self.services.act(requester, move |unit| task_comment::create(unit, &input)).await
    }

    /// Changes a comment of the requester.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, CONFLICT, LIMIT, or a handler's refusal.
    pub async fn update(&self, requester: &Arc<Requester>, input: UpdateTaskComment) -> Result<TaskComment> {
        self.services.act(requester, move |unit| task_comment::update(unit, &input)).await
    }

    /// Deletes comments of the requester: all of them, or none.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, LIMIT, or a handler's refusal.
    pub async fn delete(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| task_comment::delete(unit, &ids)).await
    }
}
