//! Who is let in to the bench, and how much each may hold of it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::{
    emulator::{demo, run},
    hand::{Bench, read_answer, run_with_bench},
    manager::Manager,
    refusals,
};

/// The limits of `emulator/app/src/bench`.
const CONNECTIONS_MAX: usize = 32;
const SUBSCRIBERS_MAX: usize = 8;
const BODY_BYTES_MAX: usize = 65_536;
const EVENTS_KEPT: u64 = 4096;

#[test]
fn a_request_that_is_not_let_in_changes_nothing() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let before = bench.state();
    let (host, token) = (&bench.address, &bench.token);
    let port = host.rsplit(':').next().expect("it has a port");
    let wrong = token.replace(|_| true, "0");
    let body = r#"{"keys":["Esc"]}"#;
    let ask = |head: &str| {
        let len = body.len();
        let request = format!(
            "POST /v1/console/keys HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}"
        );
        let answer = bench.ask_raw(&request);
        if answer.status != 200 {
            let problem = answer.json();
            assert!(answer.head.contains("application/problem+json"), "{answer:?}");
            assert_eq!(problem["status"], answer.status);
            for member in ["type", "title", "detail", "doing", "expected", "came", "hint"] {
                assert!(problem[member].is_string(), "{member}: {problem}");
            }
            assert!(
                !answer.body.contains(token.as_str()) && !answer.body.contains("Esc"),
                "{answer:?}"
            );
            assert_eq!(bench.state(), before);
        }
        answer.status
    };
    let ours = format!("Host: {host}\r\n");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    for (head, status) in [
        (ours.clone(), 401),
        (format!("{ours}Authorization: Bearer {wrong}\r\n"), 401),
        (format!("{ours}Authorization: Bearer \r\n"), 401),
        (format!("{ours}Authorization: Basic {token}\r\n"), 401),
        (format!("{ours}Authorization: Bearer {}\r\n", &token[1..]), 401),
        (format!("{ours}Authorization: Bearer {token}0\r\n"), 401),
        (format!("{ours}{bearer}{bearer}"), 401),
        (format!("Host: evil.example\r\n{bearer}"), 421),
        (format!("Host: evil.example:{port}\r\n{bearer}"), 421),
        (format!("Host: 127.0.0.1\r\n{bearer}"), 421),
        (format!("Host: {host}.evil.example\r\n{bearer}"), 421),
        (format!("Host: localhost:1\r\n{bearer}"), 421),
        (format!("{ours}{ours}{bearer}"), 421),
        (bearer.clone(), 421),
        (format!("{ours}{bearer}Origin: http://evil.example\r\n"), 403),
        (format!("{ours}{bearer}Origin: https://{host}\r\n"), 403),
        (format!("{ours}{bearer}Origin: http://127.0.0.1\r\n"), 403),
        (format!("{ours}{bearer}Origin: null\r\n"), 403),
    ] {
        assert_eq!(ask(&head), status, "{}", head.replace(token.as_str(), "[token]"));
    }
    // A page of the bench's own origin, and the other name of this computer, are let in.
    assert_eq!(
        ask(&format!(
            "Host: localhost:{port}\r\n{bearer}Origin: http://localhost:{port}\r\n"
        )),
        200
    );
    assert_eq!(bench.state()["remote_management"], "disabled");
}

#[test]
fn whoever_is_not_let_in_does_not_even_learn_what_there_is() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    for path in ["/openapi.json", "/v1/state", "/v1/events", "/nothing"] {
        let answer = bench.ask_raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            bench.address
        ));
        assert_eq!(answer.status, 401, "{path}");
    }
    assert_eq!(bench.ask("GET", "/nothing", &Value::Null).status, 404);
    let answer = bench.ask("PATCH", "/v1/faults", &Value::Null);
    assert_eq!(answer.status, 405);
    assert!(
        answer.head.to_ascii_lowercase().contains("allow: "),
        "{}",
        answer.head
    );
}

