//! What must hold of a whole tree: names, counts, columns and placeholders. Never changes the tree.

use super::pickle::{placeholders, texts_of};
use super::tree::{Document, Examples, Row, SIM_ONLY, SIM_ONLY_REASON, Scenario, ScenarioKind, Step, Text};
use crate::diagnostic::{Diagnostic, Source, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Most steps of one scenario or background.
pub const STEPS_MAX: usize = 1_000;

/// Most characters of the text of one step.
pub const STEP_CHARS_MAX: usize = 2_000;

/// Most rows of one `Examples:` table, its header not counted.
pub const EXAMPLES_ROWS_MAX: usize = 10_000;

/// Most cells of one table row.
pub const CELLS_MAX: usize = 100;

/// Most tags of one element.
pub const TAGS_MAX: usize = 100;

/// Most steps of a file once every outline is written out, backgrounds included.
pub const EXPANDED_STEPS_MAX: usize = 200_000;

/// Most bytes of the outlines of a file once they are written out.
pub const EXPANDED_BYTES_MAX: usize = 64 << 20;

pub(super) fn check(document: &Document, errors: &mut Vec<Diagnostic>) {
    let mut check = Check {
        source: &document.source,
        errors,
        names: BTreeMap::new(),
        steps: 0,
        bytes: 0,
    };
    let feature = &document.feature;
    check.title(&feature.keyword, &feature.name, &feature.tags);
    check.sim_only(&feature.tags, &feature.sim_only);
    let before = feature
        .background
        .as_ref()
        .map_or(&[][..], |background| &background.steps);
    if let Some(background) = &feature.background {
        check.steps(background.keyword.span, "background", &background.steps);
    }
    for scenario in &feature.scenarios {
        check.scenario(scenario, before.len());
    }
    for rule in &feature.rules {
        check.title(&rule.keyword, &rule.name, &rule.tags);
        check.sim_only(&rule.tags, &rule.sim_only);
        let mut before = before.len();
        if let Some(background) = &rule.background {
            check.steps(background.keyword.span, "background", &background.steps);
            before += background.steps.len();
        }
        if rule.scenarios.is_empty() {
            check.error(rule.keyword.span, "expected a scenario in this rule, got none");
        }
        for scenario in &rule.scenarios {
            check.scenario(scenario, before);
        }
    }
    if feature.scenarios.is_empty() && feature.rules.is_empty() {
        check.error(
            feature.keyword.span,
            "expected a scenario in this feature, got none",
        );
    }
    let (steps, bytes) = (check.steps, check.bytes);
    check.limit(
        feature.keyword.span,
        "steps with all outlines written out",
        steps,
        EXPANDED_STEPS_MAX,
    );
    check.limit(
        feature.keyword.span,
        "bytes with all outlines written out",
        bytes,
        EXPANDED_BYTES_MAX,
    );
}

struct Check<'a> {
    source: &'a Source,
    errors: &'a mut Vec<Diagnostic>,
    names: BTreeMap<&'a str, Span>,
    steps: usize,
    bytes: usize,
}

impl<'a> Check<'a> {
    fn error(&mut self, span: Span, what: impl Into<String>) {
        self.errors.push(self.source.error(span, what));
    }

    fn limit(&mut self, span: Span, of: &str, count: usize, max: usize) {
        if count > max {
            self.error(span, format!("expected at most {max} {of}, got {count}"));
        }
    }

    fn title(&mut self, keyword: &Text, name: &Text, tags: &[Text]) {
        // A keyword of no length was put in for one whose lack is already told.
        if name.value.is_empty() && !keyword.value.is_empty() {
            self.error(
                keyword.span,
                format!("expected a name after `{}:`, got nothing", keyword.value),
            );
        }
        self.tags(tags);
    }

    fn tags(&mut self, tags: &[Text]) {
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        for tag in tags {
            if let Some(&first) = seen.get(tag.value.as_str()) {
                let error = self
                    .source
                    .error(tag.span, format!("duplicate tag `{}`", tag.value));
                self.errors
                    .push(error.related(self.source, first, "the first is here"));
            } else {
                seen.insert(&tag.value, tag.span);
            }
        }
        if let Some(past) = tags.get(TAGS_MAX) {
            self.limit(past.span, "tags", tags.len(), TAGS_MAX);
        }
    }

