//! Steps of people at their stations: connect, present cards, ask, operate; and what they are told.

use hsm_client::{Act, Ending, Notice, Speaker};
use serde_json::Value as Json;

use super::{Args, Stage, Steps, define, expect, expect_argument, mismatch};
use crate::{
    lane::Mismatch,
    world::{PIN, Prompt, World},
};

pub(super) fn register(steps: &mut Steps) {
    register_acts(steps);
    register_cards(steps);
    register_told(steps);
}

fn register_acts(steps: &mut Steps) {
    define(
        steps,
        "{person} connects",
        "from the station of this person",
        |stage, args| {
            stage.world()?.connect(args.person(0), None);
            Ok(())
        },
    );
    define(
        steps,
        "{person} connects from {address}",
        "from another desk",
        |stage, args| {
            stage.world()?.connect(args.person(0), Some(*args.address(1)));
            Ok(())
        },
    );
    define(
        steps,
        "{person} hangs up",
        "leaves the program, without a word",
        |stage, args| {
            stage.world()?.hang_up(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} closes the session",
        "goes back to the start screen: `session.close`",
        |stage, args| {
            stage.world()?.ask(args.person(0), Act::Close);
            Ok(())
        },
    );
    define(
        steps,
        "the program of {person} crashes",
        "the connection is reset",
        |stage, args| {
            stage.world()?.crash(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} starts to authenticate",
        "`auth.start`",
        |stage, args| {
            stage.world()?.ask(args.person(0), Act::StartAuthentication);
            Ok(())
        },
    );
    define(
        steps,
        "{person} cancels the dialog",
        "`auth.cancel`",
        |stage, args| {
            stage.world()?.ask(args.person(0), Act::CancelAuthentication);
            Ok(())
        },
    );
    define(
        steps,
        "{person} inserts the card",
        "the card of this person, into the reader of the station",
        |stage, args| {
            stage.world()?.insert(args.person(0), args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} inserts the card of {person}",
        "into the reader of the station",
        |stage, args| {
            stage.world()?.insert(args.person(0), args.person(1));
            Ok(())
        },
    );
    define(
        steps,
        "{person} takes the card out",
        "of the reader of the station",
        |stage, args| {
            stage.world()?.take_card_out(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} types the right PIN",
        "and presses Enter",
        |stage, args| {
            stage.world()?.type_pin(args.person(0), PIN);
            Ok(())
        },
    );
    define(
        steps,
        "{person} types the PIN {string}",
        "and presses Enter",
        |stage, args| {
            stage.world()?.type_pin(args.person(0), args.string(1));
            Ok(())
        },
    );
    define(
        steps,
        "{person} gives up at the prompt",
        "no PIN is typed",
        |stage, args| {
            stage.world()?.cancel_prompt(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} authenticates",
        "starts, inserts the own card and types the right PIN",
        |stage, args| {
            authenticate(stage.world()?, args.person(0), args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} authenticates with the card of {person}",
        "at the same station",
        |stage, args| {
            authenticate(stage.world()?, args.person(0), args.person(1));
            Ok(())
        },
    );
    define(
        steps,
        "{person} connects and authenticates",
        "the two steps in one",
        |stage, args| {
            let world = stage.world()?;
            world.connect(args.person(0), None);
            authenticate(world, args.person(0), args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} connects, authenticates and hangs up",
        "as an intermediary custodian does",
        |stage, args| {
            let world = stage.world()?;
            world.connect(args.person(0), None);
            authenticate(world, args.person(0), args.person(0));
            world.hang_up(args.person(0));
            Ok(())
        },
    );
    define(
        steps,
        "{person} asks for {reading}",
        "what anyone may read",
        |stage, args| {
            stage.world()?.ask(args.person(0), *args.act(1));
            Ok(())
        },
    );
    define(
        steps,
        "{person} asks the HSM to {operation}",
        "an operation after authentication",
        |stage, args| {
            stage.world()?.ask(args.person(0), *args.act(1));
            Ok(())
        },
    );
    define(
        steps,
        "the reader of {person} is unplugged",
        "from the station",
        |stage, args| {
            stage.world()?.station(args.person(0)).reader_unplugged = true;
            Ok(())
        },
    );
}

/// One whole card dialog at a station.
pub(super) fn authenticate(world: &mut World, person: &str, card: &str) {
    world.settle();
    if world.station(person).slot.as_deref() != Some(card) {
        world.take_card_out(person);
        world.insert(person, card);
    }
    world.ask(person, Act::StartAuthentication);
    world.settle();
    if world.station(person).prompt == Some(Prompt::Pin) {
        world.type_pin(person, PIN);
        world.settle();
    }
}

fn register_cards(steps: &mut Steps) {
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
            card(stage, args, 0)?.tear = Some(crate::world::Tear { after_writes });
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
const CARDS: &[(&str, &str, super::Handler)] = &[
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

fn register_told(steps: &mut Steps) {
    define(
        steps,
        "{person} is the manager",
        "the session is open on both sides",
        |stage, args| {
            let open = stage.world()?.station(args.person(0)).is_open();
            expect(open, "an open session", || last_notice(stage, args))
        },
    );
    define(
        steps,
        "{person} is denied with {denial}",
        "the first and last line was `session.denied`",
        |stage, args| {
            let expected = args.denial(1);
            match ending(stage, args)? {
                Ending::Denied(reason) => expect_argument(1, expected, &reason),
                other => Err(mismatch(format!("a denial: {expected}"), format!("{other:?}"))),
            }
        },
    );
    define(
        steps,
        "{person} finds nothing listening",
        "the connection was refused by the network",
        |stage, args| {
            let refused = stage.world()?.station(args.person(0)).refused;
            expect(refused, "a refused connection", || last_notice(stage, args))
        },
    );
    define(
        steps,
        "the session of {person} has ended with {closing}",
        "the last line was `session.closing`",
        |stage, args| {
            let expected = args.closing(1);
            match ending(stage, args)? {
                Ending::Closing(reason) => expect_argument(1, expected, &reason),
                other => Err(mismatch(format!("an end: {expected}"), format!("{other:?}"))),
            }
        },
    );
    define(
        steps,
        "the session of {person} is closed",
        "as this person asked for",
        |stage, args| match ending(stage, args)? {
            Ending::Closed | Ending::HungUp => Ok(()),
            other => Err(mismatch("a session closed by its manager", format!("{other:?}"))),
        },
    );
    define(
        steps,
        "{person} is intermediary custodian {int} of {int}",
        "and has no administrative access",
        |stage, args| match last(stage, args)? {
            Notice::Intermediary {
                presented, required, ..
            } => {
                expect_argument(1, &args.int(1), &i64::from(presented))?;
                expect_argument(2, &args.int(2), &i64::from(required))
            }
            other => Err(mismatch("to be told intermediary", format!("{other:?}"))),
        },
    );
    define(
        steps,
        "{person} is told that {duration} are left",
        "with the last progress of the process",
        |stage, args| {
            let station = stage.world()?.station(args.person(0));
            let left = station.notices.iter().rev().find_map(|(_, notice)| match notice {
                Notice::Opened {
                    ceremony: Some(progress),
                    ..
                } => Some(progress.expires_in_ms),
                Notice::Intermediary { expires_in_ms, .. } => Some(*expires_in_ms),
                _ => None,
            });
            let left = left.map(std::time::Duration::from_millis);
            expect_argument(1, &Some(*args.duration(1)), &left)
        },
    );
    define(
        steps,
        "{person} is told on arrival that {int} of {int} cards are in",
        "in `session.opened`",
        |stage, args| {
            let progress = on_arrival(stage, args)?.ok_or_else(|| mismatch("a process under way", "none"))?;
            expect_argument(1, &args.int(1), &i64::from(progress.presented))?;
            expect_argument(2, &args.int(2), &i64::from(progress.required))
        },
    );
    define(
        steps,
        "{person} is told on arrival that no process is under way",
        "in `session.opened`",
        |stage, args| {
            let progress = on_arrival(stage, args)?;
            expect(progress.is_none(), "no process under way", || {
                format!("{progress:?}")
            })
        },
    );
    define(
        steps,
        "{person} is the administrator",
        "was told so, and the HSM knows nobody else",
        |stage, args| {
            let world = stage.world()?;
            let administrator = world.device().and_then(hsm_core::Device::administrator);
            let station = world.station(args.person(0));
            let told = station
                .notices
                .iter()
                .any(|(_, notice)| matches!(notice, Notice::Administrator { .. }));
            let link = station.link;
            expect(
                told && administrator.is_some() && administrator == link,
                "to be the administrator",
                || {
                    format!(
                        "{administrator:?}, and this person was told {}",
                        last_notice(stage, args)
                    )
                },
            )
        },
    );
    define(
        steps,
        "{person} is told that this has activated the HSM",
        "AU-15",
        |stage, args| {
            let found = stage
                .world()?
                .station(args.person(0))
                .notices
                .iter()
                .rev()
                .find_map(|(_, notice)| match notice {
                    Notice::Administrator { activated, .. } => Some(*activated),
                    _ => None,
                });
            expect(found == Some(true), "an activation", || format!("{found:?}"))
        },
    );
    define(
        steps,
        "nobody is the administrator",
        "as far as the HSM knows",
        |stage, _| {
            let administrator = stage.world()?.device().and_then(hsm_core::Device::administrator);
            expect(administrator.is_none(), "nobody", || format!("{administrator:?}"))
        },
    );
    define(
        steps,
        "{person} is refused with {refusal}",
        "the last answer was this error",
        |stage, args| {
            let error = refusal(stage, args)?;
            expect_argument(1, &Some(*args.refusal(1)), &error.name)
        },
    );
    define(
        steps,
        "{person} is refused with {refusal} and {int} tries left",
        "the last answer was this error",
        |stage, args| {
            let error = refusal(stage, args)?;
            expect_argument(1, &Some(*args.refusal(1)), &error.name)?;
            let left = error.data.get("tries_left").and_then(Json::as_i64);
            expect_argument(2, &Some(args.int(2)), &left)
        },
    );
    define(
        steps,
        "{person} is asked for a card",
        "by the station",
        |stage, args| prompted(stage, args, Some(Prompt::Card)),
    );
    define(
        steps,
        "{person} is asked for the PIN",
        "by the station",
        |stage, args| prompted(stage, args, Some(Prompt::Pin)),
    );
    define(
        steps,
        "{person} is asked for nothing",
        "no prompt is open",
        |stage, args| prompted(stage, args, None),
    );
    define(
        steps,
        "{person} was asked for the PIN {int} time(s)",
        "in this scenario",
        |stage, args| {
            let prompts = stage.world()?.station(args.person(0)).pin_prompts;
            expect_argument(1, &args.int(1), &i64::from(prompts))
        },
    );
    define(
        steps,
        "{person} is told that the process was reset by {reset}",
        "`ceremony.reset`",
        |stage, args| {
            let expected = args.reset(1);
            let told = stage
                .world()?
                .station(args.person(0))
                .notices
                .iter()
                .rev()
                .find_map(|(_, notice)| match notice {
                    Notice::CeremonyReset { reason } => Some(*reason),
                    _ => None,
                });
            expect_argument(1, &Some(*expected), &told)
        },
    );
    define(
        steps,
        "{person} is told of no reset of the process",
        "on this connection",
        |stage, args| {
            let station = stage.world()?.station(args.person(0));
            let told = station
                .notices
                .iter()
                .find(|(_, notice)| matches!(notice, Notice::CeremonyReset { .. }));
            let told = told.map(|(_, notice)| format!("{notice:?}"));
            expect(told.is_none(), "no reset", || told.clone().unwrap_or_default())
        },
    );
    define(
        steps,
        "{person} reads {string} as {string}",
        "a member of the last answer",
        |stage, args| {
            let answer = last_result(stage.world()?, args.person(0));
            check_member(args, answer.as_ref())
        },
    );
    define(
        steps,
        "{person} reads a value for {string}",
        "a member of the last answer that is neither empty nor null",
        |stage, args| {
            let answer = last_result(stage.world()?, args.person(0));
            let value = answer
                .as_ref()
                .and_then(|answer| answer.pointer(&pointer(args.string(1))));
            let present = value.is_some_and(|value| !value.is_null() && value.as_str() != Some(""));
            expect(present, "a value", || format!("{value:?}"))
        },
    );
    define(
        steps,
        "{person} sees {string} in the header as {string}",
        "as the station shows it, kept fresh by the HSM",
        |stage, args| {
            let header = stage
                .world()?
                .station(args.person(0))
                .notices
                .iter()
                .rev()
                .find_map(|(_, notice)| match notice {
                    Notice::Opened { header, .. } | Notice::HeaderChanged(header) => {
                        serde_json::to_value(header).ok()
                    }
                    _ => None,
                });
            check_member(args, header.as_ref())
        },
    );
    define(
        steps,
        "{person} has sent {int} line(s)",
        "on this connection",
        |stage, args| {
            let transcript = &stage.world()?.station(args.person(0)).transcript;
            let sent = transcript
                .iter()
                .filter(|(_, speaker, _)| *speaker == Speaker::Station)
                .count();
            expect_argument(1, &args.int(1), &i64::try_from(sent).unwrap_or(i64::MAX))
        },
    );
    define(
        steps,
        "the PIN has not crossed the network",
        "neither as text nor as hexadecimal, in any line of anybody",
        |stage, _| {
            let hexadecimal = apdu::hex::encode(PIN.as_bytes());
            let world = stage.world()?;
            let lines = world.people.values().flat_map(|station| &station.transcript);
            let leak = lines
                .map(|(_, _, line)| line)
                .find(|line| line.contains(PIN) || line.contains(&hexadecimal));
            expect(leak.is_none(), "no line with the PIN", || {
                leak.cloned().unwrap_or_default()
            })
        },
    );
}

fn card<'a>(
    stage: &'a mut Stage,
    args: &Args,
    index: usize,
) -> Result<&'a mut crate::world::SmartCard, Mismatch> {
    let person = args.person(index);
    stage.world()?.cards.get_mut(person).ok_or_else(|| Mismatch {
        argument: Some(index),
        expected: "somebody who holds a card".into(),
        actual: person.to_owned(),
    })
}

fn prompted(stage: &mut Stage, args: &Args, expected: Option<Prompt>) -> Result<(), Mismatch> {
    let prompt = stage.world()?.station(args.person(0)).prompt;
    expect(prompt == expected, &format!("{expected:?}"), || {
        format!("{prompt:?}; {}", last_notice(stage, args))
    })
}

fn last(stage: &mut Stage, args: &Args) -> Result<Notice, Mismatch> {
    let notice = stage.world()?.station(args.person(0)).last_notice().cloned();
    notice.ok_or_else(|| mismatch("to be told something", "nothing"))
}

fn last_notice(stage: &mut Stage, args: &Args) -> String {
    last(stage, args).map_or_else(|mismatch| mismatch.actual, |notice| format!("{notice:?}"))
}

fn ending(stage: &mut Stage, args: &Args) -> Result<Ending, Mismatch> {
    if stage.world()?.station(args.person(0)).is_open() {
        return Err(mismatch("the end of the session", "a session that is still open"));
    }
    match last(stage, args)? {
        Notice::Ended { ending } => Ok(ending),
        other => Err(mismatch("the end of the session", format!("{other:?}"))),
    }
}

fn refusal(stage: &mut Stage, args: &Args) -> Result<protocol::Error, Mismatch> {
    match last(stage, args)? {
        Notice::Refused { error, .. } => Ok(error),
        other => Err(mismatch("to be refused", format!("{other:?}"))),
    }
}

fn on_arrival(stage: &mut Stage, args: &Args) -> Result<Option<protocol::Progress>, Mismatch> {
    let station = stage.world()?.station(args.person(0));
    let opened = station.notices.iter().find_map(|(_, notice)| match notice {
        Notice::Opened { ceremony, .. } => Some(*ceremony),
        _ => None,
    });
    opened.ok_or_else(|| mismatch("an opened session", last_notice(stage, args)))
}

/// The result of the last answer that the device gave to this person.
fn last_result(world: &mut World, person: &str) -> Option<Json> {
    let transcript = &world.station(person).transcript;
    transcript
        .iter()
        .rev()
        .filter(|(_, speaker, _)| *speaker == Speaker::Device)
        .find_map(|(_, _, line)| serde_json::from_str::<Json>(line).ok()?.get("result").cloned())
}

/// `interfaces.0.mac` as a JSON pointer.
fn pointer(member: &str) -> String {
    format!("/{}", member.replace('.', "/"))
}

fn check_member(args: &Args, object: Option<&Json>) -> Result<(), Mismatch> {
    let value = object.and_then(|object| object.pointer(&pointer(args.string(1))));
    let shown = match value {
        None => "nothing".to_owned(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    expect_argument(2, &args.string(2).to_owned(), &shown)
}
