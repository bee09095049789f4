//! Scenarios as they run: backgrounds put before them, outlines written out row by row. Remembers for each step where
//! it stands in the file and which example filled it in. Runs nothing.
//!
//! The name is the official parser's for the same thing.

use super::tree::{Block, DocString, Document, Examples, Row, Rule, Scenario, Step, StepKeyword, Text};
use crate::diagnostic::{Diagnostic, Source, Span};
use std::ops::Range;

/// One scenario, ready to run.
#[derive(Clone, Debug)]
pub struct Pickle {
    /// The file.
    pub source: Source,
    /// Name, with the values of the example in it. Rows of an outline may share one.
    pub name: String,
    /// Name of the feature.
    pub feature: String,
    /// Name of the rule, if the scenario stands in one.
    pub rule: Option<String>,
    /// Keyword and name in the file.
    pub span: Span,
    /// The example row, for an outline.
    pub example: Option<Span>,
    /// Tags of the feature, the rule, the scenario and the examples, in this order, each name once.
    pub tags: Vec<Text>,
    /// Why only the simulation can play it, if so: the reason of the scenario, else of its rule, else of its feature.
    pub sim_only: Option<String>,
    /// Steps, those of the backgrounds first.
    pub steps: Vec<PickleStep>,
}

impl Pickle {
    /// The line that tells this scenario from all others of its file: that of the example row, or of the scenario.
    pub fn line(&self) -> usize {
        self.example.unwrap_or(self.span).line
    }
}

/// What a step is for: its keyword, with `And`, `But` and `*` taken from the step before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// `Given`, or nothing before it says otherwise.
    Given,
    /// `When`
    When,
    /// `Then`
    Then,
}

/// One step, ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickleStep {
    /// The keyword as written.
    pub keyword: StepKeyword,
    /// What it is for.
    pub kind: StepKind,
    /// Text, with the values of the example in it.
    pub text: String,
    /// Where the text stands in the file; of an outline, before values were put in.
    pub span: Span,
    /// True for a step of a background.
    pub is_background: bool,
    /// What hangs below it, with the values of the example in it.
    pub block: Block,
    /// The values that were put into `text`, in order.
    pub filled: Vec<Filled>,
    /// The example row, for a step of an outline.
    pub example: Option<Span>,
}

/// A placeholder of a step that got a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Characters of the value in the text of the step that runs.
    pub chars: Range<usize>,
    /// The placeholder in the file.
    pub placeholder: Span,
    /// The cell that gave the value.
    pub cell: Span,
}

impl PickleStep {
    /// Where the characters `chars` of `text` stand in the file. What came from an example is its placeholder.
    pub fn span_of(&self, chars: Range<usize>) -> Span {
        let start = self.place_of(chars.start, false);
        let end = self.place_of(chars.end.max(chars.start), true);
        Span {
            column: start,
            chars: end.saturating_sub(start),
            ..self.span
        }
    }

    /// An error under the characters `chars` of `text`, with the cell of the example that gave them, if one did.
    pub fn error(&self, source: &Source, chars: Range<usize>, what: impl Into<String>) -> Diagnostic {
        let touches = |filled: &&Filled| filled.chars.start < chars.end && chars.start < filled.chars.end;
        let filled = self.filled.iter().find(touches);
        let error = source.error(self.span_of(chars.clone()), what);
        match (filled, self.example) {
            (Some(filled), _) => error.related(source, filled.cell, "with the value of this example"),
            (None, Some(row)) if !self.filled.is_empty() => error.related(source, row, "in this example"),
            // The same for every row: whoever reads them all says it once.
            (None, Some(_) | None) => error,
        }
    }

    /// Column of a place between two characters of `text`. Within a value it is that of its placeholder.
    fn place_of(&self, at: usize, is_end: bool) -> usize {
        let mut column = self.span.column;
        let mut seen = 0;
        for Filled {
            chars, placeholder, ..
        } in &self.filled
        {
            let is_before = if is_end {
                at <= chars.start
            } else {
                at < chars.start
            };
            if is_before {
                break;
            }
            if at < chars.end || (is_end && at == chars.end) {
                return placeholder.column + if is_end { placeholder.chars } else { 0 };
            }
            column = placeholder.column + placeholder.chars;
            seen = chars.end;
        }
        column + (at - seen)
    }
}

/// Every scenario of a file in order, outlines written out. The document must have no diagnostics.
pub fn expand(document: &Document) -> Vec<Pickle> {
    let feature = &document.feature;
    let background = feature
        .background
        .as_ref()
        .map_or(&[][..], |background| &background.steps);
    let mut pickles = Vec::new();
    for scenario in &feature.scenarios {
        expand_scenario(document, None, &[background], scenario, &mut pickles);
    }
    for rule in &feature.rules {
        let own = rule
            .background
            .as_ref()
            .map_or(&[][..], |background| &background.steps);
        for scenario in &rule.scenarios {
            expand_scenario(document, Some(rule), &[background, own], scenario, &mut pickles);
        }
    }
    pickles
}

