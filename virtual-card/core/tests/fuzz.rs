//! Sequences of commands, resets, cuts of power and worn cells, changed at random. Whatever comes, each command has one
//! answer, no try is free, a blocked card stays blocked, and what is left opens.

mod bench;

use std::path::PathBuf;

use apdu::{LifeCycle, ResponseApdu, StatusWord, hex};
use bench::{SHADOW, bytes, image_with};
use card_core::{Card, CardImage, CellWrite, Input, Output, WriteFault};
use fuzz::{Features, Fuzz};

/// The longest sequence, in bytes.
const INPUT_BYTES_MAX: usize = 1_024;

/// One thing that happens. An input is a row of these: a byte that says which, and for a command its length and bytes.
enum Event<'a> {
    Command(&'a [u8]),
    ColdReset,
    WarmReset,
    /// During the next command, after so many bytes.
    Cut(u8),
    /// During the next command, the nth write fails.
    Worn(u8),
}

fn events(mut input: &[u8]) -> Vec<Event<'_>> {
    let mut events = Vec::new();
    while let Some((kind, rest)) = input.split_first() {
        let (argument, rest) = rest
            .split_first()
            .map_or((0, rest), |(argument, rest)| (*argument, rest));
        input = rest;
        events.push(match kind {
            0xF0 => Event::ColdReset,
            0xF1 => Event::WarmReset,
            0xF2 => Event::Cut(argument),
            0xF3 => Event::Worn(argument),
            // So that the longest command and one past it can come, which one byte of length cannot say.
            _ => {
                let len = usize::from(argument) + usize::from(*kind == 0xF4) * 8;
                let (command, rest) = input.split_at(len.min(input.len()));
                input = rest;
                Event::Command(command)
            }
        });
    }
    events
}

struct Life {
    card: Card,
    image: CardImage,
}

impl Life {
    fn of(image: CardImage) -> Self {
        let mut life = Self {
            card: Card::from_image(image.clone()),
            image,
        };
        life.card.handle_input(Input::Randomness([7; 32]));
        life.reset(Input::PowerOn);
        life
    }

    fn reset(&mut self, input: Input<'_>) {
        self.card.handle_input(input);
        assert!(matches!(self.card.poll_output(), Some(Output::Atr(_))));
        assert_eq!(self.card.poll_output(), None);
    }

    /// What is durable, read back from its text as a program does that finds it.
    fn begin_again(&mut self) {
        let text = self.image.to_text();
        *self = Self::of(CardImage::from_text(&text).expect("an image of a card opens"));
    }

    /// The answer, if the power does not go before it.
    fn transmit(&mut self, command: &[u8], cut: Option<u8>, worn: Option<u8>) -> Option<ResponseApdu> {
        let mut bytes_left = cut.map(usize::from);
        let mut writes = 0;
        self.card.handle_input(Input::Transmit(command));
        loop {
            match self.card.poll_output().expect("a command has an answer") {
                Output::Write(_) if worn == Some(writes) => {
                    self.card.handle_input(Input::NotWritten(WriteFault::Worn));
                }
                Output::Write(write) => {
                    let part: CellWrite = write.torn_after(bytes_left.unwrap_or(usize::MAX));
                    let is_cut = part.bytes().len() < write.bytes().len();
                    self.image.apply(&part);
                    if is_cut {
                        self.begin_again();
                        return None;
                    }
                    bytes_left = bytes_left.map(|left| left - part.bytes().len());
                    self.card.handle_input(Input::Written);
                }
                Output::Answer(response) => {
                    assert_eq!(self.card.poll_output(), None, "a command has one answer");
                    assert_eq!(self.card.image(), &self.image);
                    return Some(response);
                }
                Output::Atr(_) => panic!("nobody reset the card"),
            }
            writes += 1;
        }
    }
}

