//! Peers of live sync over real TLS that are not what they should be: another key, another mode, a repeated challenge, a
//! stream that is cut or changed, a later form. Each is refused, both sides log it, and nothing is changed. The bytes
//! are those of `docs/live-sync.md`; the peer here has no code of the device.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    ops::DerefMut,
    path::Path,
    sync::Arc,
    thread,
};

use aws_lc_rs::hmac;
use hsm_core::{Change, ObjectId, SealedObject, Stored};
use hsm_emulator::Store;
use hsm_listener::Identity;
use protocol::OperatingMode;
use rustls::{ConnectionCommon, ServerConnection, SideData, StreamOwned};
use serde_json::json;

use crate::{
    emulator::{Emulator, PATIENCE, demo},
    manager::tls,
    nodes::{addresses, administrator, prepare, run, take},
    secrets::key_of_cards,
};

const HELLO: u8 = 1;
const CHALLENGE: u8 = 2;
const PROOF: u8 = 3;
const REFUSE: u8 = 4;
const IMAGE_BEGIN: u8 = 5;
const CHUNK: u8 = 6;
const TAKEN: u8 = 7;
const IMAGE_END: u8 = 8;
const DONE: u8 = 9;

const NRM: u8 = 0;
const RM1: u8 = 1;
const FORM: u16 = 2;

const OLD: u64 = 40;
const NEW: u64 = 500;

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend(u32::try_from(payload.len()).expect("it is short").to_be_bytes());
    frame.extend(payload);
    frame
}

/// The next frame, header included; `None` at the end, however that comes.
fn next_frame(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).ok()?;
    let [_, len @ ..] = header;
    let len = usize::try_from(u32::from_be_bytes(len)).expect("it fits");
    let mut frame = header.to_vec();
    frame.resize(5 + len, 0);
    stream.read_exact(&mut frame[5..]).ok()?;
    Some(frame)
}

fn tag(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, &parts.concat()).as_ref().to_vec()
}

/// What both ends take out of their TLS session.
fn exporter<S: SideData>(tls: &impl DerefMut<Target = ConnectionCommon<S>>) -> [u8; 32] {
    tls.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]))
        .expect("the handshake is complete")
}

fn hello(version: u16, mode: u8) -> Vec<u8> {
    let payload = [b"HSMS".as_slice(), &version.to_be_bytes(), &[mode], &[0x5A; 32]].concat();
    frame(HELLO, &payload)
}

fn challenge(form: u16, mode: u8) -> Vec<u8> {
    let payload = [
        &1_u16.to_be_bytes(),
        form.to_be_bytes().as_slice(),
        &[mode],
        &[0xA5; 32],
    ]
    .concat();
    frame(CHALLENGE, &payload)
}

fn row(kind: u8, key: &[u8], value: &[u8]) -> Vec<u8> {
    let key_len = u16::try_from(key.len()).expect("it is short").to_be_bytes();
    let value_len = u32::try_from(value.len()).expect("it is short").to_be_bytes();
    [&[kind], key_len.as_slice(), &value_len, key, value].concat()
}

/// What a source may do that no source does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    LaterVersion,
    LaterForm,
    OtherMode,
    OtherKey,
    /// The announcement has a later form than the challenge.
    LaterImage,
    /// It ends the connection in the middle.
    Truncated,
    /// A bit of a record is another than the one that was sealed.
    Altered,
    /// The end says one chunk less.
    Shorter,
    /// Nobody of the image is `master`.
    NoMaster,
    /// A frame is said to be longer than any may be.
    TooLong,
    None,
}

const LIES: [(Lie, &str); 10] = [
    (Lie::LaterVersion, "protocol_version"),
    (Lie::LaterForm, "image_format"),
    (Lie::OtherMode, "mode_mismatch"),
    (Lie::OtherKey, "svmk_mismatch"),
    (Lie::LaterImage, "image_format"),
    (Lie::Truncated, "link_lost"),
    (Lie::Altered, "image_damaged"),
    (Lie::Shorter, "image_damaged"),
    (Lie::NoMaster, "image_damaged"),
    (Lie::TooLong, "protocol_error"),
];

/// What a source has.
struct Image {
    key: Vec<u8>,
    users: Vec<(ObjectId, SealedObject)>,
}

