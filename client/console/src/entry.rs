//! A line that is being typed. Wiped when it goes; a secret one shows nothing, not even how long it is.

use core::fmt;

use zeroize::Zeroizing;

/// Bytes of the longest line. What is typed beyond it is not taken.
pub const ENTRY_BYTES_MAX: usize = 256;

/// What has been typed so far.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Never grows past its first allocation, so that no copy of it stays behind.
    text: Zeroizing<String>,
    bytes_max: usize,
    is_secret: bool,
}

impl Entry {
    pub(crate) fn secret() -> Self {
        Self {
            text: Zeroizing::new(String::with_capacity(ENTRY_BYTES_MAX)),
            bytes_max: ENTRY_BYTES_MAX,
            is_secret: true,
        }
    }

    pub(crate) fn plain(text: &str) -> Self {
        Self::long(text, ENTRY_BYTES_MAX)
    }

    /// A line of at most so many bytes, which is no secret.
    pub(crate) fn long(text: &str, bytes_max: usize) -> Self {
        let mut entry = Self {
            text: Zeroizing::new(String::with_capacity(bytes_max)),
            bytes_max,
            is_secret: false,
        };
        text.chars().for_each(|character| entry.push(character));
        entry
    }

    pub(crate) fn push(&mut self, character: char) {
        if !character.is_control() && self.text.len() + character.len_utf8() <= self.bytes_max {
            self.text.push(character);
        }
    }

    pub(crate) fn pop(&mut self) {
        self.text.pop();
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) const fn is_secret(&self) -> bool {
        self.is_secret
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_secret {
            f.write_str("Entry(..)")
        } else {
            write!(f, "Entry({:?})", self.text.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_at_its_limit_and_never_moves() {
        let mut entry = Entry::secret();
        let place = entry.text.as_ptr();
        for _ in 0..=ENTRY_BYTES_MAX {
            entry.push('7');
        }
        assert_eq!(entry.text().len(), ENTRY_BYTES_MAX);
        assert_eq!(entry.text.as_ptr(), place, "no copy of it stays behind");
        assert_eq!(format!("{entry:?}"), "Entry(..)");
        entry.pop();
        entry.push('é');
        assert_eq!(
            entry.text().len(),
            ENTRY_BYTES_MAX - 1,
            "half a character is none"
        );
    }
}
