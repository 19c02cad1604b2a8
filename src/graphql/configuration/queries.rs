//! Reading module configurations.

use async_graphql::{Context, Object};

use crate::domain::configuration::Layer;
use crate::error::{Error, Result};
use crate::graphql::configuration::types::ModuleConfigurationNode;
use crate::graphql::protocol::context::request;
use crate::graphql::protocol::scalars::{Day, Moment};
use crate::message::Message;
use crate::service::configuration;

/// Reading module configurations.
#[derive(Default)]
pub struct ConfigurationQueries;

#[Object]
impl ConfigurationQueries {
    /// The configurations that anybody may read; open to strangers.
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
        Ok(Some(rows.into_iter().map(|row| Some(ModuleConfigurationNode(row))).collect()))
    }
}
