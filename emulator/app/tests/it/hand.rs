//! A hand at a running emulator: HTTP to its bench, byte by byte, so that a test can also ask wrongly.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::emulator::{BINARY, Emulator, PATIENCE, run};

/// An emulator with a bench, and the way to it.
pub(crate) struct Bench {
    pub(crate) emulator: Emulator,
    pub(crate) address: String,
    pub(crate) token: String,
    ready_file: PathBuf,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// `hsm-emulator run` with a bench, and these words more.
pub(crate) fn run_with_bench(folder: &Path, more: &[&str]) -> Command {
    let mut command = run(folder);
    command.args(["--bench", "127.0.0.1:0"]).args(more);
    command
}

impl Bench {
    /// On the state of a folder, its clock standing still.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &["--clock", "manual"])
    }

    pub(crate) fn start_with(folder: &Path, more: &[&str]) -> Self {
        let mut emulator = Emulator::spawn(folder, run_with_bench(folder, more));
        emulator.wait_for("ready: ");
        Self::of(emulator, folder)
    }

    pub(crate) fn of(emulator: Emulator, folder: &Path) -> Self {
        let ready = emulator.ready_file();
        let text = |name: &str| ready["bench"][name].as_str().expect("it has a bench").to_owned();
        let url = text("url");
        Self {
            address: url.strip_prefix("http://").expect("it is HTTP").to_owned(),
            token: text("token"),
            ready_file: folder.join("ready.json"),
            emulator,
        }
    }

    /// A connection on which this was sent.
    pub(crate) fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        stream.write_all(bytes).expect("it reads");
        stream
    }

    /// The head of a request that is right.
    pub(crate) fn head(&self, method: &str, path: &str, more: &str) -> String {
        let (host, token) = (&self.address, &self.token);
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n{more}"
        )
    }

    pub(crate) fn ask_raw(&self, request: &str) -> Answer {
        read_answer(self.send(request.as_bytes()))
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let more = format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.ask_raw(&self.head(method, path, &more))
    }

    fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask(method, path, body);
        assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
        answer.json()
    }

    pub(crate) fn state(&self) -> Value {
        self.done("GET", "/v1/state", &Value::Null)
    }

    pub(crate) fn screen(&self) -> String {
        self.ask("GET", "/v1/console/screen", &Value::Null).body
    }

    pub(crate) fn advance(&self, by_ms: u64) -> Value {
        self.done("POST", "/v1/clock/advance", &json!({"by_ms": by_ms}))
    }

    pub(crate) fn keys(&self, keys: &[&str]) -> Value {
        self.done("POST", "/v1/console/keys", &json!({"keys": keys}))
    }

    pub(crate) fn type_text(&self, text: &str) -> Value {
        self.done("POST", "/v1/console/text", &json!({"text": text}))
    }

    pub(crate) fn power(&self, action: &str) -> Value {
        self.done("POST", "/v1/power", &json!({"action": action}))
    }

    pub(crate) fn insert(&self, card: &Path) -> Value {
        self.done("PUT", "/v1/reader/card", &json!({"card": card}))
    }

    pub(crate) fn faults(&self, change: &Value) -> Value {
        let mut faults =
            json!({"write_delay_ms": 0, "write_hangs": false, "cut_at_write": 0, "cut_moment": "before"});
        for (name, value) in change.as_object().expect("it names faults") {
            faults[name] = value.clone();
        }
        self.done("PUT", "/v1/faults", &faults)
    }

    /// The kinds of the events from this number on.
    pub(crate) fn kinds_from(&self, number: u64) -> Vec<String> {
        let events = self.done("GET", &format!("/v1/events?from={number}"), &Value::Null);
        let events = events.as_array().expect("a list").iter();
        events
            .map(|event| event["kind"].as_str().expect("a text").to_owned())
            .collect()
    }

    pub(crate) fn next_event(&self) -> u64 {
        self.state()["events"]["next"].as_u64().expect("a number")
    }

    /// `hsm-emulator bench`
    pub(crate) fn shell(&self, args: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command
            .arg("bench")
            .arg("--ready-file")
            .arg(&self.ready_file)
            .args(args);
        command.output().expect("it starts")
    }
}

/// Reads an answer whose length is given, or everything until the end.
pub(crate) fn read_answer(stream: impl std::io::Read) -> Answer {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = reader.read_line(&mut head).expect("it answers");
        assert!(read > 0, "it ended after {head:?}");
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let len = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    });
    let mut body = Vec::new();
    match len.and_then(|len| len.parse().ok()) {
        Some(len) => {
            body.resize(len, 0);
            reader.read_exact(&mut body).expect("all of it comes");
        }
        None => {
            reader.read_to_end(&mut body).expect("it ends");
        }
    }
    Answer {
        status: status.expect("a status"),
        head,
        body: String::from_utf8(body).expect("it is text"),
    }
}

/// How often a limit is tried: a thousand times with `RIG_SOAK=1`, a tenth without.
pub(crate) fn rounds() -> u32 {
    if std::env::var_os("RIG_SOAK").is_some() {
        1_000
    } else {
        100
    }
}

/// A card of the demo.
pub(crate) fn card(folder: &Path, custodian: &str) -> PathBuf {
    let path = folder.join(format!("cards/{custodian}.card"));
    assert!(
        fs::exists(&path).expect("the folder can be read"),
        "{custodian} has no card"
    );
    path
}
