//! Each limit of live sync at it and one past it.

use core::time::Duration;
use std::fs;

use hsm_core::{
    CHUNKS_ON_THE_WAY_MAX, ConnectionId, Event, Model, OBJECTS_MAX, Profile, SYNC_PEERS_MAX, SYNC_SILENCE,
    SyncInput, SyncRefusal, USERS_MAX,
};

use super::{
    hsm::{Hsm, converse, converse_on, database, pair},
    lies::{CHUNK, HEADER_BYTES, IMAGE_BEGIN, check_lie},
};

const TAKEN: u8 = 7;

/// An image that announces this at an offset of its beginning.
fn check_announced(offset: usize, announced: &[u8], expected: SyncRefusal) {
    check_lie(
        |_, _, frame| {
            if frame[0] == IMAGE_BEGIN {
                let at = HEADER_BYTES + offset;
                frame[at..at + announced.len()].copy_from_slice(announced);
            }
            false
        },
        expected,
    );
}

/// What may be is taken, and found not to be what came; one more is not even taken.
#[test]
fn an_image_may_announce_so_many_users_objects_and_bytes_and_no_more() {
    let bytes_max = Profile::of(Model::Pocket).database_bytes_max;
    let users_max = u32::try_from(USERS_MAX).expect("it is small");
    for (more, expected) in [(0_u32, SyncRefusal::Damaged), (1, SyncRefusal::TooLarge)] {
        check_announced(2, &(users_max + more).to_be_bytes(), expected);
        check_announced(6, &(OBJECTS_MAX + u64::from(more)).to_be_bytes(), expected);
        check_announced(14, &(bytes_max + u64::from(more)).to_be_bytes(), expected);
    }
}

/// However fast the store of the target is, no more are on their way, and as many as may be are.
#[test]
fn a_source_sends_so_many_chunks_ahead_and_no_more() {
    let folder = tempfile::tempdir().expect("there is room");
    let (target_folder, source_folder) = pair(folder.path(), 0, 4_000);
    let mut target = Hsm::open(&target_folder).activated();
    let mut source = Hsm::open(&source_folder).activated();
    let (mut chunks, mut taken, mut most) = (0, 0, 0);
    converse(&mut target, &mut source, |_, to_source, frame, _, source| {
        if to_source && frame[0] == TAKEN {
            taken += 1;
        } else if frame[0] == CHUNK {
            chunks += 1;
        }
        let waiting = source.frames.iter().filter(|frame| frame[0] == CHUNK).count();
        most = most.max(chunks + waiting - taken);
        false
    });
    assert_eq!(target.outcome(), "done");
    assert!(chunks > 2 * CHUNKS_ON_THE_WAY_MAX, "{chunks}");
    assert_eq!(most, CHUNKS_ON_THE_WAY_MAX);
}

#[test]
fn a_target_whose_store_is_slow_takes_so_many_chunks_and_refuses_the_next() {
    for (more, expected) in [(0, SyncRefusal::Silent), (1, SyncRefusal::Protocol)] {
        let folder = tempfile::tempdir().expect("there is room");
        let (target_folder, source_folder) = pair(folder.path(), 20, 4_000);
        let old = database(&target_folder);
        let mut target = Hsm::open(&target_folder).activated();
        target.is_mute = true;
        let mut source = Hsm::open(&source_folder).activated();
        let mut chunks = 0;
        converse(&mut target, &mut source, |_, _, frame, _, _| {
            if frame[0] == CHUNK {
                chunks += 1;
                if chunks == CHUNKS_ON_THE_WAY_MAX {
                    // One that holds no row.
                    frame.extend([CHUNK, 0, 0, 0, 0].repeat(more));
                }
            }
            false
        });
        assert_eq!(chunks, CHUNKS_ON_THE_WAY_MAX);
        target.pass(SYNC_SILENCE);
        assert_eq!(failed(&target), Some(expected));
        target.cut();
        source.cut();
        assert_eq!(database(&target_folder), old);
    }
}

