//! Commands and answers as bytes, written from the documents that each command names at its head.

mod bench;

use apdu::hex;
use bench::{Bench, CSN, QUERY, SELECT_APPLET, SHADOW, VERIFY_RIGHT, image_with};
use card_core::{Card, CardImage, Input, Output};

/// Each row: a command and the whole answer.
fn check_trace(bench: &mut Bench, trace: &[(&str, &str)]) {
    for (command, answer) in trace {
        assert_eq!(bench.sends(command), answer.replace(' ', ""), "{command}");
    }
}

//= CD-01
#[test]
fn a_reset_is_answered_with_the_familys_atr() {
    let mut card = Card::from_image(image_with("", b""));
    for reset in [Input::PowerOn, Input::WarmReset] {
        card.handle_input(reset);
        let Some(Output::Atr(atr)) = card.poll_output() else {
            panic!("expected an ATR")
        };
        assert_eq!(atr.to_string(), "3B:7A:94:00:00:80:65:A2:01:01:01:3D:72:D6:43");
        assert!(atr.is_t0_only());
    }
}

#[test]
fn a_card_without_power_hears_nothing() {
    let mut card = Card::from_image(image_with("", b""));
    card.handle_input(Input::Transmit(b"\0\x20\0\0\0"));
    card.handle_input(Input::WarmReset);
    assert_eq!(card.poll_output(), None);
}

//= CD-01
#[test]
fn selection_promises_a_template_and_get_response_collects_it() {
    check_trace(
        &mut Bench::fresh(),
        &[
            (SELECT_APPLET, "6112"),
            ("00C0000012", "8510 0000 0100 38 00 0000 0000 0000 0000 0000 9000"),
            ("00A4000002 3F00", "6112"),
            ("00C0000012", "8510 0000 3F00 38 00 0000 0000 0000 0000 0000 9000"),
            ("00A4010002 0100", "6112"),
            ("00A4020002 0001", "6112"),
            ("00C0000012", "8510 0000 0001 01 00 0040 4000 4000 4000 0000 9000"),
            ("00A4020002 0002", "6112"),
            ("00C0000012", "8510 0000 0002 01 00 00FF 4000 4000 4000 0000 9000"),
            ("00A4020002 0000", "6112"),
            ("00C0000012", "8510 0000 0000 21 00 0040 C000 C000 C000 0000 9000"),
        ],
    );
}

//= CD-01
#[test]
fn get_response_gives_pieces_waits_for_the_right_length_and_gives_nothing_twice() {
    check_trace(
        &mut Bench::fresh(),
        &[
            ("00C0000012", "6985"),
            (SELECT_APPLET, "6112"),
            ("00C0000000", "6C12"),
            ("00C0000013", "6C12"),
            ("00C0000004", "8510 0000 610E"),
            ("80C000000E", "0100 3800 0000 0000 0000 0000 0000 9000"),
            ("00C0000001", "6985"),
            (SELECT_APPLET, "6112"),
            (QUERY, "63C7"),
            ("00C0000012", "6985"),
        ],
    );
}

//= CD-01
#[test]
fn selection_finds_by_name_prefix_and_identifier_and_never_answers_6c() {
    check_trace(
        &mut Bench::fresh(),
        &[
            ("00A4020002 0001", "6A82"),
            ("00A4040005 A000000018", "6112"),
            ("00A4040C05 A000000018", "9000"),
            ("00A4040010 A0000000183003010000000000000001", "6A82"),
            ("00A4040011 A000000018300301000000000000000000", "6700"),
            ("00A4000C02 3F00", "9000"),
            ("00A4000000", "6112"),
            ("00A40000", "6112"),
            ("00A40000FF", "6700"),
            ("00A4010002 0100", "6112"),
            ("00A4010002 0001", "6981"),
            ("00A4010002 7777", "6A82"),
            ("00A4020002 0100", "6A82"),
            ("00A4000002 0001", "6112"),
            ("00A4000003 3F0000", "6700"),
            ("00A4000002 3F00 00", "6112"),
            ("00A4030002 3F00", "6B00"),
            ("00A4000402 3F00", "6B00"),
        ],
    );
}

