//! What the program leaves behind, searched for what it must not: keys, shadows, shares, PINs and passwords, in every
//! way in which bytes are written down. Cards apart, which are meant to hold them.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use hsm_emulator::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    custodian::present_with,
    emulator::{Emulator, demo, run_limited},
    hand::Bench,
    manager::Manager,
};

/// Not the PIN of a demo: that one is the factory's password as well, which is no secret.
const PIN: &str = "73519402";
const WRONG_PIN: &str = "90417268";
const PASSWORD: &str = "walnut escapement";
const NEW_PASSWORD: &str = "Übermäßig geheim";
const WRONG_PASSWORD: &str = "quartz regulator";
const CUSTODIANS: [&str; 3] = ["ana", "bruno", "carla"];
/// An hour of virtual time has this many minutes, and something is done in each.
const MINUTES: u64 = 60;
const REAL_TIME: Duration = Duration::from_secs(10);

/// Something that must not be found.
struct Secret {
    name: String,
    spellings: Vec<Vec<u8>>,
}

impl Secret {
    fn new(name: &str, bytes: &[u8]) -> Self {
        assert!(bytes.len() >= 8, "{name}: less would be found by chance");
        Self {
            name: name.into(),
            spellings: spellings(bytes),
        }
    }
}

/// The ways in which bytes are written down: raw, hexadecimal, base64 wherever they begin in it, a list of numbers,
/// a text in JSON.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut spellings = vec![
        secret.to_vec(),
        HEXLOWER.encode(secret).into_bytes(),
        HEXUPPER.encode(secret).into_bytes(),
        secret
            .iter()
            .map(u8::to_string)
            .collect::<Vec<_>>()
            .join(",")
            .into_bytes(),
        secret
            .iter()
            .map(u8::to_string)
            .collect::<Vec<_>>()
            .join(", ")
            .into_bytes(),
    ];
    if let Ok(text) = str::from_utf8(secret) {
        let escaped = |character: char| match character {
            ' '..='~' => character.to_string(),
            _ => format!("\\u{:04x}", u32::from(character)),
        };
        spellings.push(text.chars().map(escaped).collect::<String>().into_bytes());
    }
    for before in 0..3 {
        let moved = [&vec![0; before], secret].concat();
        // Without the characters that hold bits of a neighbour.
        let characters = (8 * before).div_ceil(6)..8 * moved.len() / 6;
        for encoding in [BASE64_NOPAD, BASE64URL_NOPAD] {
            spellings.push(encoding.encode(&moved).as_bytes()[characters.clone()].to_vec());
        }
    }
    spellings
}

/// Which secrets are found in these files, and where. One pass over each file, whatever the number of secrets.
fn search(files: &[(PathBuf, Vec<u8>)], secrets: &[Secret]) -> Vec<String> {
    let mut by_beginning: Vec<Vec<(&Secret, &[u8])>> = vec![Vec::new(); 1 << 16];
    for secret in secrets {
        for spelling in &secret.spellings {
            by_beginning[beginning(spelling)].push((secret, spelling));
        }
    }
    let mut found = Vec::new();
    for (path, content) in files {
        for at in 0..content.len().saturating_sub(1) {
            for (secret, spelling) in &by_beginning[beginning(&content[at..])] {
                if content[at..].starts_with(spelling) {
                    found.push(format!("{} in {} at {at}", secret.name, path.display()));
                }
            }
        }
    }
    found
}

