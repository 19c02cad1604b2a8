//! Text files in the forms that editors write: some begin with a byte-order mark, some are UTF-16.

use std::path::Path;

/// Reads a text.
///
/// # Errors
/// A sentence that names the file and what to do.
pub fn read(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| {
        format!("{} can't be read: {error}; name a file that is there and may be read", path.display())
    })?;
    decode(&bytes).map_err(|reason| format!("{} {reason}", path.display()))
}

/// The text of these bytes, without a byte-order mark.
///
/// # Errors
/// The end of a sentence that says what is wrong, and what to do.
pub fn decode(bytes: &[u8]) -> Result<String, String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .ok()
            .filter(|_| bytes.len().is_multiple_of(2))
    };
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    };
    text.ok_or_else(|| "is not a text in UTF-8: save it as UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}é😀".encode_utf16().flat_map(unit).collect()
        };
        for bytes in ["é😀".into(), "\u{feff}é😀".into(), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)]
        {
            assert_eq!(decode(&bytes).as_deref(), Ok("é😀"), "{bytes:?}");
        }
        for wrong in [&[0xFF, 0xFE, 0x41][..], &[0xFF, 0xFE, 0x00, 0xD8], &[0xC3], &[0xEF, 0xBB, 0xBF, 0xC3]]
        {
            assert!(decode(wrong).is_err(), "{wrong:?}");
        }
    }
}