fn live(input: &[u8], features: &mut Features) {
    // The first byte says which card it is.
    let (kind, input) = input
        .split_first()
        .map_or((0, input), |(kind, rest)| (*kind, rest));
    let mut life = Life::of(match kind % 4 {
        0 => CardImage::virgin(bench::CSN),
        1 => image_with("Alice", SHADOW).with_erase_keeps_seal(false),
        _ => image_with("Alice", SHADOW),
    });
    let (mut cut, mut worn) = (None, None);
    for event in events(input) {
        let before = life.image.clone();
        match event {
            Event::ColdReset => life.reset(Input::PowerOn),
            Event::WarmReset => life.reset(Input::WarmReset),
            Event::Cut(after) => cut = Some(after),
            Event::Worn(nth) => worn = Some(nth),
            Event::Command(command) => {
                let (was_cut, was_worn) = (cut.take(), worn.take());
                let response = life.transmit(command, was_cut, was_worn);
                let status = response.as_ref().map(|response| response.status);
                if let Some(response) = &response {
                    assert!(response.data.len() <= 256);
                }
                let life_cycle = match life.image.life_cycle() {
                    LifeCycle::Virgin => 0,
                    LifeCycle::PostFormat => 1,
                    LifeCycle::Sealed => 2,
                };
                let of_family = status.map(|status| (status.sw1(), status.tries_left()));
                // Classes and instructions that nobody knows are all alike, and so are pieces of a header.
                let is_known = command.len() >= 4
                    && ![
                        Some(StatusWord::UNKNOWN_CLASS),
                        Some(StatusWord::UNKNOWN_INSTRUCTION),
                    ]
                    .contains(&status);
                let header = command.first_chunk::<2>().filter(|_| is_known);
                features.saw((header, of_family, life_cycle));

                let presents = matches!(command, [0x00, 0x20 | 0x24, ..] | [0x80, 0x24, ..]);
                let formats = matches!(command, [0x80, 0xFA, ..]);
                assert!(
                    life.image.try_counter() >= before.try_counter() || presents || formats,
                    "a counter that falls by itself"
                );
                let is_told_wrong = status.is_some_and(|status| status.tries_left().is_some());
                assert!(
                    !is_told_wrong || life.image.try_counter() >= before.try_counter(),
                    "a wrong PIN that is forgiven"
                );
                let is_told_right = presents && command.len() >= 13 && status == Some(StatusWord::OK);
                assert!(!is_told_right || life.image.try_counter() == 0);
            }
        }
        assert!(
            !before.is_blocked() || life.image.is_blocked(),
            "a card that was revived"
        );
        assert_eq!(before.csn(), life.image.csn());
        assert!(
            life.image.life_cycle() != LifeCycle::Virgin || before.life_cycle() == LifeCycle::Virgin,
            "a card that became virgin"
        );
    }
    life.begin_again();
}

//= CD-05
//= CD-09
#[test]
fn sequences_of_commands() {
    let commands = [
        "00A4040010A0000000183003010000000000000000",
        "00A4040000",
        "00A4010C020100",
        "00A40200020001",
        "00A40200020000",
        "00C0000012",
        "80C002E018",
        "002000000831323334353637 38",
        "00200000083132333435363739",
        "0020000000",
        "80240000081234567887654321",
        "8024010008",
        "002400001031323334353637383837363534333231",
        "00B0820024",
        "00D6810003416E61",
        "00D68200 04AABBCCDD",
        "00D6820101EE",
        "DBDE000000",
        "80FA00000A0107 12345678536D4F65",
        "0084000008",
        "80CA9F7F2D",
        "8050000000",
    ];
    // With the two bytes before them that make them an event.
    let mut tokens: Vec<Vec<u8>> = commands
        .iter()
        .map(|command| {
            let command = bytes(command);
            let len = u8::try_from(command.len()).expect("a short command");
            [&[0x00, len], &command[..]].concat()
        })
        .collect();
    tokens.extend(
        ["F000", "F100", "F201", "F203", "F300", "F301", "F302"]
            .map(|event| hex::decode(event).expect("the test writes hex")),
    );
    let tokens: Vec<&[u8]> = tokens.iter().map(|token| &token[..]).collect();
    let fuzz = Fuzz {
        name: "apdu",
        corpus: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/apdu"),
        tokens: &tokens,
        input_bytes_max: INPUT_BYTES_MAX,
    };
    let report = fuzz.run(live).expect("the corpus is read");
    // Shown by `--nocapture`, as `ci/fuzz` runs it.
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("apdu: {report}\n"));
    assert!(
        report.features > 180,
        "{report}: the corpus no longer reaches far"
    );
}
