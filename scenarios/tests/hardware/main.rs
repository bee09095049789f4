//! Lane `hardware`, from outside: cards in readers of a stock PC/SC daemon as if they were real, and the runner in a
//! terminal. The test is the person who reads what it is asked for, and moves the card.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cards;
mod device;

use std::{
    cell::Cell,
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use apdu::Csn;
use card_core::{CardImage, Personalisation, profile};
use pcsc_bed::{Bed, Reader, is_inside};
use pcsc_reader::{Presence, await_card};
use terminal_bed::TerminalBed;

/// Longer than anything here takes; only a hang is as long.
const LONG: Duration = Duration::from_secs(60);
/// Of every card.
const PIN: &str = "12345678";

/// Builds the programs, as this test was built. Cargo gives a test only the programs of its own package.
fn programs() -> PathBuf {
    if !is_inside() {
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
            .args(["--features", "hsm-client-app/pcsc"])
            .args((!cfg!(debug_assertions)).then_some("--release"))
            .current_dir(repository())
            .status();
        assert!(built.unwrap().success(), "the programs are built");
    }
    Path::new(RIG).parent().unwrap().to_owned()
}

const RIG: &str = env!("CARGO_BIN_EXE_hsm-rig");

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// A terminal with the runner, a reader, and cards in a drawer.
struct Scene {
    terminal: TerminalBed,
    reader: Reader,
    /// How many runs there were; the end of each is another text.
    runs: Cell<u32>,
}

/// A card that somebody has put into the reader.
struct Inserted {
    vicc: Child,
    reader: String,
}

impl Drop for Inserted {
    fn drop(&mut self) {
        // It is ours, and it may have ended already.
        let _ = self.vicc.kill();
        let _ = self.vicc.wait();
        // The daemon may have been taken away.
        let _ = await_card(&self.reader, Presence::Removed, LONG);
    }
}

impl Scene {
    fn new(bed: &Bed) -> Self {
        let reader = bed.readers()[0].clone();
        assert!(await_card(&reader.name, Presence::Removed, LONG).unwrap());
        Self {
            terminal: TerminalBed::new(400, 60, "screen"),
            reader,
            runs: Cell::new(0),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.terminal.folder().join(name)
    }

    /// Makes a card of this person, whose serial number is this byte sixteen times.
    fn make_card(&self, holder: &str, serial: u8) -> PathBuf {
        let image = CardImage::personalised(&Personalisation {
            csn: Csn([serial; 16]),
            pin: PIN,
            label: "as it was",
            shadow: b"as it was, too",
            card_type: profile::CARD_TYPE,
            presentations_max: profile::PRESENTATIONS_MAX,
        });
        let path = self.path(holder);
        fs::write(&path, image.unwrap().to_text()).unwrap();
        path
    }

    fn insert(&self, card: &Path) -> Inserted {
        let vicc = Command::new(Path::new(RIG).with_file_name("virtual-card"))
            .arg("vicc")
            .arg(card)
            .args(["--log-level", "error", "--connect"])
            .arg(format!("127.0.0.1:{}", self.reader.port))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let inserted = Inserted {
            vicc,
            reader: self.reader.name.clone(),
        };
        assert!(await_card(&self.reader.name, Presence::Inserted, LONG).unwrap());
        inserted
    }

    /// A rig file with these cards.
    fn write_rig(&self, cards: &[(&str, u8)], expendable: bool) -> PathBuf {
        let cards = cards.iter().map(|(holder, serial)| {
            let serial = format!("{serial:02X}").repeat(16);
            format!(
                "\n[[card]]\nserial = \"{serial}\"\nholder = \"{holder}\"\npin = \"{PIN}\"\nexpendable = {expendable}\n"
            )
        });
        let path = self.path("rig.toml");
        fs::write(&path, format!("version = 1\n{}", cards.collect::<String>())).unwrap();
        path
    }

    fn write_scenario(&self, name: &str, steps: &[&str]) -> PathBuf {
        let steps: Vec<String> = steps.iter().map(|step| format!("    {step}\n")).collect();
        let steps = steps.concat();
        let path = self.path(&format!("{name}.feature"));
        fs::write(&path, format!("Feature: {name}\n  Scenario: {name}\n{steps}")).unwrap();
        path
    }

    /// Starts the runner in the terminal.
    fn run(&self, what: &Path, more: &str) {
        self.run_with(&self.reader.name, what, more);
    }

    /// The same with a reader of this name.
    fn run_with(&self, reader: &str, what: &Path, more: &str) {
        self.run_parts(what, &format!("--card 'pcsc:{reader}' {more}"));
    }

    /// The same with these parts.
    fn run_parts(&self, what: &Path, parts: &str) {
        self.runs.set(self.runs.get() + 1);
        self.terminal.types(&format!(
            "clear; HOME={} {RIG} run {} --lane hardware --rig {} {parts}; echo {}-$?",
            self.terminal.folder().display(),
            what.display(),
            self.path("rig.toml").display(),
            self.end()
        ));
        self.terminal.keys(&["Enter"]);
    }

    /// What is said at the end of the run that was started last, before its exit code.
    fn end(&self) -> String {
        format!("run-{}-ended-with", self.runs.get())
    }

    /// Waits for the end of the run, and gives the screen.
    #[track_caller]
    fn wait_for_end(&self, exit_code: i32) -> String {
        let end = self.end();
        let is_end = |line: &str| line.strip_prefix(&end).is_some_and(|rest| rest.starts_with('-'));
        let screen = self
            .terminal
            .wait_until("the end of the run", |screen| screen.lines().any(is_end));
        let said = screen.lines().find(|line| is_end(line));
        assert_eq!(said, Some(&*format!("{end}-{exit_code}")), "{screen}");
        screen
    }
}
