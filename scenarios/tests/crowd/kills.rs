//! A scripted load on one device, and `kill -9` in the middle of it: of a client, then of the emulator, in every round.
//! Moments are drawn from a seed; everything else waits for what the programs say.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::ChildStdin,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use apdu::{ReaderAnswer, ReaderCommand};
use rand_core::Rng;
use serde_json::Value;
use sim::Seed;
use tempfile::TempDir;
use virtual_card::CardFile;

use crate::{
    ledger::Ledger,
    programs::{PATIENCE, PIN, Program, client, demo, emulator, facts, follow},
    report,
};

const CUSTODIANS: [&str; 3] = ["ana", "bruno", "carla"];
const WRONG_PIN: &str = "00000000";
/// Wrong PINs on a card after which the right one is given, so that no card is ever blocked.
const WRONG_PINS_MAX: u8 = 3;
/// Cards presented after which an operation must have been done: each twice.
const PRESENTATIONS_MAX: usize = 6;
/// The moments of a client's end are drawn from this long after its round began to be dangerous.
const CLIENT_MOMENT_MAX: Duration = Duration::from_millis(40);
/// The same for an emulator.
const EMULATOR_MOMENT_MAX: Duration = Duration::from_millis(150);
/// Or this long after an outcome was heard.
const AFTER_OUTCOME_MAX: Duration = Duration::from_millis(2);

/// Kills both programs this many times.
pub(crate) fn check(rounds: usize, seed: Seed) {
    let began = Instant::now();
    report(&format!("kill -9 with RIG_SEED={seed}"));
    let mut rng = seed.rng_for("kill -9");
    let mut device = Device::new();
    let mut counts = Counts::default();
    for number in 0..rounds {
        if device.ledger.enabled == Some(false) {
            // Nobody can enable it without a local reader. It has to show that it stays disabled, then it is replaced.
            Round::start(&mut device, &mut rng, &mut counts).end();
            device = Device::new();
            counts.devices += 1;
        }
        let round = Round::start(&mut device, &mut rng, &mut counts);
        if round.device.ledger.enabled == Some(false) {
            // A key was cut off, and had been written.
            round.end();
            device = Device::new();
            counts.devices += 1;
            Round::start(&mut device, &mut rng, &mut counts).play();
        } else {
            round.play();
        }
        counts.acknowledged += std::mem::take(&mut device.ledger.checked);
        let killed = number + 1;
        assert_eq!((counts.clients_killed, counts.emulators_killed), (killed, killed));
    }
    report(&format!(
        "kill -9: {} emulators, {} clients, {} starts; {} acknowledgements of the device and {} of cards held, {} \
         devices, outcomes {:?}, RIG_SEED={seed}, {:.1?}",
        counts.emulators_killed,
        counts.clients_killed,
        counts.starts,
        counts.acknowledged,
        counts.cards,
        counts.devices + 1,
        counts.outcomes,
        began.elapsed()
    ));
}

#[derive(Default)]
struct Counts {
    emulators_killed: usize,
    clients_killed: usize,
    starts: usize,
    acknowledged: u32,
    cards: u32,
    devices: usize,
    outcomes: BTreeMap<String, u32>,
}

/// A state folder, its cards, and what must be true of them.
struct Device {
    folder: TempDir,
    ledger: Ledger,
    fingerprint: Option<String>,
    /// Wrong PINs found counted on cards since the emulator was started.
    wrong_pins_counted: u32,
}

impl Device {
    fn new() -> Self {
        Self {
            folder: demo(),
            ledger: Ledger::of_demo(),
            fingerprint: None,
            wrong_pins_counted: 0,
        }
    }

    fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str()
            .expect("a temporary folder has a plain name")
            .to_owned()
    }

    fn card(&self, custodian: &str) -> String {
        self.path(&format!("cards/{custodian}.card"))
    }

    /// How many wrong PINs the card has counted. That it opens shows that no killed client has left it locked.
    fn try_counter(&self, custodian: &str) -> u8 {
        let card = CardFile::open(Path::new(&self.card(custodian))).expect("a card survives everybody");
        card.image().expect("nothing was written").try_counter()
    }

    /// The custodian gives the right PIN elsewhere.
    fn forgive(&self, custodian: &str) {
        let mut card = CardFile::open(Path::new(&self.card(custodian))).expect("a card survives everybody");
        assert!(matches!(
            card.answer(&ReaderCommand::PowerOn),
            ReaderAnswer::Atr(_)
        ));
        let verify = [b"\x00\x20\x00\x00\x08".as_slice(), PIN.as_bytes()].concat();
        card.answer(&ReaderCommand::Transmit(verify));
        assert_eq!(card.image().expect("it is on the disk").try_counter(), 0);
    }
}

