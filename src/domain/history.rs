//! The kinds of writes in history.

use super::text_enum::text_enum;

text_enum! {
    /// What a write did to a row.
    pub enum HistoryType {
        /// The row was created.
        Created = "+",
        /// The row was changed.
        Changed = "~",
        /// The row was marked deleted.
        Deleted = "-",
    }
}
