//! A person in front of `hsm-client console`: the real program on a pseudo-terminal, keys and clicks typed into it, its
//! screen as a terminal shows it. What its session was told is read from its own `--trace` and told again to a session
//! here. Believes nothing but the terminal and the trace.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use client_console::Key;
use hsm_client::{Session, SessionInput, SessionOutput, StationInput, StationOutput, TraceLine};
use rustix::{
    fs::{Mode, OFlags, fcntl_setfl, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use serde_json::{Value, json};

use super::{
    device::{START_PATIENCE, TURN},
    terminal::{COLUMNS, ROWS, Terminal},
};

/// How long the console may take for what it was told, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// With what a console is started.
pub(super) struct Desk<'a> {
    /// Gives a program a session and a terminal of its own: `setsid`.
    pub(super) setsid: &'a Path,
    pub(super) client: &'a Path,
    pub(super) card: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) name: &'a str,
    pub(super) hsm: SocketAddr,
    pub(super) source: IpAddr,
    /// Where the reader is, for the card that comes into it, if there is one.
    pub(super) reader: Option<SocketAddr>,
    pub(super) fingerprint: &'a str,
}

/// What the newest line about its painting says of the console.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Painted {
    sessions: u64,
    is_connecting: bool,
    pub(super) local: Option<SocketAddr>,
    pub(super) received: u64,
    pub(super) sent: u64,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that is known of the console, and none excludes another"
)]
pub(super) struct Screens {
    child: Child,
    master: File,
    /// Held open, so that what is written here comes behind everything that the console has painted.
    slave: File,
    terminal: Terminal,
    marks: u64,
    trace: File,
    /// The beginning of a line of the trace.
    unread: Vec<u8>,
    /// Keys and clicks that were typed, and those that the console has noted.
    typed: usize,
    noted: usize,
    pub(super) painted: Painted,
    /// Nothing was noted since.
    is_painted: bool,
    session: Session,
    is_session_over: bool,
    /// Orders that the reader has not carried out.
    orders: usize,
    /// Lines that the session has sent.
    pub(super) sent_lines: usize,
    is_card_awaited: bool,
    card_program: PathBuf,
    /// Where the reader is, if there is one.
    reader: Option<SocketAddr>,
    vicc: Option<Child>,
    /// Written by the browser.
    pages: PathBuf,
    ended: bool,
}

impl Screens {
    /// Starts the console, and waits for its first screen.
    pub(super) fn start(desk: &Desk<'_>) -> Result<Self, String> {
        let failed = |why: &dyn std::fmt::Display| format!("start the console of {}: {why}", desk.name);
        let path = |kind: &str| desk.folder.join(format!("console-{}.{kind}", desk.name));
        let (master, slave) = pseudo_terminal().map_err(|why| failed(&why))?;
        let (trace, pages, browser, log) = (path("trace"), path("pages"), path("browser"), path("log"));
        // Opened before it is there, so that no line is missed.
        File::create(&trace).map_err(|why| failed(&why))?;
        File::create(&pages).map_err(|why| failed(&why))?;
        let script = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >>'{}'\n", pages.display());
        fs::write(&browser, script).map_err(|why| failed(&why))?;
        fs::set_permissions(&browser, fs::Permissions::from_mode(0o700)).map_err(|why| failed(&why))?;
        let log = File::create(&log).map_err(|why| failed(&why))?;
        let copy = || slave.try_clone().map_err(|why| failed(&why));
        let reader = desk
            .reader
            .map_or_else(|| "none".to_owned(), |at| format!("vicc:listen:{at}"));
        let mut command = Command::new(desk.setsid);
        command
            .arg("--ctty")
            .arg(desk.client)
            .args(["console", &desk.hsm.to_string()])
            .args(["--source", &desk.source.to_string()])
            .args(["--fingerprint", desk.fingerprint])
            // The device's clock stands still while others are busy.
            .args(["--answer-timeout", "10m"])
            .args(["--reader", &reader])
            .arg("--opener")
            .arg(&browser)
            .arg("--trace")
            .arg(&trace)
            .env("TERM", "xterm-256color")
            .env("XDG_CONFIG_HOME", desk.folder)
            .stdin(copy()?)
            .stdout(copy()?)
            .stderr(log);
        let child = command.spawn().map_err(|why| failed(&why))?;
        let mut screens = Self {
            child,
            master,
            slave,
            terminal: Terminal::default(),
            marks: 0,
            trace: File::open(&trace).map_err(|why| failed(&why))?,
            unread: Vec::new(),
            typed: 0,
            noted: 0,
            painted: Painted::default(),
            is_painted: false,
            session: Session::new(),
            is_session_over: true,
            orders: 0,
            sent_lines: 0,
            is_card_awaited: false,
            card_program: desk.card.to_owned(),
            reader: desk.reader,
            vicc: None,
            pages,
            ended: false,
        };
        screens.settle(Some(0), &mut |_, _| {})?;
        if screens.ended {
            let log = fs::read_to_string(path("log")).unwrap_or_default();
            return Err(failed(&format!("it has ended: {}", log.trim())));
        }
        Ok(screens)
    }

