//! The console driven by a person in a terminal: tmux holds the terminal, the real `hsm-client` runs in it, against a device
//! on loopback. Screens are waited for, and whatever ends the program, the terminal is as it was.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod device;

use std::{fs, ops::Deref, path::PathBuf};

use device::{PIN, TestDevice};
use hsm_core::{Event, SessionEnd};
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
        let cards = device.make_cards(bed.folder());
        Self { bed, cards, device }
    }

    /// Starts the console with this before and behind it, and waits for its first screen.
    fn start(&self, environment: &str, args: &str) {
        let home = self.folder().display();
        let address = self.device.address;
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

    fn cards_args(&self) -> String {
        let cards = self
            .cards
            .iter()
            .map(|card| format!("--card {} ", card.display()));
        cards.collect()
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
    terminal.connect(true);
    terminal.present(0);
    let screen = terminal.wait_for("left for the next custodian");
    assert!(screen.contains("Card 1 of 2 is accepted."), "{screen}");
    terminal.device.wait_for(|event| {
        matches!(
            event,
            Event::SessionEnded {
                end: SessionEnd::ClosedByManager,
                ..
            }
        )
    });
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
        terminal
            .device
            .wait_for(|event| matches!(event, Event::SessionEnded { .. }));
    }
}