fn beginning(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// Every file in a folder but the cards, and those below it.
fn files_in(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in folder.read_dir().expect("it is there") {
        let path = entry.expect("it is readable").path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else if path.extension().is_none_or(|extension| extension != "card") {
            let content = fs::read(&path).expect("it is readable");
            files.push((path, content));
        }
    }
    files
}

/// The shadow of a card.
fn shadow_of(card: &Path) -> Vec<u8> {
    let text = fs::read_to_string(card).expect("it is there");
    let line = text.lines().find_map(|line| line.strip_prefix("shadow = \""));
    let hex = line.expect("a card has a shadow").trim_end_matches('"');
    HEXUPPER.decode(hex.as_bytes()).expect("hexadecimal digits")
}

/// Where the index and the share are in a shadow. docs/fidelity.md: `SVMK`, version, set id, purpose, M, N, index, check
/// value, share, checksum.
const INDEX: usize = 16;
const SHARE: Range<usize> = 20..52;

/// The key that two shadows of a set of two of N give.
fn key_of(first: &[u8], second: &[u8]) -> Vec<u8> {
    let (x, y) = (first[INDEX], second[INDEX]);
    let inverse = (1..=u8::MAX).find(|inverse| multiply(*inverse, x ^ y) == 1);
    let inverse = inverse.expect("every element but 0 has one");
    let bytes = first[SHARE].iter().zip(&second[SHARE]);
    bytes
        .map(|(a, b)| multiply(multiply(*a, y) ^ multiply(*b, x), inverse))
        .collect()
}

/// The Server Master Key of a folder of cards, two of which give it.
pub(crate) fn key_of_cards(folder: &Path) -> Vec<u8> {
    let [first, second] = [CUSTODIANS[0], CUSTODIANS[1]].map(|custodian| shadow_of(&card(folder, custodian)));
    key_of(&first, &second)
}

/// What the cards of a set hold, and the key that two of them give together.
fn secrets_of_cards(folder: &Path) -> Vec<Secret> {
    let shadows = CUSTODIANS.map(|custodian| shadow_of(&card(folder, custodian)));
    let mut secrets = Vec::new();
    for (custodian, shadow) in CUSTODIANS.iter().zip(&shadows) {
        secrets.push(Secret::new(&format!("shadow of {custodian}"), shadow));
        secrets.push(Secret::new(&format!("share of {custodian}"), &shadow[SHARE]));
    }
    let key = key_of(&shadows[0], &shadows[1]);
    assert_eq!(key, key_of(&shadows[1], &shadows[2]), "any two give the same key");
    secrets.push(Secret::new("Server Master Key", &key));
    secrets
}

/// In the field of AES (FIPS 197, section 4.2).
fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b > 0 {
        product ^= if b & 1 == 1 { a } else { 0 };
        a = (a << 1) ^ if a & 0x80 == 0 { 0 } else { 0x1B };
        b >>= 1;
    }
    product
}

/// The key of a Pocket, and what its password derives to: opened with the password, as the device does.
fn secrets_of_pocket(state: &Path, password: &str) -> Vec<Secret> {
    let (_, kept) = Store::open(state).expect("it is whole").expect("it is there");
    let activation = serde_json::to_value(kept.stored.activation).expect("it is JSON");
    let bytes = |value: &Value| -> Vec<u8> {
        let numbers = value.as_array().expect("a list of bytes").iter();
        numbers
            .map(|number| u8::try_from(number.as_u64().expect("a number")).expect("a byte"))
            .collect()
    };
    let cost = |name: &str| {
        u32::try_from(activation["settings"][name].as_u64().expect("a number")).expect("a small one")
    };
    let params = Params::new(cost("memory_kib"), cost("iterations"), cost("lanes"), Some(32));
    let argon2 = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        params.expect("possible costs"),
    );
    let mut derived = [0; 32];
    argon2
        .hash_password_into(password.as_bytes(), &bytes(&activation["salt"]), &mut derived)
        .expect("it derives");
    let aes = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derived).expect("32 bytes"));
    let mut sealed = bytes(&activation["sealed"]);
    let nonce = Nonce::try_assume_unique_for_key(&bytes(&activation["nonce"])).expect("12 bytes");
    let purpose = Aad::from(b"hsm-rig: Server Master Key of a Pocket, version 1");
    let key = aes
        .open_in_place(nonce, purpose, &mut sealed)
        .expect("the password opens it");
    vec![
        Secret::new("key of the Pocket", key),
        Secret::new("what the password derives to", &derived),
    ]
}

fn typed_secrets() -> Vec<Secret> {
    let typed = [PIN, WRONG_PIN, PASSWORD, NEW_PASSWORD, WRONG_PASSWORD];
    typed
        .into_iter()
        .map(|typed| Secret::new(&format!("`{typed}`"), typed.as_bytes()))
        .collect()
}

fn card(folder: &Path, custodian: &str) -> PathBuf {
    folder.join(format!("{custodian}.card"))
}

/// A device whose every word is kept: the most talkative log, on a pipe, and standard output in a file.
fn start(folder: &Path, more: &[&str]) -> Bench {
    let stdout = folder.join("stdout");
    let mut command = run_limited(&format!("exec >>'{}'", stdout.display()), folder);
    command
        .args(["--bench", "127.0.0.1:0", "--log-level", "trace"])
        .args(more);
    let mut emulator = Emulator::spawn(folder, command);
    emulator.wait_for("ready: ");
    Bench::of(emulator, folder)
}

/// Ends it, and keeps what it said and what its bench showed beside the rest.
fn end(folder: &Path, mut bench: Bench, name: &str) {
    let events = bench.ask("GET", "/v1/events", &Value::Null).body;
    fs::write(folder.join(format!("events-{name}")), events).expect("there is room");
    let ready_file = fs::read(folder.join("ready.json")).expect("it is there");
    fs::write(folder.join(format!("ready-{name}")), ready_file).expect("there is room");
    fs::write(folder.join(format!("state-{name}")), bench.state().to_string()).expect("there is room");
    bench.emulator.signal("-TERM");
    assert!(bench.emulator.end().success());
    fs::write(
        folder.join(format!("stderr-{name}")),
        bench.emulator.said.join("\n"),
    )
    .expect("there is room");
}

