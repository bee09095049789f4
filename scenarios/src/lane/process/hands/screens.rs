//! Hands of people in front of the client's console, on a terminal: what they press, type and click, and what they see.

use client_console::Key;

use super::{
    super::{
        screens::Screens,
        stage::{Stage, broken},
    },
    Hands,
};
use crate::{
    lane::Mismatch,
    steps::{Args, expect, mismatch, screens::key},
};

/// The rows of the header, behind the frame; the tabs have the left half.
const HEADER: (usize, usize) = (1, 6);
const HEADER_COLUMN: usize = 40;

pub(super) const HANDS: Hands = &[
    ("{person} starts the console", |stage, args| {
        stage.start_console(args.person(0))
    }),
    (
        "the station of {person} knows another fingerprint",
        |stage, args| {
            stage.person(args.person(0)).trusted = Some(vec!["AB"; 32].join(":"));
            Ok(())
        },
    ),
    ("{person} presses {key} at the station", |stage, args| {
        let key = key(*args.key(1))?;
        press(stage, args, key)
    }),
    ("{person} types {string} at the station", |stage, args| {
        for character in args.string(1).chars() {
            press(stage, args, Key::Char(character))?;
        }
        Ok(())
    }),
    ("{person} clicks on {string}", |stage, args| {
        let is_there = screens(stage, args)?.click(args.string(1)).map_err(broken)?;
        let screen = screen(stage, args)?;
        expect(is_there, &format!("`{}` on the screen", args.string(1)), || {
            screen
        })
    }),
    ("{person} enters {string} at the station", |stage, args| {
        for character in args.string(1).chars() {
            press(stage, args, Key::Char(character))?;
        }
        press(stage, args, Key::Enter)
    }),
    ("the station of {person} shows {string}", |stage, args| {
        let screen = screen(stage, args)?;
        let is_there = screen.contains(args.string(1));
        expect(is_there, &format!("`{}` on the screen", args.string(1)), || {
            screen
        })
    }),
    ("the station of {person} does not show {string}", |stage, args| {
        let screen = screen(stage, args)?;
        let is_there = screen.contains(args.string(1));
        expect(
            !is_there,
            &format!("no `{}` on the screen", args.string(1)),
            || screen,
        )
    }),
    (
        "the top right of the station of {person} shows {string}",
        |stage, args| {
            let screen = screen(stage, args)?;
            let header = screen.lines().skip(HEADER.0).take(HEADER.1);
            let header: Vec<String> = header
                .map(|line| line.chars().skip(HEADER_COLUMN).collect())
                .collect();
            let is_there = header.iter().any(|line| line.contains(args.string(1)));
            expect(
                is_there,
                &format!("`{}` at the top right", args.string(1)),
                || screen,
            )
        },
    ),
    ("the browser of {person} shows {string}", |stage, args| {
        let page = screens(stage, args)?.pages().map_err(broken)?.pop();
        let page = page.unwrap_or_else(|| "no page".into());
        let page = stage.page_in_words_of_scenario(&page)?;
        expect(page == args.string(1), args.string(1), || page.clone())
    }),
    ("the browser of {person} was not started", |stage, args| {
        let pages = screens(stage, args)?.pages().map_err(broken)?;
        expect(pages.is_empty(), "no page", || pages.join(", "))
    }),
    ("the console of {person} has ended", |stage, args| {
        let is_over = screens(stage, args)?.is_over();
        expect(is_over, "a program that is over", || "one that runs".into())
    }),
];

fn press(stage: &mut Stage<'_>, args: &Args, key: Key) -> Result<(), Mismatch> {
    screens(stage, args)?.press(key).map_err(broken)
}

fn screen(stage: &mut Stage<'_>, args: &Args) -> Result<String, Mismatch> {
    screens(stage, args)?.screen().map_err(broken)
}

fn screens<'a>(stage: &'a mut Stage<'_>, args: &Args) -> Result<&'a mut Screens, Mismatch> {
    let name = args.person(0);
    let screens = stage.person(name).screens.as_mut();
    screens.ok_or_else(|| {
        let expected = format!("a console, as in `When {name} starts the console`");
        mismatch(expected, "a station without one")
    })
}
