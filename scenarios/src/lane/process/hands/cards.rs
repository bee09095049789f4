//! Hands on cards: what is counted in their images, and cards that are not what they should be, made by the factory of
//! the scenario.

use super::{
    super::stage::{Stage, broken},
    Hands,
};
use crate::{
    lane::Mismatch,
    steps::{expect, expect_argument},
    world::World,
};

pub(super) const HANDS: Hands = &[
    (
        "the card of {person} has {int} wrong PIN(s) counted",
        |stage, args| {
            let card = stage.card(args.person(0))?;
            expect_argument(1, &args.int(1), &i64::from(card.try_counter()))
        },
    ),
    ("the card of {person} is blocked", |stage, args| {
        let card = stage.card(args.person(0))?;
        expect(card.is_blocked(), "a blocked card", || "one that is not".into())
    }),
    (
        "the card of {person} has met {int} wrong PIN(s) elsewhere",
        |stage, args| {
            let (person, tries) = (args.person(0), args.int(1));
            give(stage, &[person], |world| {
                if let Some(card) = world.cards.get_mut(person) {
                    card.present_wrong_pins(tries);
                }
            })
        },
    ),
    (
        "{person} and {person} hold the whole of a 2-of-2 set of another key",
        |stage, args| {
            let people = [args.person(0), args.person(1)];
            give(stage, &people, |world| world.give_foreign_set(people))
        },
    ),
    ("{person} holds a card of a set of another key", |stage, args| {
        give(stage, &[args.person(0)], |world| {
            world.give_foreign_card(args.person(0));
        })
    }),
    (
        "{person} holds card {int} of a new set of the same key",
        |stage, args| {
            let index = usize::try_from(args.int(1)).unwrap_or(0);
            give(stage, &[args.person(0)], |world| {
                world.give_card_of_new_set(args.person(0), index);
            })
        },
    ),
    ("{person} holds a card of a partition set", |stage, args| {
        give(stage, &[args.person(0)], |world| {
            world.give_partition_card(args.person(0));
        })
    }),
    ("{person} holds a copy of the card of {person}", |stage, args| {
        give(stage, &[args.person(0)], |world| {
            world.give_copy(args.person(0), args.person(1));
        })
    }),
    ("{person} holds a card from the factory", |stage, args| {
        give(stage, &[args.person(0)], |world| {
            world.give_virgin_card(args.person(0));
        })
    }),
    ("{person} holds a card without a shadow", |stage, args| {
        give(stage, &[args.person(0)], |world| {
            world.give_empty_card(args.person(0));
        })
    }),
    ("the shadow of {person} has a flipped bit", |stage, args| {
        give(stage, &[args.person(0)], |world| world.flip_a_bit(args.person(0)))
    }),
    ("the share of {person} is another one", |stage, args| {
        give(stage, &[args.person(0)], |world| {
            world.change_share(args.person(0));
        })
    }),
    (
        "the shadow of {person} says card {int} of {int}-of-{int}",
        |stage, args| {
            let byte = |index| u8::try_from(args.int(index)).unwrap_or(u8::MAX);
            give(stage, &[args.person(0)], |world| {
                world.change_scheme(args.person(0), byte(1), byte(2), byte(3));
            })
        },
    ),
    ("the shadow of {person} is {int} byte(s) long", |stage, args| {
        let len = usize::try_from(args.int(1)).unwrap_or(0);
        give(stage, &[args.person(0)], |world| {
            world.change_shadow_len(args.person(0), len);
        })
    }),
    ("the label of {person} is {string}", |stage, args| {
        let label = args.string(1).replace("\\n", "\n");
        give(stage, &[args.person(0)], |world| {
            world.change_label(args.person(0), &label);
        })
    }),
];

/// Has the factory make these people's cards anew, which have counted nothing yet.
pub(super) fn give(
    stage: &mut Stage<'_>,
    people: &[&str],
    make: impl FnOnce(&mut World),
) -> Result<(), Mismatch> {
    let is_unused =
        |stage: &Stage<'_>, person: &str| stage.card(person).map_or(true, |card| card.try_counter() == 0);
    if let Some(used) = people.iter().find(|person| !is_unused(stage, person)) {
        return Err(broken(format!("a card of {used} that has counted nothing yet")));
    }
    make(stage.factory()?);
    let people: Vec<String> = people.iter().map(|&person| person.to_owned()).collect();
    stage.write_cards(&people)
}
