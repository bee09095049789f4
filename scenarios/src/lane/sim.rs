//! Plays a scenario in a world of its own, in virtual time. Decides no verdict: a step holds or says what differs.

use std::rc::Rc;

use sim::Seed;

use super::{Failure, Mismatch, Played};
use crate::{
    card_under_test::{CardBed, SimulatedBed},
    gherkin::{pickle::Pickle, tree::Block},
    steps::{Args, Stage, Steps},
};

/// Plays one scenario. The same scenario with the same seed gives the same trace.
pub fn play(pickle: &Pickle, steps: &Steps, seed: Seed) -> Played {
    play_on(pickle, steps, seed, Rc::new(SimulatedBed { seed }))
}

/// The same, and keeps what the console shows.
pub fn play_recorded(pickle: &Pickle, steps: &Steps, seed: Seed) -> Played {
    play_with(
        pickle,
        steps,
        Stage::new(seed, Rc::new(SimulatedBed { seed })).recording(),
    )
}

/// The same, with the cards that have a reader of their own put there by this bed.
pub fn play_on(pickle: &Pickle, steps: &Steps, seed: Seed, bed: Rc<dyn CardBed>) -> Played {
    play_with(pickle, steps, Stage::new(seed, bed))
}

fn play_with(pickle: &Pickle, steps: &Steps, mut stage: Stage) -> Played {
    let mut failure = None;
    let mut seen = Vec::new();
    for (step, written) in pickle.steps.iter().enumerate() {
        let mismatch = match steps.resolve(&pickle.source, written) {
            Ok(found) => {
                let text = match &written.block {
                    Block::DocString(text) => Some(text.content.clone()),
                    Block::None | Block::Table(_) => None,
                };
                stage
                    .play(found.definition.handler, Args::new(found.arguments, text))
                    .err()
            }
            // The runner checks every step before it plays any; whoever did not is told here.
            Err(unresolved) => Some(Mismatch {
                argument: None,
                expected: "a step that this version knows".into(),
                actual: unresolved.what,
            }),
        };
        if let Some(mismatch) = mismatch {
            failure = Some(Failure { step, mismatch });
            break;
        }
        seen.push(stage.look());
    }
    Played {
        seen,
        ..stage.finish(failure)
    }
}