/// What is heard of the programs.
enum Heard {
    Log(String),
    LogEnded,
    Client(Value),
    ClientEnded,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Client,
    Emulator,
}

/// Who is killed, and when.
struct Doom {
    victim: Victim,
    at: Instant,
    /// After this many outcomes more, if that is sooner.
    outcomes: u32,
}

/// One life of the emulator.
struct Round<'a, R> {
    device: &'a mut Device,
    rng: &'a mut R,
    counts: &'a mut Counts,
    emulator: Program,
    keys: ChildStdin,
    address: String,
    client: Option<Program>,
    heard: Receiver<Heard>,
    tell: std::sync::mpsc::Sender<Heard>,
    doom: Option<Doom>,
    is_alive: bool,
    has_log_ended: bool,
    /// Whether the device can be talked to for all that is known: not while an operation of a killed client goes on.
    is_settled: bool,
}

impl<'a, R: Rng> Round<'a, R> {
    /// Starts the emulator, and sees that it knows what it has acknowledged.
    fn start(device: &'a mut Device, rng: &'a mut R, counts: &'a mut Counts) -> Self {
        let folder = device.folder.path().to_owned();
        let mut emulator = emulator(&folder);
        let (tell, heard) = channel();
        let log = emulator.0.stderr.take().expect("it was asked for");
        follow(log, tell.clone(), |line| line.map_or(Heard::LogEnded, Heard::Log));
        let keys = emulator.0.stdin.take().expect("it was asked for");
        device.ledger.wrong_pins_told = 0;
        device.wrong_pins_counted = 0;
        counts.starts += 1;
        let mut round = Self {
            device,
            rng,
            counts,
            emulator,
            keys,
            address: String::new(),
            client: None,
            heard,
            tell,
            doom: None,
            is_alive: true,
            has_log_ended: false,
            is_settled: true,
        };
        assert!(round.hears("ready: "), "it does not start again");
        let facts = facts(&folder);
        let fingerprint = facts["fingerprint"].as_str().expect("a text");
        let first = round
            .device
            .fingerprint
            .get_or_insert_with(|| fingerprint.to_owned());
        assert_eq!(first, fingerprint, "the identity is lost");
        let address = facts["management"].as_str();
        round.device.ledger.check_port(address.is_some());
        address.unwrap_or_default().clone_into(&mut round.address);
        round
    }

    /// The load, the end of a client, and the end of the emulator.
    fn play(mut self) {
        let is_over = AtomicBool::new(false);
        let (address, known) = (self.address.clone(), self.device.path("known_hsms"));
        thread::scope(|scope| {
            let passer_by = scope.spawn(|| pass_by(&address, &known, &is_over));
            // A scope waits for its threads also when it fails.
            let _over = OverWhenDropped(&is_over);
            self.expect_end_of(Victim::Client);
            while self.counts.clients_killed < self.counts.emulators_killed + 1 {
                self.act();
            }
            self.expect_end_of(Victim::Emulator);
            while self.is_alive && self.is_settled {
                self.act();
            }
            self.end_here();
            self.counts.emulators_killed += 1;
            is_over.store(true, Ordering::Relaxed);
            passer_by.join().expect("whoever passes by sees nothing strange");
        });
    }

    /// Kills the emulator of a round in which nothing more is to be seen.
    fn end(mut self) {
        self.is_settled = false;
        self.end_here();
        self.counts.acknowledged += std::mem::take(&mut self.device.ledger.checked);
    }

    fn end_here(&mut self) {
        if self.is_alive {
            self.kill_emulator();
        }
        while !self.has_log_ended {
            self.listen();
        }
        self.emulator.0.wait().expect("it is ours");
        let (told, counted) = (self.device.ledger.wrong_pins_told, self.device.wrong_pins_counted);
        //= CD-10
        assert!(
            told <= counted,
            "{told} wrong PINs were answered, {counted} counted"
        );
        self.counts.cards += told;
    }