fn expand_scenario(
    document: &Document,
    rule: Option<&Rule>,
    backgrounds: &[&[Step]],
    scenario: &Scenario,
    pickles: &mut Vec<Pickle>,
) {
    let pickle = |example: Option<(&Examples, &Row, &Row)>| {
        let mut tags: Vec<Text> = Vec::new();
        let rule_tags = rule.map_or(&[][..], |rule| &rule.tags);
        let example_tags = example.map_or(&[][..], |(examples, ..)| &examples.tags);
        for tag in [&document.feature.tags, rule_tags, &scenario.tags, example_tags]
            .into_iter()
            .flatten()
        {
            if !tags.iter().any(|seen| seen.value == tag.value) {
                tags.push(tag.clone());
            }
        }
        let rule_reasons = rule.map_or(&[][..], |rule| &rule.sim_only);
        let mut reasons = [&scenario.sim_only, rule_reasons, &document.feature.sim_only]
            .into_iter()
            .flatten();
        let values = example.map(|(_, header, row)| Values { header, row });
        let mut kind = StepKind::Given;
        let before = backgrounds
            .iter()
            .flat_map(|steps| steps.iter())
            .map(|step| (step, true));
        let steps = before.chain(scenario.steps.iter().map(|step| (step, false)));
        let steps = steps.map(|(step, is_background)| {
            kind = match step.keyword {
                StepKeyword::Given => StepKind::Given,
                StepKeyword::When => StepKind::When,
                StepKeyword::Then => StepKind::Then,
                StepKeyword::And | StepKeyword::But | StepKeyword::Star => kind,
            };
            pickle_step(step, kind, is_background, values.filter(|_| !is_background))
        });
        Pickle {
            source: document.source.clone(),
            name: fill(&scenario.name, values).0,
            feature: document.feature.name.value.clone(),
            rule: rule.map(|rule| rule.name.value.clone()),
            span: scenario.span(),
            example: values.map(|values| values.row.span),
            tags,
            sim_only: reasons.next().map(|reason| reason.value.clone()),
            steps: steps.collect(),
        }
    };
    if scenario.examples.is_empty() {
        pickles.push(pickle(None));
    }
    for examples in &scenario.examples {
        let Some(header) = &examples.header else { continue };
        pickles.extend(
            examples
                .rows
                .iter()
                .map(|row| pickle(Some((examples, header, row)))),
        );
    }
}

fn pickle_step(step: &Step, kind: StepKind, is_background: bool, values: Option<Values<'_>>) -> PickleStep {
    let (text, filled) = fill(&step.text, values);
    let fill_text = |text: &Text| Text {
        span: text.span,
        value: fill(text, values).0,
    };
    let block = match &step.block {
        Block::None => Block::None,
        Block::Table(rows) => Block::Table(
            rows.iter()
                .map(|row| Row {
                    span: row.span,
                    cells: row.cells.iter().map(fill_text).collect(),
                })
                .collect(),
        ),
        Block::DocString(doc_string) => {
            let content = Text {
                span: doc_string.span,
                value: doc_string.content.clone(),
            };
            Block::DocString(DocString {
                span: doc_string.span,
                delimiter: doc_string.delimiter,
                media_type: doc_string.media_type.as_ref().map(fill_text),
                content: fill(&content, values).0,
            })
        }
    };
    let example = values.map(|values| values.row.span);
    PickleStep {
        keyword: step.keyword,
        kind,
        text,
        span: step.text.span,
        is_background,
        block,
        filled,
        example,
    }
}

#[derive(Clone, Copy)]
struct Values<'a> {
    header: &'a Row,
    row: &'a Row,
}

fn fill(text: &Text, values: Option<Values<'_>>) -> (String, Vec<Filled>) {
    let Some(Values { header, row }) = values else {
        return (text.value.clone(), Vec::new());
    };
    let (mut result, mut filled) = (String::new(), Vec::new());
    let mut copied = 0;
    // Characters of the result and of the template so far.
    let (mut written, mut read) = (0, 0);
    for (range, name) in placeholders(&text.value) {
        let Some(at) = header.cells.iter().position(|cell| cell.value == name) else {
            continue;
        };
        let Some(cell) = row.cells.get(at) else { continue };
        let between = &text.value[copied..range.start];
        written += between.chars().count();
        read += between.chars().count();
        result.push_str(between);
        result.push_str(&cell.value);
        let chars = written..written + cell.value.chars().count();
        let placeholder_chars = name.chars().count() + 2;
        let placeholder = text.span.part(read, placeholder_chars);
        written = chars.end;
        read += placeholder_chars;
        copied = range.end;
        filled.push(Filled {
            chars,
            placeholder,
            cell: cell.span,
        });
    }
    result.push_str(&text.value[copied..]);
    (result, filled)
}

/// Each `<name>` in a text: its bytes with the brackets, and the name. `a < b > c` has none: a name has no space
/// around it.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let opens = text.match_indices('<').map(|(at, _)| at);
    opens.filter_map(|open| {
        let rest = &text[open + 1..];
        let end = rest.find(['<', '>', '\n'])?;
        let name = &rest[..end];
        let is_name = rest[end..].starts_with('>') && !name.is_empty() && name.trim() == name;
        is_name.then_some((open..open + 1 + end + 1, name))
    })
}

