//! A person's station: a real program that speaks the contract of `docs/client-contract.md`, told line by line what the
//! person does. Believes nothing that the program did not say.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{IpAddr, SocketAddr},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use hsm_bench::{Connection, Phase};

use super::{courier::Courier, device::TURN, screens::Screens};

/// How long a client may take for its word, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to end.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of one line of a client, its LF not counted.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
/// Lines of a client that wait to be read; a client that says more waits.
const LINES_MAX: usize = 1024;
/// The version of the contract.
const CONTRACT: u64 = 1;

/// A program in a station's place.
pub(super) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Result<Value, String>>,
}

impl Client {
    fn start(command: &[OsString], name: &str, folder: &Path) -> Result<Self, String> {
        let (program, arguments) = command.split_first().ok_or("a command for `--client`")?;
        let failed = |why: std::io::Error| format!("start the client `{}`: {why}", program.display());
        let log = folder.join(format!("client-{name}.log"));
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(failed)?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            // Ctrl-C is for the runner, and this one ends with it.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("start the client: it has no input or no output".into());
        };
        let (lines_in, lines) = sync_channel(LINES_MAX);
        let reading = thread::Builder::new()
            .name(format!("client of {name}"))
            .spawn(move || {
                let mut output = BufReader::new(output);
                loop {
                    let mut line = Vec::new();
                    let read = output
                        .by_ref()
                        .take(LINE_BYTES_MAX + 1)
                        .read_until(b'\n', &mut line);
                    if !read.is_ok_and(|read| read > 0) {
                        return;
                    }
                    let told = serde_json::from_slice(&line)
                        .map_err(|why| format!("read what the client says: expected a line of JSON, {why}"));
                    if lines_in.send(told).is_err() {
                        return;
                    }
                }
            });
        reading.map_err(failed)?;
        let input = Some(input);
        Ok(Self {
            child,
            input,
            output: lines,
        })
    }

    fn do_it(&mut self, deed: &Value) -> Result<(), String> {
        let input = self.input.as_mut().ok_or("a client that listens")?;
        let written = writeln!(input, "{deed}").and_then(|()| input.flush());
        written.map_err(|why| format!("tell the client: {why}"))
    }

    fn next(&mut self) -> Result<Value, String> {
        match self.output.recv_timeout(PATIENCE) {
            Ok(told) => told,
            Err(RecvTimeoutError::Timeout) => Err(format!("the client said nothing for {PATIENCE:?}")),
            Err(RecvTimeoutError::Disconnected) => Err("the client has ended".into()),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The end of its input is the end of the client, which may have something to clean up.
        drop(self.input.take());
        let give_up = Instant::now() + END_PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < give_up {
            thread::sleep(TURN);
        }
        // It is ours, and it may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the station asks its person for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    Card,
    Pin,
}

/// A person with a station.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that is known of the person, and none excludes another"
)]
pub(super) struct Person {
    name: String,
    client: Option<Client>,
    /// Whoever works with the console has one, and no program that speaks the contract.
    pub(super) screens: Option<Screens>,
    /// What this station and the device say is carried by hand.
    pub(super) courier: Option<Courier>,
    /// There is no reader.
    pub(super) is_unplugged: bool,
    /// The fingerprint that this station trusts, if it is not the device's.
    pub(super) trusted: Option<String>,
    /// Where this person connects from.
    pub(super) address: IpAddr,
    /// The own end of the connection that was opened last, unless the program crashed.
    pub(super) local: Option<SocketAddr>,
    /// Whether that connection is not over, as far as the client has said.
    pub(super) is_connected: bool,
    /// Whether the session is open, as far as the client has said.
    pub(super) is_open: bool,
    /// When the last attempt to connect found nothing listening.
    pub(super) refused: bool,
    /// Whose card is in the reader.
    pub(super) slot: Option<String>,
    pub(super) prompt: Option<Prompt>,
    pub(super) pin_prompts: i64,
    /// What the person was told on this connection.
    pub(super) told: Vec<Value>,
    /// Lines of this connection, with who said them.
    pub(super) lines: Vec<(String, String)>,
    /// When each of them was heard, in microseconds of the device's clock.
    instants: Vec<u64>,
    /// Bytes sent and received on this connection, as the client counted them.
    pub(super) counted: (u64, u64),
}

