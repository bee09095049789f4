//! Every screen of the console in every state of the device, cell by cell, as text in `snapshots/`; and what no key
//! ever does to a screen.

use core::fmt::Write as _;
use std::time::Duration;

use hsm_core::{Algorithm, Input, Key, LifeCycle, SCREEN_COLUMNS, SCREEN_ROWS};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr as _;

use crate::bench::{Bench, PIN, WRONG_PIN};

/// 25 rows between rules of 80 columns, then what a terminal highlights and where its cursor stands.
fn shown(bench: &Bench) -> String {
    let Some(device) = &bench.device else {
        return "no power\n".into();
    };
    let screen = device.screen();
    let rule = "=".repeat(SCREEN_COLUMNS);
    let mut text = format!("{rule}\n{screen}{rule}\n");
    if let Some(focus) = screen.focus {
        let cells = screen.text_in(focus);
        let (row, column, width, height) = (focus.row, focus.column, focus.width, focus.height);
        let size = format!("{width} x {height}");
        writeln!(text, "focus: row {row}, column {column}, {size}: {cells:?}").expect("a string takes it");
    }
    if let Some(cursor) = screen.cursor {
        writeln!(text, "cursor: row {}, column {}", cursor.row, cursor.column).expect("a string takes it");
    }
    text
}

fn check(name: &str, bench: &Bench) {
    insta::assert_snapshot!(name, shown(bench));
}

fn typed(text: &str) -> Vec<Key> {
    text.chars().map(Key::Char).collect()
}

/// A PIN with this card in the local reader.
fn present(bench: &mut Bench, card: usize, pin: &str) {
    bench.local_slot = Some(card);
    bench.press(&typed(pin));
    bench.press(&[Key::Enter]);
}

fn waiting() -> Bench {
    let mut bench = Bench::started(2);
    bench.press(&[Key::Esc]);
    bench
}

fn running() -> Bench {
    let mut bench = waiting();
    for card in 0..2 {
        present(&mut bench, card, PIN);
    }
    assert!(bench.is_activated());
    bench
}

fn stopped() -> Bench {
    opened(running(), &["Stop Service"])
}

/// Chooses these entries, one below the other, from the menu that is shown.
fn opened(mut bench: Bench, path: &[&str]) -> Bench {
    for entry in path {
        let is_selected = |bench: &Bench| {
            let screen = bench.device.as_ref().expect("there is power").screen();
            let focus = screen.focus.expect("a menu has a selected entry");
            let text = screen.text_in(focus);
            text.trim().trim_end_matches('▸').trim() == *entry
        };
        let moves = (0..12).take_while(|_| {
            let go_on = !is_selected(&bench);
            if go_on {
                bench.press(&[Key::Down]);
            }
            go_on
        });
        assert!(moves.count() < 12, "no entry {entry}:\n{}", shown(&bench));
        bench.press(&[Key::Enter]);
    }
    bench
}

fn then(mut bench: Bench, keys: &[Key]) -> Bench {
    bench.press(keys);
    bench
}

//= LC-04
#[test]
fn from_the_switch_to_the_menus_and_back() {
    let mut bench = Bench::new(2);
    check("off", &bench);
    bench.input(Input::PowerButton);
    check("starting", &bench);
    bench.wait(bench.profile.limits.start);
    check("remote_management_ready", &bench);
    bench.arrive();
    check("remote_management_active", &bench);
    let bench = then(bench, &[Key::Esc]);
    check("start_pin", &bench);
    check("start_pin_typed", &then(bench.clone(), &typed("1234")));
    check("start_pin_full", &then(bench.clone(), &typed("1234567890")));
    check(
        "start_pin_too_short",
        &then(bench.clone(), &[typed("1234"), vec![Key::Enter]].concat()),
    );
    let mut wrong = bench.clone();
    present(&mut wrong, 0, WRONG_PIN);
    check("start_pin_wrong", &wrong);
    let mut next = bench.clone();
    present(&mut next, 0, PIN);
    check("next_start_pin", &next);
    present(&mut next, 0, PIN);
    check("next_start_pin_same_card", &next);
    let mut stopping = opened(running(), &["Power Off", "Power Off"]);
    check("stopping", &stopping);
    stopping.wait(Duration::from_secs(10));
    check("off", &stopping);
    check("locked_running", &opened(running(), &["Lock Console"]));
    check("locked_stopped", &opened(stopped(), &["Lock Console"]));
}

//= LF-01
#[test]
fn out_of_the_factory() {
    let bench = Bench::new(2).out_of_the_factory().switched_on();
    check("first_boot", &bench);
    let yes = then(bench.clone(), &[Key::Tab]);
    check("first_boot_yes", &yes);
    check("first_boot_smart_card", &then(yes, &[Key::Enter]));
    check("first_boot_start_pin", &then(bench, &[Key::Enter]));
}

