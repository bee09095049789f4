//! The task that owns the device: everything that happens to it is taken in here, one after the other, each at one
//! moment, and what it asks for is done here. Decides nothing that a manager or a custodian could see.

use std::{
    future::poll_fn,
    net::SocketAddr,
    task::{Context, Poll},
};

use apdu::ReaderAnswer;
use hsm_core::{ConnectionId, DerivedKey, Event, Input as DeviceInput, Job, Key, LifeCycle, Record};
use hsm_listener::{Appliance, Input, Output};
use machine::Machine as _;
use program::{ExitCode, Port, Problem, Signals};
use tokio::{
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tracing::{debug, info, warn};

use crate::{
    console_lines::ConsoleLines,
    event_log::EventLog,
    readiness::Readiness,
    store::{Store, Writer, Written},
    wire::Wire,
    wires::Wires,
    world::{Clock, Moment, OsRandom},
};

/// What can happen next.
enum Happening {
    Signal(&'static str),
    Written(Written),
    /// A derivation is done.
    Derived(Job, DerivedKey),
    /// A limit of the device is over.
    Deadline,
    Key(Key),
    /// Something came from a connection, or left on it.
    Moved(Input),
    Accepted(TcpStream, SocketAddr),
}

/// Who is asked next whether something has happened.
#[derive(Clone, Copy)]
enum Turn {
    Wires,
    Port,
    Device,
}

impl Turn {
    fn next(self) -> Self {
        match self {
            Self::Wires => Self::Port,
            Self::Port => Self::Device,
            Self::Device => Self::Wires,
        }
    }
}

/// A running emulator.
pub(crate) struct Shell {
    appliance: Appliance,
    clock: Clock,
    rng: OsRandom,
    console: ConsoleLines,
    port: Port,
    readiness: Option<Readiness>,
    /// Whether the device has started once, so that somebody may be waiting for its address.
    is_ready: bool,
    wires: Wires,
    next_connection: u64,
    turn: Turn,
    writer: Writer,
    written: UnboundedReceiver<Written>,
    /// Derivations that other threads have done.
    derived: UnboundedReceiver<(Job, DerivedKey)>,
    tell_derived: UnboundedSender<(Job, DerivedKey)>,
    log: EventLog,
}

impl Shell {
    /// Puts the parts together. Must be called inside a runtime.
    pub(crate) fn new(
        appliance: Appliance,
        clock: Clock,
        console: ConsoleLines,
        port: Port,
        readiness: Option<Readiness>,
        store: Store,
        log: EventLog,
    ) -> Result<Self, Problem> {
        let (tell_written, written) = unbounded_channel();
        let (tell_derived, derived) = unbounded_channel();
        let writer = Writer::start(store, tell_written)
            .map_err(|error| Problem::new(ExitCode::InputOutput, format!("start a thread: {error}")))?;
        Ok(Self {
            appliance,
            clock,
            rng: OsRandom,
            console,
            port,
            readiness,
            is_ready: false,
            wires: Wires::new(),
            next_connection: 1,
            turn: Turn::Wires,
            writer,
            written,
            derived,
            tell_derived,
            log,
        })
    }

    /// Plugs the device in and lets it live until a signal or the disk ends it.
    pub(crate) async fn run(mut self, signals: &mut Signals) -> Result<(), Problem> {
        let ended = self.live(signals).await;
        if ended.is_err() {
            // Nothing more is acknowledged, not even what waits in a socket.
            self.wires.take_all().for_each(Wire::reset);
        }
        self.port.close();
        self.writer.close();
        // A write that failed while everything else was fine is the reason of the end, whatever else was.
        let mut ended = ended;
        while let Ok(written) = self.written.try_recv() {
            ended = ended.and(written.map(|_| ()).map_err(Problem::from));
        }
        let removed = self.readiness.map_or(Ok(()), Readiness::remove);
        ended.and(removed)
    }

    async fn live(&mut self, signals: &mut Signals) -> Result<(), Problem> {
        self.tell(Input::Device(DeviceInput::PowerReturned))?;
        if self.appliance.device().state() == LifeCycle::Off {
            // Somebody started this program: that is the hand at the button.
            self.tell(Input::Device(DeviceInput::PowerButton))?;
        }
        loop {
            match poll_fn(|cx| self.poll_next(cx, signals)).await {
                Happening::Signal(signal) => {
                    info!("{signal}: ending");
                    return Ok(());
                }
                Happening::Written(written) => {
                    self.tell(Input::Device(DeviceInput::Persisted(written?)))?;
                }
                Happening::Derived(job, derived) => {
                    self.tell(Input::Device(DeviceInput::Derived { job, derived }))?;
                }
                Happening::Deadline => {
                    let moment = self.clock.read();
                    self.appliance.handle_timeout(&mut moment.cx(&mut self.rng));
                    self.obey(moment)?;
                }
                Happening::Key(key) => self.tell(Input::Device(DeviceInput::Key(key)))?,
                Happening::Moved(input) => self.tell(input)?,
                Happening::Accepted(stream, peer) => {
                    let connection = ConnectionId::new(self.next_connection);
                    self.next_connection += 1;
                    self.wires.insert(connection, Wire::new(stream));
                    self.tell(Input::Accepted { connection, peer })?;
                }
            }
        }
    }

    /// Each in its turn, so that nobody keeps the others waiting. Lines are what most often ends a pause.
    fn poll_next(&mut self, cx: &mut Context<'_>, signals: &mut Signals) -> Poll<Happening> {
        let turn = self.turn;
        for source in [turn, turn.next(), turn.next().next()] {
            self.turn = source.next();
            let happening = match source {
                Turn::Wires => self.wires.poll(cx).map(Happening::Moved),
                Turn::Port => self
                    .port
                    .poll_accept(cx)
                    .map(|(stream, peer)| Happening::Accepted(stream, peer)),
                Turn::Device => self.poll_device(cx, signals),
            };
            if happening.is_ready() {
                return happening;
            }
        }
        self.turn = Turn::Wires;
        Poll::Pending
    }

    /// What comes from elsewhere than the network.
    fn poll_device(&mut self, cx: &mut Context<'_>, signals: &mut Signals) -> Poll<Happening> {
        if let Poll::Ready(signal) = signals.poll(cx) {
            return Poll::Ready(Happening::Signal(signal));
        }
        // The writer is never gone before the shell is.
        if let Poll::Ready(Some(written)) = self.written.poll_recv(cx) {
            return Poll::Ready(Happening::Written(written));
        }
        // Nor are those who derive, for it could ask for more.
        if let Poll::Ready(Some((job, derived))) = self.derived.poll_recv(cx) {
            return Poll::Ready(Happening::Derived(job, derived));
        }
        if let Some(deadline) = self.appliance.poll_timeout()
            && self.clock.poll_deadline(cx, deadline).is_ready()
        {
            return Poll::Ready(Happening::Deadline);
        }
        self.console.poll(cx).map(Happening::Key)
    }

    /// Sends, and tells the device what came of it at once. Whoever obeys does what it asks for because of that, too.
    fn transmit(&mut self, connection: ConnectionId, bytes: &[u8], moment: Moment) {
        let Some(wire) = self.wires.get_mut(connection) else {
            return;
        };
        let input = if let Ok(bytes_len) = wire.transmit(bytes) {
            Input::Sent {
                connection,
                bytes_len,
            }
        } else {
            self.wires.remove(connection);
            Input::Reset { connection }
        };
        self.appliance.handle_input(&mut moment.cx(&mut self.rng), input);
    }

    fn tell(&mut self, input: Input) -> Result<(), Problem> {
        let moment = self.clock.read();
        self.appliance.handle_input(&mut moment.cx(&mut self.rng), input);
        self.obey(moment)
    }

    /// Does what the device asks for, all of it at the moment of what happened. A limit of no length is over at once.
    fn obey(&mut self, moment: Moment) -> Result<(), Problem> {
        let was_ready = self.is_ready;
        let mut was_port_touched = false;
        loop {
            let Some(output) = self.appliance.poll_output() else {
                if self
                    .appliance
                    .poll_timeout()
                    .is_none_or(|deadline| deadline > moment.now)
                {
                    break;
                }
                self.appliance.handle_timeout(&mut moment.cx(&mut self.rng));
                continue;
            };
            match output {
                Output::Listen(listening) => {
                    was_port_touched = true;
                    self.listen(listening)?;
                }
                Output::NetworkDown => {
                    was_port_touched = true;
                    self.port.close();
                    self.wires.take_all().for_each(Wire::network_down);
                }
                Output::Transmit { connection, bytes } => self.transmit(connection, &bytes, moment),
                Output::Finish(connection) => {
                    if let Some(wire) = self.wires.get_mut(connection) {
                        wire.finish();
                    }
                }
                Output::Close(connection) => {
                    if let Some(wire) = self.wires.remove(connection) {
                        wire.close();
                    }
                }
                Output::Persist { ticket, changes } => self.writer.write(ticket, changes),
                // Tens of milliseconds, in which nobody else shall wait. The device bounds how many there are.
                Output::Derive { job, derivation } => {
                    let tell = self.tell_derived.clone();
                    tokio::task::spawn_blocking(move || {
                        // Nobody listens any more when the program ends.
                        let _ = tell.send((job, derivation.run()));
                    });
                }
                Output::ClearLog => self.log.clear()?,
                Output::User { .. } | Output::RetrieveLog { .. } => {
                    unreachable!("nothing in this program speaks for a user")
                }
                // There is no local reader yet.
                Output::LocalReader(_) => {
                    let answer = DeviceInput::LocalReader(ReaderAnswer::ReaderUnavailable);
                    self.appliance
                        .handle_input(&mut moment.cx(&mut self.rng), Input::Device(answer));
                }
                Output::Event(record) => {
                    self.log.add(&record.log_line())?;
                    self.on_event(&record);
                }
            }
        }
        self.console.show(|| self.appliance.device().screen());
        if self.is_ready && (!was_ready || was_port_touched) {
            self.tell_readiness(!was_ready)?;
        }
        Ok(())
    }

    fn listen(&mut self, listening: bool) -> Result<(), Problem> {
        if !listening {
            self.port.close();
            return Ok(());
        }
        let address = self.port.address();
        self.port.open().map_err(|error| listen_problem(address, &error))
    }

    fn on_event(&mut self, record: &Record) {
        // Made only if somebody reads it.
        let line = || record.log_line();
        match &record.event {
            Event::TurnedAway { .. } | Event::ManagerDenied { .. } | Event::DeniedAgain { .. } => {
                debug!("{}", line());
            }
            Event::SelfTest { passed: false } => warn!("{}", line()),
            Event::Started { .. } => {
                self.is_ready = true;
                info!("{}", line());
            }
            Event::Off => {
                info!("{}", line());
                if self.appliance.device().state() == LifeCycle::Off {
                    info!("the device is off; end this program and start it again to switch it on");
                }
            }
            Event::SelfTest { passed: true }
            | Event::Stopping(_)
            | Event::Bound
            | Event::Activated(_)
            | Event::OtherSetShown
            | Event::DatabaseErased
            | Event::ConsoleLocked
            | Event::ConsoleUnlocked
            | Event::ActivationPasswordWrong { .. }
            | Event::UserLoggedIn { .. }
            | Event::LoginRefused { .. }
            | Event::UserBlocked(_)
            | Event::UserUnblocked(_)
            | Event::UserLoggedOut(_)
            | Event::UserCreated { .. }
            | Event::UserRemoved { .. }
            | Event::UserPasswordChanged(_)
            | Event::LogCleared { .. }
            | Event::ServiceStarted
            | Event::ServiceStopped
            | Event::RemoteManagementEnabled
            | Event::RemoteManagementDisabled(_)
            | Event::ManagerConnected { .. }
            | Event::SessionEnded { .. }
            | Event::CardUsed { .. }
            | Event::CeremonyReset(_)
            | Event::AdministratorGranted { .. }
            | Event::OperationAccepted { .. }
            | Event::OperationRefused { .. }
            | Event::OperationDone(_) => info!("{}", line()),
        }
    }

    /// Says where the device is, or that it has no open port. Only the first time must it succeed.
    fn tell_readiness(&mut self, is_first: bool) -> Result<(), Problem> {
        let management = self.port.is_open().then(|| self.port.address());
        let told = self
            .readiness
            .as_mut()
            .map_or(Ok(()), |readiness| readiness.tell(management));
        match told {
            Err(problem) if is_first => return Err(problem),
            Err(problem) => warn!("{}", problem.what),
            Ok(()) => {}
        }
        let ready = if is_first { "ready: " } else { "" };
        let place = management.map_or_else(|| "port closed".to_owned(), |address| format!("on {address}"));
        info!("{ready}management {place}");
        Ok(())
    }
}

/// Why a port is not ours.
pub(crate) fn listen_problem(address: SocketAddr, error: &std::io::Error) -> Problem {
    let what = format!("listen on {address}: {error}");
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Problem::new(ExitCode::InUse, what).hint(
            "end the program that has it, or choose another with `--listen`; port 0 is one that is free",
        ),
        _ => Problem::new(ExitCode::Usage, what),
    }
}
