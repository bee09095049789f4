//! The way to the bench's page, byte by byte: who gets a session, and what a session does not open.

use serde_json::{Value, json};

use crate::{
    emulator::demo,
    hand::{Answer, Bench},
};

/// The limit of `emulator/app/src/bench/card_folder.rs`.
const FILES_MAX: usize = 256;

/// The ticket of an address that `hsm-emulator bench page` prints.
fn ticket(bench: &Bench) -> String {
    let output = bench.shell(&["page"]);
    assert!(output.status.success(), "{output:?}");
    let url = String::from_utf8(output.stdout).expect("it is text");
    let ticket = url
        .trim_end()
        .strip_prefix(&format!("http://{}/#", bench.address));
    ticket.unwrap_or_else(|| panic!("an address: {url}")).to_owned()
}

/// A request without a token, and with these headers.
fn ask(bench: &Bench, method: &str, path: &str, headers: &str, body: &Value) -> Answer {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    bench.ask_raw(&format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        bench.address,
        body.len()
    ))
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let mut lines = answer.head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map_or("", |(_, value)| value)
}

/// What a browser with a session sends.
fn session(bench: &Bench) -> String {
    let answer = ask(
        bench,
        "POST",
        "/v1/session",
        "",
        &json!({"ticket": ticket(bench)}),
    );
    assert_eq!(answer.status, 204, "{answer:?}");
    let cookie = header(&answer, "set-cookie")
        .split(';')
        .next()
        .expect("it has a value")
        .to_owned();
    format!("Cookie: other=1; {cookie}\r\n")
}

#[test]
fn a_ticket_gives_one_session_and_the_cookie_is_for_this_page_alone() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let ticket = ticket(&bench);
    let first = ask(&bench, "POST", "/v1/session", "", &json!({"ticket": ticket}));
    let cookie = header(&first, "set-cookie");
    let port = bench.address.rsplit(':').next().expect("it has a port");
    assert!(cookie.starts_with(&format!("bench-{port}=")), "{cookie}");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains(&ticket) && !cookie.contains(&bench.token));
    for wrong in [ticket, "0".repeat(64)] {
        let answer = ask(&bench, "POST", "/v1/session", "", &json!({"ticket": wrong}));
        assert_eq!(
            (answer.status, header(&answer, "set-cookie")),
            (401, ""),
            "{answer:?}"
        );
        assert!(!answer.body.contains(&wrong), "{answer:?}");
    }
    for wrong in [
        json!({"ticket": "0"}),
        json!({}),
        json!({"ticket": "0".repeat(65)}),
    ] {
        assert_eq!(
            ask(&bench, "POST", "/v1/session", "", &wrong).status,
            400,
            "{wrong}"
        );
    }
    // Another origin has no use for a ticket, and nobody gets one without the token.
    let other = ask(
        &bench,
        "POST",
        "/v1/session",
        "Origin: http://evil.example\r\n",
        &json!({"ticket": ticket_of_nobody()}),
    );
    assert_eq!(other.status, 403);
    assert_eq!(ask(&bench, "POST", "/v1/page", "", &Value::Null).status, 401);
}

fn ticket_of_nobody() -> String {
    "f".repeat(64)
}

#[test]
fn a_session_does_what_the_token_does_and_only_for_its_own_page() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let session = session(&bench);
    let origin = format!("Origin: http://{}\r\n", bench.address);
    let keys = json!({"keys": ["Down"]});
    let press = |headers: &str| ask(&bench, "POST", "/v1/console/keys", headers, &keys).status;
    let look = |headers: &str| ask(&bench, "GET", "/v1/state", headers, &Value::Null).status;
    assert_eq!(look(&session), 200);
    assert_eq!(look(&format!("{session}Sec-Fetch-Site: same-origin\r\n")), 200);
    assert_eq!(press(&format!("{session}{origin}")), 200);
    // Pages of other ports have the cookie, too. The browser says that they are others.
    assert_eq!(look(&format!("{session}Sec-Fetch-Site: same-site\r\n")), 401);
    assert_eq!(
        look(&format!(
            "{session}Sec-Fetch-Site: none\r\nSec-Fetch-Site: none\r\n"
        )),
        401
    );
    assert_eq!(press(&session), 401);
    assert_eq!(press(&format!("{session}Origin: http://127.0.0.1:1\r\n")), 403);
    assert_eq!(press(&format!("{session}Origin: null\r\n")), 403);
    assert_eq!(look(&session.replace("bench-", "wrench-")), 401);
    assert_eq!(look(&session.replacen("=1; ", "=1; x", 1)), 401);
    let wrong = format!("{}0\r\n", session.trim_end());
    assert_eq!(look(&wrong), 401);
    // A session of another start is none.
    drop(bench);
    let bench = Bench::start(folder.path());
    assert_eq!(
        ask(&bench, "GET", "/v1/state", &session, &Value::Null).status,
        401
    );
}

