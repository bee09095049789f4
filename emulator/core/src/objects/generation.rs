//! A key made by the crypto library, which takes its randomness from the operating system: keys come from no seed. A
//! large RSA key takes seconds, so the device hands this out and is told the result. Never shows a key.

use core::fmt;

use aws_lc_rs::{
    cipher::{AES_128, AES_192, AES_256, EncryptingKey, UnboundCipherKey},
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    error::Unspecified,
    rand,
    rsa::{self, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
    },
};
use zeroize::Zeroizing;

use super::KeyAlgorithm;

/// Bytes of the check value of a symmetric key.
const CHECK_VALUE_BYTES: usize = 3;
/// Bytes of a block of AES.
const BLOCK_BYTES: usize = 16;

/// A key to be made, wherever there is time for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// What kind of key.
    pub algorithm: KeyAlgorithm,
}

/// A key that was made.
#[derive(Clone)]
pub struct GeneratedKey {
    pub(crate) key: Zeroizing<Vec<u8>>,
    pub(crate) public: Vec<u8>,
}

impl GeneratedKey {
    /// The key itself, for a test that looks for it where it must not be.
    pub fn expose(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GeneratedKey([redacted])")
    }
}

impl Generation {
    /// Makes the key; `None` if the crypto library cannot.
    pub fn run(&self) -> Option<GeneratedKey> {
        let made = match self.algorithm {
            KeyAlgorithm::Aes128 => symmetric::<16>(&AES_128),
            KeyAlgorithm::Aes192 => symmetric::<24>(&AES_192),
            KeyAlgorithm::Aes256 => symmetric::<32>(&AES_256),
            KeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyAlgorithm::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyAlgorithm::EcP256 => elliptic(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyAlgorithm::EcP384 => elliptic(&ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyAlgorithm::EcP521 => elliptic(&ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyAlgorithm::Ed25519 => ed25519(),
        };
        made.ok()
    }
}

fn symmetric<const BYTES: usize>(
    algorithm: &'static aws_lc_rs::cipher::Algorithm,
) -> Result<GeneratedKey, Unspecified> {
    let mut key = Zeroizing::new(vec![0; BYTES]);
    rand::fill(&mut key)?;
    let enciphering = EncryptingKey::ecb(UnboundCipherKey::new(algorithm, &key)?)?;
    let mut block = [0; BLOCK_BYTES];
    enciphering.encrypt(&mut block)?;
    Ok(GeneratedKey {
        key,
        public: block[..CHECK_VALUE_BYTES].to_vec(),
    })
}

fn rsa(size: KeySize) -> Result<GeneratedKey, Unspecified> {
    let pair = rsa::KeyPair::generate(size)?;
    let key: Pkcs8V1Der<'_> = pair.as_der()?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    Ok(GeneratedKey {
        key: Zeroizing::new(key.as_ref().to_vec()),
        public: public.as_ref().to_vec(),
    })
}

fn elliptic(algorithm: &'static EcdsaSigningAlgorithm) -> Result<GeneratedKey, Unspecified> {
    let pair = EcdsaKeyPair::generate(algorithm)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    Ok(GeneratedKey {
        key: Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec()),
        public: public.as_ref().to_vec(),
    })
}

fn ed25519() -> Result<GeneratedKey, Unspecified> {
    let pair = Ed25519KeyPair::generate()?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    Ok(GeneratedKey {
        key: Zeroizing::new(pair.to_pkcs8()?.as_ref().to_vec()),
        public: public.as_ref().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::RsaKeyPair;

    use super::*;

    /// RSA keys of more bits take seconds in a debug build; what makes them is the same.
    #[test]
    fn a_key_of_every_kind_is_one_that_the_library_takes_back() {
        for algorithm in KeyAlgorithm::ALL {
            if matches!(algorithm, KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096) {
                continue;
            }
            let [one, two] = [(); 2].map(|()| Generation { algorithm }.run().expect("the library makes one"));
            assert_ne!(*one.key, *two.key, "{algorithm}");
            let is_key = match algorithm {
                KeyAlgorithm::Aes128 => one.key.len() == 16 && one.public.len() == CHECK_VALUE_BYTES,
                KeyAlgorithm::Aes192 => one.key.len() == 24 && one.public.len() == CHECK_VALUE_BYTES,
                KeyAlgorithm::Aes256 => one.key.len() == 32 && one.public.len() == CHECK_VALUE_BYTES,
                KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                    RsaKeyPair::from_pkcs8(&one.key).is_ok_and(|pair| pair.public_modulus_len() == 256)
                }
                KeyAlgorithm::EcP256 => {
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &one.key).is_ok()
                }
                KeyAlgorithm::EcP384 => {
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &one.key).is_ok()
                }
                KeyAlgorithm::EcP521 => {
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P521_SHA512_ASN1_SIGNING, &one.key).is_ok()
                }
                KeyAlgorithm::Ed25519 => Ed25519KeyPair::from_pkcs8(&one.key).is_ok(),
            };
            assert!(is_key, "{algorithm}");
        }
    }
}
