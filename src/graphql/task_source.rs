//! Functions for the tasks of single sources, in GraphQL.

use async_graphql::{InputObject, SimpleObject};

use crate::domain::task_source::SourceFunction;

/// The function that runs when a task of a source is COMPLETED or FAILED, before that of the flow or the group.
#[derive(SimpleObject)]
pub struct TaskSourceFunction {
    source: String,
    /// The name of the function.
    on_completed: String,
}

/// The function that is to run when a task of a source is COMPLETED or FAILED.
#[derive(InputObject, Debug, Clone)]
pub struct TaskSourceFunctionInput {
    /// A source that is bound.
    source: String,
    /// The name of the function.
    on_completed: String,
}

impl From<SourceFunction> for TaskSourceFunction {
    fn from(function: SourceFunction) -> Self {
        Self { source: function.source, on_completed: function.on_completed }
    }
}

impl From<TaskSourceFunctionInput> for SourceFunction {
    fn from(function: TaskSourceFunctionInput) -> Self {
        Self { source: function.source, on_completed: function.on_completed }
    }
}

/// The functions that are asked for, if any are.
pub fn functions(asked: Option<Vec<TaskSourceFunctionInput>>) -> Option<Vec<SourceFunction>> {
    asked.map(|functions| functions.into_iter().map(Into::into).collect())
}
