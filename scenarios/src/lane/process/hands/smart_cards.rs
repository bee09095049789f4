//! Hands at the Smart Card Manager: cards handed to the local reader one after the other, what is typed, and what the
//! images of the cards hold then.

use hsm_core::{Key, Purpose, Scheme, Shadow};

use super::{super::stage::Stage, Hands, cards::give};
use crate::{
    lane::Mismatch,
    steps::{Args, expect, expect_argument, mismatch},
    world::{PIN, SmartCard},
};

pub(super) const HANDS: Hands = &[
    ("somebody opens the Smart Card Manager", |stage, _| {
        let screen = stage.screen()?;
        if screen.contains("Do you want to load smart card manager?") {
            stage.press(Key::Right)?;
            stage.press(Key::Enter)?;
            return stage.settle();
        }
        stage.choose("Configuration")?;
        stage.choose("Smart Card Manager")
    }),
    ("somebody enters {string}", |stage, args| {
        enter(stage, args.string(0))
    }),
    (
        "somebody puts in the card of {person} and presses Enter",
        |stage, args| put_in(stage, args.person(0)),
    ),
    ("somebody takes the card out", |stage, _| stage.remove_locally()),
    (
        "somebody gives the card of {person}, its PIN and the label {string}",
        |stage, args| write_card(stage, args.person(0), args.string(1)),
    ),
    (
        "somebody gives the card of {person} and its PIN",
        |stage, args| {
            put_in(stage, args.person(0))?;
            enter(stage, PIN)
        },
    ),
    (
        "somebody makes a {scheme} Server Master Key set of new cards called {string}",
        |stage, args| {
            stage.choose("Create Server Master Key")?;
            write_new_cards(stage, *args.scheme(0), args.string(1))
        },
    ),
    (
        "somebody copies the set of {int} cards called {string} to a {scheme} set of new cards called {string}",
        |stage, args| {
            stage.choose("Copy Set")?;
            for number in 1..=args.int(0) {
                put_in(stage, &format!("{} {number}", args.string(1)))?;
                enter(stage, PIN)?;
            }
            write_new_cards(stage, *args.scheme(2), args.string(3))
        },
    ),
    (
        "somebody types the PINs of cards {int} to {int} called {string}, each in the local reader",
        |stage, args| {
            for number in args.int(0)..=args.int(1) {
                stage.insert_locally(&format!("{} {number}", args.string(2)))?;
                enter(stage, PIN)?;
            }
            Ok(())
        },
    ),
    ("{person} holds a formatted card", |stage, args| {
        give(stage, &[args.person(0)], |world| {
            world.give_formatted_card(args.person(0));
        })
    }),
    (
        "{person} holds a formatted card with the PIN {string}",
        |stage, args| {
            give(stage, &[args.person(0)], |world| {
                world.give_formatted_card_with_pin(args.person(0), args.string(1));
            })
        },
    ),
    ("{person} holds the card of the vendor's screen", |stage, args| {
        give(stage, &[args.person(0)], |world| {
            world.give_the_vendors_card(args.person(0));
        })
    }),
    (
        "{person} holds a card whose erasure breaks the seal",
        |stage, args| {
            give(stage, &[args.person(0)], |world| {
                world.give_card_that_breaks_the_seal(args.person(0));
            })
        },
    ),
    (
        "{person} and {person} hold the whole of a 2-of-2 partition set",
        |stage, args| {
            let people = [args.person(0), args.person(1)];
            give(stage, &people, |world| world.give_partition_set(people))
        },
    ),
    (
        "the card of {person} is card {int} of a {scheme} set for activation",
        |stage, args| check_shadow(stage, args, Purpose::ServerMasterKey),
    ),
    (
        "the card of {person} is card {int} of a {scheme} set for partition authorization",
        |stage, args| check_shadow(stage, args, Purpose::PartitionAuthorization),
    ),
    ("the card of {person} is labelled {string}", |stage, args| {
        let label = card(stage, args, 0)?.label();
        expect_argument(1, &args.string(1).to_owned(), &label)
    }),
    (
        "the card of {person} holds neither label nor shadow",
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
        |stage, args| {
            let given = stage.factory()?.given_shadow(args.person(0));
            let card = card(stage, args, 0)?;
            expect(
                card.shadow() == given && card.label() == args.person(0),
                "the shadow and the label of the beginning",
                || "others".into(),
            )
        },
    ),
    (
        "the cards of {person} and {person} are of one set",
        |stage, args| {
            let (one, other) = (shadow(stage, args, 0)?, shadow(stage, args, 1)?);
            expect(one.set == other.set, "one set", || "two".into())
        },
    ),
    (
        "the cards of {person} and {person} are of different sets",
        |stage, args| {
            let (one, other) = (shadow(stage, args, 0)?, shadow(stage, args, 1)?);
            expect(one.set != other.set, "two sets", || "one".into())
        },
    ),
    (
        "the cards of {person} and {person} hold the same shadow",
        |stage, args| {
            let (one, other) = (card(stage, args, 0)?.shadow(), card(stage, args, 1)?.shadow());
            expect(one == other, "the same shadow", || "two".into())
        },
    ),
    (
        "the screen and the log name the set of {person} as invalid",
        |stage, args| {
            let set = shadow(stage, args, 0)?.set.to_string();
            named_as_invalid(stage, &set, "set of cards INVALID")
        },
    ),
    (
        "the screen and the log name the card of {person} as invalid",
        |stage, args| {
            let serial = card(stage, args, 0)?.image().csn().to_string();
            named_as_invalid(stage, &serial, "card INVALID")
        },
    ),
    ("the log does not call anything invalid", |stage, _| {
        let log = stage.log()?;
        let line = log.iter().find(|line| line.contains("INVALID"));
        line.map_or(Ok(()), |line| Err(mismatch("nothing invalid", line.clone())))
    }),
];

