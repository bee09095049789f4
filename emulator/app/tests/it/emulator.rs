//! A running emulator and what it says on stderr.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

/// Long enough for fifty emulators on a slow computer; only a test that fails waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_hsm-emulator");

pub(crate) struct Emulator {
    child: Child,
    lines: Receiver<String>,
    pub(crate) said: Vec<String>,
    ready_file: PathBuf,
}

/// A folder made by `hsm-emulator demo`: `state` and `cards`.
pub(crate) fn demo() -> TempDir {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let output = Command::new(BINARY)
        .args(["demo", "--dir"])
        .arg(folder.path())
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{output:?}");
    folder
}

/// `hsm-emulator run` on the state of a folder, at a port that is free.
pub(crate) fn run(folder: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.args(run_arguments(folder));
    command
}

/// The same behind a line of shell that prepares its limits.
pub(crate) fn run_limited(limits: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limits}; exec \"$@\""), "sh", BINARY]);
    command.args(run_arguments(folder));
    command
}

/// A small file system of its own, mounted at `full` in the folder where nobody else sees it. Needs the right to make
/// namespaces, as the tests with a stock pcscd do.
pub(crate) fn run_on_small_disk(folder: &Path, size: &str, prepare: &str) -> Command {
    fs::create_dir(folder.join("full")).expect("there is room");
    let script =
        format!("cd \"$0\" && mount -t tmpfs -o size={size} tmpfs full && {{ {prepare}; }} && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script]);
    command
        .arg(folder)
        .arg(BINARY)
        .args(run_arguments(&folder.join("full")));
    command
}

fn run_arguments(folder: &Path) -> Vec<PathBuf> {
    let state = folder.join("state");
    let ready_file = folder.join("ready.json");
    let arguments = ["run", "--headless", "--listen", "127.0.0.1:0", "--state"];
    let mut arguments: Vec<PathBuf> = arguments.iter().map(PathBuf::from).collect();
    arguments.extend([state, "--ready-file".into(), ready_file]);
    arguments
}

impl Emulator {
    /// Starts it and does not wait.
    pub(crate) fn spawn(folder: &Path, mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
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
            ready_file: folder.join("ready.json"),
        }
    }

    /// Starts it on the state of a folder and waits until it is ready.
    pub(crate) fn start(folder: &Path) -> Self {
        let mut emulator = Self::spawn(folder, run(folder));
        emulator.wait_for("ready: ");
        emulator
    }

    /// Starts it, waits until it is ready, and then closes the pipe that it logs to.
    pub(crate) fn start_unheard(folder: &Path) -> Self {
        let mut child = run(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let is_ready = lines.any(|line| line.expect("it logs").contains("ready: "));
        let emulator = Self {
            child,
            lines: channel().1,
            said: Vec::new(),
            ready_file: folder.join("ready.json"),
        };
        assert!(is_ready);
        emulator
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

    pub(crate) fn ready_file(&self) -> Value {
        let text = fs::read_to_string(&self.ready_file).expect("it is there");
        serde_json::from_str(&text).expect("it is JSON")
    }

    pub(crate) fn has_ready_file(&self) -> bool {
        self.ready_file.exists()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let ready = self.ready_file();
        let management = ready["management"].as_str().expect("its port is open");
        management.parse().expect("it is an address")
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.ready_file()["fingerprint"]
            .as_str()
            .expect("a text")
            .to_owned()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("there is a `kill`").success());
    }

    /// Its number among the processes.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end; what it said stays in `said`.
    pub(crate) fn end(&mut self) -> ExitStatus {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.said.push(line);
        }
        self.child.wait().expect("it is our child")
    }
}

/// No test leaves one behind.
impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
