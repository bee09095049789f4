//! A device at whose console somebody uses the Smart Card Manager: keys, real cards in the local reader, a disk, and
//! hands that pull out cards and cables. Nothing moves by itself: each answer of reader and disk is one step. A clone is
//! the same moment, so that every way to go on from it can be tried.

use std::collections::VecDeque;

use apdu::{Csn, ReaderAnswer, ReaderCommand};
use card_core::{Card, CardImage, Output as CardOutput, Personalisation, profile};
use hsm_core::{
    Change, Device, Event, Input, Key, LifeCycle, LocalCard, Output, Profile, Stored, Ticket, UnfinishedCards,
};
use machine::{Cx, Instant, Machine, WallClock};
use sim::{ChaCha8Rng, Seed};

pub(crate) const PIN: &str = "97531864";

#[derive(Clone)]
pub(crate) struct CardBench {
    pub(crate) device: Option<Device>,
    durable: Stored,
    unwritten: VecDeque<(Ticket, Vec<Change>)>,
    /// What the reader has not answered yet.
    asked: VecDeque<ReaderCommand>,
    pub(crate) cards: Vec<Card>,
    slot: Option<usize>,
    rng: ChaCha8Rng,
    now: Instant,
    /// What the log was told, over all cuts.
    pub(crate) events: Vec<Event>,
    /// Everything that was on the screen.
    pub(crate) seen: String,
}

/// How somebody interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    Esc,
    /// Somebody presses the power button, and again when the device is off.
    PowerButton,
    /// The card is pulled out after so many writes to its cells and, if one is said, so many bytes of the next.
    Removal(Torn),
    /// The cable is pulled out, in the same way for the card; the write that is with the disk is done or not.
    Cut {
        torn: Torn,
        is_written: bool,
    },
}

/// How far a card comes with the command that it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    pub(crate) writes: usize,
    pub(crate) bytes_of_next: Option<usize>,
}

/// What a card holds, as far as it can ever be read or used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) label: Vec<u8>,
    pub(crate) shadow: Vec<u8>,
    pub(crate) pin: String,
    pub(crate) is_sealed: bool,
    pub(crate) is_formatted: bool,
}

/// A formatted card with this number.
pub(crate) fn card(number: u8, label: &str, shadow: &[u8]) -> CardImage {
    CardImage::personalised(&Personalisation {
        csn: serial(number),
        pin: PIN,
        label,
        shadow,
        card_type: profile::CARD_TYPE,
        presentations_max: profile::PRESENTATIONS_MAX,
    })
    .expect("labels and shadows of the bench fit on a card")
}

pub(crate) fn serial(number: u8) -> Csn {
    Csn([
        0x15, 0xC0, 0, 0, 0xE3, 0xA8, 0x17, 0x10, 0, 0x6F, 0, 0, 0xFF, 0, 0, number,
    ])
}

impl CardBench {
    /// A device out of the factory, in its Smart Card menu.
    pub(crate) fn new(cards: impl IntoIterator<Item = CardImage>) -> Self {
        let profile = Profile::xp();
        let durable = Stored::out_of_the_factory(&profile);
        let mut bench = Self {
            device: Some(Device::new(profile, durable.clone())),
            durable,
            unwritten: VecDeque::new(),
            asked: VecDeque::new(),
            cards: cards.into_iter().map(Card::from_image).collect(),
            slot: None,
            rng: Seed(7).rng_for("device"),
            now: Instant::POWER_ON,
            events: Vec::new(),
            seen: String::new(),
        };
        bench.input(Input::PowerButton);
        bench.start();
        // Yes, I want to load the Smart Card Manager.
        bench.press(Key::Right);
        bench.press(Key::Enter);
        assert!(bench.is_at_menu(), "{}", bench.screen());
        bench
    }

    pub(crate) fn screen(&self) -> String {
        self.device
            .as_ref()
            .map(|device| device.screen().to_string())
            .unwrap_or_default()
    }

    /// Whether the menu of the Smart Card Manager stands there, with nothing over it.
    pub(crate) fn is_at_menu(&self) -> bool {
        let screen = self.screen();
        screen.contains("Smart Card") && screen.contains("Copy Card") && screen.contains("Inspect")
    }

    /// Whether what is typed now goes into a field for a PIN.
    pub(crate) fn is_in_pin_field(&self) -> bool {
        let Some(screen) = self.device.as_ref().map(Device::screen) else {
            return false;
        };
        let row = screen.cursor.map(|cursor| cursor.row);
        let text = screen.to_string();
        row.and_then(|row| text.lines().nth(row - 1))
            .is_some_and(|row| row.contains("PIN"))
    }

