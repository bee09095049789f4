//! Hands at the device as a whole, its cables and its time.

use hsm_core::{Profile, Scheme};
use serde_json::json;

use super::{super::stage::Stage, super::stage::broken, Hands};
use crate::{
    lane::Mismatch,
    steps::{expect, expect_argument},
};

pub(super) const HANDS: Hands = &[
    (
        "a(n) {model} HSM with a {scheme} set of cards held by {people}",
        |stage, args| stage.make_bound(args.model(0), *args.scheme(1), args.people(2)),
    ),
    ("an HSM ready for remote management", |stage, _| {
        ready(stage, &Profile::xp())
    }),
    ("a(n) {model} HSM ready for remote management", |stage, args| {
        ready(stage, args.model(0))
    }),
    ("an HSM that waits for its custodians", |stage, _| {
        ready(stage, &Profile::xp())?;
        stage.device()?.power("cut").map_err(broken)?;
        stage.settle()?;
        stage.device()?.power("on").map_err(broken)?;
        stage.start()
    }),
    ("it has been activated at the console", |stage, _| {
        stage.activate()
    }),
    ("remote management has been enabled at the console", |stage, _| {
        stage.choose("Remote Management")
    }),
    ("the power is cut", |stage, _| {
        stage.device()?.power("cut").map_err(broken)
    }),
    ("the power returns", |stage, _| {
        stage.device()?.power("on").map_err(broken)
    }),
    ("the HSM has started", |stage, _| {
        stage.start()?;
        let is_on = stage.is_on()?;
        let power = stage.device()?.state.power;
        expect(is_on, "an HSM that is on", || format!("{power:?}"))
    }),
    ("the HSM is off", |stage, _| {
        stage.is_on()?;
        let power = stage.device()?.state.power;
        let is_off = matches!(power, hsm_bench::Power::Cut | hsm_bench::Power::Off);
        expect(is_off, "an HSM that is off", || format!("{power:?}"))
    }),
    ("the HSM is activated", |stage, _| {
        stage.is_on()?;
        let is_activated = stage.device()?.state.activated;
        expect(is_activated, "an activated HSM", || "one that is not".into())
    }),
    ("the HSM is not activated", |stage, _| {
        stage.is_on()?;
        let is_activated = stage.device()?.state.activated;
        expect(!is_activated, "an HSM that is not activated", || {
            "one that is".into()
        })
    }),
    ("port 4433 is open", |stage, _| {
        stage.is_on()?;
        let is_open = stage.device()?.state.port.open;
        expect(is_open, "an open port", || "a closed one".into())
    }),
    ("port 4433 is closed", |stage, _| {
        stage.is_on()?;
        let is_open = stage.device()?.state.port.open;
        expect(!is_open, "a closed port", || "an open one".into())
    }),
    ("the disk takes {duration} for a write", |stage, args| {
        let millis = u64::try_from(args.duration(0).as_millis()).unwrap_or(u64::MAX);
        stage.change_faults(|faults| faults.write_delay_ms = millis)
    }),
    ("the log says {string}", |stage, args| {
        let log = stage.log()?;
        let found = log.iter().any(|line| line.contains(args.string(0)));
        if found {
            Ok(())
        } else {
            Err(not_in_log(&log, args.string(0)))
        }
    }),
    ("the log does not say {string}", |stage, args| {
        let found = stage
            .log()?
            .into_iter()
            .find(|line| line.contains(args.string(0)));
        found.map_or(Ok(()), |actual| {
            Err(Mismatch {
                argument: Some(0),
                expected: "no such line".into(),
                actual,
            })
        })
    }),
    ("the log says {string} {int} time(s)", |stage, args| {
        let log = stage.log()?;
        let times = log.iter().filter(|line| line.contains(args.string(0))).count();
        expect_argument(1, &args.int(1), &i64::try_from(times).unwrap_or(i64::MAX)).map_err(|mismatch| {
            Mismatch {
                actual: format!(
                    "{} in {}",
                    mismatch.actual,
                    not_in_log(&log, args.string(0)).actual
                ),
                ..mismatch
            }
        })
    }),
    (
        "{person} asks for {reading} {int} times in a row",
        |stage, args| {
            for _ in 0..args.int(2) {
                stage.ask(args.person(0), args.act(1).name(), &json!({}))?;
            }
            Ok(())
        },
    ),
];

fn ready(stage: &mut Stage<'_>, profile: &Profile) -> Result<(), Mismatch> {
    let scheme = Scheme::new(2, 3).ok_or_else(|| broken("2 of 3 as a scheme"))?;
    stage.make_bound(profile, scheme, &["Ana", "Bruno", "Carla"].map(String::from))?;
    enable(stage)
}

/// Its custodians activate it, and somebody enables remote management.
pub(super) fn enable(stage: &mut Stage<'_>) -> Result<(), Mismatch> {
    stage.activate()?;
    if stage.leaves_card {
        stage.insert_locally("Somebody")?;
    }
    stage.choose("Remote Management")?;
    stage.settle()
}

fn not_in_log(log: &[String], text: &str) -> Mismatch {
    let last = &log[log.len().saturating_sub(5)..];
    Mismatch {
        argument: Some(0),
        expected: format!("a line with {text:?}"),
        actual: format!("a log that ends with\n{}", last.join("\n")),
    }
}
