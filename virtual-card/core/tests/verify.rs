//! The PIN: how it is counted, how it survives a cut of power at any write, and that nothing is given away.

mod bench;

use apdu::hex;
use bench::{Bench, QUERY, SELECT_APPLET, SHADOW, VERIFY_RIGHT, VERIFY_WRONG, bytes};
use card_core::{Cell, Input, Output};
use proptest::prelude::*;

//= CD-03
#[test]
fn six_wrong_pins_are_survived_and_the_seventh_blocks_for_ever() {
    let mut bench = Bench::fresh();
    assert_eq!(bench.sends(QUERY), "63C7");
    for answer in ["63C6", "63C5", "63C4", "63C3", "63C2", "63C1", "63C0"] {
        assert_eq!(bench.sends(VERIFY_WRONG), answer);
    }
    //= CD-05
    for _ in 0..50 {
        for command in [VERIFY_WRONG, VERIFY_RIGHT, QUERY] {
            assert_eq!(bench.sends(command), "6983");
        }
        bench = bench.cut();
    }
    assert_eq!(bench.image.try_counter(), 7);
}

//= CD-03
#[test]
fn a_right_pin_forgives_six_wrong_ones() {
    let mut bench = Bench::fresh();
    for _ in 0..6 {
        bench.sends(VERIFY_WRONG);
    }
    assert_eq!(bench.sends(QUERY), "63C1");
    assert_eq!(bench.sends(VERIFY_RIGHT), "9000");
    assert_eq!(bench.image.try_counter(), 0);
    assert_eq!(bench.sends(QUERY), "9000");
    assert_eq!(bench.cut().sends(QUERY), "63C7");
}

//= CD-03
#[test]
fn asking_never_counts() {
    let mut bench = Bench::fresh();
    bench.sends(VERIFY_WRONG);
    for _ in 0..20 {
        assert_eq!(bench.sends(QUERY), "63C6");
        assert_eq!(bench.sends("00200080"), "63C6");
    }
    assert_eq!(bench.image.try_counter(), 1);
}

//= CD-09
#[test]
fn what_is_no_presentation_costs_no_try_and_loses_nothing() {
    let mut bench = Bench::open();
    for (command, answer) in [
        ("0020000007 31323334353637", "6700"),
        ("0020000009 313233343536373839", "6700"),
        ("0020000008", "6700"),
        ("0020000008 313233343536373839AA", "6700"),
        ("0020000108 3132333435363739", "6B00"),
        ("0020010008 3132333435363739", "6B00"),
        ("8020000008 3132333435363739", "6D00"),
        ("0420000008 3132333435363739", "6E00"),
    ] {
        assert_eq!(bench.sends(command), answer, "{command}");
        assert_eq!(bench.image.try_counter(), 0, "{command}");
        assert_eq!(bench.sends(QUERY), "9000", "{command}");
    }
}

//= PN-01
#[test]
fn letters_are_taken_by_their_low_nibble_and_cost_a_try_when_it_is_over_9() {
    for (entry, answer) in [
        ("ABCDEFGH", "9000"),
        ("qrstuvwx", "9000"),
        ("1234567H", "9000"),
        ("JKLMNOZz", "63C6"),
    ] {
        let verify = format!("0020000008{}", hex::encode(entry.as_bytes()));
        assert_eq!(Bench::fresh().sends(&verify), answer, "{entry}");
    }
}

//= CD-08
#[test]
fn removal_resets_a_wrong_pin_and_selection_by_name_forget_the_pin() {
    let read_label = "00B0810005";
    for forget in ["removal", "cold reset", "warm reset", "wrong pin", "selection"] {
        let mut bench = Bench::open();
        assert_eq!(bench.sends(read_label), "416C6963659000");
        match forget {
            "removal" => {
                bench.input(Input::PowerOff);
                assert!(!bench.card.is_powered());
                bench.input(Input::PowerOn);
            }
            "cold reset" => drop(bench.input(Input::PowerOn)),
            "warm reset" => drop(bench.input(Input::WarmReset)),
            "wrong pin" => drop(bench.sends(VERIFY_WRONG)),
            _ => {}
        }
        // Selecting would hide that a wrong PIN alone forgets.
        if forget != "wrong pin" {
            bench.sends(SELECT_APPLET);
        }
        assert_eq!(bench.sends(read_label), "6982", "after {forget}");
    }
}

