//! One simulated world: a device with its port, cards, people at their stations, strangers, and the cables between
//! them, in virtual time. One thread, no clock: it jumps to the next thing that happens. Knows no step and no report.
//!
//! At one instant the order is: timers, writes that became durable, arrivals in the order in which they were sent, numbers
//! that are counted down on screens.

mod cards;
mod newcomer;
mod nodes;
mod recording;
mod screens;
mod station;
mod trace;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use apdu::ReaderCommand;
use hsm_client::{Fingerprint, TlsClientConfig, Trust};
use hsm_core::{
    CardOutcome, Change, ConnectionId, DerivationSettings, Device, Event, Input as DeviceInput, Key,
    LocalCard, Profile, Record, Scheme, ServerMasterKey, Shelf, Stored, Ticket, UserAnswer, UserRefusal,
    UserRequest, UserSession, Vault, Where,
};
use hsm_listener::{Appliance, Identity, Input, Output};
use machine::{Cx, Instant, Machine, WallClock};
use protocol::ServiceState;
use sim::{Agenda, Arrival, ChaCha8Rng, Link, LinkSettings, Seed, Side, Storage};

pub(crate) use cards::{CardMaker, SmartCard, Tear};
pub(crate) use newcomer::{Manner, Newcomer, client_hello};
use nodes::{Cable, Desk, Hsm};
pub(crate) use nodes::{CableCut, CutWhat, Making, Node};
pub(crate) use recording::Recording;
pub(crate) use screens::Screens;
pub(crate) use station::{Prompt, Station};
pub(crate) use trace::Trace;

use crate::lane::{ActorEvents, BEGINNING_UNIX_MILLIS};

/// Things that may happen at one instant before a world is taken for one that never settles.
const EVENTS_AT_ONCE_MAX: u32 = 1_000_000;

/// The PIN of every card that a scenario does not give another one.
pub(crate) const PIN: &str = "12345678";

pub(crate) struct World {
    pub(crate) now: Instant,
    seed: Seed,
    /// What has been added to the calendar by setting the clock.
    clock_offset_millis: i64,
    device_rng: ChaCha8Rng,
    pub(crate) profile: Profile,
    pub(crate) set: CardMaker,
    scheme: Scheme,
    /// Who holds the cards of the set, in the order of its indices.
    holders: Vec<String>,
    /// `None` while there is no power.
    appliance: Option<Appliance>,
    pub(crate) storage: Storage<Kept, Ticket>,
    /// What is plugged in where.
    pub(crate) cards: BTreeMap<String, SmartCard>,
    local_slot: Option<String>,
    /// What the disk has in its hands.
    desk: Desk,
    /// The other HSMs, and the cables between them and the first.
    pub(crate) nodes: Vec<Node>,
    cables: Vec<Cable>,
    /// What goes wrong on the next cable.
    pub(crate) cable_faults: Vec<sim::Fault>,
    /// Messages that have crossed those cables, and what is cut after how many.
    pub(crate) cable_messages: u32,
    pub(crate) cable_cut: Option<CableCut>,
    /// An address that leads to the first HSM without being in its network settings.
    pub(crate) other_address_of_the_first: Option<IpAddr>,
    pub(crate) people: BTreeMap<String, Station>,
    pub(crate) newcomers: Vec<Newcomer>,
    wires: BTreeMap<ConnectionId, Wire>,
    agenda: Agenda<Due>,
    /// How the connections that are opened from now on behave.
    pub(crate) link_settings: LinkSettings,
    listening: bool,
    next_connection: u64,
    /// Everything the device told, since the world began.
    pub(crate) records: Vec<Record>,
    /// The log as it is kept: over restarts and cuts, until somebody clears it.
    pub(crate) log: Vec<String>,
    /// Everything that was ever handed over to be kept, and what the disk holds with it.
    pub(crate) persisted: Vec<(Vec<Change>, Kept)>,
    /// What users of the database were told, and whose conversation has which number.
    pub(crate) told_users: Vec<(UserSession, UserAnswer)>,
    pub(crate) user_sessions: BTreeMap<String, UserSession>,
    next_user_session: u64,
    /// At which durable write from now on the power is cut.
    pub(crate) cut_at_write: Option<usize>,
    pub(crate) trace: Trace,
    /// What the console showed, if somebody wants to watch it.
    pub(crate) recording: Recording,
    /// A hand that acts when so many messages have been delivered.
    pub(crate) interruption: Option<Interruption>,
    pub(crate) delivered: u32,
    /// Whose program crashes when a card is accepted.
    pub(crate) crash_on_acceptance: Option<String>,
}

