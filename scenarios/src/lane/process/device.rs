//! A real emulator: started for one scenario and ended with it, driven and watched through its bench. Its clock stands
//! still unless it is moved.

use std::{
    fs::{self, File},
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use hsm_bench::{Faults, Phase, SeededCards, State};
use hsm_core::{Model, Profile};
use serde_json::{Value, json};

use super::bench::Bench;
use crate::world::PIN;

/// How long a program may take to start, on a busy machine.
pub(super) const START_PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks for what no event tells.
pub(super) const TURN: Duration = Duration::from_millis(2);
/// Lines of the program's own log that a failure shows.
const LAST_LINES: usize = 8;

/// A device that runs already, and its bench.
#[derive(Debug)]
pub(super) struct There {
    pub(super) address: SocketAddr,
    pub(super) fingerprint: String,
    pub(super) bench: Bench,
}

pub(super) struct Device {
    /// `None` if it was there already.
    child: Option<Child>,
    /// The emulator ends when this does.
    _life: Option<ChildStdin>,
    stderr: PathBuf,
    pub(super) bench: Bench,
    pub(super) address: SocketAddr,
    pub(super) fingerprint: String,
    /// Where its HTTP console is while its service runs; unknown of one that was there already.
    pub(super) http: Option<SocketAddr>,
    /// As it was told last.
    pub(super) state: State,
    /// The next event that was not read.
    next_event: u64,
    /// Lines of the device's log since the scenario began, as the device wrote them.
    pub(super) log: Vec<String>,
}

impl Device {
    /// A device, which is starting: what is kept in the folder, or one out of the factory if `model` says of which model.
    /// Its calendar begins so long before that of the scenarios.
    pub(super) fn start(
        program: &Path,
        folder: &Path,
        listen: SocketAddr,
        profile: &Profile,
        model: Option<Model>,
        before: Duration,
    ) -> Result<Self, String> {
        let ready = folder.join("ready.json");
        let stderr = folder.join("emulator.log");
        let millis = |time: Duration| format!("{}ms", time.as_millis());
        let log = File::create(&stderr).map_err(|why| format!("create `{}`: {why}", stderr.display()))?;
        let mut child = Command::new(program)
            .arg("run")
            .arg("--state")
            .arg(folder.join("state"))
            .args(model.iter().flat_map(|model| ["--model", model.name()]))
            .args([
                "--headless",
                "--end-with-input",
                "--clock",
                "manual",
                "--log-level",
                "warn",
            ])
            .args(["--listen", &listen.to_string(), "--bench", "127.0.0.1:0"])
            .args(["--http-listen", "127.0.0.1:0", "--loopback-nodes"])
            .args(["--calendar", &calendar(before)])
            .args(["--boot-delay", &millis(profile.limits.start)])
            .args(["--stop-delay", &millis(profile.limits.stop)])
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            // Ctrl-C is for the runner, and this one ends with it.
            .process_group(0)
            .spawn()
            .map_err(|why| format!("start `{}`: {why}", program.display()))?;
        let life = child.stdin.take();
        let facts = match await_facts(&mut child, &ready) {
            Ok(facts) => facts,
            Err(why) => {
                // It is ours, and it may have ended already.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{why}\n{}", last_lines(&stderr).join("\n")));
            }
        };
        let text = |pointer: &str| facts.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let bench = Bench::at(text("/bench/url"), text("/bench/token")).ok_or("a ready-file with a bench")?;
        let state: State = bench.get("/v1/state")?;
        let address = state.port.address.parse();
        Ok(Self {
            child: Some(child),
            _life: life,
            stderr,
            bench,
            address: address.map_err(|_| "a port at an address".to_owned())?,
            fingerprint: text("/fingerprint").to_owned(),
            http: text("/http")
                .strip_prefix("https://")
                .and_then(|url| url.trim_end_matches('/').parse().ok()),
            next_event: state.events.next,
            state,
            log: Vec::new(),
        })
    }

    /// A device that is there already. It is without power, bound to a new set of cards, and has no fault.
    pub(super) fn take_over(
        there: &There,
        required: u8,
        holders: &[String],
    ) -> Result<(Self, SeededCards), String> {
        let bench = there.bench.clone();
        let state: State = bench.get("/v1/state")?;
        let mut device = Self {
            child: None,
            _life: None,
            stderr: PathBuf::new(),
            bench,
            address: there.address,
            fingerprint: there.fingerprint.clone(),
            http: None,
            next_event: state.events.next,
            state,
            log: Vec::new(),
        };
        if device.state.power != hsm_bench::Power::Cut {
            device.power("cut")?;
        }
        if device.state.card.is_some() {
            device.state = device.bench.act("DELETE", "/v1/reader/card", None)?;
        }
        device.act("PUT", "/v1/faults", &json!(Faults::default()))?;
        let holders: Vec<_> = holders.iter().map(|holder| holder.to_lowercase()).collect();
        let seed = json!({"required": required, "holders": holders, "pin": PIN});
        let cards = device.bench.read("POST", "/v1/seed/cards", Some(&seed))?;
        Ok((device, cards))
    }

    /// Forgets what was logged so far.
    pub(super) fn begin_log(&mut self) -> Result<(), String> {
        self.read_log()?;
        self.log.clear();
        Ok(())
    }

    pub(super) fn look(&mut self) -> Result<(), String> {
        self.state = self.bench.get("/v1/state")?;
        Ok(())
    }

    pub(super) fn act(&mut self, method: &str, path: &str, body: &Value) -> Result<(), String> {
        self.state = self.bench.act(method, path, Some(body))?;
        Ok(())
    }

    /// Moves the clock once the device has read so many bytes of each of these connections.
    pub(super) fn advance(&mut self, by_ms: u64, after: &[(u64, u64)]) -> Result<(), String> {
        // More than one step may wait for is waited for in several.
        let mut chunks = after.chunks(hsm_bench::AFTER_MAX).peekable();
        loop {
            let chunk = chunks.next().unwrap_or_default();
            let by_ms = if chunks.peek().is_some() { 0 } else { by_ms };
            let after: Vec<Value> = chunk
                .iter()
                .map(|(connection, bytes)| json!({"connection": connection, "bytes": bytes}))
                .collect();
            self.act(
                "POST",
                "/v1/clock/advance",
                &json!({"by_ms": by_ms, "after": after}),
            )?;
            if chunks.peek().is_none() {
                return Ok(());
            }
        }
    }

    /// Waits until the device has read so many bytes of each of these connections, unless one has ended meanwhile.
    pub(super) fn hear(&mut self, said: &[(u64, u64)]) -> Result<(), String> {
        let Err(why) = self.advance(0, said) else {
            return Ok(());
        };
        self.look()?;
        let is_unread = said.iter().any(|(number, bytes)| {
            let mut held = self.state.connections.iter();
            held.any(|held| {
                held.connection == *number && held.phase != Phase::End && held.bytes_read < *bytes
            })
        });
        if is_unread { Err(why) } else { Ok(()) }
    }

    /// Presses a key of the console, by its name.
    pub(super) fn press(&mut self, key: &str) -> Result<(), String> {
        self.act("POST", "/v1/console/keys", &json!({"keys": [key]}))
    }

    pub(super) fn power(&mut self, action: &str) -> Result<(), String> {
        self.act("POST", "/v1/power", &json!({"action": action}))
    }

    /// Takes what the device has logged since it was asked last.
    pub(super) fn read_log(&mut self) -> Result<(), String> {
        for event in self.bench.events(self.next_event)? {
            self.next_event = event.number + 1;
            // The device's log begins anew, and events do not.
            if event.kind == "log_cleared" {
                self.log.clear();
            }
            // What the mains do is told by the bench, and stands in no log of the device.
            if !["power_cut", "power_returned"].contains(&event.kind.as_str()) {
                self.log.push(event.line);
            }
        }
        Ok(())
    }

    /// What the program said last.
    pub(super) fn last_words(&self) -> Vec<String> {
        last_lines(&self.stderr)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It is ours, its state is thrown away, and it may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The calendar of the scenarios begins with the year 2026 (`world.rs`), in the form of RFC 3339.
fn calendar(before: Duration) -> String {
    match before.as_secs() {
        0 => "2026-01-01T00:00:00Z".to_owned(),
        seconds => format!(
            "2025-12-31T23:{:02}:{:02}Z",
            59 - (seconds - 1) / 60 % 60,
            (60 - seconds % 60) % 60
        ),
    }
}

fn await_facts(child: &mut Child, ready: &Path) -> Result<Value, String> {
    let give_up = Instant::now() + START_PATIENCE;
    loop {
        // It appears whole.
        if let Ok(facts) = fs::read(ready) {
            return serde_json::from_slice(&facts).map_err(|why| format!("read the ready-file: {why}"));
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("the emulator ended at its start: {status}"));
        }
        if Instant::now() > give_up {
            return Err(format!("the emulator was not ready within {START_PATIENCE:?}"));
        }
        thread::sleep(TURN);
    }
}

fn last_lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].to_vec()
}
