//! The console at a terminal, as somebody sees it who sits there: tmux holds the terminal, and the real program fills it.

use std::{
    fs,
    net::SocketAddr,
    ops::Deref,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use apdu::Csn;
use card_core::{CardImage, Personalisation, profile};
use serde_json::Value;
use tempfile::TempDir;
use terminal_bed::TerminalBed;

use crate::{
    emulator::{BINARY, PATIENCE, demo},
    manager::Manager,
};

/// The vendor's screens, as the console itself is held against them.
const MAIN: &str = include_str!("../../../core/src/console/screens/main.txt");
const READY: &str = include_str!("../../../core/src/console/screens/ready.txt");
const ACTIVE: &str = include_str!("../../../core/src/console/screens/active.txt");
const SMART_CARD: &str = include_str!("../../../core/src/console/screens/smart-card.txt");
const INSPECT: &str = include_str!("../../../core/src/console/screens/inspect.txt");
const PIN: &str = "12345678";
/// The line beneath the screen begins so while nothing is said in it.
const RIG_KEYS: &str = " F5 card in  F6 out  F7 power  F8 cut  F9 quit ";

/// A device of `hsm-emulator demo`, and a terminal in front of it.
struct Desk {
    bed: TerminalBed,
    folder: TempDir,
}

impl Deref for Desk {
    type Target = TerminalBed;

    fn deref(&self) -> &TerminalBed {
        &self.bed
    }
}

impl Desk {
    fn new() -> Self {
        Self::of_size(80, 26, "screen")
    }

    fn of_size(columns: u16, rows: u16, kind: &str) -> Self {
        Self {
            bed: TerminalBed::new(columns, rows, kind),
            folder: demo(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// In front of a device out of the factory, with as many formatted cards that hold nothing.
    fn out_of_the_factory(cards: u8) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        fs::create_dir(folder.path().join("cards")).expect("there is room");
        for number in 0..cards {
            // The first one prints as the vendor's card does.
            let mut csn = *b"\x15\xC0\0\0\xE3\xA8\x17\x10\0\x6F\0\0\xFF\0\0\x10";
            csn[14] = number;
            let image = CardImage::personalised(&Personalisation {
                csn: Csn(csn),
                pin: PIN,
                label: "",
                shadow: &[],
                card_type: profile::CARD_TYPE,
                presentations_max: profile::PRESENTATIONS_MAX,
            });
            let image = image.expect("it is a card").to_text();
            fs::write(folder.path().join(format!("cards/{}.card", number + 1)), image)
                .expect("there is room");
        }
        Self {
            bed: TerminalBed::new(80, 26, "screen"),
            folder,
        }
    }

    /// Waits until the screen shows this, and holds all of it against the snapshot of this name.
    #[track_caller]
    fn check_screen(&self, name: &str, text: &str) {
        self.wait_for(text);
        let path = format!(
            "{}/tests/it/snapshots/terminal-{name}.snap",
            env!("CARGO_MANIFEST_DIR")
        );
        let screen = self.wait_for_snapshot(&path, same_every_time);
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!(format!("terminal-{name}"), screen));
    }

    /// Goes to this entry of a menu with the arrow keys, from the one that is highlighted, and presses Enter.
    #[track_caller]
    fn choose(&self, title: &str, entry: &str) {
        let title = format!("┤ {title} ├");
        let screen = self.wait_until(&format!("the menu {title}, and nothing over it"), |screen| {
            screen.contains(&title) && !screen.contains("│ OK │")
        });
        let row_of = |text: &str, what: &dyn Fn(&str) -> bool| {
            let row = text.lines().position(what);
            row.unwrap_or_else(|| panic!("no `{entry}` and no highlight:\n{screen}"))
        };
        let here = row_of(&self.screen_with_styles(), &|row| row.contains("\u{1b}[7m"));
        let there = row_of(&screen, &|row| row.trim().trim_matches(['│', ' ', '▸']) == entry);
        let key = if there < here { "Up" } else { "Down" };
        self.keys(&[&vec![key; there.abs_diff(here)][..], &["Enter"]].concat());
    }

    /// Puts in the card with this number, counted from 1, for whoever asks for one and waits for Enter.
    #[track_caller]
    fn give(&self, card: usize) {
        self.keys(&["F6"]);
        self.put_in(card - 1, &format!("{card}.card"));
        self.keys(&["Enter"]);
    }

    /// Writes cards of a new set, one after the other, each with its label.
    #[track_caller]
    fn write_set(&self, scheme: (&str, usize), first_card: usize, label: &str) {
        let (required, cards) = scheme;
        self.wait_for("Cards in the set, from 2 to 64:");
        self.types(&cards.to_string());
        self.keys(&["Enter"]);
        self.wait_for(&format!("Cards needed, from 2 to {cards}:"));
        self.types(required);
        self.keys(&["Enter"]);
        for index in 1..=cards {
            self.wait_for(&format!(
                "Insert card {index} of {cards} of the new set and press Enter."
            ));
            self.give(first_card + index - 1);
            self.wait_for("Label");
            self.type_pin();
            self.types(&format!("{label} {index}"));
            self.keys(&["Enter"]);
        }
        self.wait_for(&format!(
            "The set is complete: {cards} cards, of which {required} are needed."
        ));
    }

    /// Switches the device on in the terminal, with this before and behind the command.
    fn start(&self, environment: &str, more: &str) {
        let folder = self.folder.path().display();
        self.run(&format!(
            "{environment} {BINARY} run --state {folder}/state --listen 127.0.0.1:0 --ready-file {folder}/ready.json {more}"
        ));
    }

    fn address(&self) -> SocketAddr {
        let ready = fs::read_to_string(self.path("ready.json")).expect("it is ready");
        let ready: Value = serde_json::from_str(&ready).expect("it is JSON");
        ready["management"]
            .as_str()
            .expect("its port is open")
            .parse()
            .expect("it is an address")
    }

    /// The 25 rows of the device.
    fn device_screen(screen: &str) -> String {
        let rows: Vec<_> = screen.lines().take(25).collect();
        rows.join("\n") + "\n"
    }

    /// Waits until the device shows exactly this.
    #[track_caller]
    fn wait_for_screen(&self, expected: &str) -> String {
        self.wait_until(&format!("this screen:\n{expected}"), |screen| {
            Self::device_screen(screen) == expected
        })
    }

    /// Puts in the card of a custodian with the list of images, which are in order of their names.
    fn put_in(&self, place: usize, name: &str) {
        self.keys(&["F5"]);
        self.wait_for("Cards in ");
        for _ in 0..place {
            self.keys(&["Down"]);
        }
        self.keys(&["Enter"]);
        self.wait_until("the card in the reader", |screen| {
            !screen.contains("Cards in ") && screen.lines().last().is_some_and(|line| line.contains(name))
        });
    }

    fn type_pin(&self) {
        self.types(PIN);
        self.keys(&["Enter"]);
    }

    /// From the box of remote management to the main menu of an activated device.
    fn activate(&self) {
        self.wait_for("ready to process remote commands");
        self.keys(&["Escape"]);
        self.wait_for("Please, enter start PIN");
        self.put_in(0, "ana.card");
        self.type_pin();
        self.wait_for("Please, enter next start PIN");
        self.keys(&["F6"]);
        self.put_in(1, "bruno.card");
        self.type_pin();
        self.wait_for("Stop Service");
    }
}

/// The screen without what differs from run to run, the port and the numbers of sets; each cell stays where it is.
fn same_every_time(screen: &str) -> String {
    let is_hex = |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut words: Vec<String> = screen.split(' ').map(str::to_owned).collect();
    for index in 1..words.len() {
        let is_port = words[index - 1] == "port";
        let is_set = words[index]
            .split_once('-')
            .is_some_and(|(a, b)| is_hex(a) && is_hex(b));
        if is_port || is_set {
            words[index] = words[index].replace(|character: char| character.is_ascii_hexdigit(), "#");
        }
    }
    words.join(" ")
}

/// Every file of a folder in one text.
fn text_of(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("it is there");
    let texts = entries.map(|entry| {
        let path = entry.expect("it can be read").path();
        let bytes = fs::read(path).expect("it can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    });
    texts.collect()
}

//= LC-01
//= LC-04
//= RM-02
//= RM-09
#[test]
fn the_three_screens_of_the_vendors_page_come_from_the_running_program() {
    let desk = Desk::new();
    desk.start("", "");
    desk.activate();
    let screen = desk.wait_for_screen(MAIN);
    let line = screen.lines().nth(25).expect("a line of rig keys");
    let state = format!("bruno.card  port {}", desk.address().port());
    assert_eq!(line.strip_prefix(RIG_KEYS).map(str::trim), Some(&*state));
    desk.keys(&["Down", "Down", "Down", "Enter"]);
    desk.wait_for_screen(READY);
    let mut manager = Manager::connect(desk.address());
    assert!(manager.receive().is_some(), "the device greets");
    // The vendor's manager has another address, and row 14 says with which suite the connection is protected.
    let active = ACTIVE.replace("172.17.0.1", "127.0.0.1 ");
    let rows: Vec<_> = active.lines().collect();
    desk.wait_until("the manager's address and its suite", |screen| {
        let shown: Vec<_> = screen.lines().collect();
        let suite = shown[13].trim_matches(['│', ' ']).starts_with("TLS13_");
        suite
            && (0..25)
                .filter(|row| *row != 13)
                .all(|row| shown[row] == rows[row])
    });
    drop(manager);
    desk.wait_for_screen(READY);
}

/// The rows of a screen without blank ones, and without the columns that the vendor's stored page has lost.
fn words_of(screen: &str) -> Vec<String> {
    let rows = screen.lines().take(25);
    let rows = rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "));
    rows.filter(|row| !row.is_empty()).collect()
}

/// How wide the box on a screen is.
fn box_width(screen: &str) -> Option<usize> {
    let border = screen.lines().find(|row| row.trim().starts_with('┌'))?;
    Some(border.trim().chars().count())
}

//= LF-01
//= LF-02
//= LC-08
//= SC-01
//= SC-03
//= SC-08
#[test]
fn a_session_from_the_first_boot_to_a_copied_set() {
    let desk = Desk::out_of_the_factory(8);
    desk.start("", "");
    desk.check_screen("first-boot", "Do you want to load smart card manager?");
    desk.keys(&["Right", "Enter"]);
    desk.check_screen("smart-card", "┤ Smart Card ├");
    desk.choose("Smart Card", "Create Server Master Key");
    desk.check_screen("new-set", "Cards in the set, from 2 to 64:");
    desk.write_set(("2", 3), 1, "Ana's set");
    desk.check_screen("set-complete", "The set is complete");

    // Activation, with two of the three.
    desk.keys(&["Enter"]);
    desk.wait_for("┤ Smart Card ├");
    desk.keys(&["Escape"]);
    desk.wait_for("Do you want to load smart card manager?");
    desk.keys(&["Enter"]);
    desk.check_screen("start-pin", "Please, enter start PIN");
    desk.type_pin();
    desk.check_screen("next-start-pin", "Please, enter next start PIN");
    desk.keys(&["F6"]);
    desk.put_in(0, "1.card");
    desk.types(PIN);
    desk.check_screen("next-start-pin-typed", "********");
    desk.keys(&["Enter"]);
    desk.wait_for_screen(MAIN);

    // Remote management, a manager, and the hand that comes first.
    desk.choose("Main", "Remote Management");
    desk.wait_for_screen(READY);
    let mut manager = Manager::connect(desk.address());
    assert!(manager.receive().is_some(), "the device greets");
    desk.check_screen("manager", "TLS13_");
    desk.keys(&["Escape"]);
    desk.wait_for_screen(MAIN);
    let mut last = None;
    while let Some(message) = manager.receive() {
        last = Some(message);
    }
    let last = last.expect("a manager is told why");
    assert_eq!(last["params"]["reason"], "disarmed", "{last}");

    // Three of five, from two of three.
    desk.choose("Main", "Configuration");
    desk.choose("Configuration", "Smart Card Manager");
    let screen = desk.wait_for("┤ Smart Card ├");
    assert_eq!(words_of(&screen), words_of(SMART_CARD));
    assert_eq!(box_width(&screen), Some(35));
    desk.choose("Smart Card", "Copy Set");
    desk.check_screen(
        "copy-set",
        "Insert a card of the set to be copied and press Enter.",
    );
    desk.give(3);
    desk.wait_for("PIN  ");
    desk.type_pin();
    desk.check_screen(
        "copy-set-next",
        "Insert card 2 of 2 of the set to be copied and press Enter.",
    );
    desk.give(2);
    desk.wait_for("PIN  ");
    desk.type_pin();
    desk.write_set(("3", 5), 4, "Copy");
    desk.check_screen("copy-complete", "The set is complete");
    desk.keys(&["Enter"]);

    for card in 1..=8 {
        desk.choose("Smart Card", "Inspect");
        desk.wait_for("and press Enter.");
        desk.give(card);
        desk.check_screen(&format!("inspect-{card}"), "CSN");
        if card == 1 {
            let screen = desk.screen();
            assert_eq!(words_of(&screen), words_of(INSPECT));
            assert_eq!(box_width(&screen), Some(63));
            desk.keys(&["Down", "Down", "Down", "Down", "Down", "Down", "Down", "Down"]);
            desk.check_screen("inspect-end", "PIN MMPN");
        }
        desk.keys(&["Enter"]);
    }
    desk.keys(&["F9"]);
    desk.wait_for("ended-with-0");
    let log = text_of(&desk.path("state/log"));
    assert_eq!(log.matches("set of cards finished").count(), 2, "{log}");
    assert!(!log.contains(PIN), "{log}");
}

/// A way to end the program, and what comes of it.
enum End {
    Key(&'static str),
    Signal(&'static str),
    Panic,
}

#[test]
fn every_end_gives_the_terminal_back() {
    let desk = Desk::new();
    let before = desk.settings("before");
    let ends = [
        (End::Key("C-c"), 0),
        (End::Key("F9"), 0),
        (End::Signal("-TERM"), 0),
        (End::Signal("-HUP"), 0),
        (End::Signal("-INT"), 0),
        (End::Panic, 101),
    ];
    for (number, (end, exit_code)) in ends.into_iter().enumerate() {
        let environment = match end {
            End::Panic => "RIG_PANIC_ON='Cards in'",
            End::Key(_) | End::Signal(_) => "",
        };
        desk.start(environment, "");
        desk.wait_for("ready to process remote commands");
        desk.wait_for(RIG_KEYS);
        match end {
            End::Key(key) => desk.keys(&[key]),
            End::Signal(signal) => desk.signal(signal),
            End::Panic => desk.keys(&["F5"]),
        }
        desk.check_given_back(exit_code, &before, &format!("end-{number}"));
        assert!(matches!(end, End::Panic) || !desk.path("ready.json").exists());
    }
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let desk = Desk::new();
    desk.start("", "");
    desk.wait_for("ready to process remote commands");
    assert!(desk.path("ready.json").exists());
    desk.tmux(&["kill-server"]);
    let begin = Instant::now();
    // The program takes it away when it ends as it should.
    while desk.path("ready.json").exists() {
        assert!(begin.elapsed() < PATIENCE, "it goes on without its terminal");
        thread::yield_now();
    }
}

#[test]
fn a_program_that_was_stopped_for_a_while_fills_the_terminal_again() {
    let desk = Desk::new();
    let before = desk.settings("before");
    desk.start("", "");
    // The line beneath is painted last.
    let shown = desk.wait_until("a whole screen", |screen| {
        screen.contains("ready to process remote commands")
            && screen.lines().last().is_some_and(|line| line.contains("  port "))
    });
    for (way, end) in [("key", "ended-with-"), ("signal", "Stopped")] {
        match way {
            "key" => desk.keys(&["C-z"]),
            _ => desk.signal("-TSTP"),
        }
        desk.wait_for(end);
        assert_eq!(desk.settings(way), before, "stopped by a {way}");
        desk.types("fg");
        desk.keys(&["Enter"]);
        desk.wait_until("the same screen", |screen| screen == shown);
    }
    desk.keys(&["F9"]);
    desk.wait_for("ready> ");
    assert_eq!(desk.settings("after"), before);
}

//= RM-17
#[test]
fn the_list_of_images_is_no_local_activity_and_a_card_put_in_is() {
    let desk = Desk::new();
    fs::write(desk.path("cards/broken.card"), "no card").expect("there is room");
    desk.start("", "");
    desk.wait_for("ready to process remote commands");
    desk.keys(&["F5"]);
    let screen = desk.wait_for("Enter puts in, Esc closes");
    let row = |name: &str| {
        let row = screen.lines().find(|row| row.contains(name));
        row.unwrap_or_else(|| panic!("no {name}:\n{screen}")).to_owned()
    };
    assert!(row("broken.card").contains("! "), "{screen}");
    assert!(!row("ana.card").contains('!'), "{screen}");
    // ana, broken, bruno, carla
    desk.keys(&["Down", "Enter"]);
    desk.wait_for("`broken.card` is no card that can be read");
    desk.keys(&["Escape"]);
    desk.wait_for_screen(&READY.replace("Service running...", "Service stopped   "));
    desk.put_in(0, "ana.card");
    desk.wait_for("Please, enter start PIN");
    desk.keys(&["F5", "Enter"]);
    desk.wait_for("expected an empty reader, got");
    desk.keys(&["F6"]);
    desk.wait_until("an empty reader", |screen| !screen.contains("ana.card"));
    desk.keys(&["F6"]);
    desk.wait_for("expected a card in it, got an empty reader");
}

#[test]
fn the_power_button_and_the_mains_are_keys() {
    let desk = Desk::new();
    desk.start("", "");
    desk.activate();
    desk.keys(&["F8"]);
    let dark = |screen: &str| screen.lines().take(25).all(|row| row.trim().is_empty());
    let screen = desk.wait_until("a dark screen", dark);
    assert!(screen.contains("F8 mains"), "{screen}");
    desk.keys(&["F7"]);
    desk.wait_for("expected mains, got none: the power is cut");
    desk.keys(&["F8"]);
    desk.wait_for("Please, enter start PIN");
    desk.keys(&["F7"]);
    let screen = desk.wait_until("a dark screen", dark);
    assert!(screen.contains("F8 cut"), "off is not without mains: {screen}");
    desk.keys(&["F7"]);
    desk.wait_for("Please, enter start PIN");
}

/// Programs of an old terminal, of tmux, and of ssh from another one, and with no colours wanted.
#[test]
fn every_kind_of_terminal_shows_the_same_and_what_is_highlighted_is_in_reverse_video() {
    for (kind, environment) in [
        ("screen", ""),
        ("xterm", ""),
        ("linux", ""),
        ("xterm-256color", "NO_COLOR=1"),
    ] {
        let desk = Desk::of_size(80, 26, kind);
        desk.start(environment, "");
        desk.activate();
        desk.wait_for_screen(MAIN);
        let styled = desk.screen_with_styles();
        let row = styled.lines().nth(8).expect("the row of the first entry");
        assert!(row.contains("\u{1b}[7m"), "{kind}: {row:?}");
        let colours = |sequence: &str| {
            let (numbers, _) = sequence.split_once('m').unwrap_or_default();
            numbers.split(';').any(|number| {
                number.starts_with(['3', '4']) && number.len() > 1 && number != "39" && number != "49"
            })
        };
        assert!(
            !styled.split("\u{1b}[").skip(1).any(colours),
            "{kind}: {styled:?}"
        );
    }
}

/// The part of a screen that a window of this size shows when this entry of the main menu has the focus.
fn part(screen: &str, columns: usize, rows: usize, entry: usize) -> Vec<String> {
    let middle = |whole: usize, window: usize, focus: usize, focus_len: usize| {
        let left = (focus + focus_len / 2).saturating_sub(window / 2);
        left.min(focus).min(whole - window)
    };
    // The bar of an entry has 28 columns in the box from column 26 on; the first is in row 9.
    let (left, top) = (middle(80, columns, 26, 28), middle(25, rows, 8 + entry, 1));
    let rows = screen.lines().skip(top).take(rows);
    rows.map(|row| {
        let part: String = row.chars().skip(left).take(columns).collect();
        part.trim_end().to_owned()
    })
    .collect()
}

#[test]
fn a_smaller_terminal_shows_what_has_the_focus_and_grows_again() {
    let desk = Desk::of_size(40, 8, "screen");
    desk.start("", "");
    desk.wait_for("ready to process remote commands");
    desk.resize(80, 26);
    desk.wait_for_screen(&READY.replace("Service running...", "Service stopped   "));
    desk.activate();
    desk.wait_for_screen(MAIN);
    for (columns, rows) in [(40, 8), (30, 3), (200, 60), (79, 25), (80, 26)] {
        desk.resize(columns, rows);
        let (columns, rows) = (usize::from(columns.min(80)), usize::from(rows.min(26)));
        // Every entry, down and around to the first, whose screen the next size waits for.
        for entry in 0..9 {
            let expected = part(MAIN, columns, rows - 1, entry);
            desk.wait_until(&format!("entry {entry} at {columns} x {rows}"), |screen| {
                let shown: Vec<_> = screen.lines().take(rows).collect();
                shown.split_last().is_some_and(|(line, shown)| {
                    let line_start: String = RIG_KEYS.trim_end().chars().take(columns).collect();
                    shown == expected && line.starts_with(line_start.trim_end())
                })
            });
            desk.keys(&["Down"]);
        }
    }
    // Too small for anything, and back.
    desk.resize(10, 1);
    desk.resize(80, 26);
    desk.wait_until("the main menu", |screen| Desk::device_screen(screen) == MAIN);
}

#[test]
fn log_lines_never_tear_the_screen_and_nothing_typed_is_in_them() {
    let desk = Desk::new();
    desk.start("", "--log-level trace");
    desk.activate();
    let screen = desk.wait_for_screen(MAIN);
    assert!(!screen.contains("INFO"), "{screen}");
    desk.keys(&["F9"]);
    let screen = desk.wait_for("ended-with-0");
    assert!(!screen.contains("activated"), "{screen}");
    let log = text_of(&desk.path("state/log"));
    assert!(log.contains("device activated"), "{log}");
    assert!(!log.contains(PIN), "{log}");

    // Elsewhere they can be read all the while.
    let stderr = desk.path("stderr");
    desk.start("", &format!("--log-level trace 2> {}", stderr.display()));
    desk.wait_for("Please, enter start PIN");
    desk.put_in(0, "ana.card");
    desk.types(PIN);
    let screen = desk.wait_for("********_");
    assert!(!screen.contains(PIN), "{screen}");
    desk.keys(&["Enter"]);
    desk.wait_for("Please, enter next start PIN");
    let said = fs::read_to_string(stderr).expect("it is there");
    assert!(said.contains("card used"), "{said}");
    assert!(!said.contains(PIN), "{said}");
}