fn enter(stage: &mut Stage<'_>, text: &str) -> Result<(), Mismatch> {
    stage.type_text(text)?;
    stage.press(Key::Enter)?;
    stage.settle()
}

fn put_in(stage: &mut Stage<'_>, holder: &str) -> Result<(), Mismatch> {
    stage.insert_locally(holder)?;
    stage.press(Key::Enter)?;
    stage.settle()
}

fn write_card(stage: &mut Stage<'_>, holder: &str, label: &str) -> Result<(), Mismatch> {
    put_in(stage, holder)?;
    enter(stage, PIN)?;
    enter(stage, label)
}

/// N, M, and each card with its PIN and a label.
fn write_new_cards(stage: &mut Stage<'_>, scheme: Scheme, name: &str) -> Result<(), Mismatch> {
    enter(stage, &scheme.cards().to_string())?;
    enter(stage, &scheme.required().to_string())?;
    for number in 1..=scheme.cards() {
        let holder = format!("{name} {number}");
        give(stage, &[&holder], |world| world.give_formatted_card(&holder))?;
        write_card(stage, &holder, &holder)?;
    }
    let screen = stage.screen()?;
    expect(screen.contains("The set is complete"), "a complete set", || {
        screen
    })?;
    stage.press(Key::Enter)?;
    stage.settle()
}

/// The card as it is in its file.
fn card(stage: &Stage<'_>, args: &Args, index: usize) -> Result<SmartCard, Mismatch> {
    let image = stage.card(args.person(index)).map_err(|mismatch| Mismatch {
        argument: Some(index),
        ..mismatch
    })?;
    Ok(SmartCard::new(image))
}

fn shadow(stage: &Stage<'_>, args: &Args, index: usize) -> Result<Shadow, Mismatch> {
    let held = card(stage, args, index)?.shadow();
    Shadow::parse(&held).map_err(|why| Mismatch {
        argument: Some(index),
        expected: "a card with a shadow".into(),
        actual: format!("{} bytes, {why:?}", held.len()),
    })
}

fn check_shadow(stage: &mut Stage<'_>, args: &Args, purpose: Purpose) -> Result<(), Mismatch> {
    let shadow = shadow(stage, args, 0)?;
    expect(shadow.purpose == purpose, &purpose.to_string(), || {
        shadow.purpose.to_string()
    })?;
    expect_argument(1, &args.int(1), &i64::from(shadow.index))?;
    let told = |scheme: Scheme| format!("{}-of-{}", scheme.required(), scheme.cards());
    expect_argument(2, &told(*args.scheme(2)), &told(shadow.scheme))
}

fn named_as_invalid(stage: &mut Stage<'_>, name: &str, words: &str) -> Result<(), Mismatch> {
    let screen = stage.screen()?;
    expect(
        screen.contains("invalid") && screen.contains(name),
        &format!("a screen that calls {name} invalid"),
        || screen.clone(),
    )?;
    let is_in_log = stage
        .log()?
        .iter()
        .any(|line| line.contains(words) && line.contains(name));
    expect(
        is_in_log,
        &format!("a line of the log that calls {name} invalid"),
        || "none".into(),
    )
}