#[test]
fn the_token_and_what_is_typed_are_in_no_log() {
    let folder = demo();
    let mut bench = Bench::start_with(folder.path(), &["--log-level", "trace"]);
    bench.keys(&["Esc"]);
    bench.type_text("98761234");
    let wrong = bench.ask("POST", "/v1/console/text", &json!({"text": ["98761234"]}));
    assert_eq!(wrong.status, 400, "{wrong:?}");
    let misplaced = bench.ask("POST", "/v1/console/keys", &json!({"keys": "98761234"}));
    assert!(
        misplaced.status == 400 && !misplaced.body.contains("98761234"),
        "{misplaced:?}"
    );
    bench.emulator.signal("-TERM");
    assert!(bench.emulator.end().success());
    let said = bench.emulator.said.join("\n");
    assert!(said.contains("bench on 127.0.0.1:"), "{said}");
    assert!(
        !said.contains(&bench.token) && !said.contains("98761234"),
        "{said}"
    );
}

#[test]
fn a_bench_is_on_loopback_and_a_manual_clock_has_one() {
    let folder = demo();
    let with = |args: &[&str]| {
        let mut command = run(folder.path());
        command.args(args);
        command
    };
    refusals::check(
        "bench-in-the-open",
        folder.path(),
        with(&["--bench", "0.0.0.0:0"]),
        2,
    );
    refusals::check(
        "clock-without-a-bench",
        folder.path(),
        with(&["--clock", "manual"]),
        2,
    );
    let mut command = std::process::Command::new(crate::emulator::BINARY);
    command.args([
        "run",
        "--headless",
        "--bench",
        "127.0.0.1:0",
        "--state",
        "nowhere",
    ]);
    let output = command.output().expect("it starts");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("--ready-file"),
        "{output:?}"
    );
    // Without one, nothing of it is there.
    let emulator = crate::emulator::Emulator::start(folder.path());
    assert!(emulator.ready_file()["bench"].is_null());
}

#[test]
fn a_body_has_a_limit_a_type_and_one_form() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let with = |media_type: &str, body: &str| {
        let more = format!("{media_type}Content-Length: {}\r\n\r\n{body}", body.len());
        bench
            .ask_raw(&bench.head("POST", "/v1/clock/advance", &more))
            .status
    };
    let padded = |len: usize| format!("{}{}", " ".repeat(len - 11), r#"{"by_ms":0}"#);
    let json = "Content-Type: application/json; charset=utf-8\r\n";
    assert_eq!(with(json, &padded(BODY_BYTES_MAX)), 200);
    assert_eq!(with(json, &padded(BODY_BYTES_MAX + 1)), 413);
    assert_eq!(with("Content-Type: text/plain\r\n", r#"{"by_ms":0}"#), 415);
    assert_eq!(with("", r#"{"by_ms":0}"#), 415);
    for wrong in [
        "",
        "{",
        "[]",
        r#"{"by_ms":-1}"#,
        r#"{"by_ms":0,"x":1}"#,
        r#"{"by_ms":0}{}"#,
        r#"{"by_ms":9007199254740992}"#,
    ] {
        assert_eq!(with(json, wrong), 400, "{wrong}");
    }
}

#[test]
fn one_connection_more_than_fit_is_told_so_and_the_others_are_served() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let keep_alive = bench
        .head("GET", "/v1/clock", "\r\n")
        .replace("Connection: close\r\n", "");
    let held: Vec<_> = (0..CONNECTIONS_MAX)
        .map(|_| {
            let mut stream = bench.send(keep_alive.as_bytes());
            // Its answer has come, so it has its place.
            let mut bytes = [0; 512];
            assert!(stream.read(&mut bytes).expect("it answers") > 12 && bytes.starts_with(b"HTTP/1.1 200"));
            stream
        })
        .collect();
    let one_more = read_answer(bench.send(keep_alive.as_bytes()));
    assert_eq!(one_more.status, 503, "{one_more:?}");
    assert!(one_more.body.contains("at most 32 at once"));
    drop(held);
    while bench.ask("GET", "/v1/clock", &Value::Null).status == 503 {}
}

#[test]
fn a_head_that_does_not_end_is_not_waited_for() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    // It takes its ten seconds of real time, whatever the device's clock does.
    let mut slow = bench.send(b"GET /v1/state HTTP/1.1\r\nHost: ");
    let mut came = Vec::new();
    slow.read_to_end(&mut came).expect("it is closed in order");
    assert_eq!(bench.state()["clock"]["now_us"], 0);
    let long = format!("GET /v1/state HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(17_000));
    let mut stream = bench.send(long.as_bytes());
    let mut came = String::new();
    let _ = stream.read_to_string(&mut came);
    assert!(came.is_empty() || came.starts_with("HTTP/1.1 4"), "{came}");
}

/// The next event of a stream.
fn next_event(stream: &mut BufReader<TcpStream>) -> Option<Value> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).expect("the stream goes on") == 0 {
            return None;
        }
        if let Some(data) = line.strip_prefix("data: ") {
            return Some(serde_json::from_str(data).expect("it is JSON"));
        }
    }
}

