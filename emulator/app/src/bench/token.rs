//! The word without which the bench does nothing. Never in a log: it is in the ready-file and nowhere else.

use std::fmt;

use apdu::hex;
use rand_core::Rng as _;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::world::OsRandom;

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// 256 random bits as 64 hexadecimal digits.
#[derive(Clone)]
pub(crate) struct Token(Zeroizing<String>);

impl Token {
    /// One that nobody has seen.
    pub(crate) fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        OsRandom.fill_bytes(&mut *bytes);
        Self(Zeroizing::new(hex::encode(&*bytes)))
    }

    /// For the ready-file.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is it. Takes as long for every text of its length.
    pub(crate) fn is(&self, presented: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(presented).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_256_bits_that_differ_and_print_nowhere() {
        let (one, other) = (Token::generate(), Token::generate());
        assert_eq!(one.expose().len(), 2 * TOKEN_BYTES);
        assert!(one.is(one.expose().as_bytes()));
        assert!(!one.is(other.expose().as_bytes()));
        assert!(!one.is(b"") && !one.is(&one.expose().as_bytes()[1..]));
        assert_eq!(format!("{one:?}"), "Token");
    }
}
