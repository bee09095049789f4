//! From a password to bytes that cost something to guess: Argon2id (RFC 9106). The one slow computation of a device;
//! the device hands it out and is told the result. Never shows a password or what comes of it.

use core::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::Rng;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Bytes that come of a derivation.
const DERIVED_BYTES: usize = 32;
/// Bytes of a salt, as RFC 9106 recommends.
pub(crate) const SALT_BYTES: usize = 16;
/// The most memory that one derivation may take, in KiB: what a device, and whoever emulates fifty, can spare.
pub const MEMORY_KIB_MAX: u32 = 1_048_576;
/// The most passes over that memory.
pub const ITERATIONS_MAX: u32 = 64;
/// The most lanes.
pub const LANES_MAX: u32 = 16;

/// What one derivation costs. Kept beside what was derived, so that a device whose profile changed still knows its
/// users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DerivationSettings {
    /// Memory, in KiB; at least 8 for each lane, at most [`MEMORY_KIB_MAX`].
    pub memory_kib: u32,
    /// Passes over the memory, 1 to [`ITERATIONS_MAX`].
    pub iterations: u32,
    /// Lanes, 1 to [`LANES_MAX`].
    pub lanes: u32,
}

#[derive(Deserialize)]
#[serde(rename = "DerivationSettings", deny_unknown_fields)]
struct Unchecked {
    memory_kib: u32,
    iterations: u32,
    lanes: u32,
}

impl<'de> Deserialize<'de> for DerivationSettings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Unchecked {
            memory_kib,
            iterations,
            lanes,
        } = Unchecked::deserialize(from)?;
        let is_possible = (1..=LANES_MAX).contains(&lanes)
            && (1..=ITERATIONS_MAX).contains(&iterations)
            && (8 * lanes..=MEMORY_KIB_MAX).contains(&memory_kib);
        if !is_possible {
            return Err(D::Error::custom(format!(
                "expected 1 to {LANES_MAX} `lanes`, 1 to {ITERATIONS_MAX} `iterations`, and `memory_kib` from 8 for \
                 each lane to {MEMORY_KIB_MAX}"
            )));
        }
        Ok(Self {
            memory_kib,
            iterations,
            lanes,
        })
    }
}

/// A number that makes two derivations of one password differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Salt([u8; SALT_BYTES]);

impl Salt {
    pub(crate) fn generate(rng: &mut dyn Rng) -> Self {
        let mut salt = [0; SALT_BYTES];
        rng.fill_bytes(&mut salt);
        Self(salt)
    }

    /// 0, 1, 2 and so on: the salt of a known answer, and of nothing else.
    pub(crate) fn counting() -> Self {
        let mut next = 0;
        Self([(); SALT_BYTES].map(|()| {
            next += 1;
            next - 1
        }))
    }
}

/// A derivation to be done, wherever there is time for it.
#[derive(Clone)]
pub struct Derivation {
    pub(crate) settings: DerivationSettings,
    pub(crate) salt: Salt,
    pub(crate) password: Zeroizing<String>,
}

impl Derivation {
    /// Does it. Takes tens of milliseconds with the settings of the built-in profiles.
    pub fn run(&self) -> DerivedKey {
        let DerivationSettings {
            memory_kib,
            iterations,
            lanes,
        } = self.settings;
        let params = Params::new(memory_kib, iterations, lanes, Some(DERIVED_BYTES))
            .expect("settings are checked when they are read");
        let mut derived = Zeroizing::new([0; DERIVED_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(self.password.as_bytes(), &self.salt.0, &mut *derived)
            .expect("neither salt nor password can be too long or too short");
        DerivedKey(derived)
    }
}

impl fmt::Debug for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Derivation({:?}, password [redacted])", self.settings)
    }
}

/// What came of a derivation.
#[derive(Clone)]
pub struct DerivedKey(Zeroizing<[u8; DERIVED_BYTES]>);

