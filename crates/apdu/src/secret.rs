//! Bytes that must not be seen. They can be read by who holds them; they never print, and dropping wipes them.

use core::fmt;

use zeroize::Zeroize;

/// A shadow or another secret of some length. `Debug` shows its length only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// The bytes themselves. Whoever copies them wipes the copy.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds bytes at the end and wipes where they came from.
    pub(crate) fn append(&mut self, mut more: Vec<u8>) {
        if self.0.is_empty() {
            self.0 = more;
            return;
        }
        // A vector that grows in place leaves its old bytes behind, unwiped.
        let mut joined = Vec::with_capacity(self.0.len() + more.len());
        joined.extend(&self.0);
        joined.extend(&more);
        more.zeroize();
        self.0.zeroize();
        self.0 = joined;
    }

    /// Hands the bytes over; none stay behind.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.0)
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_length_only() {
        assert_eq!(
            format!("{:?}", SecretBytes::from(vec![0xAA; 48])),
            "SecretBytes(48 bytes)"
        );
    }
}