#[test]
fn the_card_manager_is_selected_by_its_name_or_by_none_and_manages_nothing() {
    check_trace(
        &mut Bench::open(),
        &[
            (QUERY, "9000"),
            ("00A4040008 A000000018434D00", "6112"),
            ("00C0000012", "6F10 8408 A000000018434D00 A504 9F6501FF 9000"),
            ("00A4040000", "6112"),
            ("00A4040C06 A00000001843", "9000"),
            // INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, INSTALL, GET STATUS.
            ("8050000008 0102030405060708", "6985"),
            ("8482000010 00000000000000000000000000000000", "6985"),
            ("80E60C0000", "6985"),
            ("80F28000024F00", "6985"),
            // The applet's commands and files are not the card manager's.
            (QUERY, "6D00"),
            ("80C002E018", "6D00"),
            ("00B0810005", "6D00"),
            ("DBDE000000", "6E00"),
            ("00A4000002 3F00", "6A82"),
            ("00A4000000", "6A82"),
            ("00A40400 07 A0000000030000", "6A82"),
            (SELECT_APPLET, "6112"),
            ("8050000008 0102030405060708", "6D00"),
            //= CD-08
            (QUERY, "63C7"),
        ],
    );
}

#[test]
fn production_data_have_the_shape_and_the_serial_number_of_the_image() {
    let cplc = "9F7F2A 4070 5072 1291 5181 0100 0000 15C00000 E3A8 1710 \
                0000 0000 0000 0000 0000 00000000 0000 0000 00000000 9000";
    check_trace(
        &mut Bench::fresh(),
        &[
            ("80CA9F7F00", "6C2D"),
            ("80CA9F7F2C", "6C2D"),
            ("80CA9F7F2D", cplc),
            ("80CA004200", "6A88"),
            ("80CA9F7E2D", "6A88"),
            ("80CA9F7F2D 00", "6700"),
            ("00A4040000", "6112"),
            ("80CA9F7F2D", cplc),
        ],
    );
}

#[test]
fn a_challenge_comes_from_what_was_lent_and_never_twice() {
    let mut bench = Bench::fresh();
    check_trace(
        &mut bench,
        &[
            ("0084000008", "6985"),
            ("0084000000", "6C08"),
            ("0084000004", "6C08"),
        ],
    );
    let mut challenges = |seed| {
        bench.input(Input::Randomness([seed; 32]));
        [bench.sends("0084000008"), bench.sends("0084000008")]
    };
    let [first, second] = challenges(7);
    assert_eq!(first.len(), 20);
    assert!(first.ends_with("9000") && first != second);
    assert_eq!(challenges(7), [first.clone(), second]);
    assert_ne!(challenges(8)[0], first);
    // It is not lost with the power.
    bench.input(Input::PowerOn);
    assert_ne!(bench.sends("0084000008"), first);
}

//= CD-02
#[test]
fn get_info_tells_serial_number_lock_byte_and_status() {
    check_trace(
        &mut Bench::fresh(),
        &[
            ("80C002A108", "15C00000E3A81710 9000"),
            ("80C002A40D", "15C00000E3 00FF00 00000000 02 9000"),
            ("80C002E110", "15C00000E3A81710006F0000FF000010 9000"),
            (
                "80C002E018",
                "01 01 02 02 00 07 01 A201090138 536D4F65 0000 0024 000000 00 9000",
            ),
            ("80C002E000", "6C18"),
            ("80C002E019", "6C18"),
            ("80C002E0", "6C18"),
            ("80C002E101", "6C10"),
            ("80C002A100", "6C08"),
            ("80C002A400", "6C0D"),
            ("80C002A208", "6B00"),
            ("80C002E018 00", "6700"),
        ],
    );
    assert_eq!(CSN.to_string(), "15C000E3A8171006F00FF0010");
}

//= CD-07
#[test]
fn the_labels_length_is_told_after_the_pin_only() {
    let mut bench = Bench::fresh();
    assert_eq!(bench.sends("80C002E018")[32..36], *"0000");
    bench.sends(VERIFY_RIGHT);
    assert_eq!(bench.sends("80C002E018")[32..36], *"0005");
}

