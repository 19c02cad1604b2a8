//! Who asks, and how they prove it.

pub mod directory;
pub mod password;
pub mod requester;
pub mod sealing;
pub mod token;
pub mod users;
