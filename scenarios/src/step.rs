//! Which code a step means: expressions, their parameters, and what to say when none or several fit. Independent of
//! what the code does: a handler is any value.
//!
//! ```
//! use hsm_rig::step::{Argument, BlockKind, ParameterType, Registry};
//!
//! #[derive(Debug, PartialEq)]
//! enum Person { Anna, Ben }
//! let mut steps: Registry<Person, &str> = Registry::new();
//! steps.parameter(ParameterType {
//!     name: "person",
//!     regex: "[A-Z][a-z]+",
//!     description: "`Anna` or `Ben`",
//!     check: |text| match text {
//!         "Anna" => Ok(Person::Anna),
//!         "Ben" => Ok(Person::Ben),
//!         _ => Err(format!("expected `Anna` or `Ben`, got `{text}`")),
//!     },
//! });
//! steps.define("{person} waits {int} second(s)", "lets time pass", BlockKind::None, "wait");
//!
//! let found = steps.match_step("Anna waits 1 second", BlockKind::None)?;
//! assert_eq!(found.definition.handler, "wait");
//! assert_eq!(found.arguments[0].value, Argument::Value(Person::Anna));
//! assert_eq!((found.arguments[1].chars.clone(), &found.arguments[1].value), (11..12, &Argument::Int(1)));
//! # Ok::<(), hsm_rig::step::StepError>(())
//! ```

mod expression;
mod nearest;

use crate::diagnostic::{Diagnostic, Source};
use crate::gherkin::pickle::PickleStep;
use crate::gherkin::tree::Block;
use expression::Compiled;
use std::{ops::Range, panic::Location};

/// What a step takes below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Nothing.
    None,
    /// A data table.
    Table,
    /// A doc string.
    DocString,
}

impl From<&Block> for BlockKind {
    fn from(block: &Block) -> Self {
        match block {
            Block::None => Self::None,
            Block::Table(_) => Self::Table,
            Block::DocString(_) => Self::DocString,
        }
    }
}

/// A kind of argument, used in expressions as `{name}`.
pub struct ParameterType<V> {
    /// Name, letters only.
    pub name: &'static str,
    /// What it looks like: a regular expression without capturing groups.
    pub regex: &'static str,
    /// What may be written, for people: ``a time such as `2 minutes` ``.
    pub description: &'static str,
    /// The value of a text that looks like it, or why there is none: a lowercase fragment.
    pub check: fn(&str) -> Result<V, String>,
}

/// One kind of step.
pub struct Definition<H> {
    /// A Cucumber Expression.
    pub expression: &'static str,
    /// What the step does, for people.
    pub explanation: &'static str,
    /// What it takes below it.
    pub block: BlockKind,
    /// What to call.
    pub handler: H,
    /// Where it was defined.
    pub location: &'static Location<'static>,
    compiled: Compiled,
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument<V> {
    /// Of `{int}`.
    Int(i64),
    /// Of `{string}`, without its quotes.
    String(String),
    /// Of `{word}`.
    Word(String),
    /// Of a registered parameter type.
    Value(V),
}

/// An argument and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedArgument<V> {
    /// Name of its parameter type.
    pub parameter: &'static str,
    /// What it says.
    pub value: Argument<V>,
    /// Characters of the step text, from 0, quotes included.
    pub chars: Range<usize>,
}

/// A step that means exactly one definition.
pub struct Match<'r, V, H> {
    /// Its place in [`Registry::definitions`].
    pub index: usize,
    /// The definition.
    pub definition: &'r Definition<H>,
    /// The arguments in order.
    pub arguments: Vec<MatchedArgument<V>>,
}

/// Why a step means nothing. Definitions are places in [`Registry::definitions`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// No expression fits.
    Unknown {
        /// The definition that looks most like it, if one does.
        nearest: Option<usize>,
    },
    /// Several expressions fit.
    Ambiguous {
        /// All that fit.
        definitions: Vec<usize>,
    },
    /// An argument looks right and has no value.
    Argument {
        /// The definition that fits.
        definition: usize,
        /// Name of the parameter type.
        parameter: &'static str,
        /// Characters of the step text.
        chars: Range<usize>,
        /// Why.
        reason: String,
    },
    /// What hangs below the step is not what the definition takes.
    Block {
        /// The definition that fits.
        definition: usize,
        /// What it takes.
        expected: BlockKind,
        /// What came.
        got: BlockKind,
    },
}

impl std::fmt::Display for StepError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown { .. } => f.write_str("unknown step"),
            Self::Ambiguous { definitions } => {
                write!(f, "ambiguous step: {} definitions fit", definitions.len())
            }
            Self::Argument {
                parameter, reason, ..
            } => write!(f, "read `{{{parameter}}}`: {reason}"),
            Self::Block {
                expected: BlockKind::None,
                got: BlockKind::Table,
                ..
            } => f.write_str("expected nothing below this step, got a table"),
            Self::Block {
                expected: BlockKind::None,
                ..
            } => f.write_str("expected nothing below this step, got a doc string"),
            Self::Block { expected, got, .. } => {
                write!(
                    f,
                    "expected {} below this step, got {}",
                    block_name(*expected),
                    block_name(*got)
                )
            }
        }
    }
}

