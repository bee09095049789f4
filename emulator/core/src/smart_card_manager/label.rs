//! What may be written on a card as its label. Knows no card.

use core::fmt;

use apdu::mpcos;
use unicode_width::UnicodeWidthStr;

/// 1 to 64 bytes of UTF-8 without control and bidirectional characters. Source: SC-11.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// Bytes in a card's file of the label.
    pub const BYTES_MAX: usize = mpcos::LABEL_BYTES_MAX;

    /// The text of the label.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Columns that it takes on a screen: 0 for a character that stands on the one before, 2 for a wide one.
    pub fn width(&self) -> usize {
        self.0.width()
    }
}

//= SC-11
impl TryFrom<&str> for Label {
    type Error = InvalidLabel;

    fn try_from(text: &str) -> Result<Self, InvalidLabel> {
        if text.is_empty() || text.len() > Self::BYTES_MAX {
            return Err(InvalidLabel::Length { bytes: text.len() });
        }
        if text.chars().any(is_refused) {
            return Err(InvalidLabel::Character);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Controls, line and paragraph separators, and whatever turns the direction of what follows (Unicode, UAX #9).
fn is_refused(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
}

/// A text that is no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidLabel {
    /// Empty, or more than 64 bytes.
    Length {
        /// How many bytes it has.
        bytes: usize,
    },
    /// A control, or a character that turns the direction of the text.
    Character,
}

impl fmt::Display for InvalidLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { bytes } => write!(
                f,
                "read label: expected 1 to {} bytes, got {bytes}",
                Label::BYTES_MAX
            ),
            Self::Character => {
                f.write_str("read label: expected no control or bidirectional character, got one")
            }
        }
    }
}

impl core::error::Error for InvalidLabel {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<usize, InvalidLabel>) {
        assert_eq!(
            Label::try_from(text).map(|label| label.width()),
            expected,
            "{text:?}"
        );
    }

    //= SC-11
    #[test]
    fn one_to_sixty_four_bytes_are_a_label_and_no_others() {
        check("A", Ok(1));
        check(&"x".repeat(64), Ok(64));
        check("", Err(InvalidLabel::Length { bytes: 0 }));
        check(&"x".repeat(65), Err(InvalidLabel::Length { bytes: 65 }));
        // 32 characters of 2 bytes fit, 33 do not.
        check(&"é".repeat(32), Ok(32));
        check(&"é".repeat(33), Err(InvalidLabel::Length { bytes: 66 }));
    }

    //= SC-11
    #[test]
    fn controls_and_bidirectional_characters_are_refused() {
        for character in [
            '\n', '\t', '\0', '\u{7F}', '\u{85}', '\u{61C}', '\u{200E}', '\u{200F}', '\u{2028}', '\u{2029}',
            '\u{202A}', '\u{202E}', '\u{2066}', '\u{2069}',
        ] {
            check(&format!("a{character}b"), Err(InvalidLabel::Character));
        }
    }

    //= SC-11
    #[test]
    fn width_counts_cells_and_neither_bytes_nor_characters() {
        check("Ana", Ok(3));
        check("日本", Ok(4));
        check("e\u{301}", Ok(1));
        check("שלום", Ok(4));
    }
}