/// A device that waits for custodians with cards of their own, made by its bench.
fn device_with_cards() -> TempDir {
    let folder = demo();
    let bench = Bench::start(folder.path());
    bench.power("cut");
    let seed = json!({"required": 2, "holders": CUSTODIANS, "pin": PIN});
    let made = bench.ask("POST", "/v1/seed/cards", &seed).json();
    for made in made["cards"].as_array().expect("a list") {
        let holder = made["holder"].as_str().expect("a text");
        fs::write(
            card(folder.path(), holder),
            made["image"].as_str().expect("a text"),
        )
        .expect("there is room");
    }
    bench.ask("PUT", "/v1/seed/users", &json!({"users": ["u1", "u2"]}));
    drop(bench);
    folder
}

/// One thing that people do with a device and its cards. What comes of it does not matter here.
fn do_something(folder: &Path, bench: &Bench, turn: u64) {
    if bench.state()["power"] != "on" {
        bench.faults(&json!({}));
        bench.power("on");
    }
    enable(folder, bench);
    match turn % 6 {
        0 | 3 => {
            let Some(mut manager) = administrator(folder, bench) else {
                return;
            };
            let operations = [
                "ops.stop_service",
                "ops.start_service",
                "ops.unlock_master",
                "ops.restart",
            ];
            for operation in operations {
                manager.ask(operation);
            }
        }
        1 => {
            let mut manager = Manager::connect(bench.emulator.address());
            present_with(&mut manager, &card(folder, "carla"), WRONG_PIN);
            manager.ask_with("ops.factory_reset", &json!({"confirm": PIN}));
            manager.ask_with("auth.activate", &json!({"password": PASSWORD}));
        }
        2 => {
            bench.keys(&["Esc"]);
            type_pin(folder, bench, "bruno", WRONG_PIN);
            bench.keys(&["Enter"]);
        }
        4 => {
            bench.faults(&json!({"cut_at_write": 1, "cut_moment": "within"}));
            bench.keys(&["Esc"]);
        }
        _ => {
            let mut manager = Manager::connect(bench.emulator.address());
            present_with(&mut manager, &card(folder, "ana"), PIN);
            bench.power("cut");
        }
    }
}

fn administrator(folder: &Path, bench: &Bench) -> Option<Manager> {
    for custodian in ["ana", "bruno", "carla"] {
        let mut manager = Manager::connect(bench.emulator.address());
        let answer = present_with(&mut manager, &card(folder, custodian), PIN);
        if answer["result"]["outcome"] == "administrator" {
            return Some(manager);
        }
        manager.ask("session.close");
    }
    None
}

/// Remote management is enabled at the console, by whoever can activate the device.
fn enable(folder: &Path, bench: &Bench) {
    if bench.state()["remote_management"] == "enabled" {
        return;
    }
    bench.keys(&["Esc"]);
    for custodian in ["ana", "bruno"] {
        if bench.state()["activated"] != true {
            type_pin(folder, bench, custodian, PIN);
        }
    }
    bench.keys(&["Down", "Down", "Down", "Enter"]);
    assert_eq!(
        bench.state()["remote_management"],
        "enabled",
        "{}",
        bench.screen()
    );
}

fn type_pin(folder: &Path, bench: &Bench, custodian: &str, pin: &str) {
    bench.insert(&card(folder, custodian));
    bench.type_text(pin);
    let screen = bench.screen();
    assert!(!screen.contains(pin) && screen.contains("********"), "{screen}");
    bench.keys(&["Enter"]);
    bench.ask("DELETE", "/v1/reader/card", &Value::Null);
}

/// What the owner of a Pocket and a stranger do.
fn use_pocket(bench: &Bench, turn: u64) {
    let password = if turn.is_multiple_of(2) {
        PASSWORD
    } else {
        NEW_PASSWORD
    };
    let other = if turn.is_multiple_of(2) {
        NEW_PASSWORD
    } else {
        PASSWORD
    };
    // Whoever comes first sets the password.
    if turn > 0 {
        let mut stranger = Manager::connect(bench.emulator.address());
        stranger.ask_with("auth.activate", &json!({"password": WRONG_PASSWORD}));
        stranger.ask("session.close");
    }
    let mut owner = Manager::connect(bench.emulator.address());
    let answer = owner
        .ask_with("auth.activate", &json!({"password": password}))
        .expect("it answers");
    assert!(answer.get("result").is_some(), "{answer}");
    owner.ask_with(
        "auth.change_password",
        &json!({"old": WRONG_PASSWORD, "new": other}),
    );
    let changed = owner.ask_with("auth.change_password", &json!({"old": password, "new": other}));
    assert!(changed.is_some_and(|answer| answer.get("result").is_some()));
    owner.ask("ops.stop_service");
    owner.ask_with("network.set", &json!({"gateway": PASSWORD}));
}

