//! What holds of passwords and their hashes whether or not this program can hash: the feature `server` decides that.

/// Longer passwords are taken for wrong ones without being hashed.
pub const LONGEST: usize = 1_024;

/// The prefix of a hash of the original: `openimis$<private key>$<upper-case hex SHA-256>`.
pub const LEGACY: &str = "openimis$";

/// The result of checking a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, but its hash is of an older form and should be replaced.
    RightButOutdated,
}

/// A hash of the original as it is kept here.
#[must_use]
pub fn legacy_hash(private_key: &str, digest: &str) -> String {
    format!("{LEGACY}{private_key}${digest}")
}