    fn expect_end_of(&mut self, victim: Victim) {
        let max = match victim {
            Victim::Client => CLIENT_MOMENT_MAX,
            Victim::Emulator => EMULATOR_MOMENT_MAX,
        };
        self.doom = Some(Doom {
            victim,
            at: Instant::now() + self.some(max),
            outcomes: 1 + self.below(8),
        });
    }

    fn below(&mut self, end: u32) -> u32 {
        self.rng.next_u32() % end
    }

    fn some(&mut self, max: Duration) -> Duration {
        let micros = u32::try_from(max.as_micros()).expect("a short time");
        Duration::from_micros(self.below(micros).into())
    }

    /// Something happens, or somebody dies.
    fn listen(&mut self) -> Heard {
        loop {
            let deadline = self.doom.as_ref().map(|doom| doom.at);
            let patience = deadline.map_or(PATIENCE, |at| at.saturating_duration_since(Instant::now()));
            match self.heard.recv_timeout(patience) {
                Ok(heard) => {
                    self.note(&heard);
                    return heard;
                }
                Err(RecvTimeoutError::Timeout) if deadline.is_some() => self.strike(),
                Err(why) => panic!("nothing is heard any more: {why}"),
            }
        }
    }

    fn note(&mut self, heard: &Heard) {
        match heard {
            Heard::Log(line) => self.device.ledger.on_log(line),
            Heard::LogEnded => {
                assert!(!self.is_alive, "the emulator has ended by itself");
                self.has_log_ended = true;
            }
            Heard::Client(line) => {
                let after = self.some(AFTER_OUTCOME_MAX);
                if let (Some(doom), true) = (&mut self.doom, line.get("outcome").is_some()) {
                    doom.outcomes = doom.outcomes.saturating_sub(1);
                    if doom.outcomes == 0 && doom.victim == Victim::Emulator {
                        doom.at = doom.at.min(Instant::now() + after);
                    }
                }
            }
            Heard::ClientEnded => {}
        }
    }

    fn strike(&mut self) {
        let doom = self.doom.take().expect("its moment has come");
        let mut running = self.client.as_mut();
        running.take_if(|client| !matches!(client.0.try_wait(), Ok(None)));
        match (doom.victim, running) {
            (Victim::Emulator, _) => self.kill_emulator(),
            (Victim::Client, Some(client)) => {
                client.kill();
                self.counts.clients_killed += 1;
            }
            (Victim::Client, None) => {
                // The next one will be there in an instant.
                let at = Instant::now() + self.some(AFTER_OUTCOME_MAX);
                self.doom = Some(Doom { at, ..doom });
            }
        }
    }

    fn kill_emulator(&mut self) {
        self.doom = None;
        self.is_alive = false;
        self.emulator.kill();
    }

    /// Waits for a line of the log; false if the emulator is killed before.
    fn hears(&mut self, text: &str) -> bool {
        self.hears_until(|_, line| line.contains(text))
    }

    fn hears_until(&mut self, is_it: impl Fn(&Ledger, &str) -> bool) -> bool {
        while !self.has_log_ended {
            match self.listen() {
                Heard::Log(line) if is_it(&self.device.ledger, &line) => return true,
                Heard::Log(_) | Heard::LogEnded | Heard::Client(_) | Heard::ClientEnded => {}
            }
        }
        false
    }

