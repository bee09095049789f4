//! The activation password of a Pocket on its way from the keyboard to the device. Never shows itself.

use core::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

/// Characters of an activation password, at least. Source: PK-02.
pub const ACTIVATION_PASSWORD_CHARACTERS_MIN: usize = 8;
/// Characters of an activation password, at most. Source: PK-02.
pub const ACTIVATION_PASSWORD_CHARACTERS_MAX: usize = 64;

/// What was typed as an activation password. Any text: one of another length is simply wrong where a password is
/// compared, and refused where one is set.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct ActivationPassword(Zeroizing<String>);

impl ActivationPassword {
    /// The text itself. For the wire and for deriving a key, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it may be set as a password.
    pub fn has_permitted_length(&self) -> bool {
        (ACTIVATION_PASSWORD_CHARACTERS_MIN..=ACTIVATION_PASSWORD_CHARACTERS_MAX)
            .contains(&self.0.chars().count())
    }
}

impl From<String> for ActivationPassword {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for ActivationPassword {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for ActivationPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActivationPassword([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= PK-02
    #[test]
    fn a_password_has_8_to_64_characters_however_many_bytes_they_take() {
        for (characters, is_permitted) in [(0, false), (7, false), (8, true), (64, true), (65, false)] {
            for character in ["a", "ã", "🔑"] {
                let password = ActivationPassword::from(character.repeat(characters));
                assert_eq!(password.has_permitted_length(), is_permitted, "{characters}");
            }
        }
        assert!(!format!("{:?}", ActivationPassword::from("sesame00")).contains("sesame"));
    }
}