/// A source that tells one lie, on one connection. Gives the last frame that it got.
fn lie(listener: &TcpListener, image: &Image, lie: Lie) -> Option<Vec<u8>> {
    let (socket, _) = listener.accept().expect("the target comes");
    socket.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    let identity = Identity::generate("TXP0000001").expect("the library makes one");
    let config = identity.server_config().expect("TLS accepts it");
    let tls = ServerConnection::new(Arc::clone(&config)).expect("the configuration is fine");
    let mut stream = StreamOwned::new(tls, socket);
    let hello = next_frame(&mut stream).expect("the target says hello");
    assert_eq!(hello[0], HELLO);
    let mut challenge = challenge(
        if lie == Lie::LaterForm { FORM + 1 } else { FORM },
        if lie == Lie::OtherMode { RM1 } else { NRM },
    );
    if lie == Lie::LaterVersion {
        challenge[6] = 2;
    }
    let transcript = [exporter(&stream.conn).as_slice(), &hello, &challenge].concat();
    let key = tag(&image.key, &[b"hsm-rig: live sync, version 1"]);
    stream.write_all(&challenge).ok()?;
    let proof = next_frame(&mut stream)?;
    if proof[0] != PROOF {
        return Some(proof);
    }
    assert_eq!(proof[5..], tag(&key, &[b"target", &transcript]));
    let mut proof = tag(&key, &[b"source", &transcript]);
    if lie == Lie::OtherKey {
        proof[0] ^= 1;
    }
    stream.write_all(&frame(PROOF, &proof)).ok()?;
    let head =
        json!({"replication_domain": null, "nodes": ["127.0.0.3"], "ntp": [], "password_policy": null});
    let users = if lie == Lie::NoMaster {
        &[]
    } else {
        &image.users[..]
    };
    let mut first = row(1, &[], head.to_string().as_bytes());
    for (id, sealed) in users {
        first.extend(row(2, id.as_bytes(), sealed.as_bytes()));
    }
    let (mut second, mut bytes) = (Vec::new(), 0_u64);
    for number in 0..NEW {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        second.extend(row(3, &id, &[0xCC; 100]));
        bytes += 132;
    }
    let form = if lie == Lie::LaterImage { FORM + 1 } else { FORM };
    let users_len = u32::try_from(users.len()).expect("they are few");
    let begin = [
        form.to_be_bytes().as_slice(),
        &users_len.to_be_bytes(),
        &NEW.to_be_bytes(),
        &bytes.to_be_bytes(),
    ]
    .concat();
    stream.write_all(&frame(IMAGE_BEGIN, &begin)).ok()?;
    let stream_key = tag(&key, &[b"stream", &transcript]);
    let seal = tag(&stream_key, &[&first, &second]);
    let len = u64::try_from(first.len() + second.len()).expect("it fits");
    let chunks: u64 = if lie == Lie::Shorter { 1 } else { 2 };
    let end = [chunks.to_be_bytes().as_slice(), &len.to_be_bytes(), &seal].concat();
    if lie == Lie::Altered {
        *second.last_mut().expect("it is not empty") ^= 1;
    }
    stream.write_all(&frame(CHUNK, &first)).ok()?;
    if lie == Lie::TooLong {
        stream.write_all(&[CHUNK, 0, 2, 0, 1]).ok()?;
    } else {
        stream.write_all(&frame(CHUNK, &second)).ok()?;
    }
    if lie == Lie::Truncated {
        stream.conn.send_close_notify();
        let _ = stream.flush();
        return None;
    }
    if lie != Lie::TooLong {
        stream.write_all(&frame(IMAGE_END, &end)).ok()?;
    }
    loop {
        let next = next_frame(&mut stream)?;
        if next[0] != TAKEN {
            return Some(next);
        }
    }
}

/// The number of each reason.
fn code(reason: &str) -> u8 {
    match reason {
        "protocol_version" => 1,
        "image_format" => 2,
        "mode_mismatch" => 3,
        "svmk_mismatch" => 4,
        "protocol_error" => 8,
        "image_damaged" => 9,
        other => panic!("{other} is not said on the wire"),
    }
}

fn stored(folder: &Path) -> (Stored, Vec<(ObjectId, SealedObject)>) {
    let (store, kept) = Store::open(&folder.join("state"))
        .expect("it is whole")
        .expect("it is there");
    let objects = store.objects().expect("they are there");
    // A start and a stop write why.
    let stored = Stored {
        last_stop: hsm_core::LastStop::PowerCut,
        ..kept.stored
    };
    (stored, objects)
}