//= LC-02
//= LC-07
//= LC-08
#[test]
fn every_menu() {
    let paths: [(&str, &[&str]); 9] = [
        ("main", &[]),
        ("monitor", &["Monitor"]),
        ("configuration", &["Configuration"]),
        ("network", &["Configuration", "Network"]),
        ("operating_mode", &["Configuration", "Operating Mode"]),
        ("replication", &["Configuration", "Replication"]),
        ("smart_card", &["Configuration", "Smart Card Manager"]),
        ("partition", &["Partition"]),
        ("power_off", &["Power Off"]),
    ];
    for (name, path) in paths {
        check(&format!("menu_{name}"), &opened(running(), path));
        check(&format!("menu_{name}_stopped"), &opened(stopped(), path));
    }
}

//= LC-02
#[test]
fn every_page_that_tells() {
    let about = opened(running(), &["About"]);
    check("about", &about);
    check("about_end", &then(about, &[Key::Down; 9]));
    check("monitor_sessions", &opened(running(), &["Monitor", "Sessions"]));
    check("monitor_database", &opened(running(), &["Monitor", "Database"]));
    let system = opened(running(), &["Monitor", "System"]);
    check("monitor_system", &system);
    check(
        "monitor_system_stopped",
        &opened(stopped(), &["Monitor", "System"]),
    );
}

//= LC-06
#[test]
fn the_self_test_of_each_algorithm() {
    check("self_test_passed", &opened(running(), &["Self Test"]));
    for algorithm in Algorithm::ALL {
        let mut bench = running();
        bench.input(Input::SelfTestFault(Some(algorithm)));
        let bench = opened(bench, &["Self Test"]);
        let name: String = algorithm
            .name()
            .to_lowercase()
            .chars()
            .map(|character| {
                if character.is_ascii_alphanumeric() {
                    character
                } else {
                    '_'
                }
            })
            .collect();
        check(&format!("self_test_failed_{name}"), &bench);
        let held = opened(then(bench, &[Key::Enter]), &[]);
        check(
            "self_test_holds_service",
            &opened(then(held, &[Key::Up; 5]), &["Start Service"]),
        );
    }
}

//= LC-07
#[test]
fn every_page_that_is_filled_in() {
    let pages: [(&str, &[&str], &str); 9] = [
        ("interface_1", &["Configuration", "Network", "Interface 1"], "x"),
        ("interface_2", &["Configuration", "Network", "Interface 2"], "x"),
        ("gateway", &["Configuration", "Network", "Default Gateway"], "x"),
        ("name_servers", &["Configuration", "Network", "Name Servers"], "x"),
        ("time_servers", &["Configuration", "Network", "NTP"], " -"),
        ("date_and_time", &["Configuration", "Date and Time"], "\u{8}"),
        ("new_node", &["Configuration", "Replication", "New Node"], "hsm-b"),
        (
            "delete_node",
            &["Configuration", "Replication", "Delete Node"],
            "192.0.2.9",
        ),
        (
            "partition_authorization",
            &["Partition", "Partition Authorization"],
            "nobody",
        ),
    ];
    let enters = |bench: &Bench| {
        let mut bench = bench.clone();
        // From field to field, and then the button.
        while bench.device.as_ref().unwrap().screen().cursor.is_some() {
            bench.press(&[Key::Enter]);
        }
        bench
    };
    for (name, path, wrong) in pages {
        let page = opened(running(), path);
        check(&format!("{name}_form"), &page);
        check(&format!("{name}_form_next"), &then(page.clone(), &[Key::Tab]));
        let spoilt: Vec<_> = if wrong == "\u{8}" {
            vec![Key::Backspace]
        } else {
            [vec![Key::Backspace], typed(wrong)].concat()
        };
        let refused = enters(&then(page.clone(), &spoilt));
        check(&format!("{name}_refused"), &refused);
        check(&format!("{name}_refused_again"), &then(refused, &[Key::Enter]));
        check(&format!("{name}_entered"), &enters(&page));
    }
    let none = opened(running(), &["Configuration", "Replication", "Node List"]);
    check("node_list_none", &none);
    let mut node = opened(running(), &["Configuration", "Replication", "New Node"]);
    node.press(&[typed("192.0.2.20"), vec![Key::Enter]].concat());
    check("new_node_added", &node);
    let list = opened(then(node, &[Key::Enter, Key::Up]), &["Node List"]);
    check("node_list", &list);
}

