//! The device: the one queue of everything that happens to it. This file has its parts, its inputs and outputs, its
//! life cycle and its durable writes; `device/` has what a manager, a custodian, the owner of a Pocket, a user and a
//! person at the console can do.

mod configuration;
mod counters;
mod custodians;
mod live_sync;
mod local;
mod management;
mod objects;
mod operations;
mod pages;
mod partition;
mod pocket;
mod sealed_users;
mod smart_cards;
mod users;

pub use configuration::NODES_MAX;
pub use live_sync::{ImportStep, SyncDirection, SyncInput};
pub(crate) use operations::Order;

use core::{
    fmt,
    net::{IpAddr, SocketAddr},
};
use std::collections::{BTreeMap, VecDeque};

use apdu::{ReaderAnswer, ReaderCommand};
use machine::{Cx, Instant, Machine, Timer, WallClock};
use protocol::{CeremonyResetReason, ClosingReason, DeviceNotification, SelfTest, ServiceState};

use crate::{
    Algorithm, Change, Denial, Derivation, DerivedKey, DisabledBy, Event, Fetched, GeneratedKey, Generation,
    Key, LastStop, LifeCycle, Operation, Profile, Query, Record, Screen, ServerMasterKey, StartedAfter,
    Stored, UserAnswer, UserRequest, UserSession, Where,
    ceremony::Ceremony,
    console::Console,
    denials::Denials,
    remote::Manager,
    smart_card_manager::{SmartCardManager, Told},
};

/// One network connection to the device, numbered by whoever accepts them, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// The connection with this number; 0 is left for the device itself in the log.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// A durable write on its way. Writes become durable in the order of their tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// A derivation, a key that is being made or a read of the database on its way; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job(u64);

/// What can happen to a device.
#[derive(Clone, Debug)]
pub enum Input {
    /// The mains came back after a cut; a device that was switched on starts by itself.
    PowerReturned,
    /// Somebody pressed the power button.
    PowerButton,
    /// Somebody pressed a key.
    Key(Key),
    /// Somebody put a card into the local reader or took it out.
    LocalCard(LocalCard),
    /// The local reader answered the last [`Output::LocalReader`].
    LocalReader(ReaderAnswer),
    /// A TLS handshake with our ALPN is complete.
    Arrived {
        /// The new connection.
        connection: ConnectionId,
        /// Where it comes from.
        peer: SocketAddr,
        /// The cipher suite of the session.
        cipher_suite: String,
    },
    /// A line came, given without its LF.
    Line {
        /// On which connection.
        connection: ConnectionId,
        /// What it says.
        line: Vec<u8>,
    },
    /// A line grew past its limit.
    LineTooLong {
        /// On which connection.
        connection: ConnectionId,
    },
    /// Too much output waits for this manager.
    Slow {
        /// On which connection.
        connection: ConnectionId,
    },
    /// The connection is over at the other end.
    Gone {
        /// Which.
        connection: ConnectionId,
        /// How.
        how: Gone,
    },
    /// A connection ended before it could be a manager's. For the log only.
    TurnedAway {
        /// Where it came from.
        peer: SocketAddr,
        /// Why.
        why: TurnedAway,
    },
    /// From now on this algorithm gives a wrong answer in every self test; nothing takes it back. Source: LC-06.
    SelfTestFault(Option<Algorithm>),
    /// Where the HTTP console is, if the world serves one: what managers are told. Source: HT-01.
    HttpConsoleAt(SocketAddr),
    /// The write with this ticket is durable.
    Persisted(Ticket),
    /// A derivation is done.
    Derived {
        /// Which.
        job: Job,
        /// What came of it.
        derived: DerivedKey,
    },
    /// Something of the database was read.
    Fetched {
        /// For which job.
        job: Job,
        /// What there is.
        fetched: Fetched,
    },
    /// A key was made, or could not be.
    Generated {
        /// For which job.
        job: Job,
        /// The key.
        key: Option<GeneratedKey>,
    },
    /// The store has taken a step of an import.
    Imported(Job),
    /// Something happened to a connection of live sync.
    Sync(SyncInput),
    /// A user of the database asks for something. Nobody is a user before a login.
    User {
        /// In which conversation.
        session: UserSession,
        /// From where.
        peer: IpAddr,
        /// What.
        request: UserRequest,
    },
    /// A user's conversation is over at the other end.
    UserGone {
        /// Which.
        session: UserSession,
    },
    /// Nobody reads the log any more that is told in this conversation, which goes on.
    FollowerGone {
        /// Which.
        session: UserSession,
    },
}

