//! Hands on the way through the console's menus and dialogs: what is selected, where the cursor is, which button has the
//! keys. Believes what the bench shows of the real screen, and nothing else.

use hsm_core::{Key, SCREEN_COLUMNS, SCREEN_ROWS};

use super::{super::stage::Stage, Hands};
use crate::{
    lane::Mismatch,
    steps::{expect, expect_argument, mismatch},
};

/// More than any menu is deep, and what may stand over it.
const WAY_BACK_MAX: usize = 8;
/// More than any form has fields and buttons.
const MOVES_MAX: usize = 24;
/// More than any field has places that are seen.
const PLACES_MAX: usize = 64;

pub(super) const HANDS: Hands = &[
    ("somebody chooses {string} at the console", |stage, args| {
        choose_on_the_way(stage, &[args.string(0)])
    }),
    (
        "somebody chooses {string} > {string} at the console",
        |stage, args| choose_on_the_way(stage, &[args.string(0), args.string(1)]),
    ),
    (
        "somebody chooses {string} > {string} > {string} at the console",
        |stage, args| choose_on_the_way(stage, &[args.string(0), args.string(1), args.string(2)]),
    ),
    (
        "somebody goes through the menu with the key {key}",
        |stage, args| go_around(stage, *args.key(0)),
    ),
    ("somebody presses the key {key} {int} time(s)", |stage, args| {
        let times = usize::try_from(args.int(1)).unwrap_or(0);
        stage.press_again_and_again(*args.key(0), times)
    }),
    ("somebody enters {string} as {string}", |stage, args| {
        fill_in(stage, args.string(1), args.string(0)).map_err(|mismatch| Mismatch {
            argument: Some(1),
            ..mismatch
        })
    }),
    ("somebody presses the button {string}", |stage, args| {
        press_button(stage, args.string(0))
    }),
    ("the menu has {string} selected", |stage, args| {
        let selected = stage.selected()?.unwrap_or_default();
        expect_argument(0, &args.string(0).to_owned(), &selected)
    }),
    ("the screen has 25 rows of at most 80 columns", |stage, _| {
        let screen = stage.screen()?;
        let rows: Vec<_> = screen.lines().collect();
        expect(
            rows.len() == SCREEN_ROWS && rows.iter().all(|row| row.chars().count() <= SCREEN_COLUMNS),
            "80 x 25 cells",
            || screen.clone(),
        )
    }),
    ("the console shows:", |stage, args| {
        let screen = stage.screen()?;
        let expected: Vec<_> = args.text().trim_end().lines().map(str::trim).collect();
        let rows: Vec<_> = screen.lines().collect();
        let is_there = rows
            .windows(expected.len().max(1))
            .any(|window| window.iter().zip(&expected).all(|(row, part)| row.contains(part)));
        expect(is_there, "these rows on the screen", || {
            format!("this screen:\n{}", screen.trim_end())
        })
    }),
    ("the HSM computes {string} wrong from now on", |stage, args| {
        let name = args.string(0);
        let Some(algorithm) = hsm_bench::Algorithm::of(name) else {
            let names = hsm_bench::Algorithm::ALL.map(|algorithm| algorithm.to_string());
            return Err(mismatch(format!("one of {}", names.join(", ")), name));
        };
        stage.change_faults(|faults| faults.computes_wrong = Some(algorithm))
    }),
    ("the HSM computes everything right again", |stage, _| {
        stage.change_faults(|faults| faults.computes_wrong = None)
    }),
];

/// Goes back to the main menu and from there to the last of these entries.
fn choose_on_the_way(stage: &mut Stage<'_>, entries: &[&str]) -> Result<(), Mismatch> {
    for _ in 0..WAY_BACK_MAX {
        if stage.screen()?.contains("┤ Main ├") {
            break;
        }
        stage.press(Key::Esc)?;
        stage.settle()?;
    }
    for (index, entry) in entries.iter().enumerate() {
        stage.choose(entry).map_err(|mismatch| Mismatch {
            argument: Some(index),
            ..mismatch
        })?;
    }
    Ok(())
}

/// Presses the key until the entry that is selected is selected again, and has seen every entry on the way.
fn go_around(stage: &mut Stage<'_>, key: Key) -> Result<(), Mismatch> {
    let screen = stage.screen()?;
    let first = stage.selected()?.ok_or_else(|| mismatch("a menu", &screen))?;
    let entries = screen
        .lines()
        .filter(|row| row.trim_start().starts_with('│'))
        .count();
    let mut seen = vec![first.clone()];
    for _ in 1..entries {
        stage.press(key)?;
        let next = stage.selected()?.unwrap_or_default();
        if seen.contains(&next) {
            return Err(mismatch(
                format!("{entries} entries in turn"),
                format!("`{next}` twice"),
            ));
        }
        seen.push(next);
    }
    stage.press(key)?;
    let last = stage.selected()?.unwrap_or_default();
    expect(last == first, &format!("`{first}` again"), || last.clone())
}

fn fill_in(stage: &mut Stage<'_>, label: &str, text: &str) -> Result<(), Mismatch> {
    let start = format!("{label} ");
    for _ in 0..MOVES_MAX {
        let row = stage.row_of_cursor()?.unwrap_or_default();
        if row.trim_start_matches([' ', '│']).starts_with(&start) {
            stage.press_again_and_again(Key::Backspace, PLACES_MAX)?;
            return stage.type_text(text);
        }
        stage.press(Key::Tab)?;
    }
    Err(not_there(stage, &format!("a field `{label}`")))
}

fn press_button(stage: &mut Stage<'_>, caption: &str) -> Result<(), Mismatch> {
    let caption_in_box = format!(" {caption} ");
    for _ in 0..MOVES_MAX {
        let focused = stage.focused()?.unwrap_or_default();
        let caption_row = focused.lines().nth(1).unwrap_or_default();
        if focused.contains('┌') && caption_row.contains(&caption_in_box) {
            stage.press(Key::Enter)?;
            return stage.settle();
        }
        stage.press(Key::Tab)?;
    }
    Err(not_there(stage, &format!("a button `{caption}`")))
}

fn not_there(stage: &mut Stage<'_>, what: &str) -> Mismatch {
    let screen = stage.screen();
    screen.map_or_else(
        |broken| broken,
        |screen| mismatch(what, format!("this screen:\n{}", screen.trim_end())),
    )
}
