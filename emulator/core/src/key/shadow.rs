//! What one card of a set holds: its share of the key and what says which set it belongs to. The layout is ours
//! (docs/fidelity.md). Knows nothing of how a card stores it.

use core::fmt;

use apdu::hex;
use aws_lc_rs::digest;
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{CheckValue, KEY_BYTES, Scheme, shamir::Share};

const MAGIC: &[u8; 4] = b"SVMK";
const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;

/// Bytes of a shadow on a card:
/// `SVMK` · version · set id 8 · purpose · M · N · index · check value 3 · share 32 · checksum 4.
pub const SHADOW_BYTES: usize = 4 + 1 + 8 + 1 + 1 + 1 + 1 + 3 + KEY_BYTES + CHECKSUM_BYTES;

/// Which set a shadow belongs to; drawn at random when a set is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SetId(pub [u8; 8]);

/// The name of a set on screens and in the log: `15C000E3-A8171006`.
impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = self.0.split_at(4);
        write!(f, "{}-{}", hex::encode(left), hex::encode(right))
    }
}

impl SetId {
    pub(crate) fn generate(rng: &mut dyn Rng) -> Self {
        let mut id = [0; 8];
        rng.fill_bytes(&mut id);
        Self(id)
    }
}

/// What a set of cards is for. Source: SC-06.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Activation and management.
    ServerMasterKey,
    /// Partition authorisation; never accepted for activation or management.
    PartitionAuthorization,
}

impl Purpose {
    const fn to_byte(self) -> u8 {
        match self {
            Self::ServerMasterKey => 1,
            Self::PartitionAuthorization => 2,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::ServerMasterKey),
            2 => Some(Self::PartitionAuthorization),
            _ => None,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerMasterKey => "Server Master Key",
            Self::PartitionAuthorization => "partition authorization",
        })
    }
}

/// One card's part of a Server Master Key.
#[derive(Clone, PartialEq, Eq)]
pub struct Shadow {
    /// The set the card belongs to.
    pub set: SetId,
    /// What the set is for.
    pub purpose: Purpose,
    /// M and N of the set.
    pub scheme: Scheme,
    /// Which card of the set, 1 to N. A copy of a card has the index of its original.
    pub index: u8,
    /// The check value of the key.
    pub check_value: CheckValue,
    pub(crate) share: Share,
}

/// Why bytes from a card are no shadow. Source: AU-11, AU-21.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShadowError {
    /// The checksum does not fit: `card_damaged`.
    Damaged,
    /// Another length, version or scheme: `card_incompatible`.
    Incompatible,
}

impl Shadow {
    /// Reads what a card holds.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShadowError> {
        //= AU-21
        let bytes: &[u8; SHADOW_BYTES] = bytes.try_into().map_err(|_| ShadowError::Incompatible)?;
        let (body, sum) = bytes.split_at(SHADOW_BYTES - CHECKSUM_BYTES);
        //= AU-11
        if checksum(body) != sum {
            return Err(ShadowError::Damaged);
        }
        let (magic, body) = body.split_at(4);
        let (header, share) = body.split_at(16);
        if magic != MAGIC || header[0] != VERSION {
            return Err(ShadowError::Incompatible);
        }
        let purpose = Purpose::from_byte(header[9]).ok_or(ShadowError::Incompatible)?;
        let scheme = Scheme::new(header[10], header[11]).ok_or(ShadowError::Incompatible)?;
        let index = header[12];
        if index == 0 || index > scheme.cards() {
            return Err(ShadowError::Incompatible);
        }
        let mut value = Share::default();
        value.copy_from_slice(share);
        Ok(Self {
            set: SetId(header[1..9].try_into().expect("eight bytes")),
            purpose,
            scheme,
            index,
            check_value: CheckValue(header[13..16].try_into().expect("three bytes")),
            share: value,
        })
    }

    /// The shadow as a card holds it. Secret: the caller writes it to a card image and nowhere else.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SHADOW_BYTES));
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.set.0);
        bytes.extend_from_slice(&[
            self.purpose.to_byte(),
            self.scheme.required(),
            self.scheme.cards(),
            self.index,
        ]);
        bytes.extend_from_slice(&self.check_value.0);
        bytes.extend_from_slice(&*self.share);
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        bytes
    }
}

impl fmt::Debug for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (required, cards) = (self.scheme.required(), self.scheme.cards());
        write!(
            f,
            "Shadow(card {} of a {required}-of-{cards} set, share [redacted])",
            self.index
        )
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = digest::digest(&digest::SHA256, body);
    digest.as_ref()[..CHECKSUM_BYTES]
        .try_into()
        .expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::ServerMasterKey;
    use proptest::prelude::*;

    fn shadow() -> Shadow {
        Shadow {
            set: SetId(*b"set-id-1"),
            purpose: Purpose::ServerMasterKey,
            scheme: Scheme::new(2, 3).unwrap(),
            index: 3,
            check_value: ServerMasterKey::from_bytes(Zeroizing::new([7; KEY_BYTES])).check_value(),
            share: Share::from(Zeroizing::new([0x5A; KEY_BYTES])),
        }
    }

    /// Changes one byte of a good shadow and makes the checksum fit again.
    fn with_byte(offset: usize, value: u8) -> Result<Shadow, ShadowError> {
        let mut bytes = shadow().to_bytes();
        bytes[offset] = value;
        let body = SHADOW_BYTES - CHECKSUM_BYTES;
        let sum = checksum(&bytes[..body]);
        bytes[body..].copy_from_slice(&sum);
        Shadow::parse(&bytes)
    }

    #[test]
    fn a_shadow_is_read_back() {
        assert_eq!(Shadow::parse(&shadow().to_bytes()), Ok(shadow()));
    }

    #[test]
    fn one_flipped_bit_anywhere_is_damage() {
        for bit in 0..SHADOW_BYTES * 8 {
            let mut bytes = shadow().to_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Shadow::parse(&bytes), Err(ShadowError::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn an_impossible_scheme_or_index_is_incompatible() {
        let (m, n, index) = (14, 15, 16);
        assert!(with_byte(index, 1).is_ok());
        for (offset, value) in [
            (m, 0),
            (m, 1),
            (m, 4),
            (n, 1),
            (n, 65),
            (index, 0),
            (index, 4),
            (4, 2),
            (0, b's'),
            (13, 0),
            (13, 3),
        ] {
            assert_eq!(
                with_byte(offset, value),
                Err(ShadowError::Incompatible),
                "byte {offset} = {value}"
            );
        }
    }

    #[test]
    fn debug_shows_no_share() {
        let shown = format!("{:?}", shadow());
        assert!(
            !shown.contains("90") && !shown.to_lowercase().contains("5a"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = Shadow::parse(&bytes);
        }
    }
}
