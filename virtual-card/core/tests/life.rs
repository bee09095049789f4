//! The life of a card: format, the one change of its PIN, writing, erasure, and what a blocked card never does again.

mod bench;

use apdu::{LifeCycle, hex};
use bench::{Bench, CSN, QUERY, SELECT_APPLET, SHADOW, VERIFY_RIGHT, VERIFY_WRONG, image_with};
use card_core::{CardImage, Input, Output, WriteFault};

const FORMAT: &str = "80FA00000A 01 07 12345678 536D4F65";
const ERASE: &str = "DBDE000000";
const CHANGE_PACKED: &str = "8024000008 12345678 87654321";
const CHANGE_TYPED: &str = "0024000010 3132333435363738 3837363534333231";
const VERIFY_NEW: &str = "0020000008 3837363534333231";
const READ_LABEL: &str = "00B0810005";
const READ_SHADOW: &str = "00B0820024";

fn check_trace(bench: &mut Bench, trace: &[(&str, &str)]) {
    for (command, answer) in trace {
        assert_eq!(bench.sends(command), answer.replace(' ', ""), "{command}");
    }
}

//= SC-02
//= CD-06
#[test]
fn the_pin_is_changed_once_in_either_form_and_then_sealed() {
    for change in [CHANGE_PACKED, CHANGE_TYPED] {
        let mut bench = Bench::fresh();
        assert_eq!(bench.image.life_cycle(), LifeCycle::PostFormat);
        check_trace(&mut bench, &[(change, "9000"), (QUERY, "9000")]);
        assert_eq!((bench.image.lock1(), bench.image.lock2()), (0x03, 0x02));
        let mut bench = bench.cut();
        check_trace(
            &mut bench,
            &[
                (QUERY, "63C7"),
                (VERIFY_RIGHT, "63C6"),
                (VERIFY_NEW, "9000"),
                (QUERY, "9000"),
                // Again: no, and no try is counted, whatever is presented.
                ("8024000008 87654321 12345678", "6985"),
                ("8024000008 00000000 12345678", "6985"),
                ("0024000010 3837363534333231 3132333435363738", "6985"),
                (QUERY, "9000"),
            ],
        );
        assert_eq!(bench.image.try_counter(), 0);
    }
}

//= CD-03
//= CD-08
#[test]
fn a_wrong_old_pin_costs_a_try_and_the_verified_state() {
    let mut bench = Bench::open();
    check_trace(
        &mut bench,
        &[
            (QUERY, "9000"),
            ("8024000008 12345679 87654321", "63C6"),
            (QUERY, "63C6"),
            ("0024000010 3132333435363739 3837363534333231", "63C5"),
            (CHANGE_PACKED, "9000"),
        ],
    );
    assert_eq!(bench.image.try_counter(), 0);
}

//= PN-02
#[test]
fn a_new_pin_is_eight_digits_or_refused_without_a_try() {
    let mut bench = Bench::open();
    for change in [
        "8024000008 12345678 8765432A",
        "8024000008 12345678 F7654321",
        // Typed: letters whose nibbles are digits are no digits.
        "0024000010 3132333435363738 3837363534333241",
        "0024000010 3132333435363738 6162636465666768",
        "0024000010 3132333435363738 0807060504030201",
    ] {
        check_trace(&mut bench, &[(change, "6A80"), (QUERY, "9000")]);
    }
    assert_eq!(bench.image.life_cycle(), LifeCycle::PostFormat);
    // The old one may be typed as letters.
    check_trace(
        &mut bench,
        &[("0024000010 4142434445464748 3837363534333231", "9000")],
    );
}

//= CD-05
#[test]
fn nothing_revives_a_blocked_card() {
    let mut bench = Bench::fresh();
    for answer in ["63C6", "63C5", "63C4", "63C3", "63C2", "63C1", "63C0"] {
        assert_eq!(bench.sends("8024000008 00000000 87654321"), answer);
    }
    let blocked = bench.image.clone();
    for _ in 0..2 {
        bench.sends(SELECT_APPLET);
        check_trace(
            &mut bench,
            &[
                (ERASE, "6983"),
                (CHANGE_PACKED, "6983"),
                (CHANGE_TYPED, "6983"),
                (VERIFY_RIGHT, "6983"),
                (FORMAT, "6985"),
                ("8024010008 12345678 87654321", "6985"),
                ("8024010000", "6985"),
                ("00D6820001 41", "6982"),
                (QUERY, "6983"),
            ],
        );
        assert_eq!(bench.image, blocked);
        bench = bench.cut();
    }
}

//= CD-03
#[test]
fn fifty_wrong_pins_count_down_and_then_nothing_helps_for_ever() {
    let mut bench = Bench::fresh();
    let answers: Vec<_> = (0..50).map(|_| bench.sends(VERIFY_WRONG)).collect();
    let mut expected: Vec<_> = (0..7).map(|tries| format!("63C{}", 6 - tries)).collect();
    expected.resize(50, "6983".to_owned());
    assert_eq!(answers, expected);
    for command in [VERIFY_RIGHT, ERASE, VERIFY_RIGHT, VERIFY_WRONG, QUERY] {
        assert_eq!(bench.sends(command), "6983");
    }
    let mut bench = bench.cut();
    for command in [ERASE, VERIFY_RIGHT, QUERY] {
        assert_eq!(bench.sends(command), "6983");
    }
}

