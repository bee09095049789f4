//! The wire as vsmartcard has it: bytes cut and glued anywhere, what each message means, and a reader's dialogs.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use apdu::{Atr, ReaderAnswer, ReaderCommand, ResponseApdu};
use proptest::prelude::*;
use vpcd::{Decoder, Input, MESSAGE_BYTES_MAX, Output, Reader, Request, encode};

/// What stock vpcd sends after a connection, then a command, as the reference observed it: `04 04 01 04`, an idle card's
/// `00`, and GET CHALLENGE.
const OPENING: &[u8] =
    b"\x00\x01\x04\x00\x01\x04\x00\x01\x01\x00\x01\x04\x00\x01\x00\x00\x05\x00\x84\x00\x00\x08";
const ATR: &[u8] = b"\x3B\x7A\x94\x00\x00\x80\x65\xA2\x01\x01\x01\x3D\x72\xD6\x43";

fn opening() -> Vec<Request> {
    vec![
        Request::Atr,
        Request::Atr,
        Request::PowerOn,
        Request::Atr,
        Request::PowerOff,
        Request::Transmit(vec![0x00, 0x84, 0x00, 0x00, 0x08]),
    ]
}

/// What a card reads when the bytes come in these pieces.
fn requests(pieces: &[&[u8]]) -> Vec<Request> {
    let mut decoder = Decoder::default();
    let mut requests = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while let Some(message) = decoder.take(&mut rest) {
            requests.push(Request::from(message));
        }
        assert!(rest.is_empty(), "what is no whole message is kept");
    }
    assert!(!decoder.is_amid_message());
    requests
}

#[test]
fn requests_are_the_same_however_their_bytes_are_cut() {
    assert_eq!(requests(&[OPENING]), opening());
    for first in 0..=OPENING.len() {
        for second in first..=OPENING.len() {
            let pieces = [&OPENING[..first], &OPENING[first..second], &OPENING[second..]];
            assert_eq!(requests(&pieces), opening(), "cut at {first} and {second}");
        }
    }
    let bytes: Vec<&[u8]> = OPENING.chunks(1).collect();
    assert_eq!(requests(&bytes), opening());
}

#[test]
fn a_message_without_a_byte_is_a_message() {
    assert_eq!(
        requests(&[&b"\x00\x00\x00\x00\x00\x01\x04"[..]]),
        [Request::Empty, Request::Empty, Request::Atr]
    );
}

#[test]
fn an_unfinished_message_waits_and_says_so() {
    let mut decoder = Decoder::default();
    for byte in [0x00, 0x02, 0xA0] {
        assert_eq!(decoder.take(&mut &[byte][..]), None);
        assert!(decoder.is_amid_message());
    }
    assert_eq!(decoder.take(&mut &[0xB0][..]), Some(vec![0xA0, 0xB0]));
    assert!(!decoder.is_amid_message());
}

/// A reader with a card in it, and all that it has handed out.
struct Slot {
    reader: Reader,
    outputs: Vec<Output>,
}

impl Slot {
    fn with_card() -> Self {
        let mut slot = Self {
            reader: Reader::default(),
            outputs: Vec::new(),
        };
        assert_eq!(slot.tell(Input::CardInserted), []);
        assert!(slot.reader.is_holding());
        slot
    }

