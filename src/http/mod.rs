//! HTTP: the router, and the handlers of its paths.

pub mod cookies;
pub mod current_user;
pub mod fault;
pub mod graphiql;
pub mod graphql;
pub mod health;
pub mod request;
pub mod router;
pub mod state;
