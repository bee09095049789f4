//! A tree as the official parser's `GherkinDocument` message, without ids, to be compared with it. Never read back.

use super::tree::{
    Background, Block, DocString, Document, Examples, Feature, Row, Rule, Scenario, Step, StepKeyword, Text,
};
use crate::diagnostic::{Source, Span};
use serde_json::{Value, json};

/// The `GherkinDocument` message that the official parser makes of the same file, less `id`s and `uri`. Keys whose
/// value is undefined there are left out.
pub fn tree_json(document: &Document) -> Value {
    let json = Json {
        source: &document.source,
    };
    // The official parser keeps the whole line of a comment and calls that column 1.
    let comment =
        |text: &Text| json!({ "location": { "line": text.span.line, "column": 1 }, "text": text.value });
    json!({
        "feature": json.feature(&document.feature),
        "comments": document.comments.iter().map(comment).collect::<Vec<_>>(),
    })
}

struct Json<'a> {
    source: &'a Source,
}

impl Json<'_> {
    fn feature(&self, feature: &Feature) -> Value {
        let Feature {
            tags,
            keyword,
            name,
            description,
            sim_only: _,
            background,
            scenarios,
            rules,
        } = feature;
        let mut children = self.children(background.as_ref(), scenarios);
        children.extend(rules.iter().map(|rule| json!({ "rule": self.rule(rule) })));
        json!({
            "tags": all(tags, tag), "location": location(keyword.span), "language": "en",
            "keyword": keyword.value, "name": name.value, "description": description, "children": children,
        })
    }

    fn rule(&self, rule: &Rule) -> Value {
        let Rule {
            tags,
            keyword,
            name,
            description,
            sim_only: _,
            background,
            scenarios,
        } = rule;
        json!({
            "tags": all(tags, tag), "location": location(keyword.span), "keyword": keyword.value,
            "name": name.value, "description": description,
            "children": self.children(background.as_ref(), scenarios),
        })
    }

    fn children(&self, background: Option<&Background>, scenarios: &[Scenario]) -> Vec<Value> {
        let background = background.map(|background| json!({ "background": self.background(background) }));
        let scenarios = scenarios
            .iter()
            .map(|scenario| json!({ "scenario": self.scenario(scenario) }));
        background.into_iter().chain(scenarios).collect()
    }

    fn background(&self, Background { keyword, name, steps }: &Background) -> Value {
        json!({
            "location": location(keyword.span), "keyword": keyword.value, "name": name.value, "description": "",
            "steps": all(steps, |step| self.step(step)),
        })
    }

    fn scenario(&self, scenario: &Scenario) -> Value {
        let Scenario {
            tags,
            keyword,
            kind: _,
            name,
            description,
            sim_only: _,
            steps,
            examples,
        } = scenario;
        json!({
            "tags": all(tags, tag), "location": location(keyword.span), "keyword": keyword.value,
            "name": name.value, "description": description, "steps": all(steps, |step| self.step(step)),
            "examples": all(examples, |examples| self.examples(examples)),
        })
    }

    fn examples(
        &self,
        Examples {
            tags,
            keyword,
            name,
            header,
            rows,
        }: &Examples,
    ) -> Value {
        let mut value = json!({
            "tags": all(tags, tag), "location": location(keyword.span), "keyword": keyword.value,
            "name": name.value, "description": "", "tableBody": all(rows, |row| self.row(row)),
        });
        if let Some(header) = header {
            value["tableHeader"] = self.row(header);
        }
        value
    }

    fn step(
        &self,
        Step {
            keyword,
            keyword_span,
            text,
            block,
        }: &Step,
    ) -> Value {
        let kind = match keyword {
            StepKeyword::Given => "Context",
            StepKeyword::When => "Action",
            StepKeyword::Then => "Outcome",
            StepKeyword::And | StepKeyword::But => "Conjunction",
            StepKeyword::Star => "Unknown",
        };
        let mut value = json!({
            "location": location(*keyword_span), "keyword": format!("{} ", keyword.as_str()),
            "keywordType": kind, "text": text.value,
        });
        match block {
            Block::None => {}
            Block::Table(rows) => {
                let place = rows.first().map_or(*keyword_span, |row| row.span);
                value["dataTable"] = json!({
                    "location": location(place), "rows": all(rows, |row| self.row(row)),
                });
            }
            Block::DocString(DocString {
                span,
                delimiter,
                media_type,
                content,
            }) => {
                value["docString"] = json!({
                    "location": location(*span), "content": content, "delimiter": delimiter,
                });
                if let Some(media_type) = media_type {
                    value["docString"]["mediaType"] = json!(media_type.value);
                }
            }
        }
        value
    }

    fn row(&self, Row { span, cells }: &Row) -> Value {
        json!({ "location": location(*span), "cells": all(cells, |cell| self.cell(cell)) })
    }

    /// Columns of cells, and only these, count UTF-16 units there.
    fn cell(&self, Text { span, value }: &Text) -> Value {
        let before = self.source.line(span.line).chars().take(span.column - 1);
        let surrogates = before.filter(|c| c.len_utf16() > 1).count();
        json!({ "location": { "line": span.line, "column": span.column + surrogates }, "value": value })
    }
}

fn all<T>(items: &[T], each: impl Fn(&T) -> Value) -> Vec<Value> {
    items.iter().map(each).collect()
}

fn tag(Text { span, value }: &Text) -> Value {
    json!({ "location": location(*span), "name": value })
}

fn location(span: Span) -> Value {
    json!({ "line": span.line, "column": span.column })
}
