//! Steps as a custodian would write and miswrite them.

use super::*;
use crate::gherkin::{self, pickle::expand};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Person(String),
    Duration(Duration),
}

fn registry() -> Registry<Value, u8> {
    let mut steps = Registry::new();
    steps.parameter(ParameterType {
        name: "person",
        regex: "Anna|Ben|Carla",
        description: "one of `Anna`, `Ben`, `Carla`",
        check: |text| Ok(Value::Person(text.to_owned())),
    });
    steps.parameter(ParameterType {
        name: "duration",
        regex: r"[0-9]+ (?:seconds?|minutes?)",
        description: "a time such as `2 minutes`",
        check: |text| {
            let (count, _) = text.split_once(' ').expect("the regular expression has a space");
            let count = count
                .parse()
                .map_err(|_| format!("expected a shorter time, got `{text}`"))?;
            Ok(Value::Duration(Duration::from_secs(count)))
        },
    });
    steps.define("{person} connects", "opens a session", BlockKind::None, 1);
    steps.define("{person} waits {duration}", "lets time pass", BlockKind::None, 2);
    steps.define(
        "{person} sees {string}",
        "looks at the screen",
        BlockKind::None,
        3,
    );
    steps.define(
        "{person} is denied/refused with code {int}",
        "the device says no",
        BlockKind::None,
        4,
    );
    steps.define(
        "the device has (the )log line(s)",
        "reads the audit log",
        BlockKind::Table,
        5,
    );
    steps.define("the screen shows", "compares the screen", BlockKind::DocString, 6);
    steps.define(
        "the {word} is removed",
        "takes something away",
        BlockKind::None,
        7,
    );
    steps.define("the card is {word}", "does it to the card", BlockKind::None, 8);
    steps.define("the line ends \\(soon)", "parentheses", BlockKind::None, 9);
    steps
}

fn check_nearest(text: &str, expected: Option<&str>) {
    let steps = registry();
    let Err(StepError::Unknown { nearest }) = steps.match_step(text, BlockKind::None) else {
        panic!("`{text}` is known");
    };
    assert_eq!(
        nearest.map(|index| steps.definitions()[index].expression),
        expected,
        "{text}"
    );
}

#[test]
fn the_nearest_step_is_suggested() {
    check_nearest("Anna conects", Some("{person} connects"));
    check_nearest("Dora connects", Some("{person} connects"));
    check_nearest("Anna connect", Some("{person} connects"));
    check_nearest("anna connects", Some("{person} connects"));
    check_nearest("Anna waits two minutes", Some("{person} waits {duration}"));
    check_nearest("Anna wait 2 minutes", Some("{person} waits {duration}"));
    check_nearest("Anna sees \"a b c", Some("{person} sees {string}"));
    check_nearest("Anna seees \"connects\"", Some("{person} sees {string}"));
    check_nearest(
        "Ben is refusd with code 7",
        Some("{person} is denied/refused with code {int}"),
    );
    check_nearest(
        "the device has a log line",
        Some("the device has (the )log line(s)"),
    );
    check_nearest("the cart is inserted x", Some("the card is {word}"));
    check_nearest("pigs fly over the moon at night", None);
    check_nearest("", None);
    check_nearest(&"x".repeat(100_000), None);
}

#[test]
fn arguments_have_their_values_and_places() {
    let steps = registry();
    let found = steps
        .match_step(r#"Carla sees "say \"ü\"""#, BlockKind::None)
        .expect("known");
    assert_eq!(found.index, 2);
    assert_eq!(found.arguments[0].chars, 0..5);
    assert_eq!(found.arguments[1].chars, 11..22);
    assert_eq!(found.arguments[1].value, Argument::String("say \"ü\"".to_owned()));
    let found = steps
        .match_step("Ben is refused with code -7", BlockKind::None)
        .expect("known");
    assert_eq!(found.arguments[1].value, Argument::Int(-7));
    let found = steps
        .match_step("Ben waits 1 minute", BlockKind::None)
        .expect("known");
    assert_eq!(
        found.arguments[1].value,
        Argument::Value(Value::Duration(Duration::from_secs(1)))
    );
    assert!(steps.match_step("the line ends (soon)", BlockKind::None).is_ok());
    assert!(
        steps
            .match_step("the device has the log lines", BlockKind::Table)
            .is_ok()
    );
}

#[test]
fn an_expression_fits_the_whole_text_or_not_at_all() {
    let steps = registry();
    for text in [
        "Anna connects ",
        " Anna connects",
        "Anna connects\n",
        "Anna connects again",
        "xAnna connects",
    ] {
        assert!(
            matches!(
                steps.match_step(text, BlockKind::None),
                Err(StepError::Unknown { .. })
            ),
            "{text:?}"
        );
    }
}

#[test]
fn every_expression_can_be_compiled() {
    registry().compile_all();
}

#[test]
fn errors_are_shown_under_the_step() {
    let text = "\
Feature: f
  Scenario Outline: s
    When Anna conects
    And the card is removed
    And the screen shows
    And Anna connects
      | a |
    And <who> waits <time> minutes
    Then pigs might fly over <who>
    Examples:
      | who  | time                 |
      | Anna | 99999999999999999999 |
";
    let steps = registry();
    let document = gherkin::parse("x.feature", text.as_bytes())
        .into_result()
        .expect("no diagnostics");
    let pickles = expand(&document);
    let errors = pickles[0]
        .steps
        .iter()
        .filter_map(|step| steps.resolve(&document.source, step).err());
    let shown = errors
        .map(|error| error.to_string())
        .collect::<Vec<_>>()
        .join("\n");
    // Where a step is defined moves with this file.
    let places = regex::Regex::new(r"tests\.rs:[0-9]+").expect("right");
    insta::assert_snapshot!(places.replace_all(&shown, "tests.rs:…"));
}

#[test]
#[should_panic(expected = "unknown parameter type `{persn}`")]
fn an_expression_with_an_unknown_parameter_is_our_mistake() {
    registry().define("{persn} leaves", "", BlockKind::None, 0);
}

#[test]
#[should_panic(expected = "step `{person} connects` is defined at")]
fn a_step_is_defined_once() {
    registry().define("{person} connects", "", BlockKind::None, 0);
}
