//! Many emulators, many connections, and many sudden ends.

use std::{collections::BTreeSet, net::TcpStream, thread};

use crate::{
    emulator::{Emulator, demo, run, run_limited},
    manager::Manager,
};

#[test]
fn fifty_at_once_share_nothing_and_leave_nothing_behind() {
    let folders: Vec<_> = (0..50).map(|_| demo()).collect();
    let start = |folder: &tempfile::TempDir| Emulator::spawn(folder.path(), run(folder.path()));
    let mut emulators: Vec<_> = folders.iter().map(start).collect();
    let mut addresses = BTreeSet::new();
    for emulator in &mut emulators {
        emulator.wait_for("ready: ");
        assert!(addresses.insert(emulator.address()));
        Manager::connect(emulator.address()).receive().expect("it greets");
    }
    for emulator in &emulators {
        emulator.signal("-TERM");
    }
    for (emulator, folder) in emulators.iter_mut().zip(&folders) {
        assert_eq!(emulator.end().code(), Some(0));
        let left: BTreeSet<_> = folder
            .path()
            .read_dir()
            .expect("it is there")
            .collect::<Result<Vec<_>, _>>()
            .expect("readable")
            .iter()
            .map(std::fs::DirEntry::file_name)
            .collect();
        assert_eq!(left, BTreeSet::from(["cards".into(), "state".into()]));
    }
}

#[test]
fn it_starts_again_after_every_kill_under_load() {
    let folder = demo();
    let mut fingerprint = None;
    for round in 0..8 {
        let mut emulator = Emulator::start(folder.path());
        assert_eq!(
            *fingerprint.get_or_insert_with(|| emulator.fingerprint()),
            emulator.fingerprint()
        );
        let address = emulator.address();
        let (tell, answered) = std::sync::mpsc::channel();
        let load = thread::spawn(move || {
            let mut manager = Manager::connect(address);
            while manager.ask("device.info").is_some() && tell.send(()).is_ok() {}
        });
        answered.iter().nth(round * 20).expect("it is under load");
        emulator.signal("-KILL");
        assert_eq!(emulator.end().code(), None);
        drop(answered);
        load.join().expect("the manager sees the end");
        // A ready-file of a dead emulator is replaced by the next.
        assert!(emulator.has_ready_file());
    }
}

#[test]
fn running_out_of_file_descriptors_ends_nothing() {
    let folder = demo();
    let mut emulator = Emulator::spawn(folder.path(), run_limited("ulimit -n 15", folder.path()));
    emulator.wait_for("ready: ");
    let address = emulator.address();
    let crowd: Vec<_> = (0..12)
        .map(|_| TcpStream::connect(address).expect("the backlog takes it"))
        .collect();
    emulator.wait_for("accept a connection: ");
    drop(crowd);
    let opened = Manager::connect(address).receive().expect("it greets");
    assert_eq!(opened["method"], "session.opened");
}
