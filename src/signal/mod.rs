//! Signals: what services do is told to whoever is bound to it, in the transaction or after it.

pub mod bus;
pub mod event;

pub use bus::{Bus, BusBuilder, HandlerError, PLACES};
pub use event::Event;
