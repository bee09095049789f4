//! What a custodian typed at the PIN prompt. Not yet checked; never prints, and dropping wipes it.

use core::fmt;

use apdu::{InvalidPinEntry, PinEntry};
use zeroize::Zeroize;

/// A text typed for a PIN, of any length. The session checks it before anything goes to the card (PN-03).
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(String);

impl Pin {
    /// The text as an entry that the card may see: exactly 8 of `0-9 A-Z a-z`.
    //= PN-01
    //= PN-03
    pub fn check(&self) -> Result<PinEntry, InvalidPinEntry> {
        PinEntry::try_from(self.0.as_str())
    }
}

impl From<String> for Pin {
    fn from(typed: String) -> Self {
        Self(typed)
    }
}

impl From<&str> for Pin {
    fn from(typed: &str) -> Self {
        Self(typed.to_owned())
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the length either: it is one of the secrets of who mistypes it.
        f.write_str("Pin(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", Pin::from("12345678")), "Pin(..)");
    }
}