    pub(super) fn press(&mut self, key: Key) -> Result<(), String> {
        let mut utf8 = [0; 4];
        let bytes = match key {
            Key::Char(character) => character.encode_utf8(&mut utf8).as_bytes(),
            Key::Enter => b"\r",
            Key::Escape => b"\x1b",
            Key::Tab => b"\t",
            Key::BackTab => b"\x1b[Z",
            Key::Up => b"\x1b[A",
            Key::Down => b"\x1b[B",
            Key::Right => b"\x1b[C",
            Key::Left => b"\x1b[D",
            Key::Backspace => b"\x7f",
        };
        self.typed += 1;
        self.write(bytes)?;
        // One after the other: an escape before another key would be a key of its own.
        self.settle_typed()
    }

    /// Clicks where the screen shows this; false if it does not.
    pub(super) fn click(&mut self, text: &str) -> Result<bool, String> {
        let screen = self.screen()?;
        let found = screen
            .lines()
            .zip(1_usize..)
            .find_map(|(line, row)| Some((line.split_once(text)?.0.chars().count() + 1, row)));
        let Some((column, row)) = found else {
            return Ok(false);
        };
        self.typed += 1;
        // In the form of xterm's mode 1006: pressed; and released, which means nothing to the console.
        self.write(format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m").as_bytes())?;
        self.settle_typed()?;
        Ok(true)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let written = self.master.write_all(bytes);
        written.map_err(|why| format!("type at the console: {why}"))
    }

    /// What a person sees.
    pub(super) fn screen(&mut self) -> Result<String, String> {
        self.marks += 1;
        let mark = format!("\x1b]7777;{}\x07", self.marks);
        let marked = self.slave.write_all(mark.as_bytes());
        marked.map_err(|why| format!("look at the console: {why}"))?;
        let give_up = Instant::now() + PATIENCE;
        while self.terminal.mark() < self.marks {
            if !self.drain()? {
                if Instant::now() > give_up {
                    return Err("look at the console: its terminal shows nothing more".into());
                }
                thread::sleep(TURN);
            }
        }
        Ok(self.terminal.text())
    }

    /// Shows what was painted; whether there was something.
    fn drain(&mut self) -> Result<bool, String> {
        let mut bytes = [0; 16_384];
        match self.master.read(&mut bytes) {
            Ok(0) => Ok(false),
            Ok(len) => {
                self.terminal.show(&bytes[..len]);
                Ok(true)
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(why) => Err(format!("look at the console: {why}")),
        }
    }

    pub(super) fn insert(&mut self, card: &Path) -> Result<(), String> {
        let failed = |why: &dyn std::fmt::Display| format!("put `{}` into a reader: {why}", card.display());
        self.remove();
        // Without a reader the card stays in the hand.
        let Some(reader) = self.reader else { return Ok(()) };
        let ready = card.with_extension("ready");
        if let Err(why) = fs::remove_file(&ready)
            && why.kind() != io::ErrorKind::NotFound
        {
            return Err(failed(&why));
        }
        let vicc = Command::new(&self.card_program)
            .arg("vicc")
            .arg(card)
            .args(["--connect", &reader.to_string()])
            .args(["--end-with-input", "--log-level", "error", "--ready-file"])
            .arg(&ready)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the runner, and this one ends with it.
            .process_group(0)
            .spawn()
            .map_err(|why| failed(&why))?;
        let vicc = self.vicc.insert(vicc);
        let give_up = Instant::now() + START_PATIENCE;
        // It appears whole, once the card is in.
        while !ready.exists() {
            if !matches!(vicc.try_wait(), Ok(None)) || Instant::now() > give_up {
                return Err(failed(&"`virtual-card vicc` does not become ready"));
            }
            thread::sleep(TURN);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self) {
        if let Some(mut vicc) = self.vicc.take() {
            // It is ours, and it may have ended already.
            let _ = vicc.kill();
            let _ = vicc.wait();
        }
    }

    /// The pages that the browser was started with.
    pub(super) fn pages(&self) -> Result<Vec<String>, String> {
        let give_up = Instant::now() + PATIENCE;
        // A browser that was started and has not said so is a child of the console.
        let id = self.child.id();
        let children = format!("/proc/{id}/task/{id}/children");
        while fs::read_to_string(&children).is_ok_and(|children| !children.trim().is_empty()) {
            if Instant::now() > give_up {
                return Err("a browser that does not end".into());
            }
            thread::sleep(TURN);
        }
        let pages = fs::read_to_string(&self.pages);
        let pages = pages.map_err(|why| format!("read what the browser was started with: {why}"))?;
        Ok(pages.lines().map(str::to_owned).collect())
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended
    }

    /// Whether there is a connection that is not over.
    pub(super) fn is_connected(&self) -> bool {
        self.painted.local.is_some() && !self.is_session_over && !self.ended
    }

    /// Waits until what was typed was noted.
    fn settle_typed(&mut self) -> Result<(), String> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            // A full terminal would stop the console.
            while self.drain()? {}
            let noted = self.peek_noted()?;
            if noted >= self.typed || self.has_ended()? {
                return Ok(());
            }
            if Instant::now() > give_up {
                return Err(format!(
                    "the console has noted {noted} of {} keys and clicks",
                    self.typed
                ));
            }
            thread::sleep(TURN);
        }
    }

    /// Takes lines of the trace without being told them yet, and counts what was noted.
    fn peek_noted(&mut self) -> Result<usize, String> {
        self.read_trace()?;
        let lines = self.unread.split(|byte| *byte == b'\n');
        let is_note = |line: &[u8]| {
            let line: Value = serde_json::from_slice(line).unwrap_or_default();
            line["machine"] == "console" && !line["input"].is_null()
        };
        Ok(self.noted + lines.filter(|line| is_note(line)).count())
    }

    fn read_trace(&mut self) -> Result<(), String> {
        let read = self.trace.read_to_end(&mut self.unread);
        // The program begins with a new file, which is not there for a moment.
        read.map(|_| ())
            .map_err(|why| format!("read the trace of the console: {why}"))
    }

    fn has_ended(&mut self) -> Result<bool, String> {
        if !self.ended && !matches!(self.child.try_wait(), Ok(None)) {
            self.ended = true;
            self.read_trace()?;
        }
        Ok(self.ended)
    }

    /// Waits until everything that was typed and came has been done and painted: so many bytes of the connection, or its
    /// end if there is no number. Tells what the session told its person, with the number of the attempt to connect.
    pub(super) fn settle(
        &mut self,
        received: Option<u64>,
        tell: &mut impl FnMut(u64, Value),
    ) -> Result<(), String> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            while self.drain()? {}
            let has_ended = self.has_ended()?;
            self.read_trace()?;
            self.hear(tell)?;
            let is_heard = match received {
                Some(received) => self.painted.received >= received || self.is_session_over,
                None => self.is_session_over,
            };
            let is_card_coming = self.is_card_awaited && self.vicc.is_some();
            let is_done = self.is_painted
                && self.noted == self.typed
                && !self.painted.is_connecting
                // Whoever has ended hears no reader any more.
                && (self.orders == 0 || self.is_session_over)
                && !is_card_coming
                && is_heard;
            if is_done || has_ended {
                return Ok(());
            }
            if Instant::now() > give_up {
                return Err(format!(
                    "a console that settles, for {received:?} bytes: {:?}, {} of {} keys noted, {} orders, \
                     session over: {}, card coming: {is_card_coming}",
                    self.painted, self.noted, self.typed, self.orders, self.is_session_over
                ));
            }
            thread::sleep(TURN);
        }
    }

    /// Takes the whole lines of the trace.
    fn hear(&mut self, tell: &mut impl FnMut(u64, Value)) -> Result<(), String> {
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).take(end).collect();
            let text = String::from_utf8_lossy(&line).into_owned();
            let noted: Value =
                serde_json::from_str(&text).map_err(|why| format!("read the trace of the console: {why}"))?;
            if noted["machine"] == "session" {
                let line: TraceLine = text
                    .parse()
                    .map_err(|_| format!("read the trace of the console: `{text}`"))?;
                let input = line
                    .input()
                    .map_err(|_| format!("read the trace of the console: `{text}`"))?;
                self.is_painted = false;
                let attempt = self.painted.sessions;
                self.on_input(input, &mut |told| tell(attempt, told));
            } else if noted["painted"].is_null() {
                self.noted += 1;
                self.is_painted = false;
            } else {
                self.on_painted(&noted["painted"]);
            }
        }
        Ok(())
    }

    fn on_painted(&mut self, painted: &Value) {
        let count = |member: &str| painted[member].as_u64().unwrap_or_default();
        let sessions = count("sessions");
        if sessions != self.painted.sessions {
            self.session = Session::new();
            self.is_session_over = false;
            self.orders = 0;
            self.sent_lines = 0;
            self.is_card_awaited = false;
        }
        self.is_painted = true;
        self.painted = Painted {
            sessions,
            is_connecting: painted["connecting"] == true,
            local: painted["local"].as_str().and_then(|local| local.parse().ok()),
            received: count("received"),
            sent: count("sent"),
        };
        if !self.painted.is_connecting && self.painted.local.is_none() {
            // Nobody listens, or nobody was called yet.
            self.is_session_over = true;
        }
    }

    /// How often the console has tried to connect.
    pub(super) fn attempts(&self) -> u64 {
        self.painted.sessions
    }

    fn on_input(&mut self, input: SessionInput, tell: &mut impl FnMut(Value)) {
        match input {
            SessionInput::Line(line) => {
                let text = String::from_utf8_lossy(&line).into_owned();
                tell(json!({"tell": "line", "from": "device", "line": text}));
                self.session.handle_line(&line);
            }
            SessionInput::LineTooLong(too_long) => self.session.handle_line_too_long(too_long),
            SessionInput::Closed(how) => self.session.handle_closed(how),
            SessionInput::Station(input) => {
                match &input {
                    StationInput::Reader(_) => self.orders = self.orders.saturating_sub(1),
                    StationInput::PinEntered(_) | StationInput::PinCancelled | StationInput::CardInserted => {
                        self.is_card_awaited = false;
                        tell(json!({"tell": "prompt", "for": null}));
                    }
                    StationInput::Ask(_) | StationInput::CardRemoved | StationInput::HangUp => {}
                }
                self.session.handle_station_input(input);
            }
        }
        while let Some(output) = self.session.poll_output() {
            match output {
                // What stands in it is filler: it is counted, and not looked at.
                SessionOutput::Send(_) => self.sent_lines += 1,
                SessionOutput::Disconnect => {}
                SessionOutput::Station(StationOutput::Reader(_)) => self.orders += 1,
                SessionOutput::Station(StationOutput::AskForCard) => {
                    self.is_card_awaited = true;
                    tell(json!({"tell": "prompt", "for": "card"}));
                }
                SessionOutput::Station(StationOutput::AskForPin) => {
                    tell(json!({"tell": "prompt", "for": "pin"}));
                }
                SessionOutput::Station(StationOutput::WithdrawPrompt) => {
                    self.is_card_awaited = false;
                    tell(json!({"tell": "prompt", "for": null}));
                }
                SessionOutput::Station(StationOutput::Notice(notice)) => {
                    if let Some(told) = hsm_client::told(&notice) {
                        self.is_session_over |= told["tell"] == "ended";
                        tell(told);
                    }
                }
            }
        }
    }
}

impl Drop for Screens {
    fn drop(&mut self) {
        self.remove();
        // It is ours, and it may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A terminal of 80 × 24: the end where a person sits, which does not wait, and the end of the program.
fn pseudo_terminal() -> io::Result<(File, File)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let name = name.to_str().map_err(io::Error::other)?;
    tcsetwinsize(
        &master,
        Winsize {
            ws_row: u16::try_from(ROWS).map_err(io::Error::other)?,
            ws_col: u16::try_from(COLUMNS).map_err(io::Error::other)?,
            ws_xpixel: 0,
            ws_ypixel: 0,
        },
    )?;
    fcntl_setfl(&master, OFlags::NONBLOCK)?;
    // It is not to be the terminal of this program.
    let slave = open(
        name,
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    Ok((File::from(master), File::from(slave)))
}
