//! The seam between the steps about a card and the card that they speak of: a card in a reader of its own, without an
//! HSM. The simulated one stands here; another bed puts the same image into another reader. Knows no step.

use std::{fmt, time::Duration};

use card_core::{Card, CardImage, Faults, FaultyCard, FaultyOutput, Input};
use sim::Seed;

/// Puts cards into readers.
pub trait CardBed {
    /// A reader that holds a card of this image, not yet powered. `Err` says what kept the bed from it.
    fn reader_with(&self, image: CardImage) -> Result<Box<dyn CardUnderTest>, String>;
}

/// A card in a reader, as a program sees it.
pub trait CardUnderTest {
    /// Power off and on: a cold reset. The answer to reset.
    fn power_on(&mut self) -> Result<Vec<u8>, Silence>;
    /// A reset without loss of power. The answer to reset.
    fn warm_reset(&mut self) -> Result<Vec<u8>, Silence>;
    /// One T=0 command as it stands, and the bytes that came back; 61xx and 6Cxx are not resolved.
    fn transmit(&mut self, tpdu: &[u8]) -> Result<Vec<u8>, Silence>;
    /// The card is taken out of the reader.
    fn remove(&mut self) -> Result<(), Silence>;
    /// The same card is put back, not yet powered.
    fn insert(&mut self) -> Result<(), Silence>;
    /// Whatever holds the card ends without a farewell and is started again, with the card in the reader.
    fn restart(&mut self) -> Result<(), Silence>;
    /// Gives the card these faults, in the form of docs/card.md, before any command but a reset.
    fn set_faults(&mut self, _text: &str) -> Result<(), Silence> {
        Err(Silence::Failed(NOT_OURS.into()))
    }
    /// One command, with the card torn out after so many bytes that it writes to its memory, and without that fault
    /// afterwards.
    fn tear_out(&mut self, _bytes: i64, _tpdu: &[u8]) -> Result<Vec<u8>, Silence> {
        Err(Silence::Failed(NOT_OURS.into()))
    }
    /// What is durable.
    fn image(&self) -> Result<CardImage, Silence> {
        Err(Silence::Failed(NOT_OURS.into()))
    }
    /// How long the last answer took, on the clock of the simulation.
    fn last_delay(&self) -> Result<Duration, Silence> {
        Err(Silence::Failed(NOT_OURS.into()))
    }
}

/// Why a card has no faults and shows nobody its memory.
const NOT_OURS: &str = "the card is not one that can be broken or looked into";

/// Why a reader gave no bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// There is no card in it.
    Absent,
    /// The card left during the command.
    Removed,
    /// The card did not answer.
    Mute,
    /// The reader could not do it.
    Failed(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no card in the reader"),
            Self::Removed => f.write_str("the card left during the command"),
            Self::Mute => f.write_str("silence"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// The beds of the simulation: cards as values.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedBed {
    /// Where challenges come from.
    pub seed: Seed,
}

/// A card as a value, with its durable image beside it.
#[derive(Debug)]
pub struct SimulatedCard {
    card: FaultyCard,
    image: CardImage,
    seed: Seed,
    is_in_reader: bool,
    /// How long the last answer took.
    delay: Duration,
}

impl CardBed for SimulatedBed {
    fn reader_with(&self, image: CardImage) -> Result<Box<dyn CardUnderTest>, String> {
        Ok(Box::new(SimulatedCard {
            card: started(image.clone(), self.seed),
            image,
            seed: self.seed,
            is_in_reader: true,
            delay: Duration::ZERO,
        }))
    }
}

/// A card as the program that holds it makes it from its image.
fn started(image: CardImage, seed: Seed) -> FaultyCard {
    let mut card = FaultyCard::new(Card::from_image(image), Faults::default());
    let mut randomness = [0; 32];
    randomness[..8].copy_from_slice(&seed.0.to_le_bytes());
    card.handle_input(Input::Randomness(randomness));
    card
}

impl SimulatedCard {
    fn drive(&mut self, input: Input<'_>) -> Result<Vec<u8>, Silence> {
        if !self.is_in_reader {
            return Err(Silence::Absent);
        }
        self.card.handle_input(input);
        while let Some(output) = self.card.poll_output() {
            match output {
                FaultyOutput::Write(write) => {
                    self.image.apply(&write);
                    self.card.handle_input(Input::Written);
                }
                FaultyOutput::Atr(bytes) => return Ok(bytes),
                FaultyOutput::Answer { bytes, after } => {
                    self.delay = after;
                    return Ok(bytes);
                }
                FaultyOutput::TornOut => {
                    self.is_in_reader = false;
                    return Err(Silence::Removed);
                }
            }
        }
        Err(Silence::Mute)
    }
}

/// The faults of a card that is torn out at this command, after so many bytes that it writes.
pub(crate) fn torn_out(at: usize, bytes: i64) -> String {
    format!("version = 1\n[[fault]]\nkind = \"torn_out\"\nat = {at}\nbytes = {bytes}\n")
}

impl CardUnderTest for SimulatedCard {
    fn power_on(&mut self) -> Result<Vec<u8>, Silence> {
        self.drive(Input::PowerOn)
    }

    fn warm_reset(&mut self) -> Result<Vec<u8>, Silence> {
        self.drive(Input::WarmReset)
    }

    fn transmit(&mut self, tpdu: &[u8]) -> Result<Vec<u8>, Silence> {
        self.drive(Input::Transmit(tpdu))
    }

    fn remove(&mut self) -> Result<(), Silence> {
        // Nothing comes back from a card that leaves.
        if !self.is_in_reader {
            return Err(Silence::Absent);
        }
        self.card.handle_input(Input::PowerOff);
        self.is_in_reader = false;
        Ok(())
    }

    fn insert(&mut self) -> Result<(), Silence> {
        self.is_in_reader = true;
        Ok(())
    }

    fn restart(&mut self) -> Result<(), Silence> {
        // As a program reads it: the text form is all that is left.
        let image = CardImage::from_text(&self.image.to_text())
            .map_err(|invalid| Silence::Failed(invalid.to_string()))?;
        self.card = started(image, self.seed);
        Ok(())
    }

    fn set_faults(&mut self, text: &str) -> Result<(), Silence> {
        let faults = Faults::from_text(text).map_err(|invalid| Silence::Failed(invalid.to_string()))?;
        self.card.set_faults(faults);
        Ok(())
    }

    fn tear_out(&mut self, bytes: i64, tpdu: &[u8]) -> Result<Vec<u8>, Silence> {
        self.set_faults(&torn_out(1, bytes))?;
        let came = self.transmit(tpdu);
        self.card.set_faults(Faults::default());
        came
    }

    fn image(&self) -> Result<CardImage, Silence> {
        Ok(self.image.clone())
    }

    fn last_delay(&self) -> Result<Duration, Silence> {
        Ok(self.delay)
    }
}
