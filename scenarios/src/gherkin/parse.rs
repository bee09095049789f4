//! Lines to a tree. Reads on after an error as if the line had been right, so that one slip is one diagnostic. What
//! can be said of a finished tree (counts, names, columns) is in `check`.

use super::check;
use super::keyword::{BlockKeyword, step_keyword, title_with_colon, title_without_colon};
use super::line::{Line, LineKind};
use super::tree::{
    Background, Block, DocString, Document, Examples, Feature, Row, Rule, SIM_ONLY_REASON, Scenario,
    ScenarioKind, Step, StepKeyword, Text,
};
use crate::diagnostic::{Diagnostic, Source, Span};

/// Most bytes of a feature file.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// Most diagnostics of one file; after them one more says how many there were.
pub const DIAGNOSTICS_MAX: usize = 1_000;

/// What came of reading one file.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The tree, if there was a feature. To be run only when there are no diagnostics.
    pub document: Option<Document>,
    /// Everything that is wrong, in order of place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// The tree if nothing is wrong, else everything that is.
    pub fn into_result(self) -> Result<Document, Vec<Diagnostic>> {
        match self.document {
            Some(document) if self.diagnostics.is_empty() => Ok(document),
            Some(_) | None => Err(self.diagnostics),
        }
    }
}

/// Reads one feature file. `path` is only for showing.
pub fn parse(path: &str, bytes: &[u8]) -> Parsed {
    let start = Span {
        line: 1,
        column: 1,
        chars: 0,
    };
    let refuse = |diagnostic| Parsed {
        document: None,
        diagnostics: vec![diagnostic],
    };
    if bytes.len() > FILE_BYTES_MAX {
        let what = format!(
            "read feature: expected at most {FILE_BYTES_MAX} bytes, got {}",
            bytes.len()
        );
        return refuse(Source::new(path, "").error(start, what));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => return refuse(not_utf8(path, bytes, error.valid_up_to())),
    };
    let source = Source::new(path, text);
    if text.trim().is_empty() {
        return refuse(source.error(start, "expected `Feature:`, got an empty file"));
    }

    let lines = (1..=source.line_count())
        .map(|number| Line::new(number, source.line(number)))
        .collect();
    let mut parser = Parser {
        source: &source,
        lines,
        at: 0,
        comments: Vec::new(),
        tags: Vec::new(),
        errors: Vec::new(),
    };
    parser.refuse_bare_carriage_returns();
    let feature = parser.document();
    let Parser {
        comments, mut errors, ..
    } = parser;
    let document = feature.map(|feature| Document {
        source: source.clone(),
        feature,
        comments,
    });
    if let Some(document) = &document {
        check::check(document, &mut errors);
    }

    errors.sort_by_key(|error| error.place.span);
    if errors.len() > DIAGNOSTICS_MAX {
        let what = format!(
            "{} errors in one file; the first {DIAGNOSTICS_MAX} are shown",
            errors.len()
        );
        let span = errors[DIAGNOSTICS_MAX].place.span;
        errors.truncate(DIAGNOSTICS_MAX);
        errors.push(source.error(span, what));
    }
    Parsed {
        document,
        diagnostics: errors,
    }
}

fn not_utf8(path: &str, bytes: &[u8], offset: usize) -> Diagnostic {
    let valid = String::from_utf8_lossy(&bytes[..offset]);
    let line = valid.matches('\n').count() + 1;
    let column = valid.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    let what = format!(
        "read feature: expected UTF-8, got byte 0x{:02X} at byte offset {offset}",
        bytes[offset]
    );
    Source::new(path, String::from_utf8_lossy(bytes)).error(
        Span {
            line,
            column,
            chars: 1,
        },
        what,
    )
}

/// What a line that says something is, once prose and misspelt keywords are dealt with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Tags,
    Title(BlockKeyword),
    /// The keyword and its characters.
    Step(StepKeyword, usize),
    TableRow,
    DocString(&'static str),
}

/// What a description may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prose {
    /// Under `Feature:` and `Rule:`.
    Any,
    /// Under `Scenario:`, where anything else may be a step that was misspelt.
    SimOnly,
}

struct Parser<'a> {
    source: &'a Source,
    /// A line's kind is put right here when its keyword is misspelt, and made `Blank` when it was refused.
    lines: Vec<Line<'a>>,
    at: usize,
    comments: Vec<Text>,
    /// Tags read and not yet claimed by a keyword.
    tags: Vec<Text>,
    errors: Vec<Diagnostic>,
}

