//! States of every released version, the export and the log, with the real program.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use hsm_core::{LastStop, ObjectId, Profile, SealedObject, Stored};
use hsm_emulator::{Kept, OsRandom, Store};
use hsm_listener::Identity;

use crate::emulator::{BINARY, Emulator, demo, run};

fn emulator(arguments: &[&str], state: &Path) -> Output {
    let output = Command::new(BINARY)
        .args(arguments)
        .arg("--state")
        .arg(state)
        .output();
    output.expect("it starts")
}

/// A copy of the state that the first release wrote: `hsm-emulator demo`, never run.
fn version_1() -> tempfile::TempDir {
    version(1)
}

/// A copy of the state that a release with this version of `stored` wrote.
fn version(number: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    let fixture = format!("tests/states/version-{number}/state.redb");
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(fixture);
    fs::create_dir(folder.path().join("state")).expect("there is room");
    fs::copy(fixture, folder.path().join("state/state.redb")).expect("the fixture is there");
    folder
}

#[test]
fn a_state_of_version_1_is_brought_to_the_new_form_once() {
    let folder = version_1();
    let state = folder.path().join("state");
    for _ in 0..2 {
        let (_, kept) = Store::open(&state).expect("it is whole").expect("it is there");
        assert_eq!(
            Profile::parse(&kept.profile_text).expect("a profile"),
            Profile::xp()
        );
        assert!(kept.stored.binding.is_some() && kept.stored.remote_management);
        assert_eq!(kept.stored.last_stop, LastStop::RemoteRestart);
        assert_eq!(
            kept.stored.users,
            Stored::out_of_the_factory(&Profile::xp()).users
        );
    }
}

/// Version 2 is that of `hsm-emulator demo` with one object, which an import put there: it had a number and no seal.
#[test]
fn a_state_of_version_2_is_brought_to_the_new_form_once_without_its_unsealed_objects() {
    let folder = version(2);
    let state = folder.path().join("state");
    for _ in 0..2 {
        let (store, kept) = Store::open(&state).expect("it is whole").expect("it is there");
        assert!(kept.stored.binding.is_some() && kept.stored.remote_management);
        assert_eq!((kept.stored.objects.count, kept.stored.objects.bytes), (0, 0));
        assert!(store.objects().expect("the table is there").is_empty());
        store.add_objects(&objects()[..1]).expect("there is room");
        store
            .persist(&[hsm_core::Change::RemoveObject {
                id: objects()[0].0,
                bytes: objects()[0].1.stored_bytes(),
            }])
            .expect("there is room");
    }
}

/// Version 3 is that of `hsm-emulator demo` with one more user and one object, which an import put there: its users stand
/// in clear until the next activation seals them.
#[test]
fn a_state_of_version_3_is_brought_to_the_new_form_once_with_its_users_and_objects() {
    let folder = version(3);
    let state = folder.path().join("state");
    for _ in 0..2 {
        let (store, kept) = Store::open(&state).expect("it is whole").expect("it is there");
        assert!(kept.stored.binding.is_some() && kept.stored.remote_management);
        assert!(kept.stored.sealed_users.is_empty());
        let users: Vec<_> = kept.stored.users.iter().collect();
        let described: Vec<_> = users
            .iter()
            .map(|(name, user)| (name.as_str(), user.permissions.0, user.failures))
            .collect();
        assert_eq!(described, [("ana", 65, 2), ("master", 0x80, 0)]);
        assert_eq!((kept.stored.objects.count, kept.stored.objects.bytes), (1, 35));
        let objects = store.objects().expect("the table is there");
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0].1.as_bytes(), [1, 2, 3]);
    }
}

#[test]
fn a_device_of_version_1_runs_and_logs() {
    let folder = version_1();
    let mut running = Emulator::spawn(folder.path(), run(folder.path()));
    running.wait_for("ready: ");
    let state = folder.path().join("state");
    let shown = emulator(&["state", "show"], &state);
    assert_eq!(shown.status.code(), Some(7), "an emulator holds it: {shown:?}");
    running.signal("-TERM");
    running.end();
    let log = String::from_utf8(emulator(&["log"], &state).stdout).expect("text");
    assert!(log.contains("|device started after remote restart\n"), "{log}");
    assert!(log.contains("|self test passed\n"), "{log}");
}

