//! A run that is ended in its middle: by Ctrl-C, which goes to all of its group, and with `kill -9`, which goes to the
//! runner alone. Afterwards there is no process, no file and no port of it.

use std::{
    env, fs,
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{programs, repository};

/// Long enough for anything on a slow computer; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(240);
/// Emulators that must be there before a run is ended.
const EMULATORS: usize = 3;

/// How a run is ended.
#[derive(Clone, Copy, Debug)]
enum End {
    CtrlC,
    Kill,
}

#[test]
fn a_run_that_is_ended_in_its_middle_leaves_nothing_behind() {
    let _ = programs();
    let is_soak = env::var_os("RIG_SOAK").is_some_and(|value| value == "1");
    for round in 0..if is_soak { 20 } else { 2 } {
        check(if round % 2 == 0 { End::CtrlC } else { End::Kill });
    }
}

fn check(end: End) {
    let room = tempfile::tempdir().expect("room for a folder");
    // Somebody who starts tests in the background has them ignore Ctrl-C.
    let mut runner = Command::new("env")
        .args(["--default-signal=INT", env!("CARGO_BIN_EXE_hsm-rig")])
        .args([
            "run",
            "scenarios/suite/custodians",
            "--lane",
            "process",
            "--jobs",
            "4",
        ])
        .env("TMPDIR", room.path())
        .current_dir(repository())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the runner starts");
    let ports = await_emulators(&mut runner, room.path());
    let target = match end {
        // The terminal sends it to everybody in the foreground.
        End::CtrlC => ["-INT".to_owned(), format!("-{}", runner.id())],
        End::Kill => ["-KILL".to_owned(), runner.id().to_string()],
    };
    let sent = Command::new("kill")
        .arg(&target[0])
        .arg("--")
        .arg(&target[1])
        .status();
    assert!(sent.expect("`kill` is there").success(), "{end:?}");
    let status = runner.wait().expect("it is our child");
    assert!(!status.success(), "{end:?}: it ended in its middle");
    await_nothing(end, room.path());
    for port in ports {
        assert!(
            TcpStream::connect(port).is_err(),
            "{end:?}: somebody listens at {port}"
        );
    }
}

/// Waits until enough emulators have said that they are ready, and gives the ports of their benches.
fn await_emulators(runner: &mut Child, room: &Path) -> Vec<SocketAddr> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let ports: Vec<_> = ready_files(room)
            .iter()
            .filter_map(|path| bench_of(path))
            .collect();
        if ports.len() >= EMULATORS {
            return ports;
        }
        assert!(
            runner.try_wait().expect("it is our child").is_none(),
            "the run was too short"
        );
        assert!(Instant::now() < give_up, "no {EMULATORS} emulators at once");
        thread::sleep(Duration::from_millis(5));
    }
}

fn ready_files(room: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let scenarios = entries(room).into_iter().flat_map(|run| entries(&run));
    scenarios.map(|scenario| scenario.join("ready.json")).collect()
}

/// `None` if it is not there, or gone already.
fn bench_of(ready: &Path) -> Option<SocketAddr> {
    let facts: Value = serde_json::from_slice(&fs::read(ready).ok()?).ok()?;
    facts["bench"]["url"]
        .as_str()?
        .strip_prefix("http://")?
        .parse()
        .ok()
}

/// Waits until neither a process nor a file of the run is left.
fn await_nothing(end: End, room: &Path) {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let processes = processes_of(room);
        let files = fs::read_dir(room).expect("our folder is there").count();
        if processes.is_empty() && files == 0 {
            return;
        }
        assert!(
            Instant::now() < give_up,
            "{end:?}: left are the processes {processes:?} and {files} folders"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

/// Every process to which this folder was given for its temporary files.
fn processes_of(room: &Path) -> Vec<String> {
    let wanted = format!("TMPDIR={}", room.display());
    let processes = fs::read_dir("/proc").expect("this is Linux").flatten();
    let names = processes.filter_map(|entry| {
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let is_ours = environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes());
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        is_ours.then(|| name.trim().to_owned())
    });
    names.collect()
}