impl Parser<'_> {
    fn error(&mut self, span: Span, what: impl Into<String>) {
        self.errors.push(self.source.error(span, what));
    }

    /// Editors end a line at a lone CR, the official parser does not: line numbers would differ.
    fn refuse_bare_carriage_returns(&mut self) {
        for index in 0..self.lines.len() {
            let line = self.lines[index];
            if let Some(at) = line.text.chars().position(|c| c == '\r') {
                let span = Span {
                    line: line.number,
                    column: at + 1,
                    chars: 1,
                };
                self.error(span, "expected LF or CR LF at the end of a line, got a lone CR");
            }
        }
    }

    /// The next line that is not blank, a comment or refused prose, left in place; `expected` is what belongs here.
    fn peek(&mut self, expected: &str) -> Option<Part> {
        while let Some(&line) = self.lines.get(self.at) {
            match line.kind {
                LineKind::Blank => self.at += 1,
                LineKind::Comment => self.take_comment(),
                LineKind::Language => self.on_misplaced_language(),
                LineKind::Other => self.on_other(expected),
                LineKind::Tags => return Some(Part::Tags),
                LineKind::Title(keyword, _) => return Some(Part::Title(keyword)),
                LineKind::Step(keyword, chars) => return Some(Part::Step(keyword, chars)),
                LineKind::TableRow => return Some(Part::TableRow),
                LineKind::DocString(delimiter) => return Some(Part::DocString(delimiter)),
            }
        }
        None
    }

    fn take_comment(&mut self) {
        let line = self.lines[self.at];
        let (span, text) = (line.whole().span, line.text);
        self.comments.push(Text {
            span,
            value: text.to_owned(),
        });
        self.at += 1;
    }

    fn on_misplaced_language(&mut self) {
        let span = self.lines[self.at].whole().span;
        self.error(
            span,
            "misplaced `# language:`, expected it before everything else",
        );
        self.at += 1;
    }

    /// A line that is nothing known, where steps or keywords belong.
    fn on_other(&mut self, expected: &str) {
        let line = self.lines[self.at];
        let colon = title_with_colon(line.trimmed).and_then(|(_, meant)| meant);
        if let Some(meant) = colon.or_else(|| title_without_colon(line.trimmed)) {
            let written = line.start(meant.chars);
            let what = format!("expected a keyword, got `{}`", clip(&written.value));
            let label = format!("did you mean `{}:`?", meant.spelling);
            self.errors
                .push(self.source.error(written.span, what).label(label));
            self.lines[self.at].kind = LineKind::Title(meant.keyword, meant.chars);
            return;
        }
        if let Some(meant) = step_keyword(line.trimmed) {
            let written = line.start(meant.chars);
            let what = format!("expected {expected}, got `{}`", clip(&written.value));
            let mut error = self.source.error(written.span, what);
            if written.value != meant.spelling {
                error = error.label(format!("did you mean `{}`?", meant.spelling));
            } else if line.rest(meant.chars).value.is_empty() {
                error = error.label("a step says what happens");
            } else {
                error = error.label("expected one space after the keyword");
            }
            self.errors.push(error);
            self.lines[self.at].kind = LineKind::Step(meant.keyword, meant.chars);
            return;
        }
        let whole = line.whole();
        let what = format!("expected {expected}, got `{}`", clip(&whole.value));
        let help = "prose may stand only directly under `Feature:` and `Rule:`; `#` begins a comment";
        self.errors.push(self.source.error(whole.span, what).help(help));
        self.at += 1;
    }

    fn document(&mut self) -> Option<Feature> {
        self.language();
        let mut is_told = false;
        while let Some(&line) = self.lines.get(self.at) {
            match line.kind {
                LineKind::Title(BlockKeyword::Feature, _) => return Some(self.feature()),
                LineKind::Blank => self.at += 1,
                LineKind::Comment => self.take_comment(),
                LineKind::Language => self.on_misplaced_language(),
                LineKind::Tags => self.take_tags(),
                LineKind::Other
                | LineKind::Title(..)
                | LineKind::Step(..)
                | LineKind::TableRow
                | LineKind::DocString(_) => {
                    if let Some((_, Some(meant))) = title_with_colon(line.trimmed)
                        && meant.keyword == BlockKeyword::Feature
                    {
                        self.on_other("`Feature:`");
                        continue;
                    }
                    // The rest of a file that is no feature has nothing to add.
                    if !is_told {
                        let whole = line.whole();
                        self.error(
                            whole.span,
                            format!("expected `Feature:`, got `{}`", clip(&whole.value)),
                        );
                    }
                    is_told = true;
                    self.at += 1;
                }
            }
        }
        if !is_told {
            let last = self.lines.last().map_or(1, |line| line.number);
            let span = Span {
                line: last,
                column: 1,
                chars: 0,
            };
            self.error(span, "expected `Feature:`, got the end of the file");
        }
        None
    }

    /// `# language: en`, the first line that says anything, if it is there. Comments before it are comments.
    fn language(&mut self) {
        while let Some(&line) = self.lines.get(self.at) {
            match line.kind {
                LineKind::Blank => self.at += 1,
                LineKind::Comment => self.take_comment(),
                LineKind::Language => {
                    if let Some(language) = line.language().filter(|language| language.value != "en") {
                        let what = format!("expected language `en`, got `{}`", clip(&language.value));
                        let help = "scenarios are written in English";
                        self.errors
                            .push(self.source.error(language.span, what).help(help));
                    }
                    self.at += 1;
                    return;
                }
                LineKind::Tags
                | LineKind::Title(..)
                | LineKind::Step(..)
                | LineKind::TableRow
                | LineKind::DocString(_)
                | LineKind::Other => return,
            }
        }
    }

    fn take_tags(&mut self) {
        let (tags, wrong) = self.lines[self.at].tags();
        for text in wrong {
            let what = format!("expected a tag such as `@RM-07`, got `{}`", clip(&text.value));
            self.errors.push(
                self.source
                    .error(text.span, what)
                    .help("tags are separated by a space"),
            );
        }
        self.tags.extend(tags);
        self.at += 1;
    }

    fn claim_tags(&mut self) -> Vec<Text> {
        std::mem::take(&mut self.tags)
    }

    fn refuse_tags(&mut self, place: &str) {
        if let Some(tag) = self.tags.first() {
            let span = tag.span;
            self.tags.clear();
            self.error(span, format!("misplaced tag, {place}"));
        }
    }

    /// Keyword and name of a title line, which is taken.
    fn title(&mut self, chars: usize) -> (Text, Text) {
        let line = self.lines[self.at];
        self.at += 1;
        let mut keyword = line.start(chars);
        if keyword.value.ends_with([':', '：']) {
            keyword.value.pop();
            keyword.span.chars -= 1;
        }
        (keyword, line.rest(chars))
    }

    fn feature(&mut self) -> Feature {
        let tags = self.claim_tags();
        let (keyword, name) = self.current_title();
        let (description, sim_only) = self.description(Prose::Any);
        let mut feature = Feature {
            tags,
            keyword,
            name,
            description,
            sim_only,
            background: None,
            scenarios: Vec::new(),
            rules: Vec::new(),
        };
        while let Some(part) = self.peek("`Scenario:`") {
            match part {
                Part::Title(BlockKeyword::Rule) => feature.rules.push(self.rule()),
                Part::Title(BlockKeyword::Feature) => self.second_feature(&feature.keyword),
                part => self.child(part, &mut feature.background, &mut feature.scenarios),
            }
        }
        self.refuse_tags("expected a keyword after it, got the end of the file");
        feature
    }

    fn second_feature(&mut self, first: &Text) {
        self.tags.clear();
        let (keyword, _) = self.current_title();
        let error = self
            .source
            .error(keyword.span, "expected one `Feature:` in a file, got a second");
        self.errors
            .push(error.related(self.source, first.span, "the first is here"));
        self.description(Prose::Any);
    }

    fn rule(&mut self) -> Rule {
        let tags = self.claim_tags();
        let (keyword, name) = self.current_title();
        let (description, sim_only) = self.description(Prose::Any);
        let mut rule = Rule {
            tags,
            keyword,
            name,
            description,
            sim_only,
            background: None,
            scenarios: Vec::new(),
        };
        while let Some(part) = self.peek("`Scenario:`") {
            match part {
                Part::Title(BlockKeyword::Rule | BlockKeyword::Feature) => break,
                part => self.child(part, &mut rule.background, &mut rule.scenarios),
            }
        }
        rule
    }

    /// The line at hand as part of a feature or a rule. It is neither of these two.
    fn child(&mut self, part: Part, background: &mut Option<Background>, scenarios: &mut Vec<Scenario>) {
        match part {
            Part::Tags => self.take_tags(),
            Part::Title(BlockKeyword::Background) => {
                self.refuse_tags("`Background:` takes none");
                let read = self.background();
                match (background, scenarios.first()) {
                    (Some(first), _) => {
                        let error = self
                            .source
                            .error(read.keyword.span, "second `Background:`, expected one");
                        self.errors
                            .push(error.related(self.source, first.keyword.span, "the first is here"));
                    }
                    (None, Some(first)) => {
                        let what = "misplaced `Background:`, expected it before the first scenario";
                        let error = self.source.error(read.keyword.span, what);
                        self.errors
                            .push(error.related(self.source, first.span(), "the first scenario"));
                    }
                    (empty @ None, None) => *empty = Some(read),
                }
            }
            Part::Title(BlockKeyword::Scenario) => {
                let scenario = self.scenario(ScenarioKind::Plain);
                scenarios.push(scenario);
            }
            Part::Title(BlockKeyword::ScenarioOutline) => {
                let scenario = self.scenario(ScenarioKind::Outline);
                scenarios.push(scenario);
            }
            Part::Title(BlockKeyword::Examples) => {
                let examples = self.examples();
                let what = format!(
                    "misplaced `{}:`, expected it under `Scenario Outline:`",
                    examples.keyword.value
                );
                self.error(examples.keyword.span, what);
            }
            Part::Step(keyword, chars) => {
                let span = self.lines[self.at].span(0, chars);
                let what = format!("expected `Scenario:` before a step, got `{}`", keyword.as_str());
                let help = "if it is prose, begin the line with another word";
                self.errors.push(self.source.error(span, what).help(help));
                let scenario = self.nameless_scenario();
                scenarios.push(scenario);
            }
            Part::TableRow | Part::DocString(_) => self.skip_block("expected a step before it"),
            Part::Title(BlockKeyword::Feature | BlockKeyword::Rule) => {
                unreachable!("the caller takes features and rules")
            }
        }
    }

    fn current_title(&mut self) -> (Text, Text) {
        match self.lines[self.at].kind {
            LineKind::Title(_, chars) => self.title(chars),
            kind => unreachable!("called on a title, not on {kind:?}"),
        }
    }

    /// Prose, and why only the simulation can play what it stands under. What follows it is left in place.
    fn description(&mut self, allowed: Prose) -> (String, Vec<Text>) {
        let mut prose: Vec<String> = Vec::new();
        let mut sim_only = Vec::new();
        // The official parser drops blank lines before the description, but not those after a comment before it.
        let mut is_begun = false;
        while let Some(&line) = self.lines.get(self.at) {
            match line.kind {
                LineKind::Blank => {
                    if is_begun {
                        prose.push(line.text.to_owned());
                    }
                    self.at += 1;
                }
                LineKind::Comment => {
                    self.take_comment();
                    is_begun = true;
                }
                LineKind::Language => self.on_misplaced_language(),
                LineKind::Other => {
                    if line.trimmed.starts_with(SIM_ONLY_REASON) {
                        sim_only.push(Text {
                            span: line.whole().span,
                            value: line.rest(SIM_ONLY_REASON.len()).value,
                        });
                    } else if allowed == Prose::SimOnly || self.is_meant_as_keyword() {
                        break;
                    }
                    prose.push(line.text.to_owned());
                    is_begun = true;
                    self.at += 1;
                }
                LineKind::Tags
                | LineKind::Title(..)
                | LineKind::Step(..)
                | LineKind::TableRow
                | LineKind::DocString(_) => break,
            }
        }
        while prose
            .last()
            .is_some_and(|line| line.trim_matches(super::line::is_space).is_empty())
        {
            prose.pop();
        }
        (prose.join("\n"), sim_only)
    }

    /// Refuses a line of a description that may have been meant as a keyword. True when it was put right; otherwise
    /// it stays prose.
    fn is_meant_as_keyword(&mut self) -> bool {
        let line = self.lines[self.at];
        let reword = "if it is prose, begin the line with another word";
        if let Some((chars, meant)) = title_with_colon(line.trimmed) {
            let written = line.start(chars);
            let Some(meant) = meant else {
                let what = format!(
                    "expected prose, got what looks like a keyword: `{}`",
                    clip(&written.value)
                );
                let help = "no line of a description begins with a word or two and a colon; reword it";
                self.errors.push(self.source.error(written.span, what).help(help));
                return false;
            };
            let what = format!("expected a keyword, got `{}`", clip(&written.value));
            let label = format!("did you mean `{}:`?", meant.spelling);
            self.errors
                .push(self.source.error(written.span, what).label(label).help(reword));
            self.lines[self.at].kind = LineKind::Title(meant.keyword, meant.chars);
            return true;
        }
        let Some(meant) = title_without_colon(line.trimmed) else {
            return false;
        };
        let written = line.start(meant.chars);
        let what = format!(
            "expected prose or a keyword with its colon, got `{}`",
            clip(&written.value)
        );
        let label = format!("did you mean `{}:`?", meant.spelling);
        self.errors
            .push(self.source.error(written.span, what).label(label).help(reword));
        // Steps below it tell a keyword from prose.
        let below = self.lines[self.at + 1..].iter().map(|line| line.kind);
        let next = below
            .into_iter()
            .find(|kind| !matches!(kind, LineKind::Blank | LineKind::Comment));
        if !matches!(next, Some(LineKind::Step(..) | LineKind::TableRow)) {
            return false;
        }
        self.lines[self.at].kind = LineKind::Title(meant.keyword, meant.chars);
        true
    }

    fn background(&mut self) -> Background {
        let (keyword, name) = self.current_title();
        let steps = self.steps("");
        Background { keyword, name, steps }
    }

    fn scenario(&mut self, kind: ScenarioKind) -> Scenario {
        let tags = self.claim_tags();
        let (keyword, name) = self.current_title();
        let (description, sim_only) = self.description(Prose::SimOnly);
        self.body(Scenario {
            tags,
            keyword,
            kind,
            name,
            description,
            sim_only,
            steps: Vec::new(),
            examples: Vec::new(),
        })
    }

    /// Steps without a `Scenario:` line, which was already told.
    fn nameless_scenario(&mut self) -> Scenario {
        let tags = self.claim_tags();
        let place = Text {
            span: self.lines[self.at].span(0, 0),
            value: String::new(),
        };
        let (keyword, name) = (place.clone(), place);
        self.body(Scenario {
            tags,
            keyword,
            kind: ScenarioKind::Plain,
            name,
            description: String::new(),
            sim_only: Vec::new(),
            steps: Vec::new(),
            examples: Vec::new(),
        })
    }

    fn body(&mut self, mut scenario: Scenario) -> Scenario {
        scenario.steps = self.steps("");
        while let Some(part) = self.peek("a step or a keyword") {
            match part {
                Part::Title(BlockKeyword::Examples) => {
                    let examples = self.examples();
                    let is_plain = scenario.kind == ScenarioKind::Plain && !scenario.keyword.value.is_empty();
                    if is_plain && scenario.examples.is_empty() {
                        let what = format!(
                            "expected `{}:` only under `Scenario Outline:`, got it under `{}:`",
                            examples.keyword.value, scenario.keyword.value
                        );
                        let error = self.source.error(examples.keyword.span, what);
                        let label = "write `Scenario Outline:` here";
                        self.errors
                            .push(error.related(self.source, scenario.keyword.span, label));
                    }
                    scenario.examples.push(examples);
                }
                Part::Tags => self.take_tags(),
                Part::Step(..) => {
                    let steps = self.steps("misplaced step, expected it before the examples");
                    scenario.steps.extend(steps);
                }
                Part::TableRow | Part::DocString(_) => {
                    self.skip_block("expected `Examples:` before it");
                }
                Part::Title(
                    BlockKeyword::Feature
                    | BlockKeyword::Rule
                    | BlockKeyword::Background
                    | BlockKeyword::Scenario
                    | BlockKeyword::ScenarioOutline,
                ) => break,
            }
        }
        scenario
    }

    /// Steps up to the next tag or title. With `refusal`, the first of them is refused with these words.
    fn steps(&mut self, refusal: &str) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        while let Some(part) = self.peek("a step") {
            match part {
                Part::Step(keyword, chars) => {
                    let span = self.lines[self.at].span(0, chars);
                    if !refusal.is_empty() && steps.is_empty() {
                        self.error(span, refusal);
                    }
                    self.refuse_tags("a step takes none");
                    let step = self.step(keyword, chars);
                    steps.push(step);
                }
                Part::TableRow | Part::DocString(_) if steps.is_empty() => {
                    self.skip_block("expected a step before it");
                }
                Part::TableRow | Part::DocString(_) => {
                    self.skip_block("expected one table or one doc string for a step");
                }
                Part::Tags if self.are_tags_before_a_step() => self.take_tags(),
                Part::Tags | Part::Title(_) => break,
            }
        }
        steps
    }

    fn are_tags_before_a_step(&self) -> bool {
        let below = self.lines[self.at..].iter().map(|line| line.kind);
        let mut below =
            below.skip_while(|kind| matches!(kind, LineKind::Blank | LineKind::Comment | LineKind::Tags));
        matches!(below.next(), Some(LineKind::Step(..)))
    }

    fn step(&mut self, keyword: StepKeyword, chars: usize) -> Step {
        let line = self.lines[self.at];
        self.at += 1;
        let text = line.rest(chars);
        let keyword_span = line.span(0, chars);
        if text.value.is_empty() && line.trimmed.starts_with(keyword.as_str()) && line.trimmed.contains(' ') {
            self.error(
                keyword_span,
                "expected what happens after the keyword of a step, got nothing",
            );
        }
        let block = match self.peek("a step") {
            Some(Part::TableRow) => Block::Table(self.table()),
            Some(Part::DocString(delimiter)) => Block::DocString(self.doc_string(delimiter)),
            Some(Part::Tags | Part::Title(_) | Part::Step(..)) | None => Block::None,
        };
        Step {
            keyword,
            keyword_span,
            text,
            block,
        }
    }

    fn examples(&mut self) -> Examples {
        let tags = self.claim_tags();
        let (keyword, name) = self.current_title();
        let mut examples = Examples {
            tags,
            keyword,
            name,
            header: None,
            rows: Vec::new(),
        };
        if self.peek("a table row") == Some(Part::TableRow) {
            let mut rows = self.table().into_iter();
            examples.header = rows.next();
            examples.rows = rows.collect();
        }
        examples
    }

    fn table(&mut self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        while self.peek("a table row, a step or a keyword") == Some(Part::TableRow) {
            let line = self.lines[self.at];
            let whole = line.whole();
            let (cells, rest) = line.cells();
            self.at += 1;
            if !rest.value.is_empty() {
                let what = format!(
                    "expected `|` at the end of a table row, got `{}`",
                    clip(&rest.value)
                );
                self.error(rest.span, what);
            } else if cells.is_empty() {
                self.error(whole.span, "expected a cell between two `|`, got none");
            } else if let Some(first) = rows.first().filter(|first| first.cells.len() != cells.len()) {
                let what = format!("expected {} cells, got {}", first.cells.len(), cells.len());
                let error = self.source.error(whole.span, what);
                self.errors
                    .push(error.related(self.source, first.span, "the first row"));
            }
            rows.push(Row {
                span: whole.span,
                cells,
            });
        }
        rows
    }

    fn doc_string(&mut self, delimiter: &'static str) -> DocString {
        let open = self.lines[self.at];
        self.at += 1;
        let media_type = Some(open.rest(3)).filter(|text| !text.value.is_empty());
        if let Some(text) = media_type.as_ref().filter(|text| text.value.contains(['"', '`'])) {
            let what = format!(
                "expected a media type after `{delimiter}`, got `{}`",
                clip(&text.value)
            );
            let help = "the text begins on the next line and ends on a line of its own";
            self.errors.push(self.source.error(text.span, what).help(help));
        }
        let escaped: String = delimiter.chars().flat_map(|c| ['\\', c]).collect();
        let mut content: Vec<String> = Vec::new();
        let span = open.span(0, 3);
        while let Some(&line) = self.lines.get(self.at) {
            self.at += 1;
            if line.trimmed.starts_with(delimiter) {
                let rest = line.rest(3);
                if !rest.value.is_empty() {
                    let what = format!(
                        "expected nothing after the closing `{delimiter}`, got `{}`",
                        clip(&rest.value)
                    );
                    self.error(rest.span, what);
                }
                return DocString {
                    span,
                    delimiter,
                    media_type,
                    content: content.join("\n"),
                };
            }
            // Only the first escape of a line is undone; the official parser does so.
            content.push(line.without_indent(open.indent).replacen(&escaped, delimiter, 1));
        }
        self.error(
            span,
            format!("expected a closing `{delimiter}`, got the end of the file"),
        );
        DocString {
            span,
            delimiter,
            media_type,
            content: content.join("\n"),
        }
    }

    /// A table or a doc string where none belongs.
    fn skip_block(&mut self, expected: &str) {
        let line = self.lines[self.at];
        if let LineKind::DocString(delimiter) = line.kind {
            self.error(line.span(0, 3), format!("misplaced doc string, {expected}"));
            self.doc_string(delimiter);
        } else {
            self.error(line.whole().span, format!("misplaced table row, {expected}"));
            self.table();
        }
    }
}

/// As much of the file's own words as fits into a sentence.
fn clip(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
