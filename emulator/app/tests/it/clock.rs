//! The manual clock: no limit fires early, late or twice, and a step ends when everything that was due is done.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::{
    custodian::present,
    emulator::{Emulator, demo},
    hand::{Bench, card, read_answer, rounds, run_with_bench},
    manager::Manager,
};

/// Keeps both cores busy while it lives.
struct Load(Arc<AtomicBool>);

impl Load {
    fn start() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        for _ in 0..2 {
            let ends = Arc::clone(&ends);
            thread::spawn(move || while !ends.load(Ordering::Relaxed) {});
        }
        Self(ends)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn limits(state: &Value) -> Vec<&str> {
    let limits = state["limits"].as_array().expect("a list").iter();
    limits
        .map(|limit| limit["limit"].as_str().expect("a text"))
        .collect()
}

//= RM-24
#[test]
fn a_calendar_that_is_set_moves_no_limit() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let mut manager = Manager::connect(bench.emulator.address());
    manager.receive().expect("it greets");
    let before = bench.state();
    assert!(!limits(&before).is_empty(), "{before}");
    let set = |by_ms: i64| {
        let set = json!({"by_ms": 0, "calendar_by_ms": by_ms});
        bench.ask("POST", "/v1/clock/advance", &set).json()
    };
    let forward = set(86_400_000);
    assert_eq!(forward["limits"], before["limits"]);
    assert_eq!(forward["clock"]["now_us"], before["clock"]["now_us"]);
    assert_ne!(forward["clock"]["date_time"], before["clock"]["date_time"]);
    assert_eq!(set(-86_400_000)["clock"], before["clock"]);
}

//= RM-07
//= RM-19
#[test]
fn a_session_lives_at_119_999_s_and_ends_at_120_000_s_every_time() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let _load = Load::start();
    for round in 0..rounds() {
        let mut manager = Manager::connect(bench.emulator.address());
        assert_eq!(
            manager.receive().expect("it greets")["method"],
            "session.opened",
            "round {round}"
        );
        // A line half-way begins the two minutes anew.
        bench.advance(60_000);
        manager.ask("device.header").expect("it answers");
        let from = bench.next_event();
        let state = bench.advance(119_999);
        assert!(state["manager"].is_object(), "round {round}: {state}");
        assert_eq!(limits(&state), ["inactivity"], "round {round}");
        assert_eq!(bench.next_event(), from, "round {round}: nothing happened");
        let state = bench.advance(1);
        assert!(state["manager"].is_null(), "round {round}: {state}");
        assert_eq!(bench.kinds_from(from), ["session_ended"], "round {round}: once");
        // Both were written to the socket before the step was answered.
        let closing = manager.receive().expect("it says why");
        assert_eq!(closing["params"]["reason"], "inactivity", "round {round}");
        assert_eq!(manager.receive(), None, "round {round}");
    }
}

//= AU-06
#[test]
fn a_card_counts_at_119_999_s_and_no_longer_at_120_000_s_every_time() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let ana = card(folder.path(), "ana");
    let _load = Load::start();
    for round in 0..rounds() {
        let mut manager = Manager::connect(bench.emulator.address());
        let outcome = present(&mut manager, &ana);
        assert_eq!(
            outcome["result"]["outcome"], "intermediary",
            "round {round}: {outcome}"
        );
        manager.ask("session.close").expect("it answers");
        assert_eq!(manager.receive(), None);
        let from = bench.next_event();
        let state = bench.advance(119_999);
        assert_eq!(
            state["ceremony"],
            json!({"presented": 1, "required": 2}),
            "round {round}"
        );
        assert_eq!(bench.next_event(), from, "round {round}: nothing happened");
        let state = bench.advance(1);
        assert!(state["ceremony"].is_null(), "round {round}: {state}");
        assert_eq!(bench.kinds_from(from), ["ceremony_reset"], "round {round}: once");
    }
}

//= RM-06
#[test]
fn a_silent_connection_lives_at_9_999_s_and_is_closed_at_10_000_s() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let mut silent = TcpStream::connect(bench.emulator.address()).expect("it accepts");
    while bench.state()["connections"]
        .as_array()
        .expect("a list")
        .is_empty()
    {}
    let state = bench.advance(9_999);
    assert_eq!(limits(&state), ["handshake"]);
    assert_eq!(bench.advance(1)["connections"], json!([]));
    assert_eq!(silent.read(&mut [0]).expect("it is closed in order"), 0);
}

#[test]
fn what_is_due_happens_one_after_the_other_in_its_order() {
    let folder = demo();
    let mut emulator = Emulator::spawn(
        folder.path(),
        run_with_bench(folder.path(), &["--clock", "manual", "--boot-delay", "20s"]),
    );
    emulator.wait_for("bench on ");
    while !emulator.has_ready_file() {
        thread::yield_now();
    }
    let bench = Bench::of(emulator, folder.path());
    assert_eq!(bench.advance(19_999)["power"], "starting");
    assert_eq!(bench.advance(1)["power"], "on");
    // A process begins, its manager stays: the interval is over, then the manager was silent for as long.
    let mut manager = Manager::connect(bench.emulator.address());
    let outcome = present(&mut manager, &card(folder.path(), "ana"));
    assert_eq!(outcome["result"]["outcome"], "intermediary", "{outcome}");
    // Both limits are over at the same instant (decision: the interval before the inactivity).
    let from = bench.next_event();
    let began = bench.state()["clock"]["now_us"].as_u64().expect("a number");
    let state = bench.advance(1_000_000);
    assert_eq!(bench.kinds_from(from), ["ceremony_reset", "session_ended"]);
    assert_eq!(state["clock"]["now_us"], began + 1_000_000_000);
    let events = bench
        .ask("GET", &format!("/v1/events?from={from}"), &Value::Null)
        .json();
    for event in events.as_array().expect("a list") {
        assert_eq!(event["at_us"], began + 120_000_000, "{event}");
    }
}

