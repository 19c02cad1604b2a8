//! Rights: openIMIS' numbers, and which people are superuser, triage or privileged.

use std::collections::BTreeSet;

use super::settings::ModuleSettings;
use crate::error::{Error, Result};
use crate::message::Message;

/// Refuses numbers that no right has. A role may grant rights that other programs know, so any number from 1 on may be one.
///
/// # Errors
/// VALIDATION, naming `field` and the first such number.
pub fn check_rights(field: &str, rights: &BTreeSet<i32>) -> Result<()> {
    match rights.first().filter(|right| **right < 1) {
        None => Ok(()),
        Some(right) => {
            let message = Message::new("not-a-right").with("right", i64::from(*right));
            Err(Error::validation(field, message))
        }
    }
}

/// The rights that one person has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// Whether the person has a role that grants everything.
    pub is_superuser: bool,
    /// The numbers of the granted rights.
    pub numbers: BTreeSet<i32>,
}

impl Rights {
    /// The rights with these numbers.
    #[must_use]
    pub fn of(numbers: impl IntoIterator<Item = i32>) -> Self {
        Self { is_superuser: false, numbers: numbers.into_iter().collect() }
    }

    /// All rights.
    #[must_use]
    pub fn everything() -> Self {
        Self { is_superuser: true, numbers: BTreeSet::new() }
    }

    /// Whether these rights include all of `other`: a superuser's are included in a superuser's only.
    #[must_use]
    pub fn include(&self, other: &Self) -> bool {
        self.is_superuser || (!other.is_superuser && other.numbers.is_subset(&self.numbers))
    }

    /// The rights that are in both.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        match (self.is_superuser, other.is_superuser) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ => Self::of(self.numbers.intersection(&other.numbers).copied()),
        }
    }

    /// Whether these rights include all of `needed`. An empty list needs none.
    #[must_use]
    pub fn have(&self, needed: &[i32]) -> bool {
        self.is_superuser || needed.iter().all(|right| self.numbers.contains(right))
    }

    /// Whether the person is privileged: *triage*, who has all four task-group rights, or superuser.
    #[must_use]
    pub fn are_privileged(&self, settings: &ModuleSettings) -> bool {
        [
            &settings.gql_task_group_search_perms,
            &settings.gql_task_group_create_perms,
            &settings.gql_task_group_update_perms,
            &settings.gql_task_group_delete_perms,
        ]
        .into_iter()
        .all(|needed| self.have(needed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileged_is_who_has_all_four_group_rights_or_everything() {
        let settings = ModuleSettings::default();
        let mut rights = Rights { numbers: BTreeSet::from([190_001, 190_002, 190_003]), ..Rights::default() };
        assert!(!rights.are_privileged(&settings));
        rights.numbers.insert(190_004);
        assert!(rights.are_privileged(&settings));
        assert!(Rights { is_superuser: true, ..Rights::default() }.are_privileged(&settings));
    }

    #[test]
    fn all_rights_of_a_list_are_needed() {
        let rights = Rights { numbers: BTreeSet::from([1]), ..Rights::default() };
        assert!(rights.have(&[1]));
        assert!(!rights.have(&[1, 2]));
        assert!(rights.have(&[]));
    }
}
