//! The link cut, and the power on either side, at points all over a live sync: the target has its whole old database or
//! the whole new one, and the source has its own. `RIG_SOAK=1` takes all points and 100,000 objects.

use std::{fs, path::Path};

use hsm_core::SyncInput;

use super::hsm::{Hsm, SYNC, converse, database, pair};

fn is_soak() -> bool {
    std::env::var_os("RIG_SOAK").is_some()
}

/// Points of each kind, and objects that come over.
fn size() -> (u64, u64) {
    if is_soak() { (200, 100_000) } else { (20, 3_000) }
}

const OLD_OBJECTS: u64 = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Link,
    Target,
    Source,
}

/// A fresh copy of a state.
fn copied(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).expect("there is room");
    fs::copy(from.join("state.redb"), to.join("state.redb")).expect("there is room");
}

//= LS-03
#[test]
#[expect(clippy::print_stderr, reason = "the figures of a run with every point")]
fn a_live_sync_that_is_cut_anywhere_leaves_the_whole_old_database_or_the_whole_new_one() {
    let folder = tempfile::tempdir().expect("there is room");
    let (points, objects) = size();
    let (old, source_folder) = pair(folder.path(), OLD_OBJECTS, objects);
    let target_folder = folder.path().join("cut");
    let old_database = database(&old);
    let new_database = database(&source_folder);
    assert_ne!(old_database, new_database);

    // Once without a cut.
    copied(&old, &target_folder);
    let mut target = Hsm::open(&target_folder).activated();
    let mut source = Hsm::open(&source_folder).activated();
    let frames = converse(&mut target, &mut source, |_, _, _, _, _| false);
    assert_eq!(target.outcome(), "done");
    target.cut();
    source.cut();
    assert_eq!(database(&target_folder), new_database);
    assert!(frames > 2 * 4, "{frames} frames");

    for cut in [Cut::Link, Cut::Target, Cut::Source] {
        let mut kept = [0_u64; 2];
        for point in 0..points {
            copied(&old, &target_folder);
            let mut target = Hsm::open(&target_folder).activated();
            let mut source = Hsm::open(&source_folder).activated();
            // The last quarter is about the last write: after so many of its blocks, or at one of the last frames.
            let early = points * 3 / 4;
            let (at, blocks) = if point < early {
                (1 + point * frames / early, 0)
            } else {
                (frames - (point - early) % 3, point - early)
            };
            converse(&mut target, &mut source, |number, _, _, target, source| {
                if number < at {
                    return false;
                }
                match cut {
                    Cut::Link => true,
                    // What the frame leads to is written as far as the blocks reach.
                    Cut::Target if number == at && target.device.is_some() && blocks > 0 => {
                        target.blow_after(blocks);
                        false
                    }
                    Cut::Target if blocks > 0 => target.device.is_none(),
                    Cut::Target => {
                        target.cut();
                        true
                    }
                    Cut::Source => {
                        source.cut();
                        true
                    }
                }
            });
            // Both ends find out that the other is gone.
            source.sync(SyncInput::Gone { connection: SYNC });
            target.pass(hsm_core::SYNC_SILENCE);
            target.cut();
            source.cut();
            let found = database(&target_folder);
            assert!(
                found == old_database || found == new_database,
                "{cut:?} at frame {at} of {frames}, {blocks} blocks: {:?}",
                found.1
            );
            kept[usize::from(found == new_database)] += 1;
        }
        assert_eq!(
            database(&source_folder),
            new_database,
            "{cut:?}: the source keeps its own"
        );
        assert!(kept[0] > 0, "{cut:?}: {kept:?}");
        eprintln!(
            "{cut:?}: {points} points over {frames} frames, {objects} objects: old {}, new {}",
            kept[0], kept[1]
        );
    }
}