fn objects() -> [(ObjectId, SealedObject); 2] {
    [(1, vec![1, 2, 3]), (7, vec![0xFF])].map(|(byte, sealed)| {
        let sealed = SealedObject::new(sealed).expect("it is short");
        (ObjectId::new([byte; ObjectId::BYTES]), sealed)
    })
}

#[test]
fn an_exported_state_is_the_imported_one_but_for_its_tls_key() {
    let folder = demo();
    let state = folder.path().join("state");
    let (store, kept) = Store::open(&state).expect("it is whole").expect("it is there");
    store.add_objects(&objects()).expect("there is room");
    drop(store);
    let exported = emulator(&["state", "export"], &state);
    assert!(exported.status.success(), "{exported:?}");
    let text = String::from_utf8(exported.stdout).expect("text");
    assert!(text.contains("test data that protects nothing"), "{text}");
    let key = apdu::hex::encode(kept.identity.key());
    assert!(!text.to_uppercase().contains(&key), "the TLS key");
    let file = folder.path().join("export.json");
    fs::write(&file, &text).expect("there is room");
    let other = folder.path().join("other");
    let imported = emulator(&["state", "import", &file.to_string_lossy()], &other);
    assert!(imported.status.success(), "{imported:?}");
    let (store, found) = Store::open(&other).expect("it is whole").expect("it is there");
    assert_eq!(found.stored.objects.count, 2);
    assert_eq!(
        Stored {
            objects: kept.stored.objects,
            ..found.stored
        },
        kept.stored
    );
    assert_ne!(found.identity.certificate(), kept.identity.certificate());
    assert_eq!(store.objects().expect("they are there"), objects());
    drop(store);
    let again = emulator(&["state", "import", &file.to_string_lossy()], &other);
    assert_eq!(again.status.code(), Some(2), "it is full: {again:?}");
}

//= OP-06
#[test]
fn an_erased_database_leaves_the_certificate_and_nothing_of_users_and_objects() {
    let folder = tempfile::tempdir().expect("there is room");
    let key = hsm_core::ServerMasterKey::generate(&mut OsRandom);
    let kept = Kept {
        profile_text: Profile::text_of(hsm_core::Model::Xp).into(),
        stored: Stored::bound_to(key.binding()),
        identity: Identity::generate("TXP0000001").expect("the library makes one"),
    };
    let store = Store::create(folder.path(), &kept).expect("there is room");
    store.add_objects(&objects()).expect("there is room");
    store
        .persist(&[hsm_core::Change::EraseDatabase, hsm_core::Change::Binding(None)])
        .expect("there is room");
    drop(store);
    let (store, found) = Store::open(folder.path())
        .expect("it is whole")
        .expect("it is there");
    assert_eq!(
        found.stored,
        Stored {
            binding: None,
            ..kept.stored
        }
    );
    assert!(store.objects().expect("the table is there").is_empty());
    assert_eq!(found.identity.certificate(), kept.identity.certificate());
}

/// A file of a gigabyte takes no room where nothing is written to it. At the limit it is read and is no export; one byte
/// more is not even that.
#[test]
fn an_export_past_its_limit_is_refused_by_its_length() {
    const LIMIT: u64 = 1024 * 1024 * 1024;
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("export.json");
    let file = fs::File::create(&path).expect("there is room");
    for (len, why) in [
        (LIMIT, "expected value"),
        (LIMIT + 1, "expected at most 1073741824 bytes"),
    ] {
        file.set_len(len).expect("it is sparse");
        let output = emulator(
            &["state", "import", &path.to_string_lossy()],
            &folder.path().join("state"),
        );
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{len}: {said}");
    }
}
