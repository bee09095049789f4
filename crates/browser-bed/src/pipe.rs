//! The browser's process and the pipe to it: commands in, answers and events out, each a JSON text that a NUL ends.
//! Knows no mouse and no page.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Instant,
};

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::PATIENCE;

/// Puts the pipe where the browser looks for it: it reads file descriptor 3 and writes 4.
const LAUNCH: &str = r#"exec "$@" 3<&0 4>&1 </dev/null >&2"#;

/// A browser with one page, to which everything is said.
pub(crate) struct Pipe {
    process: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    last_id: u64,
    session: Option<String>,
    /// What happened of each kind: how often, and the last one.
    events: HashMap<String, (usize, Value)>,
    errors: Vec<String>,
    /// Profile, home and what the browser says about itself.
    folder: TempDir,
}

impl Pipe {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a profile");
        let said = File::create(folder.path().join("said")).expect("there is room for what it says");
        let mut command = Command::new("sh");
        command.args([
            "-c",
            LAUNCH,
            "sh",
            "chromium",
            "--headless",
            "--remote-debugging-pipe",
        ]);
        command.args([
            "--no-first-run",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-dev-shm-usage",
        ]);
        if geteuid().is_root() {
            // It refuses to start as root otherwise. Every page in here is ours.
            command.arg("--no-sandbox");
        }
        command
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .arg("about:blank")
            .env("HOME", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said)
            // All its processes can be ended together.
            .process_group(0);
        let mut process = command.spawn().expect("there is a shell");
        let commands = process.stdin.take().expect("it is piped");
        let stdout = process.stdout.take().expect("it is piped");
        let (tell, messages) = channel();
        thread::spawn(move || {
            for message in BufReader::new(stdout).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else {
                    return;
                };
                if tell.send(message).is_err() {
                    return;
                }
            }
        });
        let mut pipe = Self {
            process,
            commands,
            messages,
            last_id: 0,
            session: None,
            events: HashMap::new(),
            errors: Vec::new(),
            folder,
        };
        let made = pipe.ask("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": made["targetId"], "flatten": true});
        let attached = pipe.ask("Target.attachToTarget", &attach);
        pipe.session = attached["sessionId"].as_str().map(str::to_owned);
        pipe
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Says something and gives the answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.try_ask(method, params)
            .unwrap_or_else(|why| panic!("tell the browser `{method}`: {why}"))
    }

    /// The same, if the browser may be unable to do it.
    pub(crate) fn try_ask(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.last_id += 1;
        let mut command = json!({"id": self.last_id, "method": method, "params": params});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        let sent = self
            .commands
            .write_all(&bytes)
            .and_then(|()| self.commands.flush());
        assert!(
            sent.is_ok(),
            "tell the browser `{method}`: it has ended\n{}",
            self.said()
        );
        let give_up = Instant::now() + PATIENCE * 2;
        loop {
            let message = self.receive(method, give_up);
            if message["id"].as_u64() != Some(self.last_id) {
                continue;
            }
            return match message.get("error") {
                Some(error) => Err(error.to_string()),
                None => Ok(message["result"].clone()),
            };
        }
    }

    /// How often this has happened so far.
    pub(crate) fn count(&self, event: &str) -> usize {
        self.events.get(event).map_or(0, |(count, _)| *count)
    }

    /// Waits until this has happened more often, and gives what was said then.
    pub(crate) fn wait_for_event(&mut self, event: &str, count: usize) -> Value {
        let give_up = Instant::now() + PATIENCE;
        while self.count(event) <= count {
            self.receive(event, give_up);
        }
        self.events[event].1.clone()
    }

    pub(crate) fn take_errors(&mut self) -> Vec<String> {
        std::mem::take(&mut self.errors)
    }

    /// The next message; an event is noted.
    fn receive(&mut self, doing: &str, give_up: Instant) -> Value {
        let left = give_up.saturating_duration_since(Instant::now());
        let message = match self.messages.recv_timeout(left) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => panic!("wait for `{doing}`: the browser said nothing of it"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!(
                    "wait for `{doing}`: the browser has ended; is there a `chromium`?\n{}",
                    self.said()
                )
            }
        };
        if let Some(event) = message["method"].as_str() {
            let params = &message["params"];
            match event {
                "Runtime.exceptionThrown" => self.errors.push(exception(&params["exceptionDetails"])),
                "Runtime.consoleAPICalled" if params["type"] == "error" || params["type"] == "assert" => {
                    self.errors.push(params["args"].to_string());
                }
                "Log.entryAdded" if params["entry"]["level"] == "error" => {
                    let entry = &params["entry"];
                    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
                    self.errors
                        .push(format!("{}: {} {}", text("source"), text("text"), text("url")));
                }
                _ => {}
            }
            let (count, last) = self.events.entry(event.to_owned()).or_default();
            *count += 1;
            last.clone_from(params);
        }
        message
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }
}

/// The browser and everything that it started.
impl Drop for Pipe {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.wait();
    }
}

/// What an exception says.
pub(crate) fn exception(details: &Value) -> String {
    let description = details["exception"]["description"].as_str();
    description
        .or(details["text"].as_str())
        .unwrap_or("an exception")
        .to_owned()
}
