//! Power that goes between any two writes of any command, and in the middle of any of them: every write of every
//! command is cut off at every byte, from its begin and from its end, on cards of every kind.

mod bench;

use apdu::{LifeCycle, StatusWord};
use bench::{Bench, QUERY, SELECT_APPLET, SHADOW, VERIFY_RIGHT, VERIFY_WRONG, bytes, image_with};
use card_core::{Card, CardImage, CellWrite, Input, Output};

const OLD: &str = VERIFY_RIGHT;
const NEW: &str = "0020000008 3837363534333231";
const NEITHER: &str = "0020000008 3939393939393939";

/// Every command that writes, and the wrong ones among them. None is sent without a purpose: each row writes.
const COMMANDS: [&str; 12] = [
    VERIFY_RIGHT,
    VERIFY_WRONG,
    "8024000008 12345678 87654321",
    "0024000010 3132333435363738 3837363534333231",
    "8024000008 12345679 87654321",
    // A shorter and a longer label, a shadow of another length, the end of a shadow.
    "00D6810003 416E61",
    "00D6810006 4265727461 21",
    "00D6820008 AABBCCDDEEFF0011",
    "00D6820814 000102030405060708090A0B0C0D0E0F10111213",
    "DBDE000000",
    "80FA00000A 01 05 12345678 41624339",
    "80FA00000A 01 0F 99999999 41624339",
];

/// Where a card stands before the command, and the session that the command meets.
fn cards() -> Vec<(&'static str, Bench)> {
    let changed = |image: CardImage| {
        let mut bench = Bench::powered(image);
        assert_eq!(bench.sends(COMMANDS[2]), "9000");
        bench.sends(SELECT_APPLET);
        assert_eq!(bench.sends(NEW), "9000");
        bench
    };
    let used = |wrong: usize| {
        let mut bench = Bench::fresh();
        (0..wrong).for_each(|_| drop(bench.sends(VERIFY_WRONG)));
        bench
    };
    let half_changed = image_with("Alice", SHADOW)
        .to_text()
        .replace("\"00000000\"", "\"87004321\"");
    vec![
        ("virgin", Bench::powered(CardImage::virgin(bench::CSN))),
        ("fresh", used(0)),
        ("one try used", used(1)),
        ("one try left", used(6)),
        ("open", Bench::open()),
        ("half changed", {
            let mut bench = Bench::powered(CardImage::from_text(&half_changed).expect("an image"));
            bench.sends(SELECT_APPLET);
            assert_eq!(bench.sends(OLD), "9000");
            bench
        }),
        ("sealed", changed(image_with("Alice", SHADOW))),
        (
            "sealed, erasable",
            changed(image_with("Alice", SHADOW).with_erase_keeps_seal(false)),
        ),
        ("blocked", used(7)),
    ]
}

/// A cut of power: after so many whole writes, and after or before so many bytes of the next.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Head { writes: usize, bytes: usize },
    Tail { writes: usize, bytes: usize },
}

/// The writes of a command, and its answer.
fn writes_of(bench: &Bench, command: &str) -> (Vec<CellWrite>, StatusWord) {
    let mut card = bench.card.clone();
    card.handle_input(Input::Transmit(&bytes(command)));
    let mut writes = Vec::new();
    loop {
        match card.poll_output().expect("an answer") {
            Output::Write(write) => {
                writes.push(write);
                card.handle_input(Input::Written);
            }
            Output::Answer(response) => return (writes, response.status),
            Output::Atr(_) => panic!("nobody reset the card"),
        }
    }
}

fn cuts(writes: &[CellWrite]) -> Vec<Cut> {
    let mut cuts = vec![Cut::Head {
        writes: writes.len(),
        bytes: 0,
    }];
    for (at, write) in writes.iter().enumerate() {
        for bytes in 0..=write.bytes().len() {
            cuts.push(Cut::Head { writes: at, bytes });
            cuts.push(Cut::Tail { writes: at, bytes });
        }
    }
    cuts
}

/// What is left of a card; the program that finds it reads the text form, as after a crash.
fn left_after(before: &CardImage, writes: &[CellWrite], cut: Cut) -> CardImage {
    let (whole, torn) = match cut {
        Cut::Head { writes: whole, bytes } => (whole, writes.get(whole).map(|write| write.torn_after(bytes))),
        Cut::Tail { writes: whole, bytes } => {
            (whole, writes.get(whole).map(|write| write.without_first(bytes)))
        }
    };
    let mut image = before.clone();
    writes[..whole]
        .iter()
        .chain(&torn)
        .for_each(|write| image.apply(write));
    CardImage::from_text(&image.to_text()).expect("an image that was cut off still opens")
}

/// Which of the PINs opens a card, tried on copies of it with their tries back.
fn opens(image: &CardImage, verify: &str) -> bool {
    let text = image.to_text();
    let counter = format!("try_counter = {}\n", image.try_counter());
    let rested = CardImage::from_text(&text.replace(&counter, "try_counter = 0\n")).expect("an image");
    Bench::powered(rested).sends(verify) == "9000"
}

fn contents(image: &CardImage) -> Option<(String, String)> {
    let mut bench = Bench::powered(image.clone());
    bench.sends(SELECT_APPLET);
    let has_opened = [OLD, NEW].iter().any(|verify| bench.sends(verify) == "9000");
    let mut read = |file: &str| {
        bench
            .sends(&format!("00B08{file}00{:02X}", 0xFF))
            .replace("6282", "")
            .replace("9000", "")
    };
    has_opened.then(|| (read("1"), read("2")))
}

