//! Database live sync between two real programs on loopback: refused, then whole.

use std::path::Path;

use hsm_core::{ObjectId, SealedObject};
use hsm_emulator::Store;

use crate::{
    emulator::demo,
    nodes::{addresses, administrator, prepare, run, take},
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
