//! The task that owns the device: everything that happens to it is taken in here, one after the other, each at one
//! moment, and what it asks for is done here. Decides nothing that a manager or a custodian could see.

mod hand;

use std::{
    future::poll_fn,
    net::SocketAddr,
    path::Path,
    task::{Context, Poll},
};

use hsm_core::{
    ConnectionId, Device, Event, Input as DeviceInput, LifeCycle, LocalCard, Record, ServiceState,
    UserAnswer, UserRequest, UserSession,
};
use hsm_listener::{Appliance, Input, Output};
use machine::{Instant, Machine as _};
use program::{ExitCode, Port, Problem, Signals};
use tokio::{net::TcpStream, task::yield_now};
use tracing::{debug, info, warn};

use crate::{
    bench::{Request, Server},
    calls::Calls,
    derivations::Derivations,
    disk::Disk,
    event_log::{self, EventLog},
    fingerprint::fingerprint,
    http,
    local_console::{Hand, LocalConsole, Seen},
    local_reader::{Hindrance, LocalReader},
    mains::Mains,
    readiness::Readiness,
    store::{Store, Written},
    wire::Wire,
    wires::Wires,
    world::{Clock, Moment, OsRandom},
};
use hand::Seat;

/// Things that may happen one after the other before the sockets are looked at anew: what came meanwhile is not known
/// before that, and in a crowd there is never a pause.
const IN_A_ROW_MAX: u32 = 4;

