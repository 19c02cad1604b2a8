//! The service of dispatchers, as hosts call it.

use std::sync::Arc;

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::error::Result;
use crate::model::task_dispatcher::TaskDispatcher;
use crate::service::context::ServiceContext;
use crate::service::task_dispatcher::{self, CreateTaskDispatcher, TaskDispatcherChange};

service! {
    /// The service of dispatchers. Each method is one transaction.
    TaskDispatcherService
}

impl TaskDispatcherService {
    /// Makes a dispatcher. It is told of what happens from now on.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND for a function, VALIDATION, or LIMIT.
    pub async fn create(
        &self,
        requester: &Arc<Requester>,
        input: CreateTaskDispatcher,
    ) -> Result<TaskDispatcher> {
        self.services.act(requester, move |unit| task_dispatcher::create(unit, &input)).await
    }

    /// Changes a dispatcher. Who changes it answers for all that it does from then on.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, or VALIDATION.
    pub async fn update(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        change: TaskDispatcherChange,
    ) -> Result<TaskDispatcher> {
        self.services.act(requester, move |unit| task_dispatcher::update(unit, id, &change, None)).await
    }

    /// Deletes dispatchers: all of them, or none. Deliveries that wait for them are given up.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, or LIMIT.
    pub async fn delete(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| task_dispatcher::delete(unit, &ids)).await
    }
}