impl DerivedKey {
    pub(crate) fn as_bytes(&self) -> &[u8; DERIVED_BYTES] {
        &self.0
    }
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedKey([redacted])")
    }
}

/// What is kept of a user's password: enough to recognise it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifier {
    settings: DerivationSettings,
    salt: Salt,
    hash: [u8; DERIVED_BYTES],
}

impl Verifier {
    pub(crate) fn new(settings: DerivationSettings, salt: Salt, derived: &DerivedKey) -> Self {
        Self {
            settings,
            salt,
            hash: *derived.as_bytes(),
        }
    }

    /// What must be derived to compare a password with this.
    pub(crate) fn derivation(&self, password: Zeroizing<String>) -> Derivation {
        Derivation {
            settings: self.settings,
            salt: self.salt,
            password,
        }
    }

    pub(crate) fn is_of(&self, derived: &DerivedKey) -> bool {
        self.hash.ct_eq(derived.as_bytes()).into()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({:?}, hash [redacted])", self.settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with the reference implementation, libargon2 20171227: `argon2id_hash_raw` with 2 passes, 64 KiB and
    /// one lane.
    #[test]
    fn a_derivation_gives_what_the_reference_implementation_gives() {
        let derivation = Derivation {
            settings: DerivationSettings {
                memory_kib: 64,
                iterations: 2,
                lanes: 1,
            },
            salt: Salt::counting(),
            password: Zeroizing::new("correct horse".into()),
        };
        let expected = [
            0x9C, 0x87, 0xC0, 0x68, 0x98, 0xBC, 0x18, 0x51, 0x66, 0x69, 0xB5, 0x4A, 0x8B, 0x95, 0xD3, 0x6E,
            0x62, 0x29, 0x46, 0x49, 0x4D, 0x7A, 0x55, 0xC2, 0x6F, 0x39, 0x1A, 0x04, 0x06, 0x06, 0x8C, 0x19,
        ];
        assert_eq!(derivation.run().as_bytes(), &expected);
    }

    #[test]
    fn settings_are_checked_when_they_are_read() {
        let read = |memory_kib: u32, iterations: u32, lanes: u32| {
            let text =
                format!("{{\"memory_kib\":{memory_kib},\"iterations\":{iterations},\"lanes\":{lanes}}}");
            serde_json::from_str::<DerivationSettings>(&text).is_ok()
        };
        assert!(read(8, 1, 1) && read(MEMORY_KIB_MAX, ITERATIONS_MAX, LANES_MAX));
        for (memory_kib, iterations, lanes) in [
            (7, 1, 1),
            (15, 1, 2),
            (8, 0, 1),
            (8, 1, 0),
            (MEMORY_KIB_MAX + 1, 1, 1),
            (8, ITERATIONS_MAX + 1, 1),
            (MEMORY_KIB_MAX, 1, LANES_MAX + 1),
        ] {
            assert!(
                !read(memory_kib, iterations, lanes),
                "{memory_kib} {iterations} {lanes}"
            );
        }
    }

    #[test]
    fn nothing_of_a_password_shows() {
        let derivation = Derivation {
            settings: DerivationSettings {
                memory_kib: 8,
                iterations: 1,
                lanes: 1,
            },
            salt: Salt([7; SALT_BYTES]),
            password: Zeroizing::new("sesame00".into()),
        };
        let derived = derivation.run();
        let verifier = Verifier::new(derivation.settings, derivation.salt, &derived);
        let shown = format!("{derivation:?} {derived:?} {verifier:?}");
        assert!(
            !shown.contains("sesame") && !shown.contains(&format!("{:?}", derived.as_bytes())[1..20]),
            "{shown}"
        );
        assert!(verifier.is_of(&verifier.derivation(Zeroizing::new("sesame00".into())).run()));
        assert!(!verifier.is_of(&verifier.derivation(Zeroizing::new("sesame01".into())).run()));
    }
}