    /// The tag and the reason stand together, for whoever reads the file and for the lanes.
    fn sim_only(&mut self, tags: &[Text], reasons: &[Text]) {
        let tag = tags.iter().find(|tag| tag.value == SIM_ONLY);
        if let (Some(tag), []) = (tag, reasons) {
            let what = format!("expected the reason of `{SIM_ONLY}`, got none");
            let help = format!("`{SIM_ONLY_REASON} …` on a line of its own below the title says why");
            self.errors.push(self.source.error(tag.span, what).help(help));
        }
        if let (None, [reason, ..]) = (tag, reasons) {
            let what = format!("expected the tag `{SIM_ONLY}` above what is for the simulation only");
            self.error(reason.span, what);
        }
        if let [first, second, ..] = reasons {
            let error = self.source.error(
                second.span,
                format!("expected one reason of `{SIM_ONLY}`, got a second"),
            );
            self.errors
                .push(error.related(self.source, first.span, "the first is here"));
        }
        for reason in reasons.iter().filter(|reason| reason.value.is_empty()) {
            self.error(
                reason.span,
                format!("expected a reason after `{SIM_ONLY_REASON}`, got nothing"),
            );
        }
    }

    fn steps(&mut self, span: Span, of: &str, steps: &[Step]) {
        if steps.is_empty() {
            self.error(span, format!("expected a step in this {of}, got none"));
        }
        if let Some(past) = steps.get(STEPS_MAX) {
            self.limit(
                past.keyword_span,
                &format!("steps in one {of}"),
                steps.len(),
                STEPS_MAX,
            );
        }
        for step in steps {
            self.limit(
                step.text.span,
                "characters in a step",
                step.text.span.chars,
                STEP_CHARS_MAX,
            );
            if let super::tree::Block::Table(rows) = &step.block {
                self.row_limits(rows);
            }
        }
    }

    fn row_limits(&mut self, rows: &[Row]) {
        for row in rows {
            self.limit(row.span, "cells in a row", row.cells.len(), CELLS_MAX);
        }
    }

    fn scenario(&mut self, scenario: &'a Scenario, steps_before: usize) {
        self.title(&scenario.keyword, &scenario.name, &scenario.tags);
        self.sim_only(&scenario.tags, &scenario.sim_only);
        let place = if scenario.keyword.value.is_empty() {
            scenario.span()
        } else {
            scenario.keyword.span
        };
        self.steps(place, "scenario", &scenario.steps);
        if let Some(&first) = self.names.get(scenario.name.value.as_str()) {
            let what = format!("duplicate scenario name `{}`", scenario.name.value);
            let error = self.source.error(scenario.name.span, what);
            self.errors
                .push(error.related(self.source, first, "the first is here"));
        } else if !scenario.name.value.is_empty() {
            self.names.insert(&scenario.name.value, scenario.name.span);
        }

        if scenario.kind == ScenarioKind::Outline && scenario.examples.is_empty() {
            let error = self.source.error(
                scenario.keyword.span,
                "expected `Examples:` in this outline, got none",
            );
            self.errors
                .push(error.help("a scenario that runs once is a `Scenario:`"));
        }
        for examples in &scenario.examples {
            self.examples(scenario, examples);
        }
        let runs = match scenario.kind {
            ScenarioKind::Plain => 1,
            ScenarioKind::Outline => scenario.examples.iter().map(|examples| examples.rows.len()).sum(),
        };
        self.steps = self
            .steps
            .saturating_add((steps_before + scenario.steps.len()).saturating_mul(runs));
    }

