//! Scenarios about a card, with one that stock PC/SC shows, and a person who is asked to move it.

use std::{fs, process::Command};

use pcsc_bed::test_inside;

use super::{Scene, programs};

/// Writes to the card, and wants it out and in.
const MOVED: [&str; 6] = [
    "Given a card of Ana in a reader",
    "When the PIN \"00000000\" is wrong, with 6 tries left",
    "And the card is taken out of its reader and put back",
    "Then the card says that 6 tries are left",
    "When the PIN \"12345678\" is right",
    "Then the label is \"Ana\"",
];
/// What a person is asked first.
const PUT_ANA: &str = "==> put the card of Ana (11111111111111111111111111111111) into the reader";
const TAKE_OUT: &str = "==> take the card out of the reader";

#[test]
fn a_person_is_asked_to_move_the_card_and_the_scenario_is_played_with_it() {
    let _ = programs();
    test_inside(1, |bed| {
        let scene = Scene::new(bed);
        let card = scene.make_card("Ana", 0x11);
        scene.write_rig(&[("Ana", 0x11)], false);
        let scenario = scene.write_scenario("moved", &MOVED);
        let junit = scene.path("junit.xml");
        scene.run(&scenario, &format!("--dangerous --junit {}", junit.display()));
        scene.terminal.wait_for(PUT_ANA);
        let inserted = scene.insert(&card);
        scene.terminal.wait_for(TAKE_OUT);
        drop(inserted);
        scene
            .terminal
            .wait_for("==> put the same card again into the reader");
        let _inserted = scene.insert(&card);
        let screen = scene.wait_for_end(0);
        assert!(screen.contains("scenarios  1 passed"), "{screen}");
        assert!(screen.contains("lane       hardware, in real time"), "{screen}");
        let part = format!("card {} of Ana in {}", "11".repeat(16), scene.reader.name);
        assert!(screen.contains(&format!("part       {part}")), "{screen}");
        let junit = fs::read_to_string(junit).unwrap();
        assert!(
            junit.contains(&format!("name=\"part\" value=\"{part}\"")),
            "{junit}"
        );
    });
}

#[test]
fn a_card_that_the_rig_file_does_not_name_keeps_every_byte() {
    let _ = programs();
    test_inside(1, |bed| {
        let scene = Scene::new(bed);
        let stranger = scene.make_card("Bruno", 0x22);
        let before = fs::read(&stranger).unwrap();
        scene.write_rig(&[("Ana", 0x11)], true);
        let scenario = scene.write_scenario("moved", &MOVED);
        let inserted = scene.insert(&stranger);
        scene.run(&scenario, "--dangerous");
        let screen = scene.wait_for_end(13);
        let words = format!("got one with the serial number {}", "22".repeat(16));
        assert!(screen.contains(&words), "{screen}");
        drop(inserted);
        assert_eq!(fs::read(&stranger).unwrap(), before);

        // Put in when it is asked for, it is refused and asked for again, until that is too often.
        scene.run(&scenario, "--dangerous");
        for _ in 0..4 {
            scene.terminal.wait_until("a prompt for the card", |screen| {
                screen
                    .trim_end()
                    .lines()
                    .last()
                    .is_some_and(|last| last.starts_with(PUT_ANA))
            });
            let inserted = scene.insert(&stranger);
            scene.terminal.wait_until("a prompt to take it out", |screen| {
                screen
                    .trim_end()
                    .lines()
                    .last()
                    .is_some_and(|last| last.starts_with(TAKE_OUT))
            });
            drop(inserted);
        }
        let screen = scene.wait_for_end(1);
        assert!(
            screen.contains("is not in the rig file; nothing was written to it"),
            "{screen}"
        );
        assert!(
            screen.contains("actual value is a card that was not asked for, 4 times"),
            "{screen}"
        );
        assert_eq!(fs::read(&stranger).unwrap(), before);
    });
}

#[test]
fn the_wrong_card_is_refused_and_the_right_one_is_asked_for_again() {
    let _ = programs();
    test_inside(1, |bed| {
        let scene = Scene::new(bed);
        let (card, other) = (scene.make_card("Ana", 0x11), scene.make_card("Bruno", 0x22));
        let before = fs::read(&other).unwrap();
        scene.write_rig(&[("Ana", 0x11)], false);
        let steps = [MOVED[0], "Then the card says that 7 tries are left"];
        let scenario = scene.write_scenario("right", &steps);
        scene.run(&scenario, "--dangerous");
        scene.terminal.wait_for(PUT_ANA);
        let inserted = scene.insert(&other);
        scene.terminal.wait_for(TAKE_OUT);
        drop(inserted);
        assert_eq!(fs::read(&other).unwrap(), before);
        scene
            .terminal
            .wait_until("a second prompt", |screen| screen.matches(PUT_ANA).count() == 2);
        let _inserted = scene.insert(&card);
        let screen = scene.wait_for_end(0);
        assert!(screen.contains("scenarios  1 passed"), "{screen}");
    });
}

