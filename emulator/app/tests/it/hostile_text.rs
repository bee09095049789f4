//! A label that would break lines, hide what stands beside it or command a terminal: one escaped line wherever the
//! emulator shows it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    custodian::present,
    emulator::{BINARY, Emulator, demo},
    hand::{Bench, card, run_with_bench},
    manager::Manager,
};

/// A bar, both line breaks, an escape sequence, bidirectional controls, a line separator, the escape character itself.
const LABEL: &str = "An|a\r\n\u{1b}[2J\u{202e}b\u{2066}\u{2028}\\u{7c}";
const SHOWN: &str = r"An\u{7c}a\u{d}\u{a}\u{1b}[2J\u{202e}b\u{2066}\u{2028}\u{5c}u{7c}";

/// Ana's card with this label.
fn relabel(folder: &Path) -> PathBuf {
    let path = card(folder, "ana");
    let text = fs::read_to_string(&path).expect("the demo made it");
    let lines = text.lines().map(|line| match line.split_once(" = ") {
        Some(("label_len", _)) => format!("label_len = {}\n", LABEL.len()),
        Some(("label", _)) => format!("label = \"{}\"\n", apdu::hex::encode(LABEL.as_bytes())),
        _ => format!("{line}\n"),
    });
    fs::write(&path, lines.collect::<String>()).expect("there is room");
    path
}

/// The lines that tell of a label: each whole, with nothing in it that a terminal would obey.
fn check_lines<'t>(what: &str, lines: impl Iterator<Item = &'t str>, times: usize) {
    let told: Vec<_> = lines.filter(|line| line.contains("label An")).collect();
    assert_eq!(told.len(), times, "{what}: {told:#?}");
    for line in told {
        let (_, behind) = line.split_once("label ").expect("it was found");
        assert!(
            behind.starts_with(&format!("{SHOWN}: accepted, 1 of 2")),
            "{what}: {line}"
        );
        assert!(!line.chars().any(program::is_unseen), "{what}: {line}");
    }
}

//= LG-03
#[test]
fn a_label_is_one_escaped_line_wherever_it_is_told() {
    for format in ["text", "json"] {
        let folder = demo();
        let ana = relabel(folder.path());
        let command = run_with_bench(folder.path(), &["--clock", "manual", "--log-format", format]);
        let mut emulator = Emulator::spawn(folder.path(), command);
        emulator.wait_for("ready: ");
        let mut bench = Bench::of(emulator, folder.path());
        // Once remotely, once at the console.
        let mut manager = Manager::connect(bench.emulator.address());
        let outcome = present(&mut manager, &ana);
        assert_eq!(outcome["result"]["outcome"], "intermediary", "{outcome}");
        bench.keys(&["Esc"]);
        bench.insert(&ana);
        bench.type_text("12345678");
        bench.keys(&["Enter"]);

        let screen = bench.screen();
        assert_eq!(screen.lines().count(), 25, "{screen}");
        assert!(screen.lines().all(|line| line.chars().count() == 80), "{screen}");
        assert!(
            !screen
                .chars()
                .any(|character| character != '\n' && program::is_unseen(character))
        );

        let events = bench.ask("GET", "/v1/events", &Value::Null).json();
        let events: Vec<_> = events
            .as_array()
            .expect("a list")
            .iter()
            .map(|event| &event["line"])
            .collect();
        check_lines(
            "events of the bench",
            events.iter().filter_map(|line| line.as_str()),
            2,
        );
        let told = bench.shell(&["events", "--from", "0"]);
        let told = String::from_utf8(told.stdout).expect("text");
        check_lines("`bench events`", told.lines(), 2);

        bench.emulator.signal("-TERM");
        assert!(bench.emulator.end().success());
        let said = &bench.emulator.said;
        if format == "json" {
            let texts: Vec<String> = said
                .iter()
                .map(|line| {
                    let line: Value = serde_json::from_str(line).expect("each line is JSON");
                    line["fields"]["message"].as_str().unwrap_or_default().to_owned()
                })
                .collect();
            check_lines("stderr as JSON", texts.iter().map(String::as_str), 2);
        } else {
            check_lines("stderr", said.iter().map(String::as_str), 2);
        }
        let file = fs::read_to_string(folder.path().join("state/log/events.log")).expect("it is there");
        check_lines("the file of the log", file.lines(), 2);
        let printed = Command::new(BINARY)
            .args(["log", "--state"])
            .arg(folder.path().join("state"))
            .output()
            .expect("it starts");
        let printed = String::from_utf8(printed.stdout).expect("text");
        assert_eq!(printed, file);
    }
}