//= CD-11
#[test]
fn a_virgin_card_is_formatted_once() {
    let mut bench = Bench::powered(CardImage::virgin(CSN));
    for (format, answer) in [
        ("80FA00000A 02 07 12345678 536D4F65", "6A80"),
        ("80FA00000A 01 00 12345678 536D4F65", "6A80"),
        ("80FA00000A 01 10 12345678 536D4F65", "6A80"),
        ("80FA00000A 01 07 1234567A 536D4F65", "6A80"),
        ("80FA00000A 01 07 12345678 536D4F20", "6A80"),
        ("80FA00000B 01 07 12345678 536D4F65 00", "6700"),
    ] {
        assert_eq!(bench.sends(format), answer, "{format}");
        assert_eq!(bench.image, CardImage::virgin(CSN));
    }
    check_trace(
        &mut bench,
        &[
            ("80FA00000A 01 0F 12345678 41624339", "9000"),
            (FORMAT, "6985"),
            (
                "80C002E018",
                "01 01 02 02 00 0F 01 A201090138 41624339 0000 0000 000000 00 9000",
            ),
            (QUERY, "63CF"),
            (VERIFY_RIGHT, "9000"),
            (FORMAT, "6985"),
            (ERASE, "9000"),
            (FORMAT, "6985"),
        ],
    );
    for presentations_max in ["01", "0F"] {
        let mut bench = Bench::powered(CardImage::virgin(CSN));
        let format = format!("80FA00000A 01 {presentations_max} 12345678 536D4F65");
        assert_eq!(bench.sends(&format), "9000");
        assert_eq!(bench.sends(VERIFY_RIGHT), "9000");
    }
}

//= SC-11
//= CD-12
#[test]
fn label_and_shadow_are_written_after_the_pin_and_end_where_the_write_ends() {
    let mut bench = Bench::fresh();
    bench.sends(SELECT_APPLET);
    check_trace(
        &mut bench,
        &[
            ("00D6000001 41", "6986"),
            ("00D6810001 41", "6982"),
            ("00D6830001 41", "6A82"),
            (VERIFY_RIGHT, "9000"),
            ("00D6810003 416E61", "9000"),
            ("00B0810000", "6C03"),
            ("00B0810003", "416E61 9000"),
            // What is behind a shorter label does not come back.
            ("00B0810005", "416E61 6282"),
            ("00D6820104 AABBCCDD", "9000"),
            ("00B0820008", "30313233 AABBCCDD 9000"),
            ("00B0820200", "6B00"),
            ("00D6820301 41", "6B00"),
            ("00D6820201 EE", "9000"),
            ("00B0820009", "30313233 AABBCCDD EE 9000"),
            ("00D682020141", "9000"),
            ("00D6820302 4142", "6B00"),
            // The secret codes, by identifier: never.
            ("00A4020002 0000", "6112"),
            ("00D6000001 41", "6982"),
            ("00D6800001 41", "6A82"),
        ],
    );
    let mut bench = bench.cut();
    bench.sends(SELECT_APPLET);
    check_trace(
        &mut bench,
        &[(VERIFY_RIGHT, "9000"), ("00B0810003", "416E61 9000")],
    );
}

//= SC-11
#[test]
fn a_label_has_at_most_64_bytes_and_a_shadow_255() {
    let mut bench = Bench::open();
    let update = |file: &str, units: usize, len: usize| {
        format!("00D68{file}{units:02X}{len:02X}{}", hex::encode(&vec![0x41; len]))
    };
    for (file, units, len, answer) in [
        ("1", 0, 1, "9000"),
        ("1", 0, 64, "9000"),
        ("1", 0, 65, "6A84"),
        ("1", 15, 4, "9000"),
        ("1", 15, 5, "6A84"),
        ("1", 16, 1, "6A84"),
        ("1", 17, 1, "6B00"),
        ("2", 0, 255, "9000"),
        ("2", 63, 3, "9000"),
        ("2", 63, 4, "6A84"),
        ("2", 64, 1, "6B00"),
    ] {
        let before = bench.image.clone();
        assert_eq!(
            bench.sends(&update(file, units, len)),
            answer,
            "{file} {units} {len}"
        );
        if answer != "9000" {
            assert_eq!(bench.image, before);
        }
    }
    check_trace(&mut bench, &[("00B0810000", "6C40"), ("00B0820000", "6CFF")]);
}

