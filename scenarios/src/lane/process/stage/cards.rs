//! The cards of a stage, in files: where each is, and who has it.

use std::{fs, path::PathBuf};

use card_core::CardImage;

use super::{Stage, broken};
use crate::{lane::Mismatch, steps::mismatch};

impl Stage<'_> {
    pub(crate) fn card_path(&self, holder: &str) -> PathBuf {
        self.folder.join(format!("{holder}.card"))
    }

    /// Where the faults of a card are that has any.
    pub(crate) fn fault_path(&self, holder: &str) -> PathBuf {
        self.folder.join(format!("{holder}.card.fault"))
    }

    pub(crate) fn is_in_a_reader(&self, card: &str) -> bool {
        let mut slots = self.people.values().map(|person| &person.slot);
        self.local_slot.as_deref() == Some(card) || slots.any(|slot| slot.as_deref() == Some(card))
    }

    /// A card that was to lose contact was in a reader and is out: the next time it holds.
    pub(super) fn put_tear_behind(&mut self, card: &str) -> Result<(), Mismatch> {
        if !self.torn_once.remove(card) {
            return Ok(());
        }
        let path = self.fault_path(card);
        fs::remove_file(&path).map_err(|why| broken(format!("remove `{}`: {why}", path.display())))
    }

    /// Writes the cards that the factory has made for these people.
    pub(crate) fn write_cards(&mut self, holders: &[String]) -> Result<(), Mismatch> {
        for holder in holders {
            self.take_from_others(holder)?;
            let path = self.card_path(holder);
            let card = self.factory()?.cards.get(holder);
            let text = card.map(|card| card.image().to_text());
            let text = text.ok_or_else(|| mismatch("somebody who holds a card", holder))?;
            fs::write(&path, text).map_err(|why| broken(format!("write `{}`: {why}", path.display())))?;
        }
        Ok(())
    }

    /// What is on a card now, wherever it is.
    pub(crate) fn card(&self, holder: &str) -> Result<CardImage, Mismatch> {
        let path = self.card_path(holder);
        let text = fs::read_to_string(&path).map_err(|_| mismatch("somebody who holds a card", holder))?;
        CardImage::from_text(&text).map_err(|why| broken(format!("read `{}`: {why:?}", path.display())))
    }

    /// A card is at one place.
    pub(super) fn take_from_others(&mut self, card: &str) -> Result<(), Mismatch> {
        let holders: Vec<String> = self
            .people
            .iter()
            .filter(|(_, person)| person.slot.as_deref() == Some(card))
            .map(|(name, _)| name.clone())
            .collect();
        for holder in holders {
            self.take_card_out(&holder)?;
            self.settle()?;
        }
        if self.local_slot.as_deref() == Some(card) {
            self.remove_locally()?;
        }
        Ok(())
    }
}
