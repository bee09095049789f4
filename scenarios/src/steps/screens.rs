//! Steps of people in front of the client's console: what they press, type and click, and what they see.

use client_console::Key;

use super::{Args, Stage, Steps, define, expect, mismatch};
use crate::{lane::Mismatch, world::Screens};

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "{person} starts the console",
        "the client's terminal program, at the station of this person; it shows its start screen",
        |stage, args| {
            stage.world()?.start_screens(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "the station of {person} knows another fingerprint",
        "as when the HSM was replaced, or somebody stands in between",
        |stage, args| {
            stage.world()?.trust_another_device(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} presses {key} at the station",
        "a key of the terminal",
        |stage, args| {
            screens(stage, args)?;
            let key = key(*args.key(1))?;
            stage.world()?.press_at_station(args.person(0), key);
            Ok(())
        },
    );
    define(
        steps,
        "{person} types {string} at the station",
        "without Enter",
        |stage, args| {
            screens(stage, args)?;
            for character in args.string(1).chars() {
                let world = stage.world()?;
                world.press_at_station(args.person(0), Key::Char(character));
            }
            Ok(())
        },
    );
    define(
        steps,
        "{person} clicks on {string}",
        "where the screen of the station shows it",
        |stage, args| {
            screens(stage, args)?;
            let world = stage.world()?;
            let is_there = world.click_at_station(args.person(0), args.string(1));
            let screen = world.station_screen(args.person(0));
            expect(is_there, &format!("`{}` on the screen", args.string(1)), || {
                screen
            })
        },
    );
    define(
        steps,
        "{person} enters {string} at the station",
        "types it and presses Enter",
        |stage, args| {
            screens(stage, args)?;
            for character in args.string(1).chars() {
                let world = stage.world()?;
                world.press_at_station(args.person(0), Key::Char(character));
            }
            stage.world()?.press_at_station(args.person(0), Key::Enter);
            Ok(())
        },
    );
    define(
        steps,
        "the station of {person} shows {string}",
        "somewhere on its screen, in one line",
        |stage, args| {
            let screen = screen(stage, args)?;
            let is_there = screen.contains(args.string(1));
            expect(is_there, &format!("`{}` on the screen", args.string(1)), || {
                screen
            })
        },
    );
    define(
        steps,
        "the station of {person} does not show {string}",
        "nowhere on its screen",
        |stage, args| {
            let screen = screen(stage, args)?;
            let is_there = screen.contains(args.string(1));
            expect(
                !is_there,
                &format!("no `{}` on the screen", args.string(1)),
                || screen,
            )
        },
    );
    define(
        steps,
        "the top right of the station of {person} shows {string}",
        "in the header, right of the tabs",
        |stage, args| {
            let screen = screen(stage, args)?;
            // The frame, then six rows; the tabs have the left half.
            let header = screen.lines().skip(1).take(6);
            let header: Vec<String> = header.map(|line| line.chars().skip(40).collect()).collect();
            let is_there = header.iter().any(|line| line.contains(args.string(1)));
            expect(
                is_there,
                &format!("`{}` at the top right", args.string(1)),
                || screen,
            )
        },
    );
    define(
        steps,
        "the browser of {person} shows {string}",
        "the page it was started with last",
        |stage, args| {
            let pages = &screens(stage, args)?.pages;
            let page = pages.last().cloned().unwrap_or_else(|| "no page".into());
            expect(page == args.string(1), args.string(1), || page.clone())
        },
    );
    define(
        steps,
        "the browser of {person} was not started",
        "no page was shown",
        |stage, args| {
            let pages = &screens(stage, args)?.pages;
            expect(pages.is_empty(), "no page", || pages.join(", "))
        },
    );
    define(
        steps,
        "the console of {person} has ended",
        "the program is over",
        |stage, args| {
            let is_over = screens(stage, args)?.is_over;
            expect(is_over, "a program that is over", || "one that runs".into())
        },
    );
}

fn screens<'a>(stage: &'a mut Stage, args: &Args) -> Result<&'a Screens, Mismatch> {
    let name = args.person(0);
    let screens = stage.world()?.station(name).screens.as_ref();
    screens.ok_or_else(|| {
        let expected = format!("a console, as in `When {name} starts the console`");
        mismatch(expected, "a station without one")
    })
}

fn screen(stage: &mut Stage, args: &Args) -> Result<String, Mismatch> {
    screens(stage, args)?;
    Ok(stage.world()?.station_screen(args.person(0)))
}

/// The terminal's key of this name.
pub(crate) fn key(named: hsm_core::Key) -> Result<Key, Mismatch> {
    use hsm_core::Key as Named;
    Ok(match named {
        Named::Char(character) => Key::Char(character),
        Named::Enter => Key::Enter,
        Named::Esc => Key::Escape,
        Named::Tab => Key::Tab,
        Named::Up => Key::Up,
        Named::Down => Key::Down,
        Named::Left => Key::Left,
        Named::Right => Key::Right,
        Named::Backspace => Key::Backspace,
        Named::Function(number) => {
            return Err(mismatch("a key that the client knows", format!("F{number}")));
        }
    })
}
