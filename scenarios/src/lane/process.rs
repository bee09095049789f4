//! Plays scenarios with the real programs over loopback: an emulator with its clock standing still, a client at each
//! person's station, cards in files. Decides no verdict: a hand does what its sentence says or says what differs.

mod bench;
mod browser;
mod cable;
mod cards;
mod courier;
mod device;
mod folder;
mod hands;
mod https;
mod newcomer;
mod node_cable;
mod nodes;
#[cfg(feature = "pcsc")]
pub(super) mod people;
mod screens;
mod stage;
mod station;
mod terminal;

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    rc::Rc,
    sync::atomic::{AtomicUsize, Ordering},
};

use hsm_bench::{ClockMode, State};
use program::{ExitCode, Problem};
use sim::Seed;

use super::sim::play_on;
use super::{Failure, Played, Seen, Skipped};
use crate::{
    gherkin::{pickle::Pickle, tree::Block},
    rig::Ready,
    step::Argument,
    steps::{Args, Handler, Steps, Value},
    world::Hand,
};
use bench::Bench;
use cards::ProcessBed;
use device::There;
use folder::RunFolder;
pub use folder::guard;
use stage::Stage;

/// How the log calls the cards that the factory of a scenario has made; a device that is there has made others.
const FACTORY_SERIAL: &str = "serial 15C0";

/// With which programs the lane plays.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where the programs are, if not beside this one.
    pub programs: Option<PathBuf>,
    /// Somebody else's client, with its arguments, in the place of ours.
    pub client: Vec<OsString>,
    /// A device that runs already, instead of one for each scenario.
    pub there: Option<DeviceThere>,
    /// Whether to look at the device after every step, for a comparison.
    pub is_compared: bool,
}

/// A device that runs already, on a manual clock.
#[derive(Clone)]
pub struct DeviceThere {
    /// Where managers connect.
    pub address: SocketAddr,
    /// Of its certificate, SHA-256.
    pub fingerprint: String,
    /// Where its bench is.
    pub bench_url: String,
    /// What lets us in there. `Debug` hides it.
    pub bench_token: String,
}

impl fmt::Debug for DeviceThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "DeviceThere({} with the bench {})",
            self.address, self.bench_url
        )
    }
}

impl DeviceThere {
    fn look(&self) -> Result<There, Problem> {
        let doing = "play with a device that is there";
        let bench = Bench::at(&self.bench_url, &self.bench_token).ok_or_else(|| {
            let what = format!("{doing}: expected the URL of a bench, got `{}`", self.bench_url);
            Problem::new(ExitCode::Usage, what).hint("`bench.url` of the ready-file is one")
        })?;
        let state: State = bench
            .get("/v1/state")
            .map_err(|why| Problem::new(ExitCode::Network, format!("{doing}: {why}")))?;
        if state.clock.mode == ClockMode::Real {
            let what = format!("{doing}: expected a manual clock, got a real one");
            return Err(Problem::new(ExitCode::Usage, what).hint("start the emulator with `--clock manual`"));
        }
        Ok(There {
            address: self.address,
            fingerprint: self.fingerprint.clone(),
            bench,
        })
    }
}

/// The programs of one run, and where they work.
pub(super) struct Programs {
    emulator: PathBuf,
    /// With its arguments.
    client: Vec<OsString>,
    card: PathBuf,
    /// What a person's console is started with.
    console: Result<ConsolePrograms, Skipped>,
    /// A device for all scenarios, which is not ours.
    there: Option<There>,
    folder: RunFolder,
    next: AtomicUsize,
    is_compared: bool,
}

/// The client with its console, and `setsid`, which gives it a terminal of its own.
struct ConsolePrograms {
    client: PathBuf,
    setsid: PathBuf,
}

impl ConsolePrograms {
    fn find(settings: &Settings, programs: &Path) -> Result<Self, Skipped> {
        if !settings.client.is_empty() {
            let why = "the console is that of our client, and another one is at the stations";
            return Err(Skipped(why.into()));
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let setsid = env::split_paths(&path)
            .map(|folder| folder.join("setsid"))
            .find(|program| program.is_file());
        let missing = "no `setsid` (util-linux) on the path, which gives a console a terminal of its own";
        Ok(Self {
            client: programs.join("hsm-client"),
            setsid: setsid.ok_or_else(|| Skipped(missing.into()))?,
        })
    }
}

/// Makes the lane ready: finds the programs, and a folder that nobody has to clean up.
pub fn make_ready(settings: &Settings) -> Result<Ready<'static, Value, Handler>, Problem> {
    let programs = programs(settings)?;
    Ok(Ready::Here(Box::new(move |pickle, steps, seed| {
        play(&programs, pickle, steps, seed)
    })))
}

