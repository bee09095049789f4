//! The console driven by a person in a terminal: tmux holds the terminal, the real `hsm-client` runs in it, against the real
//! `hsm-emulator` with a bench. Screens are waited for, and are snapshots; whatever ends the program, the terminal is as it
//! was.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod device;

use std::{fs, ops::Deref, path::PathBuf, time::Duration};

use device::{PIN, TestDevice};
use terminal_bed::TerminalBed;

/// A terminal of 80 × 24, with a device and cards beside it.
struct Terminal {
    bed: TerminalBed,
    cards: [PathBuf; 3],
    device: TestDevice,
}

impl Deref for Terminal {
    type Target = TerminalBed;

    fn deref(&self) -> &TerminalBed {
        &self.bed
    }
}

impl Terminal {
    fn new() -> Self {
        Self::around(TestDevice::start())
    }

    fn around(device: TestDevice) -> Self {
        let bed = TerminalBed::new(80, 24, "screen");
        let cards = device.cards();
        Self { bed, cards, device }
    }

    /// Waits for the screen of this name, with what differs from run to run taken out. A screen that was painted in part
    /// is looked at again; one that never comes is shown beside the one that was expected.
    #[track_caller]
    fn check_screen(&self, name: &str) {
        let path = format!(
            "{}/tests/snapshots/console__{name}.snap",
            env!("CARGO_MANIFEST_DIR")
        );
        let screen = self.wait_for_snapshot(&path, |screen| self.same_every_time(screen));
        insta::assert_snapshot!(name, screen);
    }

