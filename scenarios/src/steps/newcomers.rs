//! Steps of strangers: polite ones, rude ones, and somebody who types lines into a bare TLS client.

use std::net::{IpAddr, Ipv4Addr};

use machine::Instant;
use sim::{Link, Side};

use super::{Stage, Steps, define, expect, expect_argument, mismatch};
use crate::{
    lane::Mismatch,
    step::BlockKind,
    world::{Manner, Newcomer, World},
};

/// The record type of a TLS alert.
const ALERT: u8 = 0x15;
/// Where the number stands in such a record that is not encrypted.
const ALERT_NUMBER: usize = 6;

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "a(n) {manner} newcomer connects",
        "from 198.51.100.1",
        |stage, args| {
            stage.world()?.newcomer(*args.manner(0), address(0));
            Ok(())
        },
    );
    define(
        steps,
        "{int} {manner} newcomers connect at once",
        "from as many addresses",
        |stage, args| {
            for number in 0..args.int(0) {
                stage.world()?.newcomer(*args.manner(1), address(number));
            }
            Ok(())
        },
    );
    define(
        steps,
        "{int} newcomers of every manner connect at once",
        "manner after manner, in turn",
        |stage, args| {
            crowd(stage.world()?, args.int(0));
            Ok(())
        },
    );
    define(
        steps,
        "the newcomer is denied with {denial}",
        "and told nothing else",
        |stage, args| {
            let expected = *args.denial(0);
            let heard: Vec<_> = newcomer(stage)?
                .heard
                .iter()
                .map(|(_, line)| reason(line, "session.denied"))
                .collect();
            match &heard[..] {
                [Some(reason)] => expect_argument(0, &expected.to_string(), reason),
                other => Err(mismatch(format!("one denial: {expected}"), format!("{other:?}"))),
            }
        },
    );
    define(
        steps,
        "every newcomer is denied with {denial}, or turned away",
        "and none has become the manager",
        |stage, args| {
            let expected = args.denial(0).to_string();
            for newcomer in &stage.world()?.newcomers {
                for (_, line) in &newcomer.heard {
                    let reason = reason(line, "session.denied");
                    expect(reason.as_ref() == Some(&expected), &expected, || line.clone())?;
                }
            }
            Ok(())
        },
    );
    define(
        steps,
        "the newcomer is the manager",
        "and was told so",
        |stage, _| {
            let heard = &newcomer(stage)?.heard;
            let opened = heard
                .first()
                .is_some_and(|(_, line)| line.contains("session.opened"));
            expect(opened, "an opened session", || format!("{heard:?}"))
        },
    );
    define(steps, "the newcomer hears nothing", "not a line", |stage, _| {
        let heard = &newcomer(stage)?.heard;
        expect(heard.is_empty(), "no line", || format!("{heard:?}"))
    });
    define(
        steps,
        "the newcomer gets TLS alert {int}",
        "the number of RFC 8446, section 6",
        |stage, args| {
            let raw = &newcomer(stage)?.raw;
            let number = raw
                .get(ALERT_NUMBER)
                .filter(|_| raw.first() == Some(&ALERT))
                .copied();
            expect_argument(0, &Some(args.int(0)), &number.map(i64::from))
        },
    );
    define(
        steps,
        "the newcomer is answered with the bytes {string}",
        "in hexadecimal",
        |stage, args| {
            let raw: Vec<_> = newcomer(stage)?
                .raw
                .iter()
                .map(|byte| format!("{byte:02X}"))
                .collect();
            expect_argument(0, &args.string(0).to_owned(), &raw.join(" "))
        },
    );
    define(
        steps,
        "the connection of the newcomer is over",
        "the HSM has closed it",
        |stage, _| {
            let ended = newcomer(stage)?.ended;
            expect(ended.is_some(), "a closed connection", || "an open one".into())
        },
    );
    define(
        steps,
        "the connection of the newcomer is open",
        "nobody has closed it",
        |stage, _| {
            let ended = newcomer(stage)?.ended;
            expect(ended.is_none(), "an open connection", || {
                format!("closed at {ended:?}")
            })
        },
    );
    define(
        steps,
        "the newcomer reads nothing any more",
        "what the HSM sends waits",
        |stage, _| with_link(stage, |_, link| link.hold(Side::Client)),
    );
    define(
        steps,
        "the newcomer reads again",
        "what has waited arrives",
        |stage, _| with_link(stage, |now, link| link.release(now, Side::Client)),
    );
    define(
        steps,
        "the newcomer asks for the header {int} times",
        "one request after the other",
        |stage, args| {
            for id in 0..args.int(0) {
                let request = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"device.header\"}}\n");
                says(stage, request.as_bytes())?;
                stage.world()?.settle();
            }
            Ok(())
        },
    );
    define(
        steps,
        "the newcomer hangs up",
        "closes the connection without a word",
        |stage, _| {
            let world = stage.world()?;
            let last = world.newcomers.len().saturating_sub(1);
            if let Some(link) = world.newcomers.get(last).and_then(|newcomer| newcomer.link) {
                world.end_newcomer(last, link);
            }
            Ok(())
        },
    );
    steps.define(
        "the newcomer types:",
        "each row is a line",
        BlockKind::DocString,
        |stage, args| {
            let text = format!("{}\n", args.text());
            says(stage, text.as_bytes())
        },
    );
    define(
        steps,
        "the newcomer types {string} without an end of line",
        "the line stays unfinished",
        |stage, args| says(stage, args.string(0).as_bytes()),
    );
    define(
        steps,
        "the newcomer types a line of {int} bytes",
        "a well-formed one, its LF not counted",
        |stage, args| {
            let start = r#"{"jsonrpc":"2.0","id":1,"method":"device.header","params":{"x":""#;
            let end = "\"}}";
            let padding = usize::try_from(args.int(0))
                .unwrap_or(0)
                .saturating_sub(start.len() + end.len());
            says(stage, format!("{start}{}{end}\n", "x".repeat(padding)).as_bytes())
        },
    );
    define(
        steps,
        "the newcomer types {int} bytes without an end of line",
        "letters",
        |stage, args| {
            let len = usize::try_from(args.int(0)).unwrap_or(0);
            says(stage, &vec![b'x'; len])
        },
    );
    define(
        steps,
        "the newcomer hears {string}",
        "in the last line",
        |stage, args| {
            let last = newcomer(stage)?
                .heard
                .last()
                .map(|(_, line)| line.clone())
                .unwrap_or_default();
            if last.contains(args.string(0)) {
                return Ok(());
            }
            Err(Mismatch {
                argument: Some(0),
                expected: args.string(0).to_owned(),
                actual: last,
            })
        },
    );
    define(
        steps,
        "the HSM holds at most {int} connection(s)",
        "in any state",
        |stage, args| {
            let held = stage.world()?.connections_len();
            let most = usize::try_from(args.int(0)).unwrap_or(0);
            expect(held <= most, &format!("at most {most}"), || held.to_string())
        },
    );
}

