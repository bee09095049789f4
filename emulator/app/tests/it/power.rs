//! What a hand does at the device: power, keys, cards, faults, seeds. The cuts of power at every
//! durable write are in `cuts.rs`.

use std::fs;

use serde_json::{Value, json};

use crate::{
    emulator::{BINARY, Emulator, demo},
    hand::{Bench, card, run_with_bench},
    manager::Manager,
    smart_cards::activated,
};

#[test]
fn a_cut_breaks_every_connection_and_says_nothing() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let mut manager = Manager::connect(bench.emulator.address());
    manager.receive().expect("it greets");
    let address = bench.emulator.address();
    let from = bench.next_event();
    let state = bench.power("cut");
    assert_eq!(
        (&state["power"], &state["port"]["open"]),
        (&json!("cut"), &json!(false))
    );
    assert_eq!(manager.receive(), None, "not a word");
    assert!(std::net::TcpStream::connect(address).is_err());
    assert!(bench.emulator.ready_file()["management"].is_null());
    assert_eq!(bench.screen(), format!("{}\n", " ".repeat(80)).repeat(25));
    // It was on and enabled, and so it is again, at the same port.
    let state = bench.power("on");
    assert_eq!(
        (&state["power"], &state["remote_management"]),
        (&json!("on"), &json!("enabled"))
    );
    Manager::connect(address).receive().expect("it greets");
    let kinds = bench.kinds_from(from);
    assert_eq!(
        kinds[..4],
        ["power_cut", "power_returned", "started", "self_test"]
    );
}

#[test]
fn every_change_of_power_that_makes_no_sense_is_refused() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let refused = |action: &str| {
        let answer = bench.ask("POST", "/v1/power", &json!({"action": action}));
        assert_eq!(answer.status, 409, "{action}: {answer:?}");
    };
    refused("on");
    //= RM-17
    // The button of an armed device is local activity first.
    assert_eq!(bench.power("off")["remote_management"], "disabled");
    assert_eq!(bench.power("off")["power"], "off");
    refused("off");
    assert_eq!(bench.power("cut")["power"], "cut");
    refused("cut");
    refused("off");
    // It was switched off, so the mains alone do not start it; the hand at the button does.
    assert_eq!(bench.power("on")["power"], "on");
}

//= RM-10
#[test]
fn a_key_at_the_console_ends_the_session_of_the_manager() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let mut manager = Manager::connect(bench.emulator.address());
    manager.receive().expect("it greets");
    assert!(bench.screen().contains("active manager: 127.0.0.1"));
    let state = bench.keys(&["Enter"]);
    assert_eq!(
        (&state["manager"], &state["remote_management"]),
        (&Value::Null, &json!("disabled"))
    );
    assert_eq!(
        manager.receive().expect("it says why")["params"]["reason"],
        "preempted"
    );
    assert_eq!(manager.receive(), None);
}

//= RM-10
#[test]
fn a_card_at_the_local_reader_is_local_activity_and_one_fits_in() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let ana = card(folder.path(), "ana");
    let state = bench.insert(&ana);
    assert_eq!(state["remote_management"], "disabled");
    assert_eq!(state["card"].as_str(), ana.to_str());
    let bruno = json!({"card": card(folder.path(), "bruno")});
    assert_eq!(
        bench.ask("PUT", "/v1/reader/card", &bruno).status,
        409,
        "it is full"
    );
    assert_eq!(bench.ask("DELETE", "/v1/reader/card", &Value::Null).status, 200);
    assert_eq!(
        bench.ask("DELETE", "/v1/reader/card", &Value::Null).status,
        409,
        "it is empty"
    );
    let damaged = folder.path().join("damaged.card");
    fs::write(&damaged, "no card").expect("there is room");
    for wrong in [
        json!({"card": damaged}),
        json!({"card": "cards/ana.card"}),
        json!({"card": "/nowhere.card"}),
    ] {
        assert_eq!(bench.ask("PUT", "/v1/reader/card", &wrong).status, 409, "{wrong}");
    }
}

