//! Where one scenario is played with real programs: its device, its people, its newcomers, and the settling of all of
//! them between two steps. A step is over when nothing is on its way any more; no time passes but what a step says.

mod cards;
mod device;
mod people;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, mem,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use hsm_bench::Connection;
use hsm_core::Stored;
use machine::Instant as Virtual;
use sim::Seed;

use super::{
    Programs,
    browser::Browser,
    cable::{Cable, Cables},
    device::{Device, TURN},
    hands::Outcome,
    newcomer::Newcomer,
    nodes::{Alias, Node},
    station::Person,
};
use crate::{
    lane::{ActorEvents, Failure, Mismatch, Played, Seen},
    steps::{Args, mismatch},
    world::{Interruption, World},
};

/// How long something may take that no event tells, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rounds in which everybody says and hears what is on its way, before a stage is taken for one that never settles.
const ROUNDS_MAX: u32 = 10_000;
/// Steps of the clock within one span of time.
const JUMPS_MAX: u32 = 100_000;
/// Events of one actor that a failure shows.
const LAST_EVENTS: usize = 8;
/// The port from which an HSM of the simulation calls another.
const PORT_OF_CALLS: u16 = 50_000;

pub(super) struct Stage<'p> {
    pub(super) programs: &'p Programs,
    pub(super) folder: PathBuf,
    seed: Seed,
    pub(super) device: Option<Device>,
    /// Makes the cards of the scenario; nothing else happens in it.
    factory: Option<World>,
    people: BTreeMap<String, Person>,
    newcomers: Vec<Newcomer>,
    /// Of users of the database.
    browsers: BTreeMap<String, Browser>,
    /// Real ends of connections and what they are called in the scenarios, in the order in which they were opened.
    ends: Vec<(SocketAddr, SocketAddr)>,
    /// The other HSMs.
    pub(super) nodes: Vec<Node>,
    /// Whether each other HSM that comes is behind a cable that can be cut.
    pub(super) has_node_cables: bool,
    /// An address that leads to the first.
    pub(super) alias: Option<Alias>,
    /// Between the device and everybody, if somebody does something to a cable.
    pub(super) laid: Option<Cables>,
    /// Whose card is in the local reader.
    local_slot: Option<String>,
    /// Whose cards lose contact once, the next time they are in a reader.
    pub(super) torn_once: BTreeSet<String>,
    trace: Vec<String>,
    lasted: Duration,
    /// Lines of the log that were looked at.
    log_seen: usize,
    /// What was done so far, so that it can be done again with programs that have done nothing yet.
    pub(super) done: Vec<Done>,
    /// The step that is being played does nothing to the programs, and is not done again by others.
    is_aside: bool,
    /// Cuts of power at durable writes.
    pub(super) cuts: usize,
    /// Whose program crashes once a card is accepted, and how many lines the log had before.
    crash_on_acceptance: Option<(String, usize)>,
    /// A hand that acts when so many messages were carried, and between whom and the device they are.
    pub(super) interruption: Option<(String, Interruption)>,
    /// What was found in each world of an experiment.
    pub(super) outcomes: Vec<Outcome>,
    /// Somebody left a card in the local reader before remote management was enabled, for whoever takes it out.
    pub(super) leaves_card: bool,
    /// Sessions that were played again.
    pub(super) transcripts: Vec<Transcript>,
    /// The folder, if nobody else removes it. The last member: those who write there have ended then.
    _rubbish: Option<Rubbish>,
}

/// The lines of a connection: when they were heard, in microseconds of the device's clock, who said them, and what.
pub(super) type Transcript = Vec<(u64, String, String)>;

/// What one step does.
pub(super) type Done = (super::hands::Hand, Args);

/// A folder that is not needed any more when this is dropped.
struct Rubbish(PathBuf);

