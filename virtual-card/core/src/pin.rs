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
        Self::of_typed_digits(text.as_bytes().try_into().ok()?)
    }

    /// Eight digits of a command; anything else is no PIN that a card may hold.
    //= PN-02
    pub(crate) fn of_typed_digits(characters: [u8; 8]) -> Option<Self> {
        characters
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| Self::of_characters(characters))
    }

    /// Four bytes with two nibbles each, the first in the high half.
    pub(crate) fn of_packed(packed: [u8; 4]) -> Self {
        let [a, b, c, d] = packed;
        Self([
            a >> 4,
            a & 0x0F,
            b >> 4,
            b & 0x0F,
            c >> 4,
            c & 0x0F,
            d >> 4,
            d & 0x0F,
        ])
    }

    /// Whether a card may hold it.
    pub(crate) fn is_digits(&self) -> bool {
        self.0.iter().all(|nibble| *nibble <= 9)
    }

    /// For the write of its cell and for nothing else.
    pub(crate) const fn nibbles(&self) -> &[u8; 8] {
        &self.0
    }

    /// Some of its nibbles are written.
    pub(crate) fn overlay(&mut self, offset: usize, nibbles: &[u8]) {
        self.0[offset..offset + nibbles.len()].copy_from_slice(nibbles);
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

/// A PIN as a command presents it.
#[derive(Clone, Debug)]
pub(crate) struct Presented {
    pub(crate) candidate: ExpectCounted,
    /// What becomes the PIN if the candidate is right.
    pub(crate) change_to: Option<PhysicalPin>,
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
