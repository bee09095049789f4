//! The English keywords of Gherkin, and which of them somebody may have meant. Any other language is refused.

use super::tree::StepKeyword;
use crate::edit_distance::edit_distance;

/// What a keyword with a colon opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKeyword {
    Feature,
    Rule,
    Background,
    Scenario,
    ScenarioOutline,
    Examples,
}

/// Every keyword with a colon. Source: `gherkin-languages.json` of the official parser, `en`.
pub(super) const TITLES: [(&str, BlockKeyword); 11] = [
    ("Feature", BlockKeyword::Feature),
    ("Ability", BlockKeyword::Feature),
    ("Business Need", BlockKeyword::Feature),
    ("Rule", BlockKeyword::Rule),
    ("Background", BlockKeyword::Background),
    ("Scenario Outline", BlockKeyword::ScenarioOutline),
    ("Scenario Template", BlockKeyword::ScenarioOutline),
    ("Scenario", BlockKeyword::Scenario),
    ("Example", BlockKeyword::Scenario),
    ("Examples", BlockKeyword::Examples),
    ("Scenarios", BlockKeyword::Examples),
];

/// A keyword that was probably meant, and how many characters of the line stand in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meant<K> {
    pub(super) spelling: &'static str,
    pub(super) keyword: K,
    pub(super) chars: usize,
}

/// A word or two (or three, as in `Scenario Out line`) and a colon at the start of `line`, and the keyword meant.
/// The count of characters includes the colon.
pub(super) fn title_with_colon(line: &str) -> Option<(usize, Option<Meant<BlockKeyword>>)> {
    const CHARS_MAX: usize = 40;
    let at = line.find([':', '：'])?;
    let (words, rest) = line.split_at(at);
    let chars = words.chars().count() + 1;
    let count = words.split_whitespace().count();
    let is_url = rest.starts_with("://");
    let is_wordy = words.chars().all(|c| c.is_alphabetic() || c.is_whitespace());
    if is_url || !is_wordy || !(1..=3).contains(&count) || chars > CHARS_MAX {
        return None;
    }
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let meant = nearest(&words, TITLES, |spelling| (spelling.chars().count() / 3).max(1));
    match meant {
        Some((spelling, keyword)) => Some((
            chars,
            Some(Meant {
                spelling,
                keyword,
                chars,
            }),
        )),
        None if count <= 2 => Some((chars, None)),
        None => None,
    }
}

/// A keyword without its colon, or nearly one, at the start of `line`. Stays close: prose may begin with `Examine`.
pub(super) fn title_without_colon(line: &str) -> Option<Meant<BlockKeyword>> {
    let mut ends: Vec<usize> = line
        .match_indices(char::is_whitespace)
        .map(|(at, _)| at)
        .take(2)
        .collect();
    ends.push(line.len());
    // Two words before one: `Scenario Outline x` is not a `Scenario`.
    ends.iter().take(2).rev().find_map(|&end| {
        let words = &line[..end];
        let (spelling, keyword) =
            nearest(words.trim_matches(':'), TITLES, |spelling| match spelling.len() {
                0..=4 => 0,
                5..=7 => 1,
                _ => 2,
            })?;
        Some(Meant {
            spelling,
            keyword,
            chars: words.chars().count(),
        })
    })
}

/// A step keyword, or nearly one, at the start of `line`. The count includes the space after it.
pub(super) fn step_keyword(line: &str) -> Option<Meant<StepKeyword>> {
    let word = line.split_whitespace().next()?;
    let known = StepKeyword::ALL.map(|keyword| (keyword.as_str(), keyword));
    let (spelling, keyword) = nearest(word, known, |spelling| spelling.len() / 3)?;
    Some(Meant {
        spelling,
        keyword,
        chars: word.chars().count(),
    })
}

fn nearest<K: Copy>(
    word: &str,
    known: impl IntoIterator<Item = (&'static str, K)>,
    distance_max: impl Fn(&str) -> usize,
) -> Option<(&'static str, K)> {
    const WORD_CHARS_MAX: usize = 40;
    let chars = word.chars().count();
    if chars > WORD_CHARS_MAX {
        return None;
    }
    known
        .into_iter()
        // A difference in length is a distance already.
        .filter(|(spelling, _)| spelling.len().abs_diff(chars) <= distance_max(spelling))
        .map(|(spelling, keyword)| (edit_distance(word, spelling), spelling, keyword))
        .filter(|(distance, spelling, _)| *distance <= distance_max(spelling))
        .min_by_key(|(distance, ..)| *distance)
        .map(|(_, spelling, keyword)| (spelling, keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_keyword_with_a_colon_is_seen() {
        for (line, expected) in [
            ("Scenaro: x", Some("Scenario")),
            ("Bakground:", Some("Background")),
            ("SCENARIO: x", Some("Scenario")),
            ("Scenario : x", Some("Scenario")),
            ("Scenario Outlin: x", Some("Scenario Outline")),
            ("Sample: x", Some("Example")),
            ("Note: x", None),
        ] {
            let (_, meant) = title_with_colon(line).expect(line);
            assert_eq!(meant.map(|meant| meant.spelling), expected, "{line}");
        }
    }

    #[test]
    fn ordinary_prose_is_not_taken_for_a_keyword() {
        for line in [
            "The device closes the session",
            "Examine the log, then close it",
            "https://example.org is not a keyword",
            "There are three of them: a, b and c",
            "RM-07: the requirement",
            "Future versions may differ",
            "Roles are four",
        ] {
            assert_eq!(title_with_colon(line), None, "{line}");
            assert_eq!(title_without_colon(line), None, "{line}");
        }
    }

    #[test]
    fn a_forgotten_colon_is_seen() {
        for (line, expected) in [
            ("Scenario x", "Scenario"),
            ("Scenario Outline x", "Scenario Outline"),
            ("Exampels", "Examples"),
            ("Exam#le: x", "Example"),
        ] {
            assert_eq!(title_without_colon(line).expect(line).spelling, expected);
        }
    }

    #[test]
    fn a_misspelt_step_keyword_is_seen() {
        for (line, expected) in [
            ("Gven x", Some("Given")),
            ("WHEN x", Some("When")),
            ("Adn x", Some("And")),
            ("The x", Some("Then")),
        ] {
            assert_eq!(step_keyword(line).map(|meant| meant.spelling), expected, "{line}");
        }
        assert_eq!(step_keyword("Anna connects"), None);
    }
}