impl Person {
    pub(super) fn new(name: &str, address: IpAddr) -> Self {
        Self {
            name: name.to_owned(),
            client: None,
            screens: None,
            courier: None,
            is_unplugged: false,
            trusted: None,
            address,
            local: None,
            is_connected: false,
            is_open: false,
            refused: false,
            slot: None,
            prompt: None,
            pin_prompts: 0,
            told: Vec::new(),
            lines: Vec::new(),
            instants: Vec::new(),
            counted: (0, 0),
        }
    }

    /// The program of this person, started if there is none.
    fn client(&mut self, command: &[OsString], folder: &Path) -> Result<&mut Client, String> {
        if self.client.is_none() {
            let mut client = Client::start(command, &self.name, folder)?;
            let hello = client.next()?;
            if hello["tell"] != "ready" || hello["contract"] != CONTRACT || hello["cards"] != "image" {
                return Err(format!(
                    "expected a client that is ready for contract {CONTRACT} with card images, got {hello}"
                ));
            }
            if self.is_unplugged {
                client.do_it(&json!({"do": "unplug"}))?;
            }
            self.client = Some(client);
        }
        self.client.as_mut().ok_or_else(|| "a client".into())
    }

    /// Opens a connection; whether there was somebody at its other end.
    pub(super) fn connect(
        &mut self,
        command: &[OsString],
        folder: &Path,
        hsm: SocketAddr,
        fingerprint: &str,
    ) -> Result<bool, String> {
        let source = self.address;
        self.told.clear();
        self.lines.clear();
        self.instants.clear();
        self.counted = (0, 0);
        self.refused = false;
        self.is_connected = false;
        self.is_open = false;
        self.local = None;
        let deed = json!({
            "do": "connect", "hsm": hsm.to_string(), "fingerprint": fingerprint, "source": source.to_string(),
        });
        self.client(command, folder)?.do_it(&deed)?;
        loop {
            let told = self.hear()?;
            match told["tell"].as_str() {
                Some("connected") => {
                    let local = told["address"].as_str().and_then(|address| address.parse().ok());
                    self.local = Some(local.ok_or("an address in `connected`")?);
                    self.is_connected = true;
                    return Ok(true);
                }
                Some("unreachable") => {
                    self.refused = true;
                    return Ok(false);
                }
                _ => {}
            }
        }
    }

    /// Does something at the station, which need not have a program yet.
    pub(super) fn does(&mut self, command: &[OsString], folder: &Path, deed: &Value) -> Result<(), String> {
        self.client(command, folder)?.do_it(deed)
    }

    /// Whether a program stands at this station.
    pub(super) fn has_client(&self) -> bool {
        self.client.is_some()
    }

    /// Has the program crash, which resets its connection.
    pub(super) fn crash(&mut self) -> Result<(), String> {
        if let Some(mut client) = self.client.take() {
            client.do_it(&json!({"do": "crash"}))?;
            // Its end is the end of what it says.
            while client.next().is_ok() {}
        }
        self.is_connected = false;
        self.is_open = false;
        self.prompt = None;
        self.told.clear();
        Ok(())
    }

    /// Waits until so many bytes have come, or until the connection is over, and takes what was told until then.
    pub(super) fn sync(&mut self, received: Option<u64>) -> Result<(), String> {
        if self.screens.is_some() {
            return self.sync_screens(received);
        }
        let Some(client) = &mut self.client else {
            return Ok(());
        };
        client.do_it(&json!({"do": "sync", "received": received}))?;
        loop {
            let told = self.hear()?;
            if told["tell"] == "synced" {
                let count = |member: &str| told[member].as_u64().ok_or("whole numbers in `synced`");
                self.counted = (count("sent")?, count("received")?);
                return Ok(());
            }
        }
    }

    fn hear(&mut self) -> Result<Value, String> {
        let client = self.client.as_mut().ok_or("a client")?;
        let told = client.next()?;
        self.on_told(told.clone())?;
        Ok(told)
    }

