//! Steps about cards: what is counted on them, and cards that are not what they should be.

use super::{Args, Handler, Stage, Steps, define, expect, expect_argument};
use crate::{
    lane::Mismatch,
    world::{SmartCard, Tear},
};

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "the card of {person} has {int} wrong PIN(s) counted",
        "its SCR",
        |stage, args| {
            let card = card(stage, args, 0)?;
            expect_argument(1, &args.int(1), &i64::from(card.image().try_counter()))
        },
    );
    define(
        steps,
        "the card of {person} is blocked",
        "seven wrong PINs: for ever",
        |stage, args| {
            expect(
                card(stage, args, 0)?.image().is_blocked(),
                "a blocked card",
                || "one that is not".into(),
            )
        },
    );
    define(
        steps,
        "the card of {person} has met {int} wrong PIN(s) elsewhere",
        "presented to the card itself",
        |stage, args| {
            let tries = args.int(1);
            let card = card(stage, args, 0)?;
            card.present_wrong_pins(tries);
            Ok(())
        },
    );
    define(
        steps,
        "the card of {person} loses contact after {int} write(s)",
        "of its next command, counted in cells",
        |stage, args| {
            let after_writes = u32::try_from(args.int(1)).map_err(|_| Mismatch {
                argument: Some(1),
                expected: "a count of writes".into(),
                actual: args.int(1).to_string(),
            })?;
            card(stage, args, 0)?.tear = Some(Tear { after_writes });
            Ok(())
        },
    );
    define(
        steps,
        "the card of {person} does not answer",
        "as one with bad contacts",
        |stage, args| {
            card(stage, args, 0)?.mute = true;
            Ok(())
        },
    );
    define(
        steps,
        "{person} was never asked for a card command but {string}",
        "instruction bytes that reached the card",
        |stage, args| {
            let allowed = args.string(1).to_owned();
            let card = card(stage, args, 0)?;
            let other = card
                .commands
                .iter()
                .find(|[instruction, _]| !allowed.contains(&format!("{instruction:02X}")));
            other.map_or(Ok(()), |[instruction, _]| {
                Err(Mismatch {
                    argument: Some(1),
                    expected: allowed.clone(),
                    actual: format!("{instruction:02X}"),
                })
            })
        },
    );
    for (expression, explanation, make) in CARDS {
        define(steps, expression, explanation, *make);
    }
}

/// Cards that are not what they should be, each made in the factory of the world.
const CARDS: &[(&str, &str, Handler)] = &[
    (
        "{person} and {person} hold the whole of a 2-of-2 set of another key",
        "a set that would activate another HSM",
        |stage, args| {
            stage.world()?.give_foreign_set([args.person(0), args.person(1)]);
            Ok(())
        },
    ),
    (
        "{person} holds a card of a set of another key",
        "card 1 of 2-of-3",
        |stage, args| {
            stage.world()?.give_foreign_card(args.person(0));
            Ok(())
        },
    ),
    (
        "{person} holds card {int} of a new set of the same key",
        "as Copy Set makes it",
        |stage, args| {
            let index = usize::try_from(args.int(1)).unwrap_or(0);
            stage.world()?.give_card_of_new_set(args.person(0), index);
            Ok(())
        },
    ),
    (
        "{person} holds a card of a partition set",
        "of the same key",
        |stage, args| {
            stage.world()?.give_partition_card(args.person(0));
            Ok(())
        },
    ),
    (
        "{person} and {person} hold the whole of a 2-of-2 partition set",
        "as Create Partition Auth Set makes it",
        |stage, args| {
            stage
                .world()?
                .give_partition_set([args.person(0), args.person(1)]);
            Ok(())
        },
    ),
    (
        "{person} holds a copy of the card of {person}",
        "as Copy Card makes it",
        |stage, args| {
            stage.world()?.give_copy(args.person(0), args.person(1));
            Ok(())
        },
    ),
    (
        "{person} holds a card from the factory",
        "never formatted",
        |stage, args| {
            stage.world()?.give_virgin_card(args.person(0));
            Ok(())
        },
    ),
    (
        "{person} holds a card without a shadow",
        "formatted and empty",
        |stage, args| {
            stage.world()?.give_empty_card(args.person(0));
            Ok(())
        },
    ),
    (
        "the shadow of {person} has a flipped bit",
        "the checksum does not fit any more",
        |stage, args| {
            stage.world()?.flip_a_bit(args.person(0));
            Ok(())
        },
    ),
    (
        "the share of {person} is another one",
        "with a checksum that fits",
        |stage, args| {
            stage.world()?.change_share(args.person(0));
            Ok(())
        },
    ),
    (
        "the shadow of {person} says card {int} of {int}-of-{int}",
        "with a checksum that fits",
        |stage, args| {
            let byte = |index| u8::try_from(args.int(index)).unwrap_or(u8::MAX);
            stage
                .world()?
                .change_scheme(args.person(0), byte(1), byte(2), byte(3));
            Ok(())
        },
    ),
    (
        "the shadow of {person} is {int} byte(s) long",
        "cut off, or filled up with zeros",
        |stage, args| {
            let len = usize::try_from(args.int(1)).unwrap_or(0);
            stage.world()?.change_shadow_len(args.person(0), len);
            Ok(())
        },
    ),
    (
        "the label of {person} is {string}",
        "`\\n` is a line break",
        |stage, args| {
            let label = args.string(1).replace("\\n", "\n");
            stage.world()?.change_label(args.person(0), &label);
            Ok(())
        },
    ),
];

fn card<'a>(stage: &'a mut Stage, args: &Args, index: usize) -> Result<&'a mut SmartCard, Mismatch> {
    let person = args.person(index);
    stage.world()?.cards.get_mut(person).ok_or_else(|| Mismatch {
        argument: Some(index),
        expected: "somebody who holds a card".into(),
        actual: person.to_owned(),
    })
}
