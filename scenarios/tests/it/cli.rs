//! The binary as somebody types it: the built-in suite, the selectors, and with every kind of bad input what it says
//! and its exit code.

use hsm_rig::catalogue::Catalogue;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const RIGHT: &str = "\
@RM-07
Feature: the door
  @slow
  Scenario: a manager connects
    Given an HSM ready for remote management
    When Ana connects

  @AU-03
  Scenario Outline: <person> hangs up
    Given an HSM ready for remote management
    When <person> connects
    And <person> hangs up

    Examples:
      | person |
      | Ana    |
      | Bruno  |
";

/// A folder that holds `files`, each a name and what is in it.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder can be made");
        fs::write(path, bytes).expect("a file can be written");
    }
    folder
}

fn hsm_rig(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hsm-rig"))
        .current_dir(folder)
        .args(args)
        .output()
        .expect("the binary starts")
}

/// Snapshots what is said to the person, with the exit code; nothing may be on standard output.
fn check_refusal(name: &str, files: &[(&str, &[u8])], args: &[&str], code: i32) {
    let folder = folder(files);
    let output = hsm_rig(folder.path(), args);
    let said = String::from_utf8(output.stderr).expect("it speaks UTF-8");
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
    assert!(
        said.lines()
            .next()
            .is_some_and(|line| line.starts_with("error: ")),
        "{said}"
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let text = format!("$ hsm-rig {}\n{said}exit code {code}", args.join(" "));
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn a_wrong_file_is_shown_at_its_place_and_nothing_is_played() {
    let x = |text: &'static str| [("x.feature", text.as_bytes())];
    let run = ["run", "x.feature"];
    check_refusal("broken-file", &x("Scenario: no feature\n  Given a\n"), &run, 3);
    check_refusal(
        "misspelt-keyword",
        &x("Feature: f\n  Scenario: s\n    Wehn Ana connects\n"),
        &run,
        3,
    );
    check_refusal(
        "unknown-step",
        &x("Feature: f\n  Scenario: s\n    When Ana conects\n"),
        &run,
        3,
    );
    check_refusal(
        "unknown-requirement",
        &x("@RM-99\nFeature: f\n  @QM-01 @rm-7\n  Scenario: s\n    When Ana connects\n"),
        &run,
        3,
    );
    check_refusal("not-utf8", &[("x.feature", b"Feature: \xff\n")], &run, 3);
    check_refusal(
        "control-characters",
        &x("Feature: f\n  Scenario: s\n    When \u{1b}[31mAna\u{202e} connects\n"),
        &run,
        3,
    );
}

#[test]
fn every_wrong_file_is_told_at_once() {
    let files: [(&str, &[u8]); 3] = [
        (
            "a/one.feature",
            b"Feature: f\n  Scenaro: s\n    When Ana connects\n",
        ),
        ("a/right.feature", RIGHT.as_bytes()),
        (
            "a/two.feature",
            b"Feature: f\n  Scenario: s\n    When Ana conects\n",
        ),
    ];
    check_refusal("every-wrong-file", &files, &["check", "a"], 3);
}

#[test]
fn a_selection_that_matches_nothing_is_told_with_the_nearest() {
    for (name, selector) in [
        ("nothing-requirement", "RM-08"),
        ("nothing-no-requirement", "RM-99"),
        ("nothing-tag", "@slw"),
        ("nothing-name", "a manager conects"),
        ("nothing-line", "x.feature:2"),
        ("nothing-folder", "empty"),
    ] {
        let files: [(&str, &[u8]); 2] = [("x.feature", RIGHT.as_bytes()), ("empty/readme.txt", b"")];
        check_refusal(name, &files, &["run", "x.feature", selector], 4);
    }
}

#[test]
fn files_that_cannot_be_read_or_written_are_told_before_anything_is_played() {
    let right: [(&str, &[u8]); 1] = [("x.feature", RIGHT.as_bytes())];
    check_refusal("no-such-path", &right, &["run", "nowhere/y.feature"], 5);
    let junit = ["run", "x.feature", "--junit", "nowhere/junit.xml"];
    check_refusal("unwritable-junit", &right, &junit, 5);
    check_refusal(
        "unwritable-trace",
        &right,
        &["run", "x.feature", "--trace", "nowhere/trace"],
        5,
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_the_system_refuses_is_told_with_its_reason() {
    // A link to itself cannot be read by anybody, not even by root.
    let folder = folder(&[("a/x.feature", RIGHT.as_bytes())]);
    std::os::unix::fs::symlink("loop.feature", folder.path().join("a/loop.feature"))
        .expect("links can be made");
    let output = hsm_rig(folder.path(), &["run", "a"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.starts_with("error: read `a/loop.feature`: "), "{said}");
}

#[test]
fn wrong_usage_is_told_by_the_option_that_is_wrong() {
    let right: [(&str, &[u8]); 1] = [("x.feature", RIGHT.as_bytes())];
    check_refusal("jobs-zero", &right, &["run", "--jobs", "0"], 2);
    check_refusal("jobs-too-many", &right, &["run", "--jobs", "257"], 2);
    check_refusal("seed-word", &right, &["run", "--seed", "x"], 2);
    let one_file = ["run", "--junit", "report", "--trace", "report"];
    check_refusal("one-file-for-two-reports", &right, &one_file, 2);
    check_refusal("unknown-command", &right, &["chekc"], 2);
    check_refusal("empty-selector", &right, &["run", ""], 2);
}

#[test]
fn the_same_seed_gives_the_same_trace_whatever_the_jobs() {
    let folder = folder(&[("x.feature", RIGHT.as_bytes())]);
    let trace = |jobs: &str, seed: &str, selector: &str| {
        let args = [
            "run", selector, "--jobs", jobs, "--seed", seed, "--trace", "trace",
        ];
        let output = hsm_rig(folder.path(), &args);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        fs::read_to_string(folder.path().join("trace")).expect("it was written")
    };
    let first = trace("1", "7", "x.feature");
    assert_eq!(first, trace("1", "7", "x.feature"));
    assert_eq!(first, trace("8", "7", "x.feature"));
    assert_eq!(
        first,
        trace("8", "7", "."),
        "a folder is no other run than its file"
    );

    // A scenario alone is what it was among others.
    let alone = trace("1", "7", "x.feature:17");
    let (_, scenario) = alone.split_once("# x.feature:17").expect("its heading is there");
    assert!(first.ends_with(scenario), "{first}\n{alone}");
}

#[test]
fn a_run_leaves_its_reports_and_nothing_else() {
    let folder = folder(&[("x.feature", RIGHT.as_bytes())]);
    let args = ["run", "x.feature", "--junit", "junit.xml", "--trace", "trace"];
    let output = hsm_rig(folder.path(), &args);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8(output.stdout).expect("it speaks UTF-8");
    assert!(said.starts_with("scenarios  3 passed\n"), "{said}");
    assert!(said.contains("\nproved     RM-07\n           AU-03\n"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .expect("readable")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(names, ["junit.xml", "trace", "x.feature"]);
}

#[test]
fn selectors_pick_by_path_line_tag_requirement_and_name() {
    let folder = folder(&[("a/x.feature", RIGHT.as_bytes())]);
    let all = "a/x.feature:4 a/x.feature:16 a/x.feature:17";
    for (selectors, expected) in [
        (&["a"][..], all),
        (&["a", "RM-07"], all),
        (&["a", "AU-03"], "a/x.feature:16 a/x.feature:17"),
        (&["a", "@slow"], "a/x.feature:4"),
        (&["a", "BRUNO h"], "a/x.feature:17"),
        (&["a", "@slow", "bruno"], "a/x.feature:4 a/x.feature:17"),
        (&["a/x.feature:9"], "a/x.feature:16 a/x.feature:17"),
        (&["a/x.feature:5"], "a/x.feature:4"),
        (
            &["./a//x.feature:16", "a/x.feature:4"],
            "a/x.feature:4 a/x.feature:16",
        ),
    ] {
        let args: Vec<&str> = ["list", "--json"].iter().chain(selectors).copied().collect();
        let output = hsm_rig(folder.path(), &args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{selectors:?}: {said}");
        let list: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("it is JSON");
        let place =
            |it: &serde_json::Value| format!("{}:{}", it["path"].as_str().expect("a text"), it["line"]);
        let places: Vec<String> = list.iter().map(place).collect();
        assert_eq!(places.join(" "), expected, "{selectors:?}");
    }
}

#[test]
fn a_tree_is_a_line_of_json_for_each_file() {
    let folder = folder(&[("x.feature", RIGHT.as_bytes())]);
    let output = hsm_rig(folder.path(), &["check", "--tree", "x.feature"]);
    assert_eq!(output.status.code(), Some(0));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert_eq!(line["path"], "x.feature");
    assert_eq!(line["tree"]["feature"]["name"], "the door");
}

#[test]
fn the_built_in_suite_passes_and_proves_what_it_was_written_for() {
    let folder = folder(&[]);
    let output = hsm_rig(folder.path(), &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}{said}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (_, proved) = said.split_once("\nproved ").expect("something is proved");
    let (proved, _) = proved.split_once("\nnot yet ").expect("not all of it");
    let proved: Vec<&str> = proved.split_whitespace().collect();
    let areas = ["RM", "AU", "HD", "IN"];
    let in_areas = Catalogue::built_in()
        .ids()
        .filter(|id| areas.iter().any(|area| id.starts_with(area)));
    let missing = in_areas
        .chain(["NW-01", "NW-02"])
        .filter(|id| !proved.contains(id));
    let missing: Vec<&str> = missing.collect();
    assert!(missing.is_empty(), "not proved: {missing:?}");
}

#[test]
fn the_built_in_suite_leaves_the_same_trace_whatever_the_jobs() {
    let folder = folder(&[]);
    for (jobs, name) in [("1", "one"), ("8", "eight")] {
        let output = hsm_rig(folder.path(), &["run", "--jobs", jobs, "--trace", name]);
        assert_eq!(output.status.code(), Some(0));
    }
    let read = |name: &str| fs::read(folder.path().join(name)).expect("it was written");
    assert!(read("one") == read("eight"), "the traces differ");
}

#[test]
fn a_path_of_the_built_in_suite_needs_no_file_on_disk() {
    let folder = folder(&[]);
    let list = |args: &[&str]| {
        let args: Vec<&str> = ["list"].iter().chain(args).copied().collect();
        let output = hsm_rig(folder.path(), &args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        String::from_utf8(output.stdout).expect("it speaks UTF-8")
    };
    let all = list(&[]);
    assert_eq!(list(&["scenarios/suite"]), all);
    let last = all.lines().last().expect("there is a scenario");
    let (place, _) = last.split_once(' ').expect("a place comes first");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&list(&[place])), words(last));
    let (file, _) = place.rsplit_once(':').expect("a line comes last");
    assert_eq!(
        words(list(&[file]).lines().last().expect("it has scenarios")),
        words(last)
    );
}