    /// The screen without a port, the time and a fingerprint; each cell stays where it is.
    fn same_every_time(&self, screen: &str) -> String {
        let lines = screen.lines().map(|line| {
            let line = line.replace(&self.device.address.port().to_string(), "PORT_");
            let words: Vec<_> = line.split(' ').map(mask).collect();
            // Seconds that are counted down in front of the person.
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            for second in 1..words.len() {
                if matches!(words[second], "s" | "s.") && words[second - 1].parse::<u32>().is_ok() {
                    words[second - 1] = match words[second - 1].len() {
                        1 => "#",
                        2 => "##",
                        _ => "###",
                    };
                }
            }
            words.join(" ")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Starts the console with this before and behind it, and waits for its first screen.
    fn start(&self, environment: &str, args: &str) {
        let home = self.folder().display();
        let address = self.device.address;
        // A Pocket has none, and the shell stays where it is.
        let cards = self.cards[0].parent().unwrap().display();
        self.types(&format!("cd {cards} 2>&-; "));
        self.run(&format!(
            "{environment} XDG_CONFIG_HOME={home} {} console {address} {args}",
            env!("CARGO_BIN_EXE_hsm-client")
        ));
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

    /// The custodians' cards, which lie where the program is started.
    fn cards_args(&self) -> String {
        let names = self
            .cards
            .iter()
            .map(|card| card.file_name().unwrap().to_str().unwrap());
        names.fold(String::new(), |args, name| args + "--card " + name + " ")
    }
}

/// A word with a part of a fingerprint, a date or a time: its shape.
fn mask(word: &str) -> String {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts_of = |separator: char| {
        // The first half of a fingerprint goes on in the next line.
        let parts: Vec<_> = word.trim_end_matches(separator).split(separator).collect();
        let is_all = parts.iter().all(|part| is_digits(part));
        if is_all { parts.len() } else { 0 }
    };
    // A MAC address has six parts and is the same every time.
    if matches!(parts_of(':'), 3 | 16) || parts_of('/') == 3 {
        word.replace(|character: char| character.is_ascii_hexdigit(), "#")
    } else {
        word.to_owned()
    }
}

//= PK-02
//= NW-03
#[test]
fn a_pocket_from_its_first_password_to_its_network_settings() {
    let terminal = Terminal::around(TestDevice::pocket());
    let before = terminal.settings("before");
    let trace = terminal.folder().join("trace.jsonl");
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
    terminal.check_screen("start");
    terminal.keys(&["Enter"]);
    terminal.check_screen("first_use");
    terminal.keys(&["Enter"]);
    terminal.check_screen("management");
    terminal.keys(&["Enter"]);
    terminal.check_screen("insert_card");
    terminal.keys(&["Enter"]);
    terminal.check_screen("pin");
    terminal.types(PIN);
    terminal.check_screen("pin_typed");
    terminal.keys(&["Enter"]);
    terminal.check_screen("intermediary");
    terminal.device.wait_for("session_ended", "closed by the manager");
    terminal.connect(false);
    terminal.check_screen("next_custodian");
    terminal.present(1);
    terminal.check_screen("administrator");
    terminal.keys(&["Enter"]);
    terminal.check_screen("operations");
    terminal.keys(&["Enter"]);
    terminal.check_screen("confirm");
    terminal.keys(&["y"]);
    // The header follows by a notification, which comes behind the answer.
    terminal.check_screen("stopped");
    terminal.device.wait_for("operation_done", "stop service");
    terminal.keys(&["2"]);
    terminal.check_screen("network");
    terminal.keys(&["3"]);
    terminal.check_screen("information");
    terminal.keys(&["x"]);
    terminal.check_given_back(0, &before, "exit");
}

/// The bench moves the device by ten minutes in which nobody touches the console.
//= CL-05
//= RM-07
//= HD-02
#[test]
fn a_console_left_alone_sends_nothing_and_is_ended_at_two_minutes() {
    let terminal = Terminal::new();
    let before = terminal.settings("before");
    terminal.start("", "");
    terminal.connect(true);
    let connections = |state: &serde_json::Value| state["connections"].to_string();
    let state = terminal.device.state();
    let (at_first, manager) = (connections(&state), state["manager"].clone());
    assert!(at_first.contains(r#""phase":"lines""#), "{state}");

    let state = terminal.device.advance(Duration::from_millis(119_999));
    assert_eq!(connections(&state), at_first, "not a byte was read from it");
    assert_eq!(state["manager"], manager, "one millisecond before");

    let state = terminal.device.advance(Duration::from_millis(1));
    assert!(state["manager"].is_null(), "{state}");
    terminal.device.wait_for("session_ended", "inactivity");
    terminal.check_screen("ended_by_inactivity");
    let ended = terminal.device.state();
    assert_eq!(connections(&ended), "[]", "{ended}");

    let state = terminal.device.advance(Duration::from_secs(480));
    assert_eq!(connections(&state), "[]", "{state}");
    assert_eq!(state["events"]["next"], ended["events"]["next"], "nobody came");
    terminal.check_screen("ended_by_inactivity");
    terminal.keys(&["x"]);
    terminal.check_given_back(0, &before, "exit");
}

/// Whatever ends the session, the console says what it was, and ends as it should.
//= RM-10
#[test]
fn every_end_of_the_session_is_told_and_gives_the_terminal_back() {
    for end in ["preempted", "cut", "killed", "silent"] {
        let terminal = Terminal::new();
        let before = terminal.settings("before");
        let patience = if end == "silent" {
            "--answer-timeout 3s"
        } else {
            ""
        };
        terminal.start("", patience);
        terminal.connect(true);
        match end {
            "preempted" => terminal.device.press("Enter"),
            "cut" => terminal.device.cut_power(),
            "killed" => terminal.device.signal("-KILL"),
            _ => {
                terminal.device.signal("-STOP");
                // Something is asked, and no answer comes.
                terminal.keys(&["3"]);
            }
        }
        terminal.check_screen(&format!("ended_{end}"));
        terminal.keys(&["x"]);
        terminal.check_given_back(0, &before, end);
    }
}

#[test]
fn every_end_gives_the_terminal_back_and_the_place_free() {
    let terminal = Terminal::new();
    let before = terminal.settings("before");
    let mut is_first_use = true;
    for (end, exit_code) in [("ctrl-c", 0), ("-TERM", 0), ("-HUP", 0), ("panic", 101)] {
        let environment = if end == "panic" {
            "RIG_PANIC_ON='Type the PIN'"
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
