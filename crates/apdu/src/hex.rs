//! Bytes as upper-case hexadecimal digits without separators, as the management protocol and the card images write
//! them. Strict: lower case, spaces and an odd digit are refused, so that one text stands for one byte string.

use core::fmt;

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// `[0x90, 0x00]` as `9000`.
pub fn encode(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0F)])
        .collect()
}

/// `9000` as `[0x90, 0x00]`.
pub fn decode(text: &str) -> Result<Vec<u8>, InvalidHex> {
    let digits = text.as_bytes();
    let nibble = |position: usize| match digits.get(position) {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'A'..=b'F') => Ok(digit - b'A' + 10),
        Some(_) | None => Err(InvalidHex { position }),
    };
    (0..digits.len())
        .step_by(2)
        .map(|at| Ok(nibble(at)? << 4 | nibble(at + 1)?))
        .collect()
}

/// A text that is not hexadecimal in the strict form. Does not carry the text, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidHex {
    /// The byte, counted from 0, at which it stops being hexadecimal.
    pub position: usize,
}

impl fmt::Display for InvalidHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "decode hex: expected pairs of `0-9A-F`, got another character or none at byte {}",
            self.position
        )
    }
}

impl core::error::Error for InvalidHex {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_strict_form_is_read() {
        assert_eq!(decode("00A4FF"), Ok(vec![0x00, 0xA4, 0xFF]));
        assert_eq!(decode(""), Ok(vec![]));
        for (text, position) in [("a4", 0), ("00 A4", 2), ("00A", 3), ("0x", 1), ("00é0", 2)] {
            assert_eq!(decode(text), Err(InvalidHex { position }), "{text}");
        }
    }

    #[test]
    fn encode_pads_every_byte() {
        assert_eq!(encode(&[0x00, 0x0A, 0xFF]), "000AFF");
    }
}