/// Finds the programs, and makes a folder for them that nobody has to clean up.
pub(super) fn programs(settings: &Settings) -> Result<Programs, Problem> {
    let own = env::current_exe().map_err(|why| Problem::io("find", Path::new("hsm-rig"), &why))?;
    let beside = own.parent().unwrap_or(Path::new("."));
    let folder = settings.programs.as_deref().unwrap_or(beside);
    let find = |name: &str| {
        let program = folder.join(name);
        if program.is_file() {
            return Ok(program);
        }
        let what = format!(
            "play scenarios in lane `process`: expected the program `{}`, got nothing there",
            program.display()
        );
        Err(Problem::new(ExitCode::Usage, what)
            .hint("`cargo build -p hsm-emulator -p hsm-client-app -p virtual-card` builds them; `--programs DIR` says where they are"))
    };
    let emulator = find("hsm-emulator")?;
    let client = if settings.client.is_empty() {
        vec![find("hsm-client")?.into(), "station".into()]
    } else {
        settings.client.clone()
    };
    Ok(Programs {
        emulator,
        client,
        card: find("virtual-card")?,
        console: ConsolePrograms::find(settings, folder),
        there: settings.there.as_ref().map(DeviceThere::look).transpose()?,
        folder: RunFolder::make()?,
        next: AtomicUsize::new(0),
        is_compared: settings.is_compared,
    })
}

/// A step with what it does here.
struct Ordered {
    hand: hands::Hand,
    args: Args,
    /// It does something to a cable, so there must be one that can be reached.
    needs_cable: bool,
}

fn play(programs: &Programs, pickle: &Pickle, steps: &Steps, seed: Seed) -> Result<Played, Skipped> {
    let ordered = match order(pickle, steps, programs)? {
        Order::People(ordered) => ordered,
        Order::Card { or } => return play_card(programs, pickle, steps, seed, or),
    };
    let folder = programs.make_folder();
    let mut stage = Stage::new(programs, folder.clone(), seed);
    stage.leaves_card = ordered
        .iter()
        .any(|step| step.args.hands().any(|hand| hand == Hand::RemovesCard));
    if ordered.iter().any(|step| step.needs_cable) {
        stage.lay_cables();
    }
    let mut failure = None;
    let mut seen = Vec::new();
    for (step, (Ordered { hand, args, .. }, written)) in ordered.iter().zip(&pickle.steps).enumerate() {
        stage.tell(&written.text);
        let held = stage.play(*hand, args);
        let held = held.and_then(|()| {
            if programs.is_compared {
                stage.look()
            } else {
                Ok(Seen::default())
            }
        });
        match held {
            Ok(what) => seen.push(what),
            Err(mismatch) => {
                failure = Some(Failure { step, mismatch });
                break;
            }
        }
    }
    let played = Played {
        seen,
        ..stage.finish(failure)
    };
    // What cannot be removed now is removed with everything else.
    let _ = fs::remove_dir_all(&folder);
    Ok(played)
}

impl Programs {
    /// A folder for one scenario.
    fn make_folder(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.path().join(number.to_string());
        if let Err(why) = fs::create_dir(&folder) {
            panic!("make folder `{}`: {why}", folder.display());
        }
        folder
    }
}

/// Plays what is about a card in a reader of its own with a card in a process of its own.
fn play_card(
    programs: &Programs,
    pickle: &Pickle,
    steps: &Steps,
    seed: Seed,
    or: Skipped,
) -> Result<Played, Skipped> {
    let folder = programs.make_folder();
    let bed = Rc::new(ProcessBed::new(&programs.card, &folder));
    let played = play_on(pickle, steps, seed, bed.clone());
    // What cannot be removed now is removed with everything else.
    let _ = fs::remove_dir_all(&folder);
    // Whoever never asks for a card was played by the simulation alone.
    if bed.asked.get() > 0 { Ok(played) } else { Err(or) }
}

/// How a scenario is played here.
enum Order {
    /// With an emulator and people.
    People(Vec<Ordered>),
    /// With nothing but a card, or not at all for this reason.
    Card { or: Skipped },
}

/// What each step does here, or why the lane does not play the scenario.
fn order(pickle: &Pickle, steps: &Steps, programs: &Programs) -> Result<Order, Skipped> {
    order_with(
        pickle,
        steps,
        programs.there.is_some(),
        programs.console.as_ref().err(),
    )
}

