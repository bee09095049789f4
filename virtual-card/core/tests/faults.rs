//! Cards with faults: what their user sees, what is left in them, and which texts describe them.

mod bench;

use std::time::Duration;

use apdu::hex;
use bench::{QUERY, SELECT_APPLET, SHADOW, VERIFY_RIGHT, VERIFY_WRONG, bytes, image_with};
use card_core::{Card, CardImage, FAULTS_MAX, Fault, FaultKind, Faults, FaultyCard, FaultyOutput, Input};

/// A card with faults and what is durable of it.
struct Faulty {
    card: FaultyCard,
    image: CardImage,
}

impl Faulty {
    fn with(faults: &str) -> Self {
        let image = image_with("Alice", SHADOW);
        let faults = Faults::from_text(&format!("version = 1\n{faults}")).expect("faults");
        let mut faulty = Self {
            card: FaultyCard::new(Card::from_image(image.clone()), faults),
            image,
        };
        faulty.input(Input::PowerOn);
        faulty
    }

    fn input(&mut self, input: Input<'_>) -> Vec<FaultyOutput> {
        self.card.handle_input(input);
        let mut outputs = Vec::new();
        while let Some(output) = self.card.poll_output() {
            match output {
                FaultyOutput::Write(write) => {
                    self.image.apply(&write);
                    self.card.handle_input(Input::Written);
                }
                output => outputs.push(output),
            }
        }
        assert_eq!(
            self.card.image(),
            &self.image,
            "the card knows what is left of it"
        );
        outputs
    }

    /// The answer as hex; `mute`, or `out` for a card that was torn out.
    fn sends(&mut self, command: &str) -> String {
        match &self.input(Input::Transmit(&bytes(command)))[..] {
            [FaultyOutput::Answer { bytes, after }] if after.is_zero() => hex::encode(bytes),
            [FaultyOutput::Answer { bytes, after }] => format!("{} after {after:?}", hex::encode(bytes)),
            [FaultyOutput::TornOut] => "out".to_owned(),
            [] => "mute".to_owned(),
            other => panic!("expected one output, got {other:?}"),
        }
    }
}

fn check_trace(faults: &str, trace: &[(&str, &str)]) -> Faulty {
    let mut card = Faulty::with(faults);
    for (command, answer) in trace {
        assert_eq!(card.sends(command), *answer, "{faults}: {command}");
    }
    card
}

const UPDATE_LABEL: &str = "00D6810003 416E61";

#[test]
fn a_card_without_faults_is_a_card() {
    check_trace(
        "",
        &[
            (SELECT_APPLET, "6112"),
            (VERIFY_WRONG, "63C6"),
            (VERIFY_RIGHT, "9000"),
            (UPDATE_LABEL, "9000"),
            ("00B0810003", "416E619000"),
        ],
    );
}

#[test]
fn a_mute_card_hears_nothing_from_its_command_on_and_answers_a_reset() {
    let mut card = check_trace(
        "[[fault]]\nkind = \"mute\"\nat = 2\n",
        &[
            (VERIFY_WRONG, "63C6"),
            (VERIFY_WRONG, "mute"),
            (VERIFY_WRONG, "mute"),
        ],
    );
    assert_eq!(card.image.try_counter(), 1);
    assert!(matches!(card.input(Input::PowerOn)[..], [FaultyOutput::Atr(_)]));
    assert_eq!(card.sends(QUERY), "mute");
    card.card.set_faults(Faults::default());
    assert_eq!(card.sends(QUERY), "63C6");
}

//= CD-04
#[test]
fn a_torn_card_holds_so_many_bytes_of_its_command() {
    let torn = |bytes| format!("[[fault]]\nkind = \"torn_out\"\nat = 1\nbytes = {bytes}\n");
    for (written, tries) in [(0, 0), (1, 1), (2, 1)] {
        let mut card = check_trace(&torn(written), &[(VERIFY_WRONG, "out"), (QUERY, "mute")]);
        assert_eq!(card.image.try_counter(), tries, "{written}");
        assert!(!card.card.is_powered());
        card.input(Input::PowerOn);
        assert_eq!(card.sends(QUERY), format!("63C{}", 7 - tries));
    }
    // A change of the PIN writes 1 + 1 + 8 + 1 bytes.
    for written in 0..=12 {
        let mut card = check_trace(&torn(written), &[("8024000008 12345678 87654321", "out")]);
        card.input(Input::PowerOn);
        let left = [VERIFY_RIGHT, "0020000008 3837363534333231"].map(|verify| card.sends(verify) == "9000");
        assert_eq!(left, [written < 11, written >= 11], "{written}");
        assert_eq!(card.image.lock1(), if written < 11 { 2 } else { 3 }, "{written}");
    }
}