impl Drop for Rubbish {
    fn drop(&mut self) {
        // What cannot be removed now is removed with everything else.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bytes read and written of each connection of the device, its next event, and everybody's own count.
type Position = (Vec<(u64, u64, u64)>, u64, Vec<(bool, u64, u64)>);

/// A failure of the lane itself, as a step tells it.
pub(super) fn broken(why: impl Into<String>) -> Mismatch {
    mismatch("programs that do what the step asks of them", why)
}

impl<'p> Stage<'p> {
    pub(super) fn new(programs: &'p Programs, folder: PathBuf, seed: Seed) -> Self {
        Self {
            programs,
            folder,
            seed,
            device: None,
            factory: None,
            people: BTreeMap::new(),
            newcomers: Vec::new(),
            browsers: BTreeMap::new(),
            ends: Vec::new(),
            nodes: Vec::new(),
            has_node_cables: false,
            alias: None,
            laid: None,
            local_slot: None,
            torn_once: BTreeSet::new(),
            trace: Vec::new(),
            lasted: Duration::ZERO,
            log_seen: 0,
            done: Vec::new(),
            is_aside: false,
            cuts: 0,
            crash_on_acceptance: None,
            interruption: None,
            outcomes: Vec::new(),
            leaves_card: false,
            transcripts: Vec::new(),
            _rubbish: None,
        }
    }

    /// Does one step and lets its consequences of the same instant happen.
    pub(super) fn play(&mut self, hand: super::hands::Hand, args: &Args) -> Result<(), Mismatch> {
        hand(self, args)?;
        self.settle()?;
        if !mem::take(&mut self.is_aside) {
            self.done.push((hand, args.clone()));
        }
        Ok(())
    }

    /// What is being done is not done again by others.
    pub(super) fn stay_aside(&mut self) {
        self.is_aside = true;
    }

    /// A stage with programs of its own that have done the first so many of the same steps.
    pub(super) fn again(&self, steps_len: usize) -> Result<Self, Mismatch> {
        let folder = self.programs.make_folder();
        let mut again = Self {
            _rubbish: Some(Rubbish(folder.clone())),
            leaves_card: self.leaves_card,
            laid: self.laid.as_ref().map(|_| Cables::new()),
            has_node_cables: self.has_node_cables,
            ..Self::new(self.programs, folder, self.seed)
        };
        for (hand, args) in self.done.iter().take(steps_len) {
            again.play(*hand, args)?;
        }
        Ok(again)
    }

    /// From now on every connection to the device is carried over a cable that can be reached.
    pub(super) fn lay_cables(&mut self) {
        self.laid = Some(Cables::new());
    }

    /// The cables.
    pub(super) fn laid(&mut self) -> Result<&mut Cables, Mismatch> {
        self.laid
            .as_mut()
            .ok_or_else(|| broken("cables that can be reached"))
    }

    /// The cable of the connection whose end the device knows by this address.
    pub(super) fn cable(&mut self, local: Option<SocketAddr>) -> Option<&mut Cable> {
        self.laid.as_mut()?.of(local?)
    }

    /// Where the chance of this scenario comes from.
    pub(super) const fn seed(&self) -> Seed {
        self.seed
    }

    /// The clock of the device.
    fn now(&mut self) -> Result<Virtual, Mismatch> {
        Ok(virtual_now(self.device()?))
    }

    /// Carries on all cables what is due at this instant.
    fn carry_on_cables(&mut self) -> Result<(), Mismatch> {
        let now = self.now()?;
        match &mut self.laid {
            Some(laid) => laid.carry(now).map_err(broken),
            None => Ok(()),
        }
    }

    /// Whether something is still on its way on the cable of this one, so that only time brings it.
    fn is_on_its_way(&mut self, local: Option<SocketAddr>) -> Result<bool, Mismatch> {
        let now = self.now()?;
        Ok(self.cable(local).is_some_and(|cable| cable.waits(now)))
    }

    /// Where a caller finds the device: itself, or a cable to it that is laid for this caller, if it takes calls.
    fn way_to_device(&mut self) -> Result<(Option<TcpListener>, SocketAddr), Mismatch> {
        let device = self.device()?;
        device.look().map_err(broken)?;
        let (address, is_open) = (device.address, device.state.port.open);
        if self.laid.is_none() || !is_open {
            return Ok((None, address));
        }
        let (listener, near) = Cables::listen().map_err(broken)?;
        Ok((Some(listener), near))
    }

    /// Carries a caller on, who came this way; the end that the device knows.
    fn carry_on(&mut self, way: Option<&TcpListener>) -> Result<Option<SocketAddr>, Mismatch> {
        let device = self.device()?.address;
        match (&mut self.laid, way) {
            (Some(laid), Some(listener)) => laid.carry_on(listener, device).map(Some).map_err(broken),
            (None, _) | (_, None) => Ok(None),
        }
    }

    /// What crossed the connection of somebody since it was opened.
    pub(super) fn transcript(&mut self, name: &str) -> Transcript {
        self.person(name).transcript().collect()
    }

    /// The time that passed on another stage counts, too.
    pub(super) fn count(&mut self, again: &Self) {
        self.lasted += again.lasted;
    }

    /// What is on the disk of the device, which is without power.
    pub(super) fn stored(&self) -> Result<Stored, Mismatch> {
        let export = Command::new(&self.programs.emulator)
            .args(["state", "export", "--state"])
            .arg(self.folder.join("state"))
            .output()
            .map_err(|why| broken(format!("export the state: {why}")))?;
        let said = || String::from_utf8_lossy(&export.stderr).into_owned();
        let mut exported: serde_json::Value = serde_json::from_slice(&export.stdout)
            .map_err(|why| broken(format!("export the state: {why}; {}", said())))?;
        serde_json::from_value(exported["stored"].take())
            .map_err(|why| broken(format!("read the state that was exported: {why}")))
    }

    /// Where everything is that the programs of this scenario write.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the device is between the mains and its menus.
    pub(super) fn power(&mut self) -> Result<hsm_bench::Power, Mismatch> {
        let device = self.device()?;
        device.look().map_err(broken)?;
        Ok(device.state.power)
    }

    pub(super) fn tell(&mut self, text: &str) {
        self.trace.push(text.to_owned());
    }

    /// What is to be seen at the device since this was asked last.
    pub(super) fn look(&mut self) -> Result<Seen, Mismatch> {
        if self.device.is_none() {
            return Ok(Seen::default());
        }
        let log = self.log()?;
        let known = self.log_seen.min(log.len());
        self.log_seen = log.len();
        Ok(Seen::new(log[known..].to_vec(), &self.screen()?))
    }

    pub(super) fn finish(self, failure: Option<Failure>) -> Played {
        let mut last_events = Vec::new();
        if failure.is_some() {
            let last = |events: &[String]| events[events.len().saturating_sub(LAST_EVENTS)..].to_vec();
            if let Some(device) = &self.device {
                last_events.push(ActorEvents {
                    actor: "the HSM".into(),
                    events: last(&device.log),
                });
                last_events.push(ActorEvents {
                    actor: "hsm-emulator".into(),
                    events: device.last_words(),
                });
            }
            for (name, person) in &self.people {
                let told: Vec<_> = person.told.iter().map(ToString::to_string).collect();
                last_events.push(ActorEvents {
                    actor: name.clone(),
                    events: last(&told),
                });
            }
        }
        Played {
            failure,
            trace: self.trace,
            last_events,
            lasted: self.lasted,
            screens: Vec::new(),
            cuts: self.cuts,
            seen: Vec::new(),
        }
    }

    /// Lets everything happen that happens at this instant: until the device has read what was said, everybody has heard
    /// what it said, and nobody says more.
    pub(super) fn settle(&mut self) -> Result<(), Mismatch> {
        if self.device.is_none() {
            return Ok(());
        }
        self.device()?.look().map_err(broken)?;
        for _ in 0..ROUNDS_MAX {
            let before = self.position();
            self.hear()?;
            self.interrupt()?;
            let is_carried = self.carry_messages()?;
            self.settle_cables()?;
            let after = self.said()?;
            self.device()?.hear(&after).map_err(broken)?;
            let now_us = self.device()?.state.clock.now_us;
            self.people.values_mut().for_each(|person| person.stamp(now_us));
            if !is_carried && self.position() == before && !self.crash_if_accepted()? {
                return Ok(());
            }
        }
        Err(broken(format!("the stage did not settle in {ROUNDS_MAX} rounds")))
    }

    /// How far everybody is.
    fn position(&self) -> Position {
        let nodes = self.nodes.iter().map(|node| &node.device.state);
        let devices: Vec<_> = self
            .device
            .iter()
            .map(|device| &device.state)
            .chain(nodes)
            .collect();
        let connections = devices.iter().flat_map(|state| &state.connections);
        let connections = connections.map(|it| (it.connection, it.bytes_read, it.bytes_written));
        let people = self
            .people
            .values()
            .map(|it| (it.is_connected, it.counted.0, it.counted.1));
        let newcomers = self.newcomers.iter().map(|it| (it.is_over, it.sent, it.received));
        let carried = self.laid.iter().flat_map(Cables::position);
        let events = devices.iter().map(|state| state.events.next).sum();
        let counts = people.chain(newcomers).chain(carried);
        (connections.collect(), events, counts.collect())
    }

    /// Everybody hears what the device has said.
    fn hear(&mut self) -> Result<(), Mismatch> {
        self.settle_consoles()?;
        self.carry_on_cables()?;
        let now = self.now()?;
        let connections = self.device()?.state.connections.clone();
        for person in self.people.values_mut() {
            let held = person.local.and_then(|local| connection_of(&connections, local));
            if person.courier.is_some() {
                person.hear_carried(held).map_err(broken)?;
                continue;
            }
            if !person.is_connected {
                continue;
            }
            if let Some(cable) = cable_of(&mut self.laid, person.local) {
                let said = bytes_said(held, person.told.is_empty());
                let carried = cable.carry_until(now, said, person.counted.0);
                carried
                    .and_then(|()| person.sync(cable.heard()))
                    .map_err(broken)?;
                continue;
            }
            match held {
                Some(connection) => person.sync(Some(connection.bytes_written)),
                // Whoever was let in is listed, so this one is over, or has not been let in yet.
                None if person.told.is_empty() => person.sync(Some(0)),
                None => person.sync(None),
            }
            .map_err(broken)?;
        }
        for newcomer in self.newcomers.iter_mut().filter(|newcomer| !newcomer.is_over) {
            let held = newcomer
                .local
                .and_then(|local| connection_of(&connections, local));
            if let Some(cable) = cable_of(&mut self.laid, newcomer.local) {
                newcomer.is_seen |= held.is_some();
                let said = bytes_said(held, !newcomer.is_seen);
                let carried = cable.carry_until(now, said, newcomer.sent);
                carried
                    .and_then(|()| newcomer.read_until(cable.heard()))
                    .map_err(broken)?;
                continue;
            }
            match held {
                Some(connection) => {
                    newcomer.is_seen = true;
                    newcomer.read_until(Some(connection.bytes_written))
                }
                None if newcomer.is_seen => newcomer.read_until(None),
                None => newcomer.read().map(|_| ()),
            }
            .map_err(broken)?;
        }
        self.await_unseen()
    }

    /// Waits until the device has let everybody in who has connected, or has turned them away.
    fn await_unseen(&mut self) -> Result<(), Mismatch> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            self.carry_on_cables()?;
            let now = self.now()?;
            self.device()?.look().map_err(broken)?;
            let connections = self.device()?.state.connections.clone();
            let is_on_its_way = |laid: &mut Option<Cables>, local| {
                cable_of(laid, local).is_some_and(|cable: &mut Cable| cable.waits(now))
            };
            let is_held = |local: Option<SocketAddr>| {
                local.is_some_and(|local| connection_of(&connections, local).is_some())
            };
            let mut is_unseen = false;
            for person in self.people.values_mut().filter(|person| person.courier.is_none()) {
                if person.is_connected && person.told.is_empty() && !is_held(person.local) {
                    person.sync(Some(0)).map_err(broken)?;
                    is_unseen |= person.is_connected
                        && person.told.is_empty()
                        && !is_on_its_way(&mut self.laid, person.local);
                }
            }
            for newcomer in &mut self.newcomers {
                if !newcomer.is_over && !newcomer.is_seen {
                    newcomer.is_seen = is_held(newcomer.local);
                    if !newcomer.is_seen {
                        newcomer.read().map_err(broken)?;
                        is_unseen |= !newcomer.is_over && !is_on_its_way(&mut self.laid, newcomer.local);
                    }
                }
            }
            if !is_unseen {
                return Ok(());
            }
            if Instant::now() > give_up {
                return Err(broken("the device has not seen somebody who has connected"));
            }
            thread::sleep(TURN);
        }
    }

