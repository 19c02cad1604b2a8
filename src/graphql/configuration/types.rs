//! `ModuleConfigurationGQLType` and `FieldControlGQLType`.

use async_graphql::{Enum, Object};
use uuid::Uuid;

use crate::domain::configuration::Layer;
use crate::domain::json::Json;

use crate::graphql::protocol::scalars::{Moment, UuidOrGlobalId};
use crate::model::configuration::ModuleConfiguration;

/// Which side reads a configuration.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleConfigurationLayer {
    /// The front end.
    Fe,
    /// The server.
    Be,
}

/// A module's configuration.
#[derive(Clone)]
pub struct ModuleConfigurationNode(pub ModuleConfiguration);

#[Object(name = "ModuleConfigurationGQLType")]
impl ModuleConfigurationNode {
    async fn id(&self) -> UuidOrGlobalId {
        UuidOrGlobalId(self.0.id)
    }

    async fn module(&self) -> &str {
        &self.0.module
    }

    async fn layer(&self) -> ModuleConfigurationLayer {
        match self.0.layer {
            Layer::FrontEnd => ModuleConfigurationLayer::Fe,
            Layer::BackEnd => ModuleConfigurationLayer::Be,
        }
    }

    async fn version(&self) -> &str {
        &self.0.version
    }

    /// JSON in a text.
    async fn config(&self) -> &str {
        &self.0.config
    }

    async fn is_exposed(&self) -> bool {
        self.0.is_exposed
    }

    async fn is_disabled_until(&self) -> Option<Moment> {
        self.0.is_disabled_until.map(Moment)
    }

    /// Which fields of forms are shown.
    async fn controls(&self) -> Vec<FieldControlNode> {
        let listed = self.0.controls.as_array().into_iter().flatten();
        listed.filter_map(|control| FieldControlNode::read(&self.0, control)).collect()
    }
}

/// Whether a field of a form is shown.
pub struct FieldControlNode {
    id: Uuid,
    field: String,
    usage: Option<i32>,
    module: ModuleConfiguration,
}

impl FieldControlNode {
    fn read(module: &ModuleConfiguration, control: &Json) -> Option<Self> {
        Some(Self {
            id: control.get("id")?.as_str()?.parse().ok()?,
            field: control.get("field")?.as_str()?.to_owned(),
            usage: control.get("usage").and_then(Json::as_i64).and_then(|n| n.try_into().ok()),
            module: module.clone(),
        })
    }
}

#[Object(name = "FieldControlGQLType")]
impl FieldControlNode {
    async fn id(&self) -> UuidOrGlobalId {
        UuidOrGlobalId(self.id)
    }

    async fn module(&self) -> ModuleConfigurationNode {
        ModuleConfigurationNode(self.module.clone())
    }

    async fn field(&self) -> &str {
        &self.field
    }

    async fn usage(&self) -> Option<i32> {
        self.usage
    }
}
