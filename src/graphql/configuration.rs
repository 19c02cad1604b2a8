//! Configurations of modules, in GraphQL.

use async_graphql::{ComplexObject, Context, Enum, Object, SimpleObject};

use crate::domain::configuration::Layer;
use crate::domain::json::Json;
use crate::error::{Error, Result};
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::scalars::{Day, Moment, UuidOrGlobalId};
use crate::message::Message;
use crate::model::configuration::ModuleConfiguration;
use crate::service::configuration;

/// Which side reads a configuration.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleConfigurationLayer {
    /// The front end.
    Fe,
    /// The server.
    Be,
}

/// A module's configuration.
#[derive(SimpleObject)]
#[graphql(name = "ModuleConfigurationGQLType", complex)]
pub struct ModuleConfigurationNode {
    id: UuidOrGlobalId,
    module: String,
    layer: ModuleConfigurationLayer,
    version: String,
    /// The configuration, as a JSON text.
    config: String,
    is_exposed: bool,
    is_disabled_until: Option<Moment>,
    #[graphql(skip)]
    row: ModuleConfiguration,
}

/// Whether a field of a form is shown.
#[derive(SimpleObject)]
#[graphql(name = "FieldControlGQLType", complex)]
pub struct FieldControlNode {
    id: UuidOrGlobalId,
    field: String,
    usage: Option<i32>,
    #[graphql(skip)]
    of: ModuleConfiguration,
}

impl From<ModuleConfiguration> for ModuleConfigurationNode {
    fn from(row: ModuleConfiguration) -> Self {
        Self {
            id: UuidOrGlobalId(row.id),
            module: row.module.clone(),
            layer: match row.layer {
                Layer::FrontEnd => ModuleConfigurationLayer::Fe,
                Layer::BackEnd => ModuleConfigurationLayer::Be,
            },
            version: row.version.clone(),
            config: row.config.clone(),
            is_exposed: row.is_exposed,
            is_disabled_until: row.is_disabled_until.map(Moment),
            row,
        }
    }
}

#[ComplexObject]
impl ModuleConfigurationNode {
    /// Which fields of forms are shown.
    async fn controls(&self) -> Vec<FieldControlNode> {
        let listed = self.row.controls.as_array().into_iter().flatten();
        listed.filter_map(|control| FieldControlNode::read(&self.row, control)).collect()
    }
}

#[ComplexObject]
impl FieldControlNode {
    async fn module(&self) -> ModuleConfigurationNode {
        self.of.clone().into()
    }
}

impl FieldControlNode {
    fn read(of: &ModuleConfiguration, control: &Json) -> Option<Self> {
        Some(Self {
            id: UuidOrGlobalId(control.get("id")?.as_str()?.parse().ok()?),
            field: control.get("field")?.as_str()?.to_owned(),
            usage: control.get("usage").and_then(Json::as_i64).and_then(|number| number.try_into().ok()),
            of: of.clone(),
        })
    }
}

/// Reading module configurations.
#[derive(Default)]
pub struct ConfigurationQueries;

#[Object]
impl ConfigurationQueries {
    /// The configurations that anybody may read. Strangers may ask for them.
    async fn module_configurations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Ignored: configurations are not kept in versions. A date, or a date and time.")]
        validity: Option<String>,
        #[graphql(desc = "`FE` or `BE`; both when it is absent or empty.")] layer: Option<String>,
    ) -> Result<Option<Vec<Option<ModuleConfigurationNode>>>> {
        let is_moment = |text: &String| {
            text.trim().is_empty() || Day::parse(text).is_some() || Moment::parse(text).is_some()
        };
        if validity.is_some_and(|text| !is_moment(&text)) {
            return Err(Error::validation("validity", Message::new("need-date").with("field", "validity")));
        }
        let layer = match layer.as_deref().map(str::trim).filter(|layer| !layer.is_empty()) {
            Some(text) => Some(Layer::parse(text).ok_or_else(|| {
                let message =
                    Message::new("need-one-of").with("field", "layer").with_list("allowed", &["FE", "BE"]);
                Error::validation("layer", message)
            })?),
            None => None,
        };
        let rows = configuration::exposed(&request(ctx)?.services, layer).await?;
        Ok(Some(rows.into_iter().map(|row| Some(row.into())).collect()))
    }
}
