//! A command of a program to a card: header, data, expected length; short form only. Knows no instruction.
//! See ISO/IEC 7816-4, command-response pairs, and ISO/IEC 7816-3, clause 12, for its form in T=0.

use core::fmt;

use zeroize::Zeroize;

/// The most data that a short command carries, in bytes.
const DATA_BYTES_MAX: usize = 255;

/// CLA, INS, P1 and P2. Prints as `00 A4 04 00`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// CLA.
    pub class: u8,
    /// INS.
    pub instruction: u8,
    /// P1.
    pub p1: u8,
    /// P2.
    pub p2: u8,
}

impl Header {
    /// The header of these four bytes, in their order on the wire.
    pub const fn new(class: u8, instruction: u8, p1: u8, p2: u8) -> Self {
        Self {
            class,
            instruction,
            p1,
            p2,
        }
    }

    /// The four bytes, in their order on the wire.
    pub const fn to_bytes(self) -> [u8; 4] {
        [self.class, self.instruction, self.p1, self.p2]
    }
}

impl From<[u8; 4]> for Header {
    fn from([class, instruction, p1, p2]: [u8; 4]) -> Self {
        Self {
            class,
            instruction,
            p1,
            p2,
        }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:02X} {:02X} {:02X} {:02X}",
            self.class, self.instruction, self.p1, self.p2
        )
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The most bytes that the program expects, 1..=256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Le(u16);

impl Le {
    /// All that there is, up to 256 bytes: the byte `00`.
    pub const ALL: Self = Self(256);

    /// What the byte on the wire means: 00 stands for 256.
    pub const fn from_byte(byte: u8) -> Self {
        if byte == 0 { Self::ALL } else { Self(byte as u16) }
    }

    /// The byte on the wire.
    pub const fn to_byte(self) -> u8 {
        self.0.to_be_bytes()[1]
    }

    /// The number of bytes, 1..=256.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// One command in the short form. Its data may be a PIN, so `Debug` shows only their length and dropping wipes them.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandApdu {
    header: Header,
    data: Vec<u8>,
    le: Option<Le>,
}

impl CommandApdu {
    /// A command that carries nothing and expects nothing (case 1).
    pub const fn bare(header: Header) -> Self {
        Self {
            header,
            data: Vec::new(),
            le: None,
        }
    }

    /// A command that expects an answer (case 2).
    pub const fn expecting(header: Header, le: Le) -> Self {
        Self {
            header,
            data: Vec::new(),
            le: Some(le),
        }
    }

    /// A command that carries 1..=255 bytes (case 3).
    pub fn with_data(header: Header, data: &[u8]) -> Result<Self, InvalidCommand> {
        if data.is_empty() || data.len() > DATA_BYTES_MAX {
            return Err(InvalidCommand::Data { len: data.len() });
        }
        Ok(Self {
            header,
            data: data.to_vec(),
            le: None,
        })
    }

    /// The same command, expecting an answer (case 4 if it carries data).
    #[must_use]
    pub fn and_expecting(mut self, le: Le) -> Self {
        self.le = Some(le);
        self
    }

    /// CLA, INS, P1 and P2.
    pub const fn header(&self) -> Header {
        self.header
    }

    /// What it carries, 0..=255 bytes.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// What it expects.
    pub const fn le(&self) -> Option<Le> {
        self.le
    }

    /// The command as T=0 carries it: a fifth byte always, Le dropped where there is data. 5..=260 bytes.
    pub fn to_tpdu(&self) -> Vec<u8> {
        let mut tpdu = Vec::with_capacity(5 + self.data.len());
        tpdu.extend(self.header.to_bytes());
        if self.data.is_empty() {
            tpdu.push(self.le.map_or(0, Le::to_byte));
        } else {
            tpdu.push(
                u8::try_from(self.data.len()).expect("the length was checked when the command was made"),
            );
            tpdu.extend(&self.data);
        }
        tpdu
    }
}

/// Reads the four cases of the short form, 4..=261 bytes. Five bytes are read as case 2, as ISO/IEC 7816-4 says.
impl TryFrom<&[u8]> for CommandApdu {
    type Error = InvalidCommand;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidCommand> {
        let Some((header, body)) = bytes.split_first_chunk::<4>() else {
            return Err(InvalidCommand::Short { len: bytes.len() });
        };
        let header = Header::from(*header);
        let (lc, rest) = match body {
            [] => return Ok(Self::bare(header)),
            [le] => return Ok(Self::expecting(header, Le::from_byte(*le))),
            [0, ..] => return Err(InvalidCommand::Extended),
            [lc, rest @ ..] => (usize::from(*lc), rest),
        };
        match rest.get(lc..) {
            Some([]) => Self::with_data(header, rest),
            Some([le]) => Ok(Self::with_data(header, &rest[..lc])?.and_expecting(Le::from_byte(*le))),
            Some([_, _, ..]) | None => Err(InvalidCommand::Length { lc, len: rest.len() }),
        }
    }
}

