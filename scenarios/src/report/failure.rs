//! A scenario that did not pass, told to people: the step with carets, what was there, what happened last, and the line
//! that repeats it.

use crate::diagnostic::{Diagnostic, shown};
use crate::lane::{ActorEvents, Failure, Lane};
use crate::rig::{Ending, Outcome, Rig};
use crate::suite::Scenario;
use std::borrow::Cow;
use std::fmt::Write as _;

/// How a run was started, as far as it takes to play one of its scenarios again.
#[derive(Clone, Debug)]
pub struct Again {
    /// Where it was played.
    pub lane: Lane,
    /// Where all chance came from.
    pub seed: sim::Seed,
    /// The arguments that chose the parts.
    pub parts: Vec<String>,
}

/// The whole text, over several lines; `None` if the scenario passed or was skipped.
pub fn tell<V, H: Sync>(
    rig: &Rig<V, H>,
    scenario: &Scenario,
    outcome: &Outcome,
    again: &Again,
) -> Option<String> {
    let mut text = String::new();
    let events: &[ActorEvents] = match &outcome.ending {
        Ending::Played(played) => {
            let failure = played.failure.as_ref()?;
            text += &diagnose(rig, scenario, failure).to_string();
            block(&mut text, "expected value", &failure.mismatch.expected);
            block(&mut text, "actual value", &failure.mismatch.actual);
            &played.last_events
        }
        Ending::Skipped(_) => return None,
        Ending::Panicked(panic) => {
            let span = scenario.pickle.example.unwrap_or(scenario.pickle.span);
            let error = scenario
                .pickle
                .source
                .error(span, "internal error: the world of this scenario broke");
            text += &error.label(panic.to_string()).to_string();
            &[]
        }
    };
    line(&mut text, &format!("scenario: {}", scenario.title()));
    if let Some(row) = scenario.pickle.example {
        line(
            &mut text,
            &format!("example: {}", scenario.pickle.source.line(row.line).trim()),
        );
    }
    if !events.is_empty() {
        text.push_str("last events:\n");
    }
    for ActorEvents { actor, events } in events {
        line(&mut text, &format!("  {actor}"));
        for event in events {
            line(&mut text, &format!("    {event}"));
        }
        if events.is_empty() {
            text.push_str("    none\n");
        }
    }
    line(&mut text, &format!("repeat it: {}", repeat_line(scenario, again)));
    Some(text)
}

/// The one line that repeats one scenario of a run.
pub fn repeat_line(scenario: &Scenario, again: &Again) -> String {
    let Again { lane, seed, parts } = again;
    let place = scenario.place();
    let place = quoted(&place);
    let lane = match lane {
        Lane::Sim => String::new(),
        Lane::Pcsc | Lane::Process | Lane::Hardware => format!(" --lane {lane}"),
    };
    let mut line = format!("hsm-rig run {place}{lane}");
    for part in parts {
        line += " ";
        line += &quoted(part);
    }
    format!("{line} --seed {seed}")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:+,@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''")).into()
    }
}

/// The step that did not hold, with carets under the value that was expected.
pub fn diagnose<V, H: Sync>(rig: &Rig<V, H>, scenario: &Scenario, failure: &Failure) -> Diagnostic {
    let pickle = &scenario.pickle;
    let mismatch = &failure.mismatch;
    let what = format!("expected {}", on_one_line(&mismatch.expected));
    let Some(step) = pickle.steps.get(failure.step) else {
        return pickle.source.error(pickle.span, what);
    };
    let arguments = rig.arguments(pickle, failure.step);
    let expected = mismatch.argument.and_then(|index| arguments.get(index).cloned());
    let chars = expected.unwrap_or_else(|| 0..step.text.chars().count());
    let label = format!("actual value is {}", on_one_line(&mismatch.actual));
    step.error(&pickle.source, chars, what).label(label)
}

/// The first line of a value; a screen or a log has more, which stand in a [`block`].
fn on_one_line(value: &str) -> Cow<'_, str> {
    match value.split_once('\n') {
        Some((first, _)) => format!("{} … (all of it is below)", first.trim_end_matches(':')).into(),
        None => value.into(),
    }
}

/// All lines of a value, if it has several.
fn block(text: &mut String, name: &str, value: &str) {
    if !value.contains('\n') {
        return;
    }
    line(text, &format!("{name}:"));
    for part in value.lines() {
        line(text, &format!("  {part}"));
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{}", shown(line)).expect("a String takes everything");
}