#[test]
fn nothing_is_written_without_the_word_the_rig_file_or_a_person() {
    let _ = programs();
    test_inside(1, |bed| {
        let scene = Scene::new(bed);
        let card = scene.make_card("Ana", 0x11);
        let before = fs::read(&card).unwrap();
        let rig = scene.write_rig(&[("Ana", 0x11)], false);
        let scenario = scene.write_scenario("moved", &MOVED);
        let inserted = scene.insert(&card);
        scene.run(&scenario, "");
        let screen = scene.wait_for_end(2);
        for words in [
            "`--dangerous` was not said",
            "these cards would lose label and shadow",
            "11111111111111111111111111111111 of Ana",
            "never formatted, sealed or blocked",
        ] {
            assert!(screen.replace('\n', "").contains(words), "{words}\n{screen}");
        }
        fs::write(&rig, "version = 1\ncolour = \"red\"\n").unwrap();
        scene.run(&scenario, "--dangerous");
        let screen = scene.wait_for_end(2);
        assert!(screen.contains("line 2, column 1"), "{screen}");
        drop(inserted);
        assert_eq!(fs::read(&card).unwrap(), before);

        // Nobody is there who could put it in.
        scene.write_rig(&[("Ana", 0x11)], false);
        scene.run(&scenario, "--dangerous </dev/null");
        let screen = scene.wait_for_end(2);
        let words = "expected a terminal on standard input, got none";
        assert!(screen.replace('\n', "").contains(words), "{screen}");
        assert!(
            screen.contains("1: the run was ended before it was over"),
            "{screen}"
        );
        assert_eq!(fs::read(&card).unwrap(), before);
    });
}

#[test]
fn what_cannot_be_taken_back_is_not_sent_to_a_card_that_is_not_expendable() {
    let _ = programs();
    test_inside(1, |bed| {
        let scene = Scene::new(bed);
        let card = scene.make_card("Ana", 0x11);
        let steps = [
            MOVED[0],
            "When the PIN is changed from \"12345678\" to \"87654321\"",
        ];
        let scenario = scene.write_scenario("sealed", &steps);
        let _inserted = scene.insert(&card);
        let is_sealed = || !fs::read_to_string(&card).unwrap().contains("lock1 = \"02\"");
        scene.write_rig(&[("Ana", 0x11)], false);
        scene.run(&scenario, "--dangerous");
        let screen = scene.wait_for_end(4);
        assert!(
            screen.contains("1: needs an expendable card: a command of it changes the PIN"),
            "{screen}"
        );
        assert!(!is_sealed());
        scene.write_rig(&[("Ana", 0x11)], true);
        scene.run(&scenario, "--dangerous");
        scene.wait_for_end(0);
        assert!(is_sealed());
        // It is used up now, and the rig has no other.
        scene.run(&scenario, "--dangerous");
        let screen = scene.wait_for_end(4);
        assert!(screen.contains("its PIN was changed for good"), "{screen}");
    });
}

#[test]
fn ctrl_c_at_a_prompt_resets_the_card_and_leaves_the_terminal_as_it_was() {
    let _ = programs();
    test_inside(1, |bed| {
        let scene = Scene::new(bed);
        let card = scene.make_card("Ana", 0x11);
        scene.write_rig(&[("Ana", 0x11)], false);
        let steps = [
            MOVED[0],
            "When the PIN \"12345678\" is right",
            "And the card is taken out of its reader and put back",
        ];
        let scenario = scene.write_scenario("left", &steps);
        let _inserted = scene.insert(&card);
        let before = scene.terminal.settings("before");
        scene.run(&scenario, "--dangerous");
        scene.terminal.wait_for(TAKE_OUT);
        scene.terminal.keys(&["C-c"]);
        let screen = scene.wait_for_end(14);
        assert!(screen.contains("the run was ended by SIGINT"), "{screen}");
        assert_eq!(scene.terminal.settings("after"), before);
        // Whoever connects now without a reset finds no PIN verified, and nobody who keeps the card.
        let asked = Command::new("opensc-tool")
            .args(["-r", &scene.reader.name, "-c", "default", "-s", "0020000000"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&asked.stdout);
        assert!(said.contains("SW1=0x63, SW2=0xC7"), "{asked:?}");
    });
}

#[test]
fn a_reader_that_vanishes_fails_the_scenario_with_words() {
    let _ = programs();
    test_inside(1, |bed| {
        let scene = Scene::new(bed);
        scene.make_card("Ana", 0x11);
        scene.write_rig(&[("Ana", 0x11)], false);
        let scenario = scene.write_scenario("gone", &MOVED);
        scene.run(&scenario, "--dangerous");
        scene.terminal.wait_for(PUT_ANA);
        bed.restart_daemon().unwrap();
        let screen = scene.wait_for_end(1);
        assert!(screen.contains("PC/SC says: "), "{screen}");
        // A reader that was never there.
        scene.run_with("Nowhere", &scenario, "--dangerous");
        let screen = scene.wait_for_end(13);
        assert!(
            screen.contains("find the reader `Nowhere`: expected one whose name begins so, got 0"),
            "{screen}"
        );
    });
}