/// What survives power: the device's own values, and the objects of its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) stored: Stored,
    pub(crate) objects: Shelf,
}

impl core::ops::Deref for Kept {
    type Target = Stored;

    fn deref(&self) -> &Stored {
        &self.stored
    }
}

/// Somebody at the device who waits for a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interruption {
    pub(crate) after: u32,
    pub(crate) hand: Hand,
}

/// What a hand can do to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hand {
    Key(Key),
    InsertsCard,
    RemovesCard,
    PressesPowerButton,
    CutsPower,
}

/// A connection and who is at its other end.
struct Wire {
    link: Link,
    caller: Caller,
    client_finished: bool,
    server_finished: bool,
    /// The device has closed its socket: what still comes is answered with a reset.
    server_closed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Station(String),
    Newcomer(usize),
}

/// What the agenda wakes.
#[derive(Clone, Copy, Debug)]
enum Due {
    Link(ConnectionId),
    Newcomer(usize),
    Cable(usize),
}

/// The identity of every simulated device: made once a process, since no trace depends on it.
struct SharedTls {
    server: Arc<rustls::ServerConfig>,
    client: TlsClientConfig,
}

fn shared_tls() -> &'static SharedTls {
    static SHARED: OnceLock<SharedTls> = OnceLock::new();
    SHARED.get_or_init(|| {
        let identity = Identity::generate("simulated").expect("the crypto library makes a P-256 certificate");
        let fingerprint = Fingerprint::of_certificate(identity.certificate());
        SharedTls {
            server: identity.server_config().expect("TLS accepts its own certificate"),
            client: TlsClientConfig::new(Trust::Pinned(fingerprint)),
        }
    })
}

/// The TLS configuration of every client of this world.
pub(crate) fn client_config() -> &'static TlsClientConfig {
    &shared_tls().client
}

/// What is kept by a device that was activated with this key before.
fn bound_to(key: &ServerMasterKey) -> Stored {
    let mut stored = Stored::bound_to(key.binding());
    let vault = Vault::of(key);
    let users = stored.users.iter();
    let sealed = users.map(|(name, user)| vault.seal_user(name, user)).collect();
    stored.apply(&Change::SealUsers(sealed));
    stored
}

impl World {
    /// A world whose device has left first boot behind: bound to a set of cards, switched off.
    pub(crate) fn new(seed: Seed, profile: Profile, scheme: Scheme, holders: &[String]) -> Self {
        Self::with(seed, profile, scheme, holders, bound_to)
    }

    /// A world whose device comes out of the factory, switched off; the cards are those of a set that it does not know.
    pub(crate) fn out_of_the_factory(
        seed: Seed,
        profile: Profile,
        scheme: Scheme,
        holders: &[String],
    ) -> Self {
        let stored = Stored::out_of_the_factory(&profile);
        Self::with(seed, profile, scheme, holders, |_| stored)
    }

