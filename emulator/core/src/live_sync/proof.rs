//! The proof that both sides have the same Server Master Key: each answers a challenge with an HMAC that nobody without
//! the key can make and that is worth nothing in another TLS session. Never sends the key or anything derived from it.

use aws_lc_rs::hmac;

use super::{BINDING_BYTES, MAC_BYTES};
use crate::ServerMasterKey;

/// What the key of this version is made with.
const LABEL: &[u8] = b"hsm-rig: live sync, version 1";

/// What each side says to prove itself, in one TLS session.
#[derive(Clone)]
pub(crate) struct Proofs {
    key: hmac::Key,
    /// The TLS session, the hello and the challenge, as they crossed the wire.
    transcript: Vec<u8>,
}

impl Proofs {
    /// The proofs after this hello and this challenge.
    pub(crate) fn new(
        key: &ServerMasterKey,
        binding: &[u8; BINDING_BYTES],
        hello: &[u8],
        challenge: &[u8],
    ) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key.tag(LABEL)),
            transcript: [binding.as_slice(), hello, challenge].concat(),
        }
    }

    /// What the side that takes the database says.
    pub(crate) fn of_target(&self) -> [u8; MAC_BYTES] {
        self.tag(b"target")
    }

    /// What the side that has it says.
    pub(crate) fn of_source(&self) -> [u8; MAC_BYTES] {
        self.tag(b"source")
    }

    /// Whether that is what the side that takes the database says.
    pub(crate) fn is_of_target(&self, proof: &[u8; MAC_BYTES]) -> bool {
        self.is(b"target", proof)
    }

    /// Whether that is what the side that has it says.
    pub(crate) fn is_of_source(&self, proof: &[u8; MAC_BYTES]) -> bool {
        self.is(b"source", proof)
    }

    /// What seals the stream that follows.
    pub(crate) fn stream(&self) -> StreamMac {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.tag(b"stream"));
        StreamMac(hmac::Context::with_key(&key))
    }

    fn text(&self, role: &[u8]) -> Vec<u8> {
        [role, &self.transcript].concat()
    }

    fn tag(&self, role: &[u8]) -> [u8; MAC_BYTES] {
        let tag = hmac::sign(&self.key, &self.text(role));
        tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }

    /// In constant time.
    fn is(&self, role: &[u8], proof: &[u8; MAC_BYTES]) -> bool {
        hmac::verify(&self.key, &self.text(role), proof).is_ok()
    }
}

impl core::fmt::Debug for Proofs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Proofs([redacted])")
    }
}

/// The seal of a stream of chunks while it grows.
#[derive(Clone)]
pub(crate) struct StreamMac(hmac::Context);

impl StreamMac {
    /// One chunk more.
    pub(crate) fn update(&mut self, chunk: &[u8]) {
        self.0.update(chunk);
    }

    /// The seal of all of them.
    pub(crate) fn finish(self) -> [u8; MAC_BYTES] {
        let tag = self.0.sign();
        tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }
}

impl core::fmt::Debug for StreamMac {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("StreamMac([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use sim::Seed;

    use super::*;

    fn key(number: u64) -> ServerMasterKey {
        ServerMasterKey::generate(&mut Seed(number).rng_for("key"))
    }

    #[test]
    fn a_proof_is_of_one_key_one_session_one_challenge_and_one_side() {
        let proofs = Proofs::new(&key(1), &[1; 32], b"hello", b"challenge");
        let (target, source) = (proofs.of_target(), proofs.of_source());
        assert!(proofs.is_of_target(&target) && proofs.is_of_source(&source));
        assert!(!proofs.is_of_target(&source) && !proofs.is_of_source(&target));
        for other in [
            Proofs::new(&key(2), &[1; 32], b"hello", b"challenge"),
            Proofs::new(&key(1), &[2; 32], b"hello", b"challenge"),
            Proofs::new(&key(1), &[1; 32], b"hellO", b"challenge"),
            Proofs::new(&key(1), &[1; 32], b"hello", b"challengE"),
        ] {
            assert!(!other.is_of_target(&target) && !other.is_of_source(&source));
            assert_ne!(other.stream().finish(), proofs.stream().finish());
        }
    }
}