#[test]
fn a_screen_has_25_lines_of_80_characters() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let answer = bench.ask("GET", "/v1/console/screen", &Value::Null);
    assert!(
        answer
            .head
            .to_ascii_lowercase()
            .contains("content-type: text/plain"),
        "{}",
        answer.head
    );
    let lines: Vec<_> = answer.body.lines().collect();
    assert_eq!(lines.len(), 25);
    assert!(
        lines.iter().all(|line| line.chars().count() == 80),
        "{}",
        answer.body
    );
    assert!(answer.body.contains("RM (press ESC to exit)"));
}

//= LC-04
#[test]
fn the_state_says_what_of_the_screen_has_the_keys() {
    let folder = demo();
    let bench = activated(folder.path());
    let state = bench.state();
    let number = |name: &str| {
        let number = state["focus"][name].as_u64().expect("something has the keys");
        usize::try_from(number).expect("it is small")
    };
    let screen = bench.screen();
    let row = screen.lines().nth(number("row") - 1).expect("there are 25");
    let focused: String = row
        .chars()
        .skip(number("column") - 1)
        .take(number("width"))
        .collect();
    assert!(
        !focused.trim().is_empty() && number("height") == 1,
        "{state}\n{screen}"
    );
    let below = bench.keys(&["Down"]);
    assert_eq!(
        below["focus"]["row"].as_u64(),
        state["focus"]["row"].as_u64().map(|row| row + 1)
    );
}

#[test]
fn a_broken_link_is_a_reset_at_both_ends() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let mut manager = Manager::connect(bench.emulator.address());
    manager.receive().expect("it greets");
    let number = bench.state()["manager"]["connection"]
        .as_u64()
        .expect("there is one");
    let path = format!("/v1/connections/{number}");
    assert!(bench.ask("DELETE", &path, &Value::Null).json()["manager"].is_null());
    assert_eq!(manager.receive(), None);
    let log = bench.ask("GET", "/v1/events", &Value::Null).body;
    assert!(log.contains("connection reset"), "{log}");
    assert_eq!(bench.ask("DELETE", &path, &Value::Null).status, 404, "it is gone");
    assert_eq!(
        bench.ask("DELETE", "/v1/connections/one", &Value::Null).status,
        404
    );
}

#[test]
fn a_seeded_device_knows_its_cards_and_its_users() {
    let folder = tempfile::tempdir().expect("there is room");
    let emulator = Emulator::spawn(
        folder.path(),
        run_with_bench(folder.path(), &["--clock", "manual"]),
    );
    let mut emulator = emulator;
    emulator.wait_for("ready: ");
    let bench = Bench::of(emulator, folder.path());
    let seed = json!({"required": 2, "holders": ["eva", "fritz"], "pin": "87654321"});
    let refused = bench.ask("POST", "/v1/seed/cards", &seed);
    assert_eq!(refused.status, 409, "it has power: {refused:?}");
    bench.power("cut");
    let cards = bench.ask("POST", "/v1/seed/cards", &seed).json();
    for made in cards["cards"].as_array().expect("a list") {
        let path = folder
            .path()
            .join(format!("{}.card", made["holder"].as_str().expect("a text")));
        fs::write(path, made["image"].as_str().expect("a text")).expect("there is room");
    }
    assert_eq!(
        bench
            .ask("PUT", "/v1/seed/users", &json!({"users": ["u1", "u2"]}))
            .status,
        200
    );
    let too_many = json!({"required": 3, "holders": ["eva", "fritz"], "pin": "87654321"});
    assert_eq!(bench.ask("POST", "/v1/seed/cards", &too_many).status, 409);
    bench.power("on");
    for holder in ["eva", "fritz"] {
        bench.insert(&folder.path().join(format!("{holder}.card")));
        bench.type_text("87654321");
        bench.keys(&["Enter"]);
        bench.ask("DELETE", "/v1/reader/card", &Value::Null);
    }
    assert_eq!(bench.state()["activated"], true, "{}", bench.screen());
    bench.keys(&["Down", "Down", "Down", "Enter"]);
    let mut manager = Manager::connect(bench.emulator.address());
    let info = manager.ask("device.info").expect("it answers");
    assert_eq!(info["result"]["users"], 3, "`master` is always there: {info}");
}

