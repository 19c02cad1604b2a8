//! Configuration of modules, as administrators keep it in the database.

use chrono::NaiveDateTime;
use serde_json::Value;
use uuid::Uuid;

/// Which side reads a module's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The front end.
    FrontEnd,
    /// This server.
    BackEnd,
}

impl Layer {
    /// The text kept in the database and shown to clients.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FrontEnd => "FE",
            Self::BackEnd => "BE",
        }
    }

    /// The layer of this text, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::FrontEnd, Self::BackEnd].into_iter().find(|layer| layer.as_str() == text)
    }
}

/// One module's configuration in one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleConfiguration {
    /// Primary key.
    pub id: Uuid,
    /// The module.
    pub module: String,
    /// Who reads it.
    pub layer: Layer,
    /// The version of its form.
    pub version: String,
    /// JSON in a text.
    pub config: String,
    /// Whether anybody may read it.
    pub is_exposed: bool,
    /// Until when it is to be left out of account, naive UTC.
    pub is_disabled_until: Option<NaiveDateTime>,
    /// Which fields of forms are shown: a list of `{"id", "field", "usage"}`.
    pub controls: Value,
}
