//! Puts the arguments of the tables into the schema.

use std::borrow::Cow;

use async_graphql::registry::{MetaType, Registry};
use async_graphql::{InputType, OutputType, Positioned, ServerResult, Value};

use crate::graphql::protocol::scalars::{Day, Moment, UuidOrGlobalId};
use crate::graphql::protocol::type_system::TypeSystem;
use crate::graphql::{
    LISTS, completion_policy, function_run, outbox, security_log, task, task_count, task_function, task_mail,
    vote,
};

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
        <security_log::SecurityEventKind as InputType>::create_type_info(registry);
        <outbox::TaskEventStatus as InputType>::create_type_info(registry);
        #[cfg(feature = "mail")]
        <task_mail::TaskMailStatus as InputType>::create_type_info(registry);
        #[cfg(feature = "mail")]
        <task_mail::TaskMailRecipient as InputType>::create_type_info(registry);
        <vote::TaskDecisionDecision as InputType>::create_type_info(registry);
        <task_function::types::TaskFunctionKind as InputType>::create_type_info(registry);
        <function_run::types::FunctionRunStatus as InputType>::create_type_info(registry);
        <function_run::types::FunctionRunTrigger as InputType>::create_type_info(registry);
        <task_count::TaskCountKey as InputType>::create_type_info(registry);
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
        describe_page_info(registry);
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

/// What lies before and after a page, in the words of this schema. The type is the library's, so that a host can have lists by
/// it too.
fn describe_page_info(registry: &mut Registry) {
    const FIELDS: [(&str, &str); 4] = [
        ("hasNextPage", "Whether rows follow."),
        ("hasPreviousPage", "Whether rows come before."),
        ("startCursor", "The cursor of the first row."),
        ("endCursor", "The cursor of the last row."),
    ];
    let Some(MetaType::Object { description, fields, .. }) = registry.types.get_mut("PageInfo") else {
        return;
    };
    *description = Some("What lies before and after a page.".to_owned());
    for (name, words) in FIELDS {
        if let Some(mut field) = fields.shift_remove(name) {
            field.description = Some(words.to_owned());
            fields.insert(name.to_owned(), field);
        }
    }
}
