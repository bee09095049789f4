//! The local reader: one slot, and the card image in it. Everybody with a hand at the device, at the bench or at the
//! terminal, puts cards in here. Tells the device nothing.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use apdu::{ReaderAnswer, ReaderCommand};
use tracing::warn;
use virtual_card::CardFile;

/// The slot.
#[derive(Debug, Default)]
pub(crate) struct LocalReader {
    card: Option<CardFile>,
}

/// Why a hand could not do something: what was expected, what was there, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hindrance {
    pub(crate) doing: &'static str,
    pub(crate) expected: String,
    pub(crate) came: String,
    /// Empty if there is nothing to say.
    pub(crate) hint: String,
}

/// Without what was being done.
impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got {}", self.expected, self.came)?;
        match &*self.hint {
            "" => Ok(()),
            hint => write!(f, "; {hint}"),
        }
    }
}

impl LocalReader {
    /// Puts the card of this file in.
    pub(crate) fn insert(&mut self, path: &Path) -> Result<(), Hindrance> {
        let doing = "put a card into the local reader";
        if let Some(there) = self.card_path() {
            return Err(Hindrance {
                doing,
                expected: "an empty reader".into(),
                came: format!("`{}` in it", program::shown(&there.to_string_lossy())),
                hint: "take that card out first".into(),
            });
        }
        let opened = CardFile::open(path).map_err(|error| Hindrance {
            doing,
            expected: "the image of a card".into(),
            came: error.to_string(),
            hint: error.hint().unwrap_or_default().into(),
        })?;
        self.card = Some(opened);
        Ok(())
    }

    /// Takes the card out. It loses its power with that.
    pub(crate) fn remove(&mut self) -> Result<(), Hindrance> {
        match self.card.take() {
            Some(_) => Ok(()),
            None => Err(Hindrance {
                doing: "take the card out of the local reader",
                expected: "a card in it".into(),
                came: "an empty reader".into(),
                hint: String::new(),
            }),
        }
    }

    /// Where the card is that is in it.
    pub(crate) fn card_path(&self) -> Option<PathBuf> {
        self.card.as_ref().map(|card| card.path().to_owned())
    }

    /// Does what the device asks for.
    pub(crate) fn answer(&mut self, command: &ReaderCommand) -> ReaderAnswer {
        let Some(card) = &mut self.card else {
            return match command {
                ReaderCommand::PowerOff => ReaderAnswer::PoweredOff,
                ReaderCommand::PowerOn | ReaderCommand::Transmit(_) => ReaderAnswer::CardAbsent,
            };
        };
        let was_working = card.failure().is_none();
        let answer = card.answer(command);
        if let (true, Some(failure)) = (was_working, card.failure()) {
            warn!("{failure}");
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_reader_says_that_no_card_is_there() {
        let mut reader = LocalReader::default();
        assert_eq!(reader.answer(&ReaderCommand::PowerOn), ReaderAnswer::CardAbsent);
        assert_eq!(reader.answer(&ReaderCommand::PowerOff), ReaderAnswer::PoweredOff);
        assert_eq!(reader.remove().expect_err("it is empty").came, "an empty reader");
    }
}