/// What somebody did with a card at the local reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalCard {
    /// Put in.
    Inserted,
    /// Taken out.
    Removed,
}

/// How a connection ended at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// By a FIN, or by TLS's `close_notify`.
    Finished,
    /// By a reset, or by breaking TLS.
    Reset,
}

/// Why a connection was not even denied. Source: RM-06, RM-23.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TurnedAway {
    /// Its first bytes are neither TLS nor a client session.
    NotTls,
    /// The TLS handshake failed: version, cipher suite, ALPN or garbage.
    HandshakeFailed,
    /// The handshake was not finished in time.
    HandshakeTimeout,
    /// It was the oldest of too many unfinished handshakes.
    TooManyHandshakes,
    /// It went away before the handshake was finished.
    Left,
    /// The port closed before the handshake was finished.
    PortClosed,
    /// A client session of the HSM service, which is not emulated yet.
    ClientSession,
}

impl fmt::Display for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTls => "neither TLS nor a client session",
            Self::HandshakeFailed => "TLS handshake failed",
            Self::HandshakeTimeout => "TLS handshake not finished in time",
            Self::TooManyHandshakes => "oldest of too many unfinished handshakes",
            Self::PortClosed => "the port closed before the TLS handshake was finished",
            Self::Left => "left before the TLS handshake was finished",
            Self::ClientSession => "client sessions are not served",
        })
    }
}

/// What a device asks of the world.
#[derive(Clone, Debug)]
pub enum Output {
    /// Open (true) or close (false) port 4433 to newcomers. Sessions that are there stay.
    Listen(bool),
    /// The network goes down with everything on it; nobody is told.
    NetworkDown,
    /// Send a line, LF included, to a connection that may be gone already.
    Send {
        /// To which connection.
        connection: ConnectionId,
        /// What.
        line: String,
    },
    /// End a connection after what was sent on it.
    End {
        /// Which.
        connection: ConnectionId,
    },
    /// Make these changes durable, all or none of them, then answer [`Input::Persisted`].
    Persist {
        /// To be given back.
        ticket: Ticket,
        /// In this order. There may be none: whoever waits must not see the difference.
        changes: Vec<Change>,
    },
    /// Do this, aside if it takes long, then answer [`Input::Derived`].
    Derive {
        /// To be given back.
        job: Job,
        /// What.
        derivation: Derivation,
    },
    /// Read this of the database as it is after everything that was handed out to be persisted before, then answer
    /// [`Input::Fetched`].
    Fetch {
        /// To be given back.
        job: Job,
        /// What.
        query: Query,
    },
    /// Forget this image of the database. There is no answer.
    CloseImage(u64),
    /// Take a step of the database that comes over, in one order with what is persisted, then answer
    /// [`Input::Imported`] if there is a job.
    Import {
        /// To be given back, if an answer is wanted.
        job: Option<Job>,
        /// What.
        step: ImportStep,
    },
    /// Connect to another node for live sync, at the port where this device's own is.
    Connect {
        /// The connection's number.
        connection: ConnectionId,
        /// Where.
        node: IpAddr,
    },
    /// Send a frame of live sync to a connection that may be gone already.
    SendFrame {
        /// To which connection.
        connection: ConnectionId,
        /// Its bytes, the header included.
        frame: Vec<u8>,
    },
    /// Make a key, aside if it takes long, then answer [`Input::Generated`].
    Generate {
        /// To be given back.
        job: Job,
        /// What kind.
        generation: Generation,
    },
    /// Answer a user, or tell one something.
    User {
        /// In which conversation.
        session: UserSession,
        /// What.
        answer: UserAnswer,
    },
    /// Give the whole log to a user.
    RetrieveLog {
        /// In which conversation.
        session: UserSession,
    },
    /// Throw the log away. The event that follows begins the new one.
    ClearLog,
    /// Ask the local reader; it answers [`Input::LocalReader`].
    LocalReader(ReaderCommand),
    /// Something happened.
    Event(Record),
}

/// Whether remote management is enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteManagement {
    /// It is not.
    Disabled,
    /// Asked for at the console; not yet durable, so not yet in force.
    Enabling,
    /// It is.
    Enabled,
}