//= CD-04
#[test]
fn a_card_that_loses_contact_does_so_once_after_so_many_writes_of_any_commands() {
    let faults = |writes| format!("[[fault]]\nkind = \"loses_contact\"\nwrites = {writes}\n");
    // Each wrong PIN is one write, a right one two.
    let mut card = check_trace(
        &faults(2),
        &[
            (VERIFY_WRONG, "63C6"),
            (VERIFY_WRONG, "63C5"),
            (VERIFY_WRONG, "out"),
        ],
    );
    assert_eq!(card.image.try_counter(), 2, "the write that was lost is not done");
    assert!(!card.card.is_powered());
    card.input(Input::PowerOn);
    assert_eq!(
        [VERIFY_WRONG, VERIFY_RIGHT].map(|verify| card.sends(verify)),
        ["63C4", "9000"],
        "once"
    );

    let mut card = check_trace(&faults(1), &[(VERIFY_RIGHT, "out")]);
    assert_eq!(card.image.try_counter(), 1, "between counting and forgetting");
    card.input(Input::PowerOn);
    card.card
        .set_faults(Faults::from_text(&format!("version = 1\n{}", faults(0))).expect("faults"));
    assert_eq!(
        [QUERY, VERIFY_RIGHT].map(|command| card.sends(command)),
        ["63C6", "out"],
        "counted anew"
    );
}

#[test]
fn answers_can_be_short_wrong_or_late() {
    check_trace(
        "[[fault]]\nkind = \"short_answer\"\nat = 1\nbytes = 5\n\
         [[fault]]\nkind = \"short_answer\"\nat = 2\nbytes = 0\n\
         [[fault]]\nkind = \"wrong_status\"\nat = 3\nstatus = \"6F00\"\n\
         [[fault]]\nkind = \"slow\"\nat = 4\ndelay_millis = 1500\n",
        &[
            ("80C002E110", "15C00000E3"),
            (QUERY, ""),
            // It was right, and counted, and forgiven.
            (VERIFY_RIGHT, "6F00"),
            (QUERY, "9000 after 1.5s"),
            (QUERY, "9000"),
        ],
    );
}

#[test]
fn an_answer_to_reset_can_be_anything_or_nothing() {
    let mut card = Faulty::with("[[fault]]\nkind = \"atr\"\nbytes = \"FFFFFF\"\n");
    assert_eq!(card.input(Input::WarmReset), [FaultyOutput::Atr(vec![0xFF; 3])]);
    assert_eq!(card.sends(QUERY), "63C7");
    let mut card = Faulty::with("[[fault]]\nkind = \"atr\"\nbytes = \"\"\n");
    assert_eq!(card.input(Input::PowerOn), []);
}

#[test]
fn a_full_memory_takes_no_update_and_keeps_what_it_has() {
    let card = check_trace(
        "[[fault]]\nkind = \"memory_full\"\n",
        &[
            (SELECT_APPLET, "6112"),
            (VERIFY_RIGHT, "9000"),
            (UPDATE_LABEL, "6A84"),
            ("00B0810005", "416C6963659000"),
            ("DBDE000000", "9000"),
        ],
    );
    assert_eq!(card.image.shadow_len(), 0);
}

