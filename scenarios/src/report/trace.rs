//! Every trace of a run in one text, in order of path and line: byte for byte the same for the same seed.

use super::Result;
use crate::diagnostic::shown;
use crate::lane::Skipped;
use crate::rig::Ending;
use std::fmt::Write as _;

/// A heading for each scenario, what happened in it, and how it ended.
pub fn write(results: &[Result<'_>], seed: sim::Seed) -> String {
    let mut text = format!("seed {seed}\n");
    for Result {
        scenario, outcome, ..
    } in results
    {
        let (lines, ending): (&[String], _) = match &outcome.ending {
            Ending::Played(played) => {
                let ending = match &played.failure {
                    None => "passed".to_owned(),
                    Some(failure) => {
                        let mismatch = &failure.mismatch;
                        let number = failure.step + 1;
                        format!(
                            "failed at step {number}: expected {}, got {}",
                            mismatch.expected, mismatch.actual
                        )
                    }
                };
                let lasted = super::duration(played.lasted);
                (&played.trace, format!("{ending}; lasted {lasted}"))
            }
            Ending::Skipped(Skipped(why)) => (&[], format!("skipped: {why}")),
            Ending::Panicked(panic) => (&[], format!("internal error: {panic}")),
        };
        let heading = format!("{} {}", scenario.place(), scenario.title());
        writeln!(text, "\n# {}", shown(&heading)).expect("a String takes everything");
        for line in lines {
            writeln!(text, "{}", shown(line)).expect("a String takes everything");
        }
        writeln!(text, "= {}", shown(&ending)).expect("a String takes everything");
    }
    text
}