    /// Runs a client to its end, or to its stay as administrator: its last outcome, or `None` if it was killed.
    fn run(&mut self, arguments: &[&str], pin: &str, stays: bool) -> Option<Value> {
        loop {
            let killed = self.counts.clients_killed;
            let known = self.device.path("known_hsms");
            let mut client = client(&self.address, &known, arguments, pin);
            let out = client.0.stdout.take().expect("it was asked for");
            follow(out, self.tell.clone(), |line| {
                line.map_or(Heard::ClientEnded, |line| {
                    Heard::Client(serde_json::from_str(&line).unwrap_or(Value::Null))
                })
            });
            self.client = Some(client);
            let outcome = self.next_outcome(stays);
            if let Some(outcome) = &outcome {
                let name = outcome["outcome"].as_str().expect("each has one").to_owned();
                *self.counts.outcomes.entry(name.clone()).or_default() += 1;
                let is_ours = killed == self.counts.clients_killed && self.is_alive;
                // Somebody who passes by is in for an instant.
                if name == "denied" && outcome["reason"] == "busy" && is_ours {
                    continue;
                }
                let is_expected = !["unreachable", "internal", "file", "fingerprint_changed", "usage"]
                    .contains(&name.as_str());
                assert!(
                    is_expected || !self.is_alive || !self.is_settled,
                    "{arguments:?}: {outcome}"
                );
            }
            return outcome;
        }
    }

    /// The last outcome of the client that runs, once it has ended, or stays.
    fn next_outcome(&mut self, stays: bool) -> Option<Value> {
        let mut last = None;
        loop {
            match self.listen() {
                Heard::Client(line) if line.get("outcome").is_some() => {
                    let is_administrator = line["outcome"] == "administrator";
                    if is_administrator && stays {
                        return Some(line);
                    }
                    if is_administrator && let Some(client) = &mut self.client {
                        // The end of its input lets it leave.
                        client.0.stdin = None;
                    }
                    last = Some(line);
                }
                Heard::ClientEnded => {
                    let mut client = self.client.take().expect("it ran until now");
                    client.0.wait().expect("it is ours");
                    return last;
                }
                Heard::Client(_) | Heard::Log(_) | Heard::LogEnded => {}
            }
        }
    }

    /// One thing that people do with such a device.
    fn act(&mut self) {
        if !self.is_settled {
            self.run(&["status"], PIN, false);
            return;
        }
        let is_enabled = self.device.ledger.enabled == Some(true);
        match self.below(8) {
            0 => drop(self.run(&["status"], PIN, false)),
            1 => self.trust(),
            2 => self.give_wrong_pin(),
            3 => drop(self.operate("stop-service")),
            4 => drop(self.operate("start-service")),
            5 if is_enabled => self.stop("restart", "remote restart"),
            6 if is_enabled => self.stop("power-off", "remote switch-off"),
            7 if is_enabled => self.come_to_the_console(),
            5.. => drop(self.run(&["info"], PIN, false)),
        }
    }

    /// A device that was said to be remembered is in the file.
    fn trust(&mut self) {
        let known = self.device.path("known_hsms");
        if let Some(outcome) = self.run(&["trust"], PIN, false)
            && outcome["outcome"] == "trusted"
        {
            let text = fs::read_to_string(&known).expect("it was written");
            let line = format!(
                "{} {}",
                self.address,
                outcome["fingerprint"].as_str().expect("a text")
            );
            assert!(
                text.lines().any(|there| there == line),
                "{line} is not in\n{text}"
            );
        }
    }

    /// Presents a card, and holds what the card has counted against what was answered.
    fn present(&mut self, what: &[&str], custodian: &str, pin: &str, stays: bool) -> Option<Value> {
        if self.device.try_counter(custodian) >= WRONG_PINS_MAX {
            self.device.forgive(custodian);
        }
        let before = self.device.try_counter(custodian);
        let card = self.device.card(custodian);
        let arguments = [what, &["--card", &card, "--pin-env", "PIN"]].concat();
        let outcome = self.run(&arguments, pin, stays);
        if self.client.is_some() {
            return outcome;
        }
        let after = self.device.try_counter(custodian);
        let name = outcome
            .as_ref()
            .map_or("", |outcome| outcome["outcome"].as_str().expect("a text"));
        let error = outcome
            .as_ref()
            .map_or("", |outcome| outcome["error"].as_str().unwrap_or_default());
        match (pin == PIN, name, error) {
            //= CD-10
            (false, "card", "pin_wrong") => {
                assert_eq!(after, before + 1, "a wrong PIN was answered and not counted");
                self.counts.cards += 1;
            }
            (true, "intermediary" | "administrator" | "left" | "done" | "more_custodians_needed", _) => {
                assert_eq!(after, 0, "the right PIN was answered and did not count");
                self.counts.cards += 1;
            }
            // A try is counted before the PIN is compared, and forgiven after that.
            _ => assert!(
                [before, before + 1].contains(&after) || (pin == PIN && after == 0),
                "{before} wrong PINs have become {after}: {outcome:?}"
            ),
        }
        if pin != PIN {
            self.device.wrong_pins_counted += u32::from(after.saturating_sub(before));
        }
        outcome
    }

