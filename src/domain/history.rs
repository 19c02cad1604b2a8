//! What writes do to rows.

use super::text_enum::text_enum;

text_enum! {
    /// What a write did.
    pub enum HistoryType {
        /// The row was created.
        Created = "+",
        /// The row was changed.
        Changed = "~",
        /// The row was marked deleted.
        Deleted = "-",
    }
}