#[test]
fn who_has_no_session_sees_the_way_in_and_nothing_of_the_device() {
    let folder = demo();
    let bench = Bench::start_with(
        folder.path(),
        &[
            "--clock",
            "manual",
            "--cards",
            folder.path().join("cards").to_str().expect("it is UTF-8"),
        ],
    );
    let outside = ask(&bench, "GET", "/", "", &Value::Null);
    assert!(
        outside.status == 200 && outside.body.contains("hsm-emulator bench"),
        "{outside:?}"
    );
    assert!(
        !outside.body.contains("Local Management") && !outside.body.contains("ana"),
        "{outside:?}"
    );
    let inside = ask(&bench, "GET", "/", &session(&bench), &Value::Null);
    assert!(
        inside.body.contains("Local Management") && inside.body.contains("ana.card"),
        "{inside:?}"
    );
    assert!(
        !inside.body.contains("<!--") && !inside.body.contains(&bench.token),
        "{inside:?}"
    );
    for path in ["/", "/page.css", "/page.js", "/enter.js", "/icon.svg"] {
        let answer = ask(&bench, "GET", path, "", &Value::Null);
        assert_eq!(answer.status, 200, "{path}");
        let policy = header(&answer, "content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
        assert_eq!(header(&answer, "cache-control"), "no-store");
        // Only under its own name, and for no page of others.
        assert_eq!(
            ask(
                &bench,
                "GET",
                path,
                "Origin: http://evil.example\r\n",
                &Value::Null
            )
            .status,
            403
        );
        assert_eq!(
            bench
                .ask_raw(&format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n\r\n"))
                .status,
            421
        );
    }
    assert_eq!(ask(&bench, "POST", "/", "", &Value::Null).status, 405);
}

#[test]
fn what_stands_on_the_page_is_text_and_no_markup() {
    let folder = demo();
    let cards = folder.path().join("cards");
    std::fs::write(cards.join("<img src=x onerror=\"alert('&')\">.card"), "").expect("there is room");
    let bench = Bench::start_with(folder.path(), &["--cards", cards.to_str().expect("it is UTF-8")]);
    let session = session(&bench);
    let page = ask(&bench, "GET", "/", &session, &Value::Null).body;
    assert!(
        page.contains("&lt;img src=x onerror=&quot;alert(&#39;&amp;&#39;)&quot;&gt;"),
        "{page}"
    );
    assert!(!page.contains("<img"), "{page}");
    // As many files as are looked at, and one more.
    let there = std::fs::read_dir(&cards).expect("it is there").count();
    for number in there..FILES_MAX {
        std::fs::write(cards.join(number.to_string()), "").expect("there is room");
    }
    assert!(
        ask(&bench, "GET", "/", &session, &Value::Null)
            .body
            .contains("bruno")
    );
    std::fs::write(cards.join("more"), "").expect("there is room");
    let page = ask(&bench, "GET", "/", &session, &Value::Null).body;
    assert!(
        page.contains("expected at most 256 files, got more") && !page.contains("bruno.card"),
        "{page}"
    );
}

#[test]
fn neither_tickets_nor_sessions_are_in_a_log() {
    let folder = demo();
    let mut bench = Bench::start_with(folder.path(), &["--log-level", "trace"]);
    let ticket = ticket(&bench);
    let answer = ask(&bench, "POST", "/v1/session", "", &json!({"ticket": ticket}));
    let cookie = header(&answer, "set-cookie").to_owned();
    let value = cookie.split(['=', ';']).nth(1).expect("it has a value");
    assert_eq!(value.len(), 64);
    bench.emulator.signal("-TERM");
    assert!(bench.emulator.end().success());
    let said = bench.emulator.said.join("\n");
    assert!(!said.contains(&ticket) && !said.contains(value), "{said}");
}

#[test]
fn the_folder_of_the_cards_is_one_that_is_there() {
    let folder = demo();
    let mut command = crate::hand::run_with_bench(folder.path(), &["--cards", "nowhere"]);
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(5) && said.contains("read the folder of the cards `nowhere`"),
        "{said}"
    );
    let mut command = crate::emulator::run(folder.path());
    let output = command.args(["--cards", "."]).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(2) && said.contains("expected the local console or `--bench`"),
        "{said}"
    );
}

#[test]
fn a_stream_tells_changes_to_those_who_ask_for_them() {
    use std::io::{BufRead as _, BufReader};
    let folder = demo();
    let bench = Bench::start(folder.path());
    let listen = |query: &str| {
        let head = bench.head(
            "GET",
            &format!("/v1/events{query}"),
            "Accept: text/event-stream\r\n\r\n",
        );
        BufReader::new(bench.send(head.as_bytes()))
            .lines()
            .map(|line| line.expect("the stream goes on"))
    };
    let next = bench.next_event();
    let mut with = listen(&format!("?from={next}&changes=true"));
    let without = listen(&format!("?from={next}&changes=false"));
    assert!(with.any(|line| line.starts_with("content-type: text/event-stream")));
    // This key is no event: the entry below is highlighted.
    bench.keys(&["Down"]);
    assert!(with.any(|line| line == "event: changed"));
    assert!(with.any(|line| line == "data: {}"));
    bench.power("cut");
    let mut seen = without.filter(|line| line.starts_with("event: ") || line.starts_with("data: "));
    assert!(seen.next().expect("it goes on").contains("\"number\""));
    assert_eq!(
        bench
            .ask("GET", "/v1/events?changes=perhaps", &Value::Null)
            .status,
        400
    );
}
