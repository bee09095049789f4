//! Peers that lie: each is refused with its own reason, both sides log it, and nothing is changed.

use hsm_core::{Event, SyncInput, SyncRefusal};

use super::hsm::{Hsm, SYNC, converse, database, pair};

/// Kinds of frames, as `docs/live-sync.md` has them.
const PROOF: u8 = 3;
pub(super) const IMAGE_BEGIN: u8 = 5;
pub(super) const CHUNK: u8 = 6;
const IMAGE_END: u8 = 8;
pub(super) const HEADER_BYTES: usize = 5;

/// A live sync in which each frame may be changed; `None` drops it and ends the connection.
pub(super) fn check_lie(lie: impl Fn(u64, bool, &mut Vec<u8>) -> bool, expected: SyncRefusal) {
    let folder = tempfile::tempdir().expect("there is room");
    let (target_folder, source_folder) = pair(folder.path(), 50, 2_000);
    let old = database(&target_folder);
    let mut target = Hsm::open(&target_folder).activated();
    let mut source = Hsm::open(&source_folder).activated();
    converse(&mut target, &mut source, |number, to_source, frame, _, _| {
        lie(number, to_source, frame)
    });
    source.sync(SyncInput::Gone { connection: SYNC });
    target.pass(hsm_core::SYNC_SILENCE);
    let failed = target.events.iter().find_map(|event| match event {
        Event::LiveSyncFailed { why, .. } => Some(*why),
        _ => None,
    });
    assert_eq!(failed, Some(expected));
    assert_eq!(target.outcome(), format!("\"{expected}\""));
    let told = |event: &Event| matches!(event, Event::LiveSyncNotSent { .. });
    assert!(
        source.events.iter().any(told),
        "the source tells it, too: {:?}",
        source.events.last()
    );
    target.cut();
    source.cut();
    assert_eq!(database(&target_folder), old, "{expected}");
}

fn is(frame: &[u8], kind: u8) -> bool {
    frame[0] == kind
}

#[test]
fn a_wrong_proof_of_either_side_is_another_key() {
    for by_target in [true, false] {
        check_lie(
            |_, to_source, frame| {
                if is(frame, PROOF) && to_source == by_target {
                    frame[HEADER_BYTES] ^= 1;
                }
                false
            },
            SyncRefusal::Key,
        );
    }
}

#[test]
fn an_altered_row_shows_in_the_seal() {
    check_lie(
        |_, _, frame| {
            if is(frame, CHUNK) {
                // A bit of a sealed object: the row is still one.
                let last = frame.len() - 1;
                frame[last] ^= 1;
            }
            false
        },
        SyncRefusal::Damaged,
    );
}

#[test]
fn an_altered_seal_length_or_count_shows() {
    for offset in [HEADER_BYTES, HEADER_BYTES + 8, HEADER_BYTES + 16] {
        check_lie(
            |_, _, frame| {
                if is(frame, IMAGE_END) {
                    frame[offset] ^= 1;
                }
                false
            },
            SyncRefusal::Damaged,
        );
    }
}

#[test]
fn a_stream_that_ends_too_early_is_silence() {
    check_lie(|_, _, frame| is(frame, IMAGE_END), SyncRefusal::Silent);
}

#[test]
fn fewer_objects_than_announced_and_more_show() {
    // The count of the announcement, big-endian after the form and the users.
    for add in [1_i64, -1] {
        check_lie(
            |_, _, frame| {
                if is(frame, IMAGE_BEGIN) {
                    let count = &mut frame[HEADER_BYTES + 6..HEADER_BYTES + 14];
                    let announced = i64::from_be_bytes((&*count).try_into().expect("eight bytes"));
                    count.copy_from_slice(&(announced + add).to_be_bytes());
                }
                false
            },
            SyncRefusal::Damaged,
        );
    }
}

#[test]
fn a_form_of_a_later_release_is_refused_as_that() {
    check_lie(
        |_, _, frame| {
            if is(frame, IMAGE_BEGIN) {
                frame[HEADER_BYTES + 1] += 1;
            }
            false
        },
        SyncRefusal::Format,
    );
}

#[test]
fn a_later_version_of_the_protocol_is_refused_as_that() {
    check_lie(
        |number, _, frame| {
            if number == 1 {
                frame[HEADER_BYTES + 5] = 2;
            }
            false
        },
        SyncRefusal::Version,
    );
}

#[test]
fn frames_out_of_turn_are_refused() {
    check_lie(
        |_, to_source, frame| {
            if is(frame, IMAGE_BEGIN) && !to_source {
                frame[0] = CHUNK;
            }
            false
        },
        SyncRefusal::Protocol,
    );
}

/// Whoever recorded a whole live sync and repeats the side of the target gets nothing: the challenge is another.
#[test]
fn a_recorded_hello_and_proof_are_worth_nothing_again() {
    let folder = tempfile::tempdir().expect("there is room");
    let (target_folder, source_folder) = pair(folder.path(), 5, 10);
    let mut target = Hsm::open(&target_folder).activated();
    let mut source = Hsm::open(&source_folder).activated();
    let recorded = std::cell::RefCell::new(Vec::new());
    converse(&mut target, &mut source, |_, to_source, frame, _, _| {
        if to_source {
            recorded.borrow_mut().push(frame.clone());
        }
        false
    });
    assert_eq!(target.outcome(), "done");
    source.events.clear();
    source.frames.clear();
    let connection = hsm_core::ConnectionId::new(77);
    source.sync(SyncInput::Arrived {
        connection,
        peer: ([192, 0, 2, 66], 1).into(),
        binding: [7; hsm_core::BINDING_BYTES],
    });
    let mut buffer = hsm_core::FrameBuffer::default();
    for frame in recorded.borrow().iter().take(2) {
        buffer.push(frame);
    }
    while let Some(Ok(frame)) = buffer.next_frame() {
        source.sync(SyncInput::Frame { connection, frame });
    }
    let refused = |event: &Event| {
        matches!(
            event,
            Event::LiveSyncNotSent {
                why: SyncRefusal::Key,
                ..
            }
        )
    };
    assert!(source.events.iter().any(refused), "{:?}", source.events);
    // A challenge and a refusal, and not one row.
    assert!(
        source
            .frames
            .iter()
            .all(|frame| !is(frame, CHUNK) && !is(frame, PROOF))
    );
    assert_eq!(source.frames.len(), 2);
    assert!(source.ended.contains(&connection));
}

/// The target gives up when its manager leaves, and the database stays as it was.
//= OP-11
#[test]
fn a_live_sync_is_abandoned_with_its_manager() {
    let folder = tempfile::tempdir().expect("there is room");
    let (target_folder, source_folder) = pair(folder.path(), 50, 2_000);
    let old = database(&target_folder);
    let mut target = Hsm::open(&target_folder).activated();
    let mut source = Hsm::open(&source_folder).activated();
    converse(&mut target, &mut source, |_, _, frame, target, _| {
        if is(frame, CHUNK) {
            target.tell(hsm_core::Input::Gone {
                connection: super::hsm::MANAGER,
                how: hsm_core::Gone::Finished,
            });
        }
        false
    });
    let abandoned = |event: &Event| {
        matches!(
            event,
            Event::LiveSyncFailed {
                why: SyncRefusal::Abandoned,
                ..
            }
        )
    };
    assert!(target.events.iter().any(abandoned));
    target.cut();
    source.cut();
    assert_eq!(database(&target_folder), old);
}
