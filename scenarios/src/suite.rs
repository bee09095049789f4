//! Feature files as a run takes them: read, their tags checked, their scenarios written out. Finds no files and matches
//! no steps; see [`selection`](crate::selection) and [`rig`](crate::rig).

use crate::catalogue::{self, Catalogue};
use crate::diagnostic::{Diagnostic, Source};
use crate::gherkin::parse;
use crate::gherkin::pickle::{Pickle, expand};
use crate::gherkin::tree::{Document, Text};

/// One scenario of a file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What runs.
    pub pickle: Pickle,
    /// For an outline, which of its rows this is, from 1.
    pub row: Option<usize>,
}

impl Scenario {
    /// `path:line`, which selects this scenario and no other.
    pub fn place(&self) -> String {
        format!("{}:{}", self.pickle.source.path(), self.pickle.line())
    }

    /// The name, with the number of the row for an outline.
    pub fn title(&self) -> String {
        match self.row {
            Some(row) => format!("{} (row {row})", self.pickle.name),
            None => self.pickle.name.clone(),
        }
    }

    /// The seed of its world. Depends on nothing but the run's seed, the place and the name.
    pub fn seed(&self, run: sim::Seed) -> sim::Seed {
        run.child_named(&format!("{}:{}", self.place(), self.pickle.name))
    }

    /// Every requirement it is tagged with.
    pub fn requirements(&self) -> impl Iterator<Item = &str> {
        let names = self
            .pickle
            .tags
            .iter()
            .filter_map(|tag| tag.value.strip_prefix('@'));
        names.filter(|name| catalogue::is_id(name))
    }
}

/// One feature file without a mistake.
#[derive(Clone, Debug)]
pub struct FeatureFile {
    /// The tree.
    pub document: Document,
    /// Every scenario, in order.
    pub scenarios: Vec<Scenario>,
}

impl FeatureFile {
    /// The path as shown.
    pub fn path(&self) -> &str {
        self.document.source.path()
    }
}

/// Reads one feature file, or says everything that is wrong with it except for its steps.
pub fn read(path: &str, bytes: &[u8], catalogue: &Catalogue) -> Result<FeatureFile, Vec<Diagnostic>> {
    let parsed = parse(path, bytes);
    let mut diagnostics = parsed.diagnostics;
    if let Some(document) = &parsed.document {
        let tags = tags_of(document);
        diagnostics.extend(tags.filter_map(|tag| check_tag(&document.source, tag, catalogue)));
    }
    diagnostics.sort_by_key(|diagnostic| diagnostic.place.span);
    match parsed.document {
        Some(document) if diagnostics.is_empty() => {
            let scenarios = numbered(expand(&document));
            Ok(FeatureFile { document, scenarios })
        }
        Some(_) | None => Err(diagnostics),
    }
}

/// Every tag as written, each once.
fn tags_of(document: &Document) -> impl Iterator<Item = &Text> {
    let feature = &document.feature;
    let in_rules = feature.rules.iter().flat_map(|rule| &rule.scenarios);
    let scenarios = feature.scenarios.iter().chain(in_rules);
    let of_scenarios = scenarios.flat_map(|scenario| {
        let examples = scenario.examples.iter().flat_map(|examples| &examples.tags);
        scenario.tags.iter().chain(examples)
    });
    let of_rules = feature.rules.iter().flat_map(|rule| &rule.tags);
    feature.tags.iter().chain(of_rules).chain(of_scenarios)
}

/// A tag is a requirement that exists, or a word in lower case that could not be meant for one.
fn check_tag(source: &Source, tag: &Text, catalogue: &Catalogue) -> Option<Diagnostic> {
    let name = tag.value.strip_prefix('@').unwrap_or(&tag.value);
    if catalogue.has(name) {
        return None;
    }
    if catalogue::is_id(name) {
        let error = source.error(tag.span, format!("unknown requirement `{name}`"));
        let help = "the requirements are in `docs/requirements`";
        return Some(error.label(catalogue.nearest(name)).help(help));
    }
    let meant: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let meant = meant.to_ascii_uppercase();
    if let Some((area, number)) = meant.split_at_checked(2)
        && catalogue.areas.iter().any(|known| known.code == area)
        && let Ok(number) = number.parse::<u8>()
    {
        let error = source.error(
            tag.span,
            format!("expected an id such as `@RM-07`, got `{}`", tag.value),
        );
        return Some(error.label(format!("did you mean `@{area}-{number:02}`?")));
    }
    if name.starts_with(char::is_lowercase) && !name.contains(char::is_uppercase) {
        return None;
    }
    let what = format!(
        "expected a requirement or a word in lower case, got `{}`",
        tag.value
    );
    Some(source.error(tag.span, what))
}

/// Gives each row of an outline its number.
fn numbered(pickles: Vec<Pickle>) -> Vec<Scenario> {
    let mut before = (None, 0);
    let number = |pickle: Pickle| {
        let row = pickle.example.map(|_| {
            let row = if before.0 == Some(pickle.span) {
                before.1 + 1
            } else {
                1
            };
            before = (Some(pickle.span), row);
            row
        });
        Scenario { pickle, row }
    };
    pickles.into_iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_tag_is(tag: &str, expected: &str) {
        let text = format!("{tag}\nFeature: f\n  Scenario: s\n    Given a step\n");
        let said = match read("x.feature", text.as_bytes(), Catalogue::built_in()) {
            Ok(_) => String::new(),
            Err(diagnostics) => diagnostics[0].to_string(),
        };
        let is_as_expected = if expected.is_empty() {
            said.is_empty()
        } else {
            said.contains(expected)
        };
        assert!(is_as_expected, "{tag}: {said}");
    }

    #[test]
    fn a_tag_is_a_known_requirement_or_a_word_in_lower_case() {
        for (tag, expected) in [
            ("@RM-07", ""),
            ("@slow", ""),
            ("@model:rack", ""),
            ("@area-51", ""),
            ("@RM-99", "unknown requirement `RM-99`"),
            ("@XX-01", "unknown requirement `XX-01`"),
            ("@rm-07", "did you mean `@RM-07`?"),
            ("@RM-7", "did you mean `@RM-07`?"),
            ("@RM07", "did you mean `@RM-07`?"),
            (
                "@Slow",
                "expected a requirement or a word in lower case, got `@Slow`",
            ),
        ] {
            check_tag_is(tag, expected);
        }
    }

    #[test]
    fn every_row_of_an_outline_has_its_number_and_its_own_seed() {
        let text = "Feature: f\n  Scenario Outline: o\n    Given <a>\n    Examples:\n      | a |\n      | 1 |\n      | 2 |\n    \
                    Examples:\n      | a |\n      | 3 |\n  Scenario: s\n    Given x\n";
        let file = read("x.feature", text.as_bytes(), Catalogue::built_in()).expect("nothing is wrong");
        let titles: Vec<String> = file.scenarios.iter().map(Scenario::title).collect();
        assert_eq!(titles, ["o (row 1)", "o (row 2)", "o (row 3)", "s"]);
        let mut seeds: Vec<_> = file.scenarios.iter().map(|it| it.seed(sim::Seed(0))).collect();
        seeds.sort();
        seeds.dedup();
        assert_eq!(seeds.len(), 4);
    }
}
