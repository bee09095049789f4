//! `hsm-rig run --compare`: the same scenarios in two lanes, and what differs: verdicts, and what was to be seen at the
//! device after every step. Decides nothing about which lane is right.

use super::drawn_names::DrawnNames;
use super::run::{RunArgs, make_ready};
use crate::diagnostic::shown;
use crate::lane::{Lane, Played, Skipped};
use crate::rig::{Ending, Outcome, Ready, Rig};
use crate::suite::Scenario;
use crate::terminal::Terminal;
use program::{ExitCode, Problem};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;

pub(super) fn compare<V, H: Sync>(
    rig: &Rig<V, H>,
    args: &RunArgs,
    lanes: &[Lane],
    scenarios: &[Scenario],
    jobs: NonZeroUsize,
    terminal: &mut Terminal<'_>,
) -> Result<ExitCode, Problem> {
    let [one, other] = lanes else {
        let what = format!("compare lanes: expected two, got {}", lanes.len());
        return Err(Problem::new(ExitCode::Usage, what).hint("`--compare sim,process` names two"));
    };
    let mut played = Vec::new();
    for lane in [*one, *other] {
        match make_ready(rig, args, lane, jobs)? {
            Ready::Here(play) => played.push(rig.play_all(&*play, scenarios, args.seed, jobs, |_, _| {})),
            Ready::Elsewhere(_) => {
                let what = format!("compare lanes: lane `{lane}` cannot be compared with another");
                return Err(Problem::new(ExitCode::Usage, what).hint("name `sim` and `process`"));
            }
        }
    }
    let mut compared = Compared::default();
    let outcomes = played[0].iter().zip(&played[1]);
    for (scenario, (here, there)) in scenarios.iter().zip(outcomes) {
        compared.add(scenario, [(*one, here), (*other, there)]);
    }
    terminal.data(&compared.text)?;
    terminal.data(&compared.summary())?;
    Ok(compared.exit_code())
}

#[derive(Default)]
struct Compared {
    text: String,
    same: usize,
    differing: usize,
    broken: bool,
    skipped: BTreeMap<String, usize>,
}

impl Compared {
    fn add(&mut self, scenario: &Scenario, sides: [(Lane, &Outcome); 2]) {
        let mut both = Vec::new();
        for (lane, outcome) in sides {
            match &outcome.ending {
                Ending::Played(played) => both.push((lane, played)),
                Ending::Skipped(Skipped(why)) => {
                    *self.skipped.entry(format!("in {lane}: {why}")).or_insert(0) += 1;
                    return;
                }
                Ending::Panicked(panic) => {
                    self.broken = true;
                    self.line(&format!(
                        "{} in {lane}: internal error: {panic}",
                        scenario.place()
                    ));
                    return;
                }
            }
        }
        let [one, other] = both[..] else {
            return;
        };
        let differences = differences(scenario, one, other);
        if differences.is_empty() {
            self.same += 1;
            return;
        }
        self.differing += 1;
        self.line(&format!("{} {}", scenario.place(), scenario.title()));
        for difference in differences {
            self.line(&difference);
        }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.text, "{}", shown(line)).expect("a String takes everything");
    }

    fn summary(&self) -> String {
        let mut text = format!("the same   {}\ndiffering  {}\n", self.same, self.differing);
        for (why, count) in &self.skipped {
            writeln!(text, "skipped    {count} {}", shown(why)).expect("a String takes everything");
        }
        text
    }

    fn exit_code(&self) -> ExitCode {
        match (self.broken, self.differing, self.same) {
            (true, ..) => ExitCode::Internal,
            (false, 0, 0) => ExitCode::NothingSelected,
            (false, 0, _) => ExitCode::Passed,
            (false, ..) => ExitCode::Failed,
        }
    }
}

/// A line for each step that differs, and what is there in either lane.
fn differences(scenario: &Scenario, one: (Lane, &Played), other: (Lane, &Played)) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut ones, mut others) = (DrawnNames::default(), DrawnNames::default());
    for (index, step) in scenario.pickle.steps.iter().enumerate() {
        let verdict = |(_, played): (Lane, &Played)| match &played.failure {
            Some(failure) if failure.step == index => format!("it got {}", failure.mismatch.actual),
            Some(failure) if failure.step < index => "it was not reached".to_owned(),
            _ => "it holds".to_owned(),
        };
        let verdicts = [verdict(one), verdict(other)];
        let seen = match (one.1.seen.get(index), other.1.seen.get(index)) {
            (Some(here), Some(there)) => ones.numbered(here).difference(&others.numbered(there)),
            _ => None,
        };
        let difference = if verdicts[0] == verdicts[1] {
            seen
        } else {
            Some(verdicts)
        };
        if let Some([here, there]) = difference {
            let line = step.span.line;
            lines.push(format!("  line {line}: {}", step.text));
            lines.push(format!("    {}: {here}", one.0));
            lines.push(format!("    {}: {there}", other.0));
        }
    }
    lines
}