    fn somebody(&mut self) -> usize {
        usize::try_from(self.below(3)).expect("a small number")
    }

    fn give_wrong_pin(&mut self) {
        let custodian = CUSTODIANS[self.somebody()];
        self.present(&["auth"], custodian, WRONG_PIN, false);
    }

    /// A whole process, whose last custodian operates.
    fn operate(&mut self, operation: &str) -> Option<()> {
        let first = self.somebody();
        for turn in 0..PRESENTATIONS_MAX {
            let custodian = CUSTODIANS[(first + turn) % CUSTODIANS.len()];
            let outcome = self.present(&["op", operation], custodian, PIN, false)?;
            if outcome["outcome"] == "done" {
                return Some(());
            }
            if !self.is_alive {
                return None;
            }
        }
        // A service may be as it is wanted already.
        assert!(operation.ends_with("service"), "a whole process came to nothing");
        None
    }

    /// An operation that the next start tells of.
    fn stop(&mut self, operation: &str, after: &'static str) {
        let ledger = &mut self.device.ledger;
        let (starts, openings) = (ledger.starts, ledger.openings);
        ledger.on_asked(after);
        if self.operate(operation).is_none() {
            // Whether it has begun is known when the emulator is gone.
            self.is_settled = false;
            return;
        }
        self.device.ledger.on_answered(after, starts);
        if operation == "power-off" {
            // It is off; nobody can do more than to cut its power.
            self.is_settled = false;
            return;
        }
        let is_back = |ledger: &Ledger| ledger.starts > starts && ledger.openings > openings;
        if !is_back(&self.device.ledger) {
            self.hears_until(|ledger, _| is_back(ledger));
        }
    }

    /// A manager is in, as administrator or not; somebody comes to the console, and perhaps enables it again.
    fn come_to_the_console(&mut self) {
        let first = self.somebody();
        for turn in 0..PRESENTATIONS_MAX {
            let custodian = CUSTODIANS[(first + turn) % CUSTODIANS.len()];
            let Some(_) = self.present(&["auth"], custodian, PIN, true) else {
                return;
            };
            if self.client.is_some() {
                break;
            }
            if !self.is_alive {
                return;
            }
        }
        assert!(self.client.is_some(), "a whole process came to nothing");
        let (key, reason) = [("Esc", "disarmed"), ("Enter", "preempted")][usize::from(self.below(2) == 0)];
        let disablings = self.device.ledger.disablings;
        self.device.ledger.enabled = None;
        self.press(&[key]);
        if let Some(told) = self.next_outcome(false)
            && told["reason"] == reason
        {
            self.device.ledger.enabled = Some(false);
        }
        let is_disabled = |ledger: &Ledger| ledger.disablings > disablings;
        let is_told = is_disabled(&self.device.ledger) || self.hears_until(|ledger, _| is_disabled(ledger));
        if is_told && self.is_alive && self.below(2) == 0 {
            // The fourth entry of the main menu.
            self.device.ledger.enabled = None;
            self.press(&["Down", "Down", "Down", "Enter"]);
            self.hears("|remote management enabled");
        }
    }

    fn press(&mut self, keys: &[&str]) {
        // The emulator may have been killed.
        let _ = writeln!(self.keys, "{}", keys.join("\n"));
    }
}

/// Says that it is over, however this thread leaves.
struct OverWhenDropped<'a>(&'a AtomicBool);

impl Drop for OverWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Somebody who reads what anyone may read, until the end.
fn pass_by(address: &str, known: &str, is_over: &AtomicBool) {
    for what in ["status", "info", "network"].iter().cycle() {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let mut client = client(address, known, &[what], PIN);
        drop(client.0.stdin.take());
        let code = client.0.wait().expect("it is ours").code();
        // Done, unreachable, denied, or the session ended too early.
        assert!(matches!(code, Some(0 | 8 | 10 | 11)), "{what}: {code:?}");
    }
}
