//! A console as it was watched in a scenario, in virtual time: asciicast, version 2, which `asciinema play` shows. Source:
//! the format's description, <https://docs.asciinema.org/manual/asciicast/v2/>. Holds what was on the screen and nothing else.

use std::{fmt::Write as _, time::Duration};

use hsm_core::{SCREEN_COLUMNS, SCREEN_ROWS};
use serde_json::json;

use super::Result;
use crate::{lane::ShownScreen, rig::Ending};

/// Seconds that a player waits at most for the next screen: a limit of two minutes is not watched for two minutes.
const IDLE_SECS_MAX: u32 = 2;
/// Characters of a file's name, before its extension.
const NAME_CHARACTERS_MAX: usize = 200;

/// The screens of a scenario as a file; `None` if it shows no console.
pub fn write(result: &Result<'_>) -> Option<String> {
    let Ending::Played(played) = &result.outcome.ending else {
        return None;
    };
    if played.screens.is_empty() {
        return None;
    }
    let header = json!({
        "version": 2,
        "width": SCREEN_COLUMNS,
        "height": SCREEN_ROWS,
        // When every world begins.
        "timestamp": crate::lane::BEGINNING_UNIX_MILLIS / 1000,
        "idle_time_limit": IDLE_SECS_MAX,
        "title": result.scenario.title(),
    });
    let mut text = format!("{header}\n");
    for screen in &played.screens {
        let data = json!(painted(screen));
        writeln!(text, "[{}, \"o\", {data}]", seconds(screen.at)).expect("a String takes everything");
    }
    Some(text)
}

/// The name of the file: the scenario's place, in characters that every file system takes.
pub fn file_name(place: &str) -> String {
    let place = place.replace(".feature:", "-");
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let plain = place
        .chars()
        .map(|character| if is_plain(character) { character } else { '-' });
    let plain: Vec<char> = plain.collect();
    let begin = plain.len().saturating_sub(NAME_CHARACTERS_MAX);
    let name: String = plain[begin..].iter().collect();
    format!("{}.cast", name.trim_start_matches(['-', '.']))
}

/// With microseconds, as exact as virtual time is.
fn seconds(at: Duration) -> String {
    format!("{}.{:06}", at.as_secs(), at.subsec_micros())
}

/// What a terminal is sent to show a screen, whatever it showed before.
fn painted(screen: &ShownScreen) -> String {
    let mut data = String::from("\u{1b}[?25l");
    let mut rows = screen.rows.lines();
    for row in 1..=SCREEN_ROWS {
        let text = rows.next().unwrap_or_default();
        write!(data, "\u{1b}[{row};1H{text}\u{1b}[K").expect("a String takes everything");
    }
    if let Some((area, text)) = &screen.focus {
        let mut lines = text.lines();
        for row in area.row..area.row + area.height {
            let (column, width, text) = (area.column, area.width, lines.next().unwrap_or_default());
            // Blanks at the end were left out, and belong to the bar.
            write!(
                data,
                "\u{1b}[{row};{column}H\u{1b}[7m{:width$}\u{1b}[{row};{column}H{text}\u{1b}[0m",
                ""
            )
            .expect("a String takes everything");
        }
    }
    if let Some(cursor) = screen.cursor {
        write!(data, "\u{1b}[{};{}H\u{1b}[?25h", cursor.row, cursor.column)
            .expect("a String takes everything");
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_place_of_the_scenario_in_plain_characters() {
        let at = "scenarios/suite/custodians/timeouts.feature:10";
        assert_eq!(file_name(at), "scenarios-suite-custodians-timeouts-10.cast");
        assert_eq!(file_name("../a b/ü.feature:3"), "a-b---3.cast");
        let long = format!("{}.feature:7", "x".repeat(300));
        assert_eq!(file_name(&long).len(), NAME_CHARACTERS_MAX + ".cast".len());
        assert!(file_name(&long).ends_with("x-7.cast"));
    }

    #[test]
    fn an_instant_is_exact() {
        assert_eq!(seconds(Duration::from_micros(120_000_001)), "120.000001");
    }
}