/// Where the text of a step, a cell or a doc string stands, to find a part of it again.
#[derive(Clone, Copy)]
pub(super) enum TextPlace<'a> {
    /// In one run, as written.
    Run(Span),
    /// With escapes: only the whole of it has a place.
    Whole(Span),
    /// On the lines below this one.
    Below(&'a Source, Span),
}

impl TextPlace<'_> {
    pub(super) fn of(self, text: &str, bytes: Range<usize>) -> Span {
        let part = &text[bytes.clone()];
        let chars = part.chars().count();
        match self {
            Self::Run(span) => span.part(text[..bytes.start].chars().count(), chars),
            Self::Whole(span) => span,
            Self::Below(source, span) => {
                let before = &text[..bytes.start];
                let line = span.line + 1 + before.matches('\n').count();
                let on_line = before.rsplit('\n').next().unwrap_or(before);
                let nth = on_line.matches(part).count();
                let found = source.line(line).match_indices(part).nth(nth);
                let column = found.map_or(1, |(at, _)| source.line(line)[..at].chars().count() + 1);
                Span { line, column, chars }
            }
        }
    }
}

/// Every text of a step that may hold placeholders.
pub(super) fn texts_of<'a>(source: &'a Source, step: &'a Step) -> Vec<(&'a str, TextPlace<'a>)> {
    let mut texts = vec![(step.text.value.as_str(), TextPlace::Run(step.text.span))];
    match &step.block {
        Block::None => {}
        Block::Table(rows) => {
            let cells = rows.iter().flat_map(|row| &row.cells);
            texts.extend(cells.map(|cell| (cell.value.as_str(), TextPlace::Whole(cell.span))));
        }
        Block::DocString(doc_string) => {
            if let Some(media_type) = &doc_string.media_type {
                texts.push((&media_type.value, TextPlace::Run(media_type.span)));
            }
            texts.push((&doc_string.content, TextPlace::Below(source, doc_string.span)));
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Pickle> {
        let document = crate::gherkin::parse("x.feature", text.as_bytes())
            .into_result()
            .expect("no diagnostics");
        expand(&document)
    }

    #[test]
    fn a_step_of_an_outline_remembers_its_placeholder_and_its_cell() {
        let pickles = read(
            "Feature: f\n  Scenario Outline: <who> waits\n    When <who> waits <time> s\n    Examples:\n      \
             | who  | time |\n      | Anna | 120  |\n      | Bo   | 7    |\n",
        );
        assert_eq!(
            pickles
                .iter()
                .map(|p| (p.name.as_str(), p.line()))
                .collect::<Vec<_>>(),
            [("Anna waits", 6), ("Bo waits", 7)]
        );
        let step = &pickles[0].steps[0];
        assert_eq!(step.text, "Anna waits 120 s");
        // `Anna`, `waits`, `120`, `s`, and everything.
        for (chars, column, length) in [
            (0..4, 10, 5),
            (5..10, 16, 5),
            (11..14, 22, 6),
            (15..16, 29, 1),
            (0..16, 10, 20),
        ] {
            let span = step.span_of(chars.clone());
            assert_eq!(
                (span.line, span.column, span.chars),
                (3, column, length),
                "{chars:?}"
            );
        }
        let shown = step
            .error(&pickles[0].source, 11..14, "expected at most 60")
            .to_string();
        assert!(
            shown.contains("--> x.feature:3:22") && shown.contains("::: x.feature:6:16"),
            "{shown}"
        );
    }

    #[test]
    fn backgrounds_come_first_and_take_no_values() {
        let pickles = read(
            "@f\nFeature: f\n  Background:\n    Given a <who>\n  @r\n  Rule: r\n    Background:\n      And b\n    \
             @s @f\n    Scenario Outline: s\n      Then c <who>\n        \"\"\"\n        <who>\n        \"\"\"\n      \
             But d\n    @e\n    Examples:\n      | who |\n      | $1  |\n",
        );
        let [pickle] = &pickles[..] else {
            panic!("one row, got {}", pickles.len())
        };
        let steps: Vec<_> = pickle
            .steps
            .iter()
            .map(|s| (s.text.as_str(), s.kind, s.is_background))
            .collect();
        assert_eq!(
            steps,
            [
                ("a <who>", StepKind::Given, true),
                ("b", StepKind::Given, true),
                ("c $1", StepKind::Then, false),
                ("d", StepKind::Then, false),
            ]
        );
        let Block::DocString(doc_string) = &pickle.steps[2].block else {
            panic!("a doc string")
        };
        assert_eq!(doc_string.content, "$1");
        assert_eq!(
            pickle
                .tags
                .iter()
                .map(|tag| tag.value.as_str())
                .collect::<Vec<_>>(),
            ["@f", "@r", "@s", "@e"]
        );
        assert_eq!(pickle.rule.as_deref(), Some("r"));
    }
}