    fn examples(&mut self, scenario: &Scenario, examples: &Examples) {
        self.tags(&examples.tags);
        if let Some(tag) = examples.tags.iter().find(|tag| tag.value == SIM_ONLY) {
            let what = format!("misplaced `{SIM_ONLY}`, expected it above a feature, a rule or a scenario");
            self.errors.push(
                self.source
                    .error(tag.span, what)
                    .help("no reason can be given for examples"),
            );
        }
        let place = examples.keyword.span;
        let Some(header) = &examples.header else {
            return self.error(place, "expected a table under these examples, got none");
        };
        if examples.rows.is_empty() {
            self.error(
                place,
                "expected a row below the header of these examples, got none",
            );
        }
        if let Some(past) = examples.rows.get(EXAMPLES_ROWS_MAX) {
            self.limit(
                past.span,
                "rows in one table of examples",
                examples.rows.len(),
                EXAMPLES_ROWS_MAX,
            );
        }
        self.row_limits(std::slice::from_ref(header));
        let columns = self.columns(header);
        self.values(&columns, &examples.rows);

        // Each column is used by the name or a step, and each placeholder has a column.
        let mut used: BTreeMap<&str, usize> = BTreeMap::new();
        let mut template_bytes = scenario.name.value.len();
        for step in &scenario.steps {
            for (text, place) in texts_of(self.source, step) {
                template_bytes += text.len();
                for (range, name) in placeholders(text) {
                    *used.entry(name).or_default() += 1;
                    if !columns.contains(name) {
                        self.unknown_column(place.of(text, range), name, header, examples);
                    }
                }
            }
        }
        for (range, name) in placeholders(&scenario.name.value) {
            *used.entry(name).or_default() += 1;
            if !columns.contains(name) {
                let skip = scenario.name.value[..range.start].chars().count();
                let span = scenario.name.span.part(skip, name.chars().count() + 2);
                self.unknown_column(span, name, header, examples);
            }
        }
        for column in &header.cells {
            if columns.contains(column.value.as_str()) && !used.contains_key(column.value.as_str()) {
                let what = format!(
                    "expected the name or a step to use `<{}>`, neither does",
                    column.value
                );
                self.error(column.span, what);
            }
        }
        for row in &examples.rows {
            let values = header.cells.iter().zip(&row.cells);
            let grown = values.map(|(column, cell)| {
                used.get(column.value.as_str())
                    .unwrap_or(&0)
                    .saturating_mul(cell.value.len())
            });
            self.bytes = self
                .bytes
                .saturating_add(template_bytes)
                .saturating_add(grown.sum());
        }
    }

    fn columns<'r>(&mut self, header: &'r Row) -> BTreeSet<&'r str> {
        let mut columns: BTreeMap<&str, Span> = BTreeMap::new();
        for cell in &header.cells {
            if cell.value.is_empty() || cell.value.contains(['<', '>', '\n']) {
                self.error(cell.span, "expected the name of a column, without `<` and `>`");
            } else if let Some(&first) = columns.get(cell.value.as_str()) {
                let error = self
                    .source
                    .error(cell.span, format!("duplicate column `{}`", cell.value));
                self.errors
                    .push(error.related(self.source, first, "the first is here"));
            } else {
                columns.insert(&cell.value, cell.span);
            }
        }
        columns.into_keys().collect()
    }

    /// A value that is itself a placeholder would be replaced or not, depending on the order of the columns.
    fn values(&mut self, columns: &BTreeSet<&str>, rows: &[Row]) {
        for cell in rows.iter().flat_map(|row| &row.cells) {
            if let Some((_, name)) = placeholders(&cell.value).find(|(_, name)| columns.contains(name)) {
                self.error(
                    cell.span,
                    format!("expected a value, got the placeholder `<{name}>`"),
                );
            }
        }
    }

    fn unknown_column(&mut self, span: Span, name: &str, header: &Row, examples: &Examples) {
        let error = self
            .source
            .error(span, format!("expected a column of the examples, got `<{name}>`"));
        let near = header
            .cells
            .iter()
            .filter(|cell| name.len() <= 100 && cell.value.len() <= 100)
            .map(|cell| {
                (
                    crate::edit_distance::edit_distance(&cell.value, name),
                    &cell.value,
                )
            })
            .filter(|(distance, _)| *distance <= name.chars().count().div_ceil(3))
            .min();
        let error = match near {
            Some((_, near)) => error.label(format!("did you mean `<{near}>`?")),
            None => error,
        };
        let place = examples
            .header
            .as_ref()
            .map_or(examples.keyword.span, |row| row.span);
        self.errors.push(error.related(self.source, place, "the columns"));
    }
}
