//! The two bytes that end every answer of a card. Knows no command. See ISO/IEC 7816-4, status bytes.

use core::fmt;

/// SW1 and SW2 as one number: `StatusWord(0x9000)` is success.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// Done.
    pub const OK: Self = Self(0x9000);
    /// Done, but the end of the file came before Le bytes were read.
    pub const END_OF_FILE: Self = Self(0x6282);
    /// A write to the card's memory failed.
    pub const MEMORY_FAILURE: Self = Self(0x6581);
    /// The length is wrong.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// The command does not fit the kind of file: a directory was asked for, an elementary file was found.
    pub const INCOMPATIBLE_FILE: Self = Self(0x6981);
    /// The access condition is not met: the PIN has not been verified, or the access is never allowed.
    pub const SECURITY_STATUS_NOT_SATISFIED: Self = Self(0x6982);
    /// The PIN is blocked.
    pub const BLOCKED: Self = Self(0x6983);
    /// The command makes no sense now.
    pub const CONDITIONS_NOT_SATISFIED: Self = Self(0x6985);
    /// The command needs a current file and there is none.
    pub const NO_CURRENT_FILE: Self = Self(0x6986);
    /// The data field holds what it must not hold.
    pub const WRONG_DATA: Self = Self(0x6A80);
    /// The card does not do this.
    pub const NOT_SUPPORTED: Self = Self(0x6A81);
    /// No file or application of that name.
    pub const FILE_NOT_FOUND: Self = Self(0x6A82);
    /// Not enough room in the file.
    pub const NO_ROOM: Self = Self(0x6A84);
    /// Nothing of that number or tag.
    pub const DATA_NOT_FOUND: Self = Self(0x6A88);
    /// P1 or P2 are wrong.
    pub const WRONG_PARAMETERS: Self = Self(0x6B00);
    /// The instruction is unknown in this class.
    pub const UNKNOWN_INSTRUCTION: Self = Self(0x6D00);
    /// The class is unknown.
    pub const UNKNOWN_CLASS: Self = Self(0x6E00);

    /// `63Cx`: the PIN was wrong. More than 15 tries left are told as 15, the most that the nibble can say.
    pub const fn wrong_pin(tries_left: u8) -> Self {
        let told = if tries_left > 0x0F { 0x0F } else { tries_left };
        Self(0x63C0 | told as u16)
    }

    /// `61xx`: so many bytes wait for GET RESPONSE, 1..=256.
    pub const fn more_data(bytes: u16) -> Self {
        Self(0x6100 | (bytes & 0xFF))
    }

    /// `6Cxx`: ask again with this Le, 1..=256.
    pub const fn wrong_le(le: u16) -> Self {
        Self(0x6C00 | (le & 0xFF))
    }

    /// The high byte.
    pub const fn sw1(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// The low byte.
    pub const fn sw2(self) -> u8 {
        self.0.to_be_bytes()[1]
    }

    /// Of `63Cx`: the tries left, 0..=15.
    pub const fn tries_left(self) -> Option<u8> {
        if self.0 & 0xFFF0 == 0x63C0 {
            Some(self.sw2() & 0x0F)
        } else {
            None
        }
    }

    /// Of `61xx`: the bytes that wait for GET RESPONSE, 1..=256.
    pub const fn bytes_available(self) -> Option<u16> {
        if self.sw1() == 0x61 {
            Some(len_of(self.sw2()))
        } else {
            None
        }
    }

    /// Of `6Cxx`: the Le to ask again with, 1..=256.
    pub const fn correct_le(self) -> Option<u16> {
        if self.sw1() == 0x6C {
            Some(len_of(self.sw2()))
        } else {
            None
        }
    }

    /// What it means, as far as that needs no knowledge of the command.
    fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::OK => "done",
            Self::END_OF_FILE => "end of file before Le bytes",
            Self::MEMORY_FAILURE => "memory failure",
            Self::WRONG_LENGTH => "wrong length",
            Self::INCOMPATIBLE_FILE => "not that kind of file",
            Self::SECURITY_STATUS_NOT_SATISFIED => "PIN not verified",
            Self::BLOCKED => "PIN blocked",
            Self::CONDITIONS_NOT_SATISFIED => "not now",
            Self::NO_CURRENT_FILE => "no file selected",
            Self::WRONG_DATA => "wrong data",
            Self::NOT_SUPPORTED => "not supported",
            Self::FILE_NOT_FOUND => "file or application not found",
            Self::NO_ROOM => "no room in the file",
            Self::DATA_NOT_FOUND => "no such data",
            Self::WRONG_PARAMETERS => "wrong P1 or P2",
            Self::UNKNOWN_INSTRUCTION => "unknown instruction",
            Self::UNKNOWN_CLASS => "unknown class",
            _ => return None,
        })
    }
}

/// In status words and in Le, a byte of zero stands for 256.
const fn len_of(byte: u8) -> u16 {
    if byte == 0 { 256 } else { byte as u16 }
}

impl From<[u8; 2]> for StatusWord {
    fn from(bytes: [u8; 2]) -> Self {
        Self(u16::from_be_bytes(bytes))
    }
}

/// Four hexadecimal digits and, where it is known, what they mean: `63C5 (wrong PIN, 5 tries left)`.
impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)?;
        if let Some(meaning) = self.meaning() {
            write!(f, " ({meaning})")
        } else if let Some(tries_left) = self.tries_left() {
            let tries = if tries_left == 1 { "try" } else { "tries" };
            write!(f, " (wrong PIN, {tries_left} {tries} left)")
        } else if let Some(bytes) = self.bytes_available() {
            write!(f, " (done, {bytes} bytes to collect)")
        } else if let Some(le) = self.correct_le() {
            write!(f, " (ask again with Le {le})")
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_digits_and_what_they_mean() {
        for (status, printed) in [
            (0x9000, "9000 (done)"),
            (0x63C5, "63C5 (wrong PIN, 5 tries left)"),
            (0x63C1, "63C1 (wrong PIN, 1 try left)"),
            (0x6112, "6112 (done, 18 bytes to collect)"),
            (0x6C00, "6C00 (ask again with Le 256)"),
            (0x6983, "6983 (PIN blocked)"),
            (0x6F12, "6F12"),
        ] {
            assert_eq!(StatusWord(status).to_string(), printed);
        }
    }

    #[test]
    fn only_the_right_first_byte_carries_a_number() {
        assert_eq!(StatusWord(0x63C0).tries_left(), Some(0));
        assert_eq!(StatusWord(0x63B5).tries_left(), None);
        assert_eq!(StatusWord(0x6100).bytes_available(), Some(256));
        assert_eq!(StatusWord(0x6218).bytes_available(), None);
        assert_eq!(StatusWord(0x6C18).correct_le(), Some(0x18));
        assert_eq!(StatusWord(0x6D18).correct_le(), None);
    }

    #[test]
    fn the_makers_say_what_the_readers_read() {
        assert_eq!(StatusWord::wrong_pin(6), StatusWord(0x63C6));
        assert_eq!(StatusWord::wrong_pin(16), StatusWord(0x63CF));
        assert_eq!(StatusWord::more_data(256), StatusWord(0x6100));
        assert_eq!(StatusWord::wrong_le(24), StatusWord(0x6C18));
    }
}
