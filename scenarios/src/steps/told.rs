//! Steps that say what a person at a station was told, shown or asked.

use std::time::Duration;

use hsm_client::{Ending, Notice, Speaker};
use serde_json::Value as Json;

use super::{Args, Stage, Steps, define, expect, expect_argument, mismatch};
use crate::{
    lane::Mismatch,
    world::{PIN, Prompt, World},
};

pub(super) fn register(steps: &mut Steps) {
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
            let left = station.newest(|notice| match notice {
                Notice::Opened {
                    ceremony: Some(progress),
                    ..
                } => Some(progress.expires_in_ms),
                Notice::Intermediary { expires_in_ms, .. } => Some(*expires_in_ms),
                _ => None,
            });
            let left = left.map(Duration::from_millis);
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
                .newest(|notice| {
                    matches!(notice, Notice::Administrator { .. } | Notice::Activated).then_some(())
                })
                .is_some();
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
                .newest(|notice| match notice {
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
                .newest(|notice| match notice {
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
            let told = station.newest(|notice| match notice {
                Notice::CeremonyReset { reason } => Some(*reason),
                _ => None,
            });
            expect(told.is_none(), "no reset", || format!("{told:?}"))
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
                .newest(|notice| match notice {
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
    let opened = station.newest(|notice| match notice {
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