/// What can happen next.
enum Happening {
    Signal(&'static str),
    Written(Written),
    /// A derivation is done, or a key is made.
    Derived(DeviceInput),
    /// A limit of the device is over.
    Deadline,
    /// Somebody who sits at the device does something.
    Hand(Hand),
    /// A program has a hand at the device.
    Asked(Request),
    /// A browser wants something.
    Visit(http::Visit),
    /// Something came from a connection, or left on it.
    Moved(Input),
    Accepted(TcpStream, SocketAddr),
    /// A connection to another node is there, or is not.
    Dialled(ConnectionId, Option<TcpStream>),
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

/// Why the shell ends.
enum End {
    /// Somebody asked for it.
    Signal,
    /// It cannot go on.
    Problem(Problem),
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// What a shell is made of besides the device.
pub(crate) struct Parts {
    pub(crate) mains: Mains,
    pub(crate) clock: Clock,
    pub(crate) console: LocalConsole,
    pub(crate) port: Port,
    pub(crate) readiness: Option<Readiness>,
    pub(crate) log: EventLog,
    pub(crate) bench: Option<Server>,
    pub(crate) http: Option<http::Server>,
    pub(crate) are_nodes_on_loopback: bool,
}

/// A running emulator.
pub(crate) struct Shell {
    /// `None` while the power is cut.
    appliance: Option<Appliance>,
    mains: Mains,
    disk: Disk,
    derivations: Derivations,
    calls: Calls,
    log: EventLog,
    clock: Clock,
    rng: OsRandom,
    console: LocalConsole,
    reader: LocalReader,
    port: Port,
    readiness: Option<Readiness>,
    /// Whether the device has started once, so that somebody may be waiting for its address.
    is_ready: bool,
    wires: Wires,
    next_connection: u64,
    turn: Turn,
    is_manager_next: bool,
    /// Things that happened since the last pause.
    in_a_row: u32,
    /// Where hands come from, if there is a bench.
    seat: Option<Seat>,
    /// The HTTP console, if there is one.
    http: Option<http::Server>,
}

impl Shell {
    /// Puts the parts together. Must be called inside a runtime.
    pub(crate) fn new(appliance: Appliance, store: Store, parts: Parts) -> Result<Self, Problem> {
        let mut disk = Disk::new();
        disk.plug_in(store)?;
        Ok(Self {
            appliance: Some(appliance),
            mains: parts.mains,
            disk,
            derivations: Derivations::new(),
            calls: Calls::new(parts.are_nodes_on_loopback),
            log: parts.log,
            clock: parts.clock,
            rng: OsRandom,
            console: parts.console,
            reader: LocalReader::default(),
            port: parts.port,
            readiness: parts.readiness,
            is_ready: false,
            wires: Wires::new(),
            next_connection: 1,
            turn: Turn::Wires,
            is_manager_next: false,
            in_a_row: 0,
            seat: parts.bench.map(Seat::new),
            http: parts.http,
        })
    }

    /// Plugs the device in and lets it live until a signal or the disk ends it.
    pub(crate) async fn run(mut self, signals: &mut Signals) -> Result<(), Problem> {
        let ended = match self.live(signals).await {
            Ok(()) | Err(End::Signal) => Ok(()),
            Err(End::Problem(problem)) => Err(problem),
        };
        if ended.is_err() {
            // Nothing more is acknowledged, not even what waits in a socket.
            self.wires.reset_all();
        }
        self.port.close();
        // A write that failed while everything else was fine is the reason of the end, whatever else was.
        let ended = ended.and(self.disk.close());
        let removed = self.readiness.map_or(Ok(()), Readiness::remove);
        ended.and(removed)
    }

    async fn live(&mut self, signals: &mut Signals) -> Result<(), End> {
        self.start()?;
        if self.seat.is_some() && !self.is_ready {
            // Whoever has a hand at the device can help it to start, and must know where.
            self.tell_ready_file()?;
        }
        if self.seat.is_some() {
            // The first that is asked finds a device at rest.
            self.settle(signals).await?;
        }
        loop {
            if self.in_a_row == IN_A_ROW_MAX {
                self.in_a_row = 0;
                yield_now().await;
            }
            match poll_fn(|cx| self.poll_next(cx, signals)).await {
                Happening::Signal(signal) => {
                    info!("{signal}: ending");
                    return Ok(());
                }
                Happening::Written(written) => self.on_written(written)?,
                Happening::Derived(derived) => self.tell(Input::Device(derived))?,
                Happening::Deadline => self.expire()?,
                Happening::Hand(Hand::Leave) => {
                    info!("left at the terminal: ending");
                    return Ok(());
                }
                Happening::Hand(hand) => self.on_hand(hand)?,
                Happening::Asked(request) => self.on_request(request, signals).await?,
                Happening::Visit(visit) => self.on_visit(visit)?,
                Happening::Moved(input) => self.tell(input)?,
                Happening::Dialled(connection, stream) => self.on_dialled(connection, stream)?,
                Happening::Accepted(stream, peer) => {
                    let connection = ConnectionId::new(self.next_connection);
                    self.next_connection += 1;
                    self.wires.insert(connection, Wire::new(stream));
                    self.tell(Input::Accepted { connection, peer })?;
                }
            }
        }
    }

    fn on_dialled(&mut self, connection: ConnectionId, stream: Option<TcpStream>) -> Result<(), Problem> {
        match stream {
            Some(stream) => {
                self.wires.insert(connection, Wire::new(stream));
                self.tell(Input::Connected { connection })
            }
            None => self.tell(Input::Unreachable { connection }),
        }
    }

    /// The mains are there, and a hand is at the power button if the device does not start by itself.
    fn start(&mut self) -> Result<(), Problem> {
        if let Some(http) = &self.http {
            let address = http.address();
            self.tell(Input::Device(DeviceInput::HttpConsoleAt(address)))?;
        }
        self.tell(Input::Device(DeviceInput::PowerReturned))?;
        if self.life_cycle() == Some(LifeCycle::Off) {
            self.tell(Input::Device(DeviceInput::PowerButton))?;
        }
        Ok(())
    }

    /// Where the device is in its life; `None` while there is no power.
    fn life_cycle(&self) -> Option<LifeCycle> {
        self.appliance
            .as_ref()
            .map(|appliance| appliance.device().state())
    }

    /// What happens next, and how many things have happened without a pause.
    fn poll_next(&mut self, cx: &mut Context<'_>, signals: &mut Signals) -> Poll<Happening> {
        let happening = self.poll_sources(cx, signals);
        self.in_a_row = if happening.is_ready() {
            self.in_a_row + 1
        } else {
            0
        };
        happening
    }

    /// The manager every second time, and else each in its turn: nobody keeps the others waiting, and a crowd of strangers
    /// does not keep the manager waiting. Lines are what most often ends a pause.
    fn poll_sources(&mut self, cx: &mut Context<'_>, signals: &mut Signals) -> Poll<Happening> {
        let manager = self
            .appliance
            .as_ref()
            .and_then(|appliance| appliance.device().manager());
        self.is_manager_next = !self.is_manager_next;
        if let Some((manager, ..)) = manager.filter(|_| self.is_manager_next)
            && let Poll::Ready(input) = self.wires.poll_one(cx, manager)
        {
            return Poll::Ready(Happening::Moved(input));
        }
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
        if let Poll::Ready(written) = self.disk.poll(cx) {
            return Poll::Ready(Happening::Written(written));
        }
        if let Poll::Ready(derived) = self.derivations.poll(cx) {
            return Poll::Ready(Happening::Derived(derived));
        }
        if let Poll::Ready((connection, stream)) = self.calls.poll(cx) {
            return Poll::Ready(Happening::Dialled(connection, stream));
        }
        if let Some(deadline) = self.poll_timeout()
            && self.clock.poll_deadline(cx, deadline).is_ready()
        {
            return Poll::Ready(Happening::Deadline);
        }
        if let Poll::Ready(hand) = self.console.poll(cx) {
            return Poll::Ready(Happening::Hand(hand));
        }
        if let Some(http) = &mut self.http
            && let Poll::Ready(visit) = http.poll(cx)
        {
            return Poll::Ready(Happening::Visit(visit));
        }
        match &mut self.seat {
            Some(seat) => seat.poll(cx, &self.wires).map(Happening::Asked),
            None => Poll::Pending,
        }
    }

    /// When the next limit is over: of the device, of a connection, or of a write that a fault delays.
    fn poll_timeout(&self) -> Option<Instant> {
        let device = self.appliance.as_ref().and_then(Appliance::poll_timeout);
        let others = [self.disk.poll_timeout(), self.wires.poll_timeout()];
        device.into_iter().chain(others.into_iter().flatten()).min()
    }

    /// What is due is done, at this moment.
    fn expire(&mut self) -> Result<(), Problem> {
        let moment = self.clock.read();
        if let Some(appliance) = &mut self.appliance {
            appliance.handle_timeout(&mut moment.cx(&mut self.rng));
        }
        self.obey(moment)?;
        self.disk.begin(moment.now);
        self.wires.expire(moment.now);
        Ok(())
    }

    fn on_written(&mut self, written: Written) -> Result<(), Problem> {
        match written {
            Written::Durable(ticket) => self.tell(Input::Device(DeviceInput::Persisted(ticket))),
            Written::Imported(job) => self.tell(Input::Device(DeviceInput::Imported(job))),
            Written::Nothing => Ok(()),
            Written::Fetched(job, fetched) => self.tell(Input::Device(DeviceInput::Fetched { job, fetched })),
            Written::Cut => {
                self.cut_power();
                Ok(())
            }
            Written::Failed(error) => Err(error.into()),
        }
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
        self.hand_in(moment, input);
    }

    fn tell(&mut self, input: Input) -> Result<(), Problem> {
        let moment = self.clock.read();
        self.hand_in(moment, input);
        self.obey(moment)
    }

    /// A device without power notices nothing.
    fn hand_in(&mut self, moment: Moment, input: Input) {
        if let Some(appliance) = &mut self.appliance {
            appliance.handle_input(&mut moment.cx(&mut self.rng), input);
        }
    }

    /// Does what the device asks for, all of it at the moment of what happened. A limit of no length is over at once.
    fn obey(&mut self, moment: Moment) -> Result<(), Problem> {
        let was_ready = self.is_ready;
        let mut was_port_touched = false;
        while let Some(appliance) = &mut self.appliance {
            let Some(output) = appliance.poll_output() else {
                if appliance
                    .poll_timeout()
                    .is_none_or(|deadline| deadline > moment.now)
                {
                    break;
                }
                appliance.handle_timeout(&mut moment.cx(&mut self.rng));
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
                    self.wires.network_down(moment.now);
                }
                Output::Transmit { connection, bytes } => self.transmit(connection, &bytes, moment),
                Output::Finish(connection) => {
                    if let Some(wire) = self.wires.get_mut(connection) {
                        wire.finish();
                    }
                }
                Output::Close(connection) => self.wires.close(connection, moment.now),
                Output::Persist { ticket, changes } => self.disk.write(moment.now, ticket, changes),
                Output::Derive { job, derivation } => self.derivations.begin(job, derivation),
                Output::Fetch { job, query } => self.disk.fetch(moment.now, job, query),
                Output::CloseImage(image) => self.disk.close_image(moment.now, image),
                Output::Import { job, step } => self.disk.import(moment.now, job, step),
                // Nodes have the port that this device has.
                Output::Connect { connection, node } => {
                    let from = self.port.address();
                    let to = SocketAddr::new(node, from.port());
                    self.calls.call(connection, from.ip(), to);
                }
                Output::Generate { job, generation } => self.derivations.generate(job, generation),
                Output::ClearLog => self.log.clear()?,
                Output::User { session, answer } => self.answer_user(moment, session, answer),
                Output::RetrieveLog { session } => {
                    let files = event_log::open_files(&self.mains.state);
                    if let Some(http) = &mut self.http {
                        http.answer(session, http::Answer::Log(files));
                    }
                }
                Output::LocalReader(command) => {
                    let answer = self.reader.answer(&command);
                    self.hand_in(moment, Input::Device(DeviceInput::LocalReader(answer)));
                }
                Output::Event(record) => {
                    let line = record.log_line();
                    self.log.add(&line)?;
                    self.on_event(&record, &line);
                    if let Event::Started { .. } = record.event {
                        self.boot_http()?;
                    }
                }
            }
        }
        self.serve_http()?;
        self.tell_change();
        if self.is_ready && (!was_ready || was_port_touched) {
            self.tell_readiness(!was_ready)?;
        }
        // Last, so that whoever sees the port also finds it in the ready-file.
        self.show();
        Ok(())
    }

    // The HTTP console.

    fn on_visit(&mut self, visit: http::Visit) -> Result<(), Problem> {
        let input = match visit {
            http::Visit::Ask {
                session,
                peer,
                request,
                reply,
                turn,
            } => {
                if let Some(http) = &mut self.http {
                    let is_follower = matches!(request, UserRequest::FollowLog);
                    http.wait(session, reply, turn, is_follower);
                }
                DeviceInput::User {
                    session,
                    peer,
                    request,
                }
            }
            http::Visit::Left(session) => {
                if let Some(http) = &mut self.http {
                    http.end(session);
                }
                DeviceInput::UserGone { session }
            }
            http::Visit::FollowerLeft(session) => DeviceInput::FollowerGone { session },
        };
        self.tell(Input::Device(input))
    }

    fn answer_user(&mut self, moment: Moment, session: UserSession, answer: UserAnswer) {
        let Some(http) = &mut self.http else {
            return;
        };
        match answer {
            UserAnswer::LoggedOut => http.end(session),
            UserAnswer::LogLine(line) => {
                if !http.tell_line(session, line) {
                    self.hand_in(moment, Input::Device(DeviceInput::FollowerGone { session }));
                }
            }
            answer => {
                let is_login = matches!(answer, UserAnswer::LoggedIn { .. });
                // A session whose cookie nobody gets is of no use.
                if !http.answer(session, http::Answer::User(answer)) && is_login {
                    self.hand_in(moment, Input::Device(DeviceInput::UserGone { session }));
                }
            }
        }
    }

    /// The device has started, with another certificate for its console.
    fn boot_http(&mut self) -> Result<(), Problem> {
        if let (Some(http), Some(appliance)) = (&mut self.http, &self.appliance) {
            let identity = http.boot(&appliance.device().profile().serial)?;
            info!(
                "HTTP console on https://{}/ while the service runs, certificate fingerprint {}",
                http.address(),
                fingerprint(identity.certificate())
            );
        }
        Ok(())
    }

    /// Up and down with the service.
    //= HC-01
    fn serve_http(&mut self) -> Result<(), Problem> {
        let Some(http) = &mut self.http else {
            return Ok(());
        };
        let device = self.appliance.as_ref().map(Appliance::device);
        let serves = device.is_some_and(|device| device.service() == ServiceState::Running);
        let address = http.address();
        let changed = http
            .serve(serves)
            .map_err(|error| http_listen_problem(address, &error))?;
        if changed {
            info!("HTTP console {}", if http.is_open() { "open" } else { "closed" });
        }
        Ok(())
    }

    /// Whoever looks sees what there is now.
    fn show(&mut self) {
        let device = self.appliance.as_ref().map(Appliance::device);
        self.console.show(|| Seen {
            screen: device.map(Device::screen),
            card: self.reader.card_path(),
            management: self.port.is_open().then(|| self.port.address()),
        });
    }

    // Hands at the device.

    fn on_hand(&mut self, hand: Hand) -> Result<(), Problem> {
        let done = match hand {
            Hand::Key(key) => {
                self.tell(Input::Device(DeviceInput::Key(key)))?;
                Ok(())
            }
            Hand::InsertCard(path) => self.insert_card(&path)?,
            Hand::RemoveCard => self.remove_card()?,
            Hand::PowerButton if self.appliance.is_none() => Err(Hindrance {
                doing: "press the power button",
                expected: "mains".into(),
                came: "none: the power is cut".into(),
                hint: String::new(),
            }),
            Hand::PowerButton => {
                self.tell(Input::Device(DeviceInput::PowerButton))?;
                Ok(())
            }
            Hand::Mains if self.appliance.is_none() => {
                self.return_power()?;
                Ok(())
            }
            Hand::Mains => {
                self.cut_power();
                Ok(())
            }
            Hand::Leave => unreachable!("the loop ends with it"),
        };
        if let Err(hindrance) = done {
            self.console.say(&hindrance);
        }
        Ok(())
    }

    fn insert_card(&mut self, path: &Path) -> Result<Result<(), Hindrance>, Problem> {
        if let Err(hindrance) = self.reader.insert(path) {
            return Ok(Err(hindrance));
        }
        self.tell(Input::Device(DeviceInput::LocalCard(LocalCard::Inserted)))?;
        Ok(Ok(()))
    }

    fn remove_card(&mut self) -> Result<Result<(), Hindrance>, Problem> {
        if let Err(hindrance) = self.reader.remove() {
            return Ok(Err(hindrance));
        }
        self.tell(Input::Device(DeviceInput::LocalCard(LocalCard::Removed)))?;
        Ok(Ok(()))
    }

    // Power.

    /// The cable is pulled out: what was not durable is lost, and nobody is told.
    fn cut_power(&mut self) {
        self.appliance = None;
        if let Some(http) = &mut self.http
            && let Err(error) = http.serve(false)
        {
            warn!("close the HTTP console: {error}");
        }
        self.disk.cut();
        // What is derived now is for a device that is gone.
        self.derivations = Derivations::new();
        self.port.close();
        self.wires.reset_all();
        self.tell_about_power("power_cut", "power cut");
        self.show();
        // Whoever waits for the port sees that it is closed.
        if let Err(problem) = self.tell_ready_file() {
            warn!("{}", problem.what);
        }
    }

    fn return_power(&mut self) -> Result<(), Problem> {
        let (store, kept) = self.mains.open()?;
        self.appliance = Some(self.mains.device(&kept)?);
        self.disk.plug_in(store)?;
        self.tell_about_power("power_returned", "power returns");
        self.force_self_test()?;
        self.start()
    }

    fn tell_about_power(&self, kind: &str, line: &str) {
        info!("{line}");
        if let Some(seat) = &self.seat {
            seat.push(self.clock.read().now, kind, 0, line.to_owned());
        }
    }

    fn listen(&mut self, listening: bool) -> Result<(), Problem> {
        if !listening {
            self.port.close();
            return Ok(());
        }
        let address = self.port.address();
        self.port.open().map_err(|error| listen_problem(address, &error))
    }

    fn on_event(&mut self, record: &Record, line: &str) {
        if let Some(seat) = &self.seat {
            seat.tell(record, line);
        }
        match &record.event {
            Event::TurnedAway { .. } | Event::ManagerDenied { .. } | Event::DeniedAgain { .. } => {
                debug!("{line}");
            }
            Event::SelfTest { passed: false }
            | Event::AlgorithmFailed(_)
            | Event::SetInvalid(_)
            | Event::CardInvalid { .. } => warn!("{line}"),
            Event::Started { .. } => {
                self.is_ready = true;
                info!("{line}");
            }
            Event::Off => {
                info!("{line}");
                if self.life_cycle() == Some(LifeCycle::Off) {
                    info!(
                        "the device is off; end this program and start it again to switch it on, or press its power button"
                    );
                }
            }
            Event::SelfTest { passed: true }
            | Event::ClockSet { .. }
            | Event::NodeAdded(_)
            | Event::NodeRemoved(_)
            | Event::PartitionChanged { .. }
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
            | Event::UserPermissionsChanged { .. }
            | Event::UserDamaged(_)
            | Event::UserTrusted { .. }
            | Event::PasswordPolicyChanged { .. }
            | Event::ObjectChanged { .. }
            | Event::LiveSyncBegun { .. }
            | Event::LiveSyncDone { .. }
            | Event::LiveSyncFailed { .. }
            | Event::LiveSyncSending { .. }
            | Event::LiveSyncSent { .. }
            | Event::LiveSyncNotSent { .. }
            | Event::LogCleared { .. }
            | Event::ServiceStarted
            | Event::ServiceStopped
            | Event::RemoteManagementEnabled
            | Event::RemoteManagementDisabled(_)
            | Event::ManagerConnected { .. }
            | Event::SessionEnded { .. }
            | Event::CardUsed { .. }
            | Event::SetFinished(_)
            | Event::CeremonyReset(_)
            | Event::AdministratorGranted { .. }
            | Event::OperationAccepted { .. }
            | Event::OperationRefused { .. }
            | Event::OperationDone(_) => info!("{line}"),
        }
    }

    /// Says where the device is, or that it has no open port. Only the first time must it succeed.
    fn tell_readiness(&mut self, is_first: bool) -> Result<(), Problem> {
        match self.tell_ready_file() {
            Err(problem) if is_first => return Err(problem),
            Err(problem) => warn!("{}", problem.what),
            Ok(()) => {}
        }
        let ready = if is_first { "ready: " } else { "" };
        let place = self.management();
        let place = place.map_or_else(|| "port closed".to_owned(), |address| format!("on {address}"));
        info!("{ready}management {place}");
        Ok(())
    }

    fn management(&self) -> Option<SocketAddr> {
        self.port.is_open().then(|| self.port.address())
    }

    fn tell_ready_file(&mut self) -> Result<(), Problem> {
        let management = self.management();
        let readiness = self.readiness.as_mut();
        readiness.map_or(Ok(()), |readiness| readiness.tell(management))
    }
}

/// Why a port is not ours.
pub(crate) fn listen_problem(address: SocketAddr, error: &std::io::Error) -> Problem {
    port_problem(address, error, "--listen")
}

/// The same of the HTTP console's.
pub(crate) fn http_listen_problem(address: SocketAddr, error: &std::io::Error) -> Problem {
    port_problem(address, error, "--http-listen")
}

fn port_problem(address: SocketAddr, error: &std::io::Error, option: &str) -> Problem {
    let what = format!("listen on {address}: {error}");
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Problem::new(ExitCode::InUse, what).hint(format!(
            "end the program that has it, or choose another with `{option}`; port 0 is one that is free"
        )),
        std::io::ErrorKind::PermissionDenied => Problem::new(ExitCode::Usage, what).hint(format!(
            "an ordinary user may not open a port below 1024; choose another with `{option}`"
        )),
        _ => Problem::new(ExitCode::Usage, what),
    }
}
