//! Hands that cut the power at every durable write of what was just done, each time with programs of their own that have
//! done the same before. What the disk held is what `hsm-emulator state export` says of the real file.

use std::time::Duration;

use hsm_bench::{CutMoment, Power};
use hsm_core::{LastStop, ObjectId, SealedObject, Stored, Vault};
use serde_json::json;

use super::{
    super::stage::{Done, Stage, broken},
    Hands,
};
use crate::{
    lane::Mismatch,
    steps::{expect, mismatch},
};

/// A write that never comes.
const FAR: u64 = hsm_bench::WRITES_MAX;
/// More writes than any deed has; past it something does not end.
const WRITES_MAX: u64 = 100;
/// Time after each step in which what it began becomes durable, also on a disk that is not immediate.
const AFTER_STEP: Duration = Duration::from_secs(1);

pub(super) const HANDS: Hands = &[
    (
        "the power is cut at every write of the last {int} step(s)",
        |stage, args| sweep(stage, usize::try_from(args.int(0)).unwrap_or(0)),
    ),
    ("there were at least {int} cuts", |stage, args| {
        stage.stay_aside();
        let found = i64::try_from(stage.cuts).unwrap_or(i64::MAX);
        expect(found >= args.int(0), &format!("at least {}", args.int(0)), || {
            found.to_string()
        })
    }),
];

/// When the power is cut.
#[derive(Clone, Copy)]
struct Cut {
    /// At this write, counted from 1.
    write: u64,
    moment: CutMoment,
}

/// What came of a deed: what was on the disk when the power was cut, and after the device had started once more.
struct Found {
    held: Stored,
    settled: Stored,
    writes: u64,
}

/// Cuts the power within and after each write, and at the end. What is found then must be exactly what one of the writes
/// left; and once the device has started, all of the deed or nothing of it.
//= OP-10
//= LF-06
fn sweep(stage: &mut Stage<'_>, steps_len: usize) -> Result<(), Mismatch> {
    let first = stage.done.len().checked_sub(steps_len);
    let Some(first) = first.filter(|_| steps_len > 0) else {
        return Err(mismatch("as many steps before this one", "fewer"));
    };
    let deed = stage.done[first..].to_vec();
    let before = {
        let mut again = stage.again(first)?;
        again.settle()?;
        again.device()?.power("cut").map_err(broken)?;
        kept(&mut again)?
    };
    let far = Cut {
        write: FAR,
        moment: CutMoment::Before,
    };
    let whole = cut_during(stage, first, &deed, far)?;
    stage.cuts += 1;
    let writes = whole.writes;
    expect(
        writes <= WRITES_MAX,
        &format!("at most {WRITES_MAX} writes"),
        || writes.to_string(),
    )?;
    // What the disk holds before the first write, after it, after the second, and so on.
    let mut held = vec![before];
    for write in 1..=writes {
        for moment in [CutMoment::After, CutMoment::Within] {
            let cut = Cut { write, moment };
            let found = cut_during(stage, first, &deed, cut)?;
            stage.cuts += 1;
            let at = format!("at write {write} of {writes}, {moment:?}");
            expect(found.writes == write, &format!("the same writes {at}"), || {
                found.writes.to_string()
            })?;
            match moment {
                CutMoment::After => held.push(found.held.clone()),
                CutMoment::Before | CutMoment::Within => {
                    expect(
                        held.contains(&found.held),
                        &format!("what one of the writes left {at}"),
                        || format!("{:?}", found.held),
                    )?;
                }
            }
            let is_whole = [&held[0], &whole.held].map(settled).contains(&found.settled);
            expect(is_whole, &format!("all of it or nothing {at}"), || {
                format!("{:?}", found.settled)
            })?;
        }
    }
    expect(
        held.last() == Some(&whole.held),
        "the last write to leave what the whole deed left",
        || format!("{:?} and {:?}", held.last(), whole.held),
    )?;
    expect(
        settled(&whole.held) == whole.settled,
        "a device that starts as it was",
        || format!("{:?}", whole.settled),
    )?;
    stage.stay_aside();
    stage.tell(&format!("cuts of power: {}", stage.cuts));
    Ok(())
}

/// The same steps again in programs of their own, with the power cut, and cut at the end at the latest.
fn cut_during(stage: &mut Stage<'_>, first: usize, deed: &[Done], cut: Cut) -> Result<Found, Mismatch> {
    let mut again = stage.again(first)?;
    again.change_faults(|faults| {
        faults.cut_at_write = cut.write;
        faults.cut_moment = cut.moment;
    })?;
    for (hand, args) in deed {
        let played = again.play(*hand, args);
        again.pass(AFTER_STEP)?;
        // Without power nobody finds a menu.
        if again.power()? != Power::Cut {
            played?;
        }
    }
    again.start()?;
    let is_cut = again.power()? == Power::Cut;
    let left = again.device()?.state.faults.cut_at_write;
    if !is_cut {
        again.device()?.power("cut").map_err(broken)?;
    }
    let held = kept(&mut again)?;
    start_again(&mut again)?;
    again.device()?.power("cut").map_err(broken)?;
    let settled = settled(&kept(&mut again)?);
    stage.count(&again);
    Ok(Found {
        held,
        settled,
        writes: cut.write - left,
    })
}

/// The power returns, and the device comes up with its self test passed.
fn start_again(stage: &mut Stage<'_>) -> Result<(), Mismatch> {
    let told = stage.log()?.len();
    stage.device()?.power("on").map_err(broken)?;
    stage.start()?;
    if stage.power()? == Power::Off {
        stage.device()?.power("on").map_err(broken)?;
        stage.start()?;
    }
    let power = stage.power()?;
    expect(power == Power::On, "an HSM that starts", || format!("{power:?}"))?;
    let log = stage.log()?;
    let is_tested = log[told..].iter().any(|line| line.contains("self test passed"));
    expect(is_tested, "a self test that passes", || log[told..].join("\n"))
}

/// What the disk of a device without power holds, without what the program draws anew each time: the salts of passwords,
/// and the key of a Pocket with everything that is sealed with it.
fn kept(stage: &mut Stage<'_>) -> Result<Stored, Mismatch> {
    let mut stored = stage.stored()?;
    let vault = Vault::of(&stage.factory()?.set.key());
    let mut unopened = 0_u8;
    for (id, sealed) in std::mem::take(&mut stored.sealed_users) {
        let (id, inside) = if let Ok((name, mut user)) = vault.open_user(id, &sealed) {
            let has_own_password = user.verifier.take().is_some();
            (id, json!([name, user, has_own_password]).to_string())
        } else {
            // Of those, how many there are can be compared.
            unopened += 1;
            (ObjectId::new([unopened; ObjectId::BYTES]), String::new())
        };
        let inside = SealedObject::new(inside.into_bytes());
        let inside = inside.ok_or_else(|| broken("a user that fits into a record"))?;
        stored.sealed_users.insert(id, inside);
    }
    if stored.activation.take().is_some() {
        // Its key is drawn, too, so only whether there is one can be compared.
        stored.binding = None;
        stored.replication_domain = Some("a Pocket with a password".into());
    }
    Ok(stored)
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