#[test]
fn a_step_waits_until_the_device_has_read_what_was_sent() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let mut peer = TcpStream::connect(bench.emulator.address()).expect("it accepts");
    let connection = loop {
        if let Some(connection) = bench.state()["connections"][0]["connection"].as_u64() {
            break connection;
        }
    };
    let body = json!({"by_ms": 10_000, "after": [{"connection": connection, "bytes": 3}]}).to_string();
    let more = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let waiting = bench.send(bench.head("POST", "/v1/clock/advance", &more).as_bytes());
    // Another request waits behind it; it is answered with what came of it.
    let behind = bench.send(bench.head("GET", "/v1/state", "\r\n").as_bytes());
    peer.write_all(b"OLE").expect("it reads");
    assert_eq!(
        read_answer(waiting).json()["connections"],
        json!([]),
        "its time was over"
    );
    assert_eq!(read_answer(behind).json()["clock"]["now_us"], 10_000_000);
    // What the connection had read before its end is still known.
    let late = json!({"by_ms": 1, "after": [{"connection": connection, "bytes": 3}]});
    assert_eq!(bench.ask("POST", "/v1/clock/advance", &late).status, 200);
}

#[test]
fn a_step_that_cannot_be_is_refused_and_moves_nothing() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let refused = |body: Value, expected: &str| {
        let before = bench.state()["clock"].clone();
        let answer = bench.ask("POST", "/v1/clock/advance", &body);
        assert_eq!(answer.status, 409, "{answer:?}");
        assert!(
            answer.json()["detail"]
                .as_str()
                .expect("a text")
                .contains(expected),
            "{answer:?}"
        );
        assert_eq!(bench.state()["clock"], before);
    };
    refused(
        json!({"by_ms": 1, "after": [{"connection": 77, "bytes": 1}]}),
        "no such connection",
    );
    let peer = TcpStream::connect(bench.emulator.address()).expect("it accepts");
    while bench.state()["connections"]
        .as_array()
        .expect("a list")
        .is_empty()
    {}
    // Real time: somebody waits for it.
    refused(
        json!({"by_ms": 1, "after": [{"connection": 1, "bytes": 5}]}),
        "5 bytes read from connection 1 within 10 s",
    );
    drop(peer);
    refused(
        json!({"by_ms": 1, "after": [{"connection": 1, "bytes": 5}]}),
        "its end after 0",
    );
    // The clock has an end: two of the largest steps fit before it, and no third.
    bench.advance(hsm_bench::ADVANCE_MS_MAX);
    bench.advance(hsm_bench::ADVANCE_MS_MAX);
    refused(json!({"by_ms": hsm_bench::ADVANCE_MS_MAX}), "at most");
    let left = (u64::MAX - bench.state()["clock"]["now_us"].as_u64().expect("a number")) / 1000;
    refused(json!({"by_ms": left + 1}), &format!("at most {left} ms"));
    bench.advance(left);
}

#[test]
fn a_real_clock_is_moved_by_nobody() {
    let folder = demo();
    let bench = Bench::start_with(folder.path(), &[]);
    let answer = bench.ask("POST", "/v1/clock/advance", &json!({"by_ms": 1}));
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(
        answer.json()["hint"]
            .as_str()
            .expect("a text")
            .contains("--clock manual")
    );
    assert_eq!(bench.state()["clock"]["mode"], "real");
}

#[test]
fn a_write_that_is_delayed_is_durable_at_its_instant_and_a_step_waits_for_the_disk() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    bench.faults(&json!({"write_delay_ms": 500}));
    let state = bench.keys(&["Esc"]);
    assert_eq!(
        (&state["writes_pending"], limits(&state)),
        (&json!(1), vec!["write"])
    );
    let from = bench.next_event();
    bench.advance(499);
    assert_eq!(bench.next_event(), from);
    assert_eq!(bench.advance(1)["writes_pending"], 0);
    assert_eq!(bench.kinds_from(from), ["remote_management_disabled"]);
    // One that hangs waits for its release, whatever the time is.
    bench.faults(&json!({"write_hangs": true}));
    arm(&bench);
    assert_eq!(bench.advance(3_600_000)["remote_management"], "enabling");
    assert_eq!(bench.faults(&json!({}))["remote_management"], "enabled");
    the_state_survives(folder.path(), bench);
}

/// Enables remote management at the console. The demo is not activated, so nobody may; then this does nothing.
fn arm(bench: &Bench) {
    // Activation at the console is a matter of `power.rs`; the main menu is there after Esc on an activated device.
    activate(bench);
    bench.keys(&["Down", "Down", "Down", "Enter"]);
}

fn activate(bench: &Bench) {
    let cards = bench.emulator.ready_file()["state"]
        .as_str()
        .expect("a text")
        .replace("/state", "/cards");
    for custodian in ["ana", "bruno"] {
        bench.insert(&Path::new(&cards).join(format!("{custodian}.card")));
        bench.type_text("12345678");
        bench.keys(&["Enter"]);
        bench.ask("DELETE", "/v1/reader/card", &Value::Null);
    }
    assert_eq!(bench.state()["activated"], true, "{}", bench.screen());
}

fn the_state_survives(folder: &Path, mut bench: Bench) {
    bench.emulator.signal("-TERM");
    assert!(bench.emulator.end().success());
    let bench = Bench::start(folder);
    assert_eq!(bench.state()["remote_management"], "enabled");
}
