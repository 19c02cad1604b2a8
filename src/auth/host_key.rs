//! The keys by which hosts know their people, as the UUIDs by which the module does. A key and its UUID say the same, in the
//! same order, so nothing has to remember which belong together.

use uuid::Uuid;

use crate::error::{Error, ErrorCode, Result};
use crate::message::Message;

/// A host's key of a person: a UUID, a number, or a text of at most 14 bytes.
pub trait HostKey: Clone + PartialEq + Send + Sync + 'static {
    /// The UUID by which the module knows the person.
    ///
    /// # Errors
    /// VALIDATION for a text that is too long, or holds a NUL character.
    fn id(&self) -> Result<Uuid>;

    /// The key with this UUID; none for a UUID that belongs to no such key.
    fn of_id(id: Uuid) -> Option<Self>;
}

impl HostKey for Uuid {
    fn id(&self) -> Result<Uuid> {
        Ok(*self)
    }

    fn of_id(id: Uuid) -> Option<Self> {
        Some(id)
    }
}

/// How many bytes of a UUID are not taken by its version and variant.
const FREE: usize = 14;

/// The UUID of version 8, which is for the makers of UUIDs, with these bytes.
fn made_of(bytes: [u8; FREE]) -> Uuid {
    let mut all = [0; 16];
    all[..6].copy_from_slice(&bytes[..6]);
    all[7] = bytes[6];
    all[9..].copy_from_slice(&bytes[7..]);
    uuid::Builder::from_custom_bytes(all).into_uuid()
}

/// The bytes of which such a UUID is made.
fn bytes_of(id: Uuid) -> Option<[u8; FREE]> {
    let all = id.as_bytes();
    let mut bytes = [0; FREE];
    bytes[..6].copy_from_slice(&all[..6]);
    bytes[6] = all[7];
    bytes[7..].copy_from_slice(&all[9..]);
    (made_of(bytes) == id).then_some(bytes)
}

impl HostKey for i64 {
    fn id(&self) -> Result<Uuid> {
        let mut bytes = [0; FREE];
        // In this form negative numbers come before others.
        bytes[6..].copy_from_slice(&(*self ^ Self::MIN).to_be_bytes());
        Ok(made_of(bytes))
    }

    fn of_id(id: Uuid) -> Option<Self> {
        let bytes = bytes_of(id)?;
        let (none, number) = bytes.split_at(6);
        let number = Self::from_be_bytes(number.try_into().ok()?) ^ Self::MIN;
        none.iter().all(|byte| *byte == 0).then_some(number)
    }
}

impl HostKey for i32 {
    fn id(&self) -> Result<Uuid> {
        i64::from(*self).id()
    }

    fn of_id(id: Uuid) -> Option<Self> {
        i64::of_id(id)?.try_into().ok()
    }
}

impl HostKey for String {
    fn id(&self) -> Result<Uuid> {
        if self.is_empty() || self.len() > FREE || self.contains('\0') {
            let message = Message::new("bad-host-key").with("key", self.as_str()).with("max", FREE);
            return Err(Error::new(ErrorCode::Validation, message));
        }
        let mut bytes = [0; FREE];
        bytes[..self.len()].copy_from_slice(self.as_bytes());
        Ok(made_of(bytes))
    }

    fn of_id(id: Uuid) -> Option<Self> {
        let bytes = bytes_of(id)?;
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(FREE);
        let (text, rest) = bytes.split_at(length);
        let is_text = length > 0 && rest.iter().all(|byte| *byte == 0);
        is_text.then(|| Self::from_utf8(text.to_vec()).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<K: HostKey + std::fmt::Debug>(in_order: &[K]) {
        let ids: Vec<Uuid> = in_order.iter().map(|key| key.id().expect("a key")).collect();
        assert!(ids.is_sorted(), "{in_order:?}: {ids:?}");
        for (key, id) in in_order.iter().zip(ids) {
            assert_eq!(K::of_id(id).as_ref(), Some(key), "{id}");
        }
    }

    #[test]
    fn a_key_is_its_uuid_and_in_the_same_order() {
        check(&[i64::MIN, -1, 0, 1, 255, 256, 1 << 40, i64::MAX]);
        check(&[i32::MIN, -7, 0, 7, i32::MAX]);
        check(&["a", "ada", "adb", "b", "forteen-bytes!"].map(str::to_owned));
        check(&[Uuid::from_u128(1), Uuid::from_u128(2)]);
    }

    #[test]
    fn other_uuids_belong_to_no_key_and_long_texts_have_no_uuid() {
        let random = Uuid::from_u128(0xA000_0000_0000_4000_8000_0000_0000_0001);
        assert_eq!((i64::of_id(random), String::of_id(random)), (None, None));
        assert_eq!(i32::of_id((1i64 << 40).id().expect("a key")), None);
        for text in ["", "fifteen bytes !", "nul\0"] {
            assert!(text.to_owned().id().is_err(), "{text:?}");
        }
    }
}
