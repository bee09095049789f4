//! Hands of database live sync: other HSMs, and taking their databases.

use std::net::IpAddr;

use hsm_core::Key;
use protocol::OperatingMode;
use serde_json::json;

use super::{
    super::stage::{Stage, broken},
    Hands,
};
use crate::{
    lane::Mismatch,
    steps::{Args, expect, expect_argument, mismatch},
    world::Making,
};

pub(super) const HANDS: Hands = &[
    ("another HSM at {string} with {int} object(s)", |stage, args| {
        add(stage, args, true, OperatingMode::Nrm)
    }),
    (
        "another HSM at {string} of another set with {int} object(s)",
        |stage, args| add(stage, args, false, OperatingMode::Nrm),
    ),
    (
        "another HSM at {string} in mode RM1 with {int} object(s)",
        |stage, args| add(stage, args, true, OperatingMode::Rm1),
    ),
    ("the service of the HSM at {string} is stopped", |stage, args| {
        let node = stage.node(address(args, 0)?)?;
        for key in ["Down", "Enter"] {
            node.device.press(key).map_err(broken)?;
        }
        let is_stopped = node.device.state.service == hsm_bench::Service::Stopped;
        expect(is_stopped, "a stopped service", || "one that runs".into())
    }),
    ("the power of the HSM at {string} is cut", |stage, args| {
        let node = stage.node(address(args, 0)?)?;
        node.device.power("cut").map_err(broken)
    }),
    ("{string} leads to the HSM itself", |stage, args| {
        stage.add_alias(address(args, 0)?)
    }),
    (
        "the node {string} has been put on the list at the console",
        |stage, args| {
            for entry in ["Configuration", "Replication", "New Node"] {
                stage.choose(entry)?;
            }
            stage.type_text(args.string(0))?;
            stage.press(Key::Enter)?;
            stage.settle()?;
            for _ in 0..4 {
                stage.press(Key::Esc)?;
                stage.settle()?;
            }
            let nodes = stage.database(None)?["nodes"].clone();
            let mut listed = nodes.as_array().into_iter().flatten();
            let is_there = listed.any(|node| node == args.string(0));
            expect(is_there, "a node in the list", || nodes.to_string())
        },
    ),
    ("{person} takes the database of {string}", |stage, args| {
        ask(stage, args, &json!({"node": args.string(1)}))
    }),
    ("{person} takes the database of the first node", |stage, args| {
        ask(stage, args, &json!({}))
    }),
    ("{person} is refused for the reason {string}", |stage, args| {
        let person = stage.person(args.person(0));
        let data = person.newest(|told| (told["tell"] == "refused").then(|| told["data"].clone()));
        let reason = data.map(|data| data["reason"].as_str().map(str::to_owned));
        expect_argument(1, &Some(Some(args.string(1).to_owned())), &reason)
    }),
    ("the database is that of the HSM at {string}", |stage, args| {
        let theirs = stage.database(Some(address(args, 0)?))?;
        let ours = stage.database(None)?;
        expect(ours == theirs, "the same database", || {
            ours["counted"].to_string()
        })
    }),
    ("the HSM has {int} object(s)", |stage, args| {
        let database = stage.database(None)?;
        let objects = database["objects"].as_array().map_or(0, Vec::len);
        let counted = database["counted"]["count"].as_u64();
        expect(
            counted == u64::try_from(objects).ok(),
            "as many objects as are counted",
            || format!("{objects}, and {counted:?} are counted"),
        )?;
        expect_argument(0, &args.int(0), &i64::try_from(objects).unwrap_or(i64::MAX))
    }),
    ("{person} has seen progress", |stage, args| {
        let lines = &stage.person(args.person(0)).lines;
        let of_device = lines.iter().filter(|(from, _)| from == "device");
        let seen: Vec<u64> = of_device
            .filter_map(|(_, line)| {
                let told: serde_json::Value = serde_json::from_str(line).ok()?;
                let is_progress = told["method"] == "operation.progress";
                told["params"]["percent"].as_u64().filter(|_| is_progress)
            })
            .collect();
        expect(
            seen.len() >= 2 && seen.is_sorted(),
            "a growing percentage",
            || format!("{seen:?}"),
        )
    }),
    ("the log of the HSM at {string} says {string}", |stage, args| {
        let node = stage.node(address(args, 0)?)?;
        node.device.read_log().map_err(broken)?;
        let log = &node.device.log;
        let is_told = log.iter().any(|line| line.contains(args.string(1)));
        expect(is_told, args.string(1), || {
            log.last().cloned().unwrap_or_default()
        })
    }),
];

fn add(stage: &mut Stage<'_>, args: &Args, same_key: bool, mode: OperatingMode) -> Result<(), Mismatch> {
    let objects =
        u64::try_from(args.int(1)).map_err(|_| mismatch("a number of objects", "less than none"))?;
    let making = Making {
        objects,
        same_key,
        mode,
    };
    stage.add_node(address(args, 0)?, making)
}

pub(super) fn address(args: &Args, index: usize) -> Result<IpAddr, Mismatch> {
    let typed = args.string(index);
    typed.parse().map_err(|_| Mismatch {
        argument: Some(index),
        expected: "an IP address".into(),
        actual: typed.to_owned(),
    })
}

/// Asks for `ops.live_sync`, confirmed with the device's own serial number.
pub(super) fn ask(stage: &mut Stage<'_>, args: &Args, params: &serde_json::Value) -> Result<(), Mismatch> {
    let mut params = params.clone();
    params["confirm"] = stage.factory()?.profile.serial.clone().into();
    stage.ask(args.person(0), "ops.live_sync", &params)
}
