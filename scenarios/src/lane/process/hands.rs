//! What the sentences of the scenarios do to real programs: a second table for the same expressions, by the files of the
//! first one in `steps/`. A hand does what the sentence says or says what differs; it assumes nothing.

mod administration;
mod card_faults;
mod cards;
mod console;
mod crowd;
mod custodians;
mod device;
mod experiments;
mod keys;
mod live_sync;
mod menus;
mod network;
mod newcomers;
mod power_cuts;
mod published;
mod screens;
mod secrets;
mod smart_cards;
mod sync_cuts;
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
    let sweeps = [
        power_cuts::HANDS,
        crowd::HANDS,
        experiments::HANDS,
        sync_cuts::HANDS,
    ];
    let is_sweep = sweeps
        .into_iter()
        .flatten()
        .any(|(known, _)| *known == expression);
    // Nobody knows where its HTTP console is.
    let of_users = [keys::HANDS, users::HANDS];
    let is_of_users = of_users
        .into_iter()
        .flatten()
        .any(|(known, _)| *known == expression);
    is_sweep
        || is_of_users
        || expression.starts_with("a(n) {model} HSM")
        || (is_of_cards && !CARDS_OF_ANY_KEY.contains(&expression))
}

/// Whether this sentence is about a person in front of a console.
pub(super) fn needs_console(expression: &str) -> bool {
    screens::HANDS.iter().any(|(known, _)| *known == expression)
}

/// Whether this sentence is about a cable.
pub(super) fn needs_cable(expression: &str) -> bool {
    network::HANDS.iter().any(|(known, _)| *known == expression)
}

fn all() -> impl Iterator<Item = (&'static str, Hand)> {
    let files: [Hands; 22] = [
        administration::HANDS,
        card_faults::HANDS,
        cards::HANDS,
        console::HANDS,
        crowd::HANDS,
        custodians::HANDS,
        device::HANDS,
        experiments::HANDS,
        keys::HANDS,
        live_sync::HANDS,
        menus::HANDS,
        network::HANDS,
        newcomers::HANDS,
        power_cuts::HANDS,
        published::HANDS,
        screens::HANDS,
        secrets::HANDS,
        smart_cards::HANDS,
        sync_cuts::HANDS,
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
