//! Bytes on the wire, changed at random and cut anywhere, in both directions. Whatever comes, a card answers each question
//! once, and a reader each command once.

use std::{io::Write as _, path::PathBuf};

use apdu::{Csn, ReaderAnswer, ReaderCommand};
use card_core::{Card, CardImage, Input as CardInput, Output as CardOutput, Personalisation, profile};
use fuzz::{Features, Fuzz, Report};
use vpcd::{Decoder, Input, Output, Reader, Request, encode};

/// The longest stream, in bytes; longer than the longest message of a card that speaks T=0.
const INPUT_BYTES_MAX: usize = 2_048;

fn run(name: &'static str, tokens: &[&[u8]], target: impl FnMut(&[u8], &mut Features)) -> Report {
    let fuzz = Fuzz {
        name,
        corpus: PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/corpus")
            .join(name),
        tokens,
        input_bytes_max: INPUT_BYTES_MAX,
    };
    let report = fuzz.run(target).expect("the corpus is read");
    // Shown by `--nocapture`, as `ci/fuzz` runs it.
    let _ = std::io::stderr().write_fmt(format_args!("{name}: {report}\n"));
    report
}

fn requests<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Request>, bool) {
    let mut decoder = Decoder::default();
    let mut requests = Vec::new();
    for mut piece in pieces {
        while let Some(message) = decoder.take(&mut piece) {
            requests.push(Request::from(message));
        }
        assert!(piece.is_empty());
    }
    (requests, decoder.is_amid_message())
}

fn card() -> Card {
    Card::from_image(
        CardImage::personalised(&Personalisation {
            csn: Csn(*b"a card of tests!"),
            pin: "12345678",
            label: "Ana",
            shadow: &[0x5A; 64],
            card_type: profile::CARD_TYPE,
            presentations_max: profile::PRESENTATIONS_MAX,
        })
        .expect("it is within every limit"),
    )
}

/// Everything that the card has to say; its writes succeed.
fn outputs(card: &mut Card) -> Vec<Vec<u8>> {
    let mut told = Vec::new();
    while let Some(output) = card.poll_output() {
        match output {
            CardOutput::Write(_) => card.handle_input(CardInput::Written),
            CardOutput::Atr(atr) => told.push(atr.as_bytes().to_vec()),
            CardOutput::Answer(response) => told.push(response.to_bytes()),
        }
    }
    told
}

/// The first byte says how the rest is cut.
fn to_card(input: &[u8], features: &mut Features) {
    let Some((&cut, stream)) = input.split_first() else {
        return;
    };
    let whole = requests(std::iter::once(stream));
    let cut = requests(stream.chunks(usize::from(cut).max(1)));
    assert_eq!(cut, whole, "the cuts change nothing");

    let mut card = card();
    for request in &whole.0 {
        let told = match request {
            Request::PowerOn | Request::Reset => {
                card.handle_input(CardInput::PowerOn);
                let told = outputs(&mut card);
                assert_eq!(told, [profile::ATR]);
                "reset".into()
            }
            Request::PowerOff => {
                card.handle_input(CardInput::PowerOff);
                assert!(outputs(&mut card).is_empty());
                "off".into()
            }
            Request::Transmit(command) => {
                let is_powered = card.is_powered();
                card.handle_input(CardInput::Transmit(command));
                let told = outputs(&mut card);
                assert_eq!(told.len(), usize::from(is_powered), "one answer, or no power");
                let answer = told.first().map_or(&[][..], |answer| &answer[..]);
                let bytes = encode(answer).expect("no answer of T=0 is too long");
                assert_eq!(bytes.len(), answer.len() + 2);
                format!("{:02X?}", answer.get(answer.len().saturating_sub(2)..))
            }
            Request::Atr => "atr".into(),
            Request::Unknown(_) => "unknown".into(),
            Request::Empty => "empty".into(),
        };
        features.saw(told);
    }
    features.saw(("ends within a message", whole.1));
}

