//! Plays scenarios: each in its own world, the worlds spread over threads, the results in order. Knows no device and
//! writes nothing; a [`Rig`] is told what its steps are and who plays them.

mod panics;

use crate::diagnostic::Diagnostic;
use crate::gherkin::pickle::Pickle;
use crate::lane::{Played, Skipped};
use crate::step::{BlockKind, Registry};
use crate::suite::Scenario;
use program::{ExitCode, Problem};
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

pub use panics::Panic;

/// Steps and who plays them.
pub struct Rig<V, H> {
    /// Every step there is.
    pub steps: Registry<V, H>,
    /// Lane `sim`: plays one scenario in a world of its own. All chance comes from the seed.
    pub play: PlaySimulated<V, H>,
    /// The same, with what the console shows in what came of it. `None` if there is no console.
    pub play_recorded: Option<PlaySimulated<V, H>>,
    /// Makes lane `pcsc` ready for so many scenarios at a time. `None` if this program was built without it.
    pub pcsc: Option<MakeReady<V, H>>,
    /// Makes lane `process` ready. `None` where there are no programs to play with.
    pub process: Option<MakeProcessReady<V, H>>,
    /// Makes lane `hardware` ready. `None` if this program was built without it.
    pub hardware: Option<MakeHardwareReady<V, H>>,
}

/// Plays one scenario in lane `sim`, which leaves none out.
pub type PlaySimulated<V, H> = fn(&Pickle, &Registry<V, H>, sim::Seed) -> Played;

/// Plays one scenario in some lane, or says why that lane does not.
pub type Play<'a, V, H> = dyn Fn(&Pickle, &Registry<V, H>, sim::Seed) -> Result<Played, Skipped> + Sync + 'a;

/// Makes a lane ready for so many scenarios at a time.
pub type MakeReady<V, H> = fn(NonZeroUsize) -> Result<Ready<'static, V, H>, Problem>;

/// Makes lane `process` ready with these programs.
pub type MakeProcessReady<V, H> =
    fn(&crate::lane::process::Settings) -> Result<Ready<'static, V, H>, Problem>;

/// Makes lane `hardware` ready with these parts, for these scenarios.
pub type MakeHardwareReady<V, H> = fn(
    &crate::lane::hardware::Settings,
    &[Scenario],
    &Registry<V, H>,
) -> Result<Ready<'static, V, H>, Problem>;

/// A lane that was made ready.
pub enum Ready<'r, V, H> {
    /// It plays in this process.
    Here(Box<Play<'r, V, H>>),
    /// This program was played once more at a place where the lane is, with the same arguments, and ended so.
    Elsewhere(ExitCode),
}

/// What came of one scenario, and what it cost.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What came of it.
    pub ending: Ending,
    /// What the clock on the wall says. The only part that differs from run to run.
    pub took: Duration,
}

/// What came of one scenario.
#[derive(Clone, Debug)]
pub enum Ending {
    /// It was played, to its end or to the step that did not hold.
    Played(Played),
    /// The lane does not play it.
    Skipped(Skipped),
    /// Its world broke: our own mistake.
    Panicked(Panic),
}

impl Outcome {
    /// True if every step held.
    pub const fn is_passed(&self) -> bool {
        match &self.ending {
            Ending::Played(played) => played.failure.is_none(),
            Ending::Skipped(_) | Ending::Panicked(_) => false,
        }
    }
}

impl<V, H: Sync> Rig<V, H> {
    /// Everything that is wrong with the steps of these scenarios, each once.
    pub fn check<'s>(&self, scenarios: impl IntoIterator<Item = &'s Scenario>) -> Vec<Diagnostic> {
        // A suite says the same sentence many times; each is matched once.
        let mut right = HashSet::new();
        let mut diagnostics: Vec<Diagnostic> = Vec::new();
        for Scenario { pickle, .. } in scenarios {
            for step in &pickle.steps {
                let key = (step.text.as_str(), std::mem::discriminant(&step.block));
                if right.contains(&key) {
                    continue;
                }
                match self.steps.resolve(&pickle.source, step) {
                    Ok(_) => {
                        right.insert(key);
                    }
                    // A background or an outline brings the same one again.
                    Err(diagnostic) if diagnostics.contains(&diagnostic) => {}
                    Err(diagnostic) => diagnostics.push(diagnostic),
                }
            }
        }
        diagnostics
    }

    /// Where each argument of a step stands in its text.
    pub fn arguments(&self, pickle: &Pickle, step: usize) -> Vec<Range<usize>> {
        let Some(step) = pickle.steps.get(step) else {
            return Vec::new();
        };
        let found = self.steps.match_step(&step.text, BlockKind::from(&step.block));
        found.map_or_else(
            |_| Vec::new(),
            |found| {
                found
                    .arguments
                    .into_iter()
                    .map(|argument| argument.chars)
                    .collect()
            },
        )
    }

    /// Plays all, `jobs` at a time, and tells `on_outcome` what came of each as it comes: its place among the
    /// scenarios, and the outcome. Gives them back in the order of the scenarios.
    pub fn play_all(
        &self,
        play: &Play<'_, V, H>,
        scenarios: &[Scenario],
        seed: sim::Seed,
        jobs: NonZeroUsize,
        mut on_outcome: impl FnMut(usize, &Outcome),
    ) -> Vec<Outcome> {
        let next = AtomicUsize::new(0);
        let (sender, receiver) = mpsc::channel();
        let mut outcomes: Vec<Option<Outcome>> = vec![None; scenarios.len()];
        thread::scope(|scope| {
            for _ in 0..jobs.get().min(scenarios.len()) {
                let sender = sender.clone();
                let next = &next;
                scope.spawn(move || {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(scenario) = scenarios.get(index) else {
                            return;
                        };
                        let outcome = self.play_one(play, scenario, seed);
                        // Nobody hangs up before the last one is in.
                        let _ = sender.send((index, outcome));
                    }
                });
            }
            drop(sender);
            for (index, outcome) in receiver {
                on_outcome(index, &outcome);
                outcomes[index] = Some(outcome);
            }
        });
        let outcomes = outcomes.into_iter();
        outcomes
            .map(|outcome| outcome.expect("every scenario was played"))
            .collect()
    }

    fn play_one(&self, play: &Play<'_, V, H>, scenario: &Scenario, seed: sim::Seed) -> Outcome {
        let started = Instant::now();
        let ending = panics::catch(|| play(&scenario.pickle, &self.steps, scenario.seed(seed)));
        let ending = match ending {
            Ok(Ok(played)) => Ending::Played(played),
            Ok(Err(skipped)) => Ending::Skipped(skipped),
            Err(panic) => Ending::Panicked(panic),
        };
        Outcome {
            ending,
            took: started.elapsed(),
        }
    }
}
