//! Hands that cut short a live sync at every message that crosses the cable of the two HSMs.

use std::time::Duration;

use hsm_bench::Power;
use hsm_core::Key;
use serde_json::json;

use super::{
    super::stage::{Stage, broken},
    Hands,
    live_sync::{address, ask},
};
use crate::{
    lane::Mismatch,
    steps::{Args, expect, mismatch},
    world::{CableCut, CutWhat},
};

/// Longer than anybody waits for the other side of a live sync.
const LONGER_THAN_SILENCE: Duration = Duration::from_secs(31);
/// More messages than any live sync of a scenario has.
const MESSAGES_MAX: u32 = 2_000;
/// A sweep that is over sooner has cut nothing short.
const OLD_MIN: u32 = 5;
/// How long a durable write takes, so that the power can be cut meanwhile.
const WRITE_DELAY_MS: u64 = 1;

pub(super) const HANDS: Hands = &[
    (
        "the cable is cut at every message while {person} takes the database of {string}",
        |stage, args| sweep(stage, args, CutWhat::Link),
    ),
    (
        "the power of the HSM is cut at every message while {person} takes the database of {string}",
        |stage, args| sweep(stage, args, CutWhat::First),
    ),
    (
        "the power of the other HSM is cut at every message while {person} takes the database of {string}",
        |stage, args| sweep(stage, args, CutWhat::Other),
    ),
];

//= LS-03
fn sweep(stage: &mut Stage<'_>, args: &Args, what: CutWhat) -> Result<(), Mismatch> {
    stage.has_node_cables = true;
    let called = address(args, 1)?;
    let mut kept = [0, 0];
    // Programs that still have the old database are cut once more.
    let mut as_before = None;
    for after in 1..=MESSAGES_MAX {
        let mut again = match as_before.take() {
            Some(again) => again,
            None => stage.again(usize::MAX)?,
        };
        let old = again.database(None)?;
        let new = again.database(Some(called))?;
        again.change_faults(|faults| faults.write_delay_ms = WRITE_DELAY_MS)?;
        again.node_cable(called)?.cut_after(CableCut { what, after });
        ask(&mut again, args, &json!({"node": args.string(1)}))?;
        again.pass(LONGER_THAN_SILENCE)?;
        again.change_faults(|faults| faults.write_delay_ms = 0)?;
        let was_cut = again.node_cable(called)?.forget_cut().is_none();
        match (was_cut, what) {
            (true, CutWhat::First) => start_again(&mut again)?,
            (true, CutWhat::Other) => again.return_power_to_node(called)?,
            (true, CutWhat::Link) | (false, _) => {}
        }
        let found = again.database(None)?;
        let is_new = found == new;
        expect(is_new || found == old, "a whole database", || {
            format!("something else after message {after}: {}", found["counted"])
        })?;
        let theirs = again.database(Some(called))?;
        expect(theirs == new, "the other database as it was", || {
            format!("after message {after}")
        })?;
        if !was_cut {
            expect(
                is_new && kept[0] > OLD_MIN,
                "a live sync that is done without a cut",
                || format!("{kept:?}"),
            )?;
            stage.count(&again);
            stage.stay_aside();
            stage.tell(&format!("cuts: {after}, old {}, new {}", kept[0], kept[1]));
            return Ok(());
        }
        kept[usize::from(is_new)] += 1;
        if is_new {
            stage.count(&again);
            continue;
        }
        if what == CutWhat::First {
            administrate(&mut again, args.person(0))?;
        }
        as_before = Some(again);
    }
    Err(mismatch(format!("at most {MESSAGES_MAX} messages"), "more"))
}

/// The power returns to the first HSM.
fn start_again(stage: &mut Stage<'_>) -> Result<(), Mismatch> {
    stage.device()?.power("on").map_err(broken)?;
    stage.start()?;
    let power = stage.power()?;
    expect(power == Power::On, "an HSM that starts", || format!("{power:?}"))
}

/// The HSM has just started, and this person becomes its administrator, as the last of the custodians.
fn administrate(stage: &mut Stage<'_>, person: &str) -> Result<(), Mismatch> {
    stage.press(Key::Esc)?;
    stage.activate()?;
    stage.choose("Remote Management")?;
    let factory = stage.factory()?;
    let others = usize::from(factory.scheme().required()).saturating_sub(1);
    let others = factory.holders().filter(|holder| holder != person).take(others);
    for other in others.collect::<Vec<_>>() {
        stage.connect(&other, None)?;
        stage.authenticate(&other, &other)?;
        stage.hang_up(&other)?;
        stage.settle()?;
    }
    stage.connect(person, None)?;
    stage.authenticate(person, person)?;
    let is_administrator = stage.is_administrator(person)?;
    expect(is_administrator, "the administrator", || "somebody else".into())
}
