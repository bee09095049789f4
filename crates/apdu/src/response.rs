//! The answer of a card: data and a status word. Knows no command. See ISO/IEC 7816-4, command-response pairs.

use core::fmt;

use crate::StatusWord;

/// The most data that a short answer carries, in bytes.
pub(crate) const RESPONSE_BYTES_MAX: usize = 256;

/// One answer. Its data may be a shadow, so `Debug` shows only their length.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseApdu {
    /// What the card answered, 0..=256 bytes.
    pub data: Vec<u8>,
    /// How it went.
    pub status: StatusWord,
}

impl ResponseApdu {
    /// The bytes on the wire: the data, SW1, SW2.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.data.len() + 2);
        bytes.extend(&self.data);
        bytes.extend(self.status.0.to_be_bytes());
        bytes
    }
}

impl From<StatusWord> for ResponseApdu {
    fn from(status: StatusWord) -> Self {
        Self {
            data: Vec::new(),
            status,
        }
    }
}

impl TryFrom<&[u8]> for ResponseApdu {
    type Error = InvalidResponse;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidResponse> {
        match bytes.split_last_chunk::<2>() {
            Some((data, status)) if data.len() <= RESPONSE_BYTES_MAX => Ok(Self {
                data: data.to_vec(),
                status: StatusWord::from(*status),
            }),
            Some(_) | None => Err(InvalidResponse { len: bytes.len() }),
        }
    }
}

impl fmt::Debug for ResponseApdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseApdu({} bytes, {:?})", self.data.len(), self.status)
    }
}

/// Bytes that are no answer: fewer than a status word, or more than the short form carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidResponse {
    /// The bytes that came.
    pub len: usize,
}

impl fmt::Display for InvalidResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "decode response: expected 2 to {} bytes, got {}",
            RESPONSE_BYTES_MAX + 2,
            self.len
        )
    }
}

impl core::error::Error for InvalidResponse {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_to_258_bytes_are_an_answer_and_no_others() {
        let read = |len: usize| ResponseApdu::try_from(&vec![0x90; len][..]);
        assert_eq!(read(2), Ok(ResponseApdu::from(StatusWord(0x9090))));
        assert_eq!(read(258).map(|response| response.data.len()), Ok(256));
        for len in [0, 1, 259] {
            assert_eq!(read(len), Err(InvalidResponse { len }));
        }
    }

    #[test]
    fn debug_never_shows_the_data() {
        let response = ResponseApdu {
            data: b"shadow".to_vec(),
            status: StatusWord::OK,
        };
        assert_eq!(format!("{response:?}"), "ResponseApdu(6 bytes, 9000)");
        assert_eq!(response.to_bytes(), b"shadow\x90\x00");
    }
}
