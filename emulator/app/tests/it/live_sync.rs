//! Database live sync between two real programs on loopback: whole, refused, and with the source killed in the middle.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
};

use hsm_core::{Change, ObjectId, SealedObject};
use hsm_emulator::Store;
use serde_json::{Value, json};

use crate::{
    custodian::present,
    emulator::{BINARY, Emulator, demo},
    manager::Manager,
};

/// Two addresses of this computer with one port that is free at both.
fn addresses() -> [SocketAddr; 2] {
    let ip = |last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    for _ in 0..100 {
        let one = TcpListener::bind((ip(2), 0)).expect("there is a free port");
        let port = one.local_addr().expect("it is bound").port();
        if TcpListener::bind((ip(3), port)).is_ok() {
            return [ip(2), ip(3)].map(|ip| SocketAddr::new(ip, port));
        }
    }
    panic!("no port is free at both addresses")
}

/// Records of the size of a sealed key. Nothing opens them on their way.
fn objects(count: u64, filling: u8) -> Vec<(ObjectId, SealedObject)> {
    let object = |number: u64| {
        let mut id = [filling; ObjectId::BYTES];
        id[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        (ObjectId::new(id), SealedObject::new(vec![filling; 300]).expect("it is short"))
    };
    (0..count).map(object).collect()
}

/// A device of the demo's set with so many objects and this node in its list.
fn prepare(demo: &Path, folder: &Path, count: u64, filling: u8, node: IpAddr) {
    fs::create_dir_all(folder.join("state")).expect("there is room");
    fs::copy(demo.join("state/state.redb"), folder.join("state/state.redb")).expect("there is room");
    let (store, _) = Store::open(&folder.join("state")).expect("it is whole").expect("it is there");
    store.add_objects(&objects(count, filling)).expect("there is room");
    store.persist(&[Change::Nodes(vec![node])]).expect("there is room");
}

fn run(folder: &Path, address: SocketAddr) -> Emulator {
    let mut command = Command::new(BINARY);
    command
        .args(["run", "--headless", "--listen", &address.to_string(), "--ready-file"])
        .arg(folder.join("ready.json"))
        .arg("--state")
        .arg(folder.join("state"));
    let mut emulator = Emulator::spawn(folder, command);
    emulator.wait_for("ready: ");
    emulator
}

/// The administrator of the device at this address.
fn administrator(address: SocketAddr, cards: &Path) -> Manager {
    let mut manager = Manager::connect(address);
    manager.receive().expect("it is opened");
    let mut cards: Vec<PathBuf> = fs::read_dir(cards)
        .expect("the demo made them")
        .map(|card| card.expect("it is there").path())
        .collect();
    cards.sort();
    for card in &cards {
        let answer = present(&mut manager, card);
        if answer["result"]["outcome"] == "administrator" {
            return manager;
        }
    }
    panic!("the set was not accepted")
}

fn take(manager: &mut Manager) -> (Value, Vec<u64>) {
    manager
        .send(&json!({"jsonrpc": "2.0", "id": 9, "method": "ops.live_sync", "params": {"confirm": "TXP0000001"}}))
        .expect("the session is open");
    let mut percents = Vec::new();
    loop {
        let message = manager.receive().expect("the session is open");
        if message["id"] == 9 && message.get("method").is_none() {
            return (message, percents);
        }
        if message["method"] == "operation.progress" {
            percents.push(message["params"]["percent"].as_u64().expect("a number"));
        }
    }
}

fn kept(folder: &Path) -> Vec<(ObjectId, SealedObject)> {
    let (store, _) = Store::open(&folder.join("state")).expect("it is whole").expect("it is there");
    store.objects().expect("they are there")
}

//= OP-05
#[test]
fn one_program_takes_the_database_of_another_while_that_one_runs() {
    let demo = demo();
    let folder = tempfile::tempdir().expect("there is room");
    let [target_address, source_address] = addresses();
    let [target_folder, source_folder] = ["target", "source"].map(|name| folder.path().join(name));
    prepare(demo.path(), &target_folder, 50, 0xAA, source_address.ip());
    prepare(demo.path(), &source_folder, 5_000, 0xBB, target_address.ip());
    let mut target = run(&target_folder, target_address);
    let mut source = run(&source_folder, source_address);
    let cards = demo.path().join("cards");
    let mut at_target = administrator(target_address, &cards);

    // Not activated, the source has no key to prove.
    let (refused, _) = take(&mut at_target);
    assert_eq!(refused["error"]["data"]["reason"], "node_service_not_started", "{refused}");

    let mut at_source = administrator(source_address, &cards);
    let (done, percents) = take(&mut at_target);
    assert_eq!(done["result"]["objects"], 5_000, "{done}");
    assert!(percents.len() > 2 && percents.is_sorted(), "{percents:?}");
    assert!(at_source.ask("device.header").is_some(), "it goes on serving");
    let info = at_target.ask("device.info").expect("the session is open");
    assert_eq!(info["result"]["objects"], 5_000);
    for emulator in [&mut target, &mut source] {
        emulator.signal("-TERM");
        emulator.end();
    }
    assert_eq!(kept(&target_folder), kept(&source_folder));
}

//= LS-03
#[test]
fn a_source_that_is_killed_in_the_middle_leaves_the_old_database() {
    let demo = demo();
    let folder = tempfile::tempdir().expect("there is room");
    let [target_address, source_address] = addresses();
    let [target_folder, source_folder] = ["target", "source"].map(|name| folder.path().join(name));
    prepare(demo.path(), &target_folder, 50, 0xAA, source_address.ip());
    prepare(demo.path(), &source_folder, 60_000, 0xBB, target_address.ip());
    let mut target = run(&target_folder, target_address);
    let source = run(&source_folder, source_address);
    let cards = demo.path().join("cards");
    drop(administrator(source_address, &cards));
    let mut manager = administrator(target_address, &cards);
    manager
        .send(&json!({"jsonrpc": "2.0", "id": 9, "method": "ops.live_sync", "params": {"confirm": "TXP0000001"}}))
        .expect("the session is open");
    let mut source = Some(source);
    let answer = loop {
        let message = manager.receive().expect("the session is open");
        if message["id"] == 9 && message.get("method").is_none() {
            break message;
        }
        if message["params"]["percent"].as_u64() > Some(4)
            && let Some(mut source) = source.take()
        {
            source.signal("-KILL");
        }
    };
    assert_eq!(answer["error"]["data"]["reason"], "link_lost", "{answer}");
    target.signal("-TERM");
    target.end();
    assert_eq!(kept(&target_folder), {
        let mut old = objects(50, 0xAA);
        old.sort();
        old
    });
}