    fn on_told(&mut self, told: Value) -> Result<(), String> {
        match told["tell"].as_str().ok_or("a member `tell`")? {
            "line" => {
                let text = |member: &str| told[member].as_str().unwrap_or_default().to_owned();
                self.lines.push((text("from"), text("line")));
            }
            "prompt" => {
                self.prompt = match told["for"].as_str() {
                    Some("card") => Some(Prompt::Card),
                    Some("pin") => {
                        self.pin_prompts += 1;
                        Some(Prompt::Pin)
                    }
                    _ => None,
                };
            }
            "problem" => return Err(format!("the client says: {}", told["message"])),
            "connected" | "unreachable" | "synced" | "ready" => {}
            what => {
                match what {
                    "opened" => self.is_open = true,
                    "ended" => {
                        self.is_open = false;
                        self.is_connected = false;
                        self.prompt = None;
                    }
                    _ => {}
                }
                self.told.push(told);
            }
        }
        Ok(())
    }

    /// The same where both sides are carried by hand: the station hears what came to it, and what the device, which holds
    /// this connection, and the station have said by then can be carried.
    pub(super) fn hear_carried(&mut self, held: Option<&Connection>) -> Result<(), String> {
        let Some(mut courier) = self.courier.take() else {
            return Ok(());
        };
        // Whoever says nothing more has closed its end, or does.
        let is_said = |held: &&Connection| held.phase != Phase::End;
        courier.hear_device(held.filter(is_said).map(|held| held.bytes_written))?;
        self.sync(courier.heard_by_station())?;
        courier.hear_station(self.is_connected.then_some(self.counted.0))?;
        self.courier = (!courier.is_over()).then_some(courier);
        Ok(())
    }

    /// Bytes that have come to the device, or will.
    pub(super) fn said_to_device(&self) -> u64 {
        self.courier
            .as_ref()
            .map_or(self.counted.0, Courier::heard_by_device)
    }

    /// The same for a person in front of a console.
    fn sync_screens(&mut self, received: Option<u64>) -> Result<(), String> {
        let Some(mut screens) = self.screens.take() else {
            return Ok(());
        };
        let mut attempts = screens.attempts();
        let mut problem = Ok(());
        let settled = screens.settle(received, &mut |attempt, told| {
            if attempt != attempts {
                attempts = attempt;
                self.forget();
            }
            problem = self.on_told(told);
        });
        if screens.attempts() != attempts {
            self.forget();
        }
        let painted = screens.painted;
        self.counted = (painted.sent, painted.received);
        self.local = painted.local;
        self.is_connected = screens.is_connected();
        self.refused = screens.attempts() > 0 && painted.local.is_none();
        if screens.is_over() {
            self.is_open = false;
        }
        self.screens = Some(screens);
        settled.and(problem)
    }

    /// Another connection begins.
    fn forget(&mut self) {
        self.told.clear();
        self.lines.clear();
        self.instants.clear();
        self.is_open = false;
        self.prompt = None;
    }

    /// It is so late on the clock of the device, which stands still: whatever was heard meanwhile was heard now.
    pub(super) fn stamp(&mut self, now_us: u64) {
        self.instants.resize(self.lines.len(), now_us);
    }

    /// The lines of this connection, and when they were heard.
    pub(super) fn transcript(&self) -> impl Iterator<Item = (u64, String, String)> {
        let lines = self.instants.iter().zip(&self.lines);
        lines.map(|(at, (from, line))| (*at, from.clone(), line.clone()))
    }

    /// Lines that this station has sent on its connection.
    pub(super) fn sent_lines(&self) -> usize {
        match &self.screens {
            Some(screens) => screens.sent_lines,
            None => self.lines.iter().filter(|(from, _)| from == "station").count(),
        }
    }

    /// What was told last.
    pub(super) fn last(&self) -> Option<&Value> {
        self.told.last()
    }

    /// What `pick` finds in the newest thing that was told in which it finds something.
    pub(super) fn newest<'a, T>(&'a self, pick: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        self.told.iter().rev().find_map(pick)
    }
}
