//! A device that runs already: the runner plays with it, one scenario after the other, and leaves it running.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{programs, repository, told};

/// Long enough for anything on a slow computer; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(120);

/// An emulator that does not outlive the test.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        // It is ours, and it may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_device_that_runs_already_is_played_with_and_goes_on() {
    let folder = tempfile::tempdir().expect("room for a folder");
    let ready = folder.path().join("ready.json");
    let started = Command::new(programs().join("hsm-emulator"))
        .arg("run")
        .arg("--state")
        .arg(folder.path().join("state"))
        .args(["--headless", "--listen", "127.0.0.1:0", "--bench", "127.0.0.1:0"])
        .args(["--clock", "manual", "--log-level", "error", "--ready-file"])
        .arg(&ready)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    let mut emulator = Emulator(started.expect("the emulator starts"));
    let give_up = Instant::now() + PATIENCE;
    while !ready.exists() {
        assert!(Instant::now() < give_up, "the emulator is not ready");
        thread::sleep(Duration::from_millis(5));
    }
    let facts: Value = serde_json::from_slice(&fs::read(&ready).expect("it is whole")).expect("it is JSON");
    let text = |pointer: &str| facts.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    // The port is closed as long as nobody manages it, and then the ready-file does not name it.
    let state = Command::new(programs().join("hsm-emulator"))
        .args(["bench", "--json", "--ready-file"])
        .arg(&ready)
        .arg("state")
        .output()
        .expect("the bench answers");
    let state: Value = serde_json::from_slice(&state.stdout).expect("it is JSON");
    let address = state["port"]["address"].as_str().expect("a port");
    let play = |jobs: &str| {
        Command::new(env!("CARGO_BIN_EXE_hsm-rig"))
            .args([
                "run",
                "scenarios/suite/custodians/rights.feature",
                "--lane",
                "process",
            ])
            .args([
                "--hsm",
                address,
                "--bench",
                text("/bench/url"),
                "--fingerprint",
                text("/fingerprint"),
            ])
            .args(["--jobs", jobs])
            .env("HSM_BENCH_TOKEN", text("/bench/token"))
            .current_dir(repository())
            .output()
            .expect("the runner starts")
    };
    let played = play("1");
    assert!(played.status.success(), "{}", told(&played));
    assert!(
        emulator.0.try_wait().expect("it is our child").is_none(),
        "it goes on"
    );
    let refused = play("2");
    assert_eq!(refused.status.code(), Some(2), "{}", told(&refused));
    assert!(
        told(&refused).contains("expected 1 job, got 2"),
        "{}",
        told(&refused)
    );
}
