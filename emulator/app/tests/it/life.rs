//! From the first start to the last signal.

use std::{net::TcpStream, os::unix::fs::PermissionsExt as _, path::Path};

use crate::{
    custodian::present,
    emulator::{Emulator, demo, run},
    manager::Manager,
};

#[test]
fn a_manager_is_greeted_and_served() {
    let folder = demo();
    let mut emulator = Emulator::start(folder.path());
    let mut manager = Manager::connect(emulator.address());
    let opened = manager.receive().expect("it greets");
    assert_eq!(opened["method"], "session.opened");
    assert_eq!(opened["params"]["header"]["model"], "XP");
    let header = manager.ask("device.header").expect("it answers");
    assert_eq!(header["result"], opened["params"]["header"]);
    emulator.wait_for("manager connected from 127.0.0.1");

    //= RM-05
    let mut second = Manager::connect(emulator.address());
    assert_eq!(second.receive().expect("a denial")["params"]["reason"], "busy");
    assert_eq!(second.receive(), None);
    assert!(manager.ask("device.info").is_some(), "the first noticed nothing");
}

#[test]
fn the_ready_file_says_where_it_is_and_is_nobody_elses() {
    let folder = demo();
    let emulator = Emulator::start(folder.path());
    let mut manager = Manager::connect(emulator.address());
    manager.receive().expect("it greets");
    let ready = emulator.ready_file();
    assert_eq!(ready["fingerprint"], manager.fingerprint());
    assert_eq!(ready["version"], program::VERSION);
    assert_eq!(
        Path::new(ready["state"].as_str().expect("a text")),
        folder.path().join("state")
    );
    assert!(ready["pid"].is_u64());
    for (path, mode) in [
        ("ready.json", 0o600),
        ("state", 0o700),
        ("state/state.redb", 0o600),
    ] {
        let metadata = folder.path().join(path).metadata().expect("it is there");
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
    }
}

#[test]
fn a_restart_keeps_the_fingerprint_and_the_device() {
    let folder = demo();
    let mut emulator = Emulator::start(folder.path());
    let fingerprint = emulator.fingerprint();
    emulator.signal("-TERM");
    assert!(emulator.end().success());
    let emulator = Emulator::start(folder.path());
    assert_eq!(emulator.fingerprint(), fingerprint);
    // It was on and enabled, so it is again, without a hand.
    Manager::connect(emulator.address()).receive().expect("it greets");
}

#[test]
fn a_new_device_starts_with_its_port_closed() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut command = run(folder.path());
    command.args(["--model", "cd"]);
    let mut emulator = Emulator::spawn(folder.path(), command);
    emulator.wait_for("ready: management port closed");
    assert!(emulator.ready_file()["management"].is_null());
    emulator.signal("-TERM");
    assert!(emulator.end().success());
    // It was switched on before, so this time it starts by itself, as the model that it is.
    let mut emulator = Emulator::start(folder.path());
    emulator.signal("-TERM");
    assert!(emulator.end().success(), "{}", emulator.said.join("\n"));
}

#[test]
fn every_signal_ends_it_cleanly_even_with_a_manager() {
    for signal in ["-TERM", "-HUP", "-INT"] {
        let folder = demo();
        let mut emulator = Emulator::start(folder.path());
        let mut manager = Manager::connect(emulator.address());
        manager.receive().expect("it greets");
        emulator.signal(signal);
        assert_eq!(emulator.end().code(), Some(0), "{}", emulator.said.join("\n"));
        assert!(!emulator.has_ready_file());
        assert_eq!(manager.receive(), None);
    }
}

#[test]
fn a_log_that_nobody_reads_any_more_ends_nothing() {
    let folder = demo();
    let mut emulator = Emulator::start_unheard(folder.path());
    for _ in 0..2 {
        let mut manager = Manager::connect(emulator.address());
        manager.receive().expect("it greets");
        manager.ask("session.close").expect("it answers");
        while manager.receive().is_some() {}
    }
    emulator.signal("-TERM");
    assert_eq!(emulator.end().code(), Some(0));
    assert!(!emulator.has_ready_file());
}

fn become_administrator(folder: &Path, emulator: &Emulator) -> Manager {
    let card = |name: &str| folder.join("cards").join(name);
    let mut first = Manager::connect(emulator.address());
    let outcome = present(&mut first, &card("ana.card"));
    assert_eq!(outcome["result"]["outcome"], "intermediary", "{outcome}");
    first.ask("session.close");
    let mut second = Manager::connect(emulator.address());
    let outcome = present(&mut second, &card("carla.card"));
    assert_eq!(outcome["result"]["outcome"], "administrator", "{outcome}");
    second
}

fn expect_last_line(manager: &mut Manager, reason: &str) {
    while let Some(line) = manager.receive() {
        if line["method"] == "session.closing" {
            assert_eq!(line["params"]["reason"], reason);
            return;
        }
    }
    panic!("no last line");
}

//= OP-02
#[test]
fn two_custodians_of_the_demo_restart_the_device_and_it_accepts_at_the_same_port() {
    let folder = demo();
    let mut emulator = Emulator::start(folder.path());
    let address = emulator.address();
    let mut manager = become_administrator(folder.path(), &emulator);
    let answer = manager
        .ask("ops.restart")
        .expect("it is answered before it happens");
    assert!(answer.get("result").is_some(), "{answer}");
    expect_last_line(&mut manager, "restart");
    emulator.wait_for("device started after remote restart");
    emulator.wait_for(&format!("management on {address}"));
    let opened = Manager::connect(address).receive().expect("it greets");
    assert_eq!(opened["method"], "session.opened");
}

//= OP-03
#[test]
fn a_device_switched_off_remotely_refuses_connections_until_the_program_is_started_again() {
    let folder = demo();
    let mut emulator = Emulator::start(folder.path());
    let address = emulator.address();
    let mut manager = become_administrator(folder.path(), &emulator);
    manager
        .ask("ops.power_off")
        .expect("it is answered before it happens");
    expect_last_line(&mut manager, "power_off");
    emulator.wait_for("the device is off");
    emulator.wait_for("management port closed");
    assert!(TcpStream::connect(address).is_err());
    assert!(emulator.ready_file()["management"].is_null());
    emulator.signal("-TERM");
    assert!(emulator.end().success());
    let mut emulator = Emulator::start(folder.path());
    Manager::connect(emulator.address()).receive().expect("it greets");
    emulator.signal("-TERM");
    emulator.end();
    let said = emulator.said.join("\n");
    assert!(said.contains("device started after remote switch-off"), "{said}");
}

#[test]
fn a_device_with_a_boot_delay_is_ready_when_it_has_started() {
    let folder = demo();
    let mut command = run(folder.path());
    command.args(["--boot-delay", "20s", "--log-level", "trace"]);
    let mut emulator = Emulator::spawn(folder.path(), command);
    emulator.wait_for("certificate fingerprint");
    assert!(!emulator.has_ready_file());
    emulator.signal("-TERM");
    assert_eq!(emulator.end().code(), Some(0));
}
