//! A running `virtual-card vicc` and what it says on stderr; folders with cards.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::Value;

/// Long enough for a hundred programs on a slow computer; only a test that fails waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_virtual-card");

/// A folder with one card, `ana.card`, whose PIN is 12345678 and whose label is `Ana`.
pub(crate) fn folder_with_card() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    make(&folder.path().join("ana.card"), &["--label", "Ana"]);
    folder
}

pub(crate) fn make(card: &Path, more: &[&str]) {
    let made = run(&[&["new", "--pin-env", "PIN"], more].concat(), &[card]);
    assert!(made.status.success(), "{made:?}");
}

/// Runs the program to its end.
pub(crate) fn run(words: &[&str], paths: &[&Path]) -> Output {
    Command::new(BINARY)
        .args(words)
        .args(paths)
        .env("PIN", "12345678")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) struct Vicc {
    child: Child,
    lines: Receiver<String>,
    pub(crate) said: Vec<String>,
    ready_file: PathBuf,
}

impl Vicc {
    /// Starts it with these words behind `vicc` and does not wait.
    pub(crate) fn spawn(folder: &Path, cards: &[&str], words: &[&str]) -> Self {
        let ready_file = folder.join(format!("{}.ready", cards[0]));
        let mut child = Command::new(BINARY)
            .arg("vicc")
            .args(cards.iter().map(|card| folder.join(card)))
            .args(words)
            .arg("--ready-file")
            .arg(&ready_file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = channel();
        thread::spawn(move || {
            stderr
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| tell.send(line))
        });
        Self {
            child,
            lines,
            said: Vec::new(),
            ready_file,
        }
    }

    /// `ana.card`, for a reader at this address.
    pub(crate) fn connecting(folder: &Path, address: SocketAddr, more: &[&str]) -> Self {
        let address = address.to_string();
        Self::spawn(
            folder,
            &["ana.card"],
            &[&["--connect", address.as_str()], more].concat(),
        )
    }

    /// `ana.card`, waiting for a reader at the address that comes with it.
    pub(crate) fn listening(folder: &Path, more: &[&str]) -> (Self, SocketAddr) {
        let words = [&["--listen", "127.0.0.1:0"], more].concat();
        let mut vicc = Self::spawn(folder, &["ana.card"], &words);
        vicc.wait_for("ready: ");
        let address = vicc.ready()["cards"][0]["listen"].as_str().unwrap().parse();
        (vicc, address.unwrap())
    }

    /// Waits for a line that holds this text, and gives it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("it never said `{text}`, but:\n{}", self.said.join("\n"));
            };
            self.said.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn ready_file(&self) -> &Path {
        &self.ready_file
    }

    pub(crate) fn ready(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(&self.ready_file).unwrap()).unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Kills it as the power would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end; what it said stays in `said`.
    pub(crate) fn end(&mut self) -> ExitStatus {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.said.push(line);
        }
        self.child.wait().unwrap()
    }
}

/// No test leaves one behind.
impl Drop for Vicc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
