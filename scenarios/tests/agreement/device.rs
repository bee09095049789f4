//! A real emulator, started for one scenario and ended with it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::repository;

/// Builds the program. Cargo gives a test only the programs of its own package.
pub(crate) fn build() {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", "hsm-emulator"])
        // Beside this test stand the programs of its own profile.
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(repository())
        .status();
    assert!(
        built.expect("cargo runs this test").success(),
        "hsm-emulator is built"
    );
}

fn program() -> PathBuf {
    // This test stands in `target/debug/deps`.
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().and_then(Path::parent).expect("two folders up");
    folder.join("hsm-emulator")
}

/// An emulator that waits for its custodians, as `hsm-emulator demo` makes it.
pub(crate) struct Device {
    folder: TempDir,
    child: Child,
    keys: ChildStdin,
    pub(crate) address: SocketAddr,
    pub(crate) fingerprint: String,
}

impl Device {
    pub(crate) fn demo() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let demo = folder.path().join("demo");
        let made = Command::new(program())
            .args(["demo", "--dir"])
            .arg(&demo)
            .output();
        let made = made.map_err(|error| error.to_string())?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned());
        }
        let ready = folder.path().join("ready.json");
        let mut child = Command::new(program())
            .args(["run", "--listen", "127.0.0.1:0", "--state"])
            .arg(demo.join("state"))
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let keys = child.stdin.take().expect("it was asked for");
        let mut told = BufReader::new(child.stderr.take().expect("it was asked for"));
        let mut line = String::new();
        // The file is there when the program says that it is ready.
        while !line.contains("ready:") {
            line.clear();
            if told.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
                return Err(format!("the emulator ended: {:?}", child.wait()));
            }
        }
        // What it tells from now on is read by nobody, and must not fill a pipe.
        std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        let facts = std::fs::read(&ready).map_err(|error| error.to_string())?;
        let facts: Value = serde_json::from_slice(&facts).map_err(|error| error.to_string())?;
        let text = |member: &str| {
            facts[member]
                .as_str()
                .map(str::to_owned)
                .ok_or(format!("a ready-file with `{member}`"))
        };
        let address = text("management")?
            .parse()
            .map_err(|_| "an address in the ready-file".to_owned())?;
        Ok(Self {
            address,
            fingerprint: text("fingerprint")?,
            folder,
            child,
            keys,
        })
    }

    pub(crate) fn card(&self, person: &str) -> PathBuf {
        self.folder
            .path()
            .join("demo/cards")
            .join(format!("{}.card", person.to_lowercase()))
    }

    /// Somebody presses a key at the console.
    pub(crate) fn press(&mut self, key: &str) -> Result<(), String> {
        writeln!(self.keys, "{key}").map_err(|error| error.to_string())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // It may have ended already, when a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
