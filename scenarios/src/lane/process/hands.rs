//! What the sentences of the scenarios do to real programs: a second table for the same expressions, by the files of the
//! first one in `steps/`. A hand does what the sentence says or says what differs; it assumes nothing.

mod administration;
mod card_faults;
mod cards;
mod console;
mod custodians;
mod device;
mod experiments;
mod live_sync;
mod menus;
mod newcomers;
mod power_cuts;
mod published;
mod screens;
mod secrets;
mod smart_cards;
mod time;
mod told;
mod users;

use std::{collections::BTreeMap, sync::LazyLock};

pub(super) use experiments::Outcome;

use super::stage::Stage;
use crate::{lane::Mismatch, steps::Args};

/// What a sentence does here.
pub(super) type Hand = fn(&mut Stage<'_>, &Args) -> Result<(), Mismatch>;

type Hands = &'static [(&'static str, Hand)];

/// What this sentence does here; `None` if the lane cannot do it.
pub(super) fn of(expression: &str) -> Option<Hand> {
    static TABLE: LazyLock<BTreeMap<&str, Hand>> = LazyLock::new(|| all().collect());
    TABLE.get(expression).copied()
}

/// Whether this sentence needs a device of a model that it names, fresh from the factory, the key of its cards, or one
/// more like it: what a device that is there already does not give.
pub(super) fn needs_new_device(expression: &str) -> bool {
    const CARDS_OF_ANY_KEY: [&str; 6] = [
        "{person} and {person} hold the whole of a 2-of-2 set of another key",
        "{person} holds a card of a set of another key",
        "{person} holds a card from the factory",
        "{person} holds a card without a shadow",
        "the card of {person} has {int} wrong PIN(s) counted",
        "the card of {person} is blocked",
    ];
    let is_of_cards = cards::HANDS.iter().any(|(known, _)| *known == expression);
    let mut sweeps = power_cuts::HANDS.iter().chain(experiments::HANDS);
    let is_sweep = sweeps.any(|(known, _)| *known == expression);
    // Nobody knows where its HTTP console is.
    let is_of_users = users::HANDS.iter().any(|(known, _)| *known == expression);
    is_sweep
        || is_of_users
        || expression.starts_with("a(n) {model} HSM")
        || (is_of_cards && !CARDS_OF_ANY_KEY.contains(&expression))
}

/// Whether this sentence is about a person in front of a console.
pub(super) fn needs_console(expression: &str) -> bool {
    screens::HANDS.iter().any(|(known, _)| *known == expression)
}

fn all() -> impl Iterator<Item = (&'static str, Hand)> {
    let files: [Hands; 18] = [
        administration::HANDS,
        card_faults::HANDS,
        cards::HANDS,
        console::HANDS,
        custodians::HANDS,
        device::HANDS,
        experiments::HANDS,
        live_sync::HANDS,
        menus::HANDS,
        newcomers::HANDS,
        power_cuts::HANDS,
        published::HANDS,
        screens::HANDS,
        secrets::HANDS,
        smart_cards::HANDS,
        time::HANDS,
        told::HANDS,
        users::HANDS,
    ];
    files.into_iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_hand_is_for_one_sentence_that_there_is() {
        let steps = crate::steps::registry();
        let known: BTreeSet<&str> = steps.definitions().iter().map(|it| it.expression).collect();
        let mut seen = BTreeSet::new();
        for (expression, _) in all() {
            assert!(known.contains(expression), "there is no step `{expression}`");
            assert!(seen.insert(expression), "`{expression}` has two hands");
        }
    }
}
