//! The requester, and how a requester is authenticated.

pub mod directory;
pub mod host_key;
pub mod password;
pub mod people;
pub mod requester;
pub mod sealing;
pub mod token;
pub mod users;
