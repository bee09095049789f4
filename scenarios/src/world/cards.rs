//! The cards of a world: who makes them, and how one answers a reader. A reader without a card answers too.

use std::collections::BTreeMap;

use apdu::{Csn, ReaderAnswer, ReaderCommand};
use card_core::{Card, CardImage, Input, Output, Personalisation, profile};
use hsm_core::{Purpose, Scheme, ServerMasterKey, Shadow};
use sim::ChaCha8Rng;

use super::PIN;

/// A card as a thing: it may be torn out in the middle of a command.
pub(crate) struct SmartCard {
    card: Card,
    pub(crate) tear: Option<Tear>,
    /// Does not answer any more, as a card with bad contacts does.
    pub(crate) mute: bool,
    /// Commands that reached it.
    pub(crate) commands: Vec<[u8; 2]>,
}

/// When a card loses its power in the middle of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tear {
    /// After so many writes to its cells, counted from now.
    pub(crate) after_writes: u32,
}

impl SmartCard {
    pub(crate) fn new(image: CardImage) -> Self {
        Self {
            card: Card::from_image(image),
            tear: None,
            mute: false,
            commands: Vec::new(),
        }
    }

    pub(crate) fn image(&self) -> &CardImage {
        self.card.image()
    }

    pub(crate) fn power_off(&mut self) {
        self.card.handle_input(Input::PowerOff);
        while self.card.poll_output().is_some() {}
    }

    fn answer(&mut self, command: &ReaderCommand) -> ReaderAnswer {
        if self.mute {
            return ReaderAnswer::CardMute;
        }
        match command {
            ReaderCommand::PowerOn => self.card.handle_input(Input::PowerOn),
            ReaderCommand::Transmit(tpdu) => {
                if let [_, instruction, p1, ..] = tpdu[..] {
                    self.commands.push([instruction, p1]);
                }
                self.card.handle_input(Input::Transmit(tpdu));
            }
            ReaderCommand::PowerOff => {
                self.power_off();
                return ReaderAnswer::PoweredOff;
            }
        }
        while let Some(output) = self.card.poll_output() {
            match output {
                Output::Write(_) if self.is_torn_now() => {
                    self.card = Card::from_image(self.card.image().clone());
                    return ReaderAnswer::CardRemoved;
                }
                Output::Write(_) => self.card.handle_input(Input::Written),
                Output::Atr(atr) => return ReaderAnswer::Atr(atr),
                Output::Answer(response) => return ReaderAnswer::Response(response),
            }
        }
        ReaderAnswer::CardMute
    }

    fn is_torn_now(&mut self) -> bool {
        match &mut self.tear {
            None => false,
            Some(Tear { after_writes: 0 }) => {
                self.tear = None;
                true
            }
            Some(Tear { after_writes }) => {
                *after_writes -= 1;
                false
            }
        }
    }
}

/// What a reader answers that holds this card, or none.
pub(crate) fn answer(
    cards: &mut BTreeMap<String, SmartCard>,
    slot: Option<&str>,
    command: ReaderCommand,
) -> ReaderAnswer {
    match slot.and_then(|name| cards.get_mut(name)) {
        Some(card) => card.answer(&command),
        None => ReaderAnswer::CardAbsent,
    }
}

/// Makes the cards of a world. Stands in for the Smart Card Manager of some device.
pub(crate) struct CardMaker {
    pub(crate) key: ServerMasterKey,
    pub(crate) rng: ChaCha8Rng,
    next_serial: u8,
}

impl CardMaker {
    pub(crate) fn new(key: ServerMasterKey, rng: ChaCha8Rng) -> Self {
        Self {
            key,
            rng,
            next_serial: 1,
        }
    }

    /// A set for these holders; cards that nobody holds stay in the safe.
    pub(crate) fn set_for(&mut self, scheme: Scheme, holders: &[String]) -> BTreeMap<String, SmartCard> {
        let key = self.key.clone();
        let shadows = key.split(scheme, Purpose::ServerMasterKey, &mut self.rng);
        holders
            .iter()
            .zip(&shadows)
            .map(|(holder, shadow)| (holder.clone(), self.card(holder, &shadow.to_bytes())))
            .collect()
    }

    /// The shadows of a set of another key.
    pub(crate) fn foreign_set(&mut self, scheme: Scheme) -> Vec<Shadow> {
        ServerMasterKey::generate(&mut self.rng).split(scheme, Purpose::ServerMasterKey, &mut self.rng)
    }

    /// A card that holds these bytes as its shadow.
    pub(crate) fn card(&mut self, label: &str, shadow: &[u8]) -> SmartCard {
        let mut csn = *b"\x15\xC0\x00\x00\xE3\xA8\x17\x10\x00\x6F\x00\x00\xFF\x00\x00\x00";
        csn[15] = self.next_serial;
        self.next_serial += 1;
        let image = CardImage::personalised(&Personalisation {
            csn: Csn(csn),
            pin: PIN,
            label,
            shadow,
            card_type: profile::CARD_TYPE,
            presentations_max: profile::PRESENTATIONS_MAX,
        });
        SmartCard::new(image.expect("labels and shadows of a world fit on a card"))
    }

    /// A card as it comes from the factory.
    pub(crate) fn virgin(&mut self) -> SmartCard {
        let mut csn = [0xEE; 16];
        csn[15] = self.next_serial;
        self.next_serial += 1;
        SmartCard::new(CardImage::virgin(Csn(csn)))
    }
}
