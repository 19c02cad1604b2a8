//! Puts the arguments of the tables into the schema.

use std::borrow::Cow;

use async_graphql::registry::{MetaType, Registry};
use async_graphql::{InputType, OutputType, Positioned, ServerResult, Value};

use crate::graphql::protocol::scalars::{Day, Moment, UuidOrGlobalId};
use crate::graphql::protocol::type_system::TypeSystem;
use crate::graphql::{LISTS, completion_policy, outbox, task, vote};

/// Adds the arguments of the tables to the list fields. It is registered last, when all types are registered.
pub struct Registration;

impl OutputType for Registration {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("Boolean")
    }

    fn create_type_info(registry: &mut Registry) -> String {
        // Only arguments name these types.
        <Moment as InputType>::create_type_info(registry);
        <Day as InputType>::create_type_info(registry);
        <UuidOrGlobalId as InputType>::create_type_info(registry);
        <completion_policy::TaskGroupCompletionPolicy as InputType>::create_type_info(registry);
        <outbox::TaskEventStatus as InputType>::create_type_info(registry);
        <vote::TaskDecisionDecision as InputType>::create_type_info(registry);
        <task::progress::TaskHeldReason as InputType>::create_type_info(registry);
        <task::types::TaskStatus as InputType>::create_type_info(registry);
        <task::types::HistoricalTaskStatus as InputType>::create_type_info(registry);
        let root = registry.query_type.clone();
        for (type_name, field, table) in LISTS {
            let type_name = if *type_name == "Query" { root.as_str() } else { *type_name };
            let Some(MetaType::Object { fields, .. }) = registry.types.get_mut(type_name) else {
                continue;
            };
            let Some(field) = fields.get_mut(*field) else {
                continue;
            };
            for argument in table.iter() {
                let argument = argument.registered();
                field.args.insert(argument.name.clone(), argument);
            }
        }
        TypeSystem::register(registry);
        <bool as OutputType>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        _: &async_graphql::ContextSelectionSet<'_>,
        _: &Positioned<async_graphql::parser::types::Field>,
    ) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}
