//! States that are damaged in ways no message can foresee: whatever a byte becomes, the file is served or refused, and
//! never changed when refused.

use std::{fs, panic};

use hsm_emulator::{FILE_NAME, Kept, OsRandom, Store, StoreError};
use hsm_listener::Identity;
use redb::{Database, TableDefinition};
use tempfile::TempDir;

use crate::emulator::{Emulator, demo, run};

#[test]
fn every_flipped_byte_is_survived() {
    check_flipped_bytes(&demo(), 100);
}

/// The same of a state that nobody closed, which is repaired when it is opened.
#[test]
fn every_flipped_byte_is_survived_after_a_kill() {
    let folder = demo();
    let mut killed = Emulator::start(folder.path());
    killed.signal("-KILL");
    killed.end();
    check_flipped_bytes(&folder, 40);
}

/// Flips every byte of the header, and some of all the others: each takes a look at the whole file.
fn check_flipped_bytes(folder: &TempDir, others: usize) {
    let state = folder.path().join("state");
    let path = state.join(FILE_NAME);
    let whole = fs::read(&path).expect("the demo made it");
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let mut refused = 0;
    let (header, rest): (Vec<usize>, Vec<usize>) = used.into_iter().partition(|at| *at < 320);
    for at in header
        .into_iter()
        .chain(rest.iter().copied().step_by(rest.len() / others))
    {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x41;
        fs::write(&path, &damaged).expect("it can be written");
        let opened = panic::catch_unwind(|| {
            let (store, kept) = Store::open(&state)?.expect("it is there");
            store.persist(&[hsm_core::Change::SwitchedOn(kept.stored.switched_on)])
        });
        match opened {
            Ok(Ok(())) => {}
            Ok(Err(StoreError::Damaged { .. } | StoreError::Version { .. })) => {
                refused += 1;
                assert_eq!(fs::read(&path).expect("it is there"), damaged, "byte {at}");
            }
            Ok(Err(other)) => panic!("byte {at}: {other}"),
            Err(panic) => panic!("byte {at}: it panicked: {panic:?}"),
        }
    }
    assert!(refused > 0);
}

#[test]
fn a_state_of_another_release_is_refused_with_both_versions() {
    let folder = demo();
    let path = folder.path().join("state").join(FILE_NAME);
    let database = Database::open(&path).expect("it is whole");
    let transaction = database.begin_write().expect("it is ours");
    let versions: TableDefinition<'_, &str, u32> = TableDefinition::new("versions");
    transaction
        .open_table(versions)
        .expect("it is there")
        .insert("stored", 5)
        .expect("there is room");
    transaction.commit().expect("there is room");
    drop(database);
    let before = fs::read(&path).expect("it is there");
    crate::refusals::check("state-of-another-release", folder.path(), run(folder.path()), 6);
    assert_eq!(fs::read(&path).expect("it is there"), before);
}

#[test]
fn a_state_whose_making_was_cut_off_is_made_again() {
    let folder = tempfile::tempdir().expect("there is room");
    fs::write(folder.path().join("state.redb.new"), "half").expect("it can be written");
    assert!(Store::open(folder.path()).expect("nothing is wrong").is_none());
    let key = hsm_core::ServerMasterKey::generate(&mut OsRandom);
    let kept = Kept {
        profile_text: hsm_core::Profile::text_of(hsm_core::Model::St).into(),
        stored: hsm_core::Stored::bound_to(key.binding()),
        identity: Identity::generate("TST0000001").expect("the library makes one"),
    };
    drop(Store::create(folder.path(), &kept).expect("there is room"));
    let (_, found) = Store::open(folder.path())
        .expect("it is whole")
        .expect("it is there");
    assert_eq!(found.stored, kept.stored);
    assert_eq!(found.identity.certificate(), kept.identity.certificate());
}