//= CD-04
#[test]
fn a_worn_counter_compares_nothing_and_a_worn_seal_changes_nothing() {
    let worn = |cell| format!("[[fault]]\nkind = \"worn_cell\"\ncell = \"{cell}\"\n");
    let card = check_trace(
        &worn("try_counter"),
        &[(VERIFY_WRONG, "6581"), (VERIFY_RIGHT, "6581"), (QUERY, "63C7")],
    );
    assert_eq!(card.image.try_counter(), 0);
    check_trace(
        &worn("lock1"),
        &[("8024000008 12345678 87654321", "6581"), (VERIFY_RIGHT, "9000")],
    );
    check_trace(
        &worn("label"),
        &[
            (SELECT_APPLET, "6112"),
            (VERIFY_RIGHT, "9000"),
            (UPDATE_LABEL, "6581"),
            ("00B0810001", "6282"),
        ],
    );
}

#[test]
fn what_is_wrong_with_a_text_is_named_with_its_place() {
    for (text, message) in [
        ("", "line 1, column 1: expected the key `version`, got none"),
        (
            "version = 2",
            "line 1, column 11: expected `version` to be 1, got 2",
        ),
        (
            "version = 1\nfaults = 2",
            "line 2, column 1: expected `version` or `[[fault]]`, got `faults`",
        ),
        (
            "version = 1\nfault = 2",
            "line 2, column 9: expected at most 64 tables `[[fault]]`, got integer",
        ),
        (
            "version = 1\n[[fault]]\nat = 1",
            "line 2, column 1: expected the key `kind`, got none",
        ),
        (
            "version = 1\n[[fault]]\nkind = \"deaf\"",
            "line 3, column 8: expected `kind` as one of `mute`, `torn_out`, `loses_contact`, `short_answer`, `wrong_status`, \
             `slow`, `atr`, `memory_full`, `worn_cell`, got `deaf`",
        ),
        (
            "version = 1\n[[fault]]\nkind = \"mute\"\nbytes = 1",
            "line 4, column 1: expected a key of a fault `mute`, got `bytes`",
        ),
        (
            "version = 1\n[[fault]]\nkind = \"atr\"\nat = 1\nbytes = \"00\"",
            "line 4, column 1: expected a key of a fault `atr`, got `at`",
        ),
        (
            "version = 1\n[[fault]]\nkind = \"mute\"\nat = 0",
            "line 4, column 6: expected `at` from 1 to 1000000, got 0",
        ),
        (
            "version = 1\n[[fault]]\nkind = \"wrong_status\"\nstatus = \"6F\"",
            "line 4, column 10: expected `status` as 2 bytes in `0-9A-F`, got 1 bytes",
        ),
    ] {
        let refusal = Faults::from_text(text).expect_err(message);
        assert_eq!(refusal.to_string(), format!("read faults of a card, {message}"));
    }
}

#[test]
fn every_limit_is_met_and_one_past_it_is_refused() {
    let fits = |body: &str| Faults::from_text(&format!("version = 1\n[[fault]]\n{body}")).is_ok();
    for (kind, key, last, past) in [
        ("torn_out", "bytes", "65535", "65536"),
        ("short_answer", "bytes", "257", "258"),
        ("slow", "delay_millis", "3600000", "3600001"),
        ("mute", "at", "1000000", "1000001"),
        ("loses_contact", "writes", "1000000", "1000001"),
    ] {
        assert!(fits(&format!("kind = \"{kind}\"\n{key} = {last}")), "{kind}");
        assert!(!fits(&format!("kind = \"{kind}\"\n{key} = {past}")), "{kind}");
    }
    assert!(fits(&format!("kind = \"atr\"\nbytes = \"{}\"", "3B".repeat(33))));
    assert!(!fits(&format!("kind = \"atr\"\nbytes = \"{}\"", "3B".repeat(34))));
    let many = |count: usize| format!("version = 1\n{}", "[[fault]]\nkind = \"mute\"\n".repeat(count));
    assert!(Faults::from_text(&many(FAULTS_MAX)).is_ok());
    assert!(Faults::from_text(&many(FAULTS_MAX + 1)).is_err());
    let fault = Fault {
        kind: FaultKind::Slow {
            delay: Duration::from_secs(1),
        },
        at: None,
    };
    assert!(Faults::new(vec![fault.clone(); FAULTS_MAX]).is_some());
    assert!(Faults::new(vec![fault; FAULTS_MAX + 1]).is_none());
}
