//! Hands that do the same again and again, each time with one thing changed, with programs that have done what was done
//! before: of their own, or the same ones after a cut of power. The messages are counted while it runs, never written down.

use hsm_bench::{Access, Power};
use protocol::ManagerRequest;
use serde_json::json;

use super::{
    super::stage::{Stage, broken},
    Hands,
    device::enable,
};
use crate::{
    lane::Mismatch,
    steps::{Args, expect, mismatch},
    world::Interruption,
};

/// More messages than any process has; past it something does not end.
const POSITIONS_MAX: u32 = 2_000;

/// What was found after a process that was disturbed once.
#[derive(Debug)]
pub(in crate::lane::process) struct Outcome {
    /// Messages that were carried before the hand acted.
    position: u32,
    /// Whether the session had been opened.
    opened: bool,
    /// What the device told of the end, if it did: how, and why.
    told: Option<(String, String)>,
    administrator: bool,
    /// Whether the box of remote management is still on the screen.
    enabled: bool,
    /// Wrong PINs that the cards count.
    tries_lost: u32,
}

pub(super) const HANDS: Hands = &[
    (
        "somebody {hand} at every message of a process with the cards of {person} and {person}",
        disturb,
    ),
    ("there were at least {int} positions", |stage, args| {
        stage.stay_aside();
        let found = i64::try_from(stage.outcomes.len()).unwrap_or(i64::MAX);
        expect(found >= args.int(0), &format!("at least {}", args.int(0)), || {
            found.to_string()
        })
    }),
    (
        "at every position the manager was told {closing}",
        |stage, args| {
            let expected = args.closing(0).to_string();
            every(stage, &format!("an end: {expected}"), |outcome| {
                match &outcome.told {
                    Some((how, reason)) if how == "closing" => *reason == expected,
                    Some((how, _)) => how == "denied" && !outcome.opened,
                    None => false,
                }
            })
        },
    ),
    ("at every position nobody is the administrator", |stage, _| {
        every(stage, "nobody", |outcome| !outcome.administrator)
    }),
    ("at every position remote management is disabled", |stage, _| {
        every(stage, "a console without the box", |outcome| !outcome.enabled)
    }),
    ("at every position no card has lost a try", |stage, _| {
        every(stage, "no try lost", |outcome| outcome.tries_lost == 0)
    }),
];

fn every(stage: &mut Stage<'_>, expected: &str, holds: impl Fn(&Outcome) -> bool) -> Result<(), Mismatch> {
    stage.stay_aside();
    expect(!stage.outcomes.is_empty(), "an experiment", || {
        "none so far".into()
    })?;
    let broken = stage.outcomes.iter().find(|outcome| !holds(outcome));
    broken.map_or(Ok(()), |outcome| {
        let len = stage.outcomes.len();
        let position = outcome.position;
        Err(mismatch(
            expected,
            format!("at position {position} of {len}: {outcome:?}"),
        ))
    })
}

fn disturb(stage: &mut Stage<'_>, args: &Args) -> Result<(), Mismatch> {
    let (hand, people) = (*args.hand(0), [args.person(1), args.person(2)]);
    stage.stay_aside();
    let mut again = stage.again(usize::MAX)?;
    let first_screen = again.screen()?;
    for position in 1..=POSITIONS_MAX {
        let interruption = Interruption {
            after: position,
            hand,
        };
        again.interruption = Some((people[0].to_owned(), interruption));
        process(&mut again, people)?;
        if again.interruption.is_some() {
            stage.count(&again);
            return Ok(());
        }
        let found = outcome(&mut again, people[0], position)?;
        stage.tell(&format!("{found:?}"));
        stage.outcomes.push(found);
        // The same programs do it once more if they look as they did at first; else others do.
        begin_anew(&mut again, people[0])?;
        if again.screen()? != first_screen {
            stage.count(&again);
            again = stage.again(usize::MAX)?;
        }
    }
    let expected = "a process that ends";
    Err(mismatch(expected, format!("one of {POSITIONS_MAX} messages")))
}

/// Nothing is left of the process: the power is cut and returns, and everybody who was there at first does the same.
fn begin_anew(stage: &mut Stage<'_>, station: &str) -> Result<(), Mismatch> {
    if stage.power()? != Power::Cut {
        stage.device()?.power("cut").map_err(broken)?;
        stage.settle()?;
    }
    stage.take_card_out(station)?;
    stage.remove_locally()?;
    stage.device()?.power("on").map_err(broken)?;
    stage.start()?;
    enable(stage)
}

/// A whole process of two custodians at one station.
fn process(stage: &mut Stage<'_>, people: [&str; 2]) -> Result<(), Mismatch> {
    let station = people[0];
    stage.connect(station, None)?;
    stage.settle()?;
    stage.authenticate(station, people[0])?;
    stage.authenticate(station, people[1])?;
    for request in [
        ManagerRequest::Info,
        ManagerRequest::StopService,
        ManagerRequest::StartService,
        ManagerRequest::Header,
    ] {
        stage.ask(station, request.method().name(), &json!({}))?;
        stage.settle()?;
    }
    Ok(())
}

fn outcome(stage: &mut Stage<'_>, station: &str, position: u32) -> Result<Outcome, Mismatch> {
    let enabled = stage.screen()?.contains("RM (press ESC to exit)");
    let device = stage.device()?;
    device.look().map_err(broken)?;
    let manager = device.state.manager.as_ref();
    let administrator = manager.is_some_and(|manager| manager.access == Access::Administrator);
    let holders: Vec<String> = stage.factory()?.holders().collect();
    let mut tries_lost = 0;
    for holder in holders {
        tries_lost += u32::from(stage.card(&holder)?.try_counter());
    }
    let person = stage.person(station);
    let opened = person.newest(|told| (told["tell"] == "opened").then_some(()));
    let told = person.newest(|told| {
        let is_told = told["tell"] == "ended" && (told["how"] == "closing" || told["how"] == "denied");
        let text = |member: &str| told[member].as_str().unwrap_or_default().to_owned();
        is_told.then(|| (text("how"), text("reason")))
    });
    Ok(Outcome {
        position,
        opened: opened.is_some(),
        told,
        administrator,
        enabled,
        tries_lost,
    })
}