/// Newcomers of every manner in turn, all in the same instant.
pub(super) fn crowd(world: &mut World, count: i64) {
    for (number, manner) in (0..count).zip(Manner::ALL.iter().cycle()) {
        world.newcomer(*manner, address(number));
    }
}

/// An address of its own for every newcomer, in a network for benchmarks (RFC 2544).
fn address(number: i64) -> IpAddr {
    let low = u16::try_from(number.rem_euclid(65_536)).expect("it is below 65,536");
    let [third, fourth] = low.to_be_bytes();
    Ipv4Addr::new(198, 18, third, fourth).into()
}

fn newcomer(stage: &mut Stage) -> Result<&Newcomer, Mismatch> {
    stage
        .world()?
        .newcomers
        .last()
        .ok_or_else(|| mismatch("a newcomer", "none so far"))
}

fn with_link(stage: &mut Stage, change: impl FnOnce(Instant, &mut Link)) -> Result<(), Mismatch> {
    let world = stage.world()?;
    let link = world.newcomers.last().and_then(|newcomer| newcomer.link);
    let link = link.ok_or_else(|| mismatch("a newcomer who is connected", "none"))?;
    world.with_raw_link(link, change);
    Ok(())
}

fn says(stage: &mut Stage, plaintext: &[u8]) -> Result<(), Mismatch> {
    let world = stage.world()?;
    let last = world
        .newcomers
        .len()
        .checked_sub(1)
        .ok_or_else(|| mismatch("a newcomer", "none so far"))?;
    world.newcomer_says(last, plaintext);
    Ok(())
}

/// The reason that a notification of this name gives.
pub(crate) fn reason(line: &str, method: &str) -> Option<String> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_it = message.get("method").and_then(serde_json::Value::as_str) == Some(method);
    let reason = message
        .pointer("/params/reason")
        .and_then(serde_json::Value::as_str);
    reason.filter(|_| is_it).map(str::to_owned)
}
