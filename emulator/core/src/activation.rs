//! The Server Master Key as a Pocket keeps it: encrypted under a key that is derived from the activation password
//! (LF-04). Knows no tries and no waiting; see `device/pocket.rs`.

use core::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use protocol::ActivationPassword;
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    Derivation, DerivationSettings,
    derivation::{DerivedKey, Salt},
    key::{KEY_BYTES, ServerMasterKey},
};

/// Bytes of the sealed key: the key and AES-GCM's tag.
const SEALED_BYTES: usize = KEY_BYTES + 16;
/// What is sealed, so that nothing else that was sealed under the same password can stand in its place.
const PURPOSE: &[u8] = b"hsm-rig: Server Master Key of a Pocket, version 1";

/// A sealed key, and what must be derived to open it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    settings: DerivationSettings,
    salt: Salt,
    nonce: [u8; NONCE_LEN],
    sealed: Vec<u8>,
}

/// Salt and nonce of a sealed key that is being made. Both are drawn anew each time: a password that comes back does
/// not bring its key back.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    settings: DerivationSettings,
    salt: Salt,
    nonce: [u8; NONCE_LEN],
}

impl Seal {
    pub(crate) fn generate(settings: DerivationSettings, rng: &mut dyn Rng) -> Self {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        Self {
            settings,
            salt: Salt::generate(rng),
            nonce,
        }
    }

    pub(crate) fn derivation(&self, password: &ActivationPassword) -> Derivation {
        derivation(self.settings, self.salt, password)
    }

    pub(crate) fn close(self, key: &ServerMasterKey, derived: &DerivedKey) -> Activation {
        let mut sealed = key.expose().to_vec();
        aes(derived)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(self.nonce),
                Aad::from(PURPOSE),
                &mut sealed,
            )
            .expect("32 bytes are not too many for AES-GCM");
        Activation {
            settings: self.settings,
            salt: self.salt,
            nonce: self.nonce,
            sealed,
        }
    }
}

impl Activation {
    pub(crate) fn derivation(&self, password: &ActivationPassword) -> Derivation {
        derivation(self.settings, self.salt, password)
    }

    /// The key, if this is what the right password derives to.
    pub(crate) fn open(&self, derived: &DerivedKey) -> Option<ServerMasterKey> {
        if self.sealed.len() != SEALED_BYTES {
            return None;
        }
        let mut opened = Zeroizing::new(self.sealed.clone());
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let key = aes(derived)
            .open_in_place(nonce, Aad::from(PURPOSE), &mut opened)
            .ok()?;
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        bytes.copy_from_slice(key);
        Some(ServerMasterKey::from_bytes(bytes))
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Activation({:?}, sealed key [redacted])", self.settings)
    }
}

fn derivation(settings: DerivationSettings, salt: Salt, password: &ActivationPassword) -> Derivation {
    Derivation {
        settings,
        salt,
        password: Zeroizing::new(password.expose().to_owned()),
    }
}

fn aes(derived: &DerivedKey) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, derived.as_bytes()).expect("it has the length of the algorithm");
    LessSafeKey::new(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::Seed;

    //= LF-04
    #[test]
    fn only_the_right_password_opens_the_key_and_nothing_of_it_shows() {
        let mut rng = Seed(0).rng_for("a Pocket");
        let settings = DerivationSettings {
            memory_kib: 8,
            iterations: 1,
            lanes: 1,
        };
        let key = ServerMasterKey::generate(&mut rng);
        let (right, wrong) = (
            ActivationPassword::from("sesame00"),
            ActivationPassword::from("sesame01"),
        );
        let seal = Seal::generate(settings, &mut rng);
        let derived = seal.derivation(&right).run();
        let activation = seal.close(&key, &derived);
        assert_eq!(
            activation.open(&activation.derivation(&right).run()),
            Some(key.clone())
        );
        assert_eq!(activation.open(&activation.derivation(&wrong).run()), None);

        let mut cut = activation.clone();
        cut.sealed.pop();
        assert_eq!(cut.open(&derived), None);
        let mut bent = activation.clone();
        bent.sealed[0] ^= 1;
        assert_eq!(bent.open(&derived), None);

        let kept = serde_json::to_string(&activation).expect("JSON");
        let bytes = format!("{:?}", key.expose());
        assert!(!kept.contains(&bytes.replace(' ', "")[1..20]), "{kept}");
        assert!(!format!("{activation:?}").contains("sealed:"));

        let again = Seal::generate(settings, &mut rng);
        let derived = again.derivation(&right).run();
        assert_ne!(again.close(&key, &derived), activation);
    }
}
