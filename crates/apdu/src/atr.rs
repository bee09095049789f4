//! What a card says when it is reset. Checks its form and tells its protocols; knows no card by name.
//! See ISO/IEC 7816-3, answer to reset.

use core::fmt;

/// An answer to reset in its right form, 2..=33 bytes. Prints as `3B:7A:94:…`, as the vendor's Inspect screen does.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Atr {
    bytes: Vec<u8>,
    /// One bit a protocol, T=0 to T=14.
    protocols: u16,
}

/// The most bytes that an answer to reset has: TS and 32 more.
const ATR_BYTES_MAX: usize = 33;
const DIRECT_CONVENTION: u8 = 0x3B;
const INVERSE_CONVENTION: u8 = 0x3F;
/// The number that is no protocol: it opens the global interface bytes.
const GLOBAL_BYTES: u8 = 15;

impl Atr {
    /// The bytes, from TS on.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the card offers this protocol, 0..=14.
    pub const fn is_offering(&self, protocol: u8) -> bool {
        protocol < GLOBAL_BYTES && self.protocols & (1 << protocol) != 0
    }

    /// Whether the card offers T=0 and nothing else.
    pub const fn is_t0_only(&self) -> bool {
        self.protocols == 1
    }
}

impl TryFrom<&[u8]> for Atr {
    type Error = InvalidAtr;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidAtr> {
        if bytes.len() > ATR_BYTES_MAX {
            return Err(InvalidAtr::Long { len: bytes.len() });
        }
        let cut_off = InvalidAtr::CutOff { len: bytes.len() };
        let mut rest = bytes.iter().copied();
        let convention = rest.next().ok_or(cut_off)?;
        if ![DIRECT_CONVENTION, INVERSE_CONVENTION].contains(&convention) {
            return Err(InvalidAtr::Convention { byte: convention });
        }
        let format = rest.next().ok_or(cut_off)?;

        // Each group of interface bytes says by four bits which of TA, TB, TC and TD follow; a TD opens the next one.
        let mut protocols = 0_u16;
        let mut follows = format >> 4;
        loop {
            for _ in 0..(follows & 0b0111).count_ones() {
                rest.next().ok_or(cut_off)?;
            }
            if follows & 0b1000 == 0 {
                break;
            }
            let group = rest.next().ok_or(cut_off)?;
            protocols |= 1 << (group & 0x0F);
            follows = group >> 4;
        }
        // T=15 is no protocol, but it brings the check byte with it; a card that names no protocol offers T=0.
        let has_check_byte = protocols & !1 != 0;
        protocols &= !(1 << GLOBAL_BYTES);
        if protocols == 0 {
            protocols = 1;
        }

        let expected = usize::from(format & 0x0F) + usize::from(has_check_byte);
        match rest.len() {
            left if left < expected => return Err(cut_off),
            left if left > expected => return Err(InvalidAtr::Trailing { len: left - expected }),
            _ => {}
        }
        if has_check_byte && bytes[1..].iter().fold(0, |sum, byte| sum ^ byte) != 0 {
            return Err(InvalidAtr::Check);
        }
        Ok(Self {
            bytes: bytes.to_vec(),
            protocols,
        })
    }
}

impl fmt::Display for Atr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.bytes.iter().enumerate() {
            let separator = if at == 0 { "" } else { ":" };
            write!(f, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Atr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Atr({self})")
    }
}

/// Bytes that are no answer to reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidAtr {
    /// It promises more bytes than came.
    CutOff {
        /// The bytes that came.
        len: usize,
    },
    /// It goes on after its end.
    Trailing {
        /// The bytes past the end.
        len: usize,
    },
    /// More bytes than any answer has.
    Long {
        /// The bytes that came.
        len: usize,
    },
    /// It does not begin with `3B` or `3F`.
    Convention {
        /// What it begins with.
        byte: u8,
    },
    /// The check byte does not fit.
    Check,
}

impl fmt::Display for InvalidAtr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("decode ATR: ")?;
        match self {
            Self::CutOff { len } => write!(f, "expected more than the {len} bytes that came"),
            Self::Trailing { len } => write!(f, "expected its end, got {len} bytes more"),
            Self::Long { len } => write!(f, "expected at most {ATR_BYTES_MAX} bytes, got {len}"),
            Self::Convention { byte } => write!(f, "expected `3B` or `3F` first, got `{byte:02X}`"),
            Self::Check => f.write_str("expected a check byte that makes the sum zero, got another"),
        }
    }
}

impl core::error::Error for InvalidAtr {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn read(text: &str) -> Result<Atr, InvalidAtr> {
        Atr::try_from(&hex::decode(text).expect("the test writes hex")[..])
    }

    //= CD-01
    #[test]
    fn the_cards_answer_offers_t0_only_and_prints_as_on_the_inspect_screen() {
        let atr = read("3B7A9400008065A20101013D72D643").expect("it is in its right form");
        assert!(atr.is_t0_only());
        assert_eq!(atr.to_string(), "3B:7A:94:00:00:80:65:A2:01:01:01:3D:72:D6:43");
    }

    // The answers of other public cards, as ludovicrousseau/pcsc-tools lists them.
    #[test]
    fn protocols_and_check_byte_are_read() {
        let t1 = read("3BFA940000813120438065A20101013D72D64321");
        let t1 = t1.expect("it is in its right form");
        assert!(t1.is_offering(1) && !t1.is_offering(0) && !t1.is_t0_only());
        assert_eq!(
            read("3BFA940000813120438065A20101013D72D64320"),
            Err(InvalidAtr::Check)
        );
        assert!(read("3B00").expect("the shortest").is_t0_only());
        assert!(
            read("3B801F1F80")
                .expect("T=15 is no protocol, but brings the check byte")
                .is_t0_only()
        );
    }

    #[test]
    fn too_few_and_too_many_bytes_are_refused() {
        assert_eq!(read(""), Err(InvalidAtr::CutOff { len: 0 }));
        assert_eq!(
            read("3B7A9400008065A20101013D72D6"),
            Err(InvalidAtr::CutOff { len: 14 })
        );
        assert_eq!(
            read("3B7A9400008065A20101013D72D64300"),
            Err(InvalidAtr::Trailing { len: 1 })
        );
        assert_eq!(read("3C00"), Err(InvalidAtr::Convention { byte: 0x3C }));
        assert_eq!(read(&"3B".repeat(34)), Err(InvalidAtr::Long { len: 34 }));
        assert_eq!(read(&"3BFF".repeat(16)), Err(InvalidAtr::CutOff { len: 32 }));
    }

    #[test]
    fn no_protocol_number_is_out_of_range() {
        let atr = read("3B00").expect("the shortest");
        assert!((1..=u8::MAX).all(|protocol| !atr.is_offering(protocol)));
    }
}
