//! Known-answer tests of the algorithms that this device itself runs, at every start and when somebody asks for them.
//! Vectors are the standards' or a reference implementation's. Knows no device and no screen.

use core::{convert::Infallible, fmt};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest, hmac,
};
use zeroize::Zeroizing;

use crate::{
    DerivationSettings,
    derivation::{Derivation, Salt},
    key::{gf256, shamir},
};

/// An algorithm with a known answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// The digest behind HMAC.
    Sha256,
    /// Check values and verifiers of keys.
    HmacSha256,
    /// What seals a Pocket's key.
    Aes256Gcm,
    /// What makes a key of a password.
    Argon2id,
    /// The arithmetic of the shares.
    Gf256,
    /// Splitting a key, and rebuilding it.
    SecretSharing,
}

/// What came of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tested {
    pub(crate) algorithm: Algorithm,
    pub(crate) passed: bool,
}

impl Algorithm {
    /// Every algorithm, in the order in which they are tested.
    pub const ALL: [Self; 6] = [
        Self::Sha256,
        Self::HmacSha256,
        Self::Aes256Gcm,
        Self::Argon2id,
        Self::Gf256,
        Self::SecretSharing,
    ];

    /// Its name on the screen and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::HmacSha256 => "HMAC-SHA-256",
            Self::Aes256Gcm => "AES-256-GCM",
            Self::Argon2id => "Argon2id",
            Self::Gf256 => "GF(256)",
            Self::SecretSharing => "Secret sharing",
        }
    }

    /// Where the known answer stands.
    pub(crate) const fn source(self) -> &'static str {
        match self {
            Self::Sha256 => "FIPS 180-2, B.1",
            Self::HmacSha256 => "RFC 4231, 4.3",
            Self::Aes256Gcm => "McGrew and Viega, test case 14",
            Self::Argon2id => "libargon2 20171227",
            Self::Gf256 => "FIPS 197, 4.2",
            Self::SecretSharing => "Shamir 1979, by hand",
        }
    }

    fn gives_its_known_answer(self) -> bool {
        match self {
            Self::Sha256 => sha_256(),
            Self::HmacSha256 => hmac_sha_256(),
            Self::Aes256Gcm => aes_256_gcm(),
            Self::Argon2id => argon2id(),
            Self::Gf256 => field_of_256_elements(),
            Self::SecretSharing => secret_sharing(),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Tests every algorithm. The answer of the one that is forced to fail is taken for a wrong one.
//= LC-06
pub(crate) fn run(forced_to_fail: Option<Algorithm>) -> Vec<Tested> {
    Algorithm::ALL
        .into_iter()
        .map(|algorithm| Tested {
            algorithm,
            passed: algorithm.gives_its_known_answer() && forced_to_fail != Some(algorithm),
        })
        .collect()
}

fn sha_256() -> bool {
    // The digest of "abc" begins with these bytes.
    let known = [0xBA, 0x78, 0x16, 0xBF, 0x8F, 0x01, 0xCF, 0xEA];
    digest::digest(&digest::SHA256, b"abc")
        .as_ref()
        .starts_with(&known)
}

fn hmac_sha_256() -> bool {
    // Test case 2.
    let known = [0x5B, 0xDC, 0xC1, 0x46, 0xBF, 0x60, 0x75, 0x4E];
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
    hmac::sign(&key, b"what do ya want for nothing?")
        .as_ref()
        .starts_with(&known)
}

fn aes_256_gcm() -> bool {
    // D. McGrew and J. Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B, test case 14: all zeros.
    let known = [
        0xCE, 0xA7, 0x40, 0x3D, 0x4D, 0x60, 0x6B, 0x6E, 0x07, 0x4E, 0xC5, 0xD3, 0xBA, 0xF3, 0x9D, 0x18, 0xD0,
        0xD1, 0xC8, 0xA7, 0x99, 0x99, 0x6B, 0xF0, 0x26, 0x5B, 0x98, 0xB5, 0xD4, 0x8A, 0xB9, 0x19,
    ];
    let mut sealed = vec![0; 16];
    let Ok(key) = UnboundKey::new(&AES_256_GCM, &[0; 32]) else {
        return false;
    };
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let done = LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed);
    done.is_ok() && sealed == known
}

fn argon2id() -> bool {
    // `argon2id_hash_raw` with 2 passes, 64 KiB and one lane.
    let known = [0x9C, 0x87, 0xC0, 0x68, 0x98, 0xBC, 0x18, 0x51];
    let derivation = Derivation {
        settings: DerivationSettings {
            memory_kib: 64,
            iterations: 2,
            lanes: 1,
        },
        salt: Salt::counting(),
        password: Zeroizing::new("correct horse".into()),
    };
    derivation.run().as_bytes().starts_with(&known)
}

fn field_of_256_elements() -> bool {
    gf256::multiply(0x57, 0x83) == 0xC1 && gf256::multiply(0x57, gf256::invert(0x57)) == 1
}

/// One coefficient of 57 for each byte: the share at x is the secret's byte and 57 times x, which FIPS 197, 4.2.1
/// gives for x = 1, 2 and 4 as 57, AE and 47.
fn secret_sharing() -> bool {
    let secret = [0x83; 32];
    let shares = shamir::split(&secret, 2, 4, &mut Always(0x57));
    let known = [(0, 0x57), (1, 0xAE), (3, 0x47)];
    let is_split = known
        .iter()
        .all(|(at, product)| shares[*at].iter().all(|byte| *byte == 0x83 ^ product));
    is_split && *shamir::combine(&[(4, &shares[3]), (2, &shares[1])]) == secret
}

/// One byte for ever: what a known answer needs in place of chance.
struct Always(u8);

impl rand_core::TryRng for Always {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_ne_bytes([self.0; 4]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_ne_bytes([self.0; 8]))
    }

    fn try_fill_bytes(&mut self, filled: &mut [u8]) -> Result<(), Infallible> {
        filled.fill(self.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= LC-06
    #[test]
    fn every_algorithm_gives_its_known_answer() {
        for tested in run(None) {
            assert!(tested.passed, "{}", tested.algorithm);
        }
        assert_eq!(run(None).len(), Algorithm::ALL.len());
    }

    #[test]
    fn one_is_forced_to_fail_and_no_other() {
        for forced in Algorithm::ALL {
            for tested in run(Some(forced)) {
                assert_eq!(tested.passed, tested.algorithm != forced);
            }
        }
    }
}
