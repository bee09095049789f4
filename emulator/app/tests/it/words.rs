//! What it prints when nothing is wrong.

use std::process::Command;

use crate::emulator::BINARY;

fn output_of(args: &[&str]) -> String {
    let output = Command::new(BINARY).args(args).output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("it speaks UTF-8")
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_demo_says_what_to_type_and_quotes_what_needs_it() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("Ana's demo");
    let path = path.to_str().expect("it is UTF-8");
    let said = output_of(&["demo", "--dir", path]);
    let quoted_root = folder.path().display().to_string();
    snapshot("demo", &said.replace(&quoted_root, "[folder]"));
    let again = Command::new(BINARY)
        .args(["demo", "--dir", path])
        .output()
        .expect("it starts");
    assert_eq!(again.status.code(), Some(2));
    let said = String::from_utf8_lossy(&again.stderr).replace(&quoted_root, "[folder]");
    snapshot("demo-in-a-full-folder", &said);
}

#[test]
fn the_help_of_run_is_this() {
    snapshot("help-run", &output_of(&["run", "--help"]));
    let exit_codes = output_of(&["--help"]);
    snapshot("help", &exit_codes);
}

#[test]
fn it_says_its_version_and_generates_completions_and_manual_pages() {
    assert_eq!(
        output_of(&["--version"]),
        format!("hsm-emulator {}\n", program::VERSION)
    );
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            output_of(&["completions", shell]).contains("ready-file"),
            "{shell}"
        );
    }
    assert!(output_of(&["man"]).starts_with(".ie"));
    let folder = tempfile::tempdir().expect("there is room");
    output_of(&["man", "--dir", folder.path().to_str().expect("it is UTF-8")]);
    assert!(folder.path().join("hsm-emulator-run.1").exists());
}