/// Nothing is found, and there was enough to search.
fn check_nothing_is_found(folder: &Path, secrets: &[Secret]) {
    let files = files_in(folder);
    let found = search(&files, secrets);
    assert!(found.is_empty(), "{found:#?}");
    for name in ["state.redb", "events.log", "stdout"] {
        assert!(
            files.iter().any(|(path, _)| path.ends_with(name)),
            "{name} is not there"
        );
    }
    for name in ["stderr-real", "events-real", "state/log/events.log"] {
        let said = fs::read_to_string(folder.join(name)).expect("it was kept");
        assert!(said.contains("manager connected from"), "{name}: {said}");
    }
    // And it would have been found: planted in each of its spellings, it is.
    for secret in secrets {
        for (number, spelling) in secret.spellings.iter().enumerate() {
            let planted = [b"before ".as_slice(), spelling, b" behind"].concat();
            let found = search(
                &[(PathBuf::from("planted"), planted)],
                std::slice::from_ref(secret),
            );
            assert!(!found.is_empty(), "{}, spelling {number}", secret.name);
        }
    }
}

//= LF-04
#[test]
fn a_busy_hour_and_ten_real_seconds_leave_no_secret_in_any_file() {
    let folder = device_with_cards();
    let folder = folder.path();
    let bench = start(folder, &["--clock", "manual"]);
    for minute in 0..MINUTES {
        do_something(folder, &bench, minute);
        bench.advance(60_000);
    }
    assert!(bench.state()["clock"]["now_us"].as_u64().expect("a number") >= 3_600_000_000);
    end(folder, bench, "hour");

    let pocket = tempfile::tempdir().expect("there is room");
    let pocket = pocket.path();
    let bench = start(folder, &["--log-format", "json"]);
    let bench_of_pocket = start(pocket, &["--model", "Pocket"]);
    let began = Instant::now();
    let mut turn = 0;
    while began.elapsed() < REAL_TIME || turn < 2 {
        do_something(folder, &bench, turn);
        use_pocket(&bench_of_pocket, turn);
        turn += 1;
    }
    end(folder, bench, "real");
    end(pocket, bench_of_pocket, "real");

    let mut secrets = typed_secrets();
    secrets.extend(secrets_of_cards(folder));
    let password = if turn.is_multiple_of(2) {
        PASSWORD
    } else {
        NEW_PASSWORD
    };
    secrets.extend(secrets_of_pocket(&pocket.join("state"), password));
    assert_eq!(secrets.len(), 14);
    check_nothing_is_found(folder, &secrets);
    check_nothing_is_found(pocket, &secrets);
}

/// The search itself: a secret is found in a file below the folder, in every spelling and wherever base64 begins.
#[test]
fn a_secret_in_a_file_would_be_found() {
    let folder = tempfile::tempdir().expect("there is room");
    let below = folder.path().join("state/log");
    fs::create_dir_all(&below).expect("there is room");
    let secret = [Secret::new("PIN", PIN.as_bytes())];
    let lines = [
        format!("PIN {PIN}!"),
        HEXLOWER.encode(format!("a{PIN}b").as_bytes()),
        HEXUPPER.encode(format!("{PIN}b").as_bytes()),
        BASE64_NOPAD.encode(format!("{PIN}behind").as_bytes()),
        BASE64_NOPAD.encode(format!("a{PIN}behind").as_bytes()),
        BASE64URL_NOPAD.encode(format!("ab{PIN}").as_bytes()),
        BASE64_NOPAD.encode(format!("abc{PIN}b").as_bytes()),
        format!("{:?}", PIN.as_bytes()),
        serde_json::to_string(PIN.as_bytes()).expect("it is JSON"),
    ];
    for line in lines {
        let path = below.join("events.log");
        fs::write(&path, &line).expect("there is room");
        assert_eq!(files_in(folder.path()).len(), 1);
        assert!(!search(&files_in(folder.path()), &secret).is_empty(), "{line}");
    }
    fs::write(below.join("events.log"), "nothing of it").expect("there is room");
    assert!(search(&files_in(folder.path()), &secret).is_empty());
    // A card is meant to hold it.
    fs::write(below.join("ana.card"), PIN).expect("there is room");
    assert!(search(&files_in(folder.path()), &secret).is_empty());
}
