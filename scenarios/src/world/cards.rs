//! The cards of a world: who makes them, and how one answers a reader. A reader without a card answers too.

use std::collections::BTreeMap;

use apdu::{Csn, ReaderAnswer, ReaderCommand};
use aws_lc_rs::digest;
use card_core::{Card, CardImage, Input, Output, Personalisation, profile};
use hsm_core::{Purpose, Scheme, ServerMasterKey, Shadow};
use sim::ChaCha8Rng;

use super::{PIN, World};

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

    /// What it holds as its shadow; a hand that takes a chip apart sees this much.
    pub(crate) fn shadow(&self) -> Vec<u8> {
        self.area("shadow", "shadow_len")
    }

    /// What it holds as its label.
    pub(crate) fn label(&self) -> String {
        String::from_utf8_lossy(&self.area("label", "label_len")).into_owned()
    }

    fn area(&self, name: &str, len: &str) -> Vec<u8> {
        let text = self.image().to_text();
        let field = |name: &str| {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix("= "));
            value.unwrap_or_default().trim_matches('"').to_owned()
        };
        let mut bytes = apdu::hex::decode(&field(name)).unwrap_or_default();
        bytes.truncate(field(len).parse().unwrap_or(0));
        bytes
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

    /// Wrong PINs, presented to the card in some other reader.
    pub(crate) fn present_wrong_pins(&mut self, tries: i64) {
        self.answer(&ReaderCommand::PowerOn);
        for _ in 0..tries {
            self.answer(&ReaderCommand::Transmit(b"\x00\x20\x00\x00\x0800000000".to_vec()));
        }
        self.power_off();
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
    command: &ReaderCommand,
) -> ReaderAnswer {
    match slot.and_then(|name| cards.get_mut(name)) {
        Some(card) => card.answer(command),
        None => ReaderAnswer::CardAbsent,
    }
}

/// Makes the cards of a world. Stands in for the Smart Card Manager of some device.
pub(crate) struct CardMaker {
    key: ServerMasterKey,
    rng: ChaCha8Rng,
    next_serial: u8,
    /// What is on the cards, so that they can be copied and spoilt.
    shadows: BTreeMap<String, Vec<u8>>,
}

/// In the field of AES (FIPS 197, section 4.2): the line through two shares meets zero in the key.
fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b > 0 {
        product ^= if b & 1 == 1 { a } else { 0 };
        a = (a << 1) ^ if a & 0x80 == 0 { 0 } else { 0x1B };
        b >>= 1;
    }
    product
}

/// Where the parts of a shadow stand (`hsm_core::SHADOW_BYTES`).
mod offset {
    pub(super) const REQUIRED: usize = 14;
    pub(super) const CARDS: usize = 15;
    pub(super) const INDEX: usize = 16;
    pub(super) const SHARE: usize = 20;
    pub(super) const CHECKSUM: usize = 52;
}

impl CardMaker {
    pub(crate) fn new(key: ServerMasterKey, rng: ChaCha8Rng) -> Self {
        Self {
            key,
            rng,
            next_serial: 1,
            shadows: BTreeMap::new(),
        }
    }

    /// A set for these holders; cards that nobody holds stay in the safe.
    pub(crate) fn set_for(&mut self, scheme: Scheme, holders: &[String]) -> BTreeMap<String, SmartCard> {
        let shadows = self.split(scheme, Purpose::ServerMasterKey);
        holders
            .iter()
            .zip(&shadows)
            .map(|(holder, shadow)| (holder.clone(), self.card(holder, &shadow.to_bytes())))
            .collect()
    }

    /// The key of the set, for another HSM that has it.
    pub(crate) fn key(&self) -> ServerMasterKey {
        self.key.clone()
    }

    /// The shadows, their shares, and the key that two shares of a 2-of-N set give.
    pub(crate) fn secrets(&self) -> Vec<Vec<u8>> {
        let share = |shadow: &Vec<u8>| shadow[offset::SHARE..offset::CHECKSUM].to_vec();
        let shadows: Vec<_> = self.shadows.values().cloned().collect();
        let mut secrets: Vec<_> = shadows.iter().map(share).collect();
        if let [first, second, ..] = shadows.as_slice() {
            let (x, y) = (first[offset::INDEX], second[offset::INDEX]);
            let inverse = (1..=u8::MAX)
                .find(|inverse| multiply(*inverse, x ^ y) == 1)
                .unwrap_or(0);
            let bytes = share(first).into_iter().zip(share(second));
            let at_zero = |(a, b)| multiply(multiply(a, y) ^ multiply(b, x), inverse);
            secrets.push(bytes.map(at_zero).collect());
        }
        secrets.extend(shadows);
        secrets
    }

    fn split(&mut self, scheme: Scheme, purpose: Purpose) -> Vec<Shadow> {
        self.key.clone().split(scheme, purpose, &mut self.rng)
    }

    /// A card with this label that holds these bytes as its shadow.
    fn card(&mut self, label: &str, shadow: &[u8]) -> SmartCard {
        self.shadows.insert(label.to_owned(), shadow.to_vec());
        SmartCard::new(self.image(PIN, label, shadow))
    }

    fn image(&mut self, pin: &str, label: &str, shadow: &[u8]) -> CardImage {
        let mut csn = *b"\x15\xC0\x00\x00\xE3\xA8\x17\x10\x00\x6F\x00\x00\xFF\x00\x00\x00";
        csn[15] = self.next_serial();
        let image = CardImage::personalised(&Personalisation {
            csn: Csn(csn),
            pin,
            label,
            shadow,
            card_type: profile::CARD_TYPE,
            presentations_max: profile::PRESENTATIONS_MAX,
        });
        image.expect("PINs, labels and shadows of a world fit on a card")
    }

