//! What the sentences of the scenarios do with a real device and real cards: a table for those that a person can do, or a
//! station. What would change the device stands in none of them.

use apdu::hex;
use hsm_core::Key;
use serde_json::{Value, json};

use super::stage::RealStage;
use crate::{
    lane::Mismatch,
    steps::{Args, expect, mismatch},
};

/// What a sentence does here.
pub(super) type Hand = fn(&mut RealStage<'_>, &Args) -> Result<(), Mismatch>;

/// What this sentence does here; `None` if nobody can do it.
pub(super) fn of(expression: &str) -> Option<Does> {
    let own = HANDS.iter().find(|(known, _)| *known == expression);
    match own {
        Some((_, hand)) => Some(Does::Here(*hand)),
        None => OF_PEOPLE
            .iter()
            .find(|known| **known == expression)
            .map(|_| Does::ByPeople),
    }
}

/// Who does it.
#[derive(Clone, Copy)]
pub(super) enum Does {
    Here(Hand),
    /// People at their stations, as in lane `process`.
    ByPeople,
}

/// Whether the last person of this sentence is one whose card is put in.
pub(super) fn needs_card(expression: &str) -> bool {
    expression.contains("authenticates") || expression.contains("inserts the card")
}

/// Whether this sentence is about a card in the reader.
pub(super) fn needs_reader(expression: &str) -> bool {
    let about_one_in_it = ["{person} takes the card out", "{person} types the right PIN"];
    needs_card(expression) || about_one_in_it.contains(&expression)
}

/// Whether this sentence may use up a card: a PIN that is typed as written may be the last wrong one.
pub(super) fn may_block(expression: &str) -> bool {
    expression == TYPES_PIN
}

const TYPES_PIN: &str = "{person} types the PIN {string}";

/// What lane `process` does with people and their stations alone.
const OF_PEOPLE: &[&str] = &[
    "{person} hangs up",
    "{person} closes the session",
    "{person} starts to authenticate",
    "{person} cancels the dialog",
    "{person} gives up at the prompt",
    "{person} asks for {reading}",
    "{person} is the manager",
    "{person} is denied with {denial}",
    "{person} finds nothing listening",
    "the session of {person} has ended with {closing}",
    "the session of {person} is closed",
    "{person} is intermediary custodian {int} of {int}",
    "{person} is told on arrival that {int} of {int} cards are in",
    "{person} is told on arrival that no process is under way",
    "{person} is told that this has activated the HSM",
    "{person} is refused with {refusal}",
    "{person} is refused with {refusal} and {int} tries left",
    "{person} is asked for a card",
    "{person} is asked for the PIN",
    "{person} is asked for nothing",
    "{person} was asked for the PIN {int} time(s)",
    "{person} is told that the process was reset by {reset}",
    "{person} is told of no reset of the process",
    "{person} reads a value for {string}",
    "{person} sees {string} in the header as {string}",
    "{person} has sent {int} line(s)",
    "the PIN has not crossed the network",
];

const HANDS: &[(&str, Hand)] = &[
    ("an HSM ready for remote management", |stage, _| {
        stage.make_ready("running")
    }),
    ("an HSM that waits for its custodians", |stage, _| {
        stage.make_ready("stopped")
    }),
    ("{person} connects", |stage, args| stage.connect(args.person(0))),
    ("{person} inserts the card", |stage, args| {
        stage.insert(args.person(0), args.person(0))
    }),
    ("{person} inserts the card of {person}", |stage, args| {
        stage.insert(args.person(0), args.person(1))
    }),
    ("{person} takes the card out", |stage, args| {
        stage.take_card_out(args.person(0))
    }),
    ("{person} types the right PIN", |stage, args| {
        stage.type_right_pin(args.person(0))
    }),
    (TYPES_PIN, |stage, args| {
        let deed = json!({"do": "pin", "pin": args.string(1)});
        stage.people.does(args.person(0), &deed)
    }),
    ("{person} authenticates", |stage, args| {
        stage.authenticate(args.person(0), args.person(0))
    }),
    (
        "{person} authenticates with the card of {person}",
        |stage, args| stage.authenticate(args.person(0), args.person(1)),
    ),
    ("{person} connects and authenticates", |stage, args| {
        stage.connect(args.person(0))?;
        stage.authenticate(args.person(0), args.person(0))
    }),
    ("{person} connects, authenticates and hangs up", |stage, args| {
        stage.connect(args.person(0))?;
        stage.authenticate(args.person(0), args.person(0))?;
        stage.settle()?;
        stage.people.does(args.person(0), &json!({"do": "hang_up"}))
    }),
    ("{person} is the administrator", |stage, args| {
        let is_one = |told: &Value| told["result"]["outcome"] == "administrator";
        let told = stage.people.told(args.person(0));
        expect(told.iter().any(is_one), "to be the administrator", || {
            told.last().map_or_else(|| "nothing".into(), Value::to_string)
        })
    }),
    ("{duration} pass(es)", |stage, args| stage.wait(*args.duration(0))),
    ("somebody presses the key {key}", |stage, args| {
        stage.press(&format!(
            "press the key {} at the console of the HSM",
            named(*args.key(0))
        ))
    }),
    ("somebody chooses {string} in the menu", |stage, args| {
        stage.press(&format!(
            "choose {:?} in the menu of the HSM's console",
            args.string(0)
        ))
    }),
    ("the console shows {string}", |stage, args| {
        let question = format!("does the console of the HSM show {:?}?", args.string(0));
        let is_shown = stage.operator().ask_whether(&question)?;
        expect(is_shown, args.string(0), || {
            "a person who says that it does not".into()
        })
    }),
    ("the console does not show {string}", |stage, args| {
        let question = format!("does the console of the HSM show {:?}?", args.string(0));
        let is_shown = stage.operator().ask_whether(&question)?;
        expect(!is_shown, "a screen without it", || {
            "a person who says that it shows it".into()
        })
    }),
];

/// As it stands on a keyboard.
fn named(key: Key) -> String {
    match key {
        Key::Function(number) => format!("F{number}"),
        Key::Char(character) => character.to_string(),
        named => format!("{named:?}"),
    }
}

/// The serial number of a card as the rig file has it.
pub(super) fn printed(serial: apdu::Csn) -> String {
    hex::encode(&serial.0)
}

/// A failure of a part, as a step tells it.
pub(super) fn broken(why: impl Into<String>) -> Mismatch {
    mismatch("parts that do what the step asks of them", why)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_hand_is_for_one_sentence_that_there_is() {
        let steps = crate::steps::registry();
        let known: BTreeSet<&str> = steps.definitions().iter().map(|it| it.expression).collect();
        let mut seen = BTreeSet::new();
        let own = HANDS.iter().map(|(expression, _)| expression);
        for expression in own.chain(OF_PEOPLE) {
            assert!(known.contains(expression), "there is no step `{expression}`");
            assert!(seen.insert(expression), "`{expression}` has two hands");
        }
    }

    #[test]
    fn no_sentence_that_changes_a_device_has_a_hand() {
        for expression in [
            "{person} asks the HSM to {operation}",
            "{person} asks the HSM to {operation}, confirmed as {string}",
            "{person} sets the network to:",
            "the power is cut",
        ] {
            assert!(of(expression).is_none(), "{expression}");
        }
    }
}
