//! What a custodian types for a PIN. Checks the characters and never compares them; the card does.

use core::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::{CommandApdu, mpcos};

/// Eight characters of `0-9 A-Z a-z`. Never prints, and dropping wipes it.
#[derive(Clone, PartialEq, Eq)]
pub struct PinEntry([u8; 8]);

impl PinEntry {
    /// VERIFY with the characters as they were typed; the card takes the low nibble of each.
    //= PN-01
    pub fn to_verify(&self) -> CommandApdu {
        CommandApdu::with_data(mpcos::VERIFY_PIN, &self.0).expect("8 bytes fit in a command")
    }
}

//= PN-03
impl TryFrom<&str> for PinEntry {
    type Error = InvalidPinEntry;

    fn try_from(typed: &str) -> Result<Self, InvalidPinEntry> {
        let characters = typed.chars().count();
        if characters != 8 {
            return Err(InvalidPinEntry::Length { characters });
        }
        match <[u8; 8]>::try_from(typed.as_bytes()) {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_alphanumeric) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(InvalidPinEntry::Character),
        }
    }
}

impl Drop for PinEntry {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for PinEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinEntry(8 characters)")
    }
}

/// A PIN that a card is to hold from now on: eight digits. Never prints, and dropping wipes it.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPin([u8; 8]);

impl NewPin {
    /// CHANGE PIN with both PINs as they were typed, the old one first.
    pub fn to_change(&self, old: &PinEntry) -> CommandApdu {
        let mut both = Zeroizing::new([0; 16]);
        both[..8].copy_from_slice(&old.0);
        both[8..].copy_from_slice(&self.0);
        CommandApdu::with_data(mpcos::CHANGE_TYPED_PIN, &*both).expect("16 bytes fit in a command")
    }
}

//= PN-02
impl TryFrom<&str> for NewPin {
    type Error = InvalidNewPin;

    fn try_from(typed: &str) -> Result<Self, InvalidNewPin> {
        match <[u8; 8]>::try_from(typed.as_bytes()) {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_digit) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(InvalidNewPin),
        }
    }
}

impl Drop for NewPin {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for NewPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPin(8 digits)")
    }
}

/// A text that is no PIN. Carries nothing of it but its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidPinEntry {
    /// Not eight characters.
    Length {
        /// How many they were.
        characters: usize,
    },
    /// A character that is no digit and no letter of `A-Z a-z`.
    Character,
}

impl fmt::Display for InvalidPinEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { characters } => write!(f, "read PIN: expected 8 characters, got {characters}"),
            Self::Character => f.write_str("read PIN: expected characters of `0-9 A-Z a-z`, got another"),
        }
    }
}

impl core::error::Error for InvalidPinEntry {}

/// A text that no card takes as its new PIN. Carries nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidNewPin;

impl fmt::Display for InvalidNewPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("read new PIN: expected 8 digits, got something else")
    }
}

impl core::error::Error for InvalidNewPin {}

#[cfg(test)]
mod tests {
    use super::*;

    //= PN-03
    #[test]
    fn another_length_or_character_never_becomes_a_command() {
        for typed in ["", "1234567", "123456789", "ÄÖÜ"] {
            let characters = typed.chars().count();
            assert_eq!(
                PinEntry::try_from(typed),
                Err(InvalidPinEntry::Length { characters })
            );
        }
        for typed in ["1234567 ", "1234567\0", "1234567é", "12345_78"] {
            assert_eq!(PinEntry::try_from(typed), Err(InvalidPinEntry::Character));
        }
    }

    //= PN-02
    #[test]
    fn a_new_pin_has_eight_digits_and_goes_out_after_the_old_one() {
        for typed in [
            "",
            "1234567",
            "123456789",
            "1234567a",
            "ABCDEFGH",
            "123456é",
            "1234567 ",
        ] {
            assert_eq!(NewPin::try_from(typed), Err(InvalidNewPin));
        }
        let old = PinEntry::try_from("ABCDEFGH").expect("letters are allowed");
        let new = NewPin::try_from("87654321").expect("digits are allowed");
        assert_eq!(
            new.to_change(&old).to_tpdu(),
            b"\x00\x24\x00\x00\x10ABCDEFGH87654321"
        );
        assert_eq!(format!("{new:?}"), "NewPin(8 digits)");
    }

    //= PN-01
    #[test]
    fn the_station_sends_the_characters_as_typed() {
        let entry = PinEntry::try_from("ABCDwxyz").expect("letters are allowed");
        assert_eq!(entry.to_verify().to_tpdu(), b"\x00\x20\x00\x00\x08ABCDwxyz");
        assert_eq!(format!("{entry:?}"), "PinEntry(8 characters)");
    }
}