//= CD-04
#[test]
fn the_try_is_counted_before_anything_is_compared() {
    for verify in [VERIFY_RIGHT, VERIFY_WRONG] {
        let mut bench = Bench::fresh();
        let write = bench.begins(verify);
        assert_eq!((write.cell(), write.bytes()), (Cell::TryCounter, &[1][..]));
        assert_eq!(
            bench.card.poll_output(),
            None,
            "nothing is told before the write is durable"
        );
        assert_eq!(bench.card.image().try_counter(), 0);
    }
}

/// Cuts the power after `durable` writes of a VERIFY on a card with so many wrong tries; returns what a query says.
fn check_cut(tries: usize, verify: &str, durable: usize) -> String {
    let mut bench = Bench::fresh();
    for _ in 0..tries {
        bench.sends(VERIFY_WRONG);
    }
    bench.card.handle_input(Input::Transmit(&bytes(verify)));
    for _ in 0..durable {
        let write = bench.next_write().expect("the command writes so often");
        bench.image.apply(&write);
        bench.card.handle_input(Input::Written);
    }
    // The next write may have been handed out already; it is lost all the same.
    let _ = bench.next_write();
    bench.cut().sends(QUERY)
}

//= CD-04
#[test]
fn a_cut_at_any_write_gives_no_free_try() {
    for (tries, verify, durable, left) in [
        (0, VERIFY_RIGHT, 0, "63C7"),
        (0, VERIFY_RIGHT, 1, "63C6"),
        (0, VERIFY_RIGHT, 2, "63C7"),
        (0, VERIFY_WRONG, 0, "63C7"),
        (0, VERIFY_WRONG, 1, "63C6"),
        (5, VERIFY_RIGHT, 1, "63C1"),
        (6, VERIFY_RIGHT, 0, "63C1"),
        (6, VERIFY_RIGHT, 1, "6983"),
        (6, VERIFY_RIGHT, 2, "63C7"),
        (6, VERIFY_WRONG, 1, "6983"),
    ] {
        assert_eq!(
            check_cut(tries, verify, durable),
            left,
            "{tries} tries, cut after write {durable}"
        );
    }
}

//= CD-04
#[test]
fn a_reset_during_a_write_waits_for_it_and_compares_nothing() {
    let mut bench = Bench::fresh();
    let write = bench.begins(VERIFY_RIGHT);
    bench.card.handle_input(Input::PowerOff);
    bench.card.handle_input(Input::PowerOn);
    assert_eq!(
        bench.card.poll_output(),
        None,
        "whether the write is durable is not known yet"
    );
    bench.image.apply(&write);
    bench.card.handle_input(Input::Written);
    assert!(matches!(bench.card.poll_output(), Some(Output::Atr(_))));
    assert_eq!(bench.card.poll_output(), None);
    assert_eq!(bench.sends(QUERY), "63C6");
}

//= CD-04
#[test]
fn a_write_that_nobody_took_never_happens() {
    let mut bench = Bench::fresh();
    bench.card.handle_input(Input::Transmit(&bytes(VERIFY_RIGHT)));
    let answers = bench.input(Input::WarmReset);
    assert!(matches!(answers[..], [Output::Atr(_)]));
    assert_eq!(
        (bench.image.try_counter(), bench.sends(QUERY).as_str()),
        (0, "63C7")
    );
}

/// VERIFY in a few lines, to compare the card with.
#[derive(Default)]
struct Model {
    tries: u8,
    is_verified: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Right,
    Wrong,
    Ask,
    Reset,
    CutAfterCount(bool),
}

impl Model {
    fn answer(&mut self, step: &Step) -> u16 {
        let is_blocked = self.tries == 7;
        match step {
            Step::Right | Step::Wrong | Step::Ask if is_blocked => return 0x6983,
            Step::CutAfterCount(_) if !is_blocked => (self.tries, self.is_verified) = (self.tries + 1, false),
            Step::Reset | Step::CutAfterCount(_) => self.is_verified = false,
            Step::Right => (self.tries, self.is_verified) = (0, true),
            Step::Wrong => {
                (self.tries, self.is_verified) = (self.tries + 1, false);
                return 0x63C0 + 7 - u16::from(self.tries);
            }
            Step::Ask if !self.is_verified => return 0x63C0 + 7 - u16::from(self.tries),
            Step::Ask => {}
        }
        0x9000
    }
}

