//! Lane `process`, from outside: the real runner with the real programs. What is awaited is an event; whatever a test
//! leaves running, it says so.

mod kills;
mod there;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

/// Builds the programs, as this test was built. Cargo gives a test only the programs of its own package.
fn programs() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "-p",
                "hsm-emulator",
                "-p",
                "hsm-client-app",
                "-p",
                "virtual-card",
            ])
            .args((!cfg!(debug_assertions)).then_some("--release"))
            .current_dir(repository())
            .status();
        assert!(
            built.expect("cargo runs this test").success(),
            "the programs are built"
        );
    });
    let rig = Path::new(env!("CARGO_BIN_EXE_hsm-rig"));
    rig.parent().expect("a folder of the programs").to_owned()
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rig(arguments: &[&str]) -> Output {
    let _ = programs();
    let output = Command::new(env!("CARGO_BIN_EXE_hsm-rig"))
        .arg("run")
        .args(arguments)
        .current_dir(repository())
        .output();
    output.expect("the runner starts")
}

fn told(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn what_is_simulated_holds_for_the_real_programs() {
    let compared = rig(&[
        "scenarios/suite/agreement",
        "--compare",
        "sim,process",
        "--jobs",
        "4",
    ]);
    let text = told(&compared);
    assert!(compared.status.success(), "{text}");
    assert!(
        text.contains("the same   13\n") && text.contains("differing  0\n"),
        "{text}"
    );
}

#[test]
fn a_client_that_lies_is_found_by_the_comparison_with_its_step() {
    let folder = tempfile::tempdir().expect("room for a folder");
    let liar = folder.path().join("liar");
    let client = programs().join("hsm-client");
    let script = format!(
        "\"{}\" station | sed -u 's/\"presented\":1/\"presented\":2/'\n",
        client.display()
    );
    fs::write(&liar, script).expect("room for a file");
    let file = folder.path().join("first.feature");
    let scenario = "Feature: first\n  Scenario: the first of two\n    Given an HSM ready for remote management\n    \
                    When Ana connects and authenticates\n    Then Ana is intermediary custodian 1 of 2\n";
    fs::write(&file, scenario).expect("room for a file");
    let client = format!("sh {}", liar.display());
    let path = file.display().to_string();
    let compared = rig(&[&path, "--compare", "sim,process", "--client", &client]);
    let text = told(&compared);
    assert_eq!(compared.status.code(), Some(1), "{text}");
    for line in [
        "first.feature:2 the first of two",
        "  line 5: Ana is intermediary custodian 1 of 2",
        "    sim: it holds",
        "    process: it got 2",
        "differing  1",
    ] {
        assert!(text.contains(line), "expected {line:?} in\n{text}");
    }
}

#[test]
fn a_client_that_is_not_ours_takes_the_place_of_ours() {
    let client = format!("python3 docs/examples/station.py {}", programs().display());
    let played = rig(&[
        "scenarios/suite/custodians",
        "--lane",
        "process",
        "--jobs",
        "4",
        "--client",
        &client,
    ]);
    assert!(played.status.success(), "{}", told(&played));
}

#[test]
fn what_the_lane_cannot_do_is_skipped_with_the_reason_and_counted() {
    let folder = tempfile::tempdir().expect("room for a folder");
    let file = folder.path().join("both.feature");
    let scenario = "Feature: both\n  Scenario: a card and an HSM\n    Given an HSM ready for remote management\n    \
                    And the card has no shadow\n  @sim-only\n  Scenario: a mark\n    Simulation only: it is so here\n    \
                    Given an HSM ready for remote management\n";
    fs::write(&file, scenario).expect("room for a file");
    let junit = folder.path().join("junit.xml");
    let (path, junit_path) = (file.display().to_string(), junit.display().to_string());
    let played = rig(&[&path, "--lane", "process", "--junit", &junit_path]);
    let text = told(&played);
    assert_eq!(played.status.code(), Some(4), "{text}");
    for reason in [
        "1: the lane process has no hand for: the card has no shadow",
        "1: `@sim-only`: it is so here",
    ] {
        assert!(text.contains(reason), "{text}");
    }
    let junit = fs::read_to_string(junit).expect("a report");
    assert!(
        junit.contains("<property name=\"lane\" value=\"process\"/>"),
        "{junit}"
    );
    assert!(junit.contains("skipped"), "{junit}");
}

#[test]
fn without_the_programs_the_lane_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("room for a folder");
    let path = folder.path().display().to_string();
    let played = rig(&["RM-07", "--lane", "process", "--programs", &path]);
    let text = told(&played);
    assert_eq!(played.status.code(), Some(2), "{text}");
    assert!(text.contains("hsm-emulator`, got nothing there"), "{text}");
}
