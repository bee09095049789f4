//! Steps about database live sync: other HSMs, taking their databases, and cutting it short at every point.

use std::{net::IpAddr, time::Duration};

use hsm_core::{Key, Objects};
use protocol::{ManagerRequest, OperatingMode};

use super::{Args, Stage, Steps, define, expect, mismatch};
use crate::{
    lane::Mismatch,
    world::{CableCut, CutWhat, Kept, Making, World},
};

/// Longer than anybody waits for the other side of a live sync.
const LONGER_THAN_SILENCE: Duration = Duration::from_secs(31);

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "another HSM at {string} with {int} object(s)",
        "with the same Server Master Key and mode, activated at its console, its service running",
        |stage, args| {
            let same_key = true;
            add(stage, args, same_key, OperatingMode::Nrm)
        },
    );
    define(
        steps,
        "another HSM at {string} of another set with {int} object(s)",
        "with another Server Master Key",
        |stage, args| {
            let same_key = false;
            add(stage, args, same_key, OperatingMode::Nrm)
        },
    );
    define(
        steps,
        "another HSM at {string} in mode RM1 with {int} object(s)",
        "with the same Server Master Key",
        |stage, args| {
            let same_key = true;
            add(stage, args, same_key, OperatingMode::Rm1)
        },
    );
    define(
        steps,
        "the service of the HSM at {string} is stopped",
        "at its console",
        |stage, args| {
            let index = node(stage, args, 0)?;
            let world = stage.world()?;
            world.press_at_node(index, Key::Down);
            world.press_at_node(index, Key::Enter);
            world.settle();
            expect(!world.nodes[index].runs(), "a stopped service", || {
                "one that runs".into()
            })
        },
    );
    define(
        steps,
        "the power of the HSM at {string} is cut",
        "nobody is told",
        |stage, args| {
            let index = node(stage, args, 0)?;
            stage.world()?.cut_node(index);
            Ok(())
        },
    );
    define(
        steps,
        "{string} leads to the HSM itself",
        "an address that is not in its network settings",
        |stage, args| {
            let address = address(args, 0)?;
            stage.world()?.other_address_of_the_first = Some(address);
            Ok(())
        },
    );
    define(
        steps,
        "the node {string} has been put on the list at the console",
        "by `New Node` in `Replication`",
        |stage, args| {
            let typed = args.string(0).to_owned();
            let world = stage.world()?;
            for entry in ["Configuration", "Replication", "New Node"] {
                super::console::choose(world, entry)?;
            }
            for character in typed.chars() {
                world.press(Key::Char(character));
            }
            world.press(Key::Enter);
            world.settle();
            for _ in 0..4 {
                world.press(Key::Esc);
                world.settle();
            }
            let nodes = &world.storage.durable().nodes;
            let is_there = nodes.iter().any(|node| node.to_string() == typed);
            expect(is_there, "a node in the list", || world.screen())
        },
    );
    define(
        steps,
        "{person} takes the database of {string}",
        "`ops.live_sync` with this node, confirmed by the serial number",
        |stage, args| {
            let node = Some(args.string(1).to_owned());
            ask(stage, args, node)
        },
    );
    define(
        steps,
        "{person} takes the database of the first node",
        "`ops.live_sync` without a node, confirmed by the serial number",
        |stage, args| ask(stage, args, None),
    );
    define(
        steps,
        "{person} is refused for the reason {string}",
        "`data.reason` of the last answer",
        |stage, args| {
            let world = stage.world()?;
            let error = world.station(args.person(0)).newest(|notice| match notice {
                hsm_client::Notice::Refused { error, .. } => Some(error.clone()),
                _ => None,
            });
            let reason = error.and_then(|error| error.data.get("reason").cloned());
            let expected = args.string(1);
            expect(
                reason.as_ref().and_then(serde_json::Value::as_str) == Some(expected),
                expected,
                || format!("{reason:?}"),
            )
        },
    );
    define(
        steps,
        "the database is that of the HSM at {string}",
        "users, objects, replication domain and node list, byte for byte",
        |stage, args| {
            let index = node(stage, args, 0)?;
            let world = stage.world()?;
            let theirs = database(world.nodes[index].storage.durable());
            let ours = database(world.storage.durable());
            expect(ours == theirs, "the same database", || {
                format!("{:?} objects", world.storage.durable().stored.objects)
            })
        },
    );
    define(
        steps,
        "the HSM has {int} object(s)",
        "in its database",
        |stage, args| {
            let Objects { count, .. } = stage.world()?.storage.durable().stored.objects;
            super::expect_argument(0, &args.int(0), &i64::try_from(count).unwrap_or(i64::MAX))
        },
    );
    define(
        steps,
        "{person} has seen progress",
        "`operation.progress`, at least twice and never less than before",
        |stage, args| {
            let seen: Vec<u8> = stage.world()?.station(args.person(0)).all(|notice| match notice {
                hsm_client::Notice::OperationProgress { percent, .. } => Some(*percent),
                _ => None,
            });
            expect(
                seen.len() >= 2 && seen.is_sorted(),
                "a growing percentage",
                || format!("{seen:?}"),
            )
        },
    );
    define(
        steps,
        "the log of the HSM at {string} says {string}",
        "in some line",
        |stage, args| {
            let index = node(stage, args, 0)?;
            let text = args.string(1);
            let records = &stage.world()?.nodes[index].records;
            let told = records.iter().any(|record| record.log_line().contains(text));
            expect(told, text, || {
                records
                    .last()
                    .map_or_else(String::new, hsm_core::Record::log_line)
            })
        },
    );
    register_cuts(steps);
}

