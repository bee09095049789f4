//! The device: the one queue of everything that happens to it. This file has its parts and hands each
//! input to whom it concerns; `device/` has the inputs and outputs, the life cycle, the limits, the durable writes, and what a
//! manager, a custodian, the owner of a Pocket, a user and a person at the console can do.

mod configuration;
mod counters;
mod custodians;
mod interface;
mod limits;
mod live_sync;
mod local;
mod management;
mod objects;
mod operations;
mod pages;
mod partition;
mod pocket;
mod power;
mod promises;
mod sealed_users;
mod smart_cards;
mod users;

pub use configuration::NODES_MAX;
pub use interface::{ConnectionId, Gone, Input, Job, LocalCard, Output, Ticket, TurnedAway};
pub use limits::Limit;
pub use live_sync::{ImportStep, SyncDirection, SyncInput};
pub(crate) use operations::Order;
use promises::{Errand, Promise};

use core::net::SocketAddr;
use std::collections::{BTreeMap, VecDeque};

use machine::{Cx, Instant, Machine, Timer, WallClock};
use protocol::{CeremonyResetReason, ClosingReason, DeviceNotification, SelfTest, ServiceState};

use crate::{
    Algorithm, Change, Denial, DisabledBy, Event, LastStop, LifeCycle, Operation, Profile, Record, Screen,
    ServerMasterKey, Stored, UserAnswer, ceremony::Ceremony, console::Console, denials::Denials,
    remote::Manager, smart_card_manager::SmartCardManager,
};

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