    pub(crate) fn unfinished(&self) -> Option<&UnfinishedCards> {
        self.durable.unfinished_cards.as_ref()
    }

    pub(crate) fn serials_in_log(&self) -> Vec<Csn> {
        let serials = self.events.iter().filter_map(|event| match event {
            Event::CardInvalid { serial, .. } => Some(*serial),
            _ => None,
        });
        serials.collect()
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.with_device(|device, cx| device.handle_input(cx, input));
    }

    fn with_device(&mut self, tell: impl FnOnce(&mut Device, &mut Cx<'_>)) {
        let Some(device) = &mut self.device else { return };
        let mut cx = Cx {
            now: self.now,
            wall_clock: WallClock::from_unix_millis(1_767_225_600_000),
            rng: &mut self.rng,
        };
        tell(device, &mut cx);
        while let Some(output) = device.poll_output() {
            match output {
                Output::Persist { ticket, changes } => self.unwritten.push_back((ticket, changes)),
                Output::LocalReader(command) => self.asked.push_back(command),
                Output::Event(record) => self.events.push(record.event),
                Output::Listen(_)
                | Output::NetworkDown
                | Output::Send { .. }
                | Output::End { .. }
                | Output::Derive { .. }
                | Output::Fetch { .. }
                | Output::Generate { .. }
                | Output::CloseImage(_)
                | Output::Import { .. }
                | Output::Connect { .. }
                | Output::SendFrame { .. }
                | Output::User { .. }
                | Output::RetrieveLog { .. }
                | Output::ClearLog => {}
            }
        }
        let screen = self.screen();
        assert!(!screen.contains(PIN), "{screen}");
        self.seen.push_str(&screen);
    }

    pub(crate) fn press(&mut self, key: Key) {
        self.input(Input::Key(key));
    }

    pub(crate) fn put_in(&mut self, card: usize) {
        self.slot = Some(card);
        self.input(Input::LocalCard(LocalCard::Inserted));
    }

    pub(crate) fn take_out(&mut self) {
        if let Some(card) = self.slot.take() {
            self.power_off(card);
            self.input(Input::LocalCard(LocalCard::Removed));
        }
    }

    fn power_off(&mut self, card: usize) {
        self.cards[card] = Card::from_image(self.cards[card].image().clone());
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.unwritten.is_empty() || !self.asked.is_empty()
    }

    /// One answer of the disk or of the reader.
    pub(crate) fn step(&mut self) {
        if let Some((ticket, changes)) = self.unwritten.pop_front() {
            for change in &changes {
                self.durable.apply(change);
            }
            self.input(Input::Persisted(ticket));
        } else if let Some(command) = self.asked.pop_front() {
            let answer = self.answer(&command);
            self.input(Input::LocalReader(answer));
        }
    }

    pub(crate) fn settle(&mut self) {
        while self.is_busy() {
            self.step();
        }
    }

    fn answer(&mut self, command: &ReaderCommand) -> ReaderAnswer {
        let Some(card) = self.slot else {
            return ReaderAnswer::CardAbsent;
        };
        match command {
            ReaderCommand::PowerOff => {
                self.power_off(card);
                ReaderAnswer::PoweredOff
            }
            ReaderCommand::PowerOn | ReaderCommand::Transmit(_) => {
                let all = Torn {
                    writes: usize::MAX,
                    bytes_of_next: None,
                };
                self.run(card, command, all).1.unwrap_or(ReaderAnswer::CardMute)
            }
        }
    }

    /// Sends a command to a card that comes only so far with it. Gives the writes that it did, and its answer.
    fn run(&mut self, card: usize, command: &ReaderCommand, torn: Torn) -> (usize, Option<ReaderAnswer>) {
        let card = &mut self.cards[card];
        match command {
            ReaderCommand::PowerOn => card.handle_input(card_core::Input::PowerOn),
            ReaderCommand::Transmit(tpdu) => card.handle_input(card_core::Input::Transmit(tpdu)),
            ReaderCommand::PowerOff => card.handle_input(card_core::Input::PowerOff),
        }
        let mut writes = 0;
        while let Some(output) = card.poll_output() {
            match output {
                CardOutput::Write(write) => {
                    if writes == torn.writes {
                        let mut image = card.image().clone();
                        if let Some(bytes) = torn.bytes_of_next {
                            image.apply(&write.torn_after(bytes));
                        }
                        *card = Card::from_image(image);
                        return (writes, None);
                    }
                    writes += 1;
                    card.handle_input(card_core::Input::Written);
                }
                CardOutput::Atr(atr) => return (writes, Some(ReaderAnswer::Atr(atr))),
                CardOutput::Answer(response) => return (writes, Some(ReaderAnswer::Response(response))),
            }
        }
        (writes, None)
    }

    // Interruptions.

    /// Every way in which somebody can interrupt at this moment.
    pub(crate) fn interruptions(&self) -> Vec<Interruption> {
        let mut torn = vec![Torn {
            writes: 0,
            bytes_of_next: None,
        }];
        if let (Some(command), Some(card)) = (self.asked.front(), self.slot) {
            let all = Torn {
                writes: usize::MAX,
                bytes_of_next: None,
            };
            let writes = self.clone().run(card, command, all).0;
            torn.extend((0..writes).map(|writes| Torn {
                writes,
                bytes_of_next: Some(3),
            }));
            // The last one is a card that did it all, and whose answer nobody hears.
            torn.extend((1..=writes + 1).map(|writes| Torn {
                writes,
                bytes_of_next: None,
            }));
        }
        let removals = torn.iter().filter(|_| self.slot.is_some());
        let mut interruptions = vec![Interruption::Esc, Interruption::PowerButton];
        interruptions.extend(removals.map(|torn| Interruption::Removal(*torn)));
        for is_written in [false, true] {
            let is_other = !is_written || !self.unwritten.is_empty();
            let torn = torn.iter().filter(|_| is_other);
            interruptions.extend(torn.map(|torn| Interruption::Cut {
                torn: *torn,
                is_written,
            }));
        }
        interruptions
    }

    pub(crate) fn interrupt(&mut self, interruption: Interruption) {
        match interruption {
            Interruption::Esc => self.press(Key::Esc),
            Interruption::PowerButton => {
                self.input(Input::PowerButton);
                self.settle();
                self.pass_sequence();
                assert_eq!(self.device.as_ref().map(Device::state), Some(LifeCycle::Off));
                self.input(Input::PowerButton);
                self.start();
            }
            Interruption::Removal(torn) => {
                let asked = core::mem::take(&mut self.asked);
                self.tear(&asked, torn);
                self.take_out();
                for command in asked {
                    let answer = match command {
                        ReaderCommand::PowerOff => ReaderAnswer::PoweredOff,
                        ReaderCommand::PowerOn | ReaderCommand::Transmit(_) => ReaderAnswer::CardRemoved,
                    };
                    self.input(Input::LocalReader(answer));
                }
            }
            Interruption::Cut { torn, is_written } => {
                let asked = core::mem::take(&mut self.asked);
                self.tear(&asked, torn);
                if let Some(card) = self.slot {
                    self.power_off(card);
                }
                self.device = None;
                if let Some((_, changes)) = self.unwritten.pop_front().filter(|_| is_written) {
                    for change in &changes {
                        self.durable.apply(change);
                    }
                }
                self.unwritten.clear();
                self.return_power();
            }
        }
        self.settle();
    }

    fn tear(&mut self, asked: &VecDeque<ReaderCommand>, torn: Torn) {
        // A command that had not reached the card leaves it as it was.
        let reached = torn.writes > 0 || torn.bytes_of_next.is_some();
        if let (true, Some(command), Some(card)) = (reached, asked.front(), self.slot) {
            self.run(card, command, torn);
        }
    }

    fn return_power(&mut self) {
        self.device = Some(Device::new(Profile::xp(), self.durable.clone()));
        self.input(Input::PowerReturned);
        self.start();
    }

    /// The start or stop sequence is over.
    fn pass_sequence(&mut self) {
        let sequence = self.device.as_ref().and_then(Device::poll_timeout);
        self.now = sequence.expect("it is starting or stopping");
        self.with_device(Machine::handle_timeout);
        self.settle();
    }

    fn start(&mut self) {
        self.pass_sequence();
        let state = self.device.as_ref().map(Device::state);
        assert_eq!(state, Some(LifeCycle::FirstBoot));
    }

    /// What this card holds.
    pub(crate) fn content(&self, card: usize) -> Content {
        let text = self.cards[card].image().to_text();
        let field = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix("= "));
            line.unwrap_or_default().trim_matches('"').to_owned()
        };
        let area = |name: &str, len: &str| {
            let len: usize = field(len).parse().expect("a length is a number");
            let mut bytes = apdu::hex::decode(&field(name)).expect("an area is hexadecimal");
            bytes.truncate(len);
            bytes
        };
        let image = self.cards[card].image();
        let is_sealed = image.life_cycle() == apdu::LifeCycle::Sealed;
        Content {
            label: area("label", "label_len"),
            shadow: area("shadow", "shadow_len"),
            pin: field(if is_sealed { "changed_pin" } else { "format_pin" }),
            is_sealed,
            is_formatted: image.life_cycle() != apdu::LifeCycle::Virgin,
        }
    }
}
