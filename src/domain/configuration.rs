//! Which side a module's configuration is for.

use super::text_enum::text_enum;

text_enum! {
    /// Which side reads a module's configuration.
    pub enum Layer {
        /// The front end.
        FrontEnd = "FE",
        /// This server.
        BackEnd = "BE",
    }
}
