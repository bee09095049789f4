//! What the documents say of the code, held against the code: the arrows between the rooms, and the transcript of the
//! protocol page. Set `BLESS=1` to have the page written anew, and read what changed.

use std::{fmt::Write as _, fs, path::PathBuf, process::Command};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).expect(path)
}

/// The crates of the workspace with the other crates of it that each needs.
fn arrows() -> Vec<(String, Vec<String>)> {
    let workspace: toml::Table = toml::from_str(&read("Cargo.toml")).expect("a manifest");
    let members = workspace["workspace"]["members"]
        .as_array()
        .expect("a list of members");
    let manifests: Vec<toml::Table> = members
        .iter()
        .map(|member| {
            toml::from_str(&read(&format!("{}/Cargo.toml", member.as_str().expect("a path"))))
                .expect("a manifest")
        })
        .collect();
    let name = |manifest: &toml::Table| manifest["package"]["name"].as_str().expect("a name").to_owned();
    let ours: Vec<String> = manifests.iter().map(name).collect();
    let needs = |manifest: &toml::Table| {
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        let all = dependencies.into_iter().flat_map(|table| table.keys().cloned());
        let mut needed: Vec<String> = all.filter(|dependency| ours.contains(dependency)).collect();
        needed.sort();
        needed
    };
    manifests
        .iter()
        .map(|manifest| (name(manifest), needs(manifest)))
        .collect()
}

#[test]
fn the_table_of_arrows_is_the_one_of_the_manifests() {
    let page = read("ARCHITECTURE.md");
    let arrows = arrows();
    for (crate_name, needed) in &arrows {
        let quoted: Vec<_> = needed.iter().map(|name| format!("`{name}`")).collect();
        let needed = if quoted.is_empty() {
            "–".to_owned()
        } else {
            quoted.join(", ")
        };
        let row = format!("| `{crate_name}` | {needed} |");
        assert!(page.contains(&row), "ARCHITECTURE.md lacks the row\n{row}");
    }
    let rows = page
        .lines()
        .skip_while(|line| *line != "| crate | depends on |")
        .skip(2);
    let rows = rows.take_while(|line| line.starts_with('|')).count();
    assert_eq!(
        rows,
        arrows.len(),
        "ARCHITECTURE.md names a crate that is not there"
    );
}

#[test]
fn the_client_never_sees_the_device_nor_the_device_the_client() {
    for (crate_name, needed) in arrows() {
        let sees = |name: &str| needed.iter().any(|needed| needed.starts_with(name));
        match crate_name.as_str() {
            "hsm-client" => assert!(!sees("hsm-core") && !sees("hsm-listener"), "{needed:?}"),
            "hsm-core" | "hsm-listener" => assert!(!sees("hsm-client"), "{needed:?}"),
            _ => {}
        }
    }
}

/// The scenario whose lines the protocol page shows.
const SHOWN: &str = "scenarios/suite/custodians/transcript.feature";

#[test]
fn the_transcript_of_the_protocol_page_is_one_that_was_played() {
    let folder = tempfile::tempdir().expect("the document has its form");
    let trace = folder.path().join("trace");
    let played = Command::new(env!("CARGO_BIN_EXE_hsm-rig"))
        .args(["run", SHOWN, "--trace"])
        .arg(&trace)
        .current_dir(repository())
        .output()
        .expect("the document has its form");
    assert!(
        played.status.success(),
        "{}",
        String::from_utf8_lossy(&played.stderr)
    );
    let mut transcript = String::from("```text\n");
    for line in fs::read_to_string(trace)
        .expect("the document has its form")
        .lines()
    {
        let said = line
            .split_once("  ")
            .and_then(|(at, rest)| Some((at, rest.trim_start().split_once("  ")?)));
        if let Some((at, (actor, said))) = said
            && let said = said.trim_start()
            && (said.starts_with("<-") || said.starts_with("->"))
        {
            writeln!(transcript, "{at} {} {said}", actor.trim()).expect("the document has its form");
        }
    }
    transcript.push_str("```\n");
    assert!(transcript.lines().count() > 20, "no transcript in the trace");

    check_part("docs/protocol.md", "transcript", &transcript);
}

/// A part of a page stands between two marks and is written by the code.
fn check_part(path: &str, name: &str, expected: &str) {
    let (begin, end) = (
        format!("<!-- {name}: written by ci -->\n"),
        format!("<!-- {name}: end -->"),
    );
    let page = read(path);
    let (before, rest) = page.split_once(&begin).expect("the document has its form");
    let (shown, after) = rest.split_once(&end).expect("the document has its form");
    if std::env::var_os("BLESS").is_some() {
        let page = format!("{before}{begin}{expected}{end}{after}");
        fs::write(repository().join(path), page).expect("the document can be written");
        return;
    }
    assert_eq!(
        shown, expected,
        "{path} shows another {name}; BLESS=1 writes this one"
    );
}

//= OP-08
#[test]
fn the_page_of_operations_shows_the_table() {
    check_part("docs/operations.md", "table", &hsm_core::Operation::table());
}

#[test]
fn the_page_of_events_shows_the_table() {
    check_part("docs/events.md", "table", &hsm_core::Event::table());
}

#[test]
fn the_pages_of_the_life_cycle_show_the_table() {
    let diagram = format!("```mermaid\n{}```\n", hsm_core::LifeCycle::diagram());
    check_part("docs/life-cycle.md", "diagram", &diagram);
    let matrix = format!("```text\n{}```\n", hsm_core::LifeCycle::matrix());
    check_part("docs/life-cycle.md", "matrix", &matrix);
}
