//! `hsm-client console`: the terminal, one connection after the other, and a reader around the console's machine. Decides
//! nothing; `client-console` does.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use client_console::{Console, ConsoleInput, ConsoleOutput, Reader, Settings, Trouble};
use hsm_client::{Notice, StationInput, StationOutput};
use machine::{Cx, Instant, Machine as _, NoRandomness, WallClock};
use program::shown;
use protocol::ManagerRequest;
use tokio::{
    net::TcpStream,
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::Instant as RealInstant,
};

use crate::{
    drive::{Event, LEAVE_TIMEOUT, Way},
    link::{Link, connect, passed},
    opener,
    outcome::{Known, Outcome, Words},
    reader::{ReaderDesk, Slot},
    signals::Signals,
    terminal::{Painted, watch},
    trace::Progress,
};

/// With what a console works.
pub(crate) struct Station {
    pub(crate) way: Way,
    pub(crate) slot: Slot,
    /// Card images that are proposed, in this order.
    pub(crate) images: Vec<PathBuf>,
    pub(crate) opener: OsString,
}

/// What happens to a console from outside.
enum Happened {
    Input(ConsoleInput),
    Beside(Event),
    /// The attempt with this number has come so far.
    Connected(u64, Result<TcpStream, String>),
}

/// Runs until the user leaves. An error is why there was nothing to run on.
pub(crate) async fn run(station: Station) -> Result<(), Outcome> {
    let internal = |what: &str, why: std::io::Error| Outcome::Internal {
        message: format!("{what}: {why}"),
    };
    let mut signals = Signals::new().map_err(|why| internal("listen for signals", why))?;
    let (happened_in, mut happened) = unbounded_channel();
    let (events_in, mut events) = unbounded_channel();
    let reader = match &station.slot {
        Slot::Image(_) => Reader::Images(
            station
                .images
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
        ),
        Slot::None | Slot::Vicc(_) => Reader::Named(station.slot.name()),
        #[cfg(feature = "pcsc")]
        Slot::Pcsc { .. } => Reader::Named(station.slot.name()),
    };
    let settings = Settings {
        device: station.way.hsm.to_string(),
        reader,
        escape: shown,
    };
    let desk = ReaderDesk::open(station.slot, events_in)
        .map_err(|why| internal("start the thread of the reader", why))?;
    let mut painted = Painted::take().map_err(|why| Outcome::Usage {
        message: format!("show the console: there is no terminal ({why})"),
        hint: "start it from a terminal; scripts use the other commands",
    })?;
    let mut shell = Shell {
        console: Console::new(settings),
        way: station.way,
        opener: station.opener,
        desk,
        link: None,
        attempt: None,
        sessions: 0,
        local: None,
        counted: (0, 0),
        happened: happened_in.clone(),
        begin: RealInstant::now(),
        leave_by: None,
        is_over: false,
    };
    shell.tell(Painted::size().map_err(|why| internal("measure the terminal", why))?);
    watch(happened_in, Happened::Input).map_err(|why| internal("start the thread of the terminal", why))?;
    while !shell.is_over {
        // A terminal that is gone says so as an input.
        let _ = painted.paint(&shell.console, shell.now());
        shell.trace_painted();
        let timeout = shell.console.poll_timeout().map(|timeout| shell.real(timeout));
        tokio::select! {
            is_heard = step(&mut shell.link) => if !is_heard {
                shell.on_silence();
            },
            Some(happened) = happened.recv() => shell.on_happened(happened),
            Some(event) = events.recv() => shell.on_happened(Happened::Beside(event)),
            () = signals.recv() => shell.tell(ConsoleInput::Leave),
            () = passed(timeout) => shell.on_timeout(),
            () = passed(shell.leave_by) => shell.on_left_late(),
        }
        shell.obey().await;
    }
    Ok(())
}

/// Without a connection nothing happens at one.
async fn step(link: &mut Option<Link>) -> bool {
    match link {
        Some(link) => link.step().await,
        None => core::future::pending().await,
    }
}

