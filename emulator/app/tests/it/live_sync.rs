//! Database live sync between two real programs on loopback: refused, then whole.

use std::path::Path;

use hsm_core::{ObjectId, SealedObject};
use hsm_emulator::Store;
use serde_json::json;

use crate::{
    emulator::demo,
    nodes::{addresses, administrator, prepare, run, take, take_watched},
};

fn kept(folder: &Path) -> Vec<(ObjectId, SealedObject)> {
    let (store, _) = Store::open(&folder.join("state"))
        .expect("it is whole")
        .expect("it is there");
    store.objects().expect("they are there")
}

//= OP-05
#[test]
fn one_program_takes_the_database_of_another_while_that_one_runs() {
    let demo = demo();
    let folder = tempfile::tempdir().expect("there is room");
    let [target_address, source_address] = addresses();
    let [target_folder, source_folder] = ["target", "source"].map(|name| folder.path().join(name));
    prepare(demo.path(), &target_folder, 50, 0xAA, source_address.ip());
    prepare(demo.path(), &source_folder, 5_000, 0xBB, target_address.ip());
    let mut target = run(&target_folder, target_address);
    let mut source = run(&source_folder, source_address);
    let cards = demo.path().join("cards");
    let mut at_target = administrator(target_address, &cards);

    // Not activated, the source has no key to prove.
    let (refused, _) = take(&mut at_target);
    assert_eq!(
        refused["error"]["data"]["reason"], "node_service_not_started",
        "{refused}"
    );

    let mut at_source = administrator(source_address, &cards);
    let (done, percents) = take(&mut at_target);
    assert_eq!(done["result"]["objects"], 5_000, "{done}");
    assert!(percents.len() > 2 && percents.is_sorted(), "{percents:?}");
    assert!(at_source.ask("device.header").is_some(), "it goes on serving");
    let info = at_target.ask("device.info").expect("the session is open");
    assert_eq!(info["result"]["objects"], 5_000);
    for emulator in [&mut target, &mut source] {
        emulator.signal("-TERM");
        emulator.end();
    }
    assert_eq!(kept(&target_folder), kept(&source_folder));
}

/// The source is killed in the middle of its work: the target says so at once, keeps its own database, goes on serving,
/// and takes the other's when that one is back.
//= LS-03
#[test]
fn a_source_that_is_killed_in_the_middle_leaves_the_old_database_and_can_be_asked_again() {
    const OLD: u64 = 50;
    const NEW: u64 = 20_000;
    let demo = demo();
    let folder = tempfile::tempdir().expect("there is room");
    let [target_address, source_address] = addresses();
    let [target_folder, source_folder] = ["target", "source"].map(|name| folder.path().join(name));
    prepare(demo.path(), &target_folder, OLD, 0xAA, source_address.ip());
    prepare(demo.path(), &source_folder, NEW, 0xBB, target_address.ip());
    let mut target = run(&target_folder, target_address);
    let mut source = run(&source_folder, source_address);
    let cards = demo.path().join("cards");
    drop(administrator(source_address, &cards));
    let mut at_target = administrator(target_address, &cards);

    let mut killed_at = None;
    let cut = take_watched(&mut at_target, |percent| {
        if percent >= 5 && killed_at.is_none() {
            source.signal("-KILL");
            killed_at = Some(percent);
        }
    });
    assert!(killed_at.is_some_and(|percent| percent < 100), "{killed_at:?}");
    assert_eq!(cut["error"]["data"]["reason"], "link_lost", "{cut}");
    target.wait_for("live sync");
    let info = at_target.ask("device.info").expect("it goes on serving");
    assert_eq!(info["result"]["objects"], OLD);
    source.end();

    let mut source = run(&source_folder, source_address);
    drop(administrator(source_address, &cards));
    let (done, _) = take(&mut at_target);
    assert_eq!(done["result"]["objects"], NEW, "{done}");
    for emulator in [&mut target, &mut source] {
        emulator.signal("-TERM");
        emulator.end();
    }
    assert_eq!(kept(&target_folder), kept(&source_folder));
}

/// The target is killed in the middle: it comes back with its whole old database, and the source has noticed and serves.
//= LS-03
#[test]
fn a_target_that_is_killed_in_the_middle_comes_back_with_its_old_database() {
    const OLD: u64 = 50;
    const NEW: u64 = 20_000;
    let demo = demo();
    let folder = tempfile::tempdir().expect("there is room");
    let [target_address, source_address] = addresses();
    let [target_folder, source_folder] = ["target", "source"].map(|name| folder.path().join(name));
    prepare(demo.path(), &target_folder, OLD, 0xAA, source_address.ip());
    prepare(demo.path(), &source_folder, NEW, 0xBB, target_address.ip());
    let old = kept(&target_folder);
    let mut target = run(&target_folder, target_address);
    let mut source = run(&source_folder, source_address);
    let cards = demo.path().join("cards");
    let mut at_source = administrator(source_address, &cards);
    let mut at_target = administrator(target_address, &cards);

    let request =
        json!({"jsonrpc": "2.0", "id": 9, "method": "ops.live_sync", "params": {"confirm": "TXP0000001"}});
    at_target.send(&request).expect("the session is open");
    let mut messages = std::iter::from_fn(|| at_target.receive());
    let percent =
        messages.find_map(|message| message["params"]["percent"].as_u64().filter(|told| *told >= 5));
    assert!(percent.is_some_and(|percent| percent < 100), "{percent:?}");
    target.signal("-KILL");
    target.end();
    source.wait_for("refused or lost: link_lost");
    assert!(at_source.ask("device.header").is_some(), "it goes on serving");
    assert_eq!(kept(&target_folder), old);

    let mut target = run(&target_folder, target_address);
    let mut at_target = administrator(target_address, &cards);
    let (done, _) = take(&mut at_target);
    assert_eq!(done["result"]["objects"], NEW, "{done}");
    for emulator in [&mut target, &mut source] {
        emulator.signal("-TERM");
        emulator.end();
    }
    assert_eq!(kept(&target_folder), kept(&source_folder));
}