#[test]
fn sealed_data_are_neither_written_nor_erased() {
    let sealed = image_with("Alice", SHADOW)
        .to_text()
        .replace("lock2 = \"02\"", "lock2 = \"03\"");
    let mut bench = Bench::powered(CardImage::from_text(&sealed).expect("an image"));
    bench.sends(SELECT_APPLET);
    check_trace(
        &mut bench,
        &[
            (VERIFY_RIGHT, "9000"),
            ("00D6810001 41", "6985"),
            ("00D6820001 41", "6985"),
            (ERASE, "6985"),
            (READ_LABEL, "416C696365 9000"),
        ],
    );
}

//= SC-05
#[test]
fn erasure_needs_the_pin_and_takes_shadow_and_label() {
    let mut bench = Bench::fresh();
    bench.sends(VERIFY_WRONG);
    check_trace(
        &mut bench,
        &[(ERASE, "6982"), (VERIFY_RIGHT, "9000"), (ERASE, "9000")],
    );
    for secret in ["416C696365", &hex::encode(&SHADOW[..4])] {
        assert!(
            !bench.image.to_text().contains(secret),
            "the bytes are gone, not only their count"
        );
    }
    check_trace(
        &mut bench,
        &[
            // As after a format: the PIN that it wrote, one change, nothing verified.
            (QUERY, "63C7"),
            (
                "80C002E018",
                "01 01 02 02 00 07 01 A201090138 536D4F65 0000 0000 000000 00 9000",
            ),
            (VERIFY_RIGHT, "9000"),
            (SELECT_APPLET, "6112"),
            (VERIFY_RIGHT, "9000"),
            (READ_LABEL, "6282"),
            (READ_SHADOW, "6282"),
            (CHANGE_PACKED, "9000"),
        ],
    );
}

//= SC-05
#[test]
fn a_sealed_card_keeps_pin_and_seal_when_erased_unless_its_profile_says_otherwise() {
    let sealed = |keeps: bool| {
        let mut bench = Bench::powered(image_with("Alice", SHADOW).with_erase_keeps_seal(keeps));
        check_trace(&mut bench, &[(CHANGE_PACKED, "9000"), (ERASE, "9000")]);
        bench.cut()
    };
    let mut keeps = sealed(true);
    assert_eq!(keeps.image.life_cycle(), LifeCycle::Sealed);
    check_trace(
        &mut keeps,
        &[
            (VERIFY_RIGHT, "63C6"),
            (VERIFY_NEW, "9000"),
            (CHANGE_PACKED, "6985"),
        ],
    );
    let mut restores = sealed(false);
    assert_eq!(restores.image.life_cycle(), LifeCycle::PostFormat);
    assert_eq!((restores.image.lock1(), restores.image.lock2()), (0x02, 0x02));
    assert!(!restores.image.to_text().contains("87654321"));
    check_trace(
        &mut restores,
        &[
            (VERIFY_NEW, "63C6"),
            (VERIFY_RIGHT, "9000"),
            (CHANGE_PACKED, "9000"),
            (VERIFY_NEW, "9000"),
            (CHANGE_PACKED, "6985"),
        ],
    );
}

/// Drives a command whose nth write fails; the answer and the image that is left.
fn with_failing_write(mut bench: Bench, command: &str, nth: usize, fault: WriteFault) -> (String, Bench) {
    bench.card.handle_input(Input::Transmit(&bench::bytes(command)));
    let mut writes = 0;
    loop {
        match bench.card.poll_output().expect("an answer") {
            Output::Write(_) if writes == nth => bench.card.handle_input(Input::NotWritten(fault)),
            Output::Write(write) => {
                bench.image.apply(&write);
                bench.card.handle_input(Input::Written);
            }
            Output::Answer(response) => return (hex::encode(&response.to_bytes()), bench),
            Output::Atr(_) => panic!("nobody reset the card"),
        }
        writes += 1;
    }
}

//= CD-04
#[test]
fn a_cell_that_takes_no_write_ends_the_command_and_gives_nothing_away() {
    let worn = |command, nth| with_failing_write(Bench::fresh(), command, nth, WriteFault::Worn);
    // The try could not be counted: a right PIN is not compared, a wrong one neither.
    for command in [VERIFY_RIGHT, VERIFY_WRONG, CHANGE_PACKED] {
        let (answer, mut bench) = worn(command, 0);
        assert_eq!(
            (answer.as_str(), bench.image.try_counter()),
            ("6581", 0),
            "{command}"
        );
        assert_eq!(bench.sends(QUERY), "63C7", "{command}");
    }
    // It was right and could not be forgiven.
    let (answer, mut bench) = worn(VERIFY_RIGHT, 1);
    assert_eq!((answer.as_str(), bench.sends(QUERY).as_str()), ("6581", "63C6"));
    // The new PIN, and the seal: the old PIN stays, unsealed.
    for nth in [2, 3] {
        let (answer, bench) = worn(CHANGE_PACKED, nth);
        assert_eq!(
            (answer.as_str(), bench.image.life_cycle()),
            ("6581", LifeCycle::PostFormat)
        );
        assert_eq!(bench.cut().sends(VERIFY_RIGHT), "9000");
    }
    let (answer, _) = with_failing_write(Bench::open(), "00D6810001 41", 0, WriteFault::Full);
    assert_eq!(answer, "6A84");
}
