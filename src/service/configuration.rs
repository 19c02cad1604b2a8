//! Configurations of modules that the front end reads.

use std::sync::Arc;

use crate::db;
use crate::domain::configuration::Layer;
use crate::error::Result;
use crate::model::configuration::ModuleConfiguration;
use crate::service::context::ServiceContext;

/// The configurations that anybody may read.
pub async fn exposed(
    services: &Arc<ServiceContext>,
    layer: Option<Layer>,
) -> Result<Vec<ModuleConfiguration>> {
    services
        .read(move |services, connection| db::configuration::exposed(connection, layer, services.clock.now()))
        .await
}
