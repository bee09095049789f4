//! Where one scenario is played with real programs: its device, its people, its newcomers, and the settling of all of
//! them between two steps. A step is over when nothing is on its way any more; no time passes but what a step says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, mem,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use card_core::CardImage;
use hsm_bench::{Access, Connection, Faults};
use hsm_client::{Fingerprint, TlsClientConfig, Trust};
use hsm_core::{Key, Profile, Scheme, Stored};
use machine::Instant as Virtual;
use serde_json::json;
use sim::Seed;

use super::{
    Programs,
    browser::Browser,
    cable::{Cable, Cables},
    courier::Courier,
    device::{Device, TURN, There},
    hands::Outcome,
    newcomer::Newcomer,
    nodes::{Alias, Node},
    screens::{Desk, Screens},
    station::Person,
};
use crate::{
    lane::{ActorEvents, Failure, Mismatch, Played, Seen},
    steps::{Args, mismatch},
    world::{Hand, Interruption, Manner, PIN, World},
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
/// More than any menu has entries.
const MOVES_MAX: usize = 16;

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

    // The device.

    pub(super) fn device(&mut self) -> Result<&mut Device, Mismatch> {
        let missing = || {
            mismatch(
                "an HSM, as in `Given an HSM ready for remote management`",
                "no HSM yet",
            )
        };
        self.device.as_mut().ok_or_else(missing)
    }

    pub(super) fn factory(&mut self) -> Result<&mut World, Mismatch> {
        self.factory
            .as_mut()
            .ok_or_else(|| broken("an HSM before its cards"))
    }

    /// A device out of the factory that has started, and a set of cards that it does not know.
    pub(super) fn make_new(
        &mut self,
        profile: &Profile,
        scheme: Scheme,
        holders: &[String],
    ) -> Result<(), Mismatch> {
        self.make(profile, scheme, holders, Duration::ZERO)
    }

    fn make(
        &mut self,
        profile: &Profile,
        scheme: Scheme,
        holders: &[String],
        before: Duration,
    ) -> Result<(), Mismatch> {
        if self.device.is_some() {
            return Err(mismatch("one HSM in a scenario", "a second one"));
        }
        // What nobody holds is in the safe, unless it is needed.
        let in_safe = (holders.len()..usize::from(scheme.required())).map(|number| format!("Safe{number}"));
        let all: Vec<String> = holders.iter().cloned().chain(in_safe).collect();
        let factory = World::out_of_the_factory(self.seed, profile.clone(), scheme, &all);
        self.factory = Some(factory);
        self.write_cards(&all)?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let model = Some(profile.model);
        let device = Device::start(
            &self.programs.emulator,
            &self.folder,
            listen,
            profile,
            model,
            before,
        );
        let device = device.map_err(broken)?;
        self.device = Some(device);
        self.start()
    }

    /// A device that knows its set of cards: it was shown them, and its cable was pulled and put back.
    pub(super) fn make_bound(
        &mut self,
        profile: &Profile,
        scheme: Scheme,
        holders: &[String],
    ) -> Result<(), Mismatch> {
        if holders.len() > usize::from(scheme.cards()) {
            let expected = format!("at most {} holders", scheme.cards());
            return Err(Mismatch {
                argument: Some(2),
                expected,
                actual: holders.len().to_string(),
            });
        }
        if let Some(there) = &self.programs.there {
            return self.take_over(there, profile, scheme, holders);
        }
        // One start sequence more than in the simulation.
        self.make(
            profile,
            scheme,
            holders,
            profile.limits.stop + profile.limits.start,
        )?;
        self.press(Key::Enter)?;
        self.activate()?;
        self.device()?.power("cut").map_err(broken)?;
        self.device()?.begin_log().map_err(broken)?;
        self.device()?.power("on").map_err(broken)?;
        self.start()
    }

    /// The same with a device that is there already, which is given a new set.
    fn take_over(
        &mut self,
        there: &There,
        profile: &Profile,
        scheme: Scheme,
        holders: &[String],
    ) -> Result<(), Mismatch> {
        if self.device.is_some() {
            return Err(mismatch("one HSM in a scenario", "a second one"));
        }
        self.factory = Some(World::new(self.seed, profile.clone(), scheme, holders));
        let (device, cards) = Device::take_over(there, scheme.required(), holders).map_err(broken)?;
        self.device = Some(device);
        for (holder, card) in holders.iter().zip(cards.cards) {
            let path = self.card_path(holder);
            fs::write(&path, card.image)
                .map_err(|why| broken(format!("write `{}`: {why}", path.display())))?;
        }
        self.device()?.begin_log().map_err(broken)?;
        self.device()?.power("on").map_err(broken)?;
        self.start()
    }

    /// Lets time pass until the start sequence is over.
    pub(super) fn start(&mut self) -> Result<(), Mismatch> {
        let limits = &self.factory()?.profile.limits;
        let span = limits.stop + limits.start;
        self.pass(span)
    }

    /// The first M holders type their PINs at the console.
    pub(super) fn activate(&mut self) -> Result<(), Mismatch> {
        let factory = self.factory()?;
        let required = usize::from(factory.scheme().required());
        let holders: Vec<_> = factory.holders().take(required).collect();
        for holder in holders {
            self.insert_locally(&holder)?;
            self.type_text(PIN)?;
            self.press(Key::Enter)?;
            self.settle()?;
            self.remove_locally()?;
        }
        if self.device()?.state.activated {
            return Ok(());
        }
        Err(mismatch("an activated HSM", self.screen()?))
    }

    pub(super) fn press(&mut self, key: Key) -> Result<(), Mismatch> {
        if let Key::Char(character) = key {
            return self.type_text(&character.to_string());
        }
        self.device()?.press(&name_of(key)).map_err(broken)
    }

    pub(super) fn type_text(&mut self, text: &str) -> Result<(), Mismatch> {
        let characters: Vec<char> = text.chars().collect();
        for some in characters.chunks(hsm_bench::TEXT_CHARACTERS_MAX) {
            let text = json!({"text": some.iter().collect::<String>()});
            self.device()?
                .act("POST", "/v1/console/text", &text)
                .map_err(broken)?;
        }
        Ok(())
    }

    pub(super) fn insert_locally(&mut self, card: &str) -> Result<(), Mismatch> {
        self.remove_locally()?;
        self.take_from_others(card)?;
        let path = self.card_path(card);
        if !path.exists() {
            let factory = self.factory()?;
            factory.give_virgin_card(card);
            self.write_cards(&[card.to_owned()])?;
        }
        let insert = json!({"card": path});
        self.device()?
            .act("PUT", "/v1/reader/card", &insert)
            .map_err(broken)?;
        self.local_slot = Some(card.to_owned());
        Ok(())
    }

    pub(super) fn remove_locally(&mut self) -> Result<(), Mismatch> {
        if let Some(card) = self.local_slot.take() {
            let device = self.device()?;
            device.state = device
                .bench
                .act("DELETE", "/v1/reader/card", None)
                .map_err(broken)?;
            self.put_tear_behind(&card)?;
        }
        Ok(())
    }

    pub(super) fn press_power_button(&mut self) -> Result<(), Mismatch> {
        let device = self.device()?;
        device.look().map_err(broken)?;
        let action = if device.state.power == hsm_bench::Power::Off {
            "on"
        } else {
            "off"
        };
        device.power(action).map_err(broken)
    }

    pub(super) fn act(&mut self, hand: Hand) -> Result<(), Mismatch> {
        match hand {
            Hand::Key(key) => self.press(key),
            Hand::InsertsCard => self.insert_locally("Somebody"),
            Hand::RemovesCard => self.remove_locally(),
            Hand::PressesPowerButton => self.press_power_button(),
            Hand::CutsPower => self.device()?.power("cut").map_err(broken),
        }
    }

    pub(super) fn press_again_and_again(&mut self, key: Key, times: usize) -> Result<(), Mismatch> {
        if let Key::Char(character) = key {
            return self.type_text(&character.to_string().repeat(times));
        }
        let mut left = times;
        while left > 0 {
            let some = left.min(hsm_bench::KEYS_MAX);
            let keys = json!({"keys": vec![name_of(key); some]});
            let device = self.device()?;
            device.act("POST", "/v1/console/keys", &keys).map_err(broken)?;
            left -= some;
        }
        Ok(())
    }

    /// Lets this go wrong from now on, and what went wrong already.
    pub(super) fn change_faults(&mut self, change: impl FnOnce(&mut Faults)) -> Result<(), Mismatch> {
        let device = self.device()?;
        device.look().map_err(broken)?;
        let mut faults = device.state.faults;
        change(&mut faults);
        device.act("PUT", "/v1/faults", &json!(faults)).map_err(broken)
    }

    /// Moves the calendar of the device alone.
    pub(super) fn set_calendar(&mut self, by_ms: i64) -> Result<(), Mismatch> {
        let set = json!({"by_ms": 0, "calendar_by_ms": by_ms});
        let device = self.device()?;
        device.act("POST", "/v1/clock/advance", &set).map_err(broken)
    }

    /// What stands where the keys go.
    pub(super) fn focused(&mut self) -> Result<Option<String>, Mismatch> {
        self.device()?.look().map_err(broken)?;
        let Some(focus) = self.device()?.state.focus else {
            return Ok(None);
        };
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let screen = self.screen()?;
        let rows = screen
            .lines()
            .skip(place(focus.row).saturating_sub(1))
            .take(place(focus.height));
        let rows = rows.map(|row| {
            let row = row.chars().skip(place(focus.column).saturating_sub(1));
            let row: String = row.take(place(focus.width)).collect();
            row.trim_end().to_owned()
        });
        Ok(Some(rows.collect::<Vec<_>>().join("\n")))
    }

    /// The entry of a menu that is highlighted.
    pub(super) fn selected(&mut self) -> Result<Option<String>, Mismatch> {
        let focused = self.focused()?;
        Ok(focused.map(|row| row.trim().trim_end_matches([' ', '▸']).to_owned()))
    }

    /// The row in which the next character will stand.
    pub(super) fn row_of_cursor(&mut self) -> Result<Option<String>, Mismatch> {
        self.device()?.look().map_err(broken)?;
        let cursor = self.device()?.state.cursor;
        let row = cursor.and_then(|cursor| usize::try_from(cursor.row).ok()?.checked_sub(1));
        let screen = self.screen()?;
        Ok(row.and_then(|row| screen.lines().nth(row)).map(str::to_owned))
    }

    /// The screen of the console, with the addresses of the scenario.
    pub(super) fn screen(&mut self) -> Result<String, Mismatch> {
        let screen = self.device()?.bench.screen().map_err(broken)?;
        Ok(self.in_words_of_scenario(&screen))
    }

    /// Moves to an entry of the menu that is shown, and presses Enter.
    pub(super) fn choose(&mut self, entry: &str) -> Result<(), Mismatch> {
        for _ in 0..MOVES_MAX {
            if self.selected()?.is_some_and(|selected| selected == entry) {
                self.press(Key::Enter)?;
                return self.settle();
            }
            self.press(Key::Down)?;
        }
        let screen = self.screen()?;
        Err(mismatch(
            format!("a menu with `{entry}`"),
            format!("this screen:\n{}", screen.trim_end()),
        ))
    }

    /// The lines of the device's log, with the addresses of the scenario.
    pub(super) fn log(&mut self) -> Result<Vec<String>, Mismatch> {
        let device = self.device()?;
        device.read_log().map_err(broken)?;
        let lines = device.log.clone();
        Ok(lines.iter().map(|line| self.in_words_of_scenario(line)).collect())
    }

    /// Real addresses are those of loopback with the last three bytes of the scenario's, so that each is as long.
    fn in_words_of_scenario(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let interfaces = self.factory.iter().flat_map(|it| &it.profile.network.interfaces);
        if let (Some(alias), Some(own)) = (&self.alias, interfaces.into_iter().next()) {
            for end in alias.ends() {
                text = text.replace(&end.to_string(), &format!("{}:{PORT_OF_CALLS}", own.ip));
            }
        }
        for (real, called) in &self.ends {
            text = text.replace(&real.to_string(), &called.to_string());
        }
        for (real, called) in &self.ends {
            text = text.replace(&real.ip().to_string(), &called.ip().to_string());
        }
        for name in self.browsers.keys() {
            if let Some(person) = self.people.get(name) {
                let called = self.called(person.address);
                text = text.replace(&person.address.to_string(), &called.to_string());
            }
        }
        text
    }

    // Cards.

    pub(super) fn card_path(&self, holder: &str) -> PathBuf {
        self.folder.join(format!("{holder}.card"))
    }

    /// Where the faults of a card are that has any.
    pub(super) fn fault_path(&self, holder: &str) -> PathBuf {
        self.folder.join(format!("{holder}.card.fault"))
    }

    pub(super) fn is_in_a_reader(&self, card: &str) -> bool {
        let mut slots = self.people.values().map(|person| &person.slot);
        self.local_slot.as_deref() == Some(card) || slots.any(|slot| slot.as_deref() == Some(card))
    }

    /// A card that was to lose contact was in a reader and is out: the next time it holds.
    fn put_tear_behind(&mut self, card: &str) -> Result<(), Mismatch> {
        if !self.torn_once.remove(card) {
            return Ok(());
        }
        let path = self.fault_path(card);
        fs::remove_file(&path).map_err(|why| broken(format!("remove `{}`: {why}", path.display())))
    }

    /// Writes the cards that the factory has made for these people.
    pub(super) fn write_cards(&mut self, holders: &[String]) -> Result<(), Mismatch> {
        for holder in holders {
            self.take_from_others(holder)?;
            let path = self.card_path(holder);
            let card = self.factory()?.cards.get(holder);
            let text = card.map(|card| card.image().to_text());
            let text = text.ok_or_else(|| mismatch("somebody who holds a card", holder))?;
            fs::write(&path, text).map_err(|why| broken(format!("write `{}`: {why}", path.display())))?;
        }
        Ok(())
    }

    /// What is on a card now, wherever it is.
    pub(super) fn card(&self, holder: &str) -> Result<CardImage, Mismatch> {
        let path = self.card_path(holder);
        let text = fs::read_to_string(&path).map_err(|_| mismatch("somebody who holds a card", holder))?;
        CardImage::from_text(&text).map_err(|why| broken(format!("read `{}`: {why:?}", path.display())))
    }

    /// A card is at one place.
    fn take_from_others(&mut self, card: &str) -> Result<(), Mismatch> {
        let holders: Vec<String> = self
            .people
            .iter()
            .filter(|(_, person)| person.slot.as_deref() == Some(card))
            .map(|(name, _)| name.clone())
            .collect();
        for holder in holders {
            self.take_card_out(&holder)?;
            self.settle()?;
        }
        if self.local_slot.as_deref() == Some(card) {
            self.remove_locally()?;
        }
        Ok(())
    }

    // People.

    pub(super) fn person(&mut self, name: &str) -> &mut Person {
        // A desk for everybody, by the first letter, as in the simulation.
        let desk = name.bytes().next().map_or(0, |letter| letter % 32);
        let address = loopback(Ipv4Addr::new(203, 0, 113, desk));
        self.people
            .entry(name.to_owned())
            .or_insert_with(|| Person::new(name, address.into()))
    }

    /// Where the HTTP console of the device is while its service runs.
    pub(super) fn http(&mut self) -> Result<SocketAddr, Mismatch> {
        let http = self.device()?.http;
        http.ok_or_else(|| broken("an HSM with an HTTP console"))
    }

    /// A page of the HTTP console at the address that the HSM has in the scenario, with the port that browsers know.
    pub(super) fn page_in_words_of_scenario(&mut self, page: &str) -> Result<String, Mismatch> {
        let interface = self.factory()?.profile.network.interfaces.first();
        let address = interface.map(|interface| interface.ip.to_string());
        let http = self.device()?.http.map(|http| http.to_string());
        Ok(match (http, address) {
            (Some(http), Some(address)) => page.replace(&http, &address),
            (None, _) | (_, None) => page.to_owned(),
        })
    }

    /// The browser of somebody, at the address of this person's desk.
    pub(super) fn browser(&mut self, name: &str) -> &mut Browser {
        let address = self.person(name).address;
        self.browsers
            .entry(name.to_owned())
            .or_insert_with(|| Browser::new(address))
    }

    pub(super) fn connect(&mut self, name: &str, from: Option<IpAddr>) -> Result<(), Mismatch> {
        if self.person(name).is_connected {
            self.hang_up(name)?;
            self.settle()?;
        }
        let called = match from {
            Some(IpAddr::V4(from)) => {
                self.person(name).address = loopback(from).into();
                from
            }
            Some(IpAddr::V6(from)) => return Err(broken(format!("an IPv4 address, not {from}"))),
            None => self.called(self.people[name].address),
        };
        let (programs, folder) = (self.programs, self.folder.clone());
        let fingerprint = self.device()?.fingerprint.clone();
        let (way, hsm) = self.way_to_device()?;
        let person = self.person(name);
        let is_new = !person.has_client();
        let slot = person.slot.clone();
        if let (true, Some(card)) = (is_new, slot) {
            self.insert(name, &card)?;
        }
        let is_carried = self.is_carried(name);
        let person = self.person(name);
        let from = person.address;
        let mut reach = |hsm| person.connect(&programs.client, &folder, hsm, &fingerprint);
        let courier = if is_carried {
            Courier::between(from, hsm, &mut reach).map_err(broken)?
        } else {
            None
        };
        if courier.is_none() && !reach(hsm).map_err(broken)? {
            return Ok(());
        }
        let carried = match &courier {
            Some(courier) => Some(courier.local),
            None => self.carry_on(way.as_ref())?,
        };
        let person = self.person(name);
        person.local = carried.or(person.local);
        person.courier = courier;
        if let Some(local) = person.local {
            self.on_opened(local, called);
            self.await_carried(name)?;
        }
        Ok(())
    }

    /// Whether what this person's station and the device say is carried by hand.
    fn is_carried(&self, name: &str) -> bool {
        let crashing = self.crash_on_acceptance.iter().map(|(name, _)| name);
        let interrupted = self.interruption.iter().map(|(name, _)| name);
        crashing.chain(interrupted).any(|known| known == name)
    }

    /// Waits until the device holds a connection that is carried by hand, or has turned it away.
    fn await_carried(&mut self, name: &str) -> Result<(), Mismatch> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            self.device()?.look().map_err(broken)?;
            let connections = self.device()?.state.connections.clone();
            let courier = self.people.get(name).and_then(|person| person.courier.as_ref());
            let is_seen = |courier: &Courier| {
                connection_of(&connections, courier.local).is_some() || courier.is_answered()
            };
            if courier.is_none_or(is_seen) {
                return Ok(());
            }
            if Instant::now() > give_up {
                return Err(broken("the device has not seen somebody who has connected"));
            }
            thread::sleep(TURN);
        }
    }

    /// Once a card is accepted, the program of this person crashes before it hears of it.
    pub(super) fn crash_on_acceptance(&mut self, name: &str) -> Result<(), Mismatch> {
        if self.person(name).is_connected {
            return Err(broken(format!("a station of {name} that has not connected yet")));
        }
        let known = self.log()?.len();
        self.crash_on_acceptance = Some((name.to_owned(), known));
        Ok(())
    }

    /// Whether a card was accepted whose answer is to be lost.
    fn is_accepted(&mut self) -> Result<bool, Mismatch> {
        let Some(known) = self.crash_on_acceptance.as_ref().map(|(_, known)| *known) else {
            return Ok(false);
        };
        let is_it = |line: &String| line.contains("card used remotely: ") && line.contains(": accepted, ");
        Ok(self.log()?.iter().skip(known).any(is_it))
    }

    /// The hand acts whose message was carried and heard.
    fn interrupt(&mut self) -> Result<(), Mismatch> {
        let carried = |name: &str| Some(self.people.get(name)?.courier.as_ref()?.messages);
        let is_due =
            |(name, it): &mut (String, Interruption)| carried(name).is_some_and(|len| len >= it.after);
        match self.interruption.take_if(|it| is_due(it)) {
            Some((_, Interruption { hand, .. })) => self.act(hand),
            None => Ok(()),
        }
    }

    /// Carries by hand what was said, up to the message at which somebody acts; whether there was something.
    fn carry_messages(&mut self) -> Result<bool, Mismatch> {
        if self.is_accepted()? {
            return Ok(false);
        }
        let until = self.interruption.as_ref().map_or(u32::MAX, |(_, it)| it.after);
        let couriers = self
            .people
            .values_mut()
            .filter_map(|person| person.courier.as_mut());
        let carried = couriers.map(|courier| courier.carry(until.saturating_sub(courier.messages)));
        Ok(carried.fold(false, |some, is_something| some | is_something))
    }

    /// The crash that was waited for, now that nobody does more; whether there was one.
    fn crash_if_accepted(&mut self) -> Result<bool, Mismatch> {
        if !self.is_accepted()? {
            return Ok(false);
        }
        match self.crash_on_acceptance.take() {
            Some((name, _)) => self.crash(&name).map(|()| true),
            None => Ok(false),
        }
    }

    /// The name of an address in the scenarios, by what it was called last.
    fn called(&self, real: IpAddr) -> Ipv4Addr {
        let known = self.ends.iter().rev().find(|(end, _)| end.ip() == real);
        match (known.map(|(_, called)| called.ip()), real) {
            (Some(IpAddr::V4(called)), _) => called,
            (_, IpAddr::V4(real)) => {
                let [_, b, c, d] = real.octets();
                Ipv4Addr::new(203, b, c, d)
            }
            _ => Ipv4Addr::LOCALHOST,
        }
    }

    fn on_opened(&mut self, local: SocketAddr, called: Ipv4Addr) {
        // The simulation numbers the ports of callers.
        let number = u16::try_from(self.ends.len() % 20_000).unwrap_or(0);
        self.ends
            .push((local, SocketAddr::new(called.into(), 40_001 + number)));
    }

    pub(super) fn does(&mut self, name: &str, deed: &serde_json::Value) -> Result<(), Mismatch> {
        let (programs, folder) = (self.programs, self.folder.clone());
        self.person(name)
            .does(&programs.client, &folder, deed)
            .map_err(broken)
    }

    pub(super) fn hang_up(&mut self, name: &str) -> Result<(), Mismatch> {
        if self.person(name).is_connected {
            self.does(name, &json!({"do": "hang_up"}))?;
        }
        Ok(())
    }

    pub(super) fn crash(&mut self, name: &str) -> Result<(), Mismatch> {
        let person = self.person(name);
        person.crash().map_err(broken)?;
        if let Some(courier) = person.courier.take() {
            courier.reset();
        }
        let Some(local) = person.local.take() else {
            return Ok(());
        };
        // No event says that the device has noticed.
        let give_up = Instant::now() + PATIENCE;
        loop {
            self.carry_on_cables()?;
            let device = self.device()?;
            device.look().map_err(broken)?;
            let is_held = connection_of(&device.state.connections, local).is_some();
            if !is_held || self.is_on_its_way(Some(local))? {
                return Ok(());
            }
            if Instant::now() > give_up {
                return Err(broken(
                    "the device holds the connection of a program that was killed",
                ));
            }
            thread::sleep(TURN);
        }
    }

    pub(super) fn ask(
        &mut self,
        name: &str,
        method: &str,
        params: &serde_json::Value,
    ) -> Result<(), Mismatch> {
        self.does(name, &json!({"do": "ask", "method": method, "params": params}))
    }

    pub(super) fn insert(&mut self, name: &str, card: &str) -> Result<(), Mismatch> {
        self.take_from_others(card)?;
        let path = self.card_path(card);
        let person = self.person(name);
        person.slot = Some(card.to_owned());
        if let Some(screens) = &mut person.screens {
            return screens.insert(&path).map_err(broken);
        }
        person.prompt = None;
        self.does(name, &json!({"do": "insert", "card": path}))
    }

    pub(super) fn take_card_out(&mut self, name: &str) -> Result<(), Mismatch> {
        let person = self.person(name);
        let card = person.slot.take();
        if let Some(screens) = &mut person.screens {
            screens.remove();
        } else if card.is_some() && person.has_client() {
            self.does(name, &json!({"do": "remove"}))?;
            // The next reader may be that of another program.
            self.person(name).sync(Some(0)).map_err(broken)?;
        }
        card.map_or(Ok(()), |card| self.put_tear_behind(&card))
    }

    /// From now on there is no reader at this station.
    pub(super) fn unplug(&mut self, name: &str) -> Result<(), Mismatch> {
        let person = self.person(name);
        if person.screens.is_some() {
            return Err(broken(format!("a console of {name} that is not started yet")));
        }
        person.is_unplugged = true;
        if person.has_client() {
            return self.does(name, &json!({"do": "unplug"}));
        }
        Ok(())
    }

    pub(super) fn type_pin(&mut self, name: &str, pin: &str) -> Result<(), Mismatch> {
        self.person(name).prompt = None;
        self.does(name, &json!({"do": "pin", "pin": pin}))
    }

    /// One whole card dialog at a station.
    pub(super) fn authenticate(&mut self, name: &str, card: &str) -> Result<(), Mismatch> {
        self.settle()?;
        if self.person(name).slot.as_deref() != Some(card) {
            self.take_card_out(name)?;
            self.insert(name, card)?;
        }
        self.ask(name, "auth.start", &json!({}))?;
        self.settle()?;
        if self.person(name).prompt == Some(super::station::Prompt::Pin) {
            self.type_pin(name, PIN)?;
            self.settle()?;
        }
        Ok(())
    }

    /// Starts the console at the station of somebody.
    pub(super) fn start_console(&mut self, name: &str) -> Result<(), Mismatch> {
        let Ok(programs) = &self.programs.console else {
            return Err(broken("the programs of a console"));
        };
        let (card, folder) = (&self.programs.card, self.folder.clone());
        let device = self.device()?;
        let (hsm, fingerprint) = (device.address, device.fingerprint.clone());
        let person = self.person(name);
        let desk = Desk {
            setsid: &programs.setsid,
            client: &programs.client,
            card,
            folder: &folder,
            name,
            hsm,
            source: person.address,
            // Nobody calls from such an address, so no caller has drawn the port; and the device's is no other device's.
            reader: (!person.is_unplugged).then(|| SocketAddr::new(of_readers(person.address), hsm.port())),
            fingerprint: person.trusted.as_ref().unwrap_or(&fingerprint),
        };
        let screens = Screens::start(&desk).map_err(broken)?;
        person.screens = Some(screens);
        Ok(())
    }

    /// Everybody in front of a console sees what was typed there done.
    fn settle_consoles(&mut self) -> Result<(), Mismatch> {
        let mut opened = Vec::new();
        for person in self.people.values_mut().filter(|person| person.screens.is_some()) {
            let before = person.local;
            person.sync(Some(0)).map_err(broken)?;
            opened.extend(
                person
                    .local
                    .filter(|local| Some(*local) != before)
                    .map(|local| (local, person.address)),
            );
        }
        for (local, address) in opened {
            let called = self.called(address);
            self.on_opened(local, called);
        }
        self.device()?.look().map_err(broken)
    }

    /// Every line that has crossed a connection of anybody.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.people.values().flat_map(|person| &person.lines);
        lines.map(|(_, line)| line.clone()).collect()
    }

    /// Whether the device takes this person for its administrator.
    pub(super) fn is_administrator(&mut self, name: &str) -> Result<bool, Mismatch> {
        let local = self.person(name).local.map(|local| local.to_string());
        let device = self.device()?;
        device.look().map_err(broken)?;
        let manager = device.state.manager.as_ref();
        Ok(manager.is_some_and(|manager| {
            manager.access == Access::Administrator && Some(&manager.peer) == local.as_ref()
        }))
    }

    // Newcomers.

    pub(super) fn newcomer(&mut self) -> Result<&mut Newcomer, Mismatch> {
        self.newcomers
            .last_mut()
            .ok_or_else(|| mismatch("a newcomer", "none so far"))
    }

    pub(super) fn newcomers(&self) -> &[Newcomer] {
        &self.newcomers
    }

    pub(super) fn add_newcomer(&mut self, manner: Manner, number: u16) -> Result<(), Mismatch> {
        let [third, fourth] = number.to_be_bytes();
        let called = Ipv4Addr::new(198, 18, third, fourth);
        let (seed, index) = (self.seed, self.newcomers.len());
        let device = self.device()?;
        let fingerprint: Fingerprint = device
            .fingerprint
            .parse()
            .map_err(|_| broken("a fingerprint in the ready-file"))?;
        let config = TlsClientConfig::new(Trust::Pinned(fingerprint));
        let from = loopback(called).into();
        let (way, hsm) = self.way_to_device()?;
        let mut newcomer = Newcomer::connect(manner, index, from, hsm, &config, seed).map_err(broken)?;
        newcomer.local = self.carry_on(way.as_ref())?.or(newcomer.local);
        if let Some(local) = newcomer.local {
            self.on_opened(local, called);
        }
        self.newcomers.push(newcomer);
        Ok(())
    }

    // Everybody.

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

/// What stands on a key that is not a character.
fn name_of(key: Key) -> String {
    match key {
        Key::Function(number) => format!("F{number}"),
        named => format!("{named:?}"),
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

/// The address of this computer at which the reader of somebody at this one is.
fn of_readers(station: IpAddr) -> IpAddr {
    match station {
        IpAddr::V4(station) => {
            let [a, _, c, d] = station.octets();
            Ipv4Addr::new(a, 254, c, d).into()
        }
        IpAddr::V6(_) => station,
    }
}

/// An address of this computer that is as long as this one.
pub(super) fn loopback(called: Ipv4Addr) -> Ipv4Addr {
    let [_, b, c, d] = called.octets();
    Ipv4Addr::new(127, b, c, d)
}
