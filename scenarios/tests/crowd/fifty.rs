//! Fifty emulators at once, each with a port that the system chose.

use std::{
    collections::BTreeSet, ffi::OsString, path::Path, process::Command, sync::mpsc::Receiver, time::Instant,
};

use tempfile::TempDir;

use crate::{
    programs::{PATIENCE, PIN, Program, client, demo, emulator, facts, lines},
    report,
};

const EMULATORS: usize = 50;

/// Starts all of them on the same folders each time, so that a round also shows that the one before left no lock.
pub(crate) fn check(rounds: usize) {
    let began = Instant::now();
    let folders: Vec<_> = (0..EMULATORS).map(|_| demo()).collect();
    for _ in 0..rounds {
        round(&folders);
    }
    report(&format!(
        "{EMULATORS} emulators at once, {rounds} times: no collision, nothing left behind, {:.1?}",
        began.elapsed()
    ));
}

fn round(folders: &[TempDir]) {
    let mut running: Vec<_> = folders.iter().map(|folder| start(folder.path())).collect();
    let mut addresses = BTreeSet::new();
    for ((emulator, log), folder) in running.iter().zip(folders) {
        wait_for_ready(log);
        let facts = facts(folder.path());
        assert_eq!(facts["pid"], emulator.0.id());
        let address = facts["management"].as_str().expect("its port is open").to_owned();
        let fingerprint = facts["fingerprint"].as_str().expect("a text").to_owned();
        let known = folder.path().join("known_hsms");
        let known = known.to_str().expect("a temporary folder has a plain name");
        let mut manager = client(&address, known, &["--fingerprint", &fingerprint, "status"], PIN);
        assert!(
            manager.0.wait().expect("it is ours").success(),
            "a manager is accepted"
        );
        assert!(addresses.insert(address), "two have one port");
    }
    for (emulator, _) in &running {
        let pid = emulator.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.expect("there is a `kill`").success());
    }
    for ((emulator, log), folder) in running.iter_mut().zip(folders) {
        while let Ok(Some(_)) = log.recv_timeout(PATIENCE) {}
        assert_eq!(emulator.0.wait().expect("it is ours").code(), Some(0));
        assert_eq!(
            names(folder.path()),
            BTreeSet::from(["cards".into(), "state".into()])
        );
        assert_eq!(
            names(&folder.path().join("state")),
            BTreeSet::from(["log".into(), "state.redb".into()])
        );
    }
}

fn start(folder: &Path) -> (Program, Receiver<Option<String>>) {
    let mut emulator = emulator(folder);
    let log = lines(emulator.0.stderr.take().expect("it was asked for"));
    (emulator, log)
}

fn wait_for_ready(log: &Receiver<Option<String>>) {
    while let Some(line) = log.recv_timeout(PATIENCE).expect("it says something") {
        if line.contains("ready: ") {
            return;
        }
    }
    panic!("it ended before it was ready");
}

fn names(folder: &Path) -> BTreeSet<OsString> {
    let entries = folder.read_dir().expect("it is there");
    entries
        .map(|entry| entry.expect("it is readable").file_name())
        .collect()
}
