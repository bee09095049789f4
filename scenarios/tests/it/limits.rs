//! Each limit: at it, and one past it.

use hsm_rig::gherkin::{
    CELLS_MAX, DIAGNOSTICS_MAX, EXAMPLES_ROWS_MAX, EXPANDED_BYTES_MAX, EXPANDED_STEPS_MAX, FILE_BYTES_MAX,
    STEP_CHARS_MAX, STEPS_MAX, TAGS_MAX, parse,
};

fn check_limit(limit: usize, expected: &str, file: impl Fn(usize) -> String) {
    let at = parse("x.feature", file(limit).as_bytes()).diagnostics;
    assert!(at.is_empty(), "at the limit: {}", at[0]);
    let past = parse("x.feature", file(limit + 1).as_bytes()).diagnostics;
    let [error] = &past[..] else {
        panic!("one past the limit: {} diagnostics", past.len())
    };
    assert_eq!(error.what, expected);
}

#[test]
fn a_file_has_at_most_one_mebibyte() {
    let start = "Feature: f\n  Scenario: s\n    Given x\n#";
    check_limit(
        FILE_BYTES_MAX,
        "read feature: expected at most 1048576 bytes, got 1048577",
        |bytes| format!("{start}{}", "x".repeat(bytes - start.len())),
    );
}

#[test]
fn a_scenario_has_at_most_a_thousand_steps() {
    check_limit(
        STEPS_MAX,
        "expected at most 1000 steps in one scenario, got 1001",
        |steps| format!("Feature: f\n  Scenario: s\n{}", "    Given x\n".repeat(steps)),
    );
}

#[test]
fn a_step_has_at_most_two_thousand_characters() {
    check_limit(
        STEP_CHARS_MAX,
        "expected at most 2000 characters in a step, got 2001",
        |chars| format!("Feature: f\n  Scenario: s\n    Given {}\n", "日".repeat(chars)),
    );
}

#[test]
fn a_table_of_examples_has_at_most_ten_thousand_rows() {
    check_limit(
        EXAMPLES_ROWS_MAX,
        "expected at most 10000 rows in one table of examples, got 10001",
        |rows| {
            let rows = "|1|\n".repeat(rows);
            format!("Feature: f\nScenario Outline: s\nGiven <x>\nExamples:\n|x|\n{rows}")
        },
    );
}

#[test]
fn a_row_has_at_most_a_hundred_cells() {
    check_limit(
        CELLS_MAX,
        "expected at most 100 cells in a row, got 101",
        |cells| format!("Feature: f\nScenario: s\nGiven x\n{}|\n", "| 1 ".repeat(cells)),
    );
}

#[test]
fn an_element_has_at_most_a_hundred_tags() {
    check_limit(TAGS_MAX, "expected at most 100 tags, got 101", |tags| {
        let tags: Vec<String> = (0..tags).map(|tag| format!("@{tag}")).collect();
        format!("Feature: f\n{}\nScenario: s\nGiven x\n", tags.join(" "))
    });
}

#[test]
fn outlines_written_out_have_at_most_two_hundred_thousand_steps() {
    // Twenty steps a row, and what is left over as a plain scenario.
    let what = "expected at most 200000 steps with all outlines written out, got 200001";
    check_limit(EXPANDED_STEPS_MAX, what, |steps| {
        let (rows, left) = ((steps - 1) / 20, (steps - 1) % 20 + 1);
        let outline = "Given x<x>\n".repeat(20);
        let rows = "|1|\n".repeat(rows);
        let plain = "Given x\n".repeat(left);
        format!("Feature: f\nScenario: p\n{plain}Scenario Outline: s\n{outline}Examples:\n|x|\n{rows}")
    });
}

#[test]
fn outlines_written_out_have_at_most_64_mebibytes() {
    // One doc string of 65,536 bytes a row, less what the step and the name take.
    let file = |bytes: usize| {
        let rows = 1_024;
        let template = "<x>".len() + "s".len();
        let text = "y".repeat(bytes / rows - template - 1);
        let filler = bytes % rows;
        let value = |row: usize| if row < filler { "|12|\n" } else { "|1|\n" };
        let rows: String = (0..rows).map(value).collect();
        format!("Feature: f\nScenario Outline: s\nGiven <x>\n\"\"\"\n{text}\n\"\"\"\nExamples:\n|x|\n{rows}")
    };
    let what = "expected at most 67108864 bytes with all outlines written out, got 67108865";
    check_limit(EXPANDED_BYTES_MAX, what, file);
}

#[test]
fn a_file_of_mistakes_says_the_first_thousand_and_how_many_there_are() {
    let file = |errors: usize| {
        format!(
            "Feature: f\nScenario: s\nGiven x\n{}",
            "nonsense\n".repeat(errors)
        )
    };
    let at = parse("x.feature", file(DIAGNOSTICS_MAX).as_bytes()).diagnostics;
    assert_eq!(at.len(), DIAGNOSTICS_MAX);
    let past = parse("x.feature", file(DIAGNOSTICS_MAX + 1).as_bytes()).diagnostics;
    assert_eq!(past.len(), DIAGNOSTICS_MAX + 1);
    assert_eq!(
        past[DIAGNOSTICS_MAX].what,
        "1001 errors in one file; the first 1000 are shown"
    );
}