    fn next_serial(&mut self) -> u8 {
        let serial = self.next_serial;
        self.next_serial += 1;
        serial
    }
}

/// Cards that are not what they should be.
impl World {
    fn give(&mut self, person: &str, shadow: &[u8]) {
        let card = self.set.card(person, shadow);
        self.cards.insert(person.to_owned(), card);
    }

    pub(crate) fn give_foreign_set(&mut self, people: [&str; 2]) {
        let scheme = Scheme::new(2, 2).expect("2 of 2 is a scheme");
        let key = ServerMasterKey::generate(&mut self.set.rng);
        let shadows = key.split(scheme, Purpose::ServerMasterKey, &mut self.set.rng);
        for (person, shadow) in people.into_iter().zip(shadows) {
            let card = self.set.card(person, &shadow.to_bytes());
            self.cards.insert(person.to_owned(), card);
        }
    }

    pub(crate) fn give_foreign_card(&mut self, person: &str) {
        let key = ServerMasterKey::generate(&mut self.set.rng);
        let shadows = key.split(self.scheme(), Purpose::ServerMasterKey, &mut self.set.rng);
        self.give(person, &shadows[0].to_bytes());
    }

    /// `index` counts from 1; the set is made once for every card that is asked for.
    pub(crate) fn give_card_of_new_set(&mut self, person: &str, index: usize) {
        let shadows = self.set.split(self.scheme(), Purpose::ServerMasterKey);
        let shadow = &shadows[index.clamp(1, shadows.len()) - 1];
        self.give(person, &shadow.to_bytes());
    }

    pub(crate) fn give_partition_card(&mut self, person: &str) {
        let shadows = self.set.split(self.scheme(), Purpose::PartitionAuthorization);
        self.give(person, &shadows[0].to_bytes());
    }

    /// A whole 2-of-2 set for partitions, of a secret of its own.
    pub(crate) fn give_partition_set(&mut self, people: [&str; 2]) {
        let scheme = Scheme::new(2, 2).expect("2 of 2 is a scheme");
        let secret = ServerMasterKey::generate(&mut self.set.rng);
        let shadows = secret.split(scheme, Purpose::PartitionAuthorization, &mut self.set.rng);
        for (person, shadow) in people.into_iter().zip(shadows) {
            self.give(person, &shadow.to_bytes());
        }
    }

    pub(crate) fn give_copy(&mut self, person: &str, original: &str) {
        let shadow = self.shadow_of(original);
        self.give(person, &shadow);
    }

    pub(crate) fn give_virgin_card(&mut self, person: &str) {
        let mut csn = [0xEE; 16];
        csn[15] = self.set.next_serial();
        self.cards
            .insert(person.to_owned(), SmartCard::new(CardImage::virgin(Csn(csn))));
    }

    /// Formatted: no label, no shadow.
    pub(crate) fn give_formatted_card(&mut self, person: &str) {
        self.give_formatted_card_with_pin(person, PIN);
    }

    pub(crate) fn give_formatted_card_with_pin(&mut self, person: &str, pin: &str) {
        let card = SmartCard::new(self.set.image(pin, "", &[]));
        self.cards.insert(person.to_owned(), card);
    }

    /// The serial number whose print stands on the vendor's Inspect screen.
    pub(crate) fn give_the_vendors_card(&mut self, person: &str) {
        const SERIAL: u8 = 0x10;
        let next = core::mem::replace(&mut self.set.next_serial, SERIAL);
        self.give_formatted_card(person);
        self.set.next_serial = next;
    }

    pub(crate) fn give_card_that_breaks_the_seal(&mut self, person: &str) {
        let card = SmartCard::new(self.set.image(PIN, "", &[]).with_erase_keeps_seal(false));
        self.cards.insert(person.to_owned(), card);
    }

    /// The shadow that somebody's card was made with.
    pub(crate) fn given_shadow(&self, person: &str) -> Vec<u8> {
        self.shadow_of(person)
    }

    pub(crate) fn give_empty_card(&mut self, person: &str) {
        self.give(person, &[]);
    }

    pub(crate) fn flip_a_bit(&mut self, person: &str) {
        let mut shadow = self.shadow_of(person);
        shadow[offset::SHARE] ^= 1;
        self.give(person, &shadow);
    }

    pub(crate) fn change_share(&mut self, person: &str) {
        let mut shadow = self.shadow_of(person);
        shadow[offset::SHARE] ^= 1;
        self.give(person, &with_checksum(shadow));
    }

    pub(crate) fn change_scheme(&mut self, person: &str, index: u8, required: u8, cards: u8) {
        let mut shadow = self.shadow_of(person);
        shadow[offset::INDEX] = index;
        shadow[offset::REQUIRED] = required;
        shadow[offset::CARDS] = cards;
        self.give(person, &with_checksum(shadow));
    }

    pub(crate) fn change_shadow_len(&mut self, person: &str, len: usize) {
        let mut shadow = self.shadow_of(person);
        shadow.resize(len, 0);
        self.give(person, &shadow);
    }

    pub(crate) fn change_label(&mut self, person: &str, label: &str) {
        let shadow = self.shadow_of(person);
        let card = self.set.card(label, &shadow);
        self.cards.insert(person.to_owned(), card);
    }

    fn shadow_of(&self, person: &str) -> Vec<u8> {
        self.set.shadows.get(person).cloned().unwrap_or_default()
    }
}

fn with_checksum(mut shadow: Vec<u8>) -> Vec<u8> {
    let digest = digest::digest(&digest::SHA256, &shadow[..offset::CHECKSUM]);
    shadow[offset::CHECKSUM..].copy_from_slice(&digest.as_ref()[..4]);
    shadow
}
