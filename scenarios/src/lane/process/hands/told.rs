//! What a person at a station was told, shown or asked, as the client says.

use std::time::Duration;

use serde_json::Value;

use super::{
    super::{
        stage::{Stage, broken},
        station::Prompt,
    },
    Hands,
};
use crate::{
    lane::Mismatch,
    steps::{Args, expect, expect_argument, mismatch},
    world::PIN,
};

pub(super) const HANDS: Hands = &[
    ("{person} is the manager", |stage, args| {
        let is_open = stage.person(args.person(0)).is_open;
        expect(is_open, "an open session", || last(stage, args))
    }),
    ("{person} is denied with {denial}", |stage, args| {
        ended(stage, args, "denied", Some(&args.denial(1).to_string()))
    }),
    ("{person} finds nothing listening", |stage, args| {
        let refused = stage.person(args.person(0)).refused;
        expect(refused, "a refused connection", || last(stage, args))
    }),
    (
        "the session of {person} has ended with {closing}",
        |stage, args| ended(stage, args, "closing", Some(&args.closing(1).to_string())),
    ),
    ("the session of {person} is closed", |stage, args| {
        ended(stage, args, "closed", None).or_else(|_| ended(stage, args, "hung_up", None))
    }),
    (
        "{person} is intermediary custodian {int} of {int}",
        |stage, args| {
            let told = stage.person(args.person(0)).last().cloned().unwrap_or_default();
            if told["result"]["outcome"] != "intermediary" {
                return Err(mismatch("to be told intermediary", told.to_string()));
            }
            expect_argument(1, &Some(args.int(1)), &told["result"]["presented"].as_i64())?;
            expect_argument(2, &Some(args.int(2)), &told["result"]["required"].as_i64())
        },
    ),
    ("{person} is told that {duration} are left", |stage, args| {
        let left = stage.person(args.person(0)).newest(|told| {
            let places = ["/ceremony/expires_in_ms", "/result/expires_in_ms"];
            places.iter().find_map(|place| told.pointer(place)?.as_u64())
        });
        expect_argument(1, &Some(*args.duration(1)), &left.map(Duration::from_millis))
    }),
    (
        "{person} is told on arrival that {int} of {int} cards are in",
        |stage, args| {
            let progress = on_arrival(stage, args)?;
            expect_argument(1, &Some(args.int(1)), &progress["presented"].as_i64())?;
            expect_argument(2, &Some(args.int(2)), &progress["required"].as_i64())
        },
    ),
    (
        "{person} is told on arrival that no process is under way",
        |stage, args| {
            let progress = on_arrival(stage, args)?;
            expect(progress.is_null(), "no process under way", || {
                progress.to_string()
            })
        },
    ),
    ("{person} is the administrator", |stage, args| {
        let is_administrator = stage.is_administrator(args.person(0))?;
        let told = stage
            .person(args.person(0))
            .newest(|told| (told["result"]["outcome"] == "administrator").then_some(()));
        expect(
            told.is_some() && is_administrator,
            "to be the administrator",
            || {
                format!(
                    "for the HSM: {is_administrator}, and this person was told {}",
                    last(stage, args)
                )
            },
        )
    }),
    (
        "{person} is told that this has activated the HSM",
        |stage, args| {
            let person = stage.person(args.person(0));
            let found = person.newest(|told| told["result"]["activated"].as_bool());
            expect(found == Some(true), "an activation", || format!("{found:?}"))
        },
    ),
    ("nobody is the administrator", |stage, _| {
        stage.is_on()?;
        let manager = &stage.device()?.state.manager;
        let is_nobody = manager
            .as_ref()
            .is_none_or(|manager| manager.access == hsm_bench::Access::Anyone);
        expect(is_nobody, "nobody", || format!("{manager:?}"))
    }),
    ("{person} is refused with {refusal}", |stage, args| {
        refused(stage, args).map(|_| ())
    }),
    (
        "{person} is refused with {refusal} and {int} tries left",
        |stage, args| {
            let told = refused(stage, args)?;
            expect_argument(2, &Some(args.int(2)), &told["data"]["tries_left"].as_i64())
        },
    ),
    ("{person} is asked for a card", |stage, args| {
        prompted(stage, args, Some(Prompt::Card))
    }),
    ("{person} is asked for the PIN", |stage, args| {
        prompted(stage, args, Some(Prompt::Pin))
    }),
    ("{person} is asked for nothing", |stage, args| {
        prompted(stage, args, None)
    }),
    ("{person} was asked for the PIN {int} time(s)", |stage, args| {
        let prompts = stage.person(args.person(0)).pin_prompts;
        expect_argument(1, &args.int(1), &prompts)
    }),
    (
        "{person} is told that the process was reset by {reset}",
        |stage, args| {
            let told = reset(stage, args);
            expect_argument(1, &Some(args.reset(1).to_string()), &told)
        },
    ),
    ("{person} is told of no reset of the process", |stage, args| {
        let told = reset(stage, args);
        expect(told.is_none(), "no reset", || format!("{told:?}"))
    }),
    ("{person} reads {string} as {string}", |stage, args| {
        let mut answer = last_result(stage, args);
        if let Some(Value::String(url)) = answer.as_mut().and_then(|answer| answer.get_mut("url")) {
            *url = stage.page_in_words_of_scenario(url)?;
        }
        check_member(args, answer.as_ref())
    }),
    ("{person} reads a value for {string}", |stage, args| {
        let answer = last_result(stage, args);
        let value = answer
            .as_ref()
            .and_then(|answer| answer.pointer(&pointer(args.string(1))));
        let is_there = value.is_some_and(|value| !value.is_null() && value.as_str() != Some(""));
        expect(is_there, "a value", || format!("{value:?}"))
    }),
    (
        "{person} sees {string} in the header as {string}",
        |stage, args| {
            let header = stage
                .person(args.person(0))
                .newest(|told| told.get("header").cloned());
            check_member(args, header.as_ref())
        },
    ),
    ("{person} has sent {int} line(s)", |stage, args| {
        let sent = stage.person(args.person(0)).sent_lines();
        expect_argument(1, &args.int(1), &i64::try_from(sent).unwrap_or(i64::MAX))
    }),
    ("the PIN has not crossed the network", |stage, _| {
        let hexadecimal = apdu::hex::encode(PIN.as_bytes());
        let lines = stage.lines();
        expect(!lines.is_empty(), "lines to look at", || "none".into())?;
        let leak = lines
            .iter()
            .find(|line| line.contains(PIN) || line.contains(&hexadecimal));
        expect(leak.is_none(), "no line with the PIN", || {
            leak.cloned().unwrap_or_default()
        })
    }),
];