fn order_with(
    pickle: &Pickle,
    steps: &Steps,
    is_there: bool,
    no_console: Option<&Skipped>,
) -> Result<Order, Skipped> {
    if let Some(why) = Skipped::of(pickle) {
        return Err(why);
    }
    let mut ordered = Vec::new();
    let mut missing = None;
    for written in &pickle.steps {
        let found = steps
            .resolve(&pickle.source, written)
            .map_err(|unresolved| Skipped(unresolved.what))?;
        let expression = found.definition.expression;
        if let (true, Some(why)) = (hands::needs_console(expression), no_console) {
            return Err(why.clone());
        }
        if is_there && hands::needs_new_device(expression) {
            return Err(Skipped(format!("needs a device of its own: {expression}")));
        }
        let names_card = |argument: &Argument<Value>| matches!(argument, Argument::String(text) if text.contains(FACTORY_SERIAL));
        if is_there && found.arguments.iter().any(|argument| names_card(&argument.value)) {
            let why = "needs the cards of the factory: one is named by its serial number";
            return Err(Skipped(why.into()));
        }
        let Some(hand) = hands::of(expression) else {
            missing.get_or_insert_with(|| Skipped(format!("the lane process has no hand for: {expression}")));
            continue;
        };
        for argument in &found.arguments {
            check(&argument.value)?;
        }
        let text = match &written.block {
            Block::DocString(text) => Some(text.content.clone()),
            Block::None | Block::Table(_) => None,
        };
        ordered.push(Ordered {
            hand,
            args: Args::new(found.arguments, text),
            needs_cable: hands::needs_cable(expression),
        });
    }
    match missing {
        None => Ok(Order::People(ordered)),
        Some(or) if ordered.is_empty() => Ok(Order::Card { or }),
        Some(or) => Err(or),
    }
}

/// What can be said in the simulation and not here.
fn check(argument: &Argument<Value>) -> Result<(), Skipped> {
    match argument {
        Argument::Value(Value::Duration(span)) if span.subsec_nanos() % 1_000_000 != 0 => Err(Skipped(
            "the clock of the bench moves by whole milliseconds".into(),
        )),
        Argument::Value(Value::Address(address)) if address.is_ipv6() => Err(Skipped(
            "loopback has one IPv6 address, and the scenario names another".into(),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(step: &str) -> Option<String> {
        reason_with(step, false)
    }

    fn reason_with(step: &str, is_there: bool) -> Option<String> {
        let text = format!("Feature: f\n  Scenario: s\n    Given {step}\n");
        let document = crate::gherkin::parse("x.feature", text.as_bytes())
            .into_result()
            .ok()?;
        let pickles = crate::gherkin::pickle::expand(&document);
        order_with(&pickles[0], &crate::steps::registry(), is_there, None)
            .err()
            .map(|Skipped(why)| why)
    }

    #[test]
    fn what_the_lane_cannot_do_is_skipped_with_the_reason() {
        assert_eq!(reason("119.999 s pass"), None);
        assert_eq!(reason("Ana connects from 198.51.100.7"), None);
        assert_eq!(
            reason("119.999999 s pass").as_deref(),
            Some("the clock of the bench moves by whole milliseconds")
        );
        assert_eq!(
            reason("Ana connects from 2001:db8::17").as_deref(),
            Some("loopback has one IPv6 address, and the scenario names another")
        );
        let of_a_card = "the card has no shadow";
        assert_eq!(
            reason(of_a_card),
            None,
            "nothing in it that the lane can do: perhaps a card"
        );
        let named = r#"the log says "card used remotely: serial 15C000E3A8171006F00FF002""#;
        assert_eq!(reason(named), None);
        assert_eq!(
            reason_with(named, true).as_deref(),
            Some("needs the cards of the factory: one is named by its serial number")
        );
        assert_eq!(
            reason(&format!(
                "an HSM ready for remote management\n    And {of_a_card}"
            ))
            .as_deref(),
            Some("the lane process has no hand for: the card has no shadow")
        );
    }

    #[test]
    fn what_only_the_simulation_can_play_is_skipped_with_the_reason_of_its_file() {
        let reasons = |text: &str| -> Vec<_> {
            let document = crate::gherkin::parse("x.feature", text.as_bytes());
            let document = document.into_result().expect("it has no mistake");
            let pickles = crate::gherkin::pickle::expand(&document);
            let skipped = |pickle| Skipped::of(pickle).map(|Skipped(why)| why);
            pickles.iter().map(skipped).collect()
        };
        assert_eq!(
            reasons("Feature: f\n  Scenario: s\n    Given 1 s passes\n"),
            [None]
        );
        assert_eq!(
            reasons(
                "@sim-only\nFeature: f\n  Simulation only: of the feature\n  Scenario: s\n    Given 1 s passes\n  \
                 @sim-only\n  Rule: r\n    Simulation only: of the rule\n    Scenario: t\n      Given 1 s passes\n    \
                 @sim-only\n    Scenario: u\n      Simulation only: its own\n      Given 1 s passes\n"
            ),
            ["of the feature", "of the rule", "its own"].map(|why| Some(format!("`@sim-only`: {why}")))
        );
    }
}
