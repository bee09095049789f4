//! What a feature file says, each part with its place. Holds what was written; what it means for a run is in
//! [`pickle`](super::pickle).

use crate::diagnostic::{Source, Span};

/// The tag of what only the simulation can play.
pub const SIM_ONLY: &str = "@sim-only";

/// What the line of a description begins with that says why.
pub const SIM_ONLY_REASON: &str = "Simulation only:";

/// A piece of the text and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Where.
    pub span: Span,
    /// What it says, escapes undone.
    pub value: String,
}

/// One feature file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file as read.
    pub source: Source,
    /// Its one feature.
    pub feature: Feature,
    /// Comments in order, each the whole line as written. `# language: en` is not one, nor what follows tags.
    pub comments: Vec<Text>,
}

/// `Feature:` and everything under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Each with its `@`.
    pub tags: Vec<Text>,
    /// `Feature`, `Ability` or `Business Need`.
    pub keyword: Text,
    /// What follows the colon.
    pub name: Text,
    /// Prose, lines as written, without blank lines around it.
    pub description: String,
    /// What follows `Simulation only:` in the description, and where the line stands.
    pub sim_only: Vec<Text>,
    /// Steps before each scenario of the file.
    pub background: Option<Background>,
    /// Scenarios outside any rule; they all stand before the first rule.
    pub scenarios: Vec<Scenario>,
    /// Rules.
    pub rules: Vec<Rule>,
}

/// `Rule:` and everything under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Each with its `@`.
    pub tags: Vec<Text>,
    /// `Rule`.
    pub keyword: Text,
    /// What follows the colon.
    pub name: Text,
    /// Prose, lines as written, without blank lines around it.
    pub description: String,
    /// What follows `Simulation only:` in the description, and where the line stands.
    pub sim_only: Vec<Text>,
    /// Steps before each scenario of the rule, after those of the feature.
    pub background: Option<Background>,
    /// Scenarios of this rule.
    pub scenarios: Vec<Scenario>,
}

/// `Background:` and its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Background {
    /// `Background`.
    pub keyword: Text,
    /// What follows the colon, often nothing.
    pub name: Text,
    /// Steps.
    pub steps: Vec<Step>,
}

/// Whether a scenario runs once or once for each example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScenarioKind {
    /// `Scenario:` or `Example:`.
    Plain,
    /// `Scenario Outline:` or `Scenario Template:`.
    Outline,
}

/// `Scenario:` or `Scenario Outline:` and everything under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Each with its `@`.
    pub tags: Vec<Text>,
    /// The keyword as written.
    pub keyword: Text,
    /// What the keyword makes it.
    pub kind: ScenarioKind,
    /// What follows the colon.
    pub name: Text,
    /// Nothing, or why only the simulation can play it, the line as written.
    pub description: String,
    /// What follows `Simulation only:` in the description, and where the line stands.
    pub sim_only: Vec<Text>,
    /// Steps.
    pub steps: Vec<Step>,
    /// Tables of examples; only an outline has them.
    pub examples: Vec<Examples>,
}

/// `Examples:` and its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examples {
    /// Each with its `@`.
    pub tags: Vec<Text>,
    /// `Examples` or `Scenarios`.
    pub keyword: Text,
    /// What follows the colon, often nothing.
    pub name: Text,
    /// Column names; `None` only where a diagnostic says that the table is missing.
    pub header: Option<Row>,
    /// One row for each run of the outline.
    pub rows: Vec<Row>,
}

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// From the first `|` to the last.
    pub span: Span,
    /// Cells without the space around them; an empty cell's place is that of the `|` after it.
    pub cells: Vec<Text>,
}

/// The word a step begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKeyword {
    /// `Given`
    Given,
    /// `When`
    When,
    /// `Then`
    Then,
    /// `And`
    And,
    /// `But`
    But,
    /// `*`
    Star,
}

impl StepKeyword {
    /// Every step keyword.
    pub const ALL: [Self; 6] = [
        Self::Given,
        Self::When,
        Self::Then,
        Self::And,
        Self::But,
        Self::Star,
    ];

    /// The keyword as written, without the space after it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Given => "Given",
            Self::When => "When",
            Self::Then => "Then",
            Self::And => "And",
            Self::But => "But",
            Self::Star => "*",
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The keyword.
    pub keyword: StepKeyword,
    /// Where the keyword stands.
    pub keyword_span: Span,
    /// What follows it.
    pub text: Text,
    /// What hangs below it.
    pub block: Block,
}

/// What hangs below a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Nothing.
    None,
    /// Rows of equal length, at least one.
    Table(Vec<Row>),
    /// A text over several lines.
    DocString(DocString),
}

/// A text over several lines between `"""` or three backticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocString {
    /// The opening delimiter.
    pub span: Span,
    /// `"""` or three backticks.
    pub delimiter: &'static str,
    /// What follows the opening delimiter.
    pub media_type: Option<Text>,
    /// The lines, less the indentation of the opening delimiter, joined by LF.
    pub content: String,
}

impl Scenario {
    /// Where the scenario begins: its keyword and name.
    pub fn span(&self) -> Span {
        let end = self.name.span.column + self.name.span.chars;
        Span {
            chars: end.saturating_sub(self.keyword.span.column),
            ..self.keyword.span
        }
    }
}