impl Drop for CommandApdu {
    fn drop(&mut self) {
        self.data.zeroize();
    }
}

impl fmt::Debug for CommandApdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandApdu({}, {} bytes", self.header, self.data.len())?;
        if let Some(le) = self.le {
            write!(f, ", Le {}", le.get())?;
        }
        f.write_str(")")
    }
}

/// Bytes that are no command in the short form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidCommand {
    /// Less than a header.
    Short {
        /// The bytes that came.
        len: usize,
    },
    /// The extended form, which neither T=0 nor this card speaks.
    Extended,
    /// Lc and the bytes that follow disagree.
    Length {
        /// What Lc said.
        lc: usize,
        /// The bytes that followed it.
        len: usize,
    },
    /// Data of no length, or longer than the short form carries.
    Data {
        /// The bytes that were given.
        len: usize,
    },
}

impl fmt::Display for InvalidCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { len } => {
                write!(f, "decode command: expected a header of 4 bytes, got {len}")
            }
            Self::Extended => f.write_str("decode command: expected the short form, got the extended one"),
            Self::Length { lc, len } => {
                write!(
                    f,
                    "decode command: expected {lc} bytes of data and at most 1 of Le, got {len}"
                )
            }
            Self::Data { len } => {
                write!(
                    f,
                    "make command: expected 1 to {DATA_BYTES_MAX} bytes of data, got {len}"
                )
            }
        }
    }
}

impl core::error::Error for InvalidCommand {}

#[cfg(test)]
mod tests {
    use super::*;

    const SELECT: Header = Header::new(0x00, 0xA4, 0x04, 0x00);

    fn check_read(bytes: &[u8], data: &[u8], le: Option<u16>, tpdu: &[u8]) {
        let command = CommandApdu::try_from(bytes).expect("the bytes are a command");
        assert_eq!(command.header(), SELECT);
        assert_eq!((command.data(), command.le().map(Le::get)), (data, le));
        assert_eq!(command.to_tpdu(), tpdu);
    }

    #[test]
    fn the_four_cases_are_read_and_go_out_by_t0_without_le_beside_data() {
        check_read(&[0, 0xA4, 4, 0], &[], None, &[0, 0xA4, 4, 0, 0]);
        check_read(&[0, 0xA4, 4, 0, 0], &[], Some(256), &[0, 0xA4, 4, 0, 0]);
        check_read(&[0, 0xA4, 4, 0, 8], &[], Some(8), &[0, 0xA4, 4, 0, 8]);
        check_read(&[0, 0xA4, 4, 0, 1, 7], &[7], None, &[0, 0xA4, 4, 0, 1, 7]);
        check_read(&[0, 0xA4, 4, 0, 1, 7, 0], &[7], Some(256), &[0, 0xA4, 4, 0, 1, 7]);
    }

    #[test]
    fn the_longest_command_has_261_bytes_and_one_more_is_refused() {
        let mut bytes = vec![0xA5; 261];
        bytes[4] = 255;
        let command = CommandApdu::try_from(&bytes[..]).expect("261 bytes are allowed");
        assert_eq!(command.to_tpdu().len(), 260);
        bytes.push(0);
        let refusal = CommandApdu::try_from(&bytes[..]).expect_err("262 bytes are too many");
        assert_eq!(refusal, InvalidCommand::Length { lc: 255, len: 257 });
    }

    #[test]
    fn what_is_no_command_says_why() {
        let refusal = |bytes: &[u8]| CommandApdu::try_from(bytes).expect_err("no command").to_string();
        assert_eq!(
            refusal(&[0, 0xA4, 4]),
            "decode command: expected a header of 4 bytes, got 3"
        );
        assert_eq!(
            refusal(&[0, 0xA4, 4, 0, 0, 1, 1]),
            "decode command: expected the short form, got the extended one"
        );
        assert_eq!(
            refusal(&[0, 0xA4, 4, 0, 3, 1]),
            "decode command: expected 3 bytes of data and at most 1 of Le, got 1"
        );
    }

    #[test]
    fn debug_never_shows_a_pin() {
        let verify = CommandApdu::with_data(Header::new(0, 0x20, 0, 0), b"12345678").expect("8 bytes fit");
        assert_eq!(format!("{verify:?}"), "CommandApdu(00 20 00 00, 8 bytes)");
    }
}
