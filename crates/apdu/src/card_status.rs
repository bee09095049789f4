//! What a card tells of itself without a PIN: GET INFO `E0`, 24 bytes. A layout of ours; holds no secret.

use core::fmt;

/// The card's own view of its state. The fields without a range may hold any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardStatus {
    /// Where the card stands in its life.
    pub life_cycle: LifeCycle,
    /// Whether the PIN is blocked for ever.
    pub is_blocked: bool,
    /// LOCK1, which guards the PIN: bit `02` initialised, bit `01` sealed.
    pub lock1: u8,
    /// LOCK2, which guards label and shadow, with the same bits.
    pub lock2: u8,
    /// SCR, the wrong presentations since the last right one.
    pub try_counter: u8,
    /// MMPN, the number of wrong presentations that blocks the card.
    pub presentations_max: u8,
    /// How often the PIN can still be changed.
    pub pin_changes_left: u8,
    /// Family, card name, operating system, program and chip, a byte each.
    pub product: [u8; 5],
    /// The tag of four characters that the vendor writes at personalisation.
    pub card_type: [u8; 4],
    /// Bytes of label; 0 while the PIN is not verified, whatever the label.
    pub label_len: u16,
    /// Bytes of shadow; 0 is a card without one.
    pub shadow_len: u16,
    /// M, N and index of the share; all 0 where the card does not tell.
    pub share: [u8; 3],
    /// Whether the PIN is verified now.
    pub is_verified: bool,
}

/// Where a card stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeCycle {
    /// As it came: never formatted, without a PIN.
    Virgin,
    /// Formatted; the PIN can be changed.
    PostFormat,
    /// The PIN was changed and is sealed.
    Sealed,
}

const LAYOUT_VERSION: u8 = 0x01;
const BLOCKED_BIT: u8 = 0x80;
const VERIFIED_BIT: u8 = 0x01;

impl CardStatus {
    /// The length of the block, in bytes.
    pub const LEN: usize = 24;

    /// The block on the wire.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let life_cycle = match self.life_cycle {
            LifeCycle::Virgin => 0x00,
            LifeCycle::PostFormat => 0x01,
            LifeCycle::Sealed => 0x02,
        };
        let blocked = if self.is_blocked { BLOCKED_BIT } else { 0 };
        let mut block = [0; Self::LEN];
        block[0] = LAYOUT_VERSION;
        block[1] = life_cycle | blocked;
        block[2] = self.lock1;
        block[3] = self.lock2;
        block[4] = self.try_counter;
        block[5] = self.presentations_max;
        block[6] = self.pin_changes_left;
        block[7..12].copy_from_slice(&self.product);
        block[12..16].copy_from_slice(&self.card_type);
        block[16..18].copy_from_slice(&self.label_len.to_be_bytes());
        block[18..20].copy_from_slice(&self.shadow_len.to_be_bytes());
        block[20..23].copy_from_slice(&self.share);
        block[23] = if self.is_verified { VERIFIED_BIT } else { 0 };
        block
    }
}

impl TryFrom<&[u8]> for CardStatus {
    type Error = InvalidCardStatus;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidCardStatus> {
        let block: [u8; Self::LEN] = bytes
            .try_into()
            .map_err(|_| InvalidCardStatus::Length { len: bytes.len() })?;
        let [
            version,
            life_cycle,
            lock1,
            lock2,
            try_counter,
            presentations_max,
            pin_changes_left,
            rest @ ..,
        ] = block;
        let [p0, p1, p2, p3, p4, t0, t1, t2, t3, rest @ ..] = rest;
        let [label_high, label_low, shadow_high, shadow_low, m, n, index, flags] = rest;
        if version != LAYOUT_VERSION {
            return Err(InvalidCardStatus::Version { version });
        }
        let is_blocked = life_cycle & BLOCKED_BIT != 0;
        let life_cycle = match life_cycle & !BLOCKED_BIT {
            0x00 => LifeCycle::Virgin,
            0x01 => LifeCycle::PostFormat,
            0x02 => LifeCycle::Sealed,
            code => return Err(InvalidCardStatus::LifeCycle { code }),
        };
        Ok(Self {
            life_cycle,
            is_blocked,
            lock1,
            lock2,
            try_counter,
            presentations_max,
            pin_changes_left,
            product: [p0, p1, p2, p3, p4],
            card_type: [t0, t1, t2, t3],
            label_len: u16::from_be_bytes([label_high, label_low]),
            shadow_len: u16::from_be_bytes([shadow_high, shadow_low]),
            share: [m, n, index],
            // Bits that we do not know are a later layout's affair, not an error.
            is_verified: flags & VERIFIED_BIT != 0,
        })
    }
}

/// A block that is not a card status of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidCardStatus {
    /// Another length.
    Length {
        /// The bytes that came.
        len: usize,
    },
    /// Another layout.
    Version {
        /// What the first byte said.
        version: u8,
    },
    /// A life cycle that nobody defined.
    LifeCycle {
        /// What the second byte said, without the blocked bit.
        code: u8,
    },
}

impl fmt::Display for InvalidCardStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("decode card status: ")?;
        match self {
            Self::Length { len } => write!(f, "expected {} bytes, got {len}", CardStatus::LEN),
            Self::Version { version } => {
                write!(f, "expected layout {LAYOUT_VERSION:02X}, got {version:02X}")
            }
            Self::LifeCycle { code } => write!(f, "expected life cycle 00, 01 or 02, got {code:02X}"),
        }
    }
}

impl core::error::Error for InvalidCardStatus {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    // The offsets are those of the table in `docs/card.md`.
    const BLOCK: &str = "018102020707 01 A201090138 536D4F65 0005 0033 020307 01";

    fn block() -> Vec<u8> {
        hex::decode(&BLOCK.replace(' ', "")).expect("the test writes hex")
    }

    #[test]
    fn every_field_stands_where_the_table_says() {
        let status = CardStatus::try_from(&block()[..]).expect("the block is right");
        let expected = CardStatus {
            life_cycle: LifeCycle::PostFormat,
            is_blocked: true,
            lock1: 0x02,
            lock2: 0x02,
            try_counter: 7,
            presentations_max: 7,
            pin_changes_left: 1,
            product: [0xA2, 0x01, 0x09, 0x01, 0x38],
            card_type: *b"SmOe",
            label_len: 5,
            shadow_len: 0x33,
            share: [2, 3, 7],
            is_verified: true,
        };
        assert_eq!(status, expected);
        assert_eq!(status.to_bytes()[..], block()[..]);
    }

    #[test]
    fn another_layout_is_refused_by_name() {
        let refusal = |block: &[u8]| CardStatus::try_from(block).expect_err("no block").to_string();
        assert_eq!(
            refusal(&block()[1..]),
            "decode card status: expected 24 bytes, got 23"
        );
        let mut other = block();
        other[0] = 2;
        assert_eq!(refusal(&other), "decode card status: expected layout 01, got 02");
        let mut other = block();
        other[1] = 3;
        assert_eq!(
            refusal(&other),
            "decode card status: expected life cycle 00, 01 or 02, got 03"
        );
    }
}