#[test]
fn so_many_targets_are_sent_the_database_at_once_and_the_next_is_told_that_the_node_is_busy() {
    let folder = tempfile::tempdir().expect("there is room");
    let (target_folder, source_folder) = pair(folder.path(), 0, 2_000);
    let mut source = Hsm::open(&source_folder).activated();
    let mut outcomes = Vec::new();
    for number in 0..=SYNC_PEERS_MAX {
        let folder = folder.path().join(format!("target{number}"));
        fs::create_dir(&folder).expect("there is room");
        fs::copy(target_folder.join("state.redb"), folder.join("state.redb")).expect("there is room");
        let mut target = Hsm::open(&folder).activated();
        source.frames.clear();
        let connection = ConnectionId::new(100 + u64::try_from(number).expect("it is small"));
        // Each stays in the middle, with its first chunk on its way.
        converse_on(connection, &mut target, &mut source, |_, _, frame, _, _| {
            frame[0] == CHUNK
        });
        outcomes.push(failed(&target));
        target.cut();
    }
    let mut expected = vec![None; SYNC_PEERS_MAX];
    expected.push(Some(SyncRefusal::Busy));
    assert_eq!(outcomes, expected);

    // When one of them is gone, there is room again.
    let connection = ConnectionId::new(100);
    source.sync(SyncInput::Gone { connection });
    source.frames.clear();
    let mut target = Hsm::open(&target_folder).activated();
    converse_on(
        ConnectionId::new(200),
        &mut target,
        &mut source,
        |_, _, _, _, _| false,
    );
    assert_eq!(target.outcome(), "done");
}

#[test]
fn so_many_strangers_may_say_nothing_and_the_oldest_makes_room_for_the_next() {
    let folder = tempfile::tempdir().expect("there is room");
    let (_, source_folder) = pair(folder.path(), 0, 1);
    let mut source = Hsm::open(&source_folder).activated();
    let arrive = |source: &mut Hsm, number: usize| {
        source.sync(SyncInput::Arrived {
            connection: ConnectionId::new(100 + u64::try_from(number).expect("it is small")),
            peer: ([192, 0, 2, 66], 1).into(),
            binding: [7; hsm_core::BINDING_BYTES],
        });
    };
    for number in 0..SYNC_PEERS_MAX {
        arrive(&mut source, number);
    }
    assert!(source.ended.is_empty());
    arrive(&mut source, SYNC_PEERS_MAX);
    assert_eq!(source.ended, [ConnectionId::new(100)]);
    arrive(&mut source, SYNC_PEERS_MAX + 1);
    assert_eq!(source.ended, [100, 101].map(ConnectionId::new));
}

#[test]
fn either_side_waits_as_long_as_that_and_not_a_moment_longer() {
    const MOMENT: Duration = Duration::from_micros(1);
    let folder = tempfile::tempdir().expect("there is room");
    let (target_folder, source_folder) = pair(folder.path(), 5, 2_000);
    let mut target = Hsm::open(&target_folder).activated();
    let mut source = Hsm::open(&source_folder).activated();
    converse(&mut target, &mut source, |_, _, frame, _, _| frame[0] == CHUNK);
    for hsm in [&mut target, &mut source] {
        hsm.pass(SYNC_SILENCE.saturating_sub(MOMENT));
        assert_eq!((failed(hsm), not_sent(hsm)), (None, None));
        hsm.pass(MOMENT);
    }
    assert_eq!(failed(&target), Some(SyncRefusal::Silent));
    assert_eq!(not_sent(&source), Some(SyncRefusal::Silent));
}

/// Why a target gave up, if it did.
fn failed(target: &Hsm) -> Option<SyncRefusal> {
    target.events.iter().find_map(|event| match event {
        Event::LiveSyncFailed { why, .. } => Some(*why),
        _ => None,
    })
}

/// Why a source gave up, if it did.
fn not_sent(source: &Hsm) -> Option<SyncRefusal> {
    source.events.iter().find_map(|event| match event {
        Event::LiveSyncNotSent { why, .. } => Some(*why),
        _ => None,
    })
}