struct Shell {
    console: Console,
    way: Way,
    opener: OsString,
    desk: ReaderDesk,
    link: Option<Link>,
    /// On the way to the device.
    attempt: Option<JoinHandle<()>>,
    /// How many connections there were; the last one has this number.
    sessions: u64,
    /// The own end of the last one.
    local: Option<SocketAddr>,
    /// Bytes received and sent on it.
    counted: (u64, u64),
    happened: UnboundedSender<Happened>,
    begin: RealInstant,
    /// When a device that does not close its half is left standing.
    leave_by: Option<RealInstant>,
    is_over: bool,
}

impl Shell {
    fn now(&self) -> Instant {
        let micros = self.begin.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn real(&self, at: Instant) -> RealInstant {
        self.begin + at.since(Instant::POWER_ON)
    }

    fn tell(&mut self, input: ConsoleInput) {
        match (&input, &self.way.trace) {
            (ConsoleInput::Key(key), Some(trace)) => trace.key(*key, self.console.is_typing_secret()),
            (ConsoleInput::Click { column, row }, Some(trace)) => trace.click(*column, *row),
            _ => {}
        }
        let mut rng = NoRandomness;
        let mut cx = self.cx(&mut rng);
        self.console.handle_input(&mut cx, input);
    }

    fn trace_painted(&mut self) {
        if let Some(link) = &self.link {
            self.counted = (link.received_len(), link.sent_len());
        }
        if let Some(trace) = &self.way.trace {
            trace.painted(&Progress {
                sessions: self.sessions,
                is_connecting: self.attempt.is_some(),
                local: self.local,
                received: self.counted.0,
                sent: self.counted.1,
            });
        }
    }

    /// The connection is over; how far it was is still asked for.
    fn drop_link(&mut self) {
        if let Some(link) = self.link.take() {
            self.counted = (link.received_len(), link.sent_len());
        }
    }

    fn on_timeout(&mut self) {
        let mut rng = NoRandomness;
        let mut cx = self.cx(&mut rng);
        self.console.handle_timeout(&mut cx);
    }

    fn cx<'a>(&self, rng: &'a mut NoRandomness) -> Cx<'a> {
        Cx {
            now: self.now(),
            // No screen of it shows the time of this computer.
            wall_clock: WallClock::from_unix_millis(0),
            rng,
        }
    }

    fn on_happened(&mut self, happened: Happened) {
        match happened {
            Happened::Input(input) => self.tell(input),
            Happened::Connected(session, connected) if session == self.sessions => {
                self.attempt = None;
                match connected {
                    Ok(stream) => self.on_connected(stream),
                    Err(message) => {
                        let hsm = self.way.hsm.clone();
                        self.not_connected(&Outcome::Unreachable { hsm, message });
                    }
                }
            }
            Happened::Beside(Event::Reader { session, answer, .. }) if session == self.sessions => {
                self.tell_session(StationInput::Reader(answer));
            }
            Happened::Beside(Event::CardInserted) => self.tell_session(StationInput::CardInserted),
            Happened::Beside(Event::CardNotInserted(why)) => {
                self.tell(ConsoleInput::CardNotInserted(trouble(&why)));
            }
            // Of an attempt or a session that is over; the console asks for its own PINs, and has told of a card that is out.
            Happened::Connected(..)
            | Happened::Beside(
                Event::Reader { .. } | Event::ImageTakenOut | Event::Pin(_) | Event::EndOfInput,
            ) => {}
        }
    }

    fn on_connected(&mut self, stream: TcpStream) {
        match self.way.tls() {
            Ok(tls) => {
                let trace = self.way.trace.clone();
                self.local = stream.local_addr().ok();
                self.link = Some(Link::new(stream, &tls, self.way.answer_timeout, trace));
            }
            Err(why) => self.not_connected(&why),
        }
    }

    fn not_connected(&mut self, why: &Outcome) {
        self.leave_by = None;
        self.tell(ConsoleInput::NotConnected(trouble(why)));
    }

    fn tell_session(&mut self, input: StationInput) {
        if let Some(link) = &mut self.link {
            link.tell(input);
        }
    }

    /// The device owes a word and does not say it.
    fn on_silence(&mut self) {
        self.drop_link();
        self.not_connected(&Outcome::SessionEnded {
            reason: crate::outcome::EndReason::Silent,
            message: "the device stopped answering (`--answer-timeout`)".into(),
        });
    }

    /// The device does not close its half.
    fn on_left_late(&mut self) {
        self.leave_by = None;
        self.drop_link();
        self.tell(ConsoleInput::Station(StationOutput::Notice(Notice::Ended {
            ending: hsm_client::Ending::HungUp,
        })));
    }

    /// Does what the session and the console ask for, until neither asks for anything.
    async fn obey(&mut self) {
        loop {
            if let Some(output) = self.link.as_mut().and_then(Link::poll) {
                self.on_station_output(output);
            } else if let Some(output) = self.console.poll_output() {
                self.on_console_output(output);
            } else {
                break;
            }
        }
        if let Some(link) = &mut self.link {
            link.finish().await;
        }
    }

    fn on_station_output(&mut self, output: StationOutput) {
        match output {
            StationOutput::Reader(command) => {
                let is_last = command == apdu::ReaderCommand::PowerOff;
                self.desk.command(self.sessions, command);
                if is_last {
                    self.desk.take_out_image();
                }
            }
            StationOutput::Notice(Notice::Secured(secured)) => {
                match self.way.on_secured(secured.fingerprint) {
                    Ok(Known::New) => self.tell(ConsoleInput::FirstUse(secured.fingerprint)),
                    Ok(Known::Remembered | Known::Pinned) => {}
                    Err(why) => {
                        self.tell_session(StationInput::HangUp);
                        self.not_connected(&why);
                    }
                }
            }
            output => {
                match &output {
                    StationOutput::AskForCard => self.desk.await_card(),
                    StationOutput::WithdrawPrompt => self.desk.stop_waiting(),
                    StationOutput::Notice(Notice::Ended { .. }) => {
                        self.drop_link();
                        self.leave_by = None;
                    }
                    StationOutput::Notice(_) | StationOutput::AskForPin | StationOutput::Reader(_) => {}
                }
                self.tell(ConsoleInput::Station(output));
            }
        }
    }

    fn on_console_output(&mut self, output: ConsoleOutput) {
        match output {
            ConsoleOutput::Connect => {
                self.sessions += 1;
                (self.local, self.counted) = (None, (0, 0));
                let (session, happened) = (self.sessions, self.happened.clone());
                let (hsm, source) = (self.way.hsm.clone(), self.way.source);
                self.attempt = Some(tokio::spawn(async move {
                    let connected = connect(&hsm, source).await.map_err(|why| why.to_string());
                    // Nobody listens only when the program ends.
                    let _ = happened.send(Happened::Connected(session, connected));
                }));
            }
            ConsoleOutput::Abandon => {
                if let Some(attempt) = self.attempt.take() {
                    attempt.abort();
                    // What it may have sent already belongs to nobody.
                    self.sessions += 1;
                    self.on_left_late();
                } else {
                    self.leave_by = Some(RealInstant::now() + LEAVE_TIMEOUT);
                    self.tell_session(StationInput::HangUp);
                }
            }
            ConsoleOutput::Station(told) => {
                let told = StationInput::from(told);
                if matches!(
                    told,
                    StationInput::Ask(ManagerRequest::Close) | StationInput::HangUp
                ) {
                    self.leave_by = Some(RealInstant::now() + LEAVE_TIMEOUT);
                }
                self.tell_session(told);
            }
            ConsoleOutput::InsertCard(name) => self.desk.insert(PathBuf::from(name)),
            ConsoleOutput::OpenBrowser(address) => {
                let opened = opener::open(&self.opener, &address).map_err(|why| Trouble {
                    what: format!("start `{}` with {address}: {why}", self.opener.display()),
                    hint: Some("name another program with `--opener`".into()),
                });
                self.tell(ConsoleInput::Browser(opened));
            }
            ConsoleOutput::Exit => self.is_over = true,
        }
    }
}

fn trouble(outcome: &Outcome) -> Trouble {
    match outcome.words() {
        Words::Problem(what, hint) => Trouble { what, hint },
        Words::Data(what) => Trouble { what, hint: None },
    }
}
