//! The service of functions, as hosts call it.

use std::sync::Arc;

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::error::{Error, Result};
use crate::model::task_function::TaskFunction;
use crate::service::context::ServiceContext;
use crate::service::task_function::{self, CreateTaskFunction, TaskFunctionChange, source};

service! {
    /// The service of functions. Each method is one transaction.
    TaskFunctionService
}

impl TaskFunctionService {
    /// Makes a function; returns it, and the secret with which messages to its receiver are signed, if it has one.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND for an account, VALIDATION, or LIMIT.
    pub async fn create(
        &self,
        requester: &Arc<Requester>,
        input: CreateTaskFunction,
    ) -> Result<(TaskFunction, Option<String>)> {
        let syntax = source::look_at(&self.services, requester, input.change.source.as_deref());
        let syntax = syntax.await.inspect_err(Error::log)?;
        self.services.act(requester, move |unit| task_function::create(unit, &input, &syntax)).await
    }

    /// Changes a function.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, VALIDATION, or LIMIT.
    pub async fn update(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        change: TaskFunctionChange,
    ) -> Result<TaskFunction> {
        let syntax = source::look_at(&self.services, requester, change.source.as_deref());
        let syntax = syntax.await.inspect_err(Error::log)?;
        self.services
            .act(requester, move |unit| task_function::update(unit, id, &change, &syntax, None))
            .await
    }

    /// Deletes functions: all of them, or none. Their runs that wait are given up.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, or LIMIT.
    pub async fn delete(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| task_function::delete(unit, &ids)).await
    }

    /// Gives a function a new secret; returns it, and never shows it again. The old secret signs beside it for `keep_old_s`
    /// seconds.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, or VALIDATION.
    pub async fn rotate_secret(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        keep_old_s: i64,
    ) -> Result<String> {
        self.services.act(requester, move |unit| task_function::rotate_secret(unit, id, keep_old_s)).await
    }
}
