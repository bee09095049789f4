//! Steps at the Smart Card Manager: cards handed to it one after the other, what is typed, and what the cards hold then.

use hsm_core::{Key, Purpose, Scheme, Shadow};

use super::{Args, Handler, Stage, Steps, console::choose, define, expect, expect_argument, mismatch};
use crate::{
    lane::Mismatch,
    world::{PIN, SmartCard, World},
};

pub(super) fn register(steps: &mut Steps) {
    for (expression, explanation, handler) in STEPS {
        define(steps, expression, explanation, *handler);
    }
}

const STEPS: &[(&str, &str, Handler)] = &[
    // What somebody does.
    (
        "somebody opens the Smart Card Manager",
        "by the question of the first boot, or by the menus",
        |stage, _| open(stage.world()?),
    ),
    (
        "somebody enters {string}",
        "types it and presses Enter",
        |stage, args| {
            enter(stage.world()?, args.string(0));
            Ok(())
        },
    ),
    (
        "somebody puts in the card of {person} and presses Enter",
        "into the local reader; the card that was in it is taken out before",
        |stage, args| {
            put_in(stage.world()?, args.person(0));
            Ok(())
        },
    ),
    (
        "somebody takes the card out",
        "of the local reader",
        |stage, _| {
            stage.world()?.remove_locally();
            Ok(())
        },
    ),
    (
        "somebody gives the card of {person}, its PIN and the label {string}",
        "a card for the set that is being made",
        |stage, args| {
            give(stage.world()?, args.person(0), args.string(1));
            Ok(())
        },
    ),
    (
        "somebody gives the card of {person} and its PIN",
        "a card that is read",
        |stage, args| {
            let world = stage.world()?;
            put_in(world, args.person(0));
            enter(world, PIN);
            Ok(())
        },
    ),
    (
        "somebody makes a {scheme} Server Master Key set of new cards called {string}",
        "all dialogs, with cards that hold nothing; they are called `Box 1`, `Box 2` and so on",
        |stage, args| {
            let world = stage.world()?;
            choose(world, "Create Server Master Key")?;
            write_new_cards(world, *args.scheme(0), args.string(1))
        },
    ),
    (
        "somebody copies the set of {int} cards called {string} to a {scheme} set of new cards called {string}",
        "all dialogs; as many cards of the old set are given as are needed",
        |stage, args| {
            let count = args.int(0);
            let world = stage.world()?;
            choose(world, "Copy Set")?;
            for number in 1..=count {
                put_in(world, &format!("{} {number}", args.string(1)));
                enter(world, PIN);
                world.settle();
            }
            write_new_cards(world, *args.scheme(2), args.string(3))
        },
    ),
    (
        "somebody types the PINs of cards {int} to {int} called {string}, each in the local reader",
        "for a start PIN",
        |stage, args| {
            let world = stage.world()?;
            for number in args.int(0)..=args.int(1) {
                world.remove_locally();
                world.insert_locally(&format!("{} {number}", args.string(2)));
                enter(world, PIN);
                world.settle();
            }
            Ok(())
        },
    ),
    // Cards.
    (
        "{person} holds a formatted card",
        "with the PIN 12345678, without label and shadow",
        |stage, args| {
            stage.world()?.give_formatted_card(args.person(0));
            Ok(())
        },
    ),
    (
        "{person} holds a formatted card with the PIN {string}",
        "without label and shadow",
        |stage, args| {
            stage
                .world()?
                .give_formatted_card_with_pin(args.person(0), args.string(1));
            Ok(())
        },
    ),
    (
        "{person} holds the card of the vendor's screen",
        "with the serial number of the page on smart cards, formatted",
        |stage, args| {
            stage.world()?.give_the_vendors_card(args.person(0));
            Ok(())
        },
    ),
    (
        "{person} holds a card whose erasure breaks the seal",
        "erase_keeps_seal = false, without label and shadow",
        |stage, args| {
            stage.world()?.give_card_that_breaks_the_seal(args.person(0));
            Ok(())
        },
    ),
    // What the cards hold then.
    (
        "the card of {person} is card {int} of a {scheme} set for activation",
        "its shadow says so",
        |stage, args| check_shadow(stage, args, Purpose::ServerMasterKey),
    ),
    (
        "the card of {person} is card {int} of a {scheme} set for partition authorization",
        "its shadow says so",
        |stage, args| check_shadow(stage, args, Purpose::PartitionAuthorization),
    ),
    (
        "the card of {person} is labelled {string}",
        "exactly",
        |stage, args| {
            let label = card(stage, args, 0)?.label();
            expect_argument(1, &args.string(1).to_owned(), &label)
        },
    ),
    (
        "the card of {person} holds neither label nor shadow",
        "as after its format",
        |stage, args| {
            let card = card(stage, args, 0)?;
            expect(
                card.shadow().is_empty() && card.label().is_empty(),
                "an empty card",
                || "one that holds something".into(),
            )
        },
    ),
    (
        "the card of {person} holds what it was given at the beginning",
        "its shadow and its label",
        |stage, args| {
            let person = args.person(0).to_owned();
            let given = stage.world()?.given_shadow(&person);
            let card = card(stage, args, 0)?;
            expect(
                card.shadow() == given && card.label() == person,
                "the shadow and the label of the beginning",
                || "others".into(),
            )
        },
    ),
    (
        "the cards of {person} and {person} are of one set",
        "their shadows have the same set id",
        |stage, args| {
            let (one, other) = (shadow(stage, args, 0)?, shadow(stage, args, 1)?);
            expect(one.set == other.set, "one set", || "two".into())
        },
    ),
    (
        "the cards of {person} and {person} are of different sets",
        "their shadows have different set ids",
        |stage, args| {
            let (one, other) = (shadow(stage, args, 0)?, shadow(stage, args, 1)?);
            expect(one.set != other.set, "two sets", || "one".into())
        },
    ),
    (
        "the cards of {person} and {person} hold the same shadow",
        "byte by byte",
        |stage, args| {
            let (one, other) = (card(stage, args, 0)?.shadow(), card(stage, args, 1)?.shadow());
            expect(one == other, "the same shadow", || "two".into())
        },
    ),
    (
        "the screen and the log name the set of {person} as invalid",
        "with its name, as its card tells it",
        |stage, args| {
            let set = shadow(stage, args, 0)?.set.to_string();
            named_as_invalid(stage, &set, "set of cards INVALID")
        },
    ),
    (
        "the screen and the log name the card of {person} as invalid",
        "with its serial number",
        |stage, args| {
            let serial = card(stage, args, 0)?.image().csn().to_string();
            named_as_invalid(stage, &serial, "card INVALID")
        },
    ),
    (
        "the log does not call anything invalid",
        "neither a set nor a card",
        |stage, _| {
            let log = &stage.world()?.log;
            let line = log.iter().find(|line| line.contains("INVALID"));
            line.map_or(Ok(()), |line| Err(mismatch("nothing invalid", line.clone())))
        },
    ),
];