#[test]
fn a_shell_has_the_same_hand() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let told = |args: &[&str]| {
        let output = bench.shell(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).expect("it is text")
    };
    assert!(told(&["state"]).contains("remote management  enabled"));
    let state: Value = serde_json::from_str(&told(&["--json", "state"])).expect("it is JSON");
    assert_eq!(state, bench.state());
    assert_eq!(told(&["screen"]), bench.screen());
    assert!(told(&["keys", "esc"]).contains("remote management  disabled"));
    let image = card(folder.path(), "ana");
    assert!(told(&["card", "insert", image.to_str().expect("it is UTF-8")]).contains("ana.card"));
    told(&["type", "12345678"]);
    assert!(bench.screen().contains("********"));
    assert!(told(&["keys", "Enter"]).contains("process            1 of 2"));
    assert!(told(&["card", "remove"]).contains("card               none"));
    assert!(told(&["advance", "1s500ms"]).contains("clock              manual 1.500000 s"));
    assert!(told(&["clock"]).starts_with("manual 1.500000 s "));
    assert!(told(&["events", "--from", "0"]).starts_with("0 0.000000 s started "));
    assert_eq!(told(&["faults"]), "none\n");
    let faults = told(&[
        "faults",
        "--write-delay",
        "20ms",
        "--cut-at-write",
        "3",
        "--cut-moment",
        "after",
    ]);
    assert!(
        faults.contains("a write takes 20 ms; power is cut at write 3, after"),
        "{faults}"
    );
    assert!(told(&["faults", "--clear"]).contains("faults             none"));
    assert!(told(&["power", "cut"]).contains("power              cut"));
    let cards = folder.path().join("new");
    let cards = cards.to_str().expect("it is UTF-8");
    assert_eq!(
        told(&["seed", "cards", "--required", "2", "--dir", cards, "eva", "fritz"]),
        format!("{cards}/eva.card\n{cards}/fritz.card\n")
    );
    told(&["seed", "users", "u1"]);
    assert!(told(&["openapi"]).contains("\"openapi\":\"3.1.0\""));

    let refused = |args: &[&str], code: i32, expected: &str| {
        let output = bench.shell(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
        assert!(!said.contains(&bench.token), "{said}");
    };
    refused(
        &["power", "cut"],
        12,
        "change the power: expected mains, got none",
    );
    refused(&["advance", "1us"], 2, "whole milliseconds");
    refused(&["keys", "Escape"], 2, "`type` types a text");
    refused(
        &["seed", "cards", "--required", "2", "--dir", cards, "eva", "fritz"],
        5,
        "there is a file already",
    );
}

#[test]
fn a_shell_without_a_bench_is_told_what_is_missing() {
    let folder = demo();
    let said = |code: i32| {
        let mut command = std::process::Command::new(BINARY);
        let ready_file = folder.path().join("ready.json");
        let output = command
            .args(["bench", "state", "--ready-file"])
            .arg(ready_file)
            .output();
        let output = output.expect("it starts");
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(said(5).contains("--bench 127.0.0.1:0 --ready-file FILE"));
    let emulator = Emulator::start(folder.path());
    assert!(said(2).contains("expected a bench, got none"));
    drop(emulator);
    // Its emulator was killed, so the file is still there, and names a bench that is gone.
    let bench = Bench::start(folder.path());
    drop(bench);
    assert!(said(8).contains("is the emulator of this ready-file still running?"));
}

//= LC-06
#[test]
fn a_self_test_can_be_made_to_fail_and_to_pass_again() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    for (wrong, times) in [(json!("SHA-256"), 1), (json!(null), 0)] {
        bench.faults(&json!({"computes_wrong": wrong}));
        let next = bench.next_event();
        bench.power("cut");
        bench.power("on");
        bench.advance(60_000);
        let kinds = bench.kinds_from(next);
        let of = |name: &str| kinds.iter().filter(|kind| *kind == name).count();
        assert_eq!((of("algorithm_failed"), of("self_test")), (times, 1), "{kinds:?}");
    }
}
