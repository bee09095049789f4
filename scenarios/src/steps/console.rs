//! Steps at the console: keys, menus, the local reader, and what the screen shows.

use hsm_core::Key;

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

/// The label of the entry that is highlighted.
fn selected(world: &World) -> Option<String> {
    let screen = world.device()?.screen();
    let row = screen.text_in(screen.focus?);
    Some(row.trim().trim_end_matches([' ', '▸']).to_owned())
}