    fn with(
        seed: Seed,
        mut profile: Profile,
        scheme: Scheme,
        holders: &[String],
        stored: impl FnOnce(&ServerMasterKey) -> Stored,
    ) -> Self {
        // A password costs a moment here, so that scenarios with many of them do.
        profile.password_hash = DerivationSettings {
            memory_kib: 8,
            iterations: 1,
            lanes: 1,
        };
        let mut rng = seed.rng_for("card set");
        let key = ServerMasterKey::generate(&mut rng);
        let stored = stored(&key);
        let mut set = CardMaker::new(key, rng);
        let cards = set.set_for(scheme, holders);
        let mut world = Self {
            now: Instant::POWER_ON,
            seed,
            clock_offset_millis: 0,
            device_rng: seed.rng_for("device"),
            appliance: None,
            storage: Storage::new(
                Kept {
                    stored,
                    objects: Shelf::default(),
                },
                Duration::ZERO,
            ),
            profile,
            set,
            scheme,
            holders: holders.to_vec(),
            cards,
            local_slot: None,
            desk: Desk::default(),
            nodes: Vec::new(),
            cables: Vec::new(),
            cable_faults: Vec::new(),
            cable_messages: 0,
            cable_cut: None,
            other_address_of_the_first: None,
            people: BTreeMap::new(),
            newcomers: Vec::new(),
            wires: BTreeMap::new(),
            agenda: Agenda::new(),
            link_settings: LinkSettings::default(),
            listening: false,
            next_connection: 1,
            records: Vec::new(),
            log: Vec::new(),
            persisted: Vec::new(),
            told_users: Vec::new(),
            user_sessions: BTreeMap::new(),
            next_user_session: 0,
            cut_at_write: None,
            trace: Trace::default(),
            recording: Recording::default(),
            interruption: None,
            delivered: 0,
            crash_on_acceptance: None,
        };
        world.plug_in();
        for holder in holders {
            world.people.insert(holder.clone(), Station::new(holder));
        }
        world
    }

    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(crate) fn holders(&self) -> impl Iterator<Item = String> {
        self.holders.iter().cloned()
    }

    // The device.

    /// The device, while there is power.
    pub(crate) fn device(&self) -> Option<&Device> {
        self.appliance.as_ref().map(Appliance::device)
    }

    /// Connections that the device holds open in any state.
    pub(crate) fn connections_len(&self) -> usize {
        self.appliance.as_ref().map_or(0, Appliance::connections_len)
    }

    pub(crate) fn screen(&self) -> String {
        self.device()
            .map(|device| device.screen().to_string())
            .unwrap_or_default()
    }

    pub(crate) fn is_listening(&self) -> bool {
        self.listening
    }

    fn plug_in(&mut self) {
        let device = Device::new(self.profile.clone(), self.storage.durable().stored.clone());
        self.appliance = Some(Appliance::new(device, Arc::clone(&shared_tls().server)));
    }

    /// The cable is pulled out: what was not durable is lost, and every connection goes dead.
    pub(crate) fn cut_power(&mut self) {
        self.trace.tell(self.now, "the HSM", "power cut");
        self.storage.cut(self.now);
        self.desk.cut();
        self.appliance = None;
        self.network_down();
        self.look();
    }

    pub(crate) fn return_power(&mut self) {
        self.trace.tell(self.now, "the HSM", "power returns");
        self.plug_in();
        self.tell_device(DeviceInput::PowerReturned);
    }

    pub(crate) fn tell_device(&mut self, input: DeviceInput) {
        self.tell(Input::Device(input));
    }

    pub(crate) fn press(&mut self, key: Key) {
        // What is typed at the console may be a PIN.
        let shown = if let Key::Char(_) = key {
            "a character".to_owned()
        } else {
            format!("{key:?}")
        };
        self.trace.tell(self.now, "the console", format!("key {shown}"));
        self.tell_device(DeviceInput::Key(key));
    }

    pub(crate) fn press_power_button(&mut self) {
        self.trace.tell(self.now, "the console", "power button");
        self.tell_device(DeviceInput::PowerButton);
    }

    pub(crate) fn press_power_button_if_off(&mut self) {
        if self
            .device()
            .is_some_and(|device| device.state() == hsm_core::LifeCycle::Off)
        {
            self.press_power_button();
        }
    }

    pub(crate) fn insert_locally(&mut self, card: &str) {
        self.trace
            .tell(self.now, "the local reader", format!("{card}'s card in"));
        self.local_slot = Some(card.to_owned());
        self.tell_device(DeviceInput::LocalCard(LocalCard::Inserted));
    }

    pub(crate) fn remove_locally(&mut self) {
        self.trace.tell(self.now, "the local reader", "card out");
        if let Some(card) = self.local_slot.take().and_then(|card| self.cards.get_mut(&card)) {
            card.power_off();
        }
        self.tell_device(DeviceInput::LocalCard(LocalCard::Removed));
    }

    pub(crate) fn act(&mut self, hand: Hand) {
        match hand {
            Hand::Key(key) => self.press(key),
            Hand::InsertsCard => self.insert_locally("somebody"),
            Hand::RemovesCard => self.remove_locally(),
            Hand::PressesPowerButton => self.press_power_button(),
            Hand::CutsPower => self.cut_power(),
        }
    }