    /// What everybody has said, by the number of the connection.
    fn said(&mut self) -> Result<Vec<(u64, u64)>, Mismatch> {
        let connections = self.device()?.state.connections.clone();
        let people = self.people.values().filter(|person| person.is_connected);
        let people = people.map(|person| (person.local, person.said_to_device()));
        let newcomers = self.newcomers.iter().filter(|newcomer| !newcomer.is_over);
        let newcomers = newcomers.map(|newcomer| (newcomer.local, newcomer.sent));
        let said: Vec<_> = people.chain(newcomers).collect();
        let said = said.into_iter().filter_map(|(local, sent)| {
            let connection = connection_of(&connections, local?)?;
            let sent = cable_of(&mut self.laid, local).map_or(sent, |cable| cable.said());
            // Whoever is on the way out is not read any more.
            (connection.phase != hsm_bench::Phase::End).then_some((connection.connection, sent))
        });
        Ok(said.collect())
    }

    /// Lets time pass, from one thing that happens to the next.
    pub(super) fn pass(&mut self, span: Duration) -> Result<(), Mismatch> {
        self.settle()?;
        self.lasted += span;
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let end = self.device()?.state.clock.now_us / 1000 + millis;
        let mut next_byte = self.device()?.state.clock.now_us / 1000 + 1000;
        for _ in 0..JUMPS_MAX {
            let state = &self.device()?.state;
            let now = state.clock.now_us / 1000;
            let limit = state.limits.first().map(|limit| limit.at_us.div_ceil(1000));
            let is_slow = self.newcomers.iter().any(Newcomer::has_more_to_say);
            let arrival = self.laid.as_ref().and_then(Cables::next_at);
            let arrival = arrival.map(|at| at.as_micros().div_ceil(1000));
            let next = [
                limit,
                is_slow.then_some(next_byte),
                self.next_limit_of_nodes(now),
                arrival,
            ];
            let next = next.into_iter().flatten().filter(|next| *next <= end).min();
            let to = next.unwrap_or(end).max(now);
            self.device()?.advance(to - now, &[]).map_err(broken)?;
            for node in &mut self.nodes {
                node.device.advance(to - now, &[]).map_err(broken)?;
            }
            if is_slow && to >= next_byte {
                for newcomer in &mut self.newcomers {
                    newcomer.say_one_more().map_err(broken)?;
                }
                next_byte += 1000;
            }
            self.settle()?;
            if next.is_none() {
                return Ok(());
            }
        }
        Err(broken(format!(
            "more than {JUMPS_MAX} things happened in {span:?}"
        )))
    }

