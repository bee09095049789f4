//! A stand-in for the simulated lane.

use super::{ActorEvents, Failure, Played};
use crate::gherkin::pickle::Pickle;
use crate::step::BlockKind;
use crate::steps::Steps;
use std::time::Duration;

/// Plays one scenario.
pub fn play(pickle: &Pickle, steps: &Steps, seed: sim::Seed) -> Played {
    let mut played = Played {
        failure: None,
        trace: vec![format!("0.000 seed {seed}")],
        last_events: Vec::new(),
        lasted: Duration::from_secs(120),
    };
    for (index, step) in pickle.steps.iter().enumerate() {
        let found = steps.match_step(&step.text, BlockKind::from(&step.block));
        let mismatch = found.ok().and_then(|found| (found.definition.handler.0)(&found));
        if let Some(mismatch) = mismatch {
            played.failure = Some(Failure {
                step: index,
                mismatch,
            });
            played.last_events = vec![ActorEvents {
                actor: "the HSM".to_owned(),
                events: played.trace.clone(),
            }];
            break;
        }
    }
    played
}