/// What waits for a durable write.
#[derive(Clone, Debug)]
enum Promise {
    Nothing,
    Enable,
    /// The device is bound to the key of the set that was shown at the console, and is activated with it.
    Bind(ServerMasterKey),
    /// Tell that remote management is disabled, and the manager of that moment that its session is over.
    Disable {
        by: DisabledBy,
        manager: Option<ConnectionId>,
        ceremony_reset: Option<CeremonyResetReason>,
        reason: ClosingReason,
    },
    /// Answer an operation.
    Operation {
        operation: Operation,
        requester: operations::Requester,
        result: serde_json::Value,
    },
    /// Answer an operation that ends the session, then stop.
    Stop {
        /// None if it was the power button, or the reset that was offered for another set.
        operation: Option<Operation>,
        requester: operations::Requester,
        stop: LastStop,
    },
    /// Go on with cards at the Smart Card Manager.
    SmartCards,
    /// Tell what somebody at the console has changed.
    Local {
        event: Event,
        /// On the screen.
        told: String,
    },
    /// Go on with an activation password.
    Pocket(pocket::Promised),
    /// Go on with what a user asked for.
    User(users::Promised),
    /// Another node's database is here.
    LiveSync {
        requester: operations::Requester,
        node: IpAddr,
        connection: ConnectionId,
        objects: u64,
    },
}

/// What waits for a derivation, a key or something of the database.
#[derive(Clone, Debug)]
enum Errand {
    Pocket(pocket::Errand),
    User(users::Errand),
    Object(objects::Errand),
    Sync(live_sync::Errand),
}

/// Every limit of the device that is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The start or stop sequence is over.
    PowerSequence,
    /// The cards accepted so far no longer count. Before [`Inactivity`](Self::Inactivity) at the same instant.
    Interval,
    /// The manager sent no line.
    Inactivity,
    /// A user asked for nothing.
    UserIdle,
    /// Refusals were counted long enough.
    Denials,
    /// The other side of live sync said nothing.
    LiveSync,
}

/// A device, from the mains switch to the last custodian.
#[derive(Clone, Debug)]
pub struct Device {
    profile: Profile,
    stored: Stored,
    state: LifeCycle,
    power_sequence: Timer,
    /// Why the device stops, while it does.
    stopping: LastStop,
    /// The operation that is done when it has stopped.
    finishing: Option<Operation>,
    started_at: Instant,
    last_self_test: SelfTest,
    /// The algorithm that is made to fail.
    forced_to_fail: Option<Algorithm>,
    counters: counters::Counters,
    /// In memory from activation to stop, and nowhere else (LF-04).
    key: Option<ServerMasterKey>,
    console: Console,
    local: local::LocalActivation,
    /// What somebody does at the Smart Card Manager.
    smart_cards: Option<SmartCardManager>,
    remote_management: RemoteManagement,
    listening: bool,
    manager: Option<Manager>,
    ceremony: Option<Ceremony>,
    interval: Timer,
    pocket: pocket::Pocket,
    users: users::Users,
    objects: objects::Objects,
    live_sync: live_sync::LiveSync,
    /// Where it is served; at the first interface's address if nobody has said so.
    http_console: Option<SocketAddr>,
    denials: Denials,
    promises: VecDeque<(Ticket, Promise)>,
    next_ticket: u64,
    errands: BTreeMap<Job, Errand>,
    next_job: u64,
    next_event: u64,
    outputs: VecDeque<Output>,
}

