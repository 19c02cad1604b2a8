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
        /// Who reads it.
        layer: Layer => Text,
        /// The version of its form.
        version: String => Text,
        /// JSON in a text.
        config: String => Text,
        /// Whether anybody may read it.
        is_exposed: bool => Bool,
        /// Until when it is to be left out of account, naive UTC.
        is_disabled_until: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// Which fields of forms are shown: a list of `{"id", "field", "usage"}`.
        controls: Json => Jsonb,
    }
}
