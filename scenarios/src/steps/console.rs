//! Steps at the console: keys, menus, the local reader, and what the screen shows.

use hsm_core::{Algorithm, Key, SCREEN_COLUMNS, SCREEN_ROWS};

use super::{Steps, define, expect};
use crate::{lane::Mismatch, step::BlockKind, world::World};

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "somebody presses the key {key}",
        "at the console",
        |stage, args| {
            let key = *args.key(0);
            stage.world()?.press(key);
            Ok(())
        },
    );
    define(
        steps,
        "somebody {hand}",
        "anything a hand can do to the HSM",
        |stage, args| {
            let hand = *args.hand(0);
            stage.world()?.act(hand);
            Ok(())
        },
    );
    define(
        steps,
        "somebody chooses {string} in the menu",
        "with arrow keys and Enter",
        |stage, args| {
            let entry = args.string(0).to_owned();
            choose(stage.world()?, &entry).map_err(|mismatch| Mismatch {
                argument: Some(0),
                ..mismatch
            })
        },
    );
    define(
        steps,
        "somebody chooses {string} at the console",
        "an entry of the main menu, from wherever the menus are",
        |stage, args| choose_on_the_way(stage.world()?, &[args.string(0)]),
    );
    define(
        steps,
        "somebody chooses {string} > {string} at the console",
        "an entry of a menu, from the main menu",
        |stage, args| choose_on_the_way(stage.world()?, &[args.string(0), args.string(1)]),
    );
    define(
        steps,
        "somebody chooses {string} > {string} > {string} at the console",
        "an entry of a menu below another",
        |stage, args| choose_on_the_way(stage.world()?, &[args.string(0), args.string(1), args.string(2)]),
    );
    define(
        steps,
        "somebody goes through the menu with the key {key}",
        "once around: every entry is selected in turn, and the first one again",
        |stage, args| {
            let key = *args.key(0);
            go_around(stage.world()?, key)
        },
    );
    define(
        steps,
        "somebody presses the key {key} {int} time(s)",
        "at the console",
        |stage, args| {
            let (key, times) = (*args.key(0), args.int(1));
            let world = stage.world()?;
            for _ in 0..times {
                world.press(key);
            }
            world.settle();
            Ok(())
        },
    );
    define(
        steps,
        "somebody enters {string} as {string}",
        "a text into the field with this label, in place of what is there",
        |stage, args| {
            let (text, label) = (args.string(0).to_owned(), args.string(1).to_owned());
            fill_in(stage.world()?, &label, &text).map_err(|mismatch| Mismatch {
                argument: Some(1),
                ..mismatch
            })
        },
    );
    define(
        steps,
        "somebody presses the button {string}",
        "Tab until it has the keys, then Enter",
        |stage, args| {
            let caption = args.string(0).to_owned();
            press_button(stage.world()?, &caption)
        },
    );
    define(
        steps,
        "the menu has {string} selected",
        "the entry that is highlighted",
        |stage, args| {
            let expected = args.string(0).to_owned();
            let actual = selected(stage.world()?).unwrap_or_default();
            super::expect_argument(0, &expected, &actual)
        },
    );
    define(
        steps,
        "the HSM computes {string} wrong from now on",
        "in its self tests, by the name that they show",
        |stage, args| {
            let name = args.string(0);
            let algorithm = Algorithm::ALL
                .into_iter()
                .find(|algorithm| algorithm.name() == name);
            let Some(algorithm) = algorithm else {
                let names = Algorithm::ALL.map(Algorithm::name).join(", ");
                return Err(super::mismatch(format!("one of {names}"), name));
            };
            stage
                .world()?
                .tell_device(hsm_core::Input::SelfTestFault(Some(algorithm)));
            Ok(())
        },
    );
    define(
        steps,
        "the HSM computes everything right again",
        "in its self tests",
        |stage, _| {
            stage.world()?.tell_device(hsm_core::Input::SelfTestFault(None));
            Ok(())
        },
    );
    define(
        steps,
        "the screen has 25 rows of at most 80 columns",
        "whatever is shown",
        |stage, _| {
            let screen = stage.world()?.screen();
            let rows: Vec<_> = screen.lines().collect();
            expect(
                rows.len() == SCREEN_ROWS && rows.iter().all(|row| row.chars().count() <= SCREEN_COLUMNS),
                "80 x 25 cells",
                || screen.clone(),
            )
        },
    );
    define(
        steps,
        "somebody types the PIN of {person} with the card in the local reader",
        "the card is put in, eight characters are typed, Enter is pressed",
        |stage, args| {
            let world = stage.world()?;
            world.insert_locally(args.person(0));
            for character in crate::world::PIN.chars() {
                world.press(Key::Char(character));
            }
            world.press(Key::Enter);
            Ok(())
        },
    );
    define(
        steps,
        "the console shows {string}",
        "somewhere on the screen",
        |stage, args| {
            let screen = stage.world()?.screen();
            if screen.contains(args.string(0)) {
                return Ok(());
            }
            let expected = format!("a screen with {:?}", args.string(0));
            Err(Mismatch {
                argument: Some(0),
                expected,
                actual: format!("this screen:\n{}", screen.trim_end()),
            })
        },
    );
    define(
        steps,
        "the console does not show {string}",
        "nowhere on the screen",
        |stage, args| {
            let screen = stage.world()?.screen();
            expect(!screen.contains(args.string(0)), "a screen without it", || {
                screen.clone()
            })
        },
    );
    steps.define(
        "the console shows:",
        "these rows, one below the other, somewhere on the screen",
        BlockKind::DocString,
        |stage, args| {
            let screen = stage.world()?.screen();
            let expected: Vec<_> = args.text().trim_end().lines().map(str::trim).collect();
            let rows: Vec<_> = screen.lines().collect();
            let is_there = rows
                .windows(expected.len().max(1))
                .any(|window| window.iter().zip(&expected).all(|(row, part)| row.contains(part)));
            expect(is_there, "these rows on the screen", || {
                format!("this screen:\n{}", screen.trim_end())
            })
        },
    );
    steps.define(
        "the console shows exactly:",
        "25 rows; blanks at the ends of rows do not count",
        BlockKind::DocString,
        |stage, args| {
            let screen = stage.world()?.screen();
            let trimmed = |text: &str| {
                text.trim_end()
                    .lines()
                    .map(|row| row.trim_end().to_owned())
                    .collect::<Vec<_>>()
            };
            let (expected, actual) = (trimmed(args.text()), trimmed(&screen));
            expect(expected == actual, "exactly this screen", || {
                let row = expected
                    .iter()
                    .zip(&actual)
                    .position(|(a, b)| a != b)
                    .unwrap_or(expected.len().min(actual.len()));
                let shown = actual.get(row).map_or("nothing", String::as_str);
                format!("row {} is\n{shown}", row + 1)
            })
        },
    );
}

