//! Who asks, and how they prove it.

pub mod password;
pub mod requester;
pub mod token;
