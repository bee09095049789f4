//! One message: its length in two bytes, big-endian, then so many bytes; the same in both directions. Knows nothing of
//! what a message means.

use core::fmt;

/// The most bytes of one message: what its length can say.
pub const MESSAGE_BYTES_MAX: usize = 65_535;

const LENGTH_BYTES: usize = 2;

/// A message as one buffer, so that it leaves in one write: a length that travels alone makes the peer wait.
pub fn encode(message: &[u8]) -> Result<Vec<u8>, TooLong> {
    let len = u16::try_from(message.len()).map_err(|_| TooLong { len: message.len() })?;
    let mut bytes = Vec::with_capacity(LENGTH_BYTES + message.len());
    bytes.extend(len.to_be_bytes());
    bytes.extend(message);
    Ok(bytes)
}

/// Puts messages together from bytes that come split and glued. Holds one unfinished message and nothing more.
#[derive(Clone, Default)]
pub struct Decoder {
    /// The length and what has come of the message.
    begun: Vec<u8>,
}

impl Decoder {
    /// Takes bytes to the end of one message, and gives it if that end has come. What it leaves belongs to the next.
    pub fn take(&mut self, bytes: &mut &[u8]) -> Option<Vec<u8>> {
        self.take_up_to(LENGTH_BYTES, bytes);
        let &length = self.begun.first_chunk::<LENGTH_BYTES>()?;
        let end = LENGTH_BYTES + usize::from(u16::from_be_bytes(length));
        self.take_up_to(end, bytes);
        if self.begun.len() < end {
            return None;
        }
        let message = self.begun.split_off(LENGTH_BYTES);
        self.begun.clear();
        Some(message)
    }

    /// Whether a message has begun and not ended.
    pub fn is_amid_message(&self) -> bool {
        !self.begun.is_empty()
    }

    fn take_up_to(&mut self, end: usize, bytes: &mut &[u8]) {
        let missing = end.saturating_sub(self.begun.len());
        let (taken, left) = bytes.split_at(missing.min(bytes.len()));
        self.begun.extend(taken);
        *bytes = left;
    }
}

/// Shows lengths only: a message may hold a PIN or a shadow.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder({} bytes begun)", self.begun.len())
    }
}

/// What is longer than a message can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Its bytes.
    pub len: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "encode message: expected at most {MESSAGE_BYTES_MAX} bytes, got {}",
            self.len
        )
    }
}

impl core::error::Error for TooLong {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_message_has_65535_bytes_and_one_more_is_refused() {
        let longest = vec![0xA5; MESSAGE_BYTES_MAX];
        let bytes = encode(&longest).unwrap();
        assert_eq!(bytes[..2], [0xFF, 0xFF]);
        let (mut decoder, mut rest) = (Decoder::default(), &bytes[..]);
        assert_eq!(decoder.take(&mut rest), Some(longest));
        assert!(rest.is_empty() && !decoder.is_amid_message());

        let refusal = encode(&vec![0; MESSAGE_BYTES_MAX + 1]).expect_err("its length has no room");
        assert_eq!(
            refusal.to_string(),
            "encode message: expected at most 65535 bytes, got 65536"
        );
    }

    #[test]
    fn debug_never_shows_a_pin() {
        let mut decoder = Decoder::default();
        assert_eq!(
            decoder.take(&mut &b"\x00\x0D\x00\x20\x00\x00\x08123456"[..]),
            None
        );
        assert_eq!(format!("{decoder:?}"), "Decoder(13 bytes begun)");
    }
}