fn register_cuts(steps: &mut Steps) {
    define(
        steps,
        "the cable is cut at every message while {person} takes the database of {string}",
        "a world for each; afterwards the whole old database is there, or the whole new one",
        |stage, args| sweep(stage, args, CutWhat::Link),
    );
    define(
        steps,
        "the power of the HSM is cut at every message while {person} takes the database of {string}",
        "a world for each; after power returns the whole old database is there, or the whole new one",
        |stage, args| sweep(stage, args, CutWhat::First),
    );
    define(
        steps,
        "the power of the other HSM is cut at every message while {person} takes the database of {string}",
        "a world for each; the whole old database is there, or the whole new one, and the other has its own",
        |stage, args| sweep(stage, args, CutWhat::Other),
    );
}

/// More messages than any live sync of a scenario has.
const MESSAGES_MAX: u32 = 2_000;

//= LS-03
fn sweep(stage: &mut Stage, args: &Args, what: CutWhat) -> Result<(), Mismatch> {
    let mut kept = [0; 2];
    for after in 1..=MESSAGES_MAX {
        let mut again = stage.again(usize::MAX)?;
        let index = node(&mut again, args, 1)?;
        let world = again.world()?;
        // So that a write takes a moment in which the power can be cut.
        world.storage.latency = Duration::from_millis(1);
        // Each world seals its users anew.
        let old = database(world.storage.durable());
        let new = database(world.nodes[index].storage.durable());
        world.cable_messages = 0;
        world.cable_cut = Some(CableCut { what, after });
        let request = request(world, Some(args.string(1).to_owned()));
        world.ask(args.person(0), request);
        world.pass(LONGER_THAN_SILENCE);
        let was_cut = world.cable_cut.take().is_none();
        if what == CutWhat::First && was_cut {
            world.return_power();
            super::device::start(world);
        }
        let found = database(world.storage.durable());
        let is_new = found == new;
        expect(is_new || found == old, "a whole database", || {
            format!(
                "something else after message {after}: {:?}",
                world.storage.durable().stored.objects
            )
        })?;
        let theirs = database(world.nodes[index].storage.durable());
        expect(theirs == new, "the other database as it was", || {
            format!("after message {after}")
        })?;
        if !was_cut {
            expect(
                is_new && kept[0] > 5,
                "a live sync that is done without a cut",
                || format!("{kept:?}"),
            )?;
            stage
                .trace
                .push(format!("cuts: {after}, old {}, new {}", kept[0], kept[1]));
            return Ok(());
        }
        kept[usize::from(is_new)] += 1;
        stage.lasted += world.now.since(machine::Instant::POWER_ON);
    }
    Err(mismatch(format!("at most {MESSAGES_MAX} messages"), "more"))
}

/// What a database is, for two to be compared.
fn database(kept: &Kept) -> String {
    let stored = &kept.stored;
    let objects: Vec<_> = kept
        .objects
        .iter()
        .map(|(id, sealed)| (id, apdu::hex::encode(sealed.as_bytes())))
        .collect();
    format!(
        "{:?} {:?} {:?} {:?} {:?} {objects:?}",
        stored.sealed_users, stored.objects, stored.replication_domain, stored.nodes, stored.password_policy
    )
}

fn add(stage: &mut Stage, args: &Args, same_key: bool, mode: OperatingMode) -> Result<(), Mismatch> {
    let address = address(args, 0)?;
    let objects =
        u64::try_from(args.int(1)).map_err(|_| mismatch("a number of objects", "less than none"))?;
    let making = Making {
        objects,
        same_key,
        mode,
    };
    let world = stage.world()?;
    world.add_node(address, making);
    let index = world.nodes.len() - 1;
    expect(
        world.nodes[index].runs(),
        "another HSM whose service runs",
        || "none".into(),
    )
}

fn address(args: &Args, index: usize) -> Result<IpAddr, Mismatch> {
    let typed = args.string(index);
    typed.parse().map_err(|_| Mismatch {
        argument: Some(index),
        expected: "an IP address".into(),
        actual: typed.to_owned(),
    })
}

fn node(stage: &mut Stage, args: &Args, index: usize) -> Result<usize, Mismatch> {
    let address = address(args, index)?;
    let world = stage.world()?;
    world.node_at(address).ok_or_else(|| Mismatch {
        argument: Some(index),
        expected: "the address of another HSM".into(),
        actual: address.to_string(),
    })
}

fn request(world: &World, node: Option<String>) -> ManagerRequest {
    ManagerRequest::LiveSync {
        node,
        confirm: world.profile.serial.clone(),
    }
}

fn ask(stage: &mut Stage, args: &Args, node: Option<String>) -> Result<(), Mismatch> {
    let world = stage.world()?;
    let request = request(world, node);
    world.ask(args.person(0), request);
    Ok(())
}