fn prompted(stage: &mut Stage<'_>, args: &Args, expected: Option<Prompt>) -> Result<(), Mismatch> {
    let prompt = stage.person(args.person(0)).prompt;
    expect(prompt == expected, &format!("{expected:?}"), || {
        format!("{prompt:?}; {}", last(stage, args))
    })
}

fn last(stage: &mut Stage<'_>, args: &Args) -> String {
    let told = stage.person(args.person(0)).last();
    told.map_or_else(|| "nothing".into(), ToString::to_string)
}

fn ended(stage: &mut Stage<'_>, args: &Args, how: &str, reason: Option<&str>) -> Result<(), Mismatch> {
    let person = stage.person(args.person(0));
    if person.is_open {
        return Err(mismatch("the end of the session", "a session that is still open"));
    }
    let told = person.last().cloned().unwrap_or_default();
    if told["tell"] != "ended" || told["how"] != how {
        return Err(mismatch(format!("an end: {how}"), told.to_string()));
    }
    match reason {
        Some(reason) => expect_argument(
            1,
            &Some(reason.to_owned()),
            &told["reason"].as_str().map(str::to_owned),
        ),
        None => Ok(()),
    }
}

fn refused(stage: &mut Stage<'_>, args: &Args) -> Result<Value, Mismatch> {
    let told = stage.person(args.person(0)).last().cloned().unwrap_or_default();
    if told["tell"] != "refused" {
        return Err(mismatch("to be refused", told.to_string()));
    }
    let name = told["error"].as_str().map(str::to_owned);
    expect_argument(1, &Some(args.refusal(1).to_string()), &name)?;
    Ok(told)
}

fn reset(stage: &mut Stage<'_>, args: &Args) -> Option<String> {
    stage.person(args.person(0)).newest(|told| {
        let is_reset = told["tell"] == "ceremony_reset";
        is_reset.then(|| told["reason"].as_str().map(str::to_owned))?
    })
}

fn on_arrival(stage: &mut Stage<'_>, args: &Args) -> Result<Value, Mismatch> {
    let person = stage.person(args.person(0));
    let opened = person.newest(|told| (told["tell"] == "opened").then(|| told.get("ceremony").cloned())?);
    opened.ok_or_else(|| mismatch("an opened session", last(stage, args)))
}

/// The result of the last answer that the device gave to this person, as it crossed the connection: the contract has no
/// word for what every operation answers.
fn last_result(stage: &mut Stage<'_>, args: &Args) -> Option<Value> {
    let lines = stage.person(args.person(0)).lines.iter().rev();
    let mut of_device = lines.filter(|(from, _)| from == "device");
    of_device.find_map(|(_, line)| {
        let answer: Value = serde_json::from_str(line).ok()?;
        answer.get("result").cloned()
    })
}

/// `interfaces.0.mac` as a JSON pointer.
fn pointer(member: &str) -> String {
    format!("/{}", member.replace('.', "/"))
}

fn check_member(args: &Args, object: Option<&Value>) -> Result<(), Mismatch> {
    let object = object.ok_or_else(|| broken("nobody was told anything"))?;
    let shown = match object.pointer(&pointer(args.string(1))) {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    expect_argument(2, &args.string(2).to_owned(), &shown)
}
