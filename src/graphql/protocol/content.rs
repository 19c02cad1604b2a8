//! The input of a mutation in the form that the journal keeps, and whether two inputs ask for the same.

use std::sync::Arc;

use async_graphql::registry::{MetaType, MetaTypeName, Registry};
use async_graphql::{Context, ScalarType as _, Value};

use crate::domain::json::{Json, Object};
use crate::domain::text::snake_case;
use crate::error::{Error, Result};
use crate::graphql::protocol::arguments::given;
use crate::graphql::protocol::scalars::{Moment, read_global_id, read_uuid};
use crate::service::mutation::{CanonicalForm, Secrets};

/// Fields that the journal never holds.
const SECRETS: [&str; 2] = ["environment_variables", "password"];

/// The input of the present mutation: JSON with snake_case keys, without what is secret, and that by itself.
///
/// # Errors
/// VALIDATION for a required variable that was not given.
pub fn content(ctx: &Context<'_>) -> Result<(String, Option<Secrets>)> {
    let input =
        given(ctx)?.into_iter().find(|(name, _)| name == "input").map_or(Value::Null, |(_, value)| value);
    let mut input = Json::from(input.into_json().map_err(Error::internal)?);
    let mut secrets = Object::new();
    if let Json::Object(map) = &mut input {
        let named = std::mem::take(map).into_iter().map(|(key, value)| (snake_case(&key), value));
        let (secret, open): (Object, Object) = named.partition(|(key, _)| SECRETS.contains(&key.as_str()));
        // An empty text is no password.
        let is_said = |value: &Json| !value.is_null() && value.as_str() != Some("");
        secrets.extend(secret.into_iter().filter(|(_, value)| is_said(value)));
        *map = open;
    }
    let secrets = (!secrets.is_empty()).then(|| Secrets(Json::Object(secrets).to_string()));
    Ok((input.to_string(), secrets))
}

/// Makes the one form of all contents of this mutation that ask for the same, whatever the form of keys, the white space in
/// JSON, and null in place of absent fields.
pub fn canonical_form(ctx: &Context<'_>, mutation: &str) -> CanonicalForm {
    let schema = ctx.schema_env.clone();
    let (first, rest) = mutation.split_at(mutation.chars().next().map_or(0, char::len_utf8));
    let input = format!("{}{rest}MutationInput", first.to_uppercase());
    CanonicalForm(Arc::new(move |content| match Json::stored(content) {
        Ok(content) => canonical(&schema.registry, &input, content).canonical(),
        Err(_) => content.to_owned(),
    }))
}

fn canonical(registry: &Registry, ty: &str, given: Json) -> Json {
    match (MetaTypeName::create(ty), given) {
        (_, Json::Null) => Json::Null,
        (MetaTypeName::NonNull(inner), given) => canonical(registry, inner, given),
        (MetaTypeName::List(inner), Json::Array(items)) => {
            let said = items.into_iter().filter(|item| !item.is_null());
            Json::Array(said.map(|item| canonical(registry, inner, item)).collect())
        }
        (MetaTypeName::List(inner), single) => Json::Array(vec![canonical(registry, inner, single)]),
        (MetaTypeName::Named(name), given) => match (registry.types.get(name), given) {
            (Some(MetaType::InputObject { name: input, input_fields, .. }), Json::Object(map)) => {
                let mut object = Object::new();
                for (key, item) in map {
                    let field = input_fields
                        .values()
                        .find(|field| field.name == key || snake_case(&field.name) == key);
                    let (name, item) = match field {
                        Some(field) => (field.name.clone(), canonical(registry, &field.ty, item)),
                        None => (key, item),
                    };
                    if !item.is_null() || null_is_said(input, &name) {
                        object.insert(name, item);
                    }
                }
                Json::Object(object)
            }
            (_, Json::String(text)) => Json::String(scalar(name, text)),
            (_, Json::Number(number)) if name == "ID" => number.as_str().into(),
            (_, given) => given,
        },
    }
}

/// Whether null differs from absence in a field of an input: it leaves the rule to the settings, or takes the value away.
fn null_is_said(input: &str, field: &str) -> bool {
    match field {
        "forbidMaker" | "distinctDeciders" | "dueDate" | "followUpDate" | "leadTimeSeconds"
        | "onCompleted" | "serviceAccount" => true,
        "jsonExt" => input.ends_with("TaskFunctionMutationInput"),
        "value" => input == "TaskDispatcherConditionInput",
        "priority" | "startTimestamp" | "intervalSeconds" | "cron" | "timeZone" => {
            input.ends_with("FunctionScheduleMutationInput")
        }
        _ => false,
    }
}

fn scalar(name: &str, text: String) -> String {
    let read = match name {
        "UUID" => read_uuid(&text, None).map(|id| id.to_string()),
        "JSONString" | "ParsedJSONString" => Json::parse(&text).ok().map(|json| json.canonical()),
        "ID" => read_global_id(&text).map(|(_, key)| key),
        "DateTime" => Moment::parse(&text).map(|moment| moment.to_value().to_string()),
        _ => None,
    };
    read.unwrap_or(text)
}
