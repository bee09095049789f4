//! The places a scenario can be played in: the simulation, in virtual time; the real programs; and for cards a stock
//! PC/SC daemon.

pub mod hardware;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod process;
pub mod sim;

use hsm_core::{Area, Place};
use std::fmt;
use std::time::Duration;

use crate::gherkin::{pickle::Pickle, tree::SIM_ONLY};

/// The calendar time at which every simulated world begins: 2026/01/01 00:00:00 UTC.
pub(crate) const BEGINNING_UNIX_MILLIS: i64 = 1_767_225_600_000;

/// A place that scenarios are played in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Lane {
    /// All parts as values, in virtual time
    #[default]
    Sim,
    /// Cards of their own processes, through the stock PC/SC daemon; Linux, and built with the feature `pcsc`
    Pcsc,
    /// The real programs over loopback, each scenario with an emulator of its own
    Process,
    /// Real parts, chosen one by one, in real time, with a person at the terminal; built with the feature `pcsc`
    Hardware,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sim => "sim",
            Self::Pcsc => "pcsc",
            Self::Process => "process",
            Self::Hardware => "hardware",
        })
    }
}

/// Why a lane did not play a scenario, as a sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped(pub String);

impl Skipped {
    /// Why a lane other than the simulation does not play this scenario, if its file says so.
    pub(crate) fn of(pickle: &Pickle) -> Option<Self> {
        let reason = pickle.sim_only.as_ref()?;
        Some(Self(format!("`{SIM_ONLY}`: {reason}")))
    }
}

/// What came of one scenario.
#[derive(Clone, Debug)]
pub struct Played {
    /// The first step that did not hold, if one did not.
    pub failure: Option<Failure>,
    /// Everything that happened, a line each, with instants: the same for the same seed.
    pub trace: Vec<String>,
    /// The last events of every actor, for the report of a failure.
    pub last_events: Vec<ActorEvents>,
    /// How much virtual time passed.
    pub lasted: Duration,
    /// What the console showed, whenever that changed. Empty if nobody wanted it, or there is no console.
    pub screens: Vec<ShownScreen>,
    /// How often the power was cut at a durable write, in worlds of their own.
    pub cuts: usize,
    /// What was to be seen at the device after each step that held, for a comparison of lanes.
    pub seen: Vec<Seen>,
}

/// What a console showed from some instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownScreen {
    /// Since the world began.
    pub at: Duration,
    /// Up to 25 rows, each ended by a line feed; none while there is no power.
    pub rows: String,
    /// What is highlighted, and what stands there, a row a line.
    pub focus: Option<(Area, String)>,
    /// Where the next character will stand.
    pub cursor: Option<Place>,
}

impl ShownScreen {
    /// Whether nothing but the instant differs.
    pub fn looks_like(&self, other: &Self) -> bool {
        (&self.rows, &self.focus, self.cursor) == (&other.rows, &other.focus, other.cursor)
    }
}

/// What is to be seen at a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Lines of the log that came since the step before.
    pub log: Vec<String>,
    /// The rows of the console, without blanks at their ends.
    pub screen: Vec<String>,
}

impl Seen {
    /// With the rows of a screen as it is shown.
    pub(crate) fn new(log: Vec<String>, screen: &str) -> Self {
        let rows = screen.trim_end().lines();
        let screen = rows.map(|row| row.trim_end().to_owned()).collect();
        Self { log, screen }
    }

    /// The first thing that is other in `other`: what it is here, and what it is there.
    pub(crate) fn difference(&self, other: &Self) -> Option<[String; 2]> {
        let first = |what: &str, here: &[String], there: &[String]| {
            let longest = here.len().max(there.len());
            let shown = |line: Option<&String>| {
                line.map_or_else(|| format!("no more {what}"), |line| format!("{what} `{line}`"))
            };
            let index = (0..longest).find(|&index| here.get(index) != there.get(index))?;
            Some([shown(here.get(index)), shown(there.get(index))])
        };
        first("line of the log", &self.log, &other.log)
            .or_else(|| first("row of the screen", &self.screen, &other.screen))
    }
}

/// The last events of one actor, oldest first.
#[derive(Clone, Debug)]
pub struct ActorEvents {
    /// `the HSM`, or a person's name.
    pub actor: String,
    /// With instants.
    pub events: Vec<String>,
}

/// A step that did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its place in the scenario's steps.
    pub step: usize,
    /// What was different.
    pub mismatch: Mismatch,
}

/// What a step expected, and what was there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The argument that holds the expected value, counted from 0; `None` if it is the step as a whole.
    pub argument: Option<usize>,
    /// What was expected.
    pub expected: String,
    /// What was there.
    pub actual: String,
}
