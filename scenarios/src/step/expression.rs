//! One Cucumber Expression: its literal parts, its parameters, and the regular expression made when first needed.
//!
//! Making a regular expression costs more than everything else at start-up, so a text is first held against the
//! literal parts; few expressions of a registry are ever made for one run.

use cucumber_expressions::{Alternative, Expression, SingleExpression, Spanned};
use regex::Regex;
use std::{collections::BTreeMap, ops::Range, sync::OnceLock};

/// Most ways of writing one expression that are compared with an unknown step.
const VARIANTS_MAX: usize = 16;

/// A part of one way of writing an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Parameter,
}

pub(super) struct Compiled {
    expression: &'static str,
    parameters: Vec<&'static str>,
    /// What any matching text contains, in this order.
    literals: Vec<String>,
    variants: Vec<Vec<Part>>,
    regexes: BTreeMap<&'static str, &'static str>,
    regex: OnceLock<Regex>,
}

impl Compiled {
    /// `find` gives name and regular expression of a parameter type.
    pub(super) fn new(
        expression: &'static str,
        find: impl Fn(&str) -> Option<(&'static str, &'static str)>,
    ) -> Result<Self, String> {
        let tree = Expression::parse(expression).map_err(|error| error.to_string())?;
        let (mut parameters, mut literals) = (Vec::new(), vec![String::new()]);
        let mut variants: Vec<Vec<Part>> = vec![Vec::new()];
        let mut regexes = BTreeMap::new();
        for part in tree.iter() {
            // What may stand here: one of several texts, or a parameter.
            let texts = match part {
                SingleExpression::Text(text) | SingleExpression::Whitespaces(text) => vec![unescape(text)],
                SingleExpression::Optional(text) => vec![unescape(text), String::new()],
                SingleExpression::Alternation(alternation) => {
                    alternation.iter().map(|one| alternative(one)).collect()
                }
                SingleExpression::Parameter(parameter) => {
                    let name: &str = parameter.input.fragment();
                    let (name, regex) =
                        find(name).ok_or_else(|| format!("unknown parameter type `{{{name}}}`"))?;
                    parameters.push(name);
                    regexes.insert(name, regex);
                    literals.push(String::new());
                    for variant in &mut variants {
                        variant.push(Part::Parameter);
                    }
                    continue;
                }
            };
            match &texts[..] {
                [only] => literals.last_mut().expect("it began with one").push_str(only),
                _ => literals.push(String::new()),
            }
            let longer = variants.iter().flat_map(|variant| {
                texts.iter().map(|text| {
                    let mut variant = variant.clone();
                    match variant.last_mut() {
                        Some(Part::Literal(last)) => last.push_str(text),
                        Some(Part::Parameter) | None => variant.push(Part::Literal(text.clone())),
                    }
                    variant
                })
            });
            variants = longer.take(VARIANTS_MAX).collect();
        }
        literals.retain(|literal| !literal.is_empty());
        Ok(Self {
            expression,
            parameters,
            literals,
            variants,
            regexes,
            regex: OnceLock::new(),
        })
    }

    pub(super) fn parameters(&self) -> &[&'static str] {
        &self.parameters
    }

    pub(super) fn variants(&self) -> &[Vec<Part>] {
        &self.variants
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        let mut rest = text;
        for literal in &self.literals {
            let Some(at) = rest.find(literal) else {
                return false;
            };
            rest = &rest[at + literal.len()..];
        }
        self.regex().is_match(text)
    }

    /// Bytes of each argument in order; empty when the text does not match.
    pub(super) fn captures(&self, text: &str) -> Vec<Range<usize>> {
        let Some(captures) = self.regex().captures(text) else {
            return Vec::new();
        };
        captures
            .iter()
            .skip(1)
            .flatten()
            .map(|capture| capture.range())
            .collect()
    }

    pub(super) fn regex(&self) -> &Regex {
        self.regex.get_or_init(|| {
            let parameters: std::collections::HashMap<_, _> =
                self.regexes.iter().map(|(k, v)| (*k, *v)).collect();
            Expression::regex_with_parameters(self.expression, &parameters)
                .expect("`new` read the expression, and parameter types are checked when they are registered")
        })
    }
}

fn alternative(parts: &[Alternative<Spanned<'_>>]) -> String {
    let text = |part: &Alternative<Spanned<'_>>| match part {
        Alternative::Text(text) => unescape(text),
        // Longest way of writing it; only ever compared loosely.
        Alternative::Optional(text) => unescape(text),
    };
    parts.iter().map(text).collect()
}

/// A literal part of an expression without the backslashes before its special characters.
fn unescape(text: &str) -> String {
    let mut result = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        result.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    result
}
