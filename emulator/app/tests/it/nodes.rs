//! Two emulators on loopback that are nodes of one another, with databases that were put there.

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
    emulator::{BINARY, Emulator},
    manager::Manager,
};

/// Two addresses of this computer with one port that is free at both.
pub(crate) fn addresses() -> [SocketAddr; 2] {
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
pub(crate) fn objects(count: u64, filling: u8) -> Vec<(ObjectId, SealedObject)> {
    let object = |number: u64| {
        let mut id = [filling; ObjectId::BYTES];
        id[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        (
            ObjectId::new(id),
            SealedObject::new(vec![filling; 300]).expect("it is short"),
        )
    };
    (0..count).map(object).collect()
}

/// A device of the demo's set with so many objects and this node in its list.
pub(crate) fn prepare(demo: &Path, folder: &Path, count: u64, filling: u8, node: IpAddr) {
    fs::create_dir_all(folder.join("state")).expect("there is room");
    fs::copy(demo.join("state/state.redb"), folder.join("state/state.redb")).expect("there is room");
    let (store, _) = Store::open(&folder.join("state"))
        .expect("it is whole")
        .expect("it is there");
    store
        .add_objects(&objects(count, filling))
        .expect("there is room");
    store
        .persist(&[Change::Nodes(vec![node])])
        .expect("there is room");
}

pub(crate) fn run(folder: &Path, address: SocketAddr) -> Emulator {
    let mut command = Command::new(BINARY);
    command
        .args([
            "run",
            "--headless",
            "--listen",
            &address.to_string(),
            "--ready-file",
        ])
        .arg(folder.join("ready.json"))
        .arg("--state")
        .arg(folder.join("state"));
    let mut emulator = Emulator::spawn(folder, command);
    emulator.wait_for("ready: ");
    emulator
}

/// The administrator of the device at this address.
pub(crate) fn administrator(address: SocketAddr, cards: &Path) -> Manager {
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

/// The answer to a live sync, and the percents that were told meanwhile.
pub(crate) fn take(manager: &mut Manager) -> (Value, Vec<u64>) {
    let mut percents = Vec::new();
    let answer = take_watched(manager, |percent| percents.push(percent));
    (answer, percents)
}

/// The same, with a hand that sees each percent as it is told.
pub(crate) fn take_watched(manager: &mut Manager, mut on_percent: impl FnMut(u64)) -> Value {
    manager
        .send(&json!({"jsonrpc": "2.0", "id": 9, "method": "ops.live_sync", "params": {"confirm": "TXP0000001"}}))
        .expect("the session is open");
    loop {
        let message = manager.receive().expect("the session is open");
        if message["id"] == 9 && message.get("method").is_none() {
            return message;
        }
        if message["method"] == "operation.progress" {
            on_percent(message["params"]["percent"].as_u64().expect("a number"));
        }
    }
}
