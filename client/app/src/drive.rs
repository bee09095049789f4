//! One connection in the real world: a socket, a card, a prompt, the end of input, signals and time around the
//! client's machine. Decides nothing; the errand does.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    thread,
    time::Duration,
};

use hsm_client::{
    Connection, ConnectionInput, ConnectionOutput, Fingerprint, Notice, Pin, Speaker, StationInput,
    StationOutput, TlsClientConfig, Trust,
};
use program::shown;
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep_until},
};
use virtual_card::CardFile;

use crate::{
    address::{Address, Host},
    errand::{Errand, Goal, Step},
    known_hsms::KnownHsms,
    outcome::{Known, Outcome},
    pin::PinSource,
    screen::Screen,
};

/// How long the device may take to close its half, once there is nothing left to say.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes taken from the socket at once.
const READ_BYTES_MAX: usize = 16_384;

/// What is to be done, and with what.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) hsm: Address,
    pub(crate) source: Option<IpAddr>,
    pub(crate) identity: Identity,
    pub(crate) timeout: Option<Duration>,
    pub(crate) goal: Goal,
    pub(crate) custodian: Option<Custodian>,
}

/// By what the device is known.
#[derive(Debug)]
pub(crate) enum Identity {
    Pinned(Fingerprint),
    Known(KnownHsms),
}

/// A card and whom to ask for its PIN.
#[derive(Debug)]
pub(crate) struct Custodian {
    pub(crate) card: CardFile,
    pub(crate) pin: PinSource,
}

/// What happens beside the socket.
#[derive(Debug)]
pub(crate) enum Event {
    /// The prompt is answered; without a PIN the custodian gives up.
    Pin(Option<Pin>),
    /// Standard input has ended.
    EndOfInput,
}

/// Does the job, whatever comes of it.
pub(crate) async fn run(job: Job, screen: &mut Screen) -> Outcome {
    let deadline = job.timeout.map(|timeout| Instant::now() + timeout);
    let timeout_ms = job.timeout.map_or(0, |timeout| {
        u64::try_from(timeout.as_millis()).expect("it was read from milliseconds")
    });
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(why) => {
            return Outcome::Internal {
                message: format!("listen for signals: {why}"),
            };
        }
    };
    let trust = match &job.identity {
        Identity::Pinned(fingerprint) => Trust::Pinned(*fingerprint),
        Identity::Known(known) => match known.fingerprint(&job.hsm) {
            Ok(Some(fingerprint)) => Trust::Pinned(fingerprint),
            Ok(None) => Trust::FirstUse,
            Err(why) => return file(&why),
        },
    };
    let connected = tokio::select! {
        connected = connect(&job.hsm, job.source) => connected,
        () = signals.recv() => return Outcome::GaveUp,
        () = passed(deadline) => return Outcome::TimedOut { timeout_ms },
    };
    let stream = match connected {
        Ok(stream) => stream,
        Err(why) => {
            return Outcome::Unreachable {
                hsm: job.hsm,
                message: why.to_string(),
            };
        }
    };
    tracing::info!(hsm = %job.hsm, "connected");
    let (socket_in, socket_out) = stream.into_split();
    let (events_in, mut events) = unbounded_channel();
    let mut drive = Drive {
        connection: Connection::new(&TlsClientConfig::new(trust)),
        errand: Errand::new(job.hsm.clone(), job.goal),
        hsm: job.hsm,
        identity: job.identity,
        custodian: job.custodian,
        socket_out,
        unsent: Vec::new(),
        is_finishing: false,
        is_out_closed: false,
        events: events_in,
        screen,
    };
    drive.obey().await;
    let is_in_time = drive
        .until_over(&socket_in, &mut events, &mut signals, deadline)
        .await;
    if !is_in_time {
        drive.errand.on_failure(Outcome::TimedOut { timeout_ms });
        drive.tell(StationInput::HangUp);
        drive.obey().await;
    }
    drive.into_outcome()
}

struct Drive<'a> {
    connection: Connection,
    errand: Errand,
    hsm: Address,
    identity: Identity,
    custodian: Option<Custodian>,
    socket_out: OwnedWriteHalf,
    /// What the socket has not taken yet.
    unsent: Vec<u8>,
    /// Our half is to be closed behind what is unsent.
    is_finishing: bool,
    is_out_closed: bool,
    events: UnboundedSender<Event>,
    screen: &'a mut Screen,
}

