//! The service of schedules of functions, as hosts call it.

use std::sync::Arc;

use uuid::Uuid;

use crate::auth::requester::Requester;
use crate::error::Result;
use crate::model::function_schedule::FunctionSchedule;
use crate::service::context::ServiceContext;
use crate::service::function_schedule::{self, CreateFunctionSchedule, FunctionScheduleChange};

service! {
    /// The service of schedules of functions. Each method is one transaction.
    FunctionScheduleService
}

impl FunctionScheduleService {
    /// Has a function run by itself.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND for a function, or VALIDATION.
    pub async fn create(
        &self,
        requester: &Arc<Requester>,
        input: CreateFunctionSchedule,
    ) -> Result<FunctionSchedule> {
        self.services.act(requester, move |unit| function_schedule::create(unit, &input)).await
    }

    /// Changes a schedule.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, or VALIDATION.
    pub async fn update(
        &self,
        requester: &Arc<Requester>,
        id: Uuid,
        change: FunctionScheduleChange,
    ) -> Result<FunctionSchedule> {
        self.services.act(requester, move |unit| function_schedule::update(unit, id, &change, None)).await
    }

    /// Deletes schedules: all of them, or none.
    ///
    /// # Errors
    /// FORBIDDEN, NOT_FOUND, or LIMIT.
    pub async fn delete(&self, requester: &Arc<Requester>, ids: Vec<Uuid>) -> Result<()> {
        self.services.act(requester, move |unit| function_schedule::delete(unit, &ids)).await
    }
}
