//! Feature files as somebody would write and miswrite them: `tests/gherkin/ok` and `tests/gherkin/err`, each with a
//! snapshot of its stem.

mod cast;
mod cli;
mod house;
mod limits;
mod mutations;
mod parity;
mod runs;

use hsm_rig::gherkin::{Parsed, parse, tree_json};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Every feature file of a folder, in order of name, with its path below `scenarios/`.
fn corpus(folder: &str) -> Vec<(String, String, Vec<u8>)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(root.join("tests/gherkin").join(folder)).expect("the corpus is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "feature"));
    paths.sort();
    assert!(!paths.is_empty(), "no file in {folder}");
    let read = |path: PathBuf| {
        let stem = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("readable");
        (
            stem.clone(),
            format!("tests/gherkin/{folder}/{stem}.feature"),
            bytes,
        )
    };
    paths.into_iter().map(read).collect()
}

fn snapshots() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../gherkin/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn every_construct_is_read() {
    for (stem, path, bytes) in corpus("ok") {
        let document = parse(&path, &bytes)
            .into_result()
            .unwrap_or_else(|errors| panic!("{}", render(&errors)));
        let mut outline = String::new();
        outline_of("document", &tree_json(&document), 0, &mut outline);
        snapshots().bind(|| insta::assert_snapshot!(stem, outline));
    }
}

#[test]
fn every_mistake_is_said_at_its_place() {
    for (stem, path, bytes) in corpus("err") {
        let Parsed { diagnostics, .. } = parse(&path, &bytes);
        assert!(!diagnostics.is_empty(), "{path} was accepted");
        snapshots().bind(|| insta::assert_snapshot!(stem, render(&diagnostics)));
    }
}

fn render(diagnostics: &[hsm_rig::diagnostic::Diagnostic]) -> String {
    diagnostics
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// One line for each part of a tree: its key, its place and what it says.
fn outline_of(key: &str, value: &Value, depth: usize, outline: &mut String) {
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| outline_of(key, item, depth, outline)),
        Value::Object(fields) => {
            write!(outline, "{:1$}{key}", "", depth * 2).expect("a String takes everything");
            if let Some(location) = fields.get("location") {
                write!(outline, " {}:{}", location["line"], location["column"])
                    .expect("a String takes everything");
            }
            for (key, value) in fields
                .iter()
                .filter(|(_, value)| value.is_string() && *value != "")
            {
                write!(outline, " {key}={value}").expect("a String takes everything");
            }
            outline.push('\n');
            for (key, value) in fields
                .iter()
                .filter(|(key, value)| *key != "location" && !value.is_string())
            {
                outline_of(key, value, depth + 1, outline);
            }
        }
        other => panic!("trees have objects, lists and strings, not {other}"),
    }
}