fn listen(bench: &Bench, query: &str, more: &str) -> BufReader<TcpStream> {
    let more = format!("Accept: text/event-stream\r\n{more}\r\n");
    BufReader::new(bench.send(bench.head("GET", &format!("/v1/events{query}"), &more).as_bytes()))
}

#[test]
fn events_stream_from_any_number_and_go_on() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let mut whole = listen(&bench, "", "");
    let mut part = listen(&bench, "?from=1", "");
    let mut resumed = listen(&bench, "?from=0", "Last-Event-ID: 1\r\n");
    let next = bench.next_event();
    bench.keys(&["Esc"]);
    let numbers = |stream: &mut BufReader<TcpStream>, count: u64| -> Vec<Value> {
        (0..count)
            .map(|_| next_event(stream).expect("it goes on")["number"].clone())
            .collect()
    };
    let expected = |from: u64| (from..=next).map(Value::from).collect::<Vec<_>>();
    assert_eq!(numbers(&mut whole, next + 1), expected(0));
    assert_eq!(numbers(&mut part, next), expected(1));
    assert_eq!(numbers(&mut resumed, next - 1), expected(2));
    // The list is the same.
    let listed = bench.ask("GET", "/v1/events", &Value::Null).json();
    assert_eq!(listed.as_array().expect("a list").len() as u64, next + 1);
    assert_eq!(listed[0]["kind"], "started");
    for wrong in ["?from=x", "?from=-1", "?to=1", "?from=1&from=2"] {
        assert_eq!(
            bench
                .ask("GET", &format!("/v1/events{wrong}"), &Value::Null)
                .status,
            400,
            "{wrong}"
        );
    }
    assert_eq!(
        bench
            .ask("GET", &format!("/v1/events?from={}", next + 2), &Value::Null)
            .status,
        409
    );
}

#[test]
fn an_event_that_is_forgotten_is_gone_and_the_oldest_is_named() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    assert_eq!(bench.ask("GET", "/v1/events?from=0", &Value::Null).status, 200);
    // Each manager comes and goes, which are two events; strangers who repeat themselves are only counted.
    while bench.next_event() <= EVENTS_KEPT {
        for _ in 0..100 {
            let mut manager = Manager::connect(bench.emulator.address());
            manager.receive().expect("it greets");
        }
    }
    let oldest = bench.state()["events"]["oldest"].as_u64().expect("a number");
    assert!(oldest > 0);
    let gone = bench.ask("GET", &format!("/v1/events?from={}", oldest - 1), &Value::Null);
    assert_eq!(
        (gone.status, &gone.json()["oldest"]),
        (410, &json!(oldest)),
        "{gone:?}"
    );
    assert_eq!(bench.kinds_from(oldest).len() as u64, EVENTS_KEPT);
}

#[test]
fn one_listener_more_than_fit_is_told_so() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let mut listeners: Vec<_> = (0..SUBSCRIBERS_MAX).map(|_| listen(&bench, "", "")).collect();
    for listener in &mut listeners {
        assert_eq!(next_event(listener).expect("it is served")["number"], 0);
    }
    let one_more = bench.ask_raw(&bench.head("GET", "/v1/events", "Accept: text/event-stream\r\n\r\n"));
    assert_eq!(one_more.status, 503, "{one_more:?}");
    drop(listeners);
    // A place is free again once the emulator has noticed.
    loop {
        let mut stream = listen(&bench, "", "");
        let mut line = String::new();
        stream.read_line(&mut line).expect("it answers");
        if line.starts_with("HTTP/1.1 200") {
            break;
        }
    }
}

#[test]
fn an_emulator_with_listeners_ends_in_order() {
    let folder = demo();
    let mut emulator = crate::emulator::Emulator::spawn(folder.path(), run_with_bench(folder.path(), &[]));
    emulator.wait_for("ready: ");
    let mut bench = Bench::of(emulator, folder.path());
    let mut listener = listen(&bench, "", "");
    next_event(&mut listener).expect("it is served");
    bench.emulator.signal("-TERM");
    assert_eq!(bench.emulator.end().code(), Some(0));
    assert!(!bench.emulator.has_ready_file());
}