fn open(world: &mut World) -> Result<(), Mismatch> {
    if world.screen().contains("Do you want to load smart card manager?") {
        agree(world);
    } else {
        choose(world, "Configuration")?;
        choose(world, "Smart Card Manager")?;
    }
    world.settle();
    Ok(())
}

fn type_text(world: &mut World, text: &str) {
    for character in text.chars() {
        world.press(Key::Char(character));
    }
}

fn enter(world: &mut World, text: &str) {
    type_text(world, text);
    world.press(Key::Enter);
    world.settle();
}

fn agree(world: &mut World) {
    world.press(Key::Right);
    world.press(Key::Enter);
    world.settle();
}

fn put_in(world: &mut World, holder: &str) {
    world.remove_locally();
    world.insert_locally(holder);
    world.press(Key::Enter);
    world.settle();
}

fn give(world: &mut World, holder: &str, label: &str) {
    put_in(world, holder);
    enter(world, PIN);
    enter(world, label);
}

/// N, M, and each card with its PIN and a label.
fn write_new_cards(world: &mut World, scheme: Scheme, name: &str) -> Result<(), Mismatch> {
    enter(world, &scheme.cards().to_string());
    enter(world, &scheme.required().to_string());
    for number in 1..=scheme.cards() {
        let holder = format!("{name} {number}");
        world.give_formatted_card(&holder);
        give(world, &holder, &holder);
    }
    let screen = world.screen();
    expect(screen.contains("The set is complete"), "a complete set", || {
        screen
    })?;
    world.press(Key::Enter);
    world.settle();
    Ok(())
}

fn card<'a>(stage: &'a mut Stage, args: &Args, index: usize) -> Result<&'a SmartCard, Mismatch> {
    let person = args.person(index);
    let card = stage.world()?.cards.get(person);
    card.ok_or_else(|| Mismatch {
        argument: Some(index),
        expected: "somebody who holds a card".into(),
        actual: person.to_owned(),
    })
}

fn shadow(stage: &mut Stage, args: &Args, index: usize) -> Result<Shadow, Mismatch> {
    let held = card(stage, args, index)?.shadow();
    Shadow::parse(&held).map_err(|why| Mismatch {
        argument: Some(index),
        expected: "a card with a shadow".into(),
        actual: format!("{} bytes, {why:?}", held.len()),
    })
}

fn check_shadow(stage: &mut Stage, args: &Args, purpose: Purpose) -> Result<(), Mismatch> {
    let shadow = shadow(stage, args, 0)?;
    expect(shadow.purpose == purpose, &purpose.to_string(), || {
        shadow.purpose.to_string()
    })?;
    expect_argument(1, &args.int(1), &i64::from(shadow.index))?;
    let told = |scheme: Scheme| format!("{}-of-{}", scheme.required(), scheme.cards());
    expect_argument(2, &told(*args.scheme(2)), &told(shadow.scheme))
}

fn named_as_invalid(stage: &mut Stage, name: &str, words: &str) -> Result<(), Mismatch> {
    let world = stage.world()?;
    let screen = world.screen();
    expect(
        screen.contains("invalid") && screen.contains(name),
        &format!("a screen that calls {name} invalid"),
        || screen.clone(),
    )?;
    let is_in_log = world
        .log
        .iter()
        .any(|line| line.contains(words) && line.contains(name));
    expect(
        is_in_log,
        &format!("a line of the log that calls {name} invalid"),
        || "none".into(),
    )
}
