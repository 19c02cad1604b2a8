//! Calling functions for requests, at once.

use std::sync::Arc;

use uuid::Uuid;

use super::{Asker, Call, FunctionCalls};
use crate::domain::function_run::reason::NOT_BEGUN;
use crate::domain::function_run::{RunError, RunErrorType};
use crate::model::task_function::TaskFunction;
use crate::service::function_handler::Said;
use crate::service::function_request::call::{Admitted, CallsFunctions};

impl CallsFunctions for FunctionCalls {
    fn admit(self: Arc<Self>, function: &Arc<TaskFunction>, caller: Option<Uuid>) -> Option<Admitted> {
        let asker = caller.map_or(Asker::Stranger, Asker::Person);
        let place = Arc::new(self.take(function, asker)?);
        let function = Arc::clone(function);
        Some(Box::new(move |errand| {
            Box::pin(async move {
                if !self.carries_out(&function) {
                    let message = "the process that was asked can't carry it out";
                    return Err(RunError::new(RunErrorType::Invocation, NOT_BEGUN, message));
                }
                let said = Said::new(&self.services.clock);
                let call = Call { calls: &self, function: &function, errand, said: &said };
                call.make(place).await
            })
        }))
    }
}