fn stop(emulator: &mut Emulator) {
    emulator.signal("-TERM");
    assert!(emulator.end().success(), "{}", emulator.said.join("\n"));
}

//= LS-01
//= LS-03
#[test]
fn a_source_that_lies_is_refused_and_logged_and_one_that_does_not_is_believed() {
    let demo = demo();
    let cards = demo.path().join("cards");
    let scratch = tempfile::tempdir().expect("there is room");
    let [address, source_address] = addresses();
    let folder = scratch.path().join("target");
    prepare(demo.path(), &folder, OLD, 0xAA, source_address.ip());
    // Its first activation seals its users.
    let mut target = run(&folder, address);
    drop(administrator(address, &cards));
    stop(&mut target);
    let old = stored(&folder);
    let image = Image {
        key: key_of_cards(&cards),
        users: old.0.sealed_users.clone().into_iter().collect(),
    };
    assert_eq!(image.users.len(), 1);

    let listener = TcpListener::bind(source_address).expect("it was free");
    let mut target = run(&folder, address);
    let mut manager = administrator(address, &cards);
    for (told, reason) in LIES {
        let last = thread::scope(|scope| {
            let source = scope.spawn(|| lie(&listener, &image, told));
            let (answer, _) = take(&mut manager);
            assert_eq!(answer["error"]["data"]["reason"], reason, "{told:?}: {answer}");
            source.join().expect("it says its lie")
        });
        target.wait_for(&format!(
            "live sync from {} failed: {reason}",
            source_address.ip()
        ));
        if told != Lie::Truncated {
            assert_eq!(last, Some(frame(REFUSE, &[code(reason)])), "{told:?}");
        }
        let info = manager.ask("device.info").expect("it goes on serving");
        assert_eq!(info["result"]["objects"], OLD, "{told:?}");
    }
    drop(manager);
    stop(&mut target);
    assert_eq!(stored(&folder), old);

    // And all of it without a lie is a database.
    let mut target = run(&folder, address);
    let mut manager = administrator(address, &cards);
    let last = thread::scope(|scope| {
        let source = scope.spawn(|| lie(&listener, &image, Lie::None));
        let (answer, _) = take(&mut manager);
        assert_eq!(answer["result"]["objects"], NEW, "{answer}");
        source.join().expect("it says all of it")
    });
    assert_eq!(last, Some(frame(DONE, &[])));
    drop(manager);
    stop(&mut target);
    assert_eq!(stored(&folder).0.objects.count, NEW);
}

/// Says hello to a source and gives what it answers.
fn greet(address: SocketAddr, hello: &[u8]) -> Vec<u8> {
    let mut stream = tls(address, b"hsm-sync/1");
    stream.write_all(hello).expect("it reads");
    next_frame(&mut stream).expect("it answers")
}

