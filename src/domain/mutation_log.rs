//! How mutations go.

/// How a mutation went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MutationStatus {
    /// It is under way.
    Received,
    /// It was refused or failed, and nothing was changed.
    Error,
    /// It was done.
    Success,
}

impl MutationStatus {
    /// All values.
    pub const ALL: &'static [Self] = &[Self::Received, Self::Error, Self::Success];

    /// The number by which it goes, in the database as well as towards clients.
    #[must_use]
    pub const fn as_i32(self) -> i32 {
        match self {
            Self::Received => 0,
            Self::Error => 1,
            Self::Success => 2,
        }
    }

    /// The status that goes by this number, if one does.
    #[must_use]
    pub fn parse(number: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_i32() == number)
    }
}