fn card_answer(bench: Bench, step: &Step) -> (Bench, u16) {
    let mut bench = bench;
    let command = match step {
        Step::Right => VERIFY_RIGHT,
        Step::Wrong => VERIFY_WRONG,
        Step::Ask => QUERY,
        Step::Reset => {
            bench.input(Input::WarmReset);
            return (bench, 0x9000);
        }
        Step::CutAfterCount(is_right) => {
            bench.card.handle_input(Input::Transmit(&bytes(if *is_right {
                VERIFY_RIGHT
            } else {
                VERIFY_WRONG
            })));
            if let Some(write) = bench.next_write() {
                bench.image.apply(&write);
            }
            return (bench.cut(), 0x9000);
        }
    };
    let answer = bench.transmits(&bytes(command));
    (
        bench,
        u16::from_be_bytes(answer.try_into().expect("VERIFY answers no data")),
    )
}

proptest! {
    //= CD-03
    #[test]
    fn the_card_answers_as_the_model(steps in prop::collection::vec(prop_oneof![
        Just(Step::Right), Just(Step::Wrong), Just(Step::Wrong), Just(Step::Ask), Just(Step::Reset),
        any::<bool>().prop_map(Step::CutAfterCount),
    ], 0..60)) {
        let (mut bench, mut model) = (Bench::fresh(), Model::default());
        for (at, step) in steps.iter().enumerate() {
            let answer;
            (bench, answer) = card_answer(bench, step);
            prop_assert_eq!(answer, model.answer(step), "step {}: {:?}", at, step);
        }
    }

    //= CD-09
    #[test]
    fn every_byte_string_has_exactly_one_answer(commands in prop::collection::vec(any_command(), 1..40)) {
        let mut bench = Bench::open();
        for command in commands {
            let answer = bench.transmits(&command);
            prop_assert!((2..=258).contains(&answer.len()));
        }
    }

    //= CD-07
    #[test]
    fn without_the_pin_no_sequence_gives_a_byte_of_label_or_shadow(
        commands in prop::collection::vec(any_command(), 1..40)
    ) {
        let mut bench = Bench::fresh();
        for command in commands {
            // The one way in is closed: this is the sequence without the right PIN.
            if command.len() >= 13 && command[1] == 0x20 && command[5..13].iter().zip(1..).all(|(c, n)| c & 0x0F == n) {
                continue;
            }
            let answer = bench.transmits(&command);
            prop_assert!(!answer.windows(3).any(|window| b"Alice".windows(3).any(|secret| secret == window)));
            prop_assert!(!answer.windows(4).any(|window| SHADOW.windows(4).any(|secret| secret == window)));
        }
    }
}

/// Any bytes, and more often than chance would have it bytes that are nearly a command.
fn any_command() -> impl Strategy<Value = Vec<u8>> {
    let header = (
        prop_oneof![Just(0x00_u8), Just(0x80), any::<u8>()],
        prop_oneof![Just(0x20_u8), Just(0xA4), Just(0xB0), Just(0xC0), any::<u8>()],
        prop_oneof![0..5_u8, 0x80..0x84_u8, any::<u8>()],
        prop_oneof![Just(0x00_u8), Just(0x0C), 0xA0..0xE2_u8, 0..9_u8, any::<u8>()],
    );
    let identifier = prop_oneof![
        Just(bytes("3F00")),
        Just(bytes("0100")),
        Just(bytes("0000")),
        Just(bytes("0001")),
        Just(bytes("0002")),
        Just(bytes("A000000018300301")),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    let near = (
        header,
        prop_oneof![Just(None), any::<u8>().prop_map(Some)],
        identifier,
    )
        .prop_map(|((class, instruction, p1, p2), p3, data)| {
            let mut command = vec![class, instruction, p1, p2];
            if let Some(p3) = p3 {
                command.push(p3);
            } else {
                command.push(u8::try_from(data.len()).expect("at most 20"));
                command.extend(data);
            }
            command
        });
    prop_oneof![4 => near, 1 => prop::collection::vec(any::<u8>(), 0..300)]
}