//= OP-09
#[test]
fn what_destroys_the_database_asks_for_the_serial_number() {
    let reset = opened(running(), &["Configuration", "Database Reset"]);
    check("database_reset", &reset);
    let wrong = then(reset.clone(), &[typed("TXP0000002"), vec![Key::Enter]].concat());
    check("database_reset_wrong_serial", &wrong);
    check(
        "database_reset_accepted",
        &then(reset, &[typed("TXP0000001"), vec![Key::Enter]].concat()),
    );
    let mode = opened(running(), &["Configuration", "Operating Mode", "RM1"]);
    check("operating_mode_serial", &mode);
    let same = opened(running(), &["Configuration", "Operating Mode", "NRM"]);
    check(
        "operating_mode_same",
        &then(same, &[typed("TXP0000001"), vec![Key::Enter]].concat()),
    );
    check(
        "unblock_master",
        &opened(running(), &["Configuration", "Unblock Master"]),
    );
}

#[test]
fn a_partition_step_by_step() {
    let path = ["Partition", "Partition Authorization"];
    check("partition_without_service", &opened(stopped(), &path));
    let form = opened(running(), &path);
    let question = then(form, &[typed("master"), vec![Key::Enter]].concat());
    check("partition_question", &question);
    let mut pin = then(question, &[Key::Tab, Key::Enter]);
    check("partition_pin", &pin);
    check(
        "partition_pin_too_short",
        &then(pin.clone(), &[typed("12"), vec![Key::Enter]].concat()),
    );
    let mut other = pin.clone();
    present(&mut other, 0, PIN);
    check("partition_card_of_another_purpose", &other);
    // The bench's only card of a partition set.
    present(&mut pin, 9, PIN);
    check("partition_next_pin", &pin);
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        8 => prop::sample::select(vec![
            Key::Up, Key::Down, Key::Left, Key::Right, Key::Tab, Key::Enter, Key::Enter, Key::Esc, Key::Backspace,
            Key::Function(1),
        ]),
        2 => prop::sample::select("0123456789./: -".chars().collect::<Vec<_>>()).prop_map(Key::Char),
        1 => any::<char>().prop_map(Key::Char),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any keys from any state: nothing panics, and every screen is 80 x 25.
    //= LC-01
    #[test]
    fn no_keys_leave_the_screen(
        from in 0..5_usize,
        keys in prop::collection::vec(key(), 0..120),
    ) {
        let mut bench = match from {
            0 => waiting(),
            1 => running(),
            2 => stopped(),
            3 => opened(running(), &["Lock Console"]),
            _ => Bench::new(2).out_of_the_factory().switched_on(),
        };
        for key in keys {
            bench.press(&[key]);
            let screen = bench.device.as_ref().unwrap().screen();
            let text = screen.to_string();
            prop_assert_eq!(text.lines().count(), SCREEN_ROWS);
            for row in text.lines() {
                prop_assert!(row.width() <= SCREEN_COLUMNS, "{}", row);
            }
            for (row, column) in screen
                .focus
                .map(|focus| (focus.row + focus.height - 1, focus.column + focus.width - 1))
                .into_iter()
                .chain(screen.cursor.map(|cursor| (cursor.row, cursor.column)))
            {
                prop_assert!((1..=SCREEN_ROWS).contains(&row) && (1..=SCREEN_COLUMNS).contains(&column));
            }
            if !bench.device.as_ref().is_some_and(|device| device.state().is_on()) {
                bench.wait(Duration::from_secs(30));
            }
            if bench.device.as_ref().is_some_and(|device| device.state() == LifeCycle::Off) {
                bench.input(Input::PowerButton);
                bench.wait(Duration::from_secs(30));
            }
        }
    }

    /// A PIN is on no screen, whichever field takes it and whatever is pressed between its characters.
    //= LF-04
    #[test]
    fn no_pin_is_on_a_screen(
        pin in "[A-Za-z0-9]{6,9}",
        field in 0..3_usize,
        between in prop::collection::vec(prop::sample::select(vec![Key::Tab, Key::Up, Key::Function(2)]), 0..3),
    ) {
        let mut bench = match field {
            0 => waiting(),
            1 => opened(running(), &["Lock Console"]),
            _ => {
                let form = opened(running(), &["Partition", "Partition Authorization"]);
                let question = then(form, &[typed("master"), vec![Key::Enter]].concat());
                then(question, &[Key::Tab, Key::Enter])
            }
        };
        for character in pin.chars() {
            bench.press(&[Key::Char(character)]);
            bench.press(&between);
            let text = bench.device.as_ref().unwrap().screen().to_string();
            prop_assert!(!text.contains(&pin[..4]), "{}", text);
        }
        bench.press(&[Key::Enter]);
        let text = bench.device.as_ref().unwrap().screen().to_string();
        prop_assert!(!text.contains(&pin[..4]), "{}", text);
    }
}
