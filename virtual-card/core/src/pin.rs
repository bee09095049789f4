//! The physical PIN and its comparison. Knows nothing of APDUs and counts nothing; see the card for that.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Eight nibbles, one a byte. What a card holds has digits only; what a custodian types may have more.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PhysicalPin([u8; 8]);

impl PhysicalPin {
    /// What a card takes from eight typed characters: the low nibble of each.
    //= PN-01
    pub(crate) fn of_characters(characters: [u8; 8]) -> Self {
        Self(characters.map(|character| character & 0x0F))
    }

    /// What a card may hold: eight digits.
    pub(crate) fn of_digits(text: &str) -> Option<Self> {
        let digits = <[u8; 8]>::try_from(text.as_bytes()).ok()?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| Self::of_characters(digits))
    }

    /// Eight digits as text, for the image and for nothing else.
    pub(crate) fn to_digits(&self) -> String {
        self.0.iter().map(|nibble| char::from(b'0' + nibble)).collect()
    }
}

impl Drop for PhysicalPin {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for PhysicalPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhysicalPin(8 nibbles)")
    }
}

/// The try was written down. The card makes one when its driver has come back from that write, and from nothing else.
#[derive(Debug)]
pub(crate) struct TryCounted(());

impl TryCounted {
    /// For the one place that is told of a finished write of the try counter.
    pub(crate) fn after_write() -> Self {
        Self(())
    }
}

/// The PIN was presented and is right. Made by the comparison and by nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PinVerified(());

/// A PIN that waits for its try to be written down before it may be compared.
#[derive(Clone, Debug)]
pub(crate) struct ExpectCounted {
    candidate: PhysicalPin,
}

impl ExpectCounted {
    pub(crate) fn new(candidate: PhysicalPin) -> Self {
        Self { candidate }
    }

    /// Compares, in a time that does not tell how much of it was right.
    //= CD-04
    pub(crate) fn on_counted(self, _: TryCounted, pin: &PhysicalPin) -> Option<PinVerified> {
        bool::from(self.candidate.0.ct_eq(&pin.0)).then_some(PinVerified(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_same(one: [u8; 8], other: [u8; 8]) -> bool {
        let candidate = ExpectCounted::new(PhysicalPin::of_characters(one));
        candidate
            .on_counted(TryCounted::after_write(), &PhysicalPin::of_characters(other))
            .is_some()
    }

    //= PN-01
    #[test]
    fn different_entries_can_be_the_same_pin() {
        assert!(check_same(*b"ABCDEFGH", *b"12345678"));
        assert!(check_same(*b"qrstuvwx", *b"12345678"));
        assert!(!check_same(*b"12345679", *b"12345678"));
        assert!(!check_same(*b"JKLMNOZz", *b"12345678"));
    }

    #[test]
    fn debug_never_shows_a_pin() {
        assert_eq!(
            format!("{:?}", PhysicalPin::of_characters(*b"12345678")),
            "PhysicalPin(8 nibbles)"
        );
    }
}