//= CD-04
//= CD-06
//= CD-07
#[test]
fn no_cut_anywhere_gives_a_try_a_third_state_or_a_mixture() {
    let (mut cut_off, mut in_the_middle) = (0, 0);
    for (kind, bench) in cards() {
        let before = bench.image.clone();
        for command in COMMANDS {
            let (writes, status) = writes_of(&bench, command);
            let mut after = before.clone();
            for write in &writes {
                after.apply(write);
            }
            let is_right_pin = status == StatusWord::OK && !command.starts_with("80FA");
            for cut in cuts(&writes) {
                let what = format!("{kind}: {command}: {cut:?} of {writes:?}");
                let left = left_after(&before, &writes, cut);
                cut_off += 1;
                in_the_middle += usize::from(left != before && left != after);

                // No free try: the counter is where it was or higher, unless the right PIN was presented.
                assert!(
                    left.try_counter() >= before.try_counter() || is_right_pin,
                    "{what}"
                );
                // Whether the PIN was right is not known to the card, and so to nobody, before the try is counted.
                let presents = command.starts_with("0020") || command[2..].starts_with("24");
                if let (true, Cut::Head { writes: 1, bytes: 0 }) = (presents, cut) {
                    assert_eq!(left.try_counter(), before.try_counter() + 1, "{what}");
                }
                assert!(!before.is_blocked() || left.is_blocked(), "{what}");

                // The serial number is never written, and nothing but a format makes a virgin card another.
                assert_eq!(left.csn(), before.csn(), "{what}");

                // The old PIN unsealed or the new one sealed. What opened before opens, or what opens after.
                let pins = [OLD, NEW].map(|verify| opens(&left, verify));
                let state =
                    |image: &CardImage| (image.life_cycle(), [OLD, NEW].map(|verify| opens(image, verify)));
                let now = (left.life_cycle(), pins);
                assert!(now == state(&before) || now == state(&after), "{what}: {now:?}");
                assert!(!opens(&left, NEITHER) || opens(&after, NEITHER), "{what}");

                // Label and shadow need the PIN, and each is the old one, the new one, or none.
                let mut found = Bench::powered(left.clone());
                found.sends(SELECT_APPLET);
                assert_eq!(found.sends("00B0810005"), "6982", "{what}");
                assert_eq!(found.sends("00B0820005"), "6982", "{what}");
                if let (Some(old), Some(new), Some(now)) =
                    (contents(&before), contents(&after), contents(&left))
                {
                    assert!([&old.0, &new.0, ""].contains(&&*now.0), "{what}: label {}", now.0);
                    assert!(
                        [&old.1, &new.1, ""].contains(&&*now.1),
                        "{what}: shadow {}",
                        now.1
                    );
                }

                // What was cut off can be done again, if it could be done at all.
                if left.life_cycle() == LifeCycle::Virgin && command.starts_with("80FA") {
                    assert_eq!(found.sends(command), "9000", "{what}");
                }
                assert!(
                    found.sends(QUERY).starts_with('6') || left.life_cycle() != LifeCycle::Virgin,
                    "{what}"
                );
            }
        }
    }
    // So that a change of the commands cannot empty this test.
    assert!(
        cut_off > 1_000 && in_the_middle > 300,
        "{cut_off} cuts, {in_the_middle} in the middle"
    );
}

//= CD-06
#[test]
fn a_change_that_was_cut_off_is_done_again_with_the_old_pin() {
    let bench = Bench::fresh();
    let change = COMMANDS[2];
    let (writes, _) = writes_of(&bench, change);
    for cut in cuts(&writes) {
        let left = left_after(&bench.image, &writes, cut);
        let mut found = Bench::powered(left);
        match found.image.life_cycle() {
            LifeCycle::PostFormat => assert_eq!(found.sends(change), "9000", "{cut:?}"),
            LifeCycle::Sealed => assert_eq!(found.sends(change), "6985", "{cut:?}"),
            LifeCycle::Virgin => panic!("{cut:?}: no change makes a card virgin"),
        }
        assert_eq!(
            (found.sends(OLD).as_str(), found.sends(NEW).as_str()),
            ("63C6", "9000"),
            "{cut:?}"
        );
    }
}

/// The driver may come back late: a reset in the middle of a command waits for the write that is out, and no other
/// write of the command follows.
//= CD-04
#[test]
fn a_reset_in_the_middle_ends_the_command_after_the_write_that_is_out() {
    for (_, bench) in cards() {
        for command in COMMANDS {
            let (writes, _) = writes_of(&bench, command);
            for stop in 0..writes.len() {
                let mut card: Card = bench.card.clone();
                let mut image = bench.image.clone();
                card.handle_input(Input::Transmit(&bytes(command)));
                for at in 0..=stop {
                    let Some(Output::Write(write)) = card.poll_output() else {
                        panic!("the command writes so often")
                    };
                    if at == stop {
                        card.handle_input(Input::WarmReset);
                        assert_eq!(
                            card.poll_output(),
                            None,
                            "{command}: nothing before the write is done"
                        );
                    }
                    image.apply(&write);
                    card.handle_input(Input::Written);
                }
                assert!(matches!(card.poll_output(), Some(Output::Atr(_))), "{command}");
                assert_eq!(card.poll_output(), None, "{command}: nothing follows");
                assert_eq!(card.image(), &image, "{command}");
            }
        }
    }
}