/// Moves to an entry of the menu that is shown, and presses Enter.
pub(super) fn choose(world: &mut World, entry: &str) -> Result<(), Mismatch> {
    /// More than any menu has entries.
    const MOVES_MAX: usize = 16;
    for _ in 0..MOVES_MAX {
        if selected(world).is_some_and(|selected| selected == entry) {
            world.press(Key::Enter);
            world.settle();
            return Ok(());
        }
        world.press(Key::Down);
    }
    Err(super::mismatch(
        format!("a menu with `{entry}`"),
        format!("this screen:\n{}", world.screen().trim_end()),
    ))
}

/// Goes back to the main menu and from there to the last of these entries.
fn choose_on_the_way(world: &mut World, entries: &[&str]) -> Result<(), Mismatch> {
    /// More than any menu is deep, and what may stand over it.
    const WAY_BACK_MAX: usize = 8;
    for _ in 0..WAY_BACK_MAX {
        if world.screen().contains("┤ Main ├") {
            break;
        }
        world.press(Key::Esc);
        world.settle();
    }
    for (index, entry) in entries.iter().enumerate() {
        choose(world, entry).map_err(|mismatch| Mismatch {
            argument: Some(index),
            ..mismatch
        })?;
    }
    Ok(())
}

/// Presses the key until the entry that is selected is selected again, and has seen every entry on the way.
fn go_around(world: &mut World, key: Key) -> Result<(), Mismatch> {
    let first = selected(world).ok_or_else(|| super::mismatch("a menu", world.screen()))?;
    let entries = world
        .screen()
        .lines()
        .filter(|row| row.trim_start().starts_with('│'))
        .count();
    let mut seen = vec![first.clone()];
    for _ in 1..entries {
        world.press(key);
        let next = selected(world).unwrap_or_default();
        if seen.contains(&next) {
            return Err(super::mismatch(
                format!("{entries} entries in turn"),
                format!("`{next}` twice"),
            ));
        }
        seen.push(next);
    }
    world.press(key);
    let last = selected(world).unwrap_or_default();
    expect(last == first, &format!("`{first}` again"), || last.clone())
}

fn fill_in(world: &mut World, label: &str, text: &str) -> Result<(), Mismatch> {
    /// More than any form has fields.
    const MOVES_MAX: usize = 24;
    /// More than any field has places that are seen.
    const PLACES_MAX: usize = 64;
    let row_of_focus = |world: &World| -> Option<String> {
        let screen = world.device()?.screen();
        let row = screen.cursor?.row;
        Some(screen.to_string().lines().nth(row - 1)?.to_owned())
    };
    for _ in 0..MOVES_MAX {
        let is_there = row_of_focus(world).is_some_and(|row| {
            row.trim_start_matches([' ', '│'])
                .starts_with(&format!("{label} "))
        });
        if is_there {
            for _ in 0..PLACES_MAX {
                world.press(Key::Backspace);
            }
            for character in text.chars() {
                world.press(Key::Char(character));
            }
            return Ok(());
        }
        world.press(Key::Tab);
    }
    Err(super::mismatch(
        format!("a field `{label}`"),
        format!("this screen:\n{}", world.screen().trim_end()),
    ))
}

fn press_button(world: &mut World, caption: &str) -> Result<(), Mismatch> {
    /// More than any dialog has fields and buttons.
    const MOVES_MAX: usize = 24;
    for _ in 0..MOVES_MAX {
        let focused = world.device().and_then(|device| {
            let screen = device.screen();
            screen.focus.map(|focus| screen.text_in(focus))
        });
        if focused.is_some_and(|text| {
            text.contains('┌')
                && text
                    .lines()
                    .nth(1)
                    .is_some_and(|row| row.contains(&format!(" {caption} ")))
        }) {
            world.press(Key::Enter);
            world.settle();
            return Ok(());
        }
        world.press(Key::Tab);
    }
    Err(super::mismatch(
        format!("a button `{caption}`"),
        format!("this screen:\n{}", world.screen().trim_end()),
    ))
}

/// The label of the entry that is highlighted.
fn selected(world: &World) -> Option<String> {
    let screen = world.device()?.screen();
    let row = screen.text_in(screen.focus?);
    Some(row.trim().trim_end_matches([' ', '▸']).to_owned())
}
