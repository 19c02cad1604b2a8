//! Configuration of modules, as administrators keep it in the database.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::entity::entity;
use crate::domain::configuration::Layer;
use crate::domain::json::Json;

entity! {
    /// One module's configuration in one layer.
    pub struct ModuleConfiguration ("module_configuration") in core_moduleconfiguration (id) {
        /// Primary key.
        id: Uuid => Uuid,
        /// The module.
        module: String => Text,
        /// The side that reads it.
        layer: Layer => Text,
        /// The version of the configuration's format.
        version: String => Text,
        /// The configuration, as a JSON text.
        config: String => Text,
        /// Whether anybody may read it.
        is_exposed: bool => Bool,
        /// Until when the configuration is to be ignored, naive UTC.
        is_disabled_until: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// Which fields of forms are shown: a list of `{"id", "field", "usage"}`.
        controls: Json => Jsonb,
    }
}
