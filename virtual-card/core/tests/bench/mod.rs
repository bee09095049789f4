//! A card on the bench: its durable image beside it, bytes in and out as hex.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    unreachable_pub,
    reason = "a module of tests has no crate that could reach it"
)]

use apdu::{Csn, hex};
use card_core::{Card, CardImage, CellWrite, Input, Output, Personalisation, profile};

pub const PIN: &str = "12345678";
pub const SHADOW: &[u8] = b"0123456789 this is not a real shadow";
pub const CSN: Csn = Csn([
    0x15, 0xC0, 0, 0, 0xE3, 0xA8, 0x17, 0x10, 0, 0x6F, 0, 0, 0xFF, 0, 0, 0x10,
]);

/// MPCOS applet, by its name as Stack Overflow question 32842718 has it.
pub const SELECT_APPLET: &str = "00A4040010 A0000000183003010000000000000000";
pub const VERIFY_RIGHT: &str = "0020000008 3132333435363738";
pub const VERIFY_WRONG: &str = "0020000008 3132333435363739";
pub const QUERY: &str = "0020000000";

pub struct Bench {
    pub image: CardImage,
    pub card: Card,
}

pub fn image_with(label: &str, shadow: &[u8]) -> CardImage {
    CardImage::personalised(&Personalisation {
        csn: CSN,
        pin: PIN,
        label,
        shadow,
        card_type: profile::CARD_TYPE,
        presentations_max: profile::PRESENTATIONS_MAX,
    })
    .expect("the test makes a card within its limits")
}

impl Bench {
    pub fn powered(image: CardImage) -> Self {
        let mut bench = Self {
            card: Card::from_image(image.clone()),
            image,
        };
        bench.input(Input::PowerOn);
        bench
    }

    pub fn fresh() -> Self {
        Self::powered(image_with("Alice", SHADOW))
    }

    /// With a right PIN and the applet selected.
    pub fn open() -> Self {
        let mut bench = Self::fresh();
        assert_eq!(bench.sends(SELECT_APPLET), "6112");
        assert_eq!(bench.sends(VERIFY_RIGHT), "9000");
        bench
    }

    /// Drives the card until it has nothing more to hand out. Returns what it answered.
    pub fn input(&mut self, input: Input<'_>) -> Vec<Output> {
        self.card.handle_input(input);
        let mut answers = Vec::new();
        while let Some(output) = self.card.poll_output() {
            match output {
                Output::Write(write) => {
                    self.image.apply(&write);
                    self.card.handle_input(Input::Written);
                }
                answer @ (Output::Atr(_) | Output::Answer(_)) => answers.push(answer),
            }
        }
        answers
    }

    pub fn transmits(&mut self, bytes: &[u8]) -> Vec<u8> {
        match &self.input(Input::Transmit(bytes))[..] {
            [Output::Answer(response)] => response.to_bytes(),
            other => panic!("expected one answer, got {other:?}"),
        }
    }

    pub fn sends(&mut self, command: &str) -> String {
        hex::encode(&self.transmits(&bytes(command)))
    }

    /// Begins a command and stops at its first write, which is handed back and not yet made durable.
    pub fn begins(&mut self, command: &str) -> CellWrite {
        self.card.handle_input(Input::Transmit(&bytes(command)));
        self.next_write().expect("the command writes first")
    }

    pub fn next_write(&mut self) -> Option<CellWrite> {
        match self.card.poll_output() {
            Some(Output::Write(write)) => Some(write),
            Some(Output::Atr(_) | Output::Answer(_)) | None => None,
        }
    }

    /// Power is gone at this very point: only what is durable is left.
    pub fn cut(self) -> Self {
        Self::powered(self.image)
    }
}

pub fn bytes(text: &str) -> Vec<u8> {
    hex::decode(&text.replace(' ', "")).expect("the test writes hex")
}
