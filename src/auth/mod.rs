//! The requester, and how a requester is authenticated.

pub mod directory;
pub mod host_key;
#[cfg(feature = "server")]
pub mod password;
#[cfg(not(feature = "server"))]
#[path = "no_password.rs"]
pub mod password;
mod password_form;
pub mod password_policy;
pub mod people;
pub mod requester;
#[cfg(feature = "webhooks")]
pub mod sealing;
#[cfg(not(feature = "webhooks"))]
#[path = "no_sealing.rs"]
pub mod sealing;
#[cfg(feature = "server")]
pub mod token;
#[cfg(not(feature = "server"))]
#[path = "no_token.rs"]
pub mod token;
pub mod users;