#[test]
fn bytes_for_a_card() {
    let tokens: [&[u8]; 12] = [
        b"\x00\x01\x00",
        b"\x00\x01\x01",
        b"\x00\x01\x02",
        b"\x00\x01\x04",
        b"\x00\x00",
        b"\xFF\xFF",
        b"\x00\x05\x80\xC0\x02\xE0\x18",
        b"\x00\x05\x00\xC0\x00\x00\x12",
        b"\x00\x0D\x00\x20\x00\x00\x0812345678",
        b"\x00\x0D\x00\x20\x00\x00\x0800000000",
        b"\x00\x07\x00\xA4\x00\x00\x02\x01\x00",
        b"\x00\x05\x00\xB0\x81\x00\x03",
    ];
    let report = run("to_card", &tokens, to_card);
    assert!(report.features > 20, "{report}: the corpus no longer reaches far");
}

/// Of a slot: what happens to it, a byte each; any other byte is the length of what the card sends then.
fn of_card(mut input: &[u8], features: &mut Features) {
    let mut reader = Reader::default();
    let (mut commands, mut answers, mut is_awaiting) = (0_u32, 0_u32, false);
    while let Some((&event, rest)) = input.split_first() {
        input = rest;
        let command = match event {
            0xF3 => Some(ReaderCommand::PowerOn),
            0xF4 => Some(ReaderCommand::PowerOff),
            0xF5 => Some(ReaderCommand::Transmit(vec![0x00, 0x84, 0x00, 0x00, 0x08])),
            0xF6 => Some(ReaderCommand::Transmit(vec![0x04])),
            _ => None,
        };
        match (event, &command) {
            (0xF0, _) => reader.handle_input(Input::CardInserted),
            (0xF1, _) => reader.handle_input(Input::CardRemoved),
            (0xF2, _) => reader.handle_input(Input::AnswerLate),
            (_, Some(command)) if !is_awaiting => {
                commands += 1;
                is_awaiting = true;
                reader.handle_input(Input::Command(command));
            }
            // One command at a time.
            (_, Some(_)) => {}
            (len, None) => {
                let (bytes, behind) = rest.split_at(usize::from(len).min(rest.len()));
                input = behind;
                reader.handle_input(Input::Received(bytes));
            }
        }
        while let Some(output) = reader.poll_output() {
            match output {
                Output::Send(bytes) => assert!(!bytes.is_empty()),
                Output::Close => assert!(!reader.is_holding()),
                Output::Answer(answer) => {
                    answers += 1;
                    is_awaiting = false;
                    features.saw((event.max(0xEF), of_kind(&answer), reader.is_holding()));
                }
            }
        }
        assert_eq!(
            answers + u32::from(is_awaiting),
            commands,
            "each command has one answer"
        );
        assert!(
            reader.is_holding() || !is_awaiting,
            "nobody waits for a card that is gone"
        );
    }
}

fn of_kind(answer: &ReaderAnswer) -> &'static str {
    match answer {
        ReaderAnswer::Atr(_) => "atr",
        ReaderAnswer::Response(_) => "response",
        ReaderAnswer::PoweredOff => "off",
        ReaderAnswer::CardAbsent => "absent",
        ReaderAnswer::CardRemoved => "removed",
        ReaderAnswer::CardMute => "mute",
        ReaderAnswer::ReaderUnavailable => "unavailable",
    }
}

#[test]
fn bytes_of_a_card() {
    let tokens: [&[u8]; 10] = [
        b"\xF0",
        b"\xF1",
        b"\xF2",
        b"\xF3",
        b"\xF4",
        b"\xF5",
        b"\x11\x00\x0F\x3B\x7A\x94\x00\x00\x80\x65\xA2\x01\x01\x01\x3D\x72\xD6\x43",
        b"\x04\x00\x02\x90\x00",
        b"\x02\x00\x00",
        b"\x03\x00\x01\x90",
    ];
    let report = run("of_card", &tokens, of_card);
    assert!(
        report.features >= 12,
        "{report}: the corpus no longer reaches far"
    );
}