impl std::error::Error for StepError {}

const fn block_name(block: BlockKind) -> &'static str {
    match block {
        BlockKind::None => "nothing",
        BlockKind::Table => "a table",
        BlockKind::DocString => "a doc string",
    }
}

/// A parameter type, built in or registered.
enum Kind<V> {
    Int,
    String,
    Word,
    Value(fn(&str) -> Result<V, String>),
}

struct Parameter<V> {
    name: &'static str,
    regex: &'static str,
    description: &'static str,
    kind: Kind<V>,
}

/// Every step there is: `V` is what arguments hold, `H` what a step calls.
pub struct Registry<V, H> {
    parameters: Vec<Parameter<V>>,
    definitions: Vec<Definition<H>>,
}

impl<V, H> Default for Registry<V, H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V, H> Registry<V, H> {
    /// A registry that knows `{int}`, `{string}` and `{word}`, and no step.
    pub const fn new() -> Self {
        Self {
            parameters: Vec::new(),
            definitions: Vec::new(),
        }
    }

    /// Adds a parameter type; before the first definition that uses it.
    ///
    /// # Panics
    /// If the name is taken or the regular expression is wrong or captures: our mistake, not a user's.
    pub fn parameter(
        &mut self,
        ParameterType {
            name,
            regex,
            description,
            check,
        }: ParameterType<V>,
    ) {
        let is_taken = builtins::<V>()
            .iter()
            .chain(&self.parameters)
            .any(|known| known.name == name);
        assert!(!is_taken, "parameter type `{name}` is defined twice");
        let compiled = regex::Regex::new(regex).expect("the regular expression of a parameter type is right");
        assert_eq!(
            compiled.captures_len(),
            1,
            "parameter type `{name}` must not capture; use `(?:…)`"
        );
        self.parameters.push(Parameter {
            name,
            regex,
            description,
            kind: Kind::Value(check),
        });
    }

    /// Adds a step. Remembers the caller's file and line.
    ///
    /// # Panics
    /// If the expression is wrong, names an unknown parameter type or is there already: our mistake, not a user's.
    #[track_caller]
    pub fn define(
        &mut self,
        expression: &'static str,
        explanation: &'static str,
        block: BlockKind,
        handler: H,
    ) {
        let location = Location::caller();
        if let Some(known) = self
            .definitions
            .iter()
            .find(|known| known.expression == expression)
        {
            panic!(
                "step `{expression}` is defined at {} and at {location}",
                known.location
            );
        }
        let find = |name: &str| self.find(name).map(|parameter| (parameter.name, parameter.regex));
        let compiled =
            Compiled::new(expression, find).unwrap_or_else(|why| panic!("step `{expression}`: {why}"));
        self.definitions.push(Definition {
            expression,
            explanation,
            block,
            handler,
            location,
            compiled,
        });
    }

    /// Every definition, in the order they were added.
    pub fn definitions(&self) -> &[Definition<H>] {
        &self.definitions
    }