impl Device {
    /// A device that is switched off, with what it kept.
    pub fn new(profile: Profile, stored: Stored) -> Self {
        Self {
            profile,
            stopping: stored.last_stop,
            finishing: None,
            stored,
            state: LifeCycle::Off,
            power_sequence: Timer::default(),
            started_at: Instant::POWER_ON,
            last_self_test: SelfTest {
                passed: false,
                date_time: String::new(),
            },
            forced_to_fail: None,
            counters: counters::Counters::default(),
            key: None,
            console: Console::start_pin(),
            local: local::LocalActivation::default(),
            smart_cards: None,
            remote_management: RemoteManagement::Disabled,
            listening: false,
            manager: None,
            ceremony: None,
            interval: Timer::default(),
            pocket: pocket::Pocket::default(),
            users: users::Users::default(),
            objects: objects::Objects::default(),
            live_sync: live_sync::LiveSync::default(),
            http_console: None,
            denials: Denials::default(),
            promises: VecDeque::new(),
            next_ticket: 0,
            errands: BTreeMap::new(),
            next_job: 0,
            next_event: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Where the device is between the mains and its service.
    pub fn state(&self) -> LifeCycle {
        self.state
    }

    /// The device's identity and limits.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether the Server Master Key is in memory.
    pub fn is_activated(&self) -> bool {
        self.state.is_activated()
    }

    /// Whether the HSM service runs.
    pub fn service(&self) -> ServiceState {
        self.state.service()
    }

    /// The connection that has administrator rights at this moment. Source: AU-05.
    pub fn administrator(&self) -> Option<ConnectionId> {
        let manager = self.manager.as_ref()?;
        manager.is_administrator.then_some(manager.connection)
    }

    /// Whether a manager is accepted.
    pub fn remote_management(&self) -> RemoteManagement {
        self.remote_management
    }

    /// The manager: its connection, its address, and whether it is the administrator.
    pub fn manager(&self) -> Option<(ConnectionId, SocketAddr, bool)> {
        let manager = self.manager.as_ref()?;
        Some((manager.connection, manager.peer, manager.is_administrator))
    }

    /// The custodian process, at a station or at the console: cards that count, and M of the set.
    pub fn ceremony(&self) -> Option<(u8, u8)> {
        let ceremony = self.ceremony.as_ref().or(self.local.ceremony())?;
        Some((ceremony.presented(), ceremony.required()))
    }

    /// The limits that run, each with the moment at which it is over.
    pub fn limits(&self) -> impl Iterator<Item = (Limit, Instant)> {
        let inactivity = self
            .manager
            .as_ref()
            .and_then(|manager| manager.inactivity.deadline());
        let limits = [
            (Limit::PowerSequence, self.power_sequence.deadline()),
            (Limit::Interval, self.interval.deadline()),
            (Limit::Inactivity, inactivity),
            (Limit::UserIdle, self.users.idle_deadline()),
            (Limit::Denials, self.denials.deadline()),
            (Limit::LiveSync, self.live_sync.deadline()),
        ];
        limits
            .into_iter()
            .filter_map(|(limit, deadline)| deadline.map(|deadline| (limit, deadline)))
    }

    /// What stands on the console's screen. A device without a console has a dark one.
    pub fn screen(&self) -> Screen {
        //= PK-01
        if self.state == LifeCycle::Off || !self.profile.has_console() {
            return Screen::dark();
        }
        let runs = self.service() == ServiceState::Running;
        let mut screen = Screen::framed(runs, self.stored.replication_domain.as_deref());
        match self.state {
            LifeCycle::Off | LifeCycle::Starting => screen.notice("Starting..."),
            LifeCycle::Stopping => screen.notice("Shutting down..."),
            LifeCycle::FirstBoot
            | LifeCycle::Waiting
            | LifeCycle::Stopped
            | LifeCycle::Running
            | LifeCycle::StoppedLocked
            | LifeCycle::RunningLocked => {
                if self.is_enabled() {
                    //= RM-02
                    //= RM-09
                    let manager = self.manager.as_ref();
                    screen.remote_management(manager.map(|m| (m.peer.ip(), m.cipher_suite.as_str())));
                } else {
                    self.console.draw(&mut screen, self.state);
                }
            }
        }
        if let Some((direction, percent)) = self.live_sync_progress() {
            screen.live_sync(direction, percent);
        }
        screen
    }

    fn is_enabled(&self) -> bool {
        self.remote_management == RemoteManagement::Enabled
    }

    fn tell(&mut self, cx: &Cx<'_>, event: Event) {
        self.counters.count(&event);
        let number = self.next_event;
        self.next_event += 1;
        let record = Record {
            at: cx.now,
            wall_clock: cx.wall_clock,
            number,
            event,
        };
        //= LG-02
        for session in self.users.followers() {
            let answer = UserAnswer::LogLine(record.log_line());
            self.outputs.push_back(Output::User { session, answer });
        }
        self.outputs.push_back(Output::Event(record));
    }

    /// Tells a refusal, or counts it if the same was told a moment ago.
    //= LG-04
    fn tell_denial(&mut self, cx: &Cx<'_>, peer: SocketAddr, denial: Denial, event: Event) {
        if self.denials.count(cx.now, peer.ip(), denial) {
            self.tell(cx, event);
        } else {
            self.counters.count(&event);
        }
    }

    fn notify(&mut self, connection: ConnectionId, notification: &DeviceNotification) {
        self.outputs.push_back(Output::Send {
            connection,
            line: notification.to_line(),
        });
    }

    /// Makes these changes here at once, and durable soon.
    fn commit(&mut self, changes: Vec<Change>, promise: Promise) {
        self.give_way_to(&changes);
        for change in &changes {
            self.stored.apply(change);
        }
        if changes.contains(&Change::EraseDatabase) {
            self.forget_users();
        }
        self.counters.writes += 1;
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.promises.push_back((ticket, promise));
        self.outputs.push_back(Output::Persist { ticket, changes });
    }

    fn new_job(&mut self, errand: Errand) -> Job {
        let job = Job(self.next_job);
        self.next_job += 1;
        self.errands.insert(job, errand);
        job
    }

    fn derive(&mut self, derivation: Derivation, errand: Errand) {
        let job = self.new_job(errand);
        self.outputs.push_back(Output::Derive { job, derivation });
    }

    fn fetch(&mut self, query: Query, errand: Errand) {
        let job = self.new_job(errand);
        self.outputs.push_back(Output::Fetch { job, query });
    }

    fn generate(&mut self, generation: Generation, errand: Errand) {
        let job = self.new_job(errand);
        self.outputs.push_back(Output::Generate { job, generation });
    }

    //= LF-07
    fn update_listening(&mut self) {
        let listens = match self.state {
            LifeCycle::Off | LifeCycle::Starting => false,
            //= RM-01
            LifeCycle::FirstBoot | LifeCycle::Waiting => self.is_enabled(),
            LifeCycle::Stopped | LifeCycle::Running | LifeCycle::StoppedLocked | LifeCycle::RunningLocked => {
                true
            }
            LifeCycle::Stopping => self.listening,
        };
        if listens != self.listening {
            self.listening = listens;
            self.outputs.push_back(Output::Listen(listens));
        }
    }

    // The life cycle.

    fn switch_on(&mut self, cx: &Cx<'_>) {
        self.state.on_switch_on().expect("the device is off");
        if !self.stored.switched_on {
            self.commit(vec![Change::SwitchedOn(true)], Promise::Nothing);
        }
        self.start(cx);
    }

    fn start(&mut self, cx: &Cx<'_>) {
        //= LG-01
        self.next_event = 0;
        self.counters = counters::Counters::default();
        // A device that is bound to no key has nobody who could have armed it, but the Pocket always is.
        let is_bound = self.stored.binding.is_some();
        //= PK-01
        let enabled = !self.profile.has_console() || (self.stored.remote_management && is_bound);
        self.remote_management = if enabled {
            RemoteManagement::Enabled
        } else {
            RemoteManagement::Disabled
        };
        self.power_sequence.set(cx.now + self.profile.limits.start);
    }

    fn on_started(&mut self, cx: &Cx<'_>) {
        //= LF-01
        let is_bound = self.stored.binding.is_some();
        let started = if is_bound {
            self.state.on_started()
        } else {
            self.state.on_started_unbound()
        };
        started.expect("the start sequence was running");
        self.started_at = cx.now;
        let after: StartedAfter = self.stored.last_stop;
        self.tell(cx, Event::Started { after });
        // From here on, a cut leaves this in the store: nothing else will have been written.
        self.commit(vec![Change::LastStop(LastStop::PowerCut)], Promise::Nothing);
        self.run_self_test(cx);
        //= PK-03
        self.begin_wait_anew(cx);
        self.show_first_screen();
        self.declare_unfinished_cards(cx);
        self.update_listening();
    }

    /// What the console shows before anybody has done anything at it.
    fn show_first_screen(&mut self) {
        self.console = match self.state {
            LifeCycle::FirstBoot => Console::first_boot(),
            LifeCycle::Off
            | LifeCycle::Starting
            | LifeCycle::Stopping
            | LifeCycle::Waiting
            //= LC-05
            | LifeCycle::StoppedLocked
            | LifeCycle::RunningLocked => Console::start_pin(),
            LifeCycle::Stopped | LifeCycle::Running => Console::main_menu(),
        };
    }

    fn stop(&mut self, cx: &Cx<'_>, stop: LastStop) {
        let was_running = self.service() == ServiceState::Running;
        self.state
            .on_stop()
            .expect("a stop is accepted only while the device is on");
        self.stopping = stop;
        self.tell(cx, Event::Stopping(stop));
        //= OP-02
        //= AU-18
        self.key = None;
        self.forget_users();
        self.ceremony = None;
        self.interval.cancel();
        self.abandon_local_activation(cx);
        self.abandon_smart_cards(cx);
        if was_running {
            self.on_service_stopped(cx);
        }
        // Passwords that are on their way come to nothing; what was counted against them is durable.
        self.errands.clear();
        self.objects = objects::Objects::default();
        self.promises.retain(|(_, promise)| match promise {
            Promise::Pocket(_) | Promise::User(_) | Promise::Bind(_) | Promise::SmartCards => false,
            Promise::Nothing
            | Promise::Enable
            | Promise::Disable { .. }
            | Promise::Local { .. }
            | Promise::Operation { .. }
            | Promise::LiveSync { .. }
            | Promise::Stop { .. } => true,
        });
        self.pocket = pocket::Pocket::default();
        for event in self.denials.take_all() {
            self.tell(cx, event);
        }
        self.power_sequence.set(cx.now + self.profile.limits.stop);
    }

    fn on_stopped(&mut self, cx: &Cx<'_>) {
        self.outputs.push_back(Output::NetworkDown);
        self.listening = false;
        self.manager = None;
        if let Some(operation) = self.finishing.take() {
            self.tell(cx, Event::OperationDone(operation));
        }
        self.tell(cx, Event::Off);
        if self.stopping.restarts() {
            self.state.on_restart().expect("the stop sequence was running");
            self.start(cx);
        } else {
            self.state
                .on_switched_off()
                .expect("the stop sequence was running");
        }
    }

    /// Whether a stop was accepted and waits for the disk.
    fn is_stop_promised(&self) -> bool {
        self.promises.iter().any(|(_, promise)| match promise {
            Promise::Stop { .. } => true,
            Promise::Nothing
            | Promise::Enable
            | Promise::Bind(_)
            | Promise::Disable { .. }
            | Promise::Local { .. }
            | Promise::Operation { .. }
            | Promise::SmartCards
            | Promise::Pocket(_)
            | Promise::LiveSync { .. }
            | Promise::User(_) => false,
        })
    }

    // Service and activation.

    fn set_service(&mut self, cx: &Cx<'_>, service: ServiceState) {
        if self.service() == service {
            return;
        }
        match service {
            ServiceState::Running => {
                self.state
                    .on_service_started()
                    .expect("an activated device has a service");
                self.live_sync.on_service_started();
                self.tell(cx, Event::ServiceStarted);
                //= HD-02
                self.notify_header();
            }
            ServiceState::Stopped => {
                self.state.on_service_stopped().expect("it runs");
                self.on_service_stopped(cx);
            }
        }
    }

    //= OP-01
    fn on_service_stopped(&mut self, cx: &Cx<'_>) {
        self.tell(cx, Event::ServiceStopped);
        self.log_everybody_out(cx);
        //= HD-02
        self.notify_header();
    }

    fn activate(&mut self, cx: &Cx<'_>, key: ServerMasterKey, at: Where) {
        self.state.on_activated().expect("the device waited for its key");
        self.key = Some(key);
        self.tell(cx, Event::Activated(at));
        self.know_users(cx);
        //= LF-08
        //= LC-06
        if self.profile.service_starts_after_activation && self.last_self_test.passed {
            self.set_service(cx, ServiceState::Running);
        }
        self.update_listening();
    }

    // Remote management as a whole.

    fn enable(&mut self) {
        self.remote_management = RemoteManagement::Enabling;
        self.commit(vec![Change::RemoteManagement(true)], Promise::Enable);
    }

    /// Disables remote management, whoever is connected. The rights end in this instant; the manager is told once
    /// it is durable (RM-21).
    fn disable(&mut self, cx: &Cx<'_>, by: DisabledBy) {
        let (reason, reset) = match by {
            DisabledBy::Esc => (ClosingReason::Disarmed, CeremonyResetReason::Disarmed),
            //= RM-10
            DisabledBy::Activity(_) | DisabledBy::LocalStop => {
                (ClosingReason::Preempted, CeremonyResetReason::Preempted)
            }
        };
        self.remote_management = RemoteManagement::Disabled;
        let manager = self.take_manager(cx, crate::SessionEnd::Closing(reason), None);
        //= AU-18
        let ceremony_reset = self.reset_ceremony(cx, reset);
        self.show_first_screen();
        self.update_listening();
        //= RM-21
        let promise = Promise::Disable {
            by,
            manager,
            ceremony_reset,
            reason,
        };
        self.commit(vec![Change::RemoteManagement(false)], promise);
    }

    fn on_persisted(&mut self, cx: &mut Cx<'_>, ticket: Ticket) {
        let Some(position) = self.promises.iter().position(|(promised, _)| *promised == ticket) else {
            return;
        };
        let (_, promise) = self.promises.remove(position).expect("it was just found");
        match promise {
            Promise::Nothing => {}
            Promise::Enable => {
                if self.remote_management == RemoteManagement::Enabling {
                    self.remote_management = RemoteManagement::Enabled;
                    self.tell(cx, Event::RemoteManagementEnabled);
                    self.update_listening();
                }
            }
            Promise::Disable {
                by,
                manager,
                ceremony_reset,
                reason,
            } => {
                self.tell(cx, Event::RemoteManagementDisabled(by));
                if let Some(connection) = manager {
                    if let Some(reason) = ceremony_reset {
                        self.notify(connection, &DeviceNotification::CeremonyReset { reason });
                    }
                    self.notify(connection, &DeviceNotification::closing(reason, None));
                    self.outputs.push_back(Output::End { connection });
                }
            }
            //= LF-02
            Promise::Bind(key) => {
                self.tell(cx, Event::Bound);
                self.activate(cx, key, Where::Local);
                self.show_first_screen();
            }
            Promise::Operation {
                operation,
                requester,
                result,
            } => self.on_operation_durable(cx, operation, requester, result),
            Promise::Stop {
                operation,
                requester,
                stop,
            } => {
                self.on_stop_durable(cx, operation, requester, stop);
                self.stop(cx, stop);
            }
            Promise::SmartCards => self.tell_smart_cards(cx, Told::Kept),
            Promise::Local { event, told } => {
                self.tell(cx, event);
                self.console.tell(told);
            }
            Promise::Pocket(promised) => self.on_password_durable(cx, promised),
            Promise::User(promised) => self.on_user_durable(cx, promised),
            Promise::LiveSync {
                requester,
                node,
                connection,
                objects,
            } => self.on_database_durable(cx, requester, node, connection, objects),
        }
    }

    fn on_derived(&mut self, cx: &mut Cx<'_>, job: Job, derived: &DerivedKey) {
        match self.errands.remove(&job) {
            // The device has stopped since.
            None => {}
            Some(Errand::Pocket(errand)) => self.on_password_derived(cx, errand, derived),
            Some(Errand::User(errand)) => self.on_user_derived(cx, errand, derived),
            Some(Errand::Object(_) | Errand::Sync(_)) => unreachable!("they wait for something else"),
        }
    }

    fn on_fetched(&mut self, cx: &Cx<'_>, job: Job, fetched: Fetched) {
        match self.errands.remove(&job) {
            // The device has stopped since.
            None => {}
            Some(Errand::Object(errand)) => self.on_object_fetched(cx, errand, fetched),
            Some(Errand::Sync(errand)) => self.on_sync_fetched(cx, &errand, fetched),
            Some(Errand::Pocket(_) | Errand::User(_)) => unreachable!("they wait for derivations"),
        }
    }

    fn on_generated(&mut self, cx: &Cx<'_>, job: Job, key: Option<GeneratedKey>) {
        match self.errands.remove(&job) {
            // The device has stopped since.
            None => {}
            Some(Errand::Object(errand)) => self.on_object_generated(cx, errand, key),
            Some(Errand::Pocket(_) | Errand::User(_) | Errand::Sync(_)) => {
                unreachable!("they wait for something else")
            }
        }
    }

    // Time.

    /// The device's calendar in place of the clock that it runs on. Limits run on neither.
    //= RM-24
    fn with_calendar<'a>(&self, cx: &'a mut Cx<'_>) -> Cx<'a> {
        let millis = cx.wall_clock.as_unix_millis();
        Cx {
            now: cx.now,
            wall_clock: WallClock::from_unix_millis(
                millis.saturating_add(self.stored.calendar_offset_millis),
            ),
            rng: &mut *cx.rng,
        }
    }

    /// The limit that is over at this instant, the first in the order of [`Limit`].
    fn take_expired(&mut self, now: Instant) -> Option<Limit> {
        if self.power_sequence.take_expired(now) {
            return Some(Limit::PowerSequence);
        }
        if self.interval.take_expired(now) {
            return Some(Limit::Interval);
        }
        let manager = self.manager.as_mut();
        if manager.is_some_and(|manager| manager.inactivity.take_expired(now)) {
            return Some(Limit::Inactivity);
        }
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if is_over(self.users.idle_deadline()) {
            return Some(Limit::UserIdle);
        }
        if is_over(self.denials.deadline()) {
            return Some(Limit::Denials);
        }
        is_over(self.live_sync.deadline()).then_some(Limit::LiveSync)
    }

    fn expire(&mut self, cx: &Cx<'_>) {
        self.expire_limits(cx);
        self.tend_live_sync(cx);
    }

    fn expire_limits(&mut self, cx: &Cx<'_>) {
        while let Some(limit) = self.take_expired(cx.now) {
            match limit {
                Limit::PowerSequence => match self.state {
                    LifeCycle::Starting => self.on_started(cx),
                    LifeCycle::Stopping => self.on_stopped(cx),
                    LifeCycle::Off
                    | LifeCycle::FirstBoot
                    | LifeCycle::Waiting
                    | LifeCycle::Stopped
                    | LifeCycle::Running
                    | LifeCycle::StoppedLocked
                    | LifeCycle::RunningLocked => unreachable!("only the two sequences set this timer"),
                },
                Limit::Interval => self.on_interval_over(cx),
                //= RM-07
                Limit::Inactivity => self.end_session(cx, ClosingReason::Inactivity, None),
                Limit::LiveSync => self.on_sync_silence(cx),
                //= HC-02
                Limit::UserIdle => self.expire_users(cx),
                Limit::Denials => {
                    for event in self.denials.take_expired(cx.now) {
                        self.tell(cx, event);
                    }
                }
            }
        }
    }
}

impl Machine for Device {
    type Input = Input;
    type Output = Output;

    fn handle_input(&mut self, cx: &mut Cx<'_>, input: Input) {
        let cx = &mut self.with_calendar(cx);
        // At one instant timers run before inputs, whatever the driver does first.
        self.expire(cx);
        match input {
            Input::PowerReturned => {
                if self.state == LifeCycle::Off && self.stored.switched_on {
                    self.switch_on(cx);
                }
            }
            Input::PowerButton if self.state == LifeCycle::Off => self.switch_on(cx),
            Input::PowerButton => self.on_power_button(cx),
            Input::Key(key) => self.on_key(cx, key),
            Input::LocalCard(card) => self.on_local_card(cx, card),
            Input::LocalReader(answer) => self.on_local_reader(cx, answer),
            Input::Arrived {
                connection,
                peer,
                cipher_suite,
            } => {
                self.on_arrived(cx, connection, peer, cipher_suite);
            }
            Input::Line { connection, line } => self.on_line(cx, connection, &line),
            Input::LineTooLong { connection } => self.on_line_too_long(cx, connection),
            Input::Slow { connection } => {
                if self.is_manager(connection) {
                    self.end_session(cx, ClosingReason::Slow, None);
                }
            }
            Input::Gone { connection, how } => self.on_gone(cx, connection, how),
            Input::TurnedAway { peer, why } => {
                //= LS-01
                if why == TurnedAway::ClientSession && self.service() == ServiceState::Running {
                    self.live_sync.on_client();
                }
                self.tell_denial(cx, peer, Denial::TurnedAway(why), Event::TurnedAway { peer, why });
            }
            Input::SelfTestFault(fault) => self.forced_to_fail = fault,
            Input::HttpConsoleAt(address) => self.http_console = Some(address),
            Input::Persisted(ticket) => self.on_persisted(cx, ticket),
            Input::Derived { job, derived } => self.on_derived(cx, job, &derived),
            Input::Fetched { job, fetched } => self.on_fetched(cx, job, fetched),
            Input::Generated { job, key } => self.on_generated(cx, job, key),
            Input::User {
                session,
                peer,
                request,
            } => self.on_user_request(cx, session, peer, request),
            Input::UserGone { session } => self.on_user_gone(cx, session),
            Input::FollowerGone { session } => self.users.follow_no_more(session),
            Input::Imported(job) => {
                if self.errands.remove(&job).is_some() {
                    self.on_imported(cx);
                }
            }
            Input::Sync(input) => self.on_sync_input(cx, input),
        }
        self.tend_live_sync(cx);
        self.refresh_monitor(cx);
    }

    fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        let cx = &mut self.with_calendar(cx);
        self.expire(cx);
        self.refresh_monitor(cx);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.limits().map(|(_, deadline)| deadline).min()
    }
}
