//! Signals: what services do is told to whoever is bound to it, in the transaction or after it.

pub mod bus;

pub use bus::{Bus, BusBuilder, Event, HandlerError, PLACES};