    pub(crate) fn set_clock(&mut self, by: Duration, back: bool) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.clock_offset_millis += if back { -millis } else { millis };
    }

    fn wall_clock(&self) -> WallClock {
        let elapsed = i64::try_from(self.now.as_micros() / 1000).unwrap_or(i64::MAX);
        WallClock::from_unix_millis(BEGINNING_UNIX_MILLIS + elapsed + self.clock_offset_millis)
    }

    fn tell(&mut self, input: Input) {
        let wall_clock = self.wall_clock();
        let Some(appliance) = &mut self.appliance else {
            return;
        };
        let mut cx = Cx {
            now: self.now,
            wall_clock,
            rng: &mut self.device_rng,
        };
        appliance.handle_input(&mut cx, input);
        self.obey();
    }

    fn expire_device(&mut self) {
        let wall_clock = self.wall_clock();
        if let Some(appliance) = &mut self.appliance {
            let mut cx = Cx {
                now: self.now,
                wall_clock,
                rng: &mut self.device_rng,
            };
            appliance.handle_timeout(&mut cx);
            self.obey();
        }
    }

    /// Does what the device asks for.
    fn obey(&mut self) {
        while let Some(output) = self.appliance.as_mut().and_then(Appliance::poll_output) {
            match output {
                Output::Listen(listening) => {
                    self.trace.tell(
                        self.now,
                        "the HSM",
                        if listening { "port open" } else { "port closed" },
                    );
                    self.listening = listening;
                }
                Output::NetworkDown => self.network_down(),
                Output::Transmit { connection, bytes } if self.is_cable(connection) => {
                    self.send_on_cable(Hsm::First, connection, bytes);
                }
                Output::Finish(connection) | Output::Close(connection) if self.is_cable(connection) => {
                    self.finish_cable(Hsm::First, connection);
                }
                Output::Transmit { connection, bytes } => self.send(connection, Side::Server, bytes),
                Output::Finish(connection) => self.finish(connection, Side::Server),
                Output::Close(connection) => {
                    self.finish(connection, Side::Server);
                    if let Some(wire) = self.wires.get_mut(&connection) {
                        wire.server_closed = true;
                    }
                }
                Output::Persist { ticket, changes } => {
                    let mut kept = self.storage.newest().clone();
                    self.desk.apply(&mut kept, &changes);
                    self.persisted.push((changes, kept.clone()));
                    self.storage.write(self.now, ticket, kept);
                    match self.cut_at_write {
                        Some(1) => {
                            self.cut_at_write = None;
                            self.cut_power();
                        }
                        Some(writes) => self.cut_at_write = Some(writes - 1),
                        None => {}
                    }
                }
                Output::Derive { job, derivation } => {
                    let derived = derivation.run();
                    self.tell_device(DeviceInput::Derived { job, derived });
                }
                Output::Fetch { job, query } => {
                    let fetched = self.desk.fetch(self.storage.newest(), &query);
                    self.tell_device(DeviceInput::Fetched { job, fetched });
                }
                Output::CloseImage(image) => self.desk.close_image(image),
                Output::Import { job, step } => {
                    self.desk.import(step);
                    if let Some(job) = job {
                        self.tell_device(DeviceInput::Imported(job));
                    }
                }
                Output::Connect { connection, node } => self.call(Hsm::First, connection, node),
                Output::Generate { job, generation } => {
                    let key = generation.run();
                    self.tell_device(DeviceInput::Generated { job, key });
                }
                Output::User { session, answer } => self.on_user_answer(session, answer),
                Output::RetrieveLog { session } => self.retrieve_log(session),
                Output::ClearLog => self.log.clear(),
                Output::LocalReader(command) => self.use_local_reader(&command),
                Output::Event(record) => {
                    self.trace.tell(self.now, "the HSM", record.event.to_string());
                    let accepted = matches!(
                        record.event,
                        Event::CardUsed {
                            outcome: CardOutcome::Accepted { .. },
                            at: Where::Remote(_),
                            ..
                        }
                    );
                    self.log.push(record.log_line());
                    self.records.push(record);
                    if let (true, Some(person)) = (accepted, self.crash_on_acceptance.take_if(|_| accepted)) {
                        self.crash(&person);
                    }
                }
            }
        }
        self.look();
    }

    /// Somebody may be watching the console.
    fn look(&mut self) {
        let device = self.appliance.as_ref().map(Appliance::device);
        self.recording.look(self.now, || device.map(Device::screen));
    }

    fn use_local_reader(&mut self, command: &ReaderCommand) {
        let answer = cards::answer(&mut self.cards, self.local_slot.as_deref(), command);
        self.tell_device(DeviceInput::LocalReader(answer));
    }

    fn network_down(&mut self) {
        self.listening = false;
        for wire in self.wires.values_mut() {
            wire.link.cut();
        }
        self.cut_cables(Hsm::First);
        // Nobody is told; whoever still has an end of such a cable finds out by the silence.
    }

    // Connections.

    /// Opens a connection to the device; `None` if nothing listens there.
    pub(crate) fn open(&mut self, caller: Caller, from: IpAddr) -> Option<ConnectionId> {
        if !self.listening {
            return None;
        }
        let id = ConnectionId::new(self.next_connection);
        self.next_connection += 1;
        let wire = Wire {
            link: Link::new(self.link_settings),
            caller,
            client_finished: false,
            server_finished: false,
            server_closed: false,
        };
        self.wires.insert(id, wire);
        // Ports of callers are as different as on a real network, and the same in every run.
        let port = 40_000 + u16::try_from(id.as_u64() % 20_000).expect("it is below 20,000");
        self.tell(Input::Accepted {
            connection: id,
            peer: SocketAddr::new(from, port),
        });
        Some(id)
    }

    pub(crate) fn send(&mut self, id: ConnectionId, from: Side, bytes: Vec<u8>) {
        let now = self.now;
        self.with_link(id, |wire| {
            let finished = match from {
                Side::Client => wire.client_finished,
                Side::Server => wire.server_finished,
            };
            if !finished {
                wire.link.send(now, from, bytes);
            }
        });
    }

    pub(crate) fn finish(&mut self, id: ConnectionId, from: Side) {
        let now = self.now;
        self.with_link(id, |wire| {
            let finished = match from {
                Side::Client => &mut wire.client_finished,
                Side::Server => &mut wire.server_finished,
            };
            if !core::mem::replace(finished, true) {
                wire.link.finish(now, from);
            }
        });
    }

    pub(crate) fn reset(&mut self, id: ConnectionId, from: Side) {
        let now = self.now;
        self.with_link(id, |wire| wire.link.reset(now, from));
    }

    /// Changes a link by hand: faults, holds, cuts. Nothing happens if the connection is over.
    pub(crate) fn with_raw_link(&mut self, id: ConnectionId, change: impl FnOnce(Instant, &mut Link)) {
        let now = self.now;
        self.with_link(id, |wire| change(now, &mut wire.link));
    }

    fn with_link(&mut self, id: ConnectionId, change: impl FnOnce(&mut Wire)) {
        let Some(wire) = self.wires.get_mut(&id) else {
            return;
        };
        change(wire);
        if let Some(at) = wire.link.next_at() {
            self.agenda.schedule(at, Due::Link(id));
        }
    }

    fn on_link_due(&mut self, id: ConnectionId) {
        let Some(wire) = self.wires.get_mut(&id) else {
            return;
        };
        let Some((receiver, arrival)) = wire.link.poll(self.now) else {
            return;
        };
        if let Some(at) = wire.link.next_at() {
            self.agenda.schedule(at, Due::Link(id));
        }
        self.delivered += 1;
        match receiver {
            Side::Server => self.on_arrival_at_device(id, arrival),
            Side::Client => self.on_arrival_at_caller(id, arrival),
        }
        self.interrupt();
    }

    fn on_arrival_at_device(&mut self, id: ConnectionId, arrival: Arrival) {
        let closed = self.wires.get(&id).is_some_and(|wire| wire.server_closed);
        match arrival {
            Arrival::Bytes(_) if closed => self.reset(id, Side::Server),
            Arrival::Finished | Arrival::Reset if closed => {}
            Arrival::Bytes(bytes) => self.tell(Input::Received {
                connection: id,
                bytes,
            }),
            Arrival::Finished => self.tell(Input::Finished { connection: id }),
            Arrival::Reset => self.tell(Input::Reset { connection: id }),
        }
    }

    fn on_arrival_at_caller(&mut self, id: ConnectionId, arrival: Arrival) {
        if let Arrival::Bytes(bytes) = &arrival {
            self.tell(Input::Sent {
                connection: id,
                bytes_len: bytes.len(),
            });
        }
        match self.wires.get(&id).map(|wire| wire.caller.clone()) {
            Some(Caller::Station(name)) => self.on_arrival_at_station(&name, id, arrival),
            Some(Caller::Newcomer(index)) => self.on_arrival_at_newcomer(index, id, arrival),
            None => {}
        }
    }

    fn interrupt(&mut self) {
        if let Some(Interruption { after, hand }) = self.interruption
            && self.delivered >= after
        {
            self.interruption = None;
            self.act(hand);
        }
    }

    // Time.

    /// Lets everything happen that happens at this instant.
    pub(crate) fn settle(&mut self) {
        for _ in 0..EVENTS_AT_ONCE_MAX {
            let deadline = self.appliance.as_ref().and_then(Machine::poll_timeout);
            if deadline.is_some_and(|deadline| deadline <= self.now) {
                self.expire_device();
            } else if let Some(ticket) = self.storage.poll(self.now) {
                self.tell_device(DeviceInput::Persisted(ticket));
            } else if self.settle_nodes() {
            } else {
                match self.agenda.pop_due(self.now) {
                    Some(Due::Link(id)) => self.on_link_due(id),
                    Some(Due::Newcomer(index)) => self.on_newcomer_due(index),
                    Some(Due::Cable(index)) => self.on_cable_due(index),
                    None if self.expire_screens() => {}
                    None => return,
                }
            }
        }
        panic!(
            "the world did not settle at {}: {EVENTS_AT_ONCE_MAX} things happened at one instant",
            self.now
        );
    }

    /// Lets time pass, jumping from one thing that happens to the next.
    pub(crate) fn pass(&mut self, span: Duration) {
        self.settle();
        let end = self.now + span;
        while let Some(next) = self.next_at().filter(|next| *next <= end) {
            self.now = next;
            self.settle();
        }
        self.now = end;
    }

    fn next_at(&self) -> Option<Instant> {
        let device = self.appliance.as_ref().and_then(Machine::poll_timeout);
        [
            device,
            self.storage.next_at(),
            self.agenda.next_at(),
            self.next_screen_at(),
            self.nodes_next_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    // Users of the database.

    /// Somebody asks for something in a conversation of their own.
    pub(crate) fn ask_as_user(&mut self, person: &str, request: UserRequest) {
        let next = UserSession(self.next_user_session);
        let session = *self.user_sessions.entry(person.to_owned()).or_insert(next);
        if session == next {
            self.next_user_session += 1;
        }
        let peer = self.station(person).address;
        self.trace.tell(self.now, person, "asks as a user");
        // The port of the HTTP console is closed then, and the device hears of nobody.
        if self.device().map(Device::service) != Some(ServiceState::Running) {
            let refusal = match request {
                UserRequest::Login { .. } => UserRefusal::ServiceStopped,
                _ => UserRefusal::WrongState,
            };
            return self.on_user_answer(session, UserAnswer::Refused(refusal));
        }
        self.tell_device(DeviceInput::User {
            session,
            peer,
            request,
        });
    }

    fn on_user_answer(&mut self, session: UserSession, answer: UserAnswer) {
        self.told_users.push((session, answer));
    }

    fn retrieve_log(&mut self, session: UserSession) {
        let lines = self.log.iter().cloned().map(UserAnswer::LogLine);
        self.told_users.extend(lines.map(|line| (session, line)));
    }

    /// The bytes that nobody may write down: the key, its shadows and their shares.
    pub(crate) fn secrets(&self) -> Vec<Vec<u8>> {
        let held = self.cards.values().map(SmartCard::shadow);
        let mut secrets = self.set.secrets();
        secrets.extend(held.filter(|shadow| !shadow.is_empty()));
        secrets
    }

    // What was seen.

    /// The last things that every actor did, for the report of a failure.
    pub(crate) fn last_events(&self) -> Vec<ActorEvents> {
        self.trace.last_of_each()
    }
}
