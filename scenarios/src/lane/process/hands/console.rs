//! Hands at the console: keys, menus, the local reader, and what the screen shows.

use hsm_core::Key;

use super::{super::stage::Stage, Hands};
use crate::{
    lane::Mismatch,
    steps::{Args, expect},
    world::PIN,
};

pub(super) const HANDS: Hands = &[
    ("somebody presses the key {key}", |stage, args| {
        stage.press(*args.key(0))
    }),
    ("somebody {hand}", |stage, args| stage.act(*args.hand(0))),
    ("somebody chooses {string} in the menu", |stage, args| {
        stage.choose(args.string(0)).map_err(|mismatch| Mismatch {
            argument: Some(0),
            ..mismatch
        })
    }),
    (
        "somebody types the PIN of {person} with the card in the local reader",
        |stage, args| {
            stage.insert_locally(args.person(0))?;
            stage.type_text(PIN)?;
            stage.press(Key::Enter)
        },
    ),
    ("somebody types {string}", |stage, args| {
        stage.type_text(args.string(0))
    }),
    ("somebody answers Yes", |stage, _| {
        stage.press(Key::Right)?;
        stage.press(Key::Enter)
    }),
    ("somebody answers No", |stage, _| stage.press(Key::Enter)),
    ("the console shows {string}", |stage, args| {
        let screen = stage.screen()?;
        if screen.contains(args.string(0)) {
            return Ok(());
        }
        Err(Mismatch {
            argument: Some(0),
            expected: format!("a screen with {:?}", args.string(0)),
            actual: format!("this screen:\n{}", screen.trim_end()),
        })
    }),
    ("the console does not show {string}", |stage, args| {
        let screen = stage.screen()?;
        expect(!screen.contains(args.string(0)), "a screen without it", || {
            screen.clone()
        })
    }),
    ("the console shows exactly:", exactly),
];

fn exactly(stage: &mut Stage<'_>, args: &Args) -> Result<(), Mismatch> {
    let screen = stage.screen()?;
    let trimmed = |text: &str| {
        let rows = text.trim_end().lines().map(|row| row.trim_end().to_owned());
        rows.collect::<Vec<_>>()
    };
    let (expected, actual) = (trimmed(args.text()), trimmed(&screen));
    expect(expected == actual, "exactly this screen", || {
        let differs = expected.iter().zip(&actual).position(|(a, b)| a != b);
        let row = differs.unwrap_or(expected.len().min(actual.len()));
        let shown = actual.get(row).map_or("nothing", String::as_str);
        format!("row {} is\n{shown}", row + 1)
    })
}
