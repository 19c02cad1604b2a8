//! The statuses of mutations.

/// The status of a mutation in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MutationStatus {
    /// The mutation is under way.
    Received,
    /// The mutation was refused or failed, and nothing was changed.
    Error,
    /// The mutation was done.
    Success,
}

impl MutationStatus {
    /// All values.
    pub const ALL: &'static [Self] = &[Self::Received, Self::Error, Self::Success];

    /// The number of the status, in the database and for clients.
    #[must_use]
    pub const fn as_i32(self) -> i32 {
        match self {
            Self::Received => 0,
            Self::Error => 1,
            Self::Success => 2,
        }
    }

    /// The status with this number, if there is one.
    #[must_use]
    pub fn parse(number: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_i32() == number)
    }
}
