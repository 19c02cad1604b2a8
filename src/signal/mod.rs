//! Signals: handlers that are bound to them are told what services do, in the transaction or after it.

pub mod bus;
pub mod cause;
pub mod event;

pub use bus::{Bus, BusBuilder, HandlerError, PERMITS};
pub use event::Event;
