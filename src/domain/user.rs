//! The system user.

use uuid::Uuid;

/// The system user, in whose name is done what nobody does. It is not active, so that it can neither log in nor be asked to
/// decide; lists of users leave it out; history and journal name it. A migration adds it.
pub const SYSTEM_USER: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001);
