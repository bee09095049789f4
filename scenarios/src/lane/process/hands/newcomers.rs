//! Hands of strangers: polite ones, rude ones, and somebody who types lines into a bare TLS client.

use super::{super::stage::Stage, super::stage::broken, Hands};
use crate::{
    lane::Mismatch,
    steps::{expect, expect_argument, mismatch, reason},
    world::Manner,
};

/// The record type of a TLS alert.
const ALERT: u8 = 0x15;
/// Where the number stands in such a record that is not encrypted.
const ALERT_NUMBER: usize = 6;
/// Requests that are said before anybody listens.
const REQUESTS_AT_ONCE: i64 = 20;

pub(super) const HANDS: Hands = &[
    ("a(n) {manner} newcomer connects", |stage, args| {
        stage.add_newcomer(*args.manner(0), 0)
    }),
    ("{int} {manner} newcomers connect at once", |stage, args| {
        for number in 0..u16::try_from(args.int(0)).unwrap_or(u16::MAX) {
            stage.add_newcomer(*args.manner(1), number)?;
        }
        Ok(())
    }),
    (
        "{int} newcomers of every manner connect at once",
        |stage, args| crowd(stage, u16::try_from(args.int(0)).unwrap_or(u16::MAX)),
    ),
    ("the newcomer is denied with {denial}", |stage, args| {
        let expected = args.denial(0).to_string();
        let heard = &stage.newcomer()?.heard;
        let heard: Vec<_> = heard.iter().map(|line| reason(line, "session.denied")).collect();
        match &heard[..] {
            [Some(reason)] => expect_argument(0, &expected, reason),
            other => Err(mismatch(format!("one denial: {expected}"), format!("{other:?}"))),
        }
    }),
    (
        "every newcomer is denied with {denial}, or turned away",
        |stage, args| {
            let expected = args.denial(0).to_string();
            for newcomer in stage.newcomers() {
                for line in &newcomer.heard {
                    let reason = reason(line, "session.denied");
                    expect(reason.as_ref() == Some(&expected), &expected, || line.clone())?;
                }
            }
            Ok(())
        },
    ),
    ("the newcomer is the manager", |stage, _| {
        let heard = &stage.newcomer()?.heard;
        let is_open = heard.first().is_some_and(|line| line.contains("session.opened"));
        expect(is_open, "an opened session", || format!("{heard:?}"))
    }),
    ("the newcomer hears nothing", |stage, _| {
        let heard = &stage.newcomer()?.heard;
        expect(heard.is_empty(), "no line", || format!("{heard:?}"))
    }),
    ("the newcomer gets TLS alert {int}", |stage, args| {
        let raw = &stage.newcomer()?.raw;
        let number = raw
            .get(ALERT_NUMBER)
            .filter(|_| raw.first() == Some(&ALERT))
            .copied();
        expect_argument(0, &Some(args.int(0)), &number.map(i64::from))
    }),
    (
        "the newcomer is answered with the bytes {string}",
        |stage, args| {
            let raw = &stage.newcomer()?.raw;
            let raw: Vec<_> = raw.iter().map(|byte| format!("{byte:02X}")).collect();
            expect_argument(0, &args.string(0).to_owned(), &raw.join(" "))
        },
    ),
    ("the connection of the newcomer is over", |stage, _| {
        expect(stage.newcomer()?.is_over, "a closed connection", || {
            "an open one".into()
        })
    }),
    ("the connection of the newcomer is open", |stage, _| {
        expect(!stage.newcomer()?.is_over, "an open connection", || {
            "a closed one".into()
        })
    }),
    ("the newcomer asks for the header {int} times", |stage, args| {
        for id in 0..args.int(0) {
            let request = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"device.header\"}}\n");
            says(stage, request.as_bytes())?;
            if id % REQUESTS_AT_ONCE == 0 {
                stage.settle()?;
            }
        }
        Ok(())
    }),
    ("the newcomer hangs up", |stage, _| {
        stage.newcomer()?.end();
        Ok(())
    }),
    ("the newcomer types:", |stage, args| {
        says(stage, format!("{}\n", args.text()).as_bytes())
    }),
    (
        "the newcomer types {string} without an end of line",
        |stage, args| says(stage, args.string(0).as_bytes()),
    ),
    ("the newcomer types a line of {int} bytes", |stage, args| {
        let start = r#"{"jsonrpc":"2.0","id":1,"method":"device.header","params":{"x":""#;
        let end = "\"}}";
        let len = usize::try_from(args.int(0)).unwrap_or(0);
        let padding = len.saturating_sub(start.len() + end.len());
        says(stage, format!("{start}{}{end}\n", "x".repeat(padding)).as_bytes())
    }),
    (
        "the newcomer types {int} bytes without an end of line",
        |stage, args| says(stage, &vec![b'x'; usize::try_from(args.int(0)).unwrap_or(0)]),
    ),
    ("the newcomer hears {string}", |stage, args| {
        let last = stage.newcomer()?.heard.last().cloned().unwrap_or_default();
        if last.contains(args.string(0)) {
            return Ok(());
        }
        Err(Mismatch {
            argument: Some(0),
            expected: args.string(0).to_owned(),
            actual: last,
        })
    }),
    ("the HSM holds at most {int} connection(s)", |stage, args| {
        stage.is_on()?;
        let held = stage.device()?.state.connections.len();
        let most = usize::try_from(args.int(0)).unwrap_or(0);
        expect(held <= most, &format!("at most {most}"), || held.to_string())
    }),
];

/// Newcomers of every manner in turn, all in the same instant.
pub(super) fn crowd(stage: &mut Stage<'_>, count: u16) -> Result<(), Mismatch> {
    let mut newcomers = (0..count).zip(Manner::ALL.iter().cycle());
    newcomers.try_for_each(|(number, manner)| stage.add_newcomer(*manner, number))
}

fn says(stage: &mut Stage<'_>, plaintext: &[u8]) -> Result<(), Mismatch> {
    stage.newcomer()?.say(plaintext).map_err(broken)
}