    /// Whether the device is on, as far as its bench says.
    pub(super) fn is_on(&mut self) -> Result<bool, Mismatch> {
        let device = self.device()?;
        device.look().map_err(broken)?;
        Ok(device.state.power == hsm_bench::Power::On)
    }
}

fn connection_of(connections: &[Connection], local: SocketAddr) -> Option<&Connection> {
    let local = local.to_string();
    connections.iter().find(|connection| connection.peer == local)
}

/// What the device has said on a connection that it holds, or on none; `None` is all of it, to its end. Of what is ending
/// some may wait for the socket, and the end comes after that.
fn bytes_said(held: Option<&Connection>, is_unseen: bool) -> Option<u64> {
    match held {
        Some(connection) if connection.phase == hsm_bench::Phase::End => None,
        Some(connection) => Some(connection.bytes_written),
        None => is_unseen.then_some(0),
    }
}

fn virtual_now(device: &Device) -> Virtual {
    Virtual::from_micros(device.state.clock.now_us)
}

fn cable_of(laid: &mut Option<Cables>, local: Option<SocketAddr>) -> Option<&mut Cable> {
    laid.as_mut()?.of(local?)
}

/// An address of this computer that is as long as this one.
pub(super) fn loopback(called: Ipv4Addr) -> Ipv4Addr {
    let [_, b, c, d] = called.octets();
    Ipv4Addr::new(127, b, c, d)
}