//= CD-07
#[test]
fn label_and_shadow_need_the_pin_and_the_secret_codes_are_never_read() {
    let mut bench = Bench::fresh();
    let files = [
        ("00A4020002 0001", "00B0810005"),
        ("00A4020002 0002", "00B0820024"),
    ];
    bench.sends(SELECT_APPLET);
    for (select, by_short_identifier) in files {
        check_trace(
            &mut bench,
            &[
                (select, "6112"),
                ("00B0000005", "6982"),
                (by_short_identifier, "6982"),
            ],
        );
    }
    check_trace(&mut bench, &[("00A4020002 0000", "6112"), ("00B0000008", "6982")]);
    check_trace(
        &mut bench,
        &[
            (VERIFY_RIGHT, "9000"),
            ("00B0000008", "6982"),
            ("00B0800008", "6A82"),
        ],
    );
    check_trace(
        &mut bench,
        &[("00A4020002 0001", "6112"), ("00B0000005", "416C696365 9000")],
    );
    check_trace(
        &mut bench,
        &[("00B0820024", &format!("{}9000", hex::encode(SHADOW)))],
    );
}

//= CD-12
#[test]
fn offsets_count_units_of_four_bytes() {
    // 36 bytes of shadow.
    check_trace(
        &mut Bench::open(),
        &[
            ("00B0820004", "30313233 9000"),
            ("00B0820104", "34353637 9000"),
            ("00B0000204", "38392074 9000"),
            ("00B0820804", "61646F77 9000"),
            ("00B0820800", "6C04"),
            ("00B0820805", "61646F77 6282"),
            ("00B0820901", "6B00"),
            ("00B082FF01", "6B00"),
            ("00B07FFF01", "6B00"),
            ("00B0820000", "6C24"),
            ("00B0A20004", "6B00"),
            ("00B08200040000", "6700"),
            ("00B0830004", "6A82"),
        ],
    );
}

#[test]
fn an_empty_file_reads_as_nothing_at_its_begin() {
    let mut bench = Bench::powered(image_with("", b""));
    check_trace(
        &mut bench,
        &[
            (SELECT_APPLET, "6112"),
            ("00B0000001", "6986"),
            (VERIFY_RIGHT, "9000"),
            ("00B0810000", "6282"),
            ("00B0810001", "6282"),
            ("00B0810101", "6B00"),
        ],
    );
}

//= CD-09
#[test]
fn class_instruction_parameters_and_length_are_judged_in_this_order() {
    check_trace(
        &mut Bench::fresh(),
        &[
            ("", "6700"),
            ("00", "6700"),
            ("0020", "6700"),
            ("80A401", "6700"),
            ("FFFF01FF0102", "6E00"),
            ("A0A4000002", "6E00"),
            ("00FFFFFF0102", "6D00"),
            ("80A40000", "6D00"),
            ("00CA9F7F00", "6D00"),
            ("DBDF000000", "6D00"),
            ("DA DE0000", "6E00"),
            ("84 50000000", "6E00"),
            ("002001000102030405", "6B00"),
            ("00A40900", "6B00"),
            ("00C0010012", "6B00"),
            ("80C0010012", "6B00"),
            ("002000000102030405", "6700"),
            ("00C000001200", "6700"),
            ("0024010008", "6B00"),
            ("8024020008", "6B00"),
            ("8024000108", "6B00"),
            ("00D6A00001 00", "6B00"),
            ("DBDE000100", "6B00"),
            ("80FA000100", "6B00"),
            ("0084000108", "6B00"),
            ("00D6820000", "6700"),
            ("00240000080102030405060708", "6700"),
            ("80240000070102030405060708", "6700"),
            ("8024000000", "6700"),
            ("DBDE000001 00", "6700"),
            ("80FA000009 01 07 12345678 536D4F", "6700"),
            ("0084000008 00", "6700"),
            // The extended form of SELECT.
            ("00A40400000005A000000018", "6700"),
        ],
    );
}

#[test]
fn a_virgin_card_has_no_pin_to_present() {
    let mut bench = Bench::powered(CardImage::virgin(CSN));
    check_trace(
        &mut bench,
        &[
            (
                "80C002E018",
                "01 00 00 00 00 07 00 A201090138 536D4F65 0000 0000 000000 00 9000",
            ),
            (QUERY, "6985"),
            ("0020000008 3030303030303030", "6985"),
            (SELECT_APPLET, "6112"),
            ("00B0810000", "6982"),
            ("00D6810001 41", "6982"),
            ("8024000008 00000000 12345678", "6985"),
            ("DBDE000000", "6985"),
        ],
    );
}
