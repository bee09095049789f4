//! What a run says about itself: on the screen, as `JUnit`, as a trace. Each report is a text made from the scenarios and
//! what came of them; only [`file`](mod@file) touches the disk.

pub mod cast;
pub mod failure;
pub mod file;
pub mod junit;
pub mod summary;
pub mod trace;

use crate::rig::Outcome;
use crate::suite::Scenario;
use std::time::Duration;

/// A scenario and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Result<'a> {
    /// What was played.
    pub scenario: &'a Scenario,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// Its failure as told on the screen; `None` if it passed.
    pub failure: Option<&'a str>,
}

/// A stretch of time for people: `2 h 3 min 4.25 s`.
pub fn duration(time: Duration) -> String {
    let (minutes, seconds) = (time.as_secs() / 60, time.as_secs() % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let seconds = format!("{seconds}.{:03} s", time.subsec_millis());
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, _) => format!("{minutes} min {seconds}"),
        (..) => format!("{hours} h {minutes} min {seconds}"),
    }
}

/// Words put into lines of at most `width` characters; each word is kept whole.
pub fn wrap<'w>(words: impl IntoIterator<Item = &'w str>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_in_units_of_people() {
        for (millis, told) in [
            (0, "0.000 s"),
            (59_999, "59.999 s"),
            (120_001, "2 min 0.001 s"),
            (3_600_000, "1 h 0 min 0.000 s"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), told);
        }
    }

    #[test]
    fn lines_are_no_wider_than_asked_unless_a_word_is() {
        assert_eq!(wrap(["ab", "cd", "efghij", "k"], 5), ["ab cd", "efghij", "k"]);
    }
}