    fn powered() -> Self {
        let mut slot = Self::with_card();
        slot.ask(&ReaderCommand::PowerOn);
        let answer = slot.hear(ATR);
        assert_eq!(
            answer,
            [Output::Answer(ReaderAnswer::Atr(Atr::try_from(ATR).unwrap()))]
        );
        slot
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<Output> {
        self.reader.handle_input(input);
        self.outputs.clear();
        while let Some(output) = self.reader.poll_output() {
            self.outputs.push(output);
        }
        self.outputs.clone()
    }

    fn ask(&mut self, command: &ReaderCommand) -> Vec<Output> {
        self.tell(Input::Command(command))
    }

    /// The card sends one message.
    fn hear(&mut self, message: &[u8]) -> Vec<Output> {
        self.tell(Input::Received(&encode(message).unwrap()))
    }
}

fn transmit(bytes: &[u8]) -> ReaderCommand {
    ReaderCommand::Transmit(bytes.to_vec())
}

fn answered(answer: ReaderAnswer) -> Vec<Output> {
    vec![Output::Answer(answer)]
}

#[test]
fn power_comes_with_the_question_for_the_answer_to_reset_in_one_write() {
    let mut slot = Slot::with_card();
    let cold = slot.ask(&ReaderCommand::PowerOn);
    assert_eq!(cold, [Output::Send(b"\x00\x01\x01\x00\x01\x04".to_vec())]);
    slot.hear(ATR);
    let again = slot.ask(&ReaderCommand::PowerOn);
    assert_eq!(
        again,
        [Output::Send(b"\x00\x01\x02\x00\x01\x04".to_vec())],
        "a reset"
    );
    slot.hear(ATR);
    assert_eq!(
        slot.ask(&ReaderCommand::PowerOff),
        [
            Output::Send(b"\x00\x01\x00".to_vec()),
            Output::Answer(ReaderAnswer::PoweredOff)
        ]
    );
    assert_eq!(slot.ask(&ReaderCommand::PowerOn), cold);
}

#[test]
fn an_answer_to_reset_of_no_form_is_a_mute_card() {
    let mut slot = Slot::with_card();
    slot.ask(&ReaderCommand::PowerOn);
    assert_eq!(slot.hear(b"\xFF\xFF\xFF"), answered(ReaderAnswer::CardMute));
    assert!(slot.reader.is_holding(), "it may come to its senses");
}

#[test]
fn a_command_goes_out_whole_and_its_answer_may_come_byte_by_byte() {
    let mut slot = Slot::powered();
    let command = b"\x00\xA4\x00\x00\x02\x3F\x00";
    let sent = slot.ask(&transmit(command));
    assert_eq!(sent, [Output::Send([b"\x00\x07".as_slice(), command].concat())]);
    for byte in [0x00, 0x04, 0x85, 0x00, 0x61] {
        assert_eq!(slot.tell(Input::Received(&[byte])), []);
    }
    let response = ResponseApdu::try_from(&b"\x85\x00\x61\x12"[..]).unwrap();
    assert_eq!(
        slot.tell(Input::Received(&[0x12])),
        answered(ReaderAnswer::Response(response))
    );
}

#[test]
fn an_answer_without_a_byte_is_a_card_that_left() {
    let mut slot = Slot::powered();
    slot.ask(&transmit(b"\x00\x84\x00\x00\x08"));
    assert_eq!(
        slot.hear(b""),
        [Output::Answer(ReaderAnswer::CardRemoved), Output::Close]
    );
    assert!(!slot.reader.is_holding());

    let mut slot = Slot::with_card();
    slot.ask(&ReaderCommand::PowerOn);
    assert_eq!(
        slot.hear(b""),
        [Output::Answer(ReaderAnswer::CardAbsent), Output::Close]
    );
}

#[test]
fn a_card_torn_out_answers_the_command_under_way_once() {
    let mut slot = Slot::powered();
    slot.ask(&transmit(b"\x00\x84\x00\x00\x08"));
    assert_eq!(slot.tell(Input::Received(b"\x00\x02\x90")), []);
    assert_eq!(slot.tell(Input::CardRemoved), answered(ReaderAnswer::CardRemoved));
    assert_eq!(slot.tell(Input::CardRemoved), []);
    assert_eq!(
        slot.ask(&transmit(b"\x00\x84\x00\x00\x08")),
        answered(ReaderAnswer::CardRemoved)
    );
    assert_eq!(
        slot.ask(&ReaderCommand::PowerOff),
        answered(ReaderAnswer::PoweredOff)
    );
    assert_eq!(
        slot.ask(&ReaderCommand::PowerOn),
        answered(ReaderAnswer::CardAbsent)
    );

    // The next card begins anew: half an answer of the last one is forgotten, and it has no power.
    assert_eq!(slot.tell(Input::CardInserted), []);
    assert_eq!(
        slot.ask(&ReaderCommand::PowerOn),
        [Output::Send(b"\x00\x01\x01\x00\x01\x04".to_vec())]
    );
    assert_eq!(slot.hear(ATR).len(), 1);
}

#[test]
fn a_card_that_takes_too_long_is_left_so_that_no_late_answer_is_taken_for_another() {
    let mut slot = Slot::powered();
    assert_eq!(slot.tell(Input::AnswerLate), [], "nothing is awaited");
    slot.ask(&transmit(b"\x00\x84\x00\x00\x08"));
    assert_eq!(
        slot.tell(Input::AnswerLate),
        [Output::Close, Output::Answer(ReaderAnswer::CardMute)]
    );
    assert_eq!(slot.hear(b"\x90\x00"), []);
    assert!(!slot.reader.is_holding());
}

#[test]
fn a_card_that_speaks_unasked_is_left() {
    let mut slot = Slot::powered();
    assert_eq!(slot.hear(b"\x90\x00"), [Output::Close]);
    let mut slot = Slot::powered();
    slot.ask(&transmit(b"\x00\x84\x00\x00\x08"));
    assert_eq!(
        slot.tell(Input::Received(b"\x00\x02\x90\x00\x00\x02\x90\x00"))
            .last(),
        Some(&Output::Close)
    );
}

#[test]
fn what_the_wire_cannot_carry_does_not_go_out() {
    let mut slot = Slot::powered();
    for len in [0, 1, MESSAGE_BYTES_MAX + 1] {
        assert_eq!(
            slot.ask(&transmit(&vec![4; len])),
            answered(ReaderAnswer::CardMute),
            "{len}"
        );
    }
    for len in [2, MESSAGE_BYTES_MAX] {
        let sent = slot.ask(&transmit(&vec![4; len]));
        assert!(matches!(&sent[..], [Output::Send(bytes)] if bytes.len() == len + 2));
        slot.hear(b"\x67\x00");
    }
}

#[test]
fn debug_never_shows_a_pin() {
    let mut slot = Slot::powered();
    let sent = slot.ask(&transmit(b"\x00\x20\x00\x00\x0812345678"));
    assert_eq!(format!("{sent:?}"), "[Send(15 bytes)]");
    slot.tell(Input::Received(b"\x00\x0A12345678"));
    let shown = format!("{:?}", slot.reader);
    assert!(!shown.contains("49, 50") && !shown.contains("1234"), "{shown}");
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_however_it_is_cut(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..8),
        cuts in prop::collection::vec(1_usize..400, 1..64),
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|message| encode(message).unwrap()).collect();
        let (mut decoder, mut left, mut read) = (Decoder::default(), &bytes[..], Vec::new());
        for cut in cuts.into_iter().cycle() {
            if left.is_empty() {
                break;
            }
            let (mut piece, behind) = left.split_at(cut.min(left.len()));
            while let Some(message) = decoder.take(&mut piece) {
                read.push(message);
            }
            left = behind;
        }
        prop_assert_eq!(read, messages);
        prop_assert!(!decoder.is_amid_message());
    }

    #[test]
    fn whatever_a_card_sends_each_command_has_one_answer_at_most(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
    ) {
        let mut reader = Reader::default();
        reader.handle_input(Input::CardInserted);
        reader.handle_input(Input::Command(&ReaderCommand::PowerOn));
        let mut answers = 0;
        for piece in &pieces {
            reader.handle_input(Input::Received(piece));
            while let Some(output) = reader.poll_output() {
                answers += usize::from(matches!(output, Output::Answer(_)));
            }
        }
        reader.handle_input(Input::CardRemoved);
        while let Some(output) = reader.poll_output() {
            answers += usize::from(matches!(output, Output::Answer(_)));
        }
        prop_assert_eq!(answers, 1);
        prop_assert!(!reader.is_holding());
    }
}
