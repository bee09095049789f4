//! A device for tests: the real `hsm-emulator` with a bench, in a process of its own. Its clock stands still until a test
//! moves it. Ends only what it has started.

#![allow(dead_code, reason = "each file of tests has what it needs of this")]

use std::{
    cell::Cell,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// The PIN of every card.
pub(crate) const PIN: &str = "12345678";
/// How long a test waits for what must happen. Only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Builds the programs that stand beside this one. Cargo gives a test only those of its own package.
pub(crate) fn build() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        // Who is inside a bed was started by somebody who did it.
        if pcsc_bed::is_inside() {
            return;
        }
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--bins",
                "-p",
                "hsm-emulator",
                "-p",
                "virtual-card",
            ])
            .args(["-p", "hsm-client", "--example", "who_answers"])
            // Beside this test stand the programs of its own profile.
            .args((!cfg!(debug_assertions)).then_some("--release"))
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
            .status();
        let built = built.expect("cargo runs this test");
        assert!(built.success(), "the programs are built");
    });
}

/// A program that stands beside `hsm-client`.
pub(crate) fn program(name: &str) -> PathBuf {
    build();
    Path::new(env!("CARGO_BIN_EXE_hsm-client")).with_file_name(name)
}

/// A device that runs until the test ends.
pub(crate) struct TestDevice {
    /// Where managers connect.
    pub(crate) address: SocketAddr,
    folder: tempfile::TempDir,
    emulator: Child,
    bench: String,
    token: String,
    /// The number of the first event that no test has waited for.
    unseen: Cell<u64>,
}

impl TestDevice {
    /// A device that waits for two of its three custodians, armed as after a remote restart.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new(program("hsm-emulator"))
            .args(["demo", "--dir"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        Self::run(folder, &[])
    }

    /// A Pocket out of the factory.
    pub(crate) fn pocket() -> Self {
        Self::run(tempfile::tempdir().unwrap(), &["--model", "Pocket"])
    }

    fn run(folder: tempfile::TempDir, more: &[&str]) -> Self {
        let ready_file = folder.path().join("ready.json");
        let mut emulator = Command::new(program("hsm-emulator"))
            .args(["run", "--headless", "--listen", "127.0.0.1:0", "--state"])
            .arg(folder.path().join("state"))
            .args(["--bench", "127.0.0.1:0", "--clock", "manual", "--ready-file"])
            .arg(&ready_file)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(emulator.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("ready: ") {
            assert_ne!(told.read_line(&mut said).unwrap(), 0, "{said}");
        }
        // What it tells from now on is read by nobody, and must not fill a pipe.
        thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        let ready: Value = serde_json::from_slice(&fs::read(&ready_file).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{ready}")).to_owned();
        let url = text(&ready["bench"]["url"]);
        Self {
            address: text(&ready["management"]).parse().unwrap(),
            bench: url.strip_prefix("http://").unwrap().to_owned(),
            token: text(&ready["bench"]["token"]),
            folder,
            emulator,
            unseen: Cell::new(0),
        }
    }

    /// The cards of its three custodians: two of them are needed.
    pub(crate) fn cards(&self) -> [PathBuf; 3] {
        ["ana", "bruno", "carla"].map(|holder| self.folder.path().join(format!("cards/{holder}.card")))
    }

    /// Everything about the device, as its bench tells it.
    pub(crate) fn state(&self) -> Value {
        self.ask("GET", "/v1/state", &Value::Null)
    }

    /// Somebody presses this key at the console.
    pub(crate) fn press(&self, key: &str) {
        self.ask("POST", "/v1/console/keys", &json!({ "keys": [key] }));
    }

    /// Somebody pulls its cable out.
    pub(crate) fn cut_power(&self) {
        self.ask("POST", "/v1/power", &json!({ "action": "cut" }));
    }

    /// Sends its process a signal by the name that `kill` knows.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.emulator.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success(), "kill {name} {pid}");
    }

    /// Moves its clock. Everything that is due has happened when this comes back.
    pub(crate) fn advance(&self, by: Duration) -> Value {
        let by_ms = u64::try_from(by.as_millis()).unwrap();
        self.ask("POST", "/v1/clock/advance", &json!({ "by_ms": by_ms }))
    }

    /// Waits until something of this kind has happened whose line says this, and takes it and everything before it out
    /// of sight.
    #[track_caller]
    pub(crate) fn wait_for(&self, kind: &str, said: &str) {
        let path = format!("/v1/events?from={}", self.unseen.get());
        let head = "Accept: text/event-stream\r\nContent-Length: 0\r\n\r\n";
        let mut lines = BufReader::new(self.send("GET", &path, head));
        let (mut line, mut seen) = (String::new(), Vec::new());
        loop {
            line.clear();
            let read = lines.read_line(&mut line);
            assert!(
                matches!(read, Ok(1..)),
                "`{kind}: {said}` never happened; what did: {seen:#?}"
            );
            let Some(data) = line.strip_prefix("data:") else {
                continue;
            };
            let event: Value = serde_json::from_str(data).unwrap();
            if event["kind"] == kind && event["line"].as_str().unwrap().contains(said) {
                self.unseen.set(event["number"].as_u64().unwrap() + 1);
                return;
            }
            seen.push(event["line"].to_string());
        }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let head = format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut answer = String::new();
        let mut stream = self.send(method, path, &(head + &body));
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{method} {path}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    fn send(&self, method: &str, path: &str, rest: &str) -> TcpStream {
        let (host, token) = (&self.bench, &self.token);
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n{rest}"
        )
        .unwrap();
        stream
    }
}

impl Drop for TestDevice {
    fn drop(&mut self) {
        // It is ours, and it may have ended already.
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}
