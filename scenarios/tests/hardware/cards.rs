//! Scenarios about a card, with one that stock PC/SC shows, and a person who is asked to move it.

use std::fs;

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
        scene
            .terminal
            .wait_for("==> put the card of Ana (11111111111111111111111111111111) into the reader");
        let inserted = scene.insert(&card);
        scene.terminal.wait_for("==> take the card out of the reader");
        drop(inserted);
        scene
            .terminal
            .wait_for("==> put the same card again into the reader");
        let _inserted = scene.insert(&card);
        let screen = scene.terminal.wait_for("ended-with-0");
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
