//! `hsm-emulator log` with the real program: the whole log, what comes, across the files that it is kept in, and its end.

use std::{os::unix::process::ExitStatusExt as _, path::Path, process::Command};

use hsm_emulator::{EventLog, FILE_BYTES_MAX, FILES_MAX};

use crate::{
    emulator::{BINARY, Emulator, demo},
    manager::Manager,
};

/// Somebody who follows the log of the device in a folder; its lines are heard as those of an emulator are. Signals end it,
/// even if whoever runs the tests ignores them, as a shell does for what it runs behind.
fn follow(folder: &Path) -> Emulator {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "exec env --default-signal \"$@\" >&2",
        "sh",
        BINARY,
        "log",
        "--follow",
        "--state",
    ]);
    command.arg(folder.join("state"));
    Emulator::spawn(folder, command)
}

/// What is printed without following.
fn print(folder: &Path) -> Vec<String> {
    let output = Command::new(BINARY)
        .args(["log", "--state"])
        .arg(folder.join("state"))
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("it is text");
    text.lines().map(str::to_owned).collect()
}

//= LG-02
#[test]
fn a_running_device_is_followed_until_a_signal() {
    for (signal, number) in [("-TERM", 15), ("-INT", 2), ("-HUP", 1)] {
        let folder = demo();
        let mut emulator = Emulator::start(folder.path());
        let mut follower = follow(folder.path());
        follower.wait_for("|device started after remote restart");
        let mut manager = Manager::connect(emulator.address());
        manager.receive().expect("it greets");
        follower.wait_for("|manager connected from 127.0.0.1");
        // The device ends, and the follower waits for its next start.
        emulator.signal("-TERM");
        assert!(emulator.end().success());
        let _emulator = Emulator::start(folder.path());
        follower.wait_for("|device started after power was off");
        // The last line of a start: what is printed below holds it, and so must what was followed.
        follower.wait_for("|self test passed");
        follower.signal(signal);
        assert_eq!(follower.end().signal(), Some(number));
        assert_eq!(
            follower.said,
            print(folder.path()),
            "each line once, in its order"
        );
    }
}

/// A line that is as long as an event may well be.
fn line(number: usize) -> String {
    format!("line {number:06} {}", "x".repeat(1000))
}

//= LG-02
//= LG-04
#[test]
fn no_line_is_lost_or_told_twice_when_files_begin_between_two_looks() {
    let folder = tempfile::tempdir().expect("there is room");
    let state = folder.path().join("state");
    let mut log = EventLog::open(&state).expect("there is room");
    log.add(&line(0)).expect("there is room");
    let mut follower = follow(folder.path());
    follower.wait_for(&line(0));
    // Faster than anybody looks: five files begin.
    let file_lines = usize::try_from(FILE_BYTES_MAX).expect("it is small") / (line(0).len() + 1);
    let last = 5 * file_lines + 10;
    for number in 1..=last {
        log.add(&line(number)).expect("there is room");
    }
    follower.wait_for(&line(last));
    let expected: Vec<_> = (0..=last).map(line).collect();
    assert!(
        follower.said == expected,
        "{} lines of {}",
        follower.said.len(),
        expected.len()
    );
    assert!(print(folder.path()) == expected);
    // One file more than are kept: the oldest is gone, and the follower has read it.
    let more = last + (FILES_MAX - 5) * file_lines;
    for number in last + 1..=more {
        log.add(&line(number)).expect("there is room");
        if number % file_lines == 0 {
            follower.wait_for(&line(number));
        }
    }
    follower.wait_for(&line(more));
    assert_eq!(follower.said.len(), more + 1);
    let kept = print(folder.path());
    assert!(kept.len() <= FILES_MAX * file_lines && kept.len() > (FILES_MAX - 1) * file_lines);
    assert_eq!(kept.last(), Some(&line(more)));
    // Cleared, it goes on from its beginning.
    log.clear().expect("there is room");
    log.add("log cleared by master").expect("there is room");
    follower.wait_for("log cleared by master");
    assert_eq!(print(folder.path()), ["log cleared by master"]);
}
