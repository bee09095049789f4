//! A run in a few lines: what passed, what it cost, and which requirements it proves.

use super::{Result, duration, wrap};
use crate::catalogue::Catalogue;
use crate::diagnostic::shown;
use crate::lane::{Lane, Skipped};
use crate::rig::Ending;
use crate::terminal::Style;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Most characters of a line that lists ids.
pub const WIDTH_MAX: usize = 100;

/// What a run was, besides its results.
#[derive(Clone, Copy, Debug)]
pub struct Run<'r> {
    /// Where it was played.
    pub lane: Lane,
    /// Where its chance came from.
    pub seed: sim::Seed,
    /// How many worlds at a time.
    pub jobs: NonZeroUsize,
    /// From the first scenario to the last, on the wall.
    pub took: Duration,
    /// True if it was the whole built-in suite.
    pub is_built_in_suite: bool,
    /// The real parts that were played with, each with its serial number.
    pub parts: &'r [String],
}

/// What a run says about the requirements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof<'a> {
    /// Proved by a scenario at least, and contradicted by none.
    pub proved: BTreeSet<&'a str>,
    /// Contradicted by a scenario at least.
    pub failed: BTreeSet<&'a str>,
}

impl<'a> Proof<'a> {
    /// Weighs the scenarios for and against each requirement.
    pub fn of(results: &[Result<'a>]) -> Self {
        let (mut proved, mut failed) = (BTreeSet::new(), BTreeSet::new());
        for Result {
            scenario, outcome, ..
        } in results
        {
            let side = match &outcome.ending {
                // It says nothing for or against.
                Ending::Skipped(_) => continue,
                Ending::Played(_) if outcome.is_passed() => &mut proved,
                Ending::Played(_) | Ending::Panicked(_) => &mut failed,
            };
            side.extend(scenario.requirements());
        }
        proved.retain(|id| !failed.contains(id));
        Self { proved, failed }
    }
}

/// The whole text. Colours are the style's.
pub fn write(results: &[Result<'_>], run: &Run<'_>, catalogue: &Catalogue, style: Style) -> String {
    let mut text = String::new();
    let mut row =
        |name: &str, value: &str| writeln!(text, "{name:<10} {value}").expect("a String takes everything");
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut failed, mut broken, mut steps, mut cuts, mut simulated) = (0, 0, 0, 0, Duration::ZERO);
    for Result {
        scenario, outcome, ..
    } in results
    {
        match &outcome.ending {
            Ending::Played(played) => {
                failed += usize::from(played.failure.is_some());
                let all = scenario.pickle.steps.len();
                steps += played
                    .failure
                    .as_ref()
                    .map_or(all, |failure| all.min(failure.step + 1));
                simulated += played.lasted;
                cuts += played.cuts;
            }
            Ending::Skipped(Skipped(why)) => *skipped.entry(why.as_str()).or_insert(0) += 1,
            Ending::Panicked(_) => broken += 1,
        }
    }
    let passed = results.len() - failed - broken - skipped.values().sum::<usize>();
    let mut counts = vec![style.good(&format!("{passed} passed"))];
    if failed > 0 {
        counts.push(style.bad(&format!("{failed} failed")));
    }
    if broken > 0 {
        counts.push(style.bad(&format!("{broken} with an internal error")));
    }
    row("scenarios", &counts.join(", "));
    for (why, count) in &skipped {
        row("skipped", &format!("{count}: {why}"));
    }
    row("steps", &steps.to_string());
    if cuts > 0 {
        row(
            "cuts",
            &format!("{cuts} of power, around every durable write that was swept"),
        );
    }
    match run.lane {
        Lane::Sim => row("simulated", &duration(simulated)),
        Lane::Pcsc => row("lane", "pcsc, in real time"),
        Lane::Process => row("lane", &format!("process, {} on its clocks", duration(simulated))),
        Lane::Hardware => row("lane", "hardware, in real time"),
    }
    for part in run.parts {
        row("part", &shown(part));
    }
    let (number, plural) = (run.jobs, if run.jobs.get() == 1 { "job" } else { "jobs" });
    row("took", &format!("{} with {number} {plural}", duration(run.took)));
    row("seed", &run.seed.to_string());

    let Proof { proved, failed } = Proof::of(results);
    list(&mut row, "proved", &proved, catalogue, |id| style.good(id));
    list(&mut row, "failed", &failed, catalogue, |id| style.bad(id));
    let is_open = |id: &&str| !proved.contains(id) && !failed.contains(id);
    let per_area = catalogue.areas.iter().filter_map(|area| {
        let ids = area
            .requirements
            .iter()
            .map(|requirement| requirement.id.as_str());
        let open = ids.filter(is_open).count();
        (open > 0).then(|| format!("{} {open}", area.code))
    });
    let per_area: Vec<String> = per_area.collect();
    // A part of the suite cannot say what is not proved yet.
    let name = if run.is_built_in_suite {
        "not yet"
    } else {
        "not here"
    };
    let open = catalogue.ids().filter(is_open).count();
    let head = format!(
        "{open} of {}{}",
        catalogue.ids().count(),
        if open > 0 { ":" } else { "" }
    );
    let separated = per_area.iter().enumerate().map(|(index, area)| {
        let end = if index + 1 < per_area.len() { "," } else { "" };
        format!("{area}{end}")
    });
    let separated: Vec<String> = separated.collect();
    let words = std::iter::once(head.as_str()).chain(separated.iter().map(String::as_str));
    for (index, line) in wrap(words, WIDTH_MAX - 11).iter().enumerate() {
        row(if index == 0 { name } else { "" }, line);
    }
    text
}

/// Ids, a line or more for each area.
fn list(
    row: &mut impl FnMut(&str, &str),
    name: &str,
    ids: &BTreeSet<&str>,
    catalogue: &Catalogue,
    colour: impl Fn(&str) -> String,
) {
    let mut name = name;
    for area in &catalogue.areas {
        let all = area
            .requirements
            .iter()
            .map(|requirement| requirement.id.as_str());
        for line in wrap(all.filter(|id| ids.contains(id)), WIDTH_MAX - 11) {
            row(name, &colour(&line));
            name = "";
        }
    }
}
