//! Reading module configurations.

use async_graphql::{Context, Object};

use crate::domain::configuration::Layer;
use crate::error::{Error, Result};
use crate::graphql::configuration::types::ModuleConfigurationNode;
use crate::graphql::protocol::context::request;
use crate::message::Message;
use crate::service::configuration;

/// Reading module configurations.
#[derive(Default)]
pub struct ConfigurationQueries;

#[Object]
impl ConfigurationQueries {
    /// The configurations that anybody may read; open to strangers. `validity` changes nothing: there is one version.
    async fn module_configurations(
        &self,
        ctx: &Context<'_>,
        validity: Option<String>,
        layer: Option<String>,
    ) -> Result<Option<Vec<Option<ModuleConfigurationNode>>>> {
        drop(validity);
        let layer = match layer.as_deref().map(str::trim).filter(|layer| !layer.is_empty()) {
            Some(text) => Some(Layer::parse(text).ok_or_else(|| {
                let message =
                    Message::new("need-one-of").with("field", "layer").with_list("allowed", &["FE", "BE"]);
                Error::validation("layer", message)
            })?),
            None => None,
        };
        let rows = configuration::exposed(&request(ctx)?.services, layer).await?;
        Ok(Some(rows.into_iter().map(|row| Some(ModuleConfigurationNode(row))).collect()))
    }
}
