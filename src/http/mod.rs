//! HTTP: the router, and the handlers of its paths.

pub mod body;
pub mod compression;
pub mod cookies;
pub mod current_user;
pub mod desk;
pub mod fault;
pub mod functions;
pub mod graphiql;
pub mod graphql;
pub mod health;
pub mod home;
pub mod listeners;
pub mod media_type;
pub mod origin;
pub mod request;
pub mod router;
pub mod server;
pub mod socket;
pub mod state;
