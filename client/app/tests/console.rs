//! The console driven by a person in a terminal: tmux holds the terminal, the real `hsm-client` runs in it, against a device
//! on loopback. Screens are waited for, and whatever ends the program, the terminal is as it was.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod device;

use std::{
    fs,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use device::{PIN, TestDevice};

/// How long a screen may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal of 80 × 24 with a shell in it, in a tmux server of its own.
struct Terminal {
    folder: tempfile::TempDir,
    cards: [PathBuf; 3],
    device: TestDevice,
}

impl Terminal {
    fn new() -> Self {
        Self::around(TestDevice::start())
    }

    fn around(device: TestDevice) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cards = device.cards();
        let terminal = Self {
            folder,
            cards,
            device,
        };
        terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            "env",
            "-i",
            "TERM=screen",
            "PATH=/usr/bin:/bin",
            "PS1=ready> ",
            "sh",
        ]);
        terminal.wait_for("ready>");
        terminal
    }

    fn tmux(&self, args: &[&str]) -> String {
        let ran = Command::new("tmux")
            .arg("-S")
            .arg(self.folder.path().join("tmux"))
            .args(args)
            .output()
            .expect("tmux is installed: ci/test does it");
        assert!(ran.status.success(), "tmux {args:?}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Types keys by tmux's names for them.
    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Looks at the screen until it shows this, and gives the screen.
    #[track_caller]
    fn wait_for(&self, text: &str) -> String {
        let begin = Instant::now();
        loop {
            let screen = self.screen();
            if screen.contains(text) {
                return screen;
            }
            assert!(begin.elapsed() < PATIENCE, "`{text}` never came:\n{screen}");
            // A screen sends no event; the next look may be the one.
            thread::yield_now();
        }
    }

    /// The settings of the terminal, as `stty -a` tells them.
    fn settings(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        let path_text = path.to_str().unwrap();
        self.types(&format!("stty -a > {path_text}; echo said-{name}"));
        self.keys(&["Enter"]);
        self.wait_for(&format!("\nsaid-{name}"));
        fs::read_to_string(path).unwrap()
    }

    /// Starts the console with this before and behind it, and waits for its first screen.
    fn start(&self, environment: &str, args: &str) {
        let home = self.folder.path().display();
        let address = self.device.address;
        self.types(&format!(
            "clear; {environment} XDG_CONFIG_HOME={home} {} console {address} {args}; echo ended-with-$?",
            env!("CARGO_BIN_EXE_hsm-client")
        ));
        self.keys(&["Enter"]);
        self.wait_for("[ Connect ]");
    }

    /// Connects to the device, which may be met for the first time.
    fn connect(&self, is_first_use: bool) {
        self.keys(&["Enter"]);
        if is_first_use {
            self.wait_for("First use");
            self.wait_for("Service  ");
            self.keys(&["Enter"]);
        }
        self.wait_for("[ Start remote authentication ]");
    }

    /// Presents the card that is proposed, with its PIN.
    fn present(&self, card: usize) {
        self.keys(&["Enter"]);
        let screen = self.wait_for("Insert the card of a custodian");
        assert!(screen.contains("Card image:"), "{screen}");
        let name = self.cards[card].file_name().unwrap().to_str().unwrap();
        self.wait_for(name);
        self.keys(&["Enter"]);
        self.wait_for("Type the PIN of the card");
        self.types(PIN);
        let screen = self.screen();
        assert!(!screen.contains(PIN), "{screen}");
        self.keys(&["Enter"]);
    }

    fn cards_args(&self) -> String {
        let cards = self
            .cards
            .iter()
            .map(|card| format!("--card {} ", card.display()));
        cards.collect()
    }

    /// The program that runs in the terminal.
    fn program_id(&self) -> String {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let children = format!("/proc/{0}/task/{0}/children", shell.trim());
        fs::read_to_string(children).unwrap().trim().to_owned()
    }

    fn signal(&self, name: &str) {
        let program = self.program_id();
        let ran = Command::new("kill").args([name, &program]).status().unwrap();
        assert!(ran.success(), "{program}");
    }

    /// The shell has the terminal again, and it is as it was.
    #[track_caller]
    fn check_given_back(&self, exit_code: i32, before: &str, name: &str) {
        self.wait_for(&format!("ended-with-{exit_code}"));
        assert_eq!(self.settings(name), before, "after {name}");
        let screen = self.screen();
        assert!(!screen.contains("┌"), "the other screen is gone:\n{screen}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let socket = self.folder.path().join("tmux");
        // One that has gone by itself needs no end.
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(socket)
            .arg("kill-server")
            .output();
    }
}

//= PK-02
//= NW-03
#[test]
fn a_pocket_from_its_first_password_to_its_network_settings() {
    let terminal = Terminal::around(TestDevice::pocket());
    let before = terminal.settings("before");
    let trace = terminal.folder.path().join("trace.jsonl");
    terminal.start("", &format!("--trace {}", trace.display()));
    terminal.keys(&["Enter"]);
    terminal.wait_for("First use");
    terminal.wait_for("Service  ");
    terminal.keys(&["Enter"]);
    terminal.wait_for("[ Set the first activation password ]");
    terminal.keys(&["Down", "Enter"]);
    for line in ["New password:", "New one again:"] {
        terminal.wait_for(line);
        terminal.types("correct horse");
        assert!(!terminal.screen().contains("correct"));
        terminal.keys(&["Enter"]);
    }
    terminal.wait_for("The device has accepted the activation password.");
    terminal.keys(&["Enter"]);
    terminal.wait_for("[ Change the activation password ]");
    terminal.keys(&["2"]);
    terminal.wait_for("[ Change ]");
    terminal.keys(&["Down", "Enter"]);
    terminal.wait_for("Interface 1 address");
    terminal.types("999");
    terminal.keys(&["Up", "Up", "Enter"]);
    terminal.wait_for("! wrong");
    terminal.keys(&["BSpace", "BSpace", "BSpace"]);
    terminal.types("1");
    terminal.keys(&["Up", "Up", "Enter"]);
    let screen = terminal.wait_for("The network settings are changed.");
    assert!(screen.contains("1/255.255.255.0"), "{screen}");
    terminal.keys(&["x"]);
    terminal.check_given_back(0, &before, "exit");
    let trace = fs::read_to_string(trace).unwrap();
    assert!(trace.contains(r#""password":"0000000000000""#), "{trace}");
    assert!(!trace.contains("correct"), "{trace}");
    assert!(!trace.contains(r#"{"key":"h"}"#), "{trace}");
}

//= CL-01
//= CL-04
//= AU-04
//= AU-05
//= OP-01
#[test]
fn a_whole_ceremony_and_an_operation() {
    let terminal = Terminal::new();
    let before = terminal.settings("before");
    terminal.start("", &terminal.cards_args());
    terminal.connect(true);
    terminal.present(0);
    let screen = terminal.wait_for("left for the next custodian");
    assert!(screen.contains("Card 1 of 2 is accepted."), "{screen}");
    terminal.device.wait_for("session_ended", "closed by the manager");
    terminal.connect(false);
    let screen = terminal.wait_for("1 of 2 cards are accepted");
    assert!(screen.contains("Service  stopped"), "{screen}");
    terminal.present(1);
    terminal.wait_for("The device is activated.");
    terminal.keys(&["Enter"]);
    terminal.wait_for("[ Stop service ]");
    terminal.keys(&["Enter"]);
    terminal.wait_for("are you sure?");
    terminal.keys(&["y"]);
    terminal.wait_for("The service is stopped.");
    // The header follows by a notification, which comes behind the answer.
    terminal.wait_for("Service  stopped");
    terminal.keys(&["2"]);
    terminal.wait_for("255.255.255.0");
    terminal.keys(&["3"]);
    terminal.wait_for("Last self test");
    terminal.keys(&["x"]);
    terminal.check_given_back(0, &before, "exit");
}

#[test]
fn every_end_gives_the_terminal_back_and_the_place_free() {
    let terminal = Terminal::new();
    let before = terminal.settings("before");
    let mut is_first_use = true;
    for (end, exit_code) in [("ctrl-c", 0), ("-TERM", 0), ("-HUP", 0), ("panic", 101)] {
        let environment = if end == "panic" {
            "HSM_CLIENT_PANIC_ON='Type the PIN'"
        } else {
            ""
        };
        terminal.start(environment, &terminal.cards_args());
        terminal.connect(is_first_use);
        is_first_use = false;
        // At the PIN prompt, with the card under power.
        terminal.keys(&["Enter"]);
        terminal.wait_for("Card image:");
        terminal.keys(&["Enter"]);
        if end != "panic" {
            terminal.wait_for("Type the PIN");
        }
        match end {
            "ctrl-c" => terminal.keys(&["C-c"]),
            "panic" => {}
            signal => terminal.signal(signal),
        }
        terminal.check_given_back(exit_code, &before, end.trim_start_matches('-'));
        // The place is free, and the card can be taken by the next program: the next round of this loop does both.
        terminal.device.wait_for("session_ended", "");
    }
}
