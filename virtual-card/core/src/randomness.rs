//! The chance of a card: lent by its driver, drawn by GET CHALLENGE. Never asks the operating system.

use core::fmt;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// A stream of bytes that the driver's 32 bytes determine, or none.
#[derive(Clone, Default)]
pub(crate) struct Randomness(Option<ChaCha8Rng>);

impl Randomness {
    pub(crate) fn lent(seed: [u8; 32]) -> Self {
        Self(Some(ChaCha8Rng::from_seed(seed)))
    }

    /// The next bytes; `None` if nobody lent any.
    pub(crate) fn draw<const N: usize>(&mut self) -> Option<[u8; N]> {
        let stream = self.0.as_mut()?;
        let mut bytes = [0; N];
        stream.fill_bytes(&mut bytes);
        Some(bytes)
    }
}

impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Randomness(lent)"
        } else {
            "Randomness(none)"
        })
    }
}
