//! No text makes the parser panic, and what it refuses has a place in the text.

use hsm_rig::gherkin::{parse, pickle::expand, tree_json};
use proptest::prelude::*;

fn check_survives(bytes: &[u8]) {
    let parsed = parse("x.feature", bytes);
    let lines = bytes.split(|&byte| byte == b'\n').count();
    for error in &parsed.diagnostics {
        assert!((1..=lines).contains(&error.place.span.line), "{error}");
        assert!(error.place.span.column >= 1, "{error}");
        // As many lines, whatever the file says.
        assert!(error.to_string().lines().count() <= 10, "{error}");
    }
    let is_sorted = parsed.diagnostics.is_sorted_by_key(|error| error.place.span);
    assert!(is_sorted || parsed.diagnostics.len() > hsm_rig::gherkin::DIAGNOSTICS_MAX);
    assert!(parsed.document.is_some() || !parsed.diagnostics.is_empty());
    if let Ok(document) = parsed.into_result() {
        tree_json(&document);
        assert!(
            !expand(&document).is_empty(),
            "a file without mistakes has a scenario"
        );
    }
}

/// Lines that have a meaning somewhere.
fn line() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "Feature: f",
        "Rule: r",
        "Background:",
        "Scenario: s",
        "Scenario Outline: <a>",
        "Examples:",
        "Given x",
        "When <a>",
        "* y",
        "@t @u",
        "@",
        "| a |",
        "| a | b |",
        "| \\",
        "\"\"\"",
        "```json",
        "# c",
        "# language: en",
        "# language: fr",
        "",
        "   ",
        "Scenaro: x",
        "Gven x",
        "prose",
        "Note: x",
        "Example",
        "\u{feff}",
        "\r",
        "|",
    ]);
    (
        "[ \t]{0,3}",
        prop_oneof![9 => known.prop_map(str::to_owned), 1 => "\\PC{0,12}"],
    )
        .prop_map(|(indent, line)| indent + &line)
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_survives(&bytes);
    }

    #[test]
    fn any_text(text in "(?s).{0,200}") {
        check_survives(text.as_bytes());
    }

    #[test]
    fn any_lines(lines in prop::collection::vec(line(), 0..25), end in prop::sample::select(vec!["\n", "\r\n"])) {
        check_survives(lines.join(end).as_bytes());
    }

    #[test]
    fn any_change_of_a_good_file(at in 0.0..1.0_f64, length in 0_usize..30, new in "(?s).{0,5}") {
        for (_, _, bytes) in super::corpus("ok") {
            let text = String::from_utf8(bytes).expect("the corpus is UTF-8");
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
                reason = "a place anywhere in the file, exact or not")]
            let at = text.floor_char_boundary((text.len() as f64 * at) as usize);
            let end = text.ceil_char_boundary((at + length).min(text.len()));
            check_survives(format!("{}{new}{}", &text[..at], &text[end..]).as_bytes());
        }
    }
}
