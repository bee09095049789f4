//! Live sync of a large database between two real programs, beside a loop that sends the same bytes over TLS and inserts
//! them into an empty database in one transaction. Prints a table and judges nothing.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a table for people is what this program is for"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/custodian.rs"]
mod custodian;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/emulator.rs"]
mod emulator;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/manager.rs"]
mod manager;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/nodes.rs"]
mod nodes;

use std::{
    fs,
    io::{BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use hsm_core::{ObjectId, SealedObject};
use hsm_emulator::Store;
use hsm_listener::Identity;
use redb::{Builder, TableDefinition};
use rustls::{ServerConnection, StreamOwned};

const OBJECTS: u64 = 100_000;
/// As many bytes of the file as the store of a device keeps in memory.
const CACHE_BYTES: usize = 256 * 1024;
/// The two are measured in turns, and who begins changes, since others may use the computer.
const ROUNDS: usize = 7;

fn main() {
    let demo = emulator::demo();
    let folder = tempfile::tempdir().expect("there is room");
    let objects = nodes::objects(OBJECTS, 0xBB);
    let bytes: usize = objects
        .iter()
        .map(|(_, sealed)| sealed.as_bytes().len() + ObjectId::BYTES)
        .sum();
    println!("live sync of {OBJECTS} objects, {:.1} MB", bytes as f64 / 1e6);
    let mut synced = Vec::new();
    let mut looped = Vec::new();
    let mut memory = (String::new(), String::new());
    for round in 0..ROUNDS {
        let sync_first = round % 2 == 0;
        for is_sync in [sync_first, !sync_first] {
            if is_sync {
                let (took, seen) = live_sync(demo.path(), &folder.path().join(format!("round{round}")));
                synced.push(took);
                memory = seen;
            } else {
                let path = folder.path().join(format!("loop{round}.redb"));
                looped.push(plain_loop(&objects, &path));
            }
        }
    }
    println!(
        "{:<44} {:>9} {:>9} {:>17}",
        format!("median of {ROUNDS}"),
        "s",
        "MB/s",
        "least to most, s"
    );
    let synced = row("hsm-sync/1 between two programs", synced, bytes);
    let looped = row("TLS and one transaction, a plain loop", looped, bytes);
    println!(
        "{:<44} {:>9.2}",
        "ratio of the rates (goal: 0.5)",
        looped.as_secs_f64() / synced.as_secs_f64()
    );
    println!(
        "{:<44} {:>9} {:>9}",
        "most memory, target and source (VmHWM)", memory.0, memory.1
    );
    openings(demo.path(), folder.path());
}

/// How long it takes to open what a program left that was killed, with all objects and without one, in turns.
fn openings(demo: &Path, folder: &Path) {
    let [empty_address, node] = nodes::addresses();
    let empty = folder.join("empty");
    nodes::prepare(demo, &empty, 0, 0, node.ip());
    let mut killed = nodes::run(&empty, empty_address);
    drop(nodes::administrator(empty_address, &demo.join("cards")));
    killed.signal("-KILL");
    killed.end();
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (took, killed) in took.iter_mut().zip([&folder.join("round0/source"), &empty]) {
            let state = folder.join("opened");
            let _ = fs::remove_dir_all(&state);
            fs::create_dir(&state).expect("there is room");
            fs::copy(killed.join("state/state.redb"), state.join("state.redb")).expect("there is room");
            let begin = Instant::now();
            let opened = Store::open(&state).expect("it is whole");
            took.push(begin.elapsed());
            assert!(opened.is_some());
        }
    }
    let [full, empty] = took;
    row("opening after a kill, with all objects", full, 0);
    row("opening after a kill, with none", empty, 0);
}

/// Prints the median of these times, its rate if there are bytes, and how far apart they are. Gives the median.
fn row(name: &str, mut took: Vec<Duration>, bytes: usize) -> Duration {
    took.sort();
    let median = took[took.len() / 2];
    let rate = if bytes == 0 {
        String::new()
    } else {
        format!("{:.1}", bytes as f64 / 1e6 / median.as_secs_f64())
    };
    let spread = match &took[..] {
        [least, .., most] => format!("{:.3} to {:.3}", least.as_secs_f64(), most.as_secs_f64()),
        _ => String::new(),
    };
    println!("{name:<44} {:>9.3} {rate:>9} {spread:>17}", median.as_secs_f64());
    median
}

/// How long the target's administrator waits, and the most memory of both programs.
fn live_sync(demo: &Path, folder: &Path) -> (Duration, (String, String)) {
    let [target_address, source_address] = nodes::addresses();
    let [target_folder, source_folder] = ["target", "source"].map(|name| folder.join(name));
    nodes::prepare(demo, &target_folder, 0, 0xAA, source_address.ip());
    nodes::prepare(demo, &source_folder, OBJECTS, 0xBB, target_address.ip());
    let mut target = nodes::run(&target_folder, target_address);
    let mut source = nodes::run(&source_folder, source_address);
    let cards = demo.join("cards");
    drop(nodes::administrator(source_address, &cards));
    let mut manager = nodes::administrator(target_address, &cards);
    let begin = Instant::now();
    let (answer, _) = nodes::take(&mut manager);
    let took = begin.elapsed();
    assert_eq!(answer["result"]["objects"], OBJECTS, "{answer}");
    let memory = (most_memory(target.pid()), most_memory(source.pid()));
    source.signal("-KILL");
    target.signal("-KILL");
    source.end();
    target.end();
    (took, memory)
}

fn most_memory(pid: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.expect("Linux says it").trim().to_owned()
}

/// The same bytes over TLS on loopback, inserted into an empty database in one transaction.
fn plain_loop(objects: &[(ObjectId, SealedObject)], path: &Path) -> Duration {
    const TABLE: TableDefinition<'_, &[u8; ObjectId::BYTES], &[u8]> = TableDefinition::new("objects");
    let config = Identity::generate("TXP0000001").expect("the library makes one");
    let config = config.server_config().expect("TLS accepts it");
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let mut sorted = objects.to_vec();
    sorted.sort();
    let begin = Instant::now();
    let sender = thread::spawn(move || {
        let (socket, _) = listener.accept().expect("somebody comes");
        let tls = ServerConnection::new(Arc::clone(&config)).expect("the configuration is fine");
        let mut stream = StreamOwned::new(tls, socket);
        let mut chunk = Vec::new();
        for (id, sealed) in &sorted {
            chunk.extend_from_slice(
                &u32::try_from(sealed.as_bytes().len())
                    .expect("it is short")
                    .to_be_bytes(),
            );
            chunk.extend_from_slice(id.as_bytes());
            chunk.extend_from_slice(sealed.as_bytes());
            if chunk.len() > 100_000 {
                stream.write_all(&chunk).expect("somebody reads");
                chunk.clear();
            }
        }
        stream.write_all(&chunk).expect("somebody reads");
        stream.conn.send_close_notify();
        stream.flush().expect("somebody reads");
    });
    let socket = TcpStream::connect(address).expect("it accepts");
    let mut stream = BufReader::with_capacity(128 * 1024, manager::tls_over(address, socket, protocol::ALPN));
    let database = Builder::new()
        .create_with_file_format_v3(true)
        .set_cache_size(CACHE_BYTES)
        .create(path)
        .expect("there is room");
    let transaction = database.begin_write().expect("nobody else writes");
    let mut table = transaction.open_table(TABLE).expect("it is new");
    for _ in objects {
        let (mut len, mut id) = ([0; 4], [0; ObjectId::BYTES]);
        stream.read_exact(&mut len).expect("it comes");
        stream.read_exact(&mut id).expect("it comes");
        let len = usize::try_from(u32::from_be_bytes(len)).expect("it is short");
        let mut sealed = vec![0; len];
        stream.read_exact(&mut sealed).expect("it comes");
        table.insert(&id, sealed.as_slice()).expect("there is room");
    }
    drop(table);
    transaction.commit().expect("there is room");
    let took = begin.elapsed();
    sender.join().expect("it has sent everything");
    took
}
