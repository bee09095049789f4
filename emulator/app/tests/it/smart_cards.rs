//! The Smart Card Manager of the running program, with card images on disk: what a kill leaves behind.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    emulator::demo,
    hand::{Bench, card},
};

/// Two custodians activate the device at its console.
pub(crate) fn activated(folder: &Path) -> Bench {
    let mut bench = Bench::start(folder);
    // Remote management goes first.
    bench.keys(&["Esc"]);
    for custodian in ["ana", "bruno"] {
        bench.insert(&card(folder, custodian));
        bench.type_text("12345678");
        bench.keys(&["Enter"]);
        bench.ask("DELETE", "/v1/reader/card", &Value::Null);
    }
    bench.emulator.wait_for("device activated locally");
    bench
}

//= SC-03
//= SC-10
#[test]
fn a_set_that_a_kill_interrupted_is_called_invalid_until_somebody_has_read_it() {
    let folder = demo();
    let mut bench = activated(folder.path());
    let carla = card(folder.path(), "carla");
    let before = fs::read(&carla).expect("it is a file");
    bench.keys(&["Down", "Down", "Down", "Down", "Enter"]);
    bench.keys(&["Down", "Enter"]);
    bench.keys(&["Down", "Down", "Down", "Enter"]);
    assert!(bench.screen().contains("M of N scheme"), "{}", bench.screen());
    for number in ["2", "2"] {
        bench.type_text(number);
        bench.keys(&["Enter"]);
    }
    bench.insert(&carla);
    bench.keys(&["Enter"]);
    assert!(
        bench.screen().contains("holds a key already"),
        "{}",
        bench.screen()
    );
    bench.keys(&["Right", "Enter"]);
    for entry in ["12345678", "new"] {
        bench.type_text(entry);
        bench.keys(&["Enter"]);
    }
    bench.emulator.wait_for("label new: written, card 1 of set");
    assert_ne!(fs::read(&carla).expect("it is a file"), before);
    bench.emulator.signal("-KILL");
    bench.emulator.end();

    for _ in 0..2 {
        let mut again = Bench::start(folder.path());
        for told in ["set of cards INVALID", "card INVALID"] {
            let said = &again.emulator.said;
            assert!(said.iter().any(|line| line.contains(told)), "{told}: {said:?}");
        }
        let screen = again.screen();
        assert!(
            screen.contains("This set was not finished and is invalid:") && screen.contains("2-of-2"),
            "{screen}"
        );
        again.emulator.signal("-KILL");
        again.emulator.end();
    }

    let mut read = Bench::start(folder.path());
    read.keys(&["Enter"]);
    read.emulator.signal("-TERM");
    assert!(read.emulator.end().success());
    let after = Bench::start(folder.path());
    assert!(
        after.screen().contains("Please, enter start PIN"),
        "{}",
        after.screen()
    );
}
