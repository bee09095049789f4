//! Steps that cut the power at every durable write of what was just done, each time in a world of its own that is equal
//! to this one. Knows no operation: whatever a scenario can do can be cut.

use std::time::Duration;

use hsm_core::{LastStop, LifeCycle, Stored};
use machine::Instant;

use super::{Args, Handler, Stage, Steps, define, expect, mismatch};
use crate::{
    lane::Mismatch,
    world::{Kept, World},
};

/// More writes than any deed has; past it something does not end.
const WRITES_MAX: usize = 100;
/// Time after each step in which what it began becomes durable, also on a disk that is not immediate.
const AFTER_STEP: Duration = Duration::from_secs(1);
/// How long a write takes that is to be lost: long enough for the cut to come first.
const LOST_WRITE: Duration = Duration::from_millis(1);

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "the power is cut at every write of the last {int} step(s)",
        "two worlds for each durable write, one in which it is lost, one in which only its word is; and one for the end",
        |stage, args| {
            let steps_len = usize::try_from(args.int(0)).unwrap_or(0);
            sweep(stage, steps_len)
        },
    );
    define(
        steps,
        "there were at least {int} cuts",
        "so that a sweep cannot be empty; the number is in the summary and in the trace",
        |stage, args| {
            stage.is_aside = true;
            let found = i64::try_from(stage.cuts).unwrap_or(i64::MAX);
            expect(found >= args.int(0), &format!("at least {}", args.int(0)), || {
                found.to_string()
            })
        },
    );
}

/// When the power is cut.
#[derive(Clone, Copy)]
enum Cut {
    /// At this write, counted from 1.
    AtWrite { write: usize, is_lost: bool },
    /// When everything is done.
    AtTheEnd,
}

/// Cuts the power at the first write, at the second, and so on, and at the end. What is found then must be exactly what
/// one of the writes left; and once the device has started, all of the deed or nothing of it.
//= OP-10
//= LF-06
fn sweep(stage: &mut Stage, steps_len: usize) -> Result<(), Mismatch> {
    let first = stage.done.len().checked_sub(steps_len);
    let Some(first) = first.filter(|_| steps_len > 0) else {
        return Err(mismatch("as many steps before this one", "fewer"));
    };
    let deed = stage.done[first..].to_vec();
    let mut whole = stage.again(first)?;
    let before = whole.world()?.storage.durable().clone();
    let already = whole.world()?.persisted.len();
    for (handler, args) in &deed {
        whole.play(*handler, args.clone())?;
        whole.world()?.pass(AFTER_STEP);
    }
    super::device::start(whole.world()?);
    let done = whole.world()?.storage.durable().clone();
    // What the disk holds before the first write, after it, after the second, and so on.
    let mut held = vec![before];
    held.extend(
        whole.world()?.persisted[already..]
            .iter()
            .map(|(_, kept)| kept.clone()),
    );
    expect(held.last() == Some(&done), "a deed that comes to its end", || {
        "one with writes under way".into()
    })?;
    let writes = held.len() - 1;
    expect(
        writes <= WRITES_MAX,
        &format!("at most {WRITES_MAX} writes"),
        || writes.to_string(),
    )?;
    let at_writes =
        (1..=writes).flat_map(|write| [true, false].map(|is_lost| Cut::AtWrite { write, is_lost }));
    for cut in at_writes.chain([Cut::AtTheEnd]) {
        let mut again = stage.again(first)?;
        cut_during(&mut again, &deed, cut, &held)?;
        stage.cuts += 1;
        stage.lasted += again.world()?.now.since(Instant::POWER_ON);
    }
    stage.is_aside = true;
    stage.trace.push(format!("cuts of power: {}", stage.cuts));
    Ok(())
}

fn cut_during(stage: &mut Stage, deed: &[(Handler, Args)], cut: Cut, held: &[Kept]) -> Result<(), Mismatch> {
    let world = stage.world()?;
    let (cut_at_write, latency) = match cut {
        Cut::AtWrite { write, is_lost } => (Some(write), if is_lost { LOST_WRITE } else { Duration::ZERO }),
        Cut::AtTheEnd => (None, Duration::ZERO),
    };
    (world.cut_at_write, world.storage.latency) = (cut_at_write, latency);
    for (handler, args) in deed {
        let played = stage.play(*handler, args.clone());
        let world = stage.world()?;
        world.pass(AFTER_STEP);
        // Without power nobody finds a menu.
        if world.device().is_some() {
            played?;
        }
    }
    let world = stage.world()?;
    super::device::start(world);
    expect(world.cut_at_write.is_none(), "the same writes again", || {
        "fewer".into()
    })?;
    let found = world.storage.durable();
    let is_right = match cut {
        Cut::AtWrite { write, is_lost: true } => held[..write].contains(found),
        Cut::AtWrite {
            write,
            is_lost: false,
        } => *found == held[write],
        Cut::AtTheEnd => held.last() == Some(found),
    };
    expect(is_right, "what one of the writes left", || format!("{found:?}"))?;
    if let Cut::AtTheEnd = cut {
        world.cut_power();
    }
    start_again(world)?;
    let kept = settled(world.storage.durable());
    let is_whole = [held.first(), held.last()]
        .into_iter()
        .flatten()
        .any(|whole| settled(whole) == kept);
    expect(is_whole, "all of it or nothing", || format!("{kept:?}"))
}

/// The power returns, and the device comes up with its self test passed.
fn start_again(world: &mut World) -> Result<(), Mismatch> {
    world.storage.latency = Duration::ZERO;
    let told = world.records.len();
    world.return_power();
    super::device::start(world);
    world.press_power_button_if_off();
    super::device::start(world);
    let state = world.device().map(hsm_core::Device::state);
    expect(state.is_some_and(LifeCycle::is_on), "an HSM that starts", || {
        format!("{state:?}")
    })?;
    let is_tested = world.records[told..]
        .iter()
        .any(|record| matches!(record.event, hsm_core::Event::SelfTest { passed: true }));
    expect(is_tested, "a self test that passes", || "none".into())
}

/// What is kept without what any start and stop writes, and without the tries that are counted before a password is
/// compared.
fn settled(stored: &Stored) -> Stored {
    Stored {
        last_stop: LastStop::PowerCut,
        switched_on: true,
        activation_failures: 0,
        ..stored.clone()
    }
}