impl Drive<'_> {
    /// Lets things happen until the connection is gone; false if the time was over before.
    async fn until_over(
        &mut self,
        socket_in: &OwnedReadHalf,
        events: &mut UnboundedReceiver<Event>,
        signals: &mut Signals,
        deadline: Option<Instant>,
    ) -> bool {
        let mut bytes = vec![0; READ_BYTES_MAX];
        let mut leave_by = None;
        while !self.errand.is_over() {
            if self.errand.is_decided() && leave_by.is_none() {
                leave_by = Some(Instant::now() + LEAVE_TIMEOUT);
            }
            tokio::select! {
                ready = socket_in.readable() => {
                    let read = ready.and_then(|()| socket_in.try_read(&mut bytes));
                    self.on_read(read, &bytes);
                }
                _ = self.socket_out.writable(), if !self.unsent.is_empty() => self.send(),
                Some(event) = events.recv() => self.on_event(event),
                () = signals.recv() => {
                    let step = self.errand.on_leave();
                    self.step(step);
                }
                () = passed(leave_by) => return true,
                () = passed(deadline) => return self.errand.is_decided(),
            }
            self.obey().await;
        }
        true
    }

    fn on_read(&mut self, read: io::Result<usize>, bytes: &[u8]) {
        match read {
            Ok(0) => self.connection.handle_input(ConnectionInput::Closed),
            Ok(len) => {
                let received = ConnectionInput::Received(bytes[..len].to_vec());
                self.connection.handle_input(received);
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
            Err(why) => {
                tracing::debug!(%why, "connection broken");
                self.connection.handle_input(ConnectionInput::Closed);
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Pin(pin) => {
                if let Some(custodian) = &mut self.custodian {
                    custodian.pin.withdraw();
                }
                self.tell(pin.map_or(StationInput::PinCancelled, StationInput::PinEntered));
            }
            Event::EndOfInput => {
                let step = self.errand.on_leave();
                self.step(step);
            }
        }
    }

    /// Does what the connection asks for.
    async fn obey(&mut self) {
        while let Some(output) = self.connection.poll_output() {
            match output {
                ConnectionOutput::Transmit(bytes) => {
                    self.unsent.extend(bytes);
                    self.send();
                }
                ConnectionOutput::Disconnect => self.is_finishing = true,
                ConnectionOutput::Line { speaker, line } => log_line(speaker, &line),
                ConnectionOutput::Station(output) => self.on_station_output(output),
            }
        }
        if self.is_finishing && self.unsent.is_empty() && !self.is_out_closed {
            self.is_out_closed = true;
            // The device may have gone first.
            let _ = self.socket_out.shutdown().await;
        }
    }

    fn on_station_output(&mut self, output: StationOutput) {
        match (output, &mut self.custodian) {
            (StationOutput::Notice(Notice::Secured(secured)), _) => self.on_secured(secured.fingerprint),
            (StationOutput::Notice(notice), _) => {
                if let Some(talk) = self.errand.talk_before(&notice) {
                    self.screen.tell(&talk);
                }
                if let Some(step) = self.errand.on_notice(notice) {
                    self.step(step);
                }
            }
            (StationOutput::Reader(command), Some(custodian)) => {
                let answer = custodian.card.answer(&command);
                tracing::debug!(?command, "card");
                self.tell(StationInput::Reader(answer));
            }
            (StationOutput::AskForPin, Some(custodian)) => {
                let path = shown(&custodian.card.path().to_string_lossy());
                custodian.pin.ask(&format!("PIN of `{path}`: "), &self.events);
            }
            (StationOutput::WithdrawPrompt, Some(custodian)) => custodian.pin.withdraw(),
            // A card image is always in its reader, and a station without one never starts a dialog.
            (StationOutput::Reader(_) | StationOutput::AskForPin | StationOutput::WithdrawPrompt, None)
            | (StationOutput::AskForCard, _) => self.tell(StationInput::PinCancelled),
        }
    }

    /// The handshake is done; no line has been sent or read.
    //= CL-06
    fn on_secured(&mut self, fingerprint: Fingerprint) {
        let known = match &self.identity {
            Identity::Pinned(_) => Known::Pinned,
            Identity::Known(known) => match remember(known, &self.hsm, fingerprint) {
                Ok(known) => known,
                Err(outcome) => {
                    let step = self.errand.on_failure(outcome);
                    return self.step(step);
                }
            },
        };
        if let Some(step) = self.errand.on_trusted(fingerprint, known) {
            self.step(step);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Ask(act) => self.tell(StationInput::Ask(act)),
            Step::HangUp => self.tell(StationInput::HangUp),
            Step::Tell(talk) => self.screen.tell(&talk),
            Step::Stay(outcome) => {
                self.screen.is_staying = true;
                self.screen.report(&outcome);
                let events = self.events.clone();
                let watching = thread::Builder::new().name("input".into()).spawn(move || {
                    // Input that cannot be read has ended, too.
                    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
                    let _ = events.send(Event::EndOfInput);
                });
                if watching.is_err() {
                    let _ = self.events.send(Event::EndOfInput);
                }
            }
        }
    }

    fn tell(&mut self, input: StationInput) {
        self.connection.handle_input(ConnectionInput::Station(input));
    }

    fn send(&mut self) {
        while !self.unsent.is_empty() {
            match self.socket_out.try_write(&self.unsent) {
                Ok(len) => drop(self.unsent.drain(..len)),
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => return,
                // Whoever reads finds out what the matter is, and may find a last line before it.
                Err(_) => self.unsent.clear(),
            }
        }
    }

    fn into_outcome(self) -> Outcome {
        // A card that fell silent because of its file is told for what it is.
        let failure = self
            .custodian
            .as_ref()
            .and_then(|custodian| custodian.card.failure());
        match failure {
            Some(failure) => Outcome::of_card_file(failure),
            None => self.errand.into_outcome(),
        }
    }
}

/// Looks the device up once more, since another program may have met it meanwhile.
fn remember(known: &KnownHsms, hsm: &Address, presented: Fingerprint) -> Result<Known, Outcome> {
    if known.fingerprint(hsm).map_err(|why| file(&why))? == Some(presented) {
        return Ok(Known::Remembered);
    }
    let trusted = known.remember(hsm, presented).map_err(|why| file(&why))?;
    if trusted == presented {
        Ok(Known::New)
    } else {
        let hsm = hsm.clone();
        Err(Outcome::FingerprintChanged {
            hsm,
            trusted,
            presented,
        })
    }
}

pub(crate) fn file(why: &impl ToString) -> Outcome {
    Outcome::File {
        message: why.to_string(),
        hint: None,
    }
}

/// Logs that a line crossed, by its method: what stands in it may be a card's.
fn log_line(speaker: Speaker, line: &str) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let message: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    let method = message.get("method").and_then(serde_json::Value::as_str);
    let method = method.map_or_else(|| "answer".to_owned(), shown);
    let bytes_len = line.len();
    tracing::debug!(?speaker, method, bytes_len, "line");
}

/// Waits for a moment, if there is one.
async fn passed(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => core::future::pending().await,
    }
}

/// Tries each address that the name has, in turn.
async fn connect(hsm: &Address, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let candidates: Vec<SocketAddr> = match &hsm.host {
        Host::Ip(ip) => vec![SocketAddr::new(*ip, hsm.port)],
        Host::Name(name) => tokio::net::lookup_host((name.as_str(), hsm.port))
            .await?
            .collect(),
    };
    let mut failure = io::Error::other("the name has no address");
    for candidate in candidates {
        match connect_to(candidate, source).await {
            Ok(stream) => return Ok(stream),
            Err(why) => failure = why,
        }
    }
    Err(failure)
}

async fn connect_to(device: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = match device {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(source) = source {
        if source.is_ipv4() != device.is_ipv4() {
            return Err(io::Error::other(format!(
                "`--source` is {source}, and the device is at {}",
                device.ip()
            )));
        }
        socket
            .bind(SocketAddr::new(source, 0))
            .map_err(|why| io::Error::new(why.kind(), format!("bind to `--source` {source}: {why}")))?;
    }
    let stream = socket.connect(device).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What asks a program to end. Taken from the first moment, so that none leaves a terminal without echo.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
