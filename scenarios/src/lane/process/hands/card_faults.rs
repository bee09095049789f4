//! Hands on cards that have a fault, and what a card was asked for. A fault is in a file beside the image, as whoever makes
//! virtual cards gives it to them; the programs that the card is put into find it there.

use std::fs;

use serde_json::Value;

use super::{
    super::stage::{Stage, broken},
    Hands,
};
use crate::{
    lane::Mismatch,
    steps::{Args, expect, mismatch},
};

pub(super) const HANDS: Hands = &[
    (
        "the card of {person} loses contact after {int} write(s)",
        |stage, args| {
            let writes = u32::try_from(args.int(1)).map_err(|_| Mismatch {
                argument: Some(1),
                expected: "a count of writes".into(),
                actual: args.int(1).to_string(),
            })?;
            let faults = format!("version = 1\n[[fault]]\nkind = \"loses_contact\"\nwrites = {writes}\n");
            give_faults(stage, args.person(0), &faults)?;
            stage.torn_once.insert(args.person(0).to_owned());
            Ok(())
        },
    ),
    ("the card of {person} does not answer", |stage, args| {
        let faults = "version = 1\n[[fault]]\nkind = \"atr\"\nbytes = \"\"\n[[fault]]\nkind = \"mute\"\n";
        give_faults(stage, args.person(0), faults)
    }),
    (
        "{person} was never asked for a card command but {string}",
        never_asked,
    ),
];

/// Faults count from when a card is put in, so it must not be in yet.
fn give_faults(stage: &mut Stage<'_>, person: &str, faults: &str) -> Result<(), Mismatch> {
    stage.card(person)?;
    if stage.is_in_a_reader(person) {
        return Err(broken(format!("a card of {person} that is in no reader yet")));
    }
    let path = stage.fault_path(person);
    fs::write(&path, faults).map_err(|why| broken(format!("write `{}`: {why}", path.display())))
}

/// By the lines that came to the station: the instructions of the commands that it was to send to the card.
//= AU-22
fn never_asked(stage: &mut Stage<'_>, args: &Args) -> Result<(), Mismatch> {
    let lines = &stage.person(args.person(0)).lines;
    let of_device = lines.iter().filter(|(from, _)| from == "device");
    let asked: Vec<String> = of_device.filter_map(|(_, line)| instruction(line)).collect();
    expect(!asked.is_empty(), "a card that was asked for something", || {
        "none".into()
    })?;
    let other = asked.iter().find(|it| !args.string(1).contains(it.as_str()));
    other.map_or(Ok(()), |it| {
        Err(Mismatch {
            argument: Some(1),
            ..mismatch(args.string(1), it)
        })
    })
}

/// The second byte of the command in this line, in hexadecimal.
fn instruction(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let command = match line["method"].as_str()? {
        "card.transmit" => &line["params"]["apdu"],
        "card.verify_pin" => &line["params"]["header"],
        _ => return None,
    };
    // A command that is too short for an instruction is another one.
    let instruction = command.as_str()?.get(2..4).map(str::to_uppercase);
    Some(instruction.unwrap_or_else(|| "none".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_is_found_wherever_the_card_is_meant() {
        let found = |line| instruction(line).unwrap_or_default();
        assert_eq!(
            found(r#"{"method":"card.transmit","params":{"apdu":"00c0000012"}}"#),
            "C0"
        );
        assert_eq!(
            found(r#"{"method":"card.verify_pin","params":{"header":"00200000"}}"#),
            "20"
        );
        assert_eq!(
            found(r#"{"method":"card.transmit","params":{"apdu":"00"}}"#),
            "none"
        );
        assert_eq!(instruction(r#"{"method":"card.power_on"}"#), None);
        assert_eq!(instruction(r#"{"id":1,"result":{"response":"9000"}}"#), None);
    }
}