    /// Name and description of every parameter type, built-in ones first.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let registered = self
            .parameters
            .iter()
            .map(|parameter| (parameter.name, parameter.description));
        builtins::<V>()
            .into_iter()
            .map(|parameter| (parameter.name, parameter.description))
            .chain(registered)
    }

    /// Compiles every expression now, which is otherwise done when a step first looks like it. For a test.
    pub fn compile_all(&self) {
        for definition in &self.definitions {
            definition.compiled.regex();
        }
    }

    /// The one definition that `text` with `block` below it means.
    pub fn match_step(&self, text: &str, block: BlockKind) -> Result<Match<'_, V, H>, StepError> {
        let candidates = self.definitions.iter().enumerate();
        let fitting: Vec<usize> = candidates
            .filter(|(_, definition)| definition.compiled.is_match(text))
            .map(|(index, _)| index)
            .collect();
        let index = match fitting[..] {
            [index] => index,
            [] => {
                let expressions = self.definitions.iter().map(|definition| &definition.compiled);
                return Err(StepError::Unknown {
                    nearest: nearest::nearest(text, expressions),
                });
            }
            [..] => return Err(StepError::Ambiguous { definitions: fitting }),
        };
        let definition = &self.definitions[index];
        let arguments = self.arguments(index, text)?;
        if definition.block != block {
            return Err(StepError::Block {
                definition: index,
                expected: definition.block,
                got: block,
            });
        }
        Ok(Match {
            index,
            definition,
            arguments,
        })
    }

    /// [`match_step`](Self::match_step) for a step of a file, its error shown at its place.
    pub fn resolve(&self, source: &Source, step: &PickleStep) -> Result<Match<'_, V, H>, Diagnostic> {
        self.match_step(&step.text, BlockKind::from(&step.block))
            .map_err(|error| self.diagnose(source, step, &error))
    }

    /// An error of [`match_step`](Self::match_step) at its place in the file.
    pub fn diagnose(&self, source: &Source, step: &PickleStep, error: &StepError) -> Diagnostic {
        let all = 0..step.text.chars().count();
        let at = |chars: &Range<usize>| step.error(source, chars.clone(), error.to_string());
        let expression = |index: usize| self.definitions[index].expression;
        match error {
            StepError::Unknown { nearest: None } => at(&all).help("`hsm-rig steps` lists every step"),
            StepError::Unknown { nearest: Some(index) } => {
                let described = self.describe_parameters(*index);
                let help = if described.is_empty() {
                    "`hsm-rig steps` lists every step".to_owned()
                } else {
                    format!("{described}; `hsm-rig steps` lists every step")
                };
                at(&all)
                    .label(format!("did you mean `{}`?", expression(*index)))
                    .help(help)
            }
            StepError::Ambiguous { definitions } => {
                let all_fitting = definitions.iter().map(|&index| {
                    let Definition {
                        expression, location, ..
                    } = &self.definitions[index];
                    format!("`{expression}` ({}:{})", location.file(), location.line())
                });
                at(&all).help(all_fitting.collect::<Vec<_>>().join(", "))
            }
            StepError::Argument {
                definition, chars, ..
            } => {
                let help = self.describe_parameters(*definition);
                at(chars)
                    .label(format!("in `{}`", expression(*definition)))
                    .help(help)
            }
            StepError::Block { definition, .. } => {
                at(&all).label(format!("as in `{}`", expression(*definition)))
            }
        }
    }

    /// What may be written for each parameter of a definition.
    fn describe_parameters(&self, index: usize) -> String {
        let mut names: Vec<&str> = Vec::new();
        for name in self.definitions[index].compiled.parameters() {
            if !names.contains(name) {
                names.push(name);
            }
        }
        let described = names.iter().filter_map(|name| {
            let description = self.find(name)?.description;
            Some(format!("`{{{name}}}` is {description}"))
        });
        described.collect::<Vec<_>>().join(", ")
    }

    fn find(&self, name: &str) -> Option<Parameter<V>> {
        let copy = |known: &Parameter<V>| Parameter {
            name: known.name,
            regex: known.regex,
            description: known.description,
            kind: match known.kind {
                Kind::Int => Kind::Int,
                Kind::String => Kind::String,
                Kind::Word => Kind::Word,
                Kind::Value(check) => Kind::Value(check),
            },
        };
        let builtin = builtins().into_iter().find(|known| known.name == name);
        builtin.or_else(|| self.parameters.iter().find(|known| known.name == name).map(copy))
    }

    fn arguments(&self, index: usize, text: &str) -> Result<Vec<MatchedArgument<V>>, StepError> {
        let compiled = &self.definitions[index].compiled;
        let mut arguments = Vec::new();
        for (&parameter, bytes) in compiled.parameters().iter().zip(compiled.captures(text)) {
            let start = text[..bytes.start].chars().count();
            let chars = start..start + text[bytes.clone()].chars().count();
            let kind = self.find(parameter).expect("`define` knew it").kind;
            let value = kind.value(&text[bytes]).map_err(|reason| StepError::Argument {
                definition: index,
                parameter,
                chars: chars.clone(),
                reason,
            })?;
            arguments.push(MatchedArgument {
                parameter,
                value,
                chars,
            });
        }
        Ok(arguments)
    }
}

impl<V> Kind<V> {
    fn value(&self, text: &str) -> Result<Argument<V>, String> {
        match self {
            Self::Int => text.parse().map(Argument::Int).map_err(|_| {
                format!(
                    "expected a number from {} to {}, got `{text}`",
                    i64::MIN,
                    i64::MAX
                )
            }),
            Self::String => Ok(Argument::String(unquote(text))),
            Self::Word => Ok(Argument::Word(text.to_owned())),
            Self::Value(check) => check(text).map(Argument::Value),
        }
    }
}

/// What JavaScript's Cucumber builds in, less `{float}` and its kin: steps measure in units.
fn builtins<V>() -> [Parameter<V>; 3] {
    [
        Parameter {
            name: "int",
            regex: "-?[0-9]+",
            description: "a number such as `3`",
            kind: Kind::Int,
        },
        Parameter {
            name: "string",
            regex: r#""[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*'"#,
            description: "a text in quotes",
            kind: Kind::String,
        },
        Parameter {
            name: "word",
            regex: r"[^\s]+",
            description: "a word",
            kind: Kind::Word,
        },
    ]
}

/// A quoted text without its quotes; only the quote itself is ever escaped.
fn unquote(quoted: &str) -> String {
    let quote = &quoted[..1];
    quoted[1..quoted.len() - 1].replace(&format!("\\{quote}"), quote)
}

#[cfg(test)]
mod tests;
