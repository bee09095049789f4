//! Where the real programs are, and how they are started and ended. Ends only what it has started.

use std::{
    env,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

/// Long enough for anything on a slow computer; only a test that fails waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The PIN of every card of the demo.
pub(crate) const PIN: &str = "12345678";

/// Builds both programs, as this test was built. Cargo gives a test only the programs of its own package.
pub(crate) fn build() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "-p", "hsm-emulator", "-p", "hsm-client-app"])
            .args((!cfg!(debug_assertions)).then_some("--release"))
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .status();
        assert!(
            built.expect("cargo runs this test").success(),
            "the programs are built"
        );
    });
}

fn program(name: &str) -> PathBuf {
    // This test stands in `deps`, the programs in the folder above.
    let test = env::current_exe().expect("a test has a path");
    test.ancestors().nth(2).expect("two folders up").join(name)
}

/// A child that does not outlive the test.
pub(crate) struct Program(pub(crate) Child);

impl Program {
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself in this instant.
        let _ = self.0.kill();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        let _ = self.0.wait();
    }
}

/// A folder made by `hsm-emulator demo`: `state` and `cards`.
pub(crate) fn demo() -> TempDir {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let made = Command::new(program("hsm-emulator"))
        .args(["demo", "--dir"])
        .arg(folder.path())
        .output()
        .expect("it starts");
    assert!(made.status.success(), "{made:?}");
    folder
}

/// `hsm-emulator run` on the state of a folder, at a port that is free, with its console on standard input.
pub(crate) fn emulator(folder: &Path) -> Program {
    let child = Command::new(program("hsm-emulator"))
        .args(["run", "--listen", "127.0.0.1:0", "--state"])
        .arg(folder.join("state"))
        .arg("--ready-file")
        .arg(ready_file(folder))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    Program(child.expect("it starts"))
}

pub(crate) fn ready_file(folder: &Path) -> PathBuf {
    folder.join("ready.json")
}

/// What the ready-file says.
pub(crate) fn facts(folder: &Path) -> Value {
    let text = std::fs::read(ready_file(folder)).expect("it is there when the emulator says so");
    serde_json::from_slice(&text).expect("it is JSON")
}

/// `hsm-client --json`, with its input open and the PIN in the variable `PIN`. It remembers devices in `known`: whoever
/// runs this test has devices of their own, perhaps at the same ports.
pub(crate) fn client(hsm: &str, known: &str, arguments: &[&str], pin: &str) -> Program {
    let child = Command::new(program("hsm-client"))
        .args(["--json", "--hsm", hsm, "--known-hsms", known])
        .args(arguments)
        .env("PIN", pin)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    Program(child.expect("it starts"))
}

/// Tells each line as it comes, then that there are no more.
pub(crate) fn follow<T: Send + 'static>(
    pipe: impl Read + Send + 'static,
    tell: Sender<T>,
    meaning: impl Fn(Option<String>) -> T + Send + 'static,
) {
    thread::spawn(move || {
        let lines = BufReader::new(pipe).lines().map_while(Result::ok).map(Some);
        // A test that has failed does not listen any more.
        let _ = lines.chain([None]).try_for_each(|line| tell.send(meaning(line)));
    });
}

/// The lines of a pipe, as a channel that ends with them.
pub(crate) fn lines(pipe: impl Read + Send + 'static) -> Receiver<Option<String>> {
    let (tell, lines) = channel();
    follow(pipe, tell, |line| line);
    lines
}