//= LS-01
#[test]
fn a_target_that_lies_or_repeats_what_another_proved_gets_nothing_and_is_logged() {
    let demo = demo();
    let cards = demo.path().join("cards");
    let scratch = tempfile::tempdir().expect("there is room");
    let [target_address, address] = addresses();
    let [target_folder, folder] = ["target", "source"].map(|name| scratch.path().join(name));
    prepare(demo.path(), &target_folder, OLD, 0xAA, address.ip());
    prepare(demo.path(), &folder, NEW, 0xBB, target_address.ip());
    let mut source = run(&folder, address);
    drop(administrator(address, &cards));
    let mut refused = |why: &str| {
        source.wait_for(&format!("refused or lost: {why}"));
    };

    assert_eq!(greet(address, &hello(1, RM1)), frame(REFUSE, &[3]));
    refused("mode_mismatch");
    assert_eq!(greet(address, &hello(2, NRM)), frame(REFUSE, &[1]));
    refused("protocol_version");
    assert_eq!(greet(address, &frame(TAKEN, &[0; 8])), frame(REFUSE, &[8]));
    refused("protocol_error");

    // Somebody between the two hands over every frame as it is: hello, challenge and proof are those of the target, and
    // the proof is worth nothing, since the two TLS sessions are not one.
    let mut target = run(&target_folder, target_address);
    let mut manager = administrator(target_address, &cards);
    drop(manager.ask("device.info"));
    stop(&mut source);
    let between = TcpListener::bind(address).expect("the source has left it");
    // The source goes elsewhere.
    let elsewhere = SocketAddr::new([127, 0, 0, 4].into(), address.port());
    let mut source = run(&folder, elsewhere);
    drop(administrator(elsewhere, &cards));
    let recorded = thread::scope(|scope| {
        let relay = scope.spawn(|| {
            let (socket, _) = between.accept().expect("the target comes");
            let identity = Identity::generate("TXP0000001").expect("the library makes one");
            let config = identity.server_config().expect("TLS accepts it");
            let conn = ServerConnection::new(Arc::clone(&config)).expect("the configuration is fine");
            let mut to_target = StreamOwned::new(conn, socket);
            let mut to_source = tls(elsewhere, b"hsm-sync/1");
            let hello = next_frame(&mut to_target).expect("hello");
            to_source.write_all(&hello).expect("it reads");
            let challenge = next_frame(&mut to_source).expect("a challenge");
            assert_eq!(challenge[0], CHALLENGE);
            to_target.write_all(&challenge).expect("it reads");
            let proof = next_frame(&mut to_target).expect("a proof");
            assert_eq!(proof[0], PROOF);
            to_source.write_all(&proof).expect("it reads");
            let refusal = next_frame(&mut to_source).expect("a refusal");
            assert_eq!(refusal, frame(REFUSE, &[4]));
            to_target.write_all(&refusal).expect("it reads");
            [hello, proof]
        });
        let (answer, _) = take(&mut manager);
        assert_eq!(answer["error"]["data"]["reason"], "svmk_mismatch", "{answer}");
        relay.join().expect("it hands over")
    });
    source.wait_for("refused or lost: svmk_mismatch");
    target.wait_for("failed: svmk_mismatch");

    // The recording again: the challenge is another one, and so is the session.
    let mut stream = tls(elsewhere, b"hsm-sync/1");
    let [hello, proof] = &recorded;
    stream.write_all(hello).expect("it reads");
    let challenge = next_frame(&mut stream).expect("a challenge");
    assert_eq!(challenge[0], CHALLENGE);
    stream.write_all(proof).expect("it reads");
    assert_eq!(next_frame(&mut stream), Some(frame(REFUSE, &[4])));
    assert_eq!(next_frame(&mut stream), None, "and not one row");

    let info = manager.ask("device.info").expect("it goes on serving");
    assert_eq!(info["result"]["objects"], OLD);
    drop(manager);
    stop(&mut source);
    stop(&mut target);
    assert_eq!(stored(&folder).0.objects.count, NEW);
    assert_eq!(stored(&target_folder).0.objects.count, OLD);
}

//= LS-01
#[test]
fn two_programs_with_different_keys_or_modes_take_nothing_from_one_another() {
    let demos = [demo(), demo()];
    let cards = demos.each_ref().map(|demo| demo.path().join("cards"));
    for (other_key, reason) in [(true, "svmk_mismatch"), (false, "mode_mismatch")] {
        let scratch = tempfile::tempdir().expect("there is room");
        let [target_address, source_address] = addresses();
        let [target_folder, source_folder] = ["target", "source"].map(|name| scratch.path().join(name));
        let of_source = usize::from(other_key);
        prepare(demos[0].path(), &target_folder, OLD, 0xAA, source_address.ip());
        prepare(
            demos[of_source].path(),
            &source_folder,
            NEW,
            0xBB,
            target_address.ip(),
        );
        if !other_key {
            let (store, _) = Store::open(&source_folder.join("state"))
                .expect("it is whole")
                .expect("it is there");
            store
                .persist(&[Change::Mode(OperatingMode::Rm1)])
                .expect("there is room");
        }
        let mut target = run(&target_folder, target_address);
        let mut source = run(&source_folder, source_address);
        drop(administrator(source_address, &cards[of_source]));
        let mut manager = administrator(target_address, &cards[0]);
        let (answer, _) = take(&mut manager);
        assert_eq!(answer["error"]["data"]["reason"], reason, "{answer}");
        target.wait_for(&format!("failed: {reason}"));
        source.wait_for(&format!("refused or lost: {reason}"));
        drop(manager);
        stop(&mut target);
        stop(&mut source);
        assert_eq!(stored(&target_folder).0.objects.count, OLD);
        assert_eq!(stored(&source_folder).0.objects.count, NEW);
        fs::remove_dir_all(scratch.path()).expect("it is ours");
    }
}
