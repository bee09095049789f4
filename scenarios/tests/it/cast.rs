//! Casts of consoles, watched by a terminal of a few lines: it knows no more than the sequences that a cast may hold.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const COLUMNS: usize = 80;
const ROWS: usize = 25;
const FEATURE: &str = "scenarios/suite/remote-management/enabling.feature";

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rig(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hsm-rig"));
    command
        .current_dir(repository())
        .args(args)
        .output()
        .expect("it starts")
}

/// A cast that was read: its header, and when each event comes and what it brings.
struct Cast {
    header: Value,
    events: Vec<(f64, String)>,
}

fn read(path: &Path) -> Cast {
    let text = fs::read_to_string(path).expect("it was written");
    let mut lines = text.lines();
    let parse =
        |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    let header = parse(lines.next().expect("a header"));
    let events = lines.map(|line| {
        let event = parse(line);
        let [at, kind, data] = event.as_array().expect("an event is a list").as_slice() else {
            panic!("three members: {line}");
        };
        assert_eq!(kind, "o", "a console says, and is not typed to");
        (
            at.as_f64().expect("seconds"),
            data.as_str().expect("a text").to_owned(),
        )
    });
    Cast {
        header,
        events: events.collect(),
    }
}

/// Shows what a terminal shows after these bytes.
fn show(screen: &mut [Vec<char>], data: &str) {
    let (mut row, mut column) = (0, 0);
    let mut characters = data.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            screen[row][column] = character;
            column += 1;
            continue;
        }
        assert_eq!(characters.next(), Some('['), "{data:?}");
        let mut numbers = String::new();
        let last = characters.by_ref().find(|character| {
            numbers.push(*character);
            character.is_ascii_alphabetic()
        });
        numbers.pop();
        match last {
            Some('H') => {
                let (first, second) = numbers.split_once(';').expect("row and column");
                row = first.parse::<usize>().expect("a number") - 1;
                column = second.parse::<usize>().expect("a number") - 1;
            }
            Some('K') => screen[row][column..].fill(' '),
            Some('m' | 'h' | 'l') => {}
            other => panic!("{other:?} in {data:?}"),
        }
    }
}

/// What the cast shows in the end.
fn last_screen(cast: &Cast) -> Vec<String> {
    let mut screen = vec![vec![' '; COLUMNS + 1]; ROWS];
    for (_, data) in &cast.events {
        show(&mut screen, data);
    }
    let rows = screen.iter().map(|row| row.iter().collect::<String>());
    rows.map(|row| row.trim_end().to_owned()).collect()
}

/// Line of a scenario in the feature, and the screen that its doc string demands.
fn demanded(name: &str) -> (usize, Vec<String>) {
    let text = fs::read_to_string(repository().join(FEATURE)).expect("it is there");
    let line = text
        .lines()
        .position(|line| line.trim() == format!("Scenario: {name}"));
    let line = line.expect("the scenario is there");
    let quoted = text
        .lines()
        .skip(line)
        .skip_while(|line| line.trim() != "\"\"\"")
        .skip(1);
    let quoted = quoted.take_while(|line| line.trim() != "\"\"\"");
    let rows: Vec<String> = quoted
        .map(|row| row.get(8..).unwrap_or_default().trim_end().to_owned())
        .collect();
    assert_eq!(rows.len(), ROWS);
    (line + 1, rows)
}

//= LC-04
#[test]
fn a_cast_ends_with_the_screen_that_the_scenario_demands() {
    let folder = tempfile::tempdir().expect("there is room");
    let casts = folder.path().join("new/casts");
    let ran = rig(&["run", FEATURE, "--cast", casts.to_str().expect("UTF-8")]);
    assert!(ran.status.success(), "{ran:?}");
    for name in ["The main menu", "Nobody is connected", "A manager is connected"] {
        let (line, expected) = demanded(name);
        let cast = read(&casts.join(format!("scenarios-suite-remote-management-enabling-{line}.cast")));
        assert_eq!(cast.header["title"], name);
        assert_eq!(last_screen(&cast), expected, "{name}");
    }
}

#[test]
fn every_scenario_with_a_console_has_a_cast_of_its_own_with_instants_that_never_go_back() {
    let folder = tempfile::tempdir().expect("there is room");
    let casts = folder.path().to_str().expect("UTF-8");
    let ran = rig(&[
        "run",
        "scenarios/suite/custodians/timeouts.feature",
        "scenarios/suite/card/pin.feature",
        "--cast",
        casts,
    ]);
    assert!(ran.status.success(), "{ran:?}");
    let entries = fs::read_dir(folder.path()).expect("it is there");
    let paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    let listed = rig(&["list", "scenarios/suite/custodians/timeouts.feature"]);
    let scenarios = String::from_utf8(listed.stdout)
        .expect("UTF-8")
        .lines()
        .filter(|line| line.contains(".feature:"))
        .count();
    assert!(scenarios > 5, "{scenarios}");
    assert_eq!(paths.len(), scenarios, "one for each, and none for a card alone");
    let mut longest: f64 = 0.0;
    for path in &paths {
        let cast = read(path);
        assert_eq!(
            (
                &cast.header["version"],
                &cast.header["width"],
                &cast.header["height"]
            ),
            (&2.into(), &80.into(), &25.into())
        );
        assert_eq!(cast.header["timestamp"], 1_767_225_600);
        assert!(!cast.events.is_empty(), "{}", path.display());
        assert!(
            cast.events
                .is_sorted_by(|(before, _), (after, _)| before <= after),
            "{}",
            path.display()
        );
        let changes = cast.events.windows(2).all(|pair| pair[0].1 != pair[1].1);
        assert!(
            changes,
            "{}: a screen that did not change is no event",
            path.display()
        );
        longest = longest.max(cast.events.last().map_or(0.0, |(at, _)| *at));
    }
    assert!(
        longest > 100.0,
        "virtual time, in which limits are over: {longest}"
    );
}

#[test]
fn the_same_seed_gives_the_same_casts_and_no_pin_is_in_them() {
    let texts = [(); 2].map(|()| {
        let folder = tempfile::tempdir().expect("there is room");
        let casts = folder.path().to_str().expect("UTF-8");
        let ran = rig(&[
            "run",
            FEATURE,
            "scenarios/suite/remote-management/local-priority.feature",
            "--cast",
            casts,
        ]);
        assert!(ran.status.success(), "{ran:?}");
        let mut texts: Vec<_> = fs::read_dir(folder.path())
            .expect("it is there")
            .map(|entry| {
                let path = entry.expect("readable").path();
                (
                    path.file_name().map(ToOwned::to_owned),
                    fs::read_to_string(path).expect("readable"),
                )
            })
            .collect();
        texts.sort();
        texts
    });
    assert_eq!(texts[0], texts[1]);
    assert!(
        texts[0].iter().any(|(_, text)| text.contains("********")),
        "somebody types a PIN"
    );
    assert!(!texts[0].iter().any(|(_, text)| text.contains("12345678")));
}

#[test]
fn a_lane_without_consoles_and_a_folder_that_cannot_be_made_are_told() {
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let ran = rig(&["run", FEATURE, "--cast", "Cargo.toml/casts"]);
    assert_eq!(ran.status.code(), Some(5), "{ran:?}");
    assert!(
        said(&ran).contains("make folder `Cargo.toml/casts`"),
        "{}",
        said(&ran)
    );
    let ran = rig(&["run", FEATURE, "--cast", "casts", "--lane", "pcsc"]);
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    assert!(
        said(&ran).contains("write casts of consoles: lane `pcsc` has none"),
        "{}",
        said(&ran)
    );
}
