//! The Server Master Key and the shadows it is split into. Never written anywhere by this module; what leaves it
//! towards disk is a check value and a verifier, neither of which gives the key away.

pub(crate) mod gf256;
mod shadow;
pub(crate) mod shamir;

pub use shadow::{Purpose, SHADOW_BYTES, SetId, Shadow, ShadowError};

use core::fmt;

use aws_lc_rs::hmac;
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of a Server Master Key: an AES-256 key.
pub const KEY_BYTES: usize = 32;

/// The Server Master Key. In memory only, between activation and power-off. Source: LF-04.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerMasterKey(Zeroizing<[u8; KEY_BYTES]>);

/// Three bytes that let a person, and the first card of a process, tell two keys apart. Source: AU-10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckValue(pub [u8; 3]);

/// What a device keeps of the key it is bound to. Source: AU-11 (the verifier has 256 bits; at least 128 are asked).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The check value every shadow of the right sets carries.
    pub check_value: CheckValue,
    verifier: [u8; 32],
}

impl ServerMasterKey {
    /// A new key, straight from the random source.
    pub fn generate(rng: &mut dyn Rng) -> Self {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rng.fill_bytes(&mut *key);
        Self(key)
    }

    /// The check value of this key.
    pub fn check_value(&self) -> CheckValue {
        let tag = self.tag(b"hsm-rig: check value of a Server Master Key, version 1");
        CheckValue([tag[0], tag[1], tag[2]])
    }

    /// What a device that is bound to this key keeps.
    pub fn binding(&self) -> Binding {
        Binding {
            check_value: self.check_value(),
            verifier: self.tag(b"hsm-rig: verifier of a Server Master Key, version 1"),
        }
    }

    /// Splits the key into `cards` shadows, any `required` of which rebuild it.
    ///
    /// The shadows of two calls never mix, not even for the same key: each call makes a set of its own.
    ///
    /// The secret of a set for another purpose has the form of a key too, and splits the same way.
    pub fn split(&self, scheme: Scheme, purpose: Purpose, rng: &mut dyn Rng) -> Vec<Shadow> {
        let set = SetId::generate(rng);
        let shares = shamir::split(&self.0, scheme.required(), scheme.cards(), rng);
        (1..)
            .zip(shares)
            .map(|(index, share)| Shadow {
                set,
                purpose,
                scheme,
                index,
                check_value: self.check_value(),
                share,
            })
            .collect()
    }

    pub(crate) fn from_bytes(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(key)
    }

    /// The bytes themselves. For sealing them, and for nothing else.
    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    pub(crate) fn tag(&self, label: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*self.0), label);
        tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }
}

impl fmt::Debug for ServerMasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ServerMasterKey([redacted], check value {:?})",
            self.check_value().0
        )
    }
}

impl Binding {
    /// Whether this is the key the device is bound to.
    pub fn is_of(&self, key: &ServerMasterKey) -> bool {
        key.binding().verifier.ct_eq(&self.verifier).into()
    }
}

/// M of N, checked: 2 ≤ M ≤ N ≤ [`CARDS_MAX`]. Source: SC-04, AU-21.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u8, u8)", into = "(u8, u8)")]
pub struct Scheme {
    required: u8,
    cards: u8,
}

/// The most cards a set can have. Source: SC-04.
pub const CARDS_MAX: u8 = 64;

impl Scheme {
    /// `None` unless 2 ≤ `required` ≤ `cards` ≤ [`CARDS_MAX`].
    pub const fn new(required: u8, cards: u8) -> Option<Self> {
        if required >= 2 && required <= cards && cards <= CARDS_MAX {
            Some(Self { required, cards })
        } else {
            None
        }
    }

    /// M: how many cards rebuild the key.
    pub const fn required(self) -> u8 {
        self.required
    }

    /// N: how many cards there are.
    pub const fn cards(self) -> u8 {
        self.cards
    }
}

impl TryFrom<(u8, u8)> for Scheme {
    type Error = &'static str;

    fn try_from((required, cards): (u8, u8)) -> Result<Self, Self::Error> {
        Self::new(required, cards).ok_or("expected 2 <= M <= N <= 64")
    }
}

impl From<Scheme> for (u8, u8) {
    fn from(scheme: Scheme) -> Self {
        (scheme.required, scheme.cards)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_two_of_two_to_sixty_four_of_sixty_four() {
        assert!(Scheme::new(2, 2).is_some() && Scheme::new(64, 64).is_some());
        for (required, cards) in [(0, 0), (1, 1), (1, 2), (3, 2), (2, 65), (65, 65), (2, 255)] {
            assert_eq!(Scheme::new(required, cards), None, "{required} of {cards}");
        }
    }

    #[test]
    fn a_key_shows_its_check_value_and_nothing_else() {
        let key = ServerMasterKey::from_bytes(Zeroizing::new([0xA5; KEY_BYTES]));
        let shown = format!("{key:?}");
        assert!(
            shown.contains("redacted") && !shown.contains("165, 165") && !shown.contains("a5a5"),
            "{shown}"
        );
        assert!(key.binding().is_of(&key));
        assert!(
            !key.binding()
                .is_of(&ServerMasterKey::from_bytes(Zeroizing::new([0xA6; KEY_BYTES])))
        );
    }
}
